"""Dates as days and durations as seconds in float64, and back."""

from typing import TYPE_CHECKING, Any

import numpy as np

from howrobust.distributions.arrays import Array

if TYPE_CHECKING:
    import pandas as pd

DAY_US = 86_400_000_000  # microseconds of a day
# Days of the years 1 to 9999, which every type but nanoseconds holds, and of nanoseconds.
DAYS = (-719_162, 2_932_896)
NANOSECOND_DAYS = (-106_751, 106_751)
TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # of a second


def days_of(column: "pd.Series") -> Array:
    """Return dates as days since 1970-01-01 (UTC), NaN for missing ones.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        datetime64 of any zone, or date or datetime objects; without a zone they count as UTC.

    Returns
    -------
    array of shape (n,)
        Days, exact to a microsecond from 1791 to 2149.
    """
    import pandas as pd  # 0.65 s to import: only where there is a table

    if not isinstance(column.dtype, np.dtype | pd.DatetimeTZDtype):
        column = column.astype(object)  # such as those of Arrow
    moments = pd.to_datetime(column, utc=True).dt.tz_localize(None).dt.as_unit("us").to_numpy()
    day, rest = np.divmod(moments.view(np.int64), DAY_US)
    days = day + rest / DAY_US
    days[np.isnat(moments)] = np.nan
    return np.asarray(days, dtype=np.float64)


def dates(days: Array, dtype: Any) -> "pd.Series":
    """Return days as the dates of a type.

    Parameters
    ----------
    days : array of shape (n,)
        Days since 1970-01-01 (UTC), NaN for missing ones. Those beyond what the type holds become
        its first or last.
    dtype : dtype
        A type of dates; object: date objects, of the day alone.

    Returns
    -------
    pandas.Series of shape (n,)
        The dates, rounded to microseconds.
    """
    import pandas as pd

    limits = NANOSECOND_DAYS if "[ns" in str(dtype) else DAYS
    missing = np.isnan(days)
    days = np.clip(np.where(missing, 0, days), *limits)
    day = np.floor(days)  # the rest is exact, so that only its product with 8.64e10 is rounded
    ticks = day.astype(np.int64) * DAY_US + np.rint((days - day) * DAY_US).astype(np.int64)
    moments = ticks.view("datetime64[us]")
    moments[missing] = np.datetime64("NaT")
    series = pd.Series(moments)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return series.dt.tz_localize("UTC").astype(dtype)
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        return series.astype(dtype)
    return series.dt.date.astype(dtype) if _are_days(dtype) else series.astype(dtype)


def seconds_of(column: "pd.Series") -> Array:
    """Return durations as seconds, NaN for missing ones.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        timedelta64, or timedelta objects.

    Returns
    -------
    array of shape (n,)
        Seconds.
    """
    import pandas as pd

    if not isinstance(column.dtype, np.dtype):
        column = column.astype(object)
    spans = pd.to_timedelta(column)
    ticks = spans.to_numpy()
    seconds = ticks.view(np.int64) / TICKS[spans.dt.unit]
    seconds[np.isnat(ticks)] = np.nan
    return np.asarray(seconds, dtype=np.float64)


def durations(seconds: Array, dtype: Any) -> "pd.Series":
    """Return seconds as the durations of a type.

    Parameters
    ----------
    seconds : array of shape (n,)
        Seconds, NaN for missing ones. Those beyond what the type holds become its least or
        greatest.
    dtype : dtype
        A type of durations; object: timedelta64 in microseconds.

    Returns
    -------
    pandas.Series of shape (n,)
        The durations, rounded to the unit of the type.
    """
    import pandas as pd

    unit = np.datetime_data(dtype)[0] if isinstance(dtype, np.dtype) and dtype.kind == "m" else "us"
    per_second = TICKS[unit]
    most = 2.0**62 / per_second
    missing = np.isnan(seconds)
    rounded = np.rint(np.clip(np.where(missing, 0, seconds), -most, most) * per_second)
    ticks = rounded.astype(np.int64).view(f"timedelta64[{unit}]")
    ticks[missing] = np.timedelta64("NaT")
    series = pd.Series(ticks)
    return series if isinstance(dtype, np.dtype) else series.astype(dtype)


def day_text(days: float) -> str:
    """Return a date as text.

    Parameters
    ----------
    days : float
        Days since 1970-01-01 (UTC).

    Returns
    -------
    str
        Such as "2026-05-01" or "2026-05-01 13:30:00", to the second.

    Examples
    --------
    >>> day_text(20574.0), day_text(20574.5625)
    ('2026-05-01', '2026-05-01 13:30:00')
    """
    seconds = round(min(max(days, DAYS[0]), DAYS[1]) * 86_400)
    date, _, time = str(np.datetime64(seconds, "s")).partition("T")
    return date if time == "00:00:00" else f"{date} {time}"


def _are_days(dtype: Any) -> bool:
    """Whether a type that is none of NumPy's holds dates without a time of day."""
    return str(dtype) == "object" or str(dtype).startswith("date")
