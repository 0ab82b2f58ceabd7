"""The handle: one SQLite file, one connection a thread, and results that print as tables."""

from __future__ import annotations

import contextlib
import gc
import html
import os
import re
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlite_utils import Database as UtilsDatabase

from . import checkpoints, diary, schema
from .connection import CACHE, Own, connect, heeding, still_there, translated
from .errors import BadInput, DatabaseError, NotOurDatabase
from .rows import Row, Rows


class Tables:
    """`db.t.tracks` is the sqlite-utils table; completes in a notebook."""

    def __init__(self, db: Database):
        self._db = db

    def __dir__(self) -> list[str]:
        sql = "select distinct name from pragma_table_list where type in ('table', 'view', 'virtual') and name not like 'sqlite\\_%' escape '\\'"
        return [name for (name,) in self._db.execute(sql)]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in dir(self):
            raise AttributeError(f"no table {name!r}")
        return self._db.utils[name]


class Operation:
    """A running operation: `id`, and `details` that are stored as JSON when it ends."""

    def __init__(self, db: Database, id: int):
        self.id = id
        self.details: dict[str, Any] = {}
        self._db = db

    def summary(self, entity: str, n: int | str, field: str | None = None) -> None:
        """Log one row for a bulk change of n rows of a table (or, with a field, another note about them)."""
        sql = (
            "insert into changes (at, operation_id, actor, op, entity, entity_key, field, old, new) "
            f"select {schema.NOW}, operation_id, actor, 'batch', ?, '[]', ?, null, ? from current_operation"
        )
        self._db.execute(sql, [entity, field, n])


