"""Whether new rows are inside what was seen, and what is printed of their forecasts."""

import numpy as np
import pandas as pd
import pytest

from howrobust.analysis.new_rows.forecasts import NewRows, sentence
from howrobust.analysis.new_rows.seen import NEAR, Place, Seen, numbered
from howrobust.base.tables.frame import Frame
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.intervals import IntervalForecast


def table(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "mass": rng.uniform(1.2, 8.4, n),
        "soil": rng.choice(["clay", "peat", "sand"], n),
        "id": [f"r{k}" for k in range(n)],
    })  # fmt: skip


def seen_of(rows):
    frame = Frame.of(rows)
    return frame, Seen(frame.encode(rows), frame.columns)


def places_of(rows, new):
    frame, seen = seen_of(rows)
    values = [new[name].to_numpy(dtype=object) for name in frame.names]
    return seen.places(frame.locate(new), values)


def test_a_column_outside_is_named_with_its_value_and_the_range_that_was_seen():
    rows = table()
    rows.loc[:1, "mass"] = [1.2, 8.4]
    new = pd.DataFrame({
        "mass": [1e9, 8.4, 5.0, np.nan, -0.00000032],
        "soil": ["clay", "loam", None, "sand", "peat"],
        "id": ["new", "r0", "other", "r3", "r4"],
    })  # fmt: skip
    assert [place.clauses for place in places_of(rows, new)] == [
        ["mass is outside what was seen (1e9; seen 1.2 to 8.4)"],
        ["soil is outside what was seen ('loam'; seen 'clay', 'peat', 'sand')"],
        ["soil is missing"],
        ["mass is missing"],
        ["mass is outside what was seen (-3.2e-7; seen 1.2 to 8.4)"],
    ]


def test_dates_gaps_and_identifiers_are_compared_as_what_they_are():
    rows = table()
    rows.loc[3, ["mass", "soil"]] = [np.nan, None]
    rows["when"] = pd.to_datetime("2020-01-03") + pd.to_timedelta(np.arange(60), unit="D")
    rows["store"] = np.arange(60) % 3
    new = pd.DataFrame({
        "mass": [np.nan, 5.0, 5.0, "heavy"],
        "soil": [None, "clay", "loam", "clay"],
        "id": ["new"] * 4,
        "when": pd.to_datetime(
            ["2020-01-04", "2027-01-01T12:30", None, "2020-01-03"], format="ISO8601"
        ),
        "store": [0, 9, 1, 2],
    })  # fmt: skip
    frame = Frame.of(rows, {"store": "id"})
    seen = Seen(frame.encode(rows), frame.columns)
    values = [new[name].to_numpy(dtype=object) for name in frame.names]
    low, high = (f"{value:.4g}" for value in (rows["mass"].min(), rows["mass"].max()))
    places = seen.places(frame.locate(new), values)
    assert [place.clauses for place in places] == [
        [],
        ["when is outside what was seen (2027-01-01 12:30:00; seen 2020-01-03 to 2020-03-02)"],
        ["soil is outside what was seen ('loam'; seen 'clay', 'peat', 'sand')", "when is missing"],
        [f"mass is outside what was seen ('heavy'; seen {low} to {high})"],
    ]
    assert seen.unknown(frame.locate(new), values) == [
        ("soil", "loam"), ("id", "new"), ("store", 9)
    ]  # fmt: skip


def test_a_limit_below_zero_is_said_where_no_target_was_negative():
    distribution = GaussianMixture(np.array([[80.0, 200.0]]), 45.0)
    places = (Place({"mass": "mass is missing"}, 0.5, 2.0), Place({}, 0.5, 2.0))
    lines = NewRows(distribution, places, (0, 1), least_target=0.2).lines()
    assert lines == [
        "80 give or take 45 (95 %: -8 to 168); below 0, where no target was; mass is missing",
        "200 give or take 45 (95 %: 112 to 288)",
    ]
    assert "below 0" not in str(NewRows(distribution, places, (0, 1), least_target=-0.1))
    assert "below 0" not in str(NewRows(distribution, places, (0, 1)))


def test_of_many_categories_five_are_named():
    rows = pd.DataFrame({"word": list("abcdefg") * 4, "a": np.arange(28.0)})
    (place,) = places_of(rows, pd.DataFrame({"word": ["z"], "a": [3.0]}))
    assert place.clauses == [
        "word is outside what was seen ('z'; seen 'a', 'b', 'c', 'd', 'e' and 2 more)"
    ]


