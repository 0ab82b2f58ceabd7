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
from .errors import BadInput, DatabaseBusy, DatabaseError, DatabaseFull, NotOurDatabase
from .rows import Row, Rows

BUSY_MS = 30_000
CACHE = "pragma cache_size = -16384"
STATEMENTS = 1000  # kept prepared: one decision runs two hundred, and to prepare a write with its triggers takes longer than to run it
WAL = (f"pragma wal_autocheckpoint = {checkpoints.LIMIT}", f"pragma journal_size_limit = {checkpoints.KEPT}")
FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_TRUNCATE)


def register(conn: sqlite3.Connection) -> None:
    """Give a connection the SQL functions and pragmas of musicdb; the plugins for sqlite-utils and Datasette call it too."""
    from rapidfuzz import fuzz

    from . import text, units

    def function(name: str, n: int, fn: Callable[..., Any]) -> None:
        conn.create_function(name, n, fn, deterministic=True)

    function("match_key", 1, lambda t: None if t is None else text.match_key(str(t)))
    function("match_key", 2, lambda t, a: None if t is None else text.match_key(str(t), _names(a)))
    function("similarity", 2, lambda a, b: None if a is None or b is None else round(fuzz.ratio(text.norm(str(a)), text.norm(str(b))), 1))
    function("camelot", 1, lambda k: None if k is None else units.camelot(k))
    function("key_name", 1, lambda k: None if k is None else units.key_name(k))
    function("compatible_keys", 1, lambda k: None if k is None else msgspec.json.encode(units.compatible_keys(k)).decode())
    function("duration", 1, lambda ms: None if ms is None else f"{int(ms) // 60000}:{int(ms) // 1000 % 60:02d}")
    # Off by default in SQLite: without it REPLACE deletes rows without firing the triggers of the undo ledger.
    conn.execute("pragma recursive_triggers = on")


def _names(value: object) -> list[str]:
    """Artist names from a JSON list or a plain credit."""
    with contextlib.suppress(msgspec.DecodeError):
        found = msgspec.json.decode(str(value))
        if isinstance(found, list):
            return [str(name) for name in found]
    return [str(value)] if value else []


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


class Connection(sqlite3.Connection):
    """A connection that closes when nobody works with it any more."""

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.ProgrammingError):  # one that could not be opened has nothing to close
            self.close()


class _Own:
    """The connection of one thread, closed when the thread ends: widgets and servers start many."""

    def __init__(self, conn: Connection):
        self.conn: Connection | None = conn

    def __del__(self) -> None:
        if self.conn is not None:
            self.conn.close()

    def let_go(self) -> weakref.ref[Connection]:
        """End what runs on it. To close a connection under a statement of another thread would end the whole process."""
        conn, self.conn = self.conn, None
        assert conn is not None
        with contextlib.suppress(sqlite3.ProgrammingError):  # closed: its thread ended just now
            conn.interrupt()
        return weakref.ref(conn)


class Database:
    """An open musicdb database, usable from any thread. Make it with `musicdb.open(path)`."""

    def __init__(self, path: str | Path, *, uid: Callable[[], str] | None = None, log_sql: Callable[[str], object] | None = None):
        self.path = Path(path)
        self._local = threading.local()
        self._all: weakref.WeakSet[_Own] = weakref.WeakSet()
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

        tracks, albums = self.value("select count(*) from library"), self.value("select count(distinct release_group_id) from library")
        waiting = queries.waiting(self) if tracks else 0
        said = f"<b>{tracks:,} track{'s' * (tracks != 1)}</b>, {albums:,} album{'s' * (albums != 1)}" if tracks else "Nothing is in it yet: begin with the notebook 01-import"
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

    def waits_for(self, one: Any) -> bool:
        """Let `close` call one.let_go(), which returns what is true as long as it runs; False where it was called already."""
        with self._lock:
            if not self._closed:
                self._all.add(one)
            return not self._closed

    @property
    def conn(self) -> sqlite3.Connection:
        """This thread's connection. Widget callbacks run on several threads, so there is one for each."""
        own = getattr(self._local, "own", None)
        if own is None and not self._closed:
            own = _Own(connect(self.path, self.diary_path))
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
        for wait in (0, 0.02, 0.2):  # a connection refers to itself; what is still at work has been told to stop
            if any(other() for other in others):
                time.sleep(wait)
                gc.collect()
        if own is not None and own.conn is not None:
            own.conn.close()  # last: one that was told to stop does not fold the log in

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---- reading

    def q(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> Rows:
        """Rows of a query. Named (`:year`) or positional (`?`) parameters."""
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


@contextlib.contextmanager
def translated(path: object) -> Iterator[None]:
    """Turn SQLite's words into ours: what happened, to which file, and what to do."""
    try:
        yield
    except sqlite3.OperationalError as e:
        text = str(e)
        if "locked" in text or "busy" in text:
            raise DatabaseBusy(f"another program has been writing to {path} for {BUSY_MS // 1000} s; close it or try again") from e
        if "full" in text or getattr(e, "sqlite_errorcode", 0) in FULL:
            raise DatabaseFull(f"{path} cannot grow: the disk or its limit is full ({text}); nothing of this step was stored, free some room and run it again") from e
        if "disk I/O error" in text:
            raise DatabaseError(f"{path} cannot be read or written ({getattr(e, 'sqlite_errorname', text)}): is its drive there and well? Then run `musicdb check`") from e
        if "readonly" in text or "unable to open" in text:
            raise DatabaseError(f"{path} cannot be written ({text}); check the permissions of the file and its folder, or choose another --db") from e
        raise
    except sqlite3.DatabaseError as e:
        if "malformed" in str(e) or "not a database" in str(e):
            raise DatabaseError(f"{path} is damaged ({e}); run `musicdb check`, then restore a backup") from e
        raise


def connect(path: Path, diary_path: Path | None = None) -> Connection:
    """A connection to an existing file with our pragmas and functions, and its diary. Raises DatabaseError, never creates a file."""
    with translated(path):
        conn = sqlite3.connect(path.absolute().as_uri() + "?mode=rw", uri=True, check_same_thread=False, isolation_level=None,
                               cached_statements=STATEMENTS, factory=Connection)  # fmt: skip
        conn.execute(f"pragma busy_timeout = {BUSY_MS}")
        conn.execute("pragma foreign_keys = on")
        conn.execute("pragma synchronous = normal")
        conn.execute(CACHE)
        for pragma in WAL:
            conn.execute(pragma).fetchall()
        register(conn)
        if diary_path is not None:
            diary.attach(conn, diary_path, schema.objects())
    return conn


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
            elif state == "current" and any(kind in ("view", "trigger") or name == schema.PUT_OFF for _, kind, name in schema.differences(db.conn)):
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
