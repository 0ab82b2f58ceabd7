"""What was done, and taking it back: the log, undo and redo.

An operation is undone by putting its logged cells back and by appending, for each decision it made, the one before it; what follows is
derived again. Undo is an operation itself, so it can be taken back. It refuses where something later touched the same, and says what.
A direct edit (a `sqlite-utils` one-liner) has no operation: `log` shows it as "edit:N", N being its first row in `changes`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from .. import schema
from ..db import Row, Rows
from ..errors import BadInput, MusicdbError
from ..truth import deriving, genre_words, wording
from . import ledger

if TYPE_CHECKING:
    from ..db import Database

COLUMNS = "operation at type actor what changes decisions state".split()
INSERT = """
insert into decisions (entity, entity_key, field, value, platform, note, decided_by, operation_id)
values (?, ?, ?, ?, ?, ?, ?, ?)
"""
# What an operation decided: per key the first and last of its rows, and what counted before.
DECIDED = """
with mine as (
  select d.entity, d.entity_key, d.field, min(d.id) as first, max(d.id) as last
  from decisions as d
  where {where}
  group by d.entity, d.entity_key, d.field
)
select m.entity, m.entity_key, m.field, m.first, m.last, p.value, p.platform
from mine as m
left join decisions as p on p.id = (
  select max(id) from decisions where entity = m.entity and entity_key = m.entity_key and field = m.field and id < m.first
)
"""
CHANGES = "select id, op, entity, entity_key, field, old, new from changes where {where} and op <> 'batch' order by id desc"
# Partial index ix_op_undoes: what an undo or redo took back, by that and by its own number.
UNDOING = """
select id from operations indexed by ix_op_undoes
where type in ('undo', 'redo') and status = 'completed' and json_extract(details, '$.undoes') = ? order by id desc
"""
WHAT = "select json_extract(details, '$.undoes') from operations where id = ? and type in ('undo', 'redo') and status = 'completed'"
# + : by id, not all of a type
UNDOS = "select id from operations where +type in ('undo', 'redo') and +status = 'completed' order by id desc"
LATER = "select id, json_extract(details, '$.undoes') from operations where id > ? and +type in ('undo', 'redo') and +status = 'completed'"
EDITED = "edited in the table"  # the note of decisions that a trigger makes of a direct edit
WORDS = ("genre rule", "genre tree")  # operations of which tracks follow that say a word for a genre
DERIVED_TYPES = ("resolve", "releases", "link", "covers", "setup")


class CannotUndo(MusicdbError):
    """Something later stands in the way, or there is nothing to take back; the text names it."""


@dataclass
class Undone:
    """What undo or redo did: its own operation, what it took back or did again (a number or "edit:N"), rows and decisions put back."""

    operation: int
    undid: int | str
    rows: int
    decisions: int
    tracks: set[int] = field(default_factory=set, repr=False)


@dataclass(frozen=True)
class _Target:
    """An operation, or a run of direct edits (first to last row of `changes`)."""

    operation: int | None
    first: int = 0
    last: int = 0

    @property
    def name(self) -> int | str:
        return self.operation if self.operation is not None else f"edit:{self.first}"

    def where(self) -> tuple[str, list[int]]:
        if self.operation is not None:
            return "operation_id = ?", [self.operation]
        return "operation_id is null and id between ? and ?", [self.first, self.last]


# ---------- the log


def log(db: Database, *, limit: int = 20, track: int | None = None, everything: bool = False) -> Rows:
    """What was done, newest first: operation (a number, or "edit:N" for a direct edit), at, type, actor, what, changes, decisions, state.

    state: "" (can be undone), "undone by N", or "nothing decided" (an import, a rebuild). What only derives is shown with everything=True.
    track: only what concerns this track.
    """
    ids = None
    if track is not None:
        if (uid := db.value("select track_uid from track_ids where id = ?", [track])) is None:
            raise BadInput(f"there is no track {track}")
        sql = """
        select operation_id from decisions where entity = 'track' and entity_key = :uid
        union select operation_id from decisions where field = 'merged_into' and value = json_quote(:uid)
        union select operation_id from changes where entity = 'tracks' and entity_key = json_array(:id) and op <> 'batch'
        """
        ids = _json([one for (one,) in db.execute(sql, {"uid": uid, "id": track}) if one is not None])
    state = _undone_by(db)
    hidden = "" if everything else f"and type not in ({', '.join(repr(name) for name in DERIVED_TYPES)})"
    chosen = "and id in (select value from json_each(:ids))" if ids is not None else ""
    sql = f"""
    select id, coalesce(completed_at, started_at, created_at) as at, type, actor, reason, platform, status,
      (select count(*) from changes where operation_id = o.id and op <> 'batch') as changes,
      (select count(*) from decisions where operation_id = o.id) as decisions
    from operations as o
    where status in ('completed', 'failed', 'running') {hidden} {chosen}
    order by id desc limit :limit
    """
    rows = [
        [o["id"], o["at"], o["type"], o["actor"], o["reason"] or o["platform"] or "", o["changes"], o["decisions"],
         f"undone by {state[o['id']]}" if o["id"] in state else "" if o["changes"] or o["decisions"] else "nothing decided"]
        for o in db.q(sql, {"ids": ids, "limit": limit})
    ]  # fmt: skip
    for edit in _edits(db, limit):
        first, last, at, actor, entity, key, names, n = edit
        if track is None or (entity, key) == ("tracks", f"[{track}]"):
            undone = state.get(f"edit:{first}")
            what = f"{entity} {key}: {names}" if n == 1 else f"{n:,} rows of {entity}"
            rows.append([f"edit:{first}", at, "edit", actor, what, last - first + 1, 0, f"undone by {undone}" if undone else ""])
    rows.sort(key=lambda row: row[1] or "", reverse=True)
    return Rows([Row(zip(COLUMNS, row)) for row in rows[:limit]], COLUMNS, db)


def _edits(db: Database, limit: int, near: int | None = None) -> list[tuple]:
    """Runs of direct edits, newest first: (first, last, at, actor, table, key, fields, rows). A second's pause begins a new one.

    near: those around this row of `changes`, instead of the newest.
    """
    bounds = "and id between :near - 100000 and :near + 100000" if near is not None else ""
    sql = f"""
    with late as (
      select id, at, actor, entity, entity_key, field from changes where operation_id is null {bounds} order by id desc limit :rows
    ), marked as (
      select *, lag(id) over w is not id - 1 or strftime('%s', at) - strftime('%s', lag(at) over w) > 1 or lag(entity) over w is not entity as begins
      from late window w as (order by id)
    ), grouped as (select *, sum(begins) over (order by id) as run from marked)
    select min(id), max(id), min(at), max(actor), max(entity), max(entity_key), group_concat(distinct field), count(distinct entity_key)
    from grouped group by run order by 1 desc limit :limit
    """
    rows = 200_001 if near is not None else 50 * limit + 1000
    return db.execute(sql, {"rows": rows, "limit": limit, "near": near}).fetchall()


def _undone_by(db: Database) -> dict[int | str, int]:
    """What is taken back now -> the undo that did it: of everything, for the log."""
    sql = "select id, json_extract(details, '$.undoes') from operations where type in ('undo', 'redo') and status = 'completed' order by id desc"
    found: dict[int | str, int] = {}
    for undo, what in db.execute(sql):
        if undo not in found and what is not None:  # an undo that was taken back takes nothing back
            found.setdefault(what, undo)
    return found


def _undone(db: Database, what: int | str | None) -> int | None:
    """The undo by which this is taken back now: the newest of it that was not taken back itself; found by index."""
    return next((undo for (undo,) in db.execute(UNDOING, [what]).fetchall() if _undone(db, undo) is None), None)


def _undoes_now(db: Database, operation: int | None) -> bool:
    """Whether an operation is an undo (or redo) that holds."""
    what = db.value(WHAT, [operation])
    return what is not None and _undone(db, what) == operation


# ---------- undo and redo


def undo(db: Database, operation: int | str | None = None, *, by: str | None = None, note: str | None = None) -> Undone:
    """Take an operation back: a number or "edit:N" of `log`; the last one without. Raises CannotUndo naming what stands in the way."""
    if operation is None:
        operation = _last(db)
    target = _target(db, operation)
    if (undo := _undone(db, target.name)) is not None:
        raise CannotUndo(f"{_call(db, target)} was taken back already, by operation {undo}; `redo` brings it again")
    return _take_back(db, target, "undo", by, note)


def redo(db: Database, operation: int | str | None = None, *, by: str | None = None, note: str | None = None) -> Undone:
    """Do again what undo took back: operation is what was undone, or the undo itself; the last undo without."""
    if operation is None:
        operation = next((undo for (undo,) in db.execute(UNDOS) if _undoes_now(db, undo)), None)
        if operation is None:
            raise CannotUndo("nothing was undone, so there is nothing to do again")
    elif isinstance(operation, str) and operation.isdigit():
        operation = int(operation)
    number = _undone(db, operation)
    target = _target(db, operation if number is None else number)
    if not _undoes_now(db, target.operation):
        raise CannotUndo(f"{_call(db, target)} was not undone, so there is nothing to do again")
    return _take_back(db, target, "redo", by, note)


def _last(db: Database) -> int | str:
    """The newest operation or edit that can be undone."""
    sql = """
    select o.id
    from operations as o
    where type not in ('undo', 'redo') and +status = 'completed'
      and (exists (select 1 from decisions where operation_id = o.id) or exists (select 1 from changes where operation_id = o.id and op <> 'batch'))
    order by o.id desc
    """  # + : from the newest on, not all that is completed
    operation = next((row[0] for row in db.execute(sql) if _undone(db, row[0]) is None), None)
    last = db.value("select max(id) from changes where operation_id = ?", [operation]) or 0
    edit = None
    if (db.value("select id from changes where operation_id is null order by id desc limit 1") or 0) > last:
        edit = next((row for row in _edits(db, 20) if row[1] > last and _undone(db, f"edit:{row[0]}") is None), None)
    if operation is None and edit is None:
        raise CannotUndo("nothing to undo: no decision, merge or edit is in the log")
    return f"edit:{edit[0]}" if edit else operation


def _target(db: Database, operation: int | str) -> _Target:
    """Raises BadInput for what is no operation."""
    text = str(operation)
    if match := re.fullmatch(r"edit:(\d+)", text):
        first = int(match[1])
        run = next((row for row in _edits(db, 200_001, first) if row[0] <= first <= row[1]), None)
        if run is None:
            raise BadInput(f"there is no direct edit {text}; `musicdb log` shows what there is")
        return _Target(None, run[0], run[1])
    if not text.isdigit() or db.value("select 1 from operations where id = ?", [int(text)]) is None:
        raise BadInput(f"there is no operation {text}; `musicdb log` shows what there is")
    return _Target(int(text))


def _call(db: Database, target: _Target) -> str:
    if target.operation is None:
        return f"the direct edit {target.name}"
    row = db.one("select type, reason from operations where id = ?", [target.operation])
    reason = f": {row.reason}" if row and row.reason and row.type not in ("undo", "redo") else ""
    return f"operation {target.operation} ({row.type}{reason})" if row else f"operation {target.operation}"


def _take_back(db: Database, target: _Target, kind: str, by: str | None, note: str | None) -> Undone:
    with db.atomic():
        where, params = target.where()
        changes = db.execute(CHANGES.format(where=where), params).fetchall()
        decided = _decided(db, target, changes)
        if not changes and not decided and not _undoes_now(db, target.operation):  # (a change to and fro leaves an undo nothing to do)
            raise CannotUndo(f"{_call(db, target)} decided nothing and edited nothing: what it derived follows from other things")
        quiet = _cancelled(db, target)
        _no_later_decision(db, target, decided, quiet)
        _no_later_change(db, target, changes, quiet)
        skip = set()  # cells of which the next resolve makes what they should be, now that their decision is taken back
        if target.operation is None:
            uids = {(key, name) for entity, key, name, *_ in decided if entity == "track"}
            skip = {("tracks", c[3], c[4]) for c in changes if c[2] == "tracks" and (_uid(db, c[3]), c[4]) in uids}
        what = _call(db, target if kind == "undo" else _as_target(_undoes(db, target)))
        fields = {"reason": f"{what} {'taken back' if kind == 'undo' else 'done again'}"}
        with db.operation(kind, actor=by or "me", **fields) as op:
            first = _first_type(db, target)
            words = genre_words.said(db) if first in WORDS else None
            try:
                rows = ledger.undo(db, changes, skip=skip)
            except ledger.Conflict as conflict:
                raise CannotUndo(_stands(db, target, conflict, quiet)) from conflict
            inverse = [
                (entity, key, name, value, platform, note, by or "me", op.id) for entity, key, name, _, _, value, platform in decided
            ]
            db.executemany(INSERT, inverse)
            tracks = deriving.follow(db, [row[:3] for row in inverse])
            if words:
                wording.follow(db, words)
            elif first == "trust":  # any track may follow
                deriving.everywhere(db)
            _sweep(db, target)
            if inverse:
                op.summary("decisions", len(inverse))
            op.details = {"undoes": target.name, "rows": rows, "decisions": len(inverse)}
    return Undone(op.id, target.name if kind == "undo" else _undoes(db, target), rows, len(inverse), tracks)


def _undoes(db: Database, target: _Target) -> int | str:
    """What an undo took back; what a redo did again."""
    what = db.value("select json_extract(details, '$.undoes') from operations where id = ?", [target.operation])
    return target.name if what is None else what


def _first_type(db: Database, target: _Target) -> str | None:
    """The type of what was done first: of an undo, of what it took back, and so on."""
    number = target.operation
    while isinstance(what := db.value(WHAT, [number]), int):
        number = what
    return db.value("select type from operations where id = ?", [number])


def _uid(db: Database, key: str) -> str | None:
    return db.value("select track_uid from track_ids where id = json_extract(?, '$[0]')", [key])


def _decided(db: Database, target: _Target, changes: list[tuple]) -> list[tuple]:
    """(entity, key, field, first id, last id, value before, platform before) of each key that the target decided."""
    if target.operation is not None:
        return db.execute(DECIDED.format(where="d.operation_id = ?"), [target.operation]).fetchall()
    found = []
    for number, op, table, key, name, _, new in changes:  # a direct edit: the trigger made its decision in the same statement
        if table == "tracks" and op == "cell" and name in schema.RESOLVED:
            sql = """
            d.operation_id is null and d.entity = 'track' and d.field = ? and d.note = ? and d.value is json_quote(?)
              and d.entity_key = (select track_uid from track_ids where id = json_extract(?, '$[0]'))
              and d.decided_at = (select at from changes where id = ?)
            """
            rows = db.execute(
                DECIDED.format(where=sql), [name, EDITED, new, key, number]
            )
            found += [row for row in rows.fetchall() if row[:3] not in {other[:3] for other in found}]
    return found


# ---------- what stands in the way


def _cancelled(db: Database, target: _Target) -> set[int | str]:
    """Later operations that cancel each other out: both the undone and its undo came after the target."""
    start, pairs = _position(db, target), db.execute(LATER, [target.operation or 0]).fetchall()
    later = [(undo, what) for undo, what in pairs if _undone(db, undo) is None]
    return {one for undo, what in later if _position(db, _as_target(what)) > start for one in (undo, what)}


def _as_target(what: int | str) -> _Target:
    return _Target(None, int(str(what).partition(":")[2])) if isinstance(what, str) else _Target(what)


def _position(db: Database, target: _Target) -> int:
    """Where it stands in the ledger: its first row there."""
    if target.operation is None:
        return target.first
    first = db.value("select min(id) from changes where operation_id = ?", [target.operation])
    return first or db.value("select max(id) from changes where operation_id < ?", [target.operation]) or 0


def _no_later_decision(db: Database, target: _Target, decided: list[tuple], quiet: set[int | str]) -> None:
    later = """
    select operation_id, decided_by, decided_at from decisions
    where entity = ? and entity_key = ? and field = ? and id > ? and operation_id is not ?
    order by id
    """
    for entity, key, name, _, last, *_ in decided:
        for operation, by, at in db.execute(later, [entity, key, name, last, target.operation]).fetchall():
            if operation is None or operation not in quiet:
                if operation is None and _is_quiet_edit(db, quiet, at):
                    continue
                who = _call(db, _Target(operation)) if operation is not None else f"a direct edit by {by} at {at}"
                raise CannotUndo(
                    f"{_call(db, target)} cannot be taken back: {who} decided {name} of {_named(db, entity, key)} since; take that back first"
                )


def _is_quiet_edit(db: Database, quiet: set[int | str], at: str) -> bool:
    return any(
        isinstance(one, str) and db.value("select 1 from changes where id = ? and at = ?", [_as_target(one).first, at]) for one in quiet
    )


def _no_later_change(db: Database, target: _Target, changes: list[tuple], quiet: set[int | str]) -> None:
    if not changes:
        return
    later = """
    select id, operation_id from changes
    where entity = ? and entity_key = ? and (field is ? or field is null or ? is null or op in ('insert', 'delete', 'rekey'))
      and id > ? and op <> 'batch' and operation_id is not ?
    order by id
    """
    top = max(change[0] for change in changes)
    seen = set()
    for _, op, table, key, name, old, _ in changes:
        for one in (key, old) if op == "rekey" else (key,):
            cell = (table, one, None if op in ("insert", "delete", "rekey") else name)
            if cell in seen:
                continue
            seen.add(cell)
            for number, operation in db.execute(later, [table, one, cell[2], cell[2], top, target.operation]).fetchall():
                if operation is None:
                    edit = _target(db, f"edit:{number}")
                    if edit.name in quiet or (target.operation is None and target.first <= number <= target.last):
                        continue
                    who = _call(db, edit)
                elif operation in quiet:
                    continue
                else:
                    who = _call(db, _Target(operation))
                what = f"{table} {one}" + (f", {cell[2]}" if cell[2] else "")
                raise CannotUndo(f"{_call(db, target)} cannot be taken back: {who} changed {what} since; take that back first")


def _stands(db: Database, target: _Target, conflict: ledger.Conflict, quiet: set[int | str]) -> str:
    """The sentence for a row that cannot be put back, with who changed it last."""
    last = db.execute(
        "select operation_id, id from changes where entity = :table and op <> 'batch' and (entity_key = :key or (op = 'rekey' and old = :key)) "
        "order by id desc limit 1", {"table": conflict.table, "key": conflict.key}
    ).fetchone()  # fmt: skip
    who = ""
    if last and last[0] is not None and last[0] != target.operation:
        who = f"; {_call(db, _Target(last[0]))} did that: take it back first"
    elif last and last[0] is None:
        who = f"; the direct edit edit:{last[1]} did that: take it back first"
    return f"{_call(db, target)} cannot be taken back: {conflict.table} {conflict.key}: {conflict.reason}{who}"


def _named(db: Database, entity: str, key: str) -> str:
    if entity in deriving.merged.KINDS:
        id = db.value(f"select id from {entity}_ids where {entity}_uid = ?", [key])
        return f"{entity} {id if id is not None else key}"
    return f"{entity} {key}"


def _sweep(db: Database, target: _Target) -> None:
    """Names and albums that the operation needed and nothing uses any more go; their identities stay theirs."""
    if target.operation is None:
        return
    noted = "select entity, new from changes where operation_id = ? and op = 'batch' and field = 'made'"
    made: dict[str, set[int]] = {}
    for table, ids in db.execute(noted, [target.operation]).fetchall():
        made.setdefault(table, set()).update(msgspec.json.decode(ids))
    for kind, table in reversed(deriving.merged.KINDS.items()):  # an album before its artist
        shown = "title" if kind in ("track", "release_group") else "name"
        for id in sorted(made.get(table, ())):
            row = db.execute(f"select {shown}, merged_into_id from {table} where id = ?", [id]).fetchone()
            gone = row is not None and row[1] is None and (kind != "track" or row[0] is None)  # a track goes only with its observations
            if gone and not ledger.used(db, table, id, kind):
                with db.operation("sweep", mode="batch"):
                    db.execute("delete from external_ids where entity_type = ? and entity_id = ?", [kind, id])
                    db.execute(f"delete from {table} where id = ?", [id])


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
