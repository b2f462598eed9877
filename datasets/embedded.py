"""Data sets that are part of a library."""

import numpy as np

from howrobust.base.data import Dataset, Provenance, Source
from howrobust.datasets.tables.rows import RowSource


def diabetes() -> Source:
    """Return the diabetes set: disease progression of 442 patients.

    It has ten baseline measurements; the target is measured a year later.

    Returns
    -------
    Source
        The data set.
    """
    from sklearn.datasets import load_diabetes  # 2 s to import: only when asked for

    bunch = load_diabetes(scaled=False)
    data = Dataset(
        np.asarray(bunch.data, np.float64),
        np.asarray(bunch.target, np.float64),
        tuple(bunch.feature_names),
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