def test_distances_are_those_of_a_slow_loop_over_pairs_of_rows():
    rows, new = table(40), table(7, seed=1).assign(id="x")
    new.loc[0, "soil"], new.loc[1, "mass"] = "loam", np.nan
    counted = rows.drop(columns="id")  # without the 40 names
    sd = counted["mass"].std(ddof=0)

    def distance(a, b):
        mass = (a["mass"] - b["mass"]) / sd
        # A missing number counts as the mean of the training rows.
        mass = (b["mass"] - counted["mass"].mean()) / sd if np.isnan(a["mass"]) else mass
        return np.sqrt(mass**2 + (a["soil"] != b["soil"]))

    by_row = [r for _, r in counted.iterrows()]
    among = [min(distance(a, b) for b in by_row if b is not a) for a in by_row]
    nearest = [min(distance(a, b) for b in by_row) for _, a in new.iterrows()]
    frame, seen = seen_of(counted)
    X = frame.locate(new)
    found = seen.places(X, [new[c].to_numpy(dtype=object) for c in counted])
    np.testing.assert_allclose([place.distance for place in found], nearest, rtol=1e-7)
    assert seen.limit == pytest.approx(np.quantile(among, NEAR), rel=1e-7)


def test_one_in_a_hundred_rows_of_the_same_distribution_is_far_and_an_odd_pair_is():
    rng = np.random.default_rng(5)

    def draw(n):
        a = rng.normal(size=n)
        return np.column_stack([a, a + 0.1 * rng.normal(size=n)])

    seen = Seen(draw(3000), numbered(("a", "b")))
    X = draw(4000)
    share = np.mean([place.is_far for place in seen.places(X, list(X.T))])
    # The limit is a 99 % point of 1,000 rows, the share one of 4,000: 4 standard errors of both.
    assert abs(share - 0.01) < 4 * np.sqrt(0.01 * 0.99 * (1 / 1000 + 1 / 4000))
    odd = np.array([[1.5, -1.5]])  # each inside, but never both
    (place,) = seen.places(odd, list(odd.T))
    assert place.outside == {}
    assert place.clauses[0].startswith("the row as a whole is outside what was seen (distance ")


def test_rows_without_a_column_that_counts_are_never_far():
    rows = pd.DataFrame({"id": [f"r{k}" for k in range(60)]})
    (place,) = places_of(rows, pd.DataFrame({"id": ["new"]}))
    assert place.clauses == []


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((80.31, 45.4, 32.4, 187.0), "80 give or take 45 (95 %: 32 to 187)"),
        ((0.12345, 0.00987, 0.104, 0.1428), "0.1235 give or take 0.0099 (95 %: 0.1040 to 0.1428)"),
        ((80312.0, 4512.0, 71000, 89612.0), "80300 give or take 4500 (95 %: 71000 to 89600)"),
        ((1.5, 0.0, 1.5, 1.5), "1.5000 give or take 0.0000 (95 %: 1.5000 to 1.5000)"),
        ((-0.4, 45.0, -90.0, 90.0), "0 give or take 45 (95 %: -90 to 90)"),
        ((3e20, 4.1e18, 2e20, 4e20), "3.000e20 give or take 4.1e18 (95 %: 2.000e20 to 4.000e20)"),
        ((5.0, 1.0, -np.inf, np.inf), "5.0 give or take 1.0 (95 %: -inf to inf)"),
        ((5.0, np.nan, 4.0, 6.0), "5.00 (95 %: 4.00 to 6.00)"),
        ((np.nan, np.nan, 4.0, 6.0), "4.00 to 6.00 (95 %)"),
        ((5.0, 1.0, np.nan, np.nan), "5.0 give or take 1.0"),
    ],
)  # fmt: skip
def test_a_sentence_is_rounded_to_two_digits_of_the_sd(numbers, expected):
    assert sentence(*numbers) == expected


def test_what_is_printed_has_a_line_per_row_and_the_frame_has_all_of_it():
    inside, outside = Place({}, 0.5, 2.0), Place({"mass": "mass is missing"}, 4.0, 2.0)
    forecasts = NewRows(
        GaussianMixture(np.array([[80.0, 0.0]]), 45.0), (inside, outside), ("first", 7)
    )
    assert str(forecasts).splitlines() == [
        "first  80 give or take 45 (95 %: -8 to 168)",
        "    7  0 give or take 45 (95 %: -88 to 88); mass is missing",
    ]
    frame = forecasts.to_frame()
    assert list(frame.index) == ["first", 7]
    np.testing.assert_allclose(frame["mean"], [80, 0])
    np.testing.assert_allclose(frame["sd"], 45)
    np.testing.assert_allclose(frame["upper"] - frame["mean"], 45 * 1.959963985, rtol=1e-6)
    assert frame["outside"].tolist() == ["", "mass is missing"]
    assert frame["distance"].tolist() == [0.25, 2.0]
    many = NewRows(GaussianMixture(np.zeros((1, 40)), 1.0), (inside,) * 40, tuple(range(40)))
    assert str(many).splitlines()[-1] == "and 10 rows more: see to_frame()"


def test_an_interval_of_another_level_than_95_is_printed_with_its_level():
    stated = IntervalForecast([16.94], [25.06], level=0.9, mean=[21.2241])
    seen = NewRows(stated, (Place({}, 0.0, 1.0),), ("new",))
    assert seen.lines() == ["21.2 (90 %: 16.9 to 25.1)"]
