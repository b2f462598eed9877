"""A user's own model on two worker processes against one, in interleaved pairs."""

import numpy as np
import pytest
from performance.paired_ratios import paired_ratio, passes
from sklearn.ensemble import RandomForestRegressor

import howrobust as hr
from howrobust.environment import usable_cores

pytestmark = pytest.mark.performance
LARGEST_SHARE = 0.65  # of the time of one worker
# 22 cells, a minute of one core: many times the 4 s in which workers get ready.
QUICK = {"stress": ["input_noise", "label_noise"], "splits": 2, "repeats": 2, "progress": False}


@pytest.mark.skipif(usable_cores() < 2, reason="one core")
def test_a_forest_on_two_workers_takes_at_most_two_thirds_of_the_time_of_one(request, table):
    if request.config.getoption("--short"):
        pytest.skip("it takes minutes: tox -e performance runs it")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 10))
    y = X[:, 0] + X[:, 1] ** 2 + 0.1 * rng.normal(size=2000)
    forest = RandomForestRegressor(100)
    found = []

    def measure():
        one, two = (lambda n=n: hr.assess(forest, X, y, workers=n, **QUICK) for n in (1, 2))
        found.append(paired_ratio(one, two, 5))
        return found[-1][0]

    passed, ratio = passes(measure, 1 / LARGEST_SHARE)
    _, one_s, two_s = max(found)
    numbers = (f"{one_s * 1e3:.0f}", f"{two_s * 1e3:.0f}", f"{ratio:.2f}")
    table.append(("assess, two workers", "forest", "one", *numbers, f"{1 / LARGEST_SHARE:.2f}", ""))
    assert passed, f"two workers took {1 / ratio:.2f} of the time of one"
