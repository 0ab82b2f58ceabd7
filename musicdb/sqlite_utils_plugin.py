"""`sqlite-utils musicdb ...`, and musicdb's SQL functions in every `sqlite-utils` command.

Light: it is imported at each start of sqlite-utils.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import hookimpl


@hookimpl
def register_commands(cli) -> None:
    from musicdb.cli import cli as musicdb

    cli.add_command(musicdb, "musicdb")


@hookimpl
def prepare_connection(conn: sqlite3.Connection) -> None:
    from musicdb import connection, schema

    before = conn.execute("pragma recursive_triggers").fetchone()[0]
    connection.register(conn)
    # Off by default in SQLite, and then `--replace` would delete rows behind the history's back. A database that is not ours
    # keeps its own ways: with this on, its triggers would fire where its owner does not expect it.
    try:
        ours = conn.execute("pragma application_id").fetchone()[0] == schema.APPLICATION_ID
    except sqlite3.DatabaseError:  # no database at all: sqlite-utils says so itself
        ours = False
    conn.execute(f"pragma recursive_triggers = {'on' if ours else before}")
    if ours:  # off by default too: `delete from tracks` would leave rows behind that point to nothing
        conn.execute("pragma foreign_keys = on")
        _bring_diary(conn)


def _bring_diary(conn: sqlite3.Connection) -> None:
    """Listening history that has a file of its own is seen as if it were in the library."""
    import os

    from musicdb import diary, schema

    where = diary.location(conn, os.environ.get("MUSICDB_LISTENS_DB"))
    if where is not None and schema.state(conn) == "current":
        diary.attach(conn, where if where.is_file() else None, schema.objects())
