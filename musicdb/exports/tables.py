"""Tables for other programs, and back: a selection of tracks as rows, edited anywhere, compared and applied as one operation.

    rows = tables.sheet(db, "select id from tracks where bpm > 170")     # a list of dicts; pandas.DataFrame(rows) where you like
    tables.write_csv("fast.csv", rows)                                    # edit it in a spreadsheet
    tables.diff(db, "fast.csv")                                           # what would change
    tables.apply(db, "fast.csv")

Cells are safe in a spreadsheet and give the same text back: one that a spreadsheet would run (=, +, -, @), take for a number (0012), a date (1/2,
May 5) or a truth, or that begins with an apostrophe gets an apostrophe in front; an empty text is a lone apostrophe, an empty cell is no value. Several names stand
with "; " between them, or as JSON where one of them holds a semicolon.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import tags
from ..db import Row, Rows
from ..errors import BadInput
from ..truth import decisions, selecting

if TYPE_CHECKING:
    from ..db import Database
    from ..truth.decisions import Decided

FIELDS = "title version artist_credit album year release_date genres label catalogue_number bpm musical_key rating comment tags".split()
KEY = "track"
MORE = ("track_uid",)  # for people and other databases: not read
NUMBERS = {"year": int, "rating": int, "bpm": float}
LISTS = ("genres", "label", "tags")
MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
# What a spreadsheet runs, or takes for a number, an amount, a date or a truth, and writes back as something else.
GUARDED = re.compile(
    rf"[=+\-@'\t\r\n]|[\d.,:/%$€£\s-]*\d[\d.,:/%$€£\s-]*$|\d[\d.,]*e[+-]?\d+$|(true|false)$|{MONTH}[\s./-]*\d+$|\d+[\s./-]*{MONTH}([\s./-]*\d+)?$", re.IGNORECASE
)
SHOWN = 10  # faults that a message names


def cell(value: Any) -> str:
    """The text of a value in a CSV file; `text_of` gives the text back."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        plain = "; ".join(map(str, value))
        odd = plain.startswith("[") or any(";" in str(one) or str(one) != str(one).strip() or one == "" for one in value)
        value = json.dumps(list(value), ensure_ascii=False) if odd else plain
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if not isinstance(value, str):
        return str(value)
    return f"'{value}" if not value or GUARDED.match(value) else value


def text_of(cell: str) -> str | None:
    """The text of a cell; None for an empty one."""
    if cell == "":
        return None
    return cell[1:] if cell.startswith("'") else cell


def sheet(db: Database, tracks: selecting.Tracks = "all", fields: Sequence[str] = FIELDS) -> Rows:
    """Rows of the library to be edited: track, track_uid and these fields; lists for genres and label."""
    if unknown := [name for name in fields if name not in FIELDS]:
        raise BadInput(f"there is no field {unknown[0]!r} in a table; there are {', '.join(FIELDS)}")
    ids, _ = selecting.tracks(db, tracks)
    now = values(db, ids, fields)
    uids = dict(db.execute("select id, track_uid from track_ids where id in (select value from json_each(?))", [json.dumps(ids)]).fetchall())
    rows = [Row({KEY: one, "track_uid": uids[one], **{name: now[one, name] for name in fields}}) for one in ids]
    return Rows(rows, (KEY, *MORE, *fields), db)


def values(db: Database, tracks: Sequence[int], names: Sequence[str]) -> dict[tuple[int, str], Any]:
    """(track, field) -> its value now; your own tags as "Group: name"."""
    found = decisions.values(db, tracks, [name for name in names if name != "tags"])
    if "tags" in names:
        own = tags.own(db, tracks)
        found |= {(track, "tags"): own.get(track) for track in tracks}
    return found


def write_csv(path: str | Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str] = ()) -> int:
    """Write rows as CSV (UTF-8 with a mark, as spreadsheets want it); returns how many."""
    rows = list(rows)
    columns = list(columns or getattr(rows, "columns", ()) or (rows[0] if rows else ()))
    try:
        with open(path, "w", encoding="utf-8-sig", newline="", errors="surrogatepass") as out:
            writer = csv.writer(out)
            writer.writerow(columns)
            writer.writerows([cell(row[name]) for name in columns] for row in rows)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from error
    return len(rows)


def write_json(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as a JSON array of objects; returns how many."""
    rows = [{name: f"0x{value.hex()}" if isinstance(value, bytes) else value for name, value in row.items()} for row in rows]
    try:
        Path(path).write_text(json.dumps(rows, ensure_ascii=False, indent=1), "utf-8", errors="surrogatepass")
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from error
    return len(rows)


def read(edited: str | Path | Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of an edited file, list of dicts, or DataFrame; of a file the cells are text, None where empty. Raises BadInput."""
    if not isinstance(edited, (str, Path)):
        rows = edited.to_dict("records") if hasattr(edited, "to_dict") else [dict(row) for row in edited]
        return [{name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()} for row in rows]
    path = Path(edited)
    try:
        text = path.read_text("utf-8-sig", errors="surrogatepass")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as UTF-8 text: {error}; save it as CSV UTF-8") from error
    if path.suffix.lower() == ".json":
        try:
            rows = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{path} is no JSON: {error}") from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadInput(f"{path} is no list of rows as `musicdb export json` writes it")
        return rows
    with open(path, encoding="utf-8-sig", newline="", errors="surrogatepass") as file:
        head = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=head.count)  # spreadsheets of some countries save with semicolons
        limit = csv.field_size_limit(max(len(text), 1))  # the usual one refuses a long comment
        try:
            table = list(csv.reader(file, delimiter=delimiter))
        except csv.Error as error:
            raise BadInput(f"{path} is no CSV: {error}") from error
        finally:
            csv.field_size_limit(limit)
    columns = table[0] if table else []
    if twice := [name for name in dict.fromkeys(columns) if columns.count(name) > 1]:
        raise BadInput(f"{path} has the column {twice[0]!r} more than once: which one counts?")
    if KEY not in columns:
        raise BadInput(f"{path} has no column {KEY!r} with the ids of tracks; its columns are {', '.join(columns) or 'none'}")
    if uneven := [str(n) for n, row in enumerate(table, 1) if row and len(row) != len(columns)]:
        raise BadInput(f"{path}: {len(uneven)} lines have not the {len(columns)} cells of the header: lines {', '.join(uneven[:SHOWN])}")
    return [dict(zip(columns, map(text_of, row))) for row in table[1:] if row]


