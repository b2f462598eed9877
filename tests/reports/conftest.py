"""A small run whose data set and target have hostile names."""

import numpy as np
import pandas as pd
import pytest

import howrobust as hr

# What HTML, Markdown, LaTeX, a spreadsheet, a terminal and matplotlib would not show as it is.
HOSTILE = "=<b>*x*&_y_$1$|[z]{w}#%^~`\\\x1b[31m.csv"
TARGET = "<script>alert(1)</script>"
METHODS = ["deep_ensemble[epochs=2]", "bayesian_ridge"]


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """Results on quintic, with its truth, and on a table of two columns and 80 rows."""
    folder = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 2)), columns=["a", TARGET])
    frame.to_csv(folder / HOSTILE, index=False)
    return hr.run(
        methods=METHODS, data=["quintic", str(folder / HOSTILE)], splits=3,
        out=folder / "out", workers=2, target=TARGET,
    )  # fmt: skip
