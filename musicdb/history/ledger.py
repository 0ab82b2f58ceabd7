"""Put logged cells back: what a run of `changes` did to the tables of the truth, undone row by row, newest first.

The triggers log one untyped row a cell (`schema.py`). Events are put together again from consecutive rows: all cells of a row at once,
because a table's checks hold only for whole rows. Nothing is forced: where a cell no longer holds what the change left, or a foreign
key would break, `Conflict` says which.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec

from .. import schema

if TYPE_CHECKING:
    from ..db import Database

Change = tuple[int, str, str, str, str | None, Any, Any]  # id, op, entity, entity_key, field, old, new


class Conflict(Exception):
    """A row that cannot be put back: table, key (JSON list), field, what is wrong. For `history`, which finds out who did it."""

    def __init__(self, table: str, key: str, field: str | None, reason: str):
        super().__init__(reason)
        self.table, self.key, self.field, self.reason = table, key, field, reason


@dataclass
class Event:
    """What happened to one row: op insert, delete or cell; its key after (and before, where that changed); field -> [old, new]."""

    op: str
    table: str
    key: str
    before: str
    cells: dict[str, list[Any]] = field(default_factory=dict)


def events(changes: Iterable[Change]) -> Iterator[Event]:
    """Yield the events of these changes (by id, newest first), newest first."""
    found: list[Event] = []
    for _, op, table, key, name, old, new in reversed(list(changes)):
        last = found[-1] if found else None
        if op == "batch":
            continue
        if op == "rekey":
            found.append(Event("cell", table, key, old))
        elif last and (last.op, last.table, last.key) == (op, table, key) and (op == "cell" or name not in last.cells):
            cell = last.cells.setdefault(name or "", [old, new])
            cell[1] = new
        else:
            found.append(Event(op, table, key, key, {name or "": [old, new]}))
    return reversed(found)


def undo(db: Database, changes: Iterable[Change], *, skip: set[tuple[str, str, str]] = frozenset()) -> int:  # type: ignore[assignment]
    """Put back what these changes did; return how many rows were written. To be called in an operation of mode "row".

    skip: (table, key, field) of cells that are derived again and not put back. Raises Conflict; the caller's transaction takes back the rest.
    """
    changes = list(changes)
    if not changes:
        return 0
    # Until the commit: within a change set the order of rows is free. (Every prepared statement is made again after it: not for nothing.)
    db.execute("pragma defer_foreign_keys = on")
    restored, gone, n = [], [], 0
    for event in events(changes):
        cells = {name: pair for name, pair in event.cells.items() if (event.table, event.key, name) not in skip}
        n += 1
        try:
            if event.op == "insert":
                _expect(db, event, cells)
                _kept_rows(db, event, gone)
                gone.append((event.table, event.key))
                db.execute(f"delete from {event.table} where {_where(db, event.table)}", _key(event.key))
            elif event.op == "delete":
                _insert(db, event)
                restored.append((event.table, event.key))
            elif cells:
                _expect(db, event, cells)
                sets = ", ".join(f'"{name}" = ?' for name in cells)
                values = [pair[0] for pair in cells.values()]
                db.execute(f"update {event.table} set {sets} where {_where(db, event.table)}", [*values, *_key(event.key)])
                restored.append((event.table, event.before))
                if event.before != event.key:
                    gone.append((event.table, event.key))
        except sqlite3.IntegrityError as error:
            raise Conflict(event.table, event.key, None, f"{error}") from error
    for table, key in restored:
        _parents(db, table, key)
    for table, key in gone:
        _children(db, table, key)
    return n


def _expect(db: Database, event: Event, cells: dict[str, list[Any]]) -> None:
    """The row still holds what the change left."""
    names = list(cells) or keys(db, event.table)
    row = db.execute(
        f"select {', '.join(map(_quoted, names))} from {event.table} where {_where(db, event.table)}", _key(event.key)
    ).fetchone()
    if row is None:
        raise Conflict(event.table, event.key, None, "the row is gone")
    for name, value in zip(names, row):
        if name in cells and not _same(value, cells[name][1]):
            raise Conflict(event.table, event.key, name, f"it holds {value!r} now, not {cells[name][1]!r}")


def _same(one: Any, other: Any) -> bool:
    return one == other and (type(one) is type(other) or {type(one), type(other)} == {int, float})


def _insert(db: Database, event: Event) -> None:
    shape = _shapes(db)[0][event.table]
    columns = {name: event.cells.get(name, [None])[0] for name in shape.columns}
    names = ", ".join(map(_quoted, columns))
    stamp = f", {schema.NOW}" if shape.has_updated_at else ""
    into = f"{names}, updated_at" if stamp else names
    db.execute(f"insert into {event.table} ({into}) values ({', '.join('?' * len(columns))}{stamp})", [*columns.values()])


# ---------- foreign keys: looked at row by row, because a check of whole tables would cost as much as the library is large


def _parents(db: Database, table: str, key: str) -> None:
    """Everything that a restored row refers to is there."""
    for parent, pairs in _shapes(db)[0][table].references:
        mine = ", ".join(_quoted(column) for column, _ in pairs)
        row = db.execute(f"select {mine} from {table} where {_where(db, table)}", _key(key)).fetchone()
        if row is None or any(value is None for value in row):
            continue
        where = " and ".join(f"{_quoted(to)} = ?" for _, to in pairs)
        if db.value(f"select 1 from {parent} where {where}", row) is None:
            raise Conflict(parent, msgspec.json.encode(list(row)).decode(), None, f"{table} refers to {parent} {row[0]!r}, which is gone")


def _children(db: Database, table: str, key: str) -> None:
    """Nothing refers to a row that is gone."""
    if db.value(f"select 1 from {table} where {_where(db, table)}", _key(key)) is not None:
        return  # made again since
    for child, pairs in _shapes(db)[1].get(table, []):
        if [to for _, to in pairs] == keys(db, table):
            _nothing_refers(db, child, pairs, _key(key), table, set())


def _kept_rows(db: Database, event: Event, gone: list[tuple[str, str]]) -> None:
    """Deleting a row must not silently delete what others hung on it since. (What only refers to it is looked at in the end.)"""
    _, referring, cascading = _shapes(db)
    for child, pairs in referring.get(event.table, []):
        if child in schema.LEDGER and child in cascading.get(event.table, ()) and [to for _, to in pairs] == keys(db, event.table):
            _nothing_refers(db, child, pairs, _key(event.key), event.table, {key for table, key in gone if table == child} | {event.key})


def _nothing_refers(db: Database, child: str, pairs: list[tuple[str, str]], values: list[Any], parent: str, but: set[str]) -> None:
    where = " and ".join(f"{_quoted(column)} = ?" for column, _ in pairs)
    key = f"json_array({', '.join(map(_quoted, keys(db, child)))})"
    for (found,) in db.execute(f"select {key} from {child} where {where}", values):
        if found not in but:
            raise Conflict(child, found, None, f"{child} {found} refers to {parent} {values[0]!r}")


@dataclass
class _Shape:
    """A table: its primary key, its logged columns, whether it has updated_at, and [(parent, [(column, parent's column)])]."""

    primary: list[str]
    columns: list[str]
    has_updated_at: bool
    references: list[tuple[str, list[tuple[str, str]]]]


_SHAPES: WeakKeyDictionary[Database, tuple] = WeakKeyDictionary()


def _shapes(db: Database) -> tuple[dict[str, _Shape], dict[str, list[tuple[str, list[tuple[str, str]]]]], dict[str, set[str]]]:
    """(table -> its shape, table -> [(table that refers to it, [(its column, column referred to)])], table -> those that are deleted with it);
    read once per schema.
    """
    version = db.value("pragma schema_version")
    if (found := _SHAPES.get(db)) and found[0] == version:
        return found[1:]
    shapes: dict[str, _Shape] = {}
    referring: dict[str, list] = {}
    cascading: dict[str, set[str]] = {}
    for (table,) in db.execute("select distinct name from pragma_table_list where type = 'table' and schema <> 'temp'").fetchall():
        info = [row for row in db.execute(f"pragma table_xinfo({_quoted(table)})") if row[6] == 0]
        by_id: dict[int, tuple[str, list[tuple[str, str]]]] = {}
        for number, _, parent, column, to, _, on_delete, _ in db.execute(f"pragma foreign_key_list({_quoted(table)})").fetchall():
            by_id.setdefault(number, (parent, []))[1].append((column, to or "id"))
            if on_delete != "NO ACTION":
                cascading.setdefault(parent, set()).add(table)
        primary = [row[1] for row in sorted(info, key=lambda row: row[5]) if row[5]]
        columns = [row[1] for row in info if row[1] != "updated_at"]
        shapes[table] = _Shape(primary, columns, len(columns) < len(info), list(by_id.values()))
        for parent, pairs in by_id.values():
            referring.setdefault(parent, []).append((table, pairs))
    _SHAPES[db] = version, shapes, referring, cascading
    return shapes, referring, cascading


def keys(db: Database, table: str) -> list[str]:
    """The columns of the primary key."""
    return _shapes(db)[0][table].primary


def _where(db: Database, table: str) -> str:
    return " and ".join(f"{_quoted(name)} is ?" for name in keys(db, table))


def _key(key: str) -> list[Any]:
    return msgspec.json.decode(key)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def used(db: Database, table: str, id: int, kind: str) -> bool:
    """Whether anything refers to this row, or a person gave it an id of their own."""
    for child, pairs in _shapes(db)[1].get(table, []):
        if child != "resolved" and db.value(f"select 1 from {child} where {_quoted(pairs[0][0])} = ? limit 1", [id]) is not None:
            return True
    return db.value("select 1 from external_ids where entity_type = ? and entity_id = ? and platform is 'user'", [kind, id]) is not None
