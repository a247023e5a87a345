"""The tools of wit/sheet.wit."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.sheet import (
    Cell_Empty,
    Cell_Number,
    Cell_Text,
    Cell_Truth,
    Kind,
    Problem_NoColumn,
    Problem_NoNumbers,
    Problem_NoSheet,
    Problem_TooLarge,
    Problem_Unreadable,
    Table,
)

import drawing
import files

DEFAULT_ROWS, MOST_ROWS = 100, 10_000


def read(content: bytes, name: str | None) -> files.Sheet:
    try:
        return files.read(content, name)
    except files.TooLarge as error:
        raise Err(Problem_TooLarge(str(error))) from None
    except files.Unreadable as error:
        raise Err(Problem_Unreadable(str(error))) from None
    except files.NoSheet as error:
        raise Err(Problem_NoSheet(error.names)) from None


def cell(value):
    match value:
        case None:
            return Cell_Empty()
        case bool():
            return Cell_Truth(value)
        case float():
            return Cell_Number(value)
        case _:
            return Cell_Text(value)


def column(sheet: files.Sheet, name: str) -> list:
    if name not in sheet.columns:
        raise Err(Problem_NoColumn(sheet.columns))
    at = sheet.columns.index(name)
    return [row[at] for row in sheet.rows]


class Sheet(exports.Sheet):
    def rows(self, content: bytes, sheet: str | None, skip: int | None, limit: int | None) -> Table:
        found = read(content, sheet)
        first = skip or 0
        count = DEFAULT_ROWS if limit is None else min(limit, MOST_ROWS)
        rows = [[cell(value) for value in row] for row in found.rows[first : first + count]]
        return Table(found.name, found.sheets, found.columns, rows, len(found.rows))

    def chart(self, content: bytes, labels: str, values: list[str], kind: Kind | None, title: str | None,
              sheet: str | None) -> str:
        found = read(content, sheet)
        names = [files.shown(value) for value in column(found, labels)[: drawing.MOST_ROWS]]
        series = []
        for name in values[: drawing.MOST_SERIES]:
            numbers = [value if type(value) is float else None for value in column(found, name)[: drawing.MOST_ROWS]]
            if all(number is None for number in numbers):
                raise Err(Problem_NoNumbers(name))
            series.append((name, numbers))
        return drawing.chart(names, series, kind == Kind.LINE, title or "")