class Database:
    """An open musicdb database, usable from any thread. Make it with `musicdb.open(path)`."""

    def __init__(self, path: str | Path, *, uid: Callable[[], str] | None = None, log_sql: Callable[[str], object] | None = None):
        self.path = Path(path)
        self._local = threading.local()
        self._all: weakref.WeakSet[Own] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False
        self._log_sql = log_sql
        self.checkpoints = checkpoints.Checkpoints()
        self.diary_path: Path | None = None  # where listening history has a file of its own
        self.new_uid = uid or (lambda: secrets.token_hex(8))

    def __repr__(self) -> str:
        return f"<musicdb {self.path}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: what is in it, what waits for a person, and what to do next."""
        from . import queries

        tracks = self.value("select count(*) from library")
        albums = self.value("select count(*) from release_groups where deleted_at is null and merged_into_id is null")
        waiting = queries.waiting(self) if tracks else 0
        said = (
            f"<b>{tracks:,} track{'s' * (tracks != 1)}</b>, {albums:,} album{'s' * (albums != 1)}"
            if tracks
            else "Nothing is in it yet: begin with the notebook 01-import"
        )
        said += f"; {waiting:,} link{'s wait' if waiting != 1 else ' waits'} for you in 02-link" if waiting else ""
        return f"<p>{said}. <small>{html.escape(str(self.path))}</small></p>"

    @property
    def diary(self) -> str:
        """The schema that listening history is in: "main", or "diary" where it has a file of its own."""
        return "main" if self.diary_path is None else diary.SCHEMA

    # ---- connections

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def conn(self) -> sqlite3.Connection:
        """This thread's connection. Widget callbacks run on several threads, so there is one for each."""
        own = getattr(self._local, "own", None)
        if own is None and not self._closed:
            own = Own(connect(self.path, self.diary_path))
            if self._log_sql:
                own.conn.set_trace_callback(self._log_sql)
            with self._lock:
                if not self._closed:
                    self._all.add(own)
                    self._local.own = own
        conn = own and own.conn
        if conn is None or self._closed:
            raise DatabaseError(f"{self.path} was closed; open it again with musicdb.open")
        return conn

    @property
    def utils(self) -> UtilsDatabase:
        """This thread's connection as a sqlite-utils database."""
        conn = self.conn
        utils = getattr(self._local, "utils", None)
        if utils is None:
            utils = self._local.utils = UtilsDatabase(conn, execute_plugins=False)
        return utils

    @property
    def t(self) -> Tables:
        """Tables and views by name."""
        return Tables(self)

    def release(self) -> None:
        """Close this thread's connection; the next use opens one anew."""
        own = getattr(self._local, "own", None)
        if own is not None:
            with self._lock:
                self._all.discard(own)
        self._local.__dict__.clear()

    def close(self) -> None:
        """Close every thread's connection, and end what runs on them; the write-ahead log is folded into the file."""
        with self._lock:
            self._closed = True
            own = getattr(self._local, "own", None)
            others = [other.let_go() for other in self._all if other is not own]
            self._all.clear()
            self._local = threading.local()
        self.checkpoints.wait()
        for wait in (0, 0.02, 0.2, 0.5):
            if not any([still_there(other) for other in others]):
                break
            time.sleep(wait)
            gc.collect()  # a connection refers to itself
        if own is not None and own.conn is not None:
            own.conn.close()  # last: one that was told to stop does not fold the log in

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---- reading

    def q(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> Rows:
        """Rows of a query. Named (`:year`) or positional (`?`) parameters. Ctrl-C, or the notebook's stop, ends one that takes long."""
        with heeding(self.conn):
            return self.rows(self.execute(sql, params), sql)

    def rows(self, cursor: sqlite3.Cursor, sql: str = "") -> Rows:
        """What a cursor brings, as `q` returns it; sql tells of which table it is, where it is of one."""
        columns = [d[0] for d in cursor.description or ()]
        of = re.findall(r"\b(?:from|join)\s+(\w+)", sql, re.IGNORECASE)
        return Rows((Row(zip(columns, row)) for row in cursor), columns, self, of[0].lower() if len(of) == 1 else None)

    def one(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> Row | None:
        """The first row, or None."""
        cursor = self.execute(sql, params)
        row = cursor.fetchone()
        return None if row is None else Row(zip([d[0] for d in cursor.description], row))

    def value(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.execute(sql, params).fetchone()
        return None if row is None else row[0]

    def ask(self, sql: str) -> Rows:
        """Rows of a query that a person typed: it cannot write. Raises BadInput where it does not work or is none."""
        columns, rows = self._ask(sql)
        return Rows((Row(zip(columns, row)) for row in rows), columns, self)

    def ask_column(self, sql: str) -> list[Any]:
        """The first column of such a query."""
        return [row[0] for row in self._ask(sql)[1]]

    def _ask(self, sql: str) -> tuple[list[str], list[tuple]]:
        self.execute("pragma query_only = on")
        try:
            with heeding(self.conn):
                cursor = self.conn.execute(sql)
                if cursor.description is None:
                    raise BadInput(f"that returns no rows, it is no query: {sql}")
                return [d[0] for d in cursor.description], cursor.fetchall()
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise BadInput(f"the query does not work ({error}): {sql}") from error
        finally:
            self.execute("pragma query_only = off")

    # ---- writing

    def execute(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Run one statement on this thread's connection. Raises DatabaseBusy, DatabaseFull."""
        with translated(self.path):
            return self.conn.execute(sql, params)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> sqlite3.Cursor:
        """Run one statement for many rows on this thread's connection. Of an empty list it is not even prepared."""
        if rows == []:
            return self.conn.cursor()
        with translated(self.path):
            return self.conn.executemany(sql, rows)

    @contextlib.contextmanager
    def atomic(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Takes the write lock at once (a read that later wants to write fails whatever the timeout); nests."""
        conn = self.conn
        outer = not conn.in_transaction
        before = conn.total_changes
        with translated(self.path):
            if not outer:
                conn.execute("savepoint inner")  # of one name the innermost counts; stays prepared
            try:
                if outer:  # in here: Ctrl-C while it waits for the lock comes once it has it
                    conn.execute("begin immediate")
                yield conn
                conn.execute("commit" if outer else "release inner")
            except BaseException:
                if conn.in_transaction:  # a full disk has already rolled it back
                    conn.execute("rollback" if outer else "rollback to inner")
                    if not outer:
                        conn.execute("release inner")
                raise
        if outer:
            self.checkpoints.committed(self, conn.total_changes - before)

    @contextlib.contextmanager
    def operation(self, type: str, *, actor: str | None = None, mode: str = "row", **fields: Any) -> Iterator[Operation]:
        """One transaction that is one entry of the log; cells that change within it belong to it. Nested: joins the outer one, in
        which what a "batch" derives is not logged cell by cell either."""
        with self.atomic():
            running = self.one("select operation_id, mode from current_operation")
            if running:
                derives = mode == "batch" and running["mode"] == "row"
                if derives:
                    self.execute("update current_operation set mode = 'batch'")
                yield Operation(self, running["operation_id"])
                if derives:  # where it failed, the savepoint has put it back
                    self.execute("update current_operation set mode = 'row'")
                return
            columns = {"type": type, "status": "running", "actor": actor or "musicdb", **fields}
            names = ", ".join(columns)
            marks = ", ".join(["?"] * len(columns))
            cursor = self.execute(f"insert into operations ({names}, started_at) values ({marks}, {schema.NOW})", [*columns.values()])
            op = Operation(self, int(cursor.lastrowid or 0))
            self.execute("insert into current_operation values (1, ?, ?, ?)", [op.id, columns["actor"], mode])
            yield op
            self.execute("delete from current_operation")
            details = msgspec.json.encode(op.details).decode() if op.details else None
            self.execute(
                f"update operations set status = 'completed', completed_at = {schema.NOW}, details = coalesce(?, details) where id = ?",
                [details, op.id],
            )


def open(
    path: str | os.PathLike[str],
    *,
    create: bool = True,
    migrate: bool = True,
    listens: str | os.PathLike[str] | None = None,
    uid: Callable[[], str] | None = None,
    backup: Callable[[Path], object] | None = None,
    log_sql: Callable[[str], object] | None = None,
) -> Database:
    """Open (or create) a musicdb database; the handle works from any thread.

    create=False refuses a missing file. migrate=False leaves an older schema as it is. backup(path) runs before an existing file is
    migrated (a verified backup beside it by default). listens: the file with its listening history, where that is to be, or was moved since
    (`musicdb listens split`); without it, where the library says. uid makes identities (random by default).
    Raises BadInput for a folder or missing path, NotOurDatabase, NewerSchema, DatabaseError.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise BadInput(f"{path} is a folder; give the database file, for example {path / 'music.db'}")
    if not path.exists():
        if not create:
            raise BadInput(f"there is no database at {path}; `musicdb init` makes one")
        if not path.parent.is_dir():
            raise BadInput(f"there is no folder {path.parent}; make it first, or choose another --db")
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # listening habits and file paths are nobody else's business
        except OSError as e:
            raise BadInput(f"{path} cannot be created ({e.strerror}); choose another --db") from e
    elif not path.is_file():
        raise BadInput(f"{path} is no file but a device or a pipe; choose another --db")
    elif path.stat().st_size and _head(path) != b"SQLite format 3\0":
        raise NotOurDatabase(f"{path} is not a SQLite database; choose another --db")
    db = Database(path, uid=uid, log_sql=log_sql)
    try:
        with translated(path):
            state = schema.state(db.conn)
            if state == "empty":
                db.conn.execute(f"pragma page_size = {schema.PAGE_SIZE}")
            if db.value("pragma journal_mode") != "wal":
                db.conn.execute("pragma journal_mode = wal")
            if state != "current" and migrate:
                schema.migrate(db.utils, None if state == "empty" else lambda: (backup or _backup)(path))
                db.conn.execute(CACHE)  # SQLite counted it in pages of the size before
            elif state == "current" and any(
                kind in ("view", "trigger") or name == schema.PUT_OFF for _, kind, name in schema.differences(db.conn)
            ):
                with db.atomic():
                    schema.refresh(db.conn)  # `transform` dropped triggers, a view was changed, an import cut off: put them back
            diary.bring(db, Path(listens).expanduser().absolute() if listens else None)
    except BaseException:
        db.close()
        raise
    return db


def _head(path: Path) -> bytes:
    with path.open("rb") as f:
        return f.read(16)


def _backup(path: Path) -> object:
    from . import backup

    return backup.create(path, path.parent, reason="before migration")
