"""A table of parts, as firms keep them: it is read right and forecast right at the first try.

1,500 rows, fields between semicolons, numbers with decimal commas: a number of each part, three
columns of 40 words each of which some are rare, two measures with gaps, a date, yes or no, and a
price that is log-normal.
"""

import numpy as np
import pytest
from commandline import FAST, howrobust

import howrobust as hr
from howrobust import seeds
from howrobust.analysis.split_values import distinct_rows
from howrobust.planning.data_spec import DataSpec

N, LEVELS = 1500, 40
WORDS = ("supplier", "material", "process")
KINDS = {
    "part": "id", "supplier": "category", "material": "category", "process": "category",
    "weight": "number", "diameter": "number", "ordered": "date", "tested": "category",
}  # fmt: skip
SPLITS = 20
COVERED = (0.93, 0.97)  # by 95 % intervals, over all distinct held-out rows


def words(rng):
    """Codes (n,) of 40 words by Zipf's law; the last five have two rows each."""
    share = 1 / np.arange(1, LEVELS - 4)
    codes = rng.choice(LEVELS - 5, size=N, p=share / share.sum())
    rare = rng.choice(N, size=10, replace=False)
    codes[rare] = np.repeat(np.arange(LEVELS - 5, LEVELS), 2)
    return codes


def comma(value):
    return "" if np.isnan(value) else f"{value:.3f}".replace(".", ",")


@pytest.fixture(scope="module")
def table():
    """The columns as numbers, NaN in gaps, and the price."""
    rng = seeds.generator(0, "parts")
    codes = {name: words(rng) for name in WORDS}
    weight, diameter = rng.lognormal(1, 0.5, N), rng.uniform(5, 80, N)
    tested, day = rng.random(N) < 0.7, rng.integers(0, 1400, N)
    effects = sum(rng.normal(0, 0.25, LEVELS)[codes[name]] for name in WORDS)
    log_price = (
        2.0 + effects + 0.15 * weight + 0.01 * diameter + 0.2 * tested + 2e-4 * day
        + rng.normal(0, 0.35, N)
    )  # fmt: skip
    weight[rng.random(N) < 0.1] = np.nan
    diameter[rng.random(N) < 0.05] = np.nan
    return {
        "part": np.arange(N), **codes, "weight": weight, "diameter": diameter, "ordered": day,
        "tested": tested, "price": np.exp(log_price),
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    """A folder with the table as a file, ``parts.csv``."""
    days = np.datetime64("2020-03-01") + table["ordered"]
    columns = {
        "part": [f"P-{k:06d}" for k in table["part"]],
        **{name: [f"{name} {code:02d}" for code in table[name]] for name in WORDS},
        "weight": map(comma, table["weight"]),
        "diameter": map(comma, table["diameter"]),
        "ordered": map(str, days),
        "tested": ["yes" if tested else "no" for tested in table["tested"]],
        "price": map(comma, table["price"]),
    }
    lines = [";".join(columns), *map(";".join, zip(*columns.values(), strict=True))]
    folder = tmp_path_factory.mktemp("parts")
    (folder / "parts.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_the_columns_have_their_kinds_and_values(folder, table):
    source = DataSpec(str(folder / "parts.csv"), target="price").open()
    assert {column.name: column.kind for column in source.frame.columns} == KINDS
    assert source.target_transform == "auto"
    (split,) = source.splits(1)
    parts = source.realise(split, 0)
    X = np.concatenate([part.X for part in parts])
    y = np.concatenate([part.y for part in parts])
    names = [column.name for column in source.frame.columns]
    ids = source.frame.columns[names.index("part")].categories
    rows = [int(ids[int(code)].removeprefix("P-")) for code in X[:, names.index("part")]]
    assert sorted(rows) == list(range(N))
    np.testing.assert_allclose(y, table["price"][rows], atol=6e-4)
    for name in ("weight", "diameter"):
        np.testing.assert_allclose(X[:, names.index(name)], table[name][rows], atol=6e-4)
    days = (np.datetime64("2020-03-01") - np.datetime64("1970-01-01")).astype(int)
    np.testing.assert_array_equal(X[:, names.index("ordered")], days + table["ordered"][rows])
    np.testing.assert_array_equal(X[:, names.index("tested")], table["tested"][rows])
    for name in WORDS:
        known = source.frame.columns[names.index(name)].categories
        read = [known[int(code)] for code in X[:, names.index(name)]]
        assert read == [f"{name} {code:02d}" for code in table[name][rows]]


def test_some_words_are_in_test_rows_alone(folder):
    source = DataSpec(str(folder / "parts.csv"), target="price").open()
    names = [column.name for column in source.frame.columns]
    unseen = 0
    for split in source.splits(SPLITS):
        train, test = (
            part.X[:, [names.index(name) for name in WORDS]] for part in source.realise(split, 0)
        )
        unseen += sum(bool({*a} - {*b}) for a, b in zip(test.T, train.T, strict=True))
    assert unseen > 0


def run(folder, *arguments):
    """Run the command as a user would at the first try; return its results."""
    code, _, err = howrobust(
        "run", "-d", "parts.csv", "--target", "price", *arguments, "--out", "out", cwd=folder
    )
    assert code == 0, err
    return hr.load(folder / "out")


def bounds_are_positive(results):
    """Whether the limits of all 95 % intervals, clean and under stress, are prices."""
    forecasts = results.forecasts()
    assert forecasts[["lower", "upper"]].notna().all(axis=None)
    return bool((forecasts[["lower", "upper"]] > 0).all(axis=None))


def covered(results, method):
    """Share of distinct held-out rows in their 95 % interval, each row weighing the same."""
    cells = [
        cell
        for cell in results.cells()
        if cell.method == method and cell.train_stress == "none" and cell.repeat == 0
    ]
    held = [results.testset(cell) for cell in cells]
    inside = []
    for cell, rows in zip(cells, held, strict=True):
        lower, upper = results.cell_forecasts(cell)["none", 0.0].interval(0.95)
        inside.append((lower <= rows.y) & (rows.y <= upper))
    row = np.concatenate(distinct_rows(held))
    times = np.bincount(row)
    assert len(times) <= N
    return float(np.mean(np.bincount(row, np.concatenate(inside)) / times))


@pytest.mark.parametrize("arguments", [("-m", "bayesian_ridge"), FAST], ids=["ridge", "every kind"])
def test_it_runs_at_the_first_try_and_every_bound_is_a_price(arguments, folder):
    results = run(folder, *arguments, "--splits", "2")
    records = results.records()
    assert set(records[records["metric"] == "nll"]["status"]) == {"ok"}
    assert {"marginal", "bayesian_ridge"} <= set(records["method"])
    assert bounds_are_positive(results)
    nll = records[(records["metric"] == "nll") & (records["stress"] == "none")]
    mean = nll.groupby("method")["value"].mean()
    assert mean["bayesian_ridge"] < mean["marginal"] - 0.2


@pytest.mark.slow
def test_intervals_hold_what_they_promise_over_all_held_out_rows(folder):
    results = run(folder, "--splits", str(SPLITS))
    assert bounds_are_positive(results)
    records = results.records()
    nll = records[(records["metric"] == "nll") & (records["stress"] == "none")]
    ranked = nll[~nll["method"].isin(["marginal", "oracle"])]
    best = ranked.groupby("method")["value"].mean().idxmin()
    for method in {"bayesian_ridge", best}:
        low, high = COVERED
        assert low <= covered(results, method) <= high, method
