"""Types of NumPy columns, and division that knows of nothing."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def ratio(over: npt.ArrayLike, under: npt.ArrayLike) -> Floats:
    """Returns a quotient, item by item; NaN where what it is divided by is not positive."""
    top, bottom = np.asarray(over, np.float64), np.asarray(under, np.float64)
    missing: Floats = np.full(np.broadcast(top, bottom).shape, np.nan)
    return np.divide(top, bottom, out=missing, where=bottom > 0)
