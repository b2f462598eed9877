"""The array type of numbers, everywhere float64."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
