"""Tidy records as CSV."""

import csv
import io

import pandas as pd


def csv_text(records: pd.DataFrame) -> str:
    """Return tidy records as CSV.

    Parameters
    ----------
    records : DataFrame
        Records of a run.

    Returns
    -------
    str
        CSV with a header; an apostrophe precedes text that a spreadsheet would run as a formula.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(records.columns)
    for row in records.itertuples(index=False):
        writer.writerow([_inert(value) for value in row])
    return out.getvalue()


def _inert(value: object) -> object:
    if isinstance(value, str) and (
        value[:1] in ("\t", "\r", "\n") or value.lstrip()[:1] in ("=", "+", "-", "@")
    ):
        return "'" + value
    if isinstance(value, float):
        return "" if value != value else repr(value)
    return value
