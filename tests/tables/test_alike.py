"""New rows are read as a continuation of the file that a model has learnt."""

import numpy as np
import pandas as pd
import pytest

from howrobust.datasets.tables.files import read_frame
from howrobust.errors import BadInput

LEARNT = (
    "fee;area;when;alley;code;rush;waits\n"
    "$200;2.120,5;12/29/2024;NA;007;yes;-\n"
    "$1,5;1.100,25;01/02/2024;Pave;012;no;3\n"
    "$3,5;980,5;02/03/2024;Grvl;100;no;5\n"
)


def continued(tmp_path, text, name="new.csv"):
    (tmp_path / "learnt.csv").write_text(LEARNT)
    (tmp_path / name).write_text(text)
    return read_frame(tmp_path / name, like=tmp_path / "learnt.csv")


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("area", "2.000", 2000.0),
        ("area", "290,5", 290.5),
        ("fee", "$2.500", 2500.0),
        ("fee", "7", 7.0),
        ("when", "02/03/2024", pd.Timestamp("2024-02-03")),
        ("alley", "NA", "NA"),
        ("alley", "12", "12"),
        ("code", "7", "7"),
        ("waits", "-", np.nan),
        ("waits", "", np.nan),
    ],
)
@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_cell_is_read_as_those_of_the_file_that_was_learnt(
    tmp_path, column, cell, value, separator
):
    table = continued(tmp_path, separator.join([column, "rush"]) + f"\n{cell}{separator}no\n")
    assert list(table.columns) == [column, "rush"]
    (read,) = table[column]
    assert pd.isna(read) if value is np.nan else read == value


def test_a_cell_does_not_depend_on_the_other_rows(tmp_path):
    alone = continued(tmp_path, "alley;area\nNA;290,5\n")
    beside = continued(tmp_path, "alley;area\nNA;290,5\nPave;1\nNA;3,25\n")
    assert alone.iloc[0].tolist() == beside.iloc[0].tolist() == ["NA", 290.5]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("area\n290,5\nunbekannt\n", "'area' is numbers except for 1 cell: 'unbekannt' in line 3;"),
        ("fee\n€200\n", "amounts in '$' and in '€'"),
        ("when\n31/12/2024\n", "'when'"),
        ("area\n1.5\n", "'.' and with ','"),
    ],
)
def test_a_cell_that_does_not_continue_its_column_is_refused(tmp_path, text, reason):
    with pytest.raises(BadInput) as caught:
        continued(tmp_path, text)
    assert reason in str(caught.value)
    assert "--" not in str(caught.value)  # the command that forecasts has no such flags


def test_columns_that_were_not_learnt_are_read_by_themselves(tmp_path):
    table = continued(tmp_path, "other;area\n1.5;3,5\n2.5;4,5\n")
    assert table["other"].tolist() == [1.5, 2.5]
    assert table["area"].tolist() == [3.5, 4.5]
