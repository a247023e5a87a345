"""Reads the rows of CSV and XLSX files."""

import csv

# When the skill runs there is no file to import an encoding from. The last one is of names in archives.
import encodings.utf_8_sig, encodings.cp1252, encodings.utf_16, encodings.cp437  # noqa: E401
import io
import math
import re
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree import ElementTree

MOST_BYTES = 16 << 20
# All parts of an XLSX file together, unpacked.
MOST_UNPACKED = 64 << 20
MOST_COLUMNS = 1000

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
BUILT_IN_DATES = {*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)}
NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?([eE][+-]?\d+)?|[+-]?\.\d+([eE][+-]?\d+)?")
# Where semicolons separate the cells, a comma stands before the decimals.
NUMBER_WITH_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d*)?")


class Unreadable(Exception):
    """The file is none that this skill knows, or is damaged."""


class TooLarge(Exception):
    """The file is over a limit."""


class NoSheet(Exception):
    def __init__(self, names: list[str]) -> None:
        self.names = names


@dataclass
class Sheet:
    """The rows of a sheet, under the names of its columns. A cell is None, a str, a float or a bool."""

    name: str
    sheets: list[str]
    columns: list[str]
    rows: list[list]


def read(content: bytes, name: str | None) -> Sheet:
    if len(content) > MOST_BYTES:
        raise TooLarge(f"the file has {len(content):,} bytes; the limit is {MOST_BYTES:,}")
    if content.startswith(b"PK"):
        name, names, rows = _xlsx(content, name)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("an .xls file; save it as .xlsx or CSV")
    elif name:
        raise NoSheet([])
    else:
        name, names, rows = "", [], _csv(content)
    rows = [row for row in rows if any(cell is not None for cell in row)]
    width = max(map(len, rows), default=0)
    if width > MOST_COLUMNS:
        raise TooLarge(f"the sheet has {width:,} columns; the limit is {MOST_COLUMNS:,}")
    for row in rows:
        row.extend([None] * (width - len(row)))
    head, *rest = rows or [[]]
    columns = []
    for at, cell in enumerate(head, 1):
        column = shown(cell).strip() or str(at)
        columns.append(column if column not in columns else f"{column} ({at})")
    return Sheet(name, names, columns, rest)