def changes(db: Database, edited: str | Path | Iterable[Mapping[str, Any]]) -> dict[tuple[int, str], Any]:
    """{(track, field): new value} of what differs from the library. Raises BadInput that lists all that cannot be."""
    rows = read(edited)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    faults = [f"there is no column {name!r}" for name in columns if name not in (KEY, *MORE, *FIELDS)]
    ids: list[int] = []
    for n, row in enumerate(rows, 2):
        raw = row.get(KEY)
        if isinstance(raw, bool) or not re.fullmatch(r"\d{1,18}(\.0)?", str(raw)):
            faults.append(f"line {n}: {raw!r} is no id of a track")
            continue
        ids.append(int(float(raw)) if isinstance(raw, float) else int(str(raw).removesuffix(".0")))
    faults += [f"track {one} stands on {ids.count(one)} lines" for one in dict.fromkeys(ids) if ids.count(one) > 1] if len(set(ids)) < len(ids) else []
    there = {id for (id,) in db.execute("select id from tracks where id in (select value from json_each(?)) and merged_into_id is null", [json.dumps(ids)])}
    faults += [f"there is no track {one}" for one in ids if one not in there]
    found: dict[tuple[int, str], Any] = {}
    if not faults:
        names = [name for name in FIELDS if name in columns]
        now = values(db, ids, names)
        for track, row in zip(ids, rows):
            for name in names:
                if name in row and not _same(row[name], now[track, name], name):
                    value = value_of(row[name], name)
                    try:
                        _check(db, name, value)
                    except BadInput as error:
                        faults.append(f"track {track}: {error}")
                    found[track, name] = value
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise BadInput("nothing was changed: " + "; ".join(faults[:SHOWN]) + more)
    return found


def _check(db: Database, name: str, value: Any) -> None:
    """Raises BadInput for a value that cannot be."""
    if name != "tags":
        decisions.check_value(db, name, value)
    elif value is not None:
        if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
            raise BadInput(f"tags cannot be {value!r}; it is a list of names")
        for one in value:
            tags.split(one)


def value_of(raw: Any, name: str) -> Any:
    """What an edited cell means: None, a number where the field is one, a list of names."""
    if raw is None or raw == "":
        return None
    if name in LISTS and isinstance(raw, str):
        if raw.startswith("["):
            try:
                return json.loads(raw)  # as `cell` writes names that hold a semicolon
            except (ValueError, RecursionError):
                pass  # a name may begin with a bracket
        return [one.strip() for one in raw.split(";") if one.strip()]
    if name in NUMBERS and isinstance(raw, str):
        try:
            number = float(raw.replace(",", "."))
        except ValueError:
            return raw  # `check_value` says what is wanted
        return int(number) if NUMBERS[name] is int and number.is_integer() else number
    return raw


def _same(raw: Any, now: Any, name: str) -> bool:
    if raw in (None, "") or now is None:
        return raw in (None, "") and now is None
    value = value_of(raw, name)
    if name in LISTS and isinstance(value, (list, tuple)):
        return set(map(str, value)) == set(now)  # in no order of their own
    return value == now or (isinstance(raw, str) and raw == text_of(cell(now)))


def diff(db: Database, edited: str | Path | Iterable[Mapping[str, Any]]) -> Rows:
    """What applying would decide: track, field, old, new. Changes nothing."""
    found = changes(db, edited)
    now = values(db, list(dict.fromkeys(track for track, _ in found)), list(dict.fromkeys(name for _, name in found)))
    rows = [Row(track=track, field=name, old=now[track, name], new=value) for (track, name), value in found.items()]
    return Rows(rows, decisions.CHANGED, db)


def apply(db: Database, edited: str | Path | Iterable[Mapping[str, Any]], *, by: str | None = None) -> Decided:
    """Decide what differs, and set tags, as one operation that `undo` takes back. Raises BadInput as `changes` does; then nothing is changed."""
    with db.atomic():
        found = changes(db, edited)
        wanted = {key: value for key, value in found.items() if key[1] != "tags"}
        tagged = {track: value or () for (track, name), value in found.items() if name == "tags"}
        if not tagged:
            return decisions.decide_each(db, wanted, by=by)
        ids, names = list(dict.fromkeys(track for track, _ in found)), list(dict.fromkeys(name for _, name in found))
        before = values(db, ids, names)
        with db.operation("table", actor=by or "me", reason=f"{len(found):,} values of {len(ids):,} tracks, from a table") as op:
            notes = decisions.decide_each(db, wanted, by=by).notes if wanted else []
            tags.put(db, tagged, by=by)
        after = values(db, ids, names)
        rows = [Row(track=track, field=name, old=before[track, name], new=after[track, name]) for track, name in found if before[track, name] != after[track, name]]
        return decisions.Decided(op.id, len(found), Rows(rows, decisions.CHANGED, db), notes)
