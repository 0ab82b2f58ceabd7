"""Moving the diary into a file of its own, and back: copied, compared row by row, and only then taken out where it was.

Either way the library's write lock is held throughout, and its file changes in one transaction at the end: a move that is cut off leaves
the library as it was, and a copy beside it that nothing uses.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .. import diary, schema
from ..connection import BUSY_MS, register, translated
from ..errors import BadInput, DatabaseError, NotOurDatabase

LISTENING = "(select name from main.platforms where kind = 'history')"
# Which rows are of the diary, of the tables that both files have.
MINE = {
    "import_batches": f"platform in {LISTENING} or id in (select import_batch_id from main.listens_raw) or kind in ('play', 'recent')",
    "sync_checkpoints": f"platform in {LISTENING}",
}


@dataclass(frozen=True)
class Moved:
    """What a move did: both files, {table: rows}."""

    library: Path
    diary: Path
    rows: dict[str, int]


def split(path: str | Path, target: str | Path) -> Moved:
    """Move the diary of the library `path` into the new file `target`; the library's file is rebuilt, so that nothing of it stays there.

    An existing diary of another file is taken over where the library has no listens. Raises BadInput, DatabaseError; nothing is lost then.
    """
    path, target = Path(path).absolute(), Path(target).absolute()
    with translated(path), closing(_connect(path)) as conn:
        if diary.is_split(conn):
            raise BadInput(f"the listening history of {path} is in {diary.location(conn)} already; `musicdb listens join` brings it back first")
        if target == path:
            raise BadInput("the listening history needs a file of its own, beside the library")
        taken_over = target.is_file() and target.stat().st_size > 0
        if taken_over:
            if conn.execute("select 1 from listens_raw limit 1").fetchone():
                raise BadInput(f"{target} is there already; name a new file, or delete it if a move that was cut off has left it")
        else:
            _new(target)
        try:
            conn.execute("begin immediate")
            rows = {} if taken_over else _fill(path, target)
            diary_file = str(target.relative_to(path.parent)) if target.is_relative_to(path.parent) else str(target)
            for table, where in MINE.items():
                conn.execute(f"delete from main.{table} where {where}")
            for kind, name in _objects(conn):
                conn.execute(f'drop {kind} if exists main."{name}"')
            for table in reversed(diary.ONLY):
                conn.execute(f"drop table main.{table}")
            conn.execute("insert into current_operation (one, mode) values (1, 'batch')")
            conn.execute(
                "insert into config (key, value, description) values (?, ?, 'file with the listening history') "
                "on conflict (key) do update set value = excluded.value",
                [diary.CONFIG, diary_file],
            )
            conn.execute("delete from current_operation")
            _log(conn, "split", f"listening history moved to {target.name}")
            conn.execute("commit")
        except BaseException:
            if conn.in_transaction:
                conn.execute("rollback")
            if not taken_over:
                _remove(target)
            raise
        conn.execute("vacuum")  # else what was moved could still be read from the free pages
        conn.execute("pragma wal_checkpoint(truncate)")
    return Moved(path, target, rows)


def join(path: str | Path, source: str | Path | None = None) -> Moved:
    """Bring the diary back into the library `path`. Its file stays as it is, used by nothing: delete it when you have looked."""
    path = Path(path).absolute()
    with translated(path), closing(_connect(path)) as conn:
        if not diary.is_split(conn):
            raise BadInput(f"the listening history of {path} is in it already")
        there = diary.location(conn, source)
        diary.attach(conn, there, schema.objects())
        conn.execute("begin immediate")
        try:
            for statement in schema.objects().tables:
                if any(f" {name} (" in statement or f" on {name}(" in statement for name in diary.ONLY):
                    conn.execute(statement.replace("create table ", "create table main.", 1).replace("create index ", "create index main.", 1))
            # Both files numbered their batches: those of the diary go on after the library's.
            more = conn.execute("select coalesce(max(id), 0) from main.import_batches").fetchone()[0]
            clash = conn.execute("select 1 from main.import_batches join diary.import_batches using (id) limit 1").fetchone()
            more = more if clash else 0
            rows = {}
            for table in diary.TABLES:
                columns, given = _columns(conn, table, more)
                conn.execute(f"insert into main.{table} ({columns}) select {given} from diary.{table}")
                key = _shifted("id", more) if table == "import_batches" else _key(conn, table)
                where = "1" if table in diary.ONLY else f"({_key(conn, table)}) in (select {key} from diary.{table})"
                rows[table] = _same(conn, f"select {given} from diary.{table} order by {_key(conn, table)}",
                                    f"select {columns} from main.{table} where {where} order by {_key(conn, table)}", table)  # fmt: skip
            conn.execute("insert into current_operation (one, mode) values (1, 'batch')")
            conn.execute("delete from config where key = ?", [diary.CONFIG])
            conn.execute("delete from current_operation")
            for name in schema.objects().cross:
                conn.execute(f"drop view if exists temp.{name}")
            for statement in schema.objects().triggers:
                conn.execute(f"drop trigger if exists temp.{statement.split()[2]}")
            schema.refresh(conn)
            _log(conn, "join", f"listening history brought back from {there.name}")
            conn.execute("commit")
        except BaseException:
            if conn.in_transaction:
                conn.execute("rollback")
            raise
    return Moved(path, there, rows)


def _connect(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise BadInput(f"there is no database at {path}")
    conn = sqlite3.connect(path.as_uri() + "?mode=rw", uri=True, isolation_level=None)
    conn.execute(f"pragma busy_timeout = {BUSY_MS}")
    register(conn)
    state = schema.state(conn)
    if state != "current":
        conn.close()
        raise NotOurDatabase(f"{path} is {'empty' if state == 'empty' else 'of an older version'}; `musicdb migrate` first")
    conn.execute("pragma foreign_keys = off")  # tables go in an order of our own; both files are checked as a whole
    return conn


def _new(target: Path) -> None:
    try:
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))  # a diary is nobody else's business
    except FileExistsError:
        return  # an empty file
    except OSError as error:
        raise BadInput(f"{target} cannot be created ({error.strerror}); name another file") from error


def _remove(target: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{target}{suffix}").unlink(missing_ok=True)


def _fill(path: Path, target: Path) -> dict[str, int]:
    """Copy the diary of the library (whose lock the caller holds) into a new file, and compare; returns {table: rows}."""
    with closing(sqlite3.connect(target.as_uri() + "?mode=rw", uri=True, isolation_level=None)) as copy:
        copy.execute(f"pragma page_size = {schema.PAGE_SIZE}")
        copy.execute("pragma journal_mode = wal")
        copy.execute("pragma synchronous = normal")
        copy.execute("attach ? as library", [path.as_uri() + "?mode=ro"])
        copy.execute(f"pragma application_id = {diary.APPLICATION_ID}")
        copy.execute("begin immediate")
        stored = [s.replace(f" {diary.SCHEMA}.", " ", 1) for s in schema.objects().stored()]
        for statement in stored:
            if statement.startswith("create table"):
                copy.execute(statement)
        rows = {}
        for table in diary.TABLES:
            where = MINE.get(table, "1").replace("main.", "library.")
            names = _columns(copy, table)[0]
            copy.execute(f"insert into main.{table} ({names}) select {names} from library.{table} where {where} order by {_key(copy, table)}")
        for statement in stored:
            if not statement.startswith("create table"):
                copy.execute(statement)
        copy.execute("commit")
        for table in diary.TABLES:
            where, names, key = MINE.get(table, "1").replace("main.", "library."), _columns(copy, table)[0], _key(copy, table)
            rows[table] = _same(copy, f"select {names} from library.{table} where {where} order by {key}",
                                f"select {names} from main.{table} order by {key}", table)  # fmt: skip
        copy.execute("pragma main.wal_checkpoint(truncate)")
    return rows


def _same(conn: sqlite3.Connection, before: str, after: str, table: str) -> int:
    """How many rows two queries both give; raises DatabaseError where one row differs."""
    one, two, n = conn.execute(before), conn.execute(after), 0
    while (row := one.fetchone()) is not None:
        if row != two.fetchone():
            raise DatabaseError(f"the copy of {table} differs in row {n + 1}: nothing was moved; run `musicdb check`")
        n += 1
    if two.fetchone() is not None:
        raise DatabaseError(f"the copy of {table} has more rows than it should: nothing was moved; run `musicdb check`")
    return n


def _columns(conn: sqlite3.Connection, table: str, more: int = 0) -> tuple[str, str]:
    """(columns of a table, the same with the numbers of batches raised)."""
    names = [row[1] for row in conn.execute(f"pragma table_info({table})")]
    given = [_shifted(name, more) if name == "import_batch_id" or (table, name) == ("import_batches", "id") else name for name in names]
    return ", ".join(names), ", ".join(given)


def _shifted(name: str, more: int) -> str:
    return f"{name} + {more}" if more else name


def _key(conn: sqlite3.Connection, table: str) -> str:
    info = [row for row in conn.execute(f"pragma table_info({table})") if row[5]]
    return ", ".join(row[1] for row in sorted(info, key=lambda row: row[5]))


def _objects(conn: sqlite3.Connection) -> list[tuple[str, str]]:
    """Views of the library that name the diary, and triggers on its tables: they go with it."""
    tables = ", ".join(f"'{name}'" for name in diary.ONLY)
    found = conn.execute(f"select type, name from main.sqlite_master where type = 'trigger' and tbl_name in ({tables})").fetchall()
    gone = schema.objects().cross - schema.objects().shadowed()
    return [*found, *(("view", name) for name in sorted(gone))]


def _log(conn: sqlite3.Connection, type: str, reason: str) -> None:
    conn.execute(
        f"insert into operations (type, status, actor, reason, started_at, completed_at) values (?, 'completed', 'user', ?, {schema.NOW}, {schema.NOW})",
        [type, reason],
    )
