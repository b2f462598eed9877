"""Every number on a card, again from `records()` and `forecasts()` by the formula it states."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import howrobust as hr
from howrobust.analysis.cards.beyond import Beyond
from howrobust.analysis.cards.entry import PARTS
from howrobust.analysis.cards.ranking import cards
from howrobust.analysis.measured import Measured
from howrobust.analysis.run_scores import Scores
from howrobust.base.stress import SplitStress
from howrobust.errors import BadInput
from howrobust.planning.entry_points import load_stress, names

METHODS = ["deep_ensemble[epochs=15,n_members=2]", "bayesian_ridge"]
SPLITS, REPEATS = 3, 3


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return hr.run(
        methods=METHODS, data=["quintic", "diabetes"], stress=names("stress"), splits=SPLITS,
        repeats=REPEATS, out=tmp_path_factory.mktemp("cards"), workers=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def slow(results):
    return Slow(results.records(), results.forecasts())


class Slow:
    """The measures by loops over tidy tables."""

    def __init__(self, records, forecasts):
        self.records, self.forecasts = records, forecasts
        self.dataset = self.method = ""

    def of(self, dataset, method):
        self.dataset, self.method = dataset, method
        return self

    def values(self, metric, stress="none", level=0.0, first=False, method=None, feature=""):
        """By split, averaged over repeats."""
        r = self.records
        kept = r[
            (r["dataset"] == self.dataset) & (r["method"] == (method or self.method))
            & (r["metric"] == metric) & (r["stress"] == stress) & (r["level"] == level)
            & (r["status"] == "ok") & (r["feature"] == feature)
        ]  # fmt: skip
        kept = kept[kept["repeat"] == 0] if first else kept
        return kept.groupby("split")["value"].mean()

    def ladder(self, metric, stress, method=None):
        levels = load_stress(stress).levels
        clean = self.values(metric, first=True, method=method)
        return levels, clean, [self.values(metric, stress, v, method=method) for v in levels]

    def points(self, **where):
        f = self.forecasts[
            (self.forecasts["dataset"] == self.dataset) & (self.forecasts["method"] == self.method)
        ]
        for column, value in where.items():
            f = f[f[column] == value]
        return f

    def has_one_sd(self):
        clean = self.points(stress="none", repeat=0)
        variance = clean["aleatoric"] + clean["between"]
        return (variance.groupby(clean["split"]).agg(np.ptp) < 1e-8 * variance.max()).all()

    def coverage(self, level):
        clean = self.points(stress="none", repeat=0)
        return float(np.mean(np.abs(2 * clean["pit"] - 1) <= level))

    def instability(self, refits):
        found = []
        for _, of_split in refits.groupby("split"):
            runs = of_split.groupby(["stress", "level", "repeat"])
            means = [run.sort_values("point")["mean"].to_numpy() for _, run in runs]
            rmse = np.sqrt(np.mean([(run["y"] - run["mean"]) ** 2 for _, run in runs]))
            spread = np.mean([np.var(column, ddof=1) for column in np.transpose(means)])
            found.append(np.sqrt(spread) / rmse)
        return np.mean(found) if found else None

    def number(self, measure, stress):
        """The value of a measure; None where it should be undefined."""
        if measure in ("rmse", "nll", "crps"):
            return self.values(measure).mean()
        if measure == "excess calibration error":
            return (self.values("mace") - self.values("mace_null")).mean()
        if measure.startswith("coverage_"):
            return self.coverage(int(measure[-2:]) / 100)
        if measure == "instability over restarts":
            return self.instability(self.points(stress="none"))
        if measure == "instability over shuffles":
            f = self.points(repeat=0)
            return self.instability(f[f["stress"].isin(["none", "shuffle"])])
        if measure == "fit seconds":
            return self.values("fit_wall_s").mean()
        if measure == "microseconds per draw":
            return self.values("us_per_draw").mean()
        if isinstance(load_stress(stress), SplitStress):
            return self.region(measure, stress)
        return self.under(measure, stress)

    def region(self, measure, stress):
        ratios = {}
        for metric in ("rmse", "sharpness"):
            thirds = self.values(metric, "third", 1.0)
            level = np.prod(thirds) ** (1 / len(thirds))
            ratios[metric] = self.values(metric, stress, 1.0) / level
        if measure == "rmse over that of random thirds":
            return np.prod(ratios["rmse"]) ** (1 / len(ratios["rmse"]))
        return self.slope(ratios["rmse"].tolist(), ratios["sharpness"].tolist())

    @staticmethod
    def slope(errors, sds):
        if max(errors) < 1.1:
            return None
        a, b = np.log(sds), np.log(errors)
        return sum(p * q for p, q in zip(a, b, strict=True)) / sum(q * q for q in b)

    @np.errstate(divide="ignore")  # the oracle of clean rows never errs by more
    def under(self, measure, stress):
        levels, clean, stressed = self.ladder("rmse", stress)
        if any(values.empty for values in stressed):
            return None
        ratios = [values / clean for values in stressed]  # a Series by split for every level
        top = levels[-1]
        if measure == "severity that doubles rmse":
            curve = [1.0, *(float(np.exp(np.mean(np.log(r)))) for r in ratios)]
            fine = np.linspace(0, top, 200_001)
            above = fine[np.interp(fine, [0.0, *levels], curve) >= 2]
            return above[0] if len(above) else top
        if measure == "degradation area":
            curves = [[0.0, *(np.log2(r[split]) for r in ratios)] for split in clean.index]
            x = [0.0, *levels]
            trapezoids = [
                sum((x[k + 1] - x[k]) * (c[k] + c[k + 1]) / 2 for k in range(len(levels))) / top
                for c in curves
            ]
            return np.mean(trapezoids)
        if measure == "first level worse than marginal":
            _, base, reference = self.ladder("rmse", stress, method="marginal")
            pairs = [(0.0, clean, base), *zip(levels, stressed, reference, strict=True)]
            worse = [v for v, rmse, r in pairs if np.mean(np.log(rmse / r)) > 0]
            return worse[0] if worse else top
        if measure in ("rmse over clean rmse", "rmse over clean rmse, setting doubled"):
            return np.exp(np.mean(np.log(ratios[-1])))
        if measure == "worst feature's rmse ratio":
            features = set(self.records[self.records["dataset"] == self.dataset]["feature"]) - {""}
            each = [self.values("rmse", stress, top, feature=f) / clean for f in features]
            return max(np.exp(np.mean(np.log(ratio))) for ratio in each)
        if measure == "nll at the highest level":
            return self.values("nll", stress, top).mean()
        _, sd_clean, sd_stressed = self.ladder("sharpness", stress)
        sd_ratios = [values / sd_clean for values in sd_stressed]
        if measure == "sd over clean sd":
            return np.exp(np.mean(np.log(sd_ratios[-1])))
        assert measure == "awareness"
        slopes = [
            self.slope([r[split] for r in ratios], [s[split] for s in sd_ratios])
            for split in clean.index
        ]
        known = [s for s in slopes if s is not None]
        return np.mean(known) if known else None


@pytest.mark.parametrize("method", [*METHODS, "marginal", "oracle"])
def test_every_number_is_its_formula_on_records_and_forecasts(method, results, slow):
    card = results.card(method).records()
    checked = 0
    elsewhere = card["measure"].str.contains("segment|least_change")  # see test_culprits
    for row in card[~elsewhere].itertuples():
        if row.part == "stability" and method == "marginal":
            assert row.value == pytest.approx(0, abs=1e-12)
            continue
        known = slow.of(row.dataset, method).number(row.measure, row.stress)
        if row.reason.startswith("not applicable"):
            assert slow.of(row.dataset, method).has_one_sd()
            continue
        if known is None or not np.isfinite(known):
            assert np.isnan(row.value), row
            assert row.reason, row
        else:
            # A crossing is searched on a grid of 200,000 steps.
            assert row.value == pytest.approx(known, rel=1e-9, abs=2e-5), row
            checked += 1
    assert checked > 20


def test_the_interval_of_a_mean_over_splits_is_nadeaus_and_bengios(results, slow):
    card = results.card("bayesian_ridge")
    (entry,) = (e for e in card.of("diabetes", "accuracy") if e.item.name == "rmse")
    values = slow.of("diabetes", "bayesian_ridge").values("rmse").to_numpy()
    half = stats.t.ppf(0.975, SPLITS - 1) * np.sqrt((1 / SPLITS + 44 / 398) * values.var(ddof=1))
    assert entry.result.lower == pytest.approx(values.mean() - half)
    assert entry.result.upper == pytest.approx(values.mean() + half)


def test_ranks_count_the_better_methods_and_references_have_none(results):
    everything = cards(Scores(results))
    for method in ("marginal", "oracle"):
        assert all(entry.rank is None for entry in everything[method].entries)
    tables = pd.concat([everything[m].records().assign(method=m) for m in METHODS])
    rmse = tables[(tables["measure"] == "rmse") & (tables["dataset"] == "quintic")]
    assert rmse.sort_values("value")["rank"].tolist() == [1, 2]
    paced = tables[(tables["measure"] == "awareness") & (tables["stress"] == "input_noise")]
    for _, group in paced.groupby("dataset"):
        ranked = group.dropna(subset=["rank"])
        distance = (ranked["value"] - 1).abs().to_numpy()
        assert (np.argsort(distance) == np.argsort(ranked["rank"].to_numpy())).all()


def test_every_card_shows_every_part_with_a_definition_and_a_reason(results):
    for method in METHODS:
        card = results.card(method)
        for dataset in card.datasets:
            for part in PARTS:
                assert card.headline(dataset, part).item.definition
        for entry in card.entries:
            assert len(entry.item.definition) > 40, entry.item
            assert entry.text != "-" or entry.reason
        assert set(card.sentences) == set(card.datasets)


def test_the_calibration_entry_counts_the_splits_within_the_null_band(results, slow):
    for method in METHODS:
        card = results.card(method)
        for dataset in card.datasets:
            values = slow.of(dataset, method)
            within = (values.values("mace") <= values.values("mace_null_95")).sum()
            expected = f"within the null band on {within} of {SPLITS} splits"
            assert card.headline(dataset, "calibration").verdict == expected
            assert expected in str(card)


def test_the_sentence_has_the_form_of_its_definition(results):
    sentence = results.card("bayesian_ridge").sentences["diabetes"]
    frame = results.forecasts()
    first = frame[
        (frame["dataset"] == "diabetes") & (frame["method"] == "bayesian_ridge")
        & (frame["stress"] == "none") & (frame["split"] == "random-0") & (frame["repeat"] == 0)
    ].iloc[0]  # fmt: skip
    start = f"{first['mean']:.4g} (95 % interval {first['lower']:.4g} to {first['upper']:.4g}); "
    assert sentence.startswith(start)
    assert sentence.endswith("of held-out points fell inside their 95 % interval.")


def test_a_card_gives_values_by_name_and_names_what_it_lacks(results):
    card = results.card("bayesian_ridge")
    assert 0 < card.value("coverage_90", dataset="diabetes") <= 1
    with pytest.raises(BadInput, match="2 entries 'coverage_90'"):
        card.value("coverage_90")
    with pytest.raises(BadInput, match="its measures: rmse"):
        card.value("beauty", dataset="diabetes")
    with pytest.raises(BadInput, match="no method 'nobody'"):
        results.card("nobody")
    with pytest.raises(BadInput, match=r"2 data sets; name one, dataset=\.\.\., of: quint"):
        card.predictive(np.zeros((1, 10)))
    with pytest.raises(BadInput, match="no data set 'boston'"):
        card.predictive(np.zeros((1, 10)), dataset="boston")


def test_degradation_is_the_ratio_to_the_clean_value(results, slow):
    table = results.degradation()
    assert {"input_noise", "tail", "label_noise", "settings_width"} <= set(table["stress"])
    for row in table.sample(60, random_state=0).itertuples():
        values, place = slow.of(row.dataset, row.method), (row.stress, row.level)
        if row.stress in ("far", "single_feature"):  # nobody knows the targets there
            assert np.isnan([row.rmse_ratio, row.nll_difference, row.coverage_90]).all()
            continue
        region = row.stress in ("gap", "tail")
        clean = ("third", 1.0) if region else ("none", 0.0)
        for metric, shown in (("rmse", row.rmse_ratio), ("sharpness", row.sd_ratio)):
            logs = [np.log(values.values(metric, *p, first=True)).mean() for p in (place, clean)]
            assert shown == pytest.approx(np.exp(logs[0] - logs[1]))
        nll = [values.values("nll", *p, first=True).mean() for p in (place, clean)]
        # A density of 0, as the uniform truth has beside itself, is no score.
        assert row.nll_difference == pytest.approx(nll[0] - nll[1], nan_ok=True)
        assert row.coverage_90 == pytest.approx(values.values("coverage_90", *place).mean())


def test_the_variance_of_a_score_is_split_or_has_a_reason(results, tmp_path):
    parts = results.variance_split("rmse")
    assert set(parts["reason"].str.contains("needs 5 complete splits")) == {True}
    more = hr.run(
        methods=[METHODS[0]], data=["diabetes"], stress=[], splits=5, repeats=2, out=tmp_path
    )
    parts = more.variance_split("rmse")
    component = parts[parts["method"] == METHODS[0]].set_index("component")
    records = more.records()
    kept = records[(records["metric"] == "rmse") & (records["method"] == METHODS[0])]
    values = kept.pivot(index="split", columns="repeat", values="value").to_numpy()
    # Two restarts on each split: half the mean squared difference.
    within = np.mean(np.diff(values, axis=1) ** 2) / 2
    assert component["variance"]["restart"] == pytest.approx(within)
    between = max(0.0, values.mean(axis=1).var(ddof=1) - within / 2)
    assert component["variance"]["split"] == pytest.approx(between)


def test_a_number_beyond_the_tested_range_compares_as_far_as_that_is_known(results):
    far = Beyond(0.8)
    assert far > 0.5
    assert far >= 0.8
    assert not far < 0.5
    assert not far <= 0.8
    assert far != 0.3
    for undecided in (
        lambda: far > 0.9, lambda: far < 0.9, lambda: far <= 1, lambda: far == 0.9,
        lambda: far > np.nan, lambda: far > Beyond(0.1), lambda: float(far),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="known only to be"):
            undecided()
    assert f"{far} {far:.2f} {far!r}" == "> 0.8 > 0.80 Beyond(0.8)"
    censored = [
        e for card in cards(Scores(results)).values() for e in card.entries if e.text[:1] == ">"
    ]
    assert censored
    for entry in censored:
        assert isinstance(entry.value, Beyond)
        assert entry.text.startswith(f"{entry.value:.3g}")


def test_a_value_is_found_by_what_is_printed(results):
    card = results.card("bayesian_ridge")
    name, dataset = "degradation area", "diabetes"
    value = card.value(name, "input_noise", dataset)
    assert card.value(name, "input noise", dataset) == value
    assert card.value(f"{name}: input noise", dataset=dataset) == value
    for entry in card.of(dataset):
        if entry.item.feature:
            continue  # a sentence names the least of them
        assert f"  {entry.item.part:11} {entry.item.title:52} {entry.text}" in str(card)
        if entry.text != "-":
            assert card.value(entry.item.title, dataset=dataset) is not None
    with pytest.raises(BadInput, match=r"name the stress, stress=\.\.\., one of: .*input_noise"):
        card.value(name, dataset=dataset)


def test_a_saved_card_is_the_same_card(results, tmp_path):
    for method in ("bayesian_ridge", "deep_ensemble[epochs=15,n_members=2]", "marginal"):
        card = results.card(method)
        card = replace(card, residual=card.entries[:2])
        loaded = hr.load_card(card.save(tmp_path / "card.json"))
        pd.testing.assert_frame_equal(loaded.records(), card.records())
        assert str(loaded) == str(card)
        assert loaded._repr_html_() == card._repr_html_()
        assert loaded.origin == card.origin
        with pytest.raises(BadInput, match="a loaded card has no run to measure"):
            loaded.entries[0].item.measure(None, "diabetes", method, "")


def test_a_card_prints_no_control_characters(results, tmp_path):
    card = results.card("bayesian_ridge")
    bell = "\x1b[31m\a"
    odd = replace(card, method=bell, sentences={"diabetes": bell}, notes=(bell,))
    loaded = hr.load_card(odd.save(tmp_path / "card.json"))
    for text in (str(odd), repr(odd), str(loaded), repr(loaded)):
        assert all(line.isprintable() for line in text.split("\n"))


def test_numbers_that_json_lacks_are_saved_too(results, tmp_path):
    card = results.card("bayesian_ridge")
    odd = Measured(np.float64(2.0), -np.inf, np.inf, censored=np.bool_(True))
    card = replace(card, entries=(replace(card.entries[0], result=odd), *card.entries[1:]))
    text = card.save(tmp_path / "card.json").read_text()
    assert "Infinity" not in text
    assert hr.load_card(tmp_path / "card.json").entries[0].result == odd


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda text: text[: len(text) // 2], "damaged"),
        (lambda text: "[]", "not a card that this version"),
        (lambda text: "{}", "not a card that this version"),
        (lambda text: "[" * 100_000, "damaged"),
        (lambda text: "\udcff\x00", "damaged"),
        (lambda text: text.replace("howrobust card 1", "howrobust card 99"), "save it again"),
        (lambda text: text.replace('"rank": 1', '"rank": "first"'), "damaged"),
        (lambda text: text.replace('"part": "accuracy"', '"part": "beauty"'), "damaged"),
        (lambda text: text.replace('"headline": true', '"headline": false'), "damaged"),
        (lambda text: text.replace('"measure"', '"measures"'), "damaged"),
        (lambda text: text.replace('"whose": "own"', '"whose": "mine"'), "damaged"),
        (lambda text: text.replace('"entries": [', '"entries": [5, '), "damaged"),
    ],
)
def test_a_file_that_is_no_card_is_refused_in_a_sentence(results, tmp_path, damage, sentence):
    path = results.card("bayesian_ridge").save(tmp_path / "card.json")
    path.write_text(damage(path.read_text()), encoding="utf-8", errors="surrogateescape")
    with pytest.raises(BadInput, match=sentence):
        hr.load_card(path)
    with pytest.raises(BadInput, match="cannot be read"):
        hr.load_card(tmp_path / "nothing.json")


def test_a_saved_card_keeps_its_second_row(tmp_path):
    from sklearn.linear_model import BayesianRidge

    import howrobust as hr

    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    card = hr.assess(
        BayesianRidge(), X, X[:, 0] + rng.normal(size=60), splits=1, repeats=1, stress=[], workers=1
    )
    loaded = hr.load_card(card.save(tmp_path / "card.json"))
    assert len(loaded.residual) > 0
    assert str(loaded) == str(card)
