"""The diary in a file of its own: what lies there, and how a connection sees library and diary as one database.

In one file (the default) the schema `main` holds everything. Split, the tables of TABLES lie in a second file that every connection attaches
as `diary`: SQL that names a table finds it in either. Stored views and triggers cannot reach another file, so those that would are made as
TEMP ones of each connection. A transaction takes the locks of both files and commits the library before the diary: what an import of
listening keeps (plays, their batch, its checkpoint) is one commit of one file, and at worst the library has heard of a track too many.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from .errors import BadInput, DatabaseError

SCHEMA = "diary"
APPLICATION_ID = 0x6D75736C  # "musl"
BOTH = ("import_batches", "sync_checkpoints")  # in each file those of its own imports
ONLY = ("users", "listens_raw", "listens", "listen_rollup", "listen_totals", "listen_hours", "listen_heard", "listen_artist_rollup", "listen_stale",
        "listen_counted")  # fmt: skip
TABLES = (*BOTH, *ONLY)
CONFIG = "listens_db"  # key of `config`: where the diary is, beside the library or absolute
WORDS = re.compile(r"\w+")


def is_split(conn: sqlite3.Connection) -> bool:
    """Whether the main file of this connection is a library whose diary lies elsewhere."""
    names = {row[0] for row in conn.execute("select name from main.sqlite_master where type = 'table' and name in ('listens', 'tracks')")}
    return names == {"tracks"}


def location(conn: sqlite3.Connection, given: str | Path | None = None) -> Path | None:
    """Where the diary of this library is: as given (the environment's word), else as the library says; None where it is in one file."""
    if not is_split(conn):
        return None
    if given:
        return Path(given).absolute()
    row = conn.execute("select value from main.config where key = ?", [CONFIG]).fetchone()
    main = next(file for _, name, file in conn.execute("pragma database_list") if name == "main")
    return Path(main).parent / row[0] if row else None


def of_file(path: Path, given: str | Path | None = None) -> Path | None:
    """Where the diary of this library file is; None where it is in one file, or there is no library to ask."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
            found = location(conn, given)
    except sqlite3.Error:  # not there, no database: who opens it says so
        return None
    return found if found and found.is_file() else None


def attach(conn: sqlite3.Connection, path: Path | None, objects: Objects, *, uri: str | None = None) -> None:
    """Attach the diary and make what reaches both files. path None: an empty one in memory, so that a library alone can be read.

    uri: options of a connection that takes URIs ("mode=ro"). Raises DatabaseError where the file is missing or is no diary.
    """
    if path is None:
        conn.execute(f"attach ':memory:' as {SCHEMA}")
        create(conn, objects)
    else:
        if not path.is_file():
            raise DatabaseError(
                f"the listening history of this library is not at {path}; put it back, or name its place with MUSICDB_LISTENS_DB"
            )
        conn.execute(f"attach ? as {SCHEMA}", [f"{path.as_uri()}?{uri}" if uri else str(path)])
        if conn.execute(f"pragma {SCHEMA}.application_id").fetchone()[0] != APPLICATION_ID:
            conn.execute(f"detach {SCHEMA}")
            raise DatabaseError(f"{path} is no listening history that musicdb split off; MUSICDB_LISTENS_DB names another file")
        conn.execute(f"pragma {SCHEMA}.synchronous = normal")
    for statement in objects.temporary():
        conn.execute(statement)


def create(conn: sqlite3.Connection, objects: Objects) -> None:
    """Make the diary's tables, indexes and triggers in the attached schema."""
    for statement in objects.stored():
        conn.execute(statement)


def bring(db: Any, given: Path | None) -> None:
    """Let an opened database attach the file with its listening history; make that file where one is asked for and there are no listens yet."""
    if given is not None and not is_split(db.conn):
        if db.value("select 1 from listens_raw limit 1"):
            moves = f"`musicdb listens split {given}` moves it there, or unset it"
            raise BadInput(f"MUSICDB_LISTENS_DB names {given}, but the listening history is in {db.path}: {moves}")
        from .listens import layout

        db.release()
        layout.split(db.path, given)
    db.diary_path = location(db.conn, given)
    if db.diary_path is not None:
        db.release()
        _ = db.conn  # which has both: what is wrong with the second file is said now


class Objects:
    """What the schema makes, sorted by the file it belongs to. tables, views, triggers: `create ...` statements."""

    def __init__(self, tables: Iterable[str], views: Iterable[str], triggers: Iterable[str]):
        self.tables = [s for s in tables if self._table(s) in TABLES]
        self.views = {s.split()[2]: s for s in views}
        self.triggers = [s for s in triggers if self._table(s) in ONLY]
        self.cross = self._cross()

    @staticmethod
    def _table(statement: str) -> str:
        """The table that a statement makes, or makes an index or trigger on."""
        found = re.match(r"create table (\w+)|create (?:unique )?index \w+ on (\w+)|create trigger \w+ after \w+(?: of [\w, ]+?)? on (\w+)", statement, re.I)
        return next((name for name in found.groups() if name), "") if found else ""

    def _cross(self) -> set[str]:
        """Views that name a table of the diary, or another such view."""
        words = {name: set(WORDS.findall(re.sub(r"--.*", "", sql))) - {name} for name, sql in self.views.items()}
        found = {name for name, used in words.items() if used & set(TABLES)}
        while more := {name for name, used in words.items() if used & found} - found:
            found |= more
        return found

    def of_diary(self, kind: str, name: str, statement: str) -> bool:
        """Whether an expected object is not in the library's file when the two are split."""
        if kind == "view":
            return name in self.cross and name not in self.shadowed()
        return self._table(statement) in ONLY

    def shadowed(self) -> set[str]:
        """Views that can stay in the library, as they name no table that only the diary has."""
        words = {name: set(WORDS.findall(re.sub(r"--.*", "", self.views[name]))) - {name} for name in self.cross}
        lost = {name for name, used in words.items() if used & set(ONLY)}
        while more := {name for name, used in words.items() if used & lost} - lost:
            lost |= more
        return self.cross - lost

    def stored(self) -> Iterator[str]:
        """Statements for an empty diary."""
        for statement in self.tables:
            yield re.sub(r"^create (table|index|unique index) ", rf"create \1 {SCHEMA}.", statement)
        for statement in self.triggers:
            if statement.startswith("create trigger stale_"):
                yield statement.replace("create trigger ", f"create trigger {SCHEMA}.", 1)

    def temporary(self) -> Iterator[str]:
        """Statements that every connection makes for itself: views over both files, and the ledger of the diary's tables."""
        checkpoints = f"from (select * from main.sync_checkpoints union all select * from {SCHEMA}.sync_checkpoints)"
        for name, statement in self.views.items():
            if name in self.cross:
                yield statement.replace("create view", "create temp view", 1).replace("from sync_checkpoints", checkpoints)
        for statement in self.triggers:
            if not statement.startswith("create trigger stale_"):
                yield re.sub(r"^create trigger (.*?) on (\w+)", rf"create temp trigger \1 on {SCHEMA}.\2", statement, count=1)
