"""What a report says of transforms of the target."""

from types import SimpleNamespace

import pytest

from howrobust.reports.sections.data_sets import transforms_of_target

LOG, PLAIN, POWER, OTHER = {"target_log": 1.0}, {}, {"target_lambda": 0.251}, {"target_lambda": 0.6}


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ([PLAIN, PLAIN], ""),
        (
            [LOG, LOG, PLAIN],
            "Methods learnt the logarithm of the target in 2 of 3 fits; forecasts and scores are "
            "in its own units.",
        ),
        (
            [POWER, OTHER],
            "Methods learnt a Yeo-Johnson transform of the target (lambda 0.25 to 0.6) in 2 of 2 "
            "fits; forecasts and scores are in its own units.",
        ),
    ],
)
def test_the_report_says_which_transform_was_learnt(facts, sentence):
    cells = [SimpleNamespace(facts=each) for each in facts]
    scores = SimpleNamespace(methods=["a"], finished=lambda dataset, method: cells)
    assert transforms_of_target(scores, "parts") == sentence
