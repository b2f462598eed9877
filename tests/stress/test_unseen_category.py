import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from howrobust.base.stress_context import Context
from howrobust.base.tables.frame import Frame
from howrobust.base.tables.unseen import unseen_remedy
from howrobust.stress.unseen_category import UnseenCategory
from howrobust.testing.laws import small_table


@pytest.fixture
def houses():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({
        "area": rng.normal(100, 20, 300),
        "town": rng.choice(["Bern", "Chur", "Zug"], 300),
        "grade": rng.choice([1, 2, 3, 7], 300),
        "garden": rng.choice([True, False], 300),
    }).astype({"grade": "category"})  # fmt: skip
    return table, rng.normal(size=300) + table["area"] / 10 + (table["town"] == "Zug")


def pipeline(**settings):
    encoder = OneHotEncoder(**settings)
    columns = make_column_transformer((encoder, ["town", "grade"]), remainder="passthrough")
    return make_pipeline(columns, LinearRegression())


def test_a_new_category_costs_least_squares_the_square_of_its_coefficients(houses):
    """Through the user's own table and encoder; exact, since residuals sum to 0 in a category."""
    table, y = houses
    model = pipeline(handle_unknown="ignore").fit(table, y)
    frame = Frame.of(table)
    X = frame.encode(table)
    context = Context.of(X, frame=frame)
    stressed = UnseenCategory().apply(X, y.to_numpy(), context, 1.0, seed=1)
    clean = np.mean((y - model.predict(table)) ** 2)
    names = model[0].get_feature_names_out()
    coefficients = dict(zip(names, model[-1].coef_, strict=True))
    for variant, name in zip(stressed.reshape(2, *X.shape), ["town", "grade"], strict=True):
        growth = np.mean((y - model.predict(frame.decode(variant))) ** 2) - clean
        own = [coefficients[f"onehotencoder__{name}_{value}"] for value in table[name]]
        assert growth == pytest.approx(np.mean(np.square(own)), rel=1e-8)


def test_a_new_category_is_of_the_type_of_its_column_and_none_of_its_categories(houses):
    table, y = houses
    frame = Frame.of(table)
    X = frame.encode(table)
    context = Context.of(X, frame=frame)
    town, grade = UnseenCategory().apply(X, y.to_numpy(), context, 1.0, 1).reshape(2, 300, 4)
    assert (frame.decode(town)["town"] == "unseen").all()
    assert (frame.decode(grade)["grade"] == 8).all()
    assert frame.decode(grade)["grade"].dtype.categories.tolist() == [1, 2, 3, 7, 8]
    pd.testing.assert_frame_equal(
        frame.decode(town).drop(columns="town"), table.drop(columns="town")
    )


def test_an_encoder_that_refuses_is_told_its_column_its_category_and_a_remedy(houses):
    table, y = houses
    model = pipeline().fit(table, y)
    frame = Frame.of(table)
    X = frame.encode(table)
    grade = UnseenCategory().apply(X, y.to_numpy(), Context.of(X, frame=frame), 1.0, 1)[300:]
    with pytest.raises(ValueError, match="unknown categories") as refused:
        model.predict(frame.decode(grade))
    remedy = unseen_remedy(frame, X, grade, str(refused.value))
    assert remedy.startswith("; 'grade' holds 8 in test rows alone: ")
    assert "handle_unknown='ignore'" in remedy
    assert unseen_remedy(frame, X, X, "") == ""


def test_a_missing_value_is_not_a_new_category():
    table = small_table(50, 1)
    missing = table.X.copy()
    missing[:, 2] = np.nan
    assert unseen_remedy(table.frame, table.X, missing, "") == ""


def test_a_gap_stays_a_gap():
    table = small_table(50, 1)
    X = table.X.copy()
    X[::2, 2] = np.nan
    stressed = UnseenCategory().apply(X, table.y, Context.of(X, frame=table.frame), 1.0, 0)
    variants = stressed.reshape(-1, 50, X.shape[1])
    np.testing.assert_array_equal(np.isnan(variants), np.broadcast_to(np.isnan(X), variants.shape))
    assert (variants != X)[:, 1::2].any()
