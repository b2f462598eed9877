"""Data that ships inside a library this project depends on."""

import numpy as np

from howrobust.base.data import Dataset, Provenance, Source
from howrobust.datasets.tables.rows import RowSource


def diabetes() -> Source:
    """442 patients, ten baseline measurements; disease progression after a year."""
    from sklearn.datasets import load_diabetes  # 2 s to import: only when asked for

    found = load_diabetes(scaled=False)
    data = Dataset(
        np.asarray(found.data, np.float64),
        np.asarray(found.target, np.float64),
        tuple(found.feature_names),
        "progression",
        "quantitative score",
    )
    provenance = Provenance(
        "diabetes progression one year after ten baseline measurements",
        "Efron et al. 2004, as shipped in scikit-learn",
        "no licence text; shipped in scikit-learn (BSD-3-Clause)",
        "quantitative score",
    )
    return RowSource("diabetes", data, provenance)
