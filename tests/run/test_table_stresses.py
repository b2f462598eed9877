"""Stresses of a table through the harness: what is recorded, what cards say, what models see."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import GammaRegressor, LinearRegression, PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

import howrobust as hr
from howrobust.metrics.known import all_metrics

STRESSES = [
    "missing_values", "unseen_category", "swapped_category", "unit_error", "shifted_column",
    "single_feature",
]  # fmt: skip
FILLED = "missing values were filled with training medians"


@pytest.fixture(scope="module")
def parts():
    rng = np.random.default_rng(0)
    n = 200
    table = pd.DataFrame({
        "mass": rng.lognormal(1, 0.4, n), "holes": rng.integers(0, 6, n),
        "maker": rng.choice(["Abel", "Boll", "Cramer"], n), "tested": rng.choice([True, False], n),
    })  # fmt: skip
    price = 10 + table["mass"] + table["holes"] + 2 * (table["maker"] == "Boll")
    return table, price + rng.normal(0, 0.3, n)


def assessed(model, parts, folder, stress=STRESSES, splits=2):
    card = hr.assess(
        model,
        *parts,
        stress=stress,
        splits=splits,
        repeats=1,
        progress=False,
        out=folder,
        workers=1,
    )
    return card, hr.load(folder).records()


def on_columns(encoder, model):
    columns = make_column_transformer((encoder, ["maker"]), remainder="passthrough")
    return make_pipeline(columns, model)


@pytest.fixture(scope="module")
def strict(parts, tmp_path_factory):
    model = on_columns(OneHotEncoder(), LinearRegression())
    return assessed(model, parts, tmp_path_factory.mktemp("strict"))


def test_an_unseen_category_fails_by_name_and_the_card_is_made(strict):
    card, records = strict
    mine = records[(records["stress"] == "unseen_category") & (records["method"] == "Pipeline")]
    assert set(mine["status"]) == {"failed"}
    (reason,) = set(mine["reason"])
    assert "'maker' holds 'unseen' in test rows alone" in reason
    assert "handle_unknown='ignore'" in reason
    assert any(reason in note for note in card.notes)
    entry = card.records()
    entry = entry[(entry["stress"] == "unseen_category") & (entry["part"] == "tolerance")]
    assert (entry["reason"] == reason).all()
    assert card.value("rmse over clean rmse", stress="shifted_column") > 1


def test_a_model_that_refuses_missing_values_is_filled_and_says_so(strict):
    card, records = strict
    missing = records[(records["stress"] == "missing_values") & (records["metric"] == "rmse")]
    assert set(missing["status"]) == {"ok"}
    assert sum(FILLED in note for note in card.notes) == 1


def test_features_in_turn_are_the_columns_that_the_stress_changes(strict):
    _, records = strict
    kept = records[(records["feature"] != "") & (records["metric"] == "rmse")]
    features = kept.groupby("stress")["feature"].unique().map(sorted).to_dict()
    numbers = ["holes", "mass"]
    assert features == {
        "shifted_column": numbers, "single_feature": numbers, "unit_error": numbers,
        "unseen_category": ["maker"],
    }  # fmt: skip
    metrics = {metric.name for metric in all_metrics()}
    for place, group in records.groupby(["method", "split", "stress", "level"]):
        assert metrics <= set(group["metric"]), place
    assert not records.duplicated(
        ["method", "split", "stress", "level", "metric", "feature", "segment"]
    ).any()


def test_a_model_that_takes_missing_values_and_new_categories_is_given_both(parts, tmp_path):
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = on_columns(encoder, HistGradientBoostingRegressor(max_iter=20))
    card, records = assessed(model, parts, tmp_path, ["missing_values", "unseen_category"])
    assert set(records[records["metric"] == "rmse"]["status"]) == {"ok"}
    assert not any(FILLED in note for note in card.notes)


def test_stresses_of_categories_are_undefined_without_a_column_of_categories(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    card, records = assessed(LinearRegression(), (X, X[:, 0] + rng.normal(size=60)), tmp_path)
    names = ["unseen_category", "swapped_category"]
    left_out = records[records["stress"].isin(names)]
    assert set(left_out["status"]) == {"undefined"}
    assert set(left_out["reason"]) == {"an array of numbers has no column of categories"}
    assert len(left_out) == 4 * 2 * 2 * len(all_metrics())  # levels, splits, methods
    assert not {*card.records()["stress"]} & {*names}
    warnings = [w for data in hr.load(tmp_path).about.data for w in data.warnings]
    assert sum("is left out: an array of numbers has no column" in w for w in warnings) == 2


@pytest.mark.parametrize("model", [GammaRegressor(), PoissonRegressor()])
def test_outliers_and_label_noise_leave_a_positive_target_in_its_domain(model, parts, tmp_path):
    table, price = parts
    card, records = assessed(
        model, (table[["mass", "holes"]], price), tmp_path, ["outliers", "label_noise"]
    )
    kept = records[records["metric"] == "rmse"]
    assert set(kept["status"]) == {"ok"}
    assert {*kept["stress"]} == {"none", "outliers", "label_noise"}
    assert not any("under" in note for note in card.notes)


@pytest.mark.parametrize("stress", ["input_noise", "far", "drift_offset", "unit_error"])
def test_a_pipeline_sees_whole_counts_and_known_categories(stress, parts, tmp_path):
    model = on_columns(OneHotEncoder(), Checks())
    _, records = assessed(model, parts, tmp_path, [stress])
    assert set(records[records["metric"] == "rmse"]["status"]) == {"ok"}


class Checks(LinearRegression):
    """Least squares that refuses a row with a fraction, or a negative number, of holes."""

    def predict(self, X):
        holes = X[:, -2].astype(float)
        if (holes < 0).any() or (holes != np.rint(holes)).any():
            raise ValueError("holes are counted")
        return super().predict(X.astype(float))
