"""Connections: one a thread, with our SQL functions and pragmas, and SQLite's errors in words."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from . import checkpoints, diary, schema
from .errors import DatabaseBusy, DatabaseError, DatabaseFull

BUSY_MS = 30_000
CACHE = "pragma cache_size = -16384"
STATEMENTS = 1000  # kept prepared: one decision runs two hundred, and to prepare a write with its triggers takes longer than to run it
WAL = (f"pragma wal_autocheckpoint = {checkpoints.LIMIT}", f"pragma journal_size_limit = {checkpoints.KEPT}")
STEPS = 500_000  # of SQLite's machine between two looks, some 10 ms
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


class Connection(sqlite3.Connection):
    """A connection that closes when nobody works with it any more."""

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.ProgrammingError):  # one that could not be opened has nothing to close
            self.close()


class Own:
    """The connection of one thread, closed when the thread ends: widgets and servers start many."""

    def __init__(self, conn: Connection):
        self.conn: Connection | None = conn

    def __del__(self) -> None:
        if self.conn is not None:
            self.conn.close()

    def let_go(self) -> weakref.ref[Connection]:
        """To close a connection under a statement of another thread would end the whole process: ask `still_there` until nobody works with it."""
        conn, self.conn = self.conn, None
        assert conn is not None
        return weakref.ref(conn)


def still_there(let_go: weakref.ref[Connection]) -> bool:
    """Whether somebody works with it; what runs on it is told to stop, again each time: a statement may begin in between."""
    conn = let_go()
    if conn is not None:
        conn.interrupt()
    return conn is not None


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


@contextlib.contextmanager
def heeding(conn: sqlite3.Connection) -> Iterator[None]:
    """Let Ctrl-C, and a notebook's stop, end what runs in here: SQLite hears no signal, but asks now and then whether to go on."""
    answer = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
    if not callable(answer):
        yield
        return
    heard: list[tuple[Any, ...]] = []
    try:
        signal.signal(signal.SIGINT, lambda *told: heard.append(told))
        conn.set_progress_handler(lambda: bool(heard), STEPS)
        yield
    finally:
        conn.set_progress_handler(None, STEPS)
        signal.signal(signal.SIGINT, answer)
        if heard:
            answer(*heard[0])


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
            raise DatabaseFull(
                f"{path} cannot grow: the disk or its limit is full ({text}); nothing of this step was stored, free some room and run it again"
            ) from e
        if "disk I/O error" in text:
            raise DatabaseError(
                f"{path} cannot be read or written ({getattr(e, 'sqlite_errorname', text)}): is its drive there and well? Then run `musicdb check`"
            ) from e
        if "readonly" in text or "unable to open" in text:
            raise DatabaseError(
                f"{path} cannot be written ({text}); check the permissions of the file and its folder, or choose another --db"
            ) from e
        raise
    except sqlite3.DatabaseError as e:
        if "malformed" in str(e) or "not a database" in str(e):
            raise DatabaseError(f"{path} is damaged ({e}); run `musicdb check`, then restore a backup") from e
        raise
