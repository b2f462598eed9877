"""A file as whose continuation another one is read: its marks, dates and words hold for both."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.text.columns import Collector
from howrobust.datasets.tables.reading.text.dialect import dialect_of, names_of
from howrobust.datasets.tables.reading.text.rows import Rows
from howrobust.datasets.tables.reading.text.source import text_source
from howrobust.datasets.tables.reading.text.survey import Survey, surveyed


@dataclass(frozen=True)
class Example:
    """A text file whose columns say how those of the same name in another one are read.

    Parameters
    ----------
    rows : Rows
        Its rows.
    columns : dict of str to (int, Survey)
        Place of each column, and what its cells are.
    """

    rows: Rows
    columns: dict[str, tuple[int, Survey]]

    @classmethod
    def of(cls, path: Path, options: ReadOptions) -> "Example":
        """Look at all cells of a file.

        Parameters
        ----------
        path : Path
            The file.
        options : ReadOptions
            What the user says.

        Returns
        -------
        Example
            The file.

        Raises
        ------
        BadInput
            Where it is no table of text.
        """
        source = text_source(path, options.encoding)
        dialect = dialect_of(source, options.separator)
        names = names_of(source, dialect)
        rows = Rows(source, dialect, len(names))
        columns = surveyed(
            rows,
            {place: Survey(name, frozenset(options.missing)) for place, name in enumerate(names)},
        )
        return cls(rows, {each.name: (place, each) for place, each in columns.items()})

    def survey(self, name: str, missing: frozenset[str]) -> Survey:
        """Return a survey of a column that knows the cells of this file.

        Parameters
        ----------
        name : str
            The column.
        missing : frozenset of str
            Words that stand for a missing value.

        Returns
        -------
        Survey
            The survey; without cells where this file has no such column.
        """
        begun = Survey(name, missing)
        if name in self.columns:
            known = self.columns[name][1]
            begun.counts.update(known.counts)
            begun.first.update(known.first)
            begun.largest = known.largest
        return begun

    def feed(self, collectors: Mapping[str, Collector]) -> None:
        """Hand the cells of this file to what collects the columns of the same names.

        Parameters
        ----------
        collectors : mapping of str to Collector
            By name of the column.
        """
        for block in self.rows.blocks():
            for name, each in collectors.items():
                if name in self.columns:
                    place = self.columns[name][0]
                    each.add([row[place] for row in block.rows], block.lines)