def shown(cell) -> str:
    """A cell as text."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return cell


def _csv(content: bytes) -> list[list]:
    text = _decoded(content)
    if "\0" in text:
        raise Unreadable("neither CSV nor XLSX")
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    counts = {separator: first.count(separator) for separator in ",;\t|"}
    separator = max(counts, key=counts.get)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return [[_value(cell, separator == ";") for cell in row] for row in rows]
    except csv.Error as error:
        raise Unreadable(f"not CSV: {error}") from None


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("the text has no encoding that this skill knows")


def _value(text: str, comma: bool):
    text = text.strip()
    if not text:
        return None
    if comma and NUMBER_WITH_COMMA.fullmatch(text):
        plain = text.replace(".", "").replace(",", ".")
    elif NUMBER.fullmatch(text):
        plain = text.replace(",", "")
    else:
        plain = None
    if plain is not None:
        number = float(plain)
        # Codes such as 007 stay what they are.
        if math.isfinite(number) and not re.match(r"[+-]?0\d", text):
            return number
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE"
    return text


def _file(content: bytes):
    """The content as a file: in the scratch files of the run if they are granted, else in memory."""
    try:
        file = tempfile.TemporaryFile()
    except OSError:
        return io.BytesIO(content)
    file.write(content)
    file.seek(0)
    return file


def _xlsx(content: bytes, name: str | None) -> tuple[str, list[str], list[list]]:
    try:
        with _file(content) as file, zipfile.ZipFile(file) as archive:
            size = sum(part.file_size for part in archive.infolist())
            if size > MOST_UNPACKED:
                raise TooLarge(f"the file unpacks to {size:,} bytes; the limit is {MOST_UNPACKED:,}")
            return _sheet(archive, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        raise Unreadable(f"no XLSX file: {error}") from None
    except (ElementTree.ParseError, ValueError, IndexError, OverflowError) as error:
        raise Unreadable(f"a damaged XLSX file: {error}") from None


def _sheet(archive: zipfile.ZipFile, name: str | None) -> tuple[str, list[str], list[list]]:
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    related = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {one.get("Id"): one.get("Target") for one in related}
    found = {one.get("name"): targets.get(one.get(RELATION)) for one in book.iter(f"{SHEET}sheet")}
    names = list(found)
    if not names:
        raise Unreadable("the file has no sheet")
    if name is not None and name not in found:
        raise NoSheet(names)
    name = name or names[0]
    path = found[name] or ""
    path = path.lstrip("/") if path.startswith("/") else f"xl/{path}"
    settings = book.find(f"{SHEET}workbookPr")
    since_1904 = settings is not None and settings.get("date1904") in ("1", "true")
    # Day 60 of the older count is a 29 February that did not exist.
    epoch = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)
    reader = _Cells(_texts(archive), _date_styles(archive), epoch)
    return name, names, reader.rows(archive.read(path))


def _part(archive: zipfile.ZipFile, path: str):
    return ElementTree.fromstring(archive.read(path)) if path in archive.namelist() else ()


def _joined(element) -> str:
    """The text of a string and its runs, without the reading aids of Japanese."""
    parts = [text.text or "" for text in element.findall(f"{SHEET}t")]
    parts += [text.text or "" for run in element.findall(f"{SHEET}r") for text in run.findall(f"{SHEET}t")]
    return "".join(parts)


def _texts(archive: zipfile.ZipFile) -> list[str]:
    return [_joined(element) for element in _part(archive, "xl/sharedStrings.xml")]


def _date_styles(archive: zipfile.ZipFile) -> set[int]:
    """The styles of cells that show a number as a date."""
    styles = _part(archive, "xl/styles.xml")
    if not len(styles):
        return set()
    dates = set(BUILT_IN_DATES)
    for custom in styles.iter(f"{SHEET}numFmt"):
        code = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", custom.get("formatCode", ""))
        if re.search("[ymdhs]", code, re.IGNORECASE) and "general" not in code.lower():
            dates.add(int(custom.get("numFmtId")))
    formats = styles.find(f"{SHEET}cellXfs")
    return {at for at, one in enumerate(formats if formats is not None else ()) if int(one.get("numFmtId", 0)) in dates}


class _Cells:
    """Reads the cells of one sheet."""

    def __init__(self, texts: list[str], dates: set[int], epoch: datetime) -> None:
        self._texts, self._dates, self._epoch = texts, dates, epoch

    def rows(self, part: bytes) -> list[list]:
        rows = []
        for row in ElementTree.fromstring(part).iter(f"{SHEET}row"):
            cells = []
            for at, cell in enumerate(row.findall(f"{SHEET}c")):
                place = _column(cell.get("r")) if cell.get("r") else len(cells)
                if place >= MOST_COLUMNS:
                    raise TooLarge(f"the sheet has more than {MOST_COLUMNS:,} columns")
                cells.extend([None] * (place - len(cells)))
                cells.append(self._cell(cell))
            rows.append(cells)
        return rows

    def _cell(self, cell):
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            inline = cell.find(f"{SHEET}is")
            return _joined(inline) or None if inline is not None else None
        text = cell.findtext(f"{SHEET}v")
        if not text:
            return None
        if kind == "s":
            return self._texts[int(text)] or None
        if kind == "b":
            return text == "1"
        if kind != "n":
            return text
        number = float(text)
        if int(cell.get("s", 0)) in self._dates and number >= 0:
            return self._date(number)
        return number if math.isfinite(number) else text

    def _date(self, number: float) -> str:
        moment = self._epoch + timedelta(seconds=round(number * 86400))
        if number < 1:
            return moment.time().isoformat()
        return moment.date().isoformat() if number.is_integer() else moment.isoformat()


def _column(reference: str) -> int:
    """The column of a reference, from 0: `AB12` is 27."""
    at = 0
    for letter in reference:
        if not "A" <= letter <= "Z":
            break
        at = at * 26 + ord(letter) - 64
    return at - 1
