"""Put tables and indexes back as they were made: `sqlite-utils transform`, for one, drops generated columns, and a person an index."""

from __future__ import annotations

import sqlite3

from . import schema
from .errors import DatabaseError


def mend(conn: sqlite3.Connection) -> list[str]:
    """Put back every object of ours that is missing or changed, in one transaction; return their names.

    Values, columns, indexes and triggers that a person added to a table are kept. Raises DatabaseError, with nothing changed, where a
    table's rows do not fit it any more.
    """
    wrong = schema.differences(conn)
    conn.execute("pragma foreign_keys = off")  # dropping a table would empty those that refer to it
    conn.execute("pragma legacy_alter_table = on")  # views and references go on naming the table, not the copy of it
    try:
        conn.execute("begin immediate")
        try:
            known = {row[0] for row in conn.execute("pragma foreign_key_check")}
            for what, kind, name in wrong:
                if kind == "table" and what == "missing":
                    conn.execute(schema.expected()[kind, name])
                elif kind == "table":
                    _rebuild(conn, name)
            for _, kind, name in schema.differences(conn):
                if kind == "index":
                    conn.execute(f'drop index if exists "{name}"')
                    conn.execute(schema.expected()[kind, name])
            schema.refresh(conn)
            if broken := {row[0] for row in conn.execute("pragma foreign_key_check")} - known:
                raise sqlite3.IntegrityError(f"rows of {', '.join(sorted(broken))} would point to rows that are gone")
            conn.execute("commit")
        except BaseException:
            if conn.in_transaction:
                conn.execute("rollback")
            raise
    except (sqlite3.IntegrityError, sqlite3.OperationalError) as error:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            raise
        raise DatabaseError(f"the tables cannot be put back: {error}; `musicdb migrate --restore` puts the last backup back") from error
    finally:
        conn.execute("pragma legacy_alter_table = off")
        conn.execute("pragma foreign_keys = on")
    return [name for _, _, name in wrong]


def _rebuild(conn: sqlite3.Connection, table: str) -> None:
    expected = schema.expected()
    others = [  # a person's own indexes and triggers go with the table; ours are made again
        sql
        for kind, name, sql in conn.execute("select type, name, sql from sqlite_master where tbl_name = ? and type in ('index', 'trigger')", [table])
        if sql and (kind, name) not in expected and not (kind == "trigger" and schema.is_own_trigger(conn, name))
    ]
    for (trigger,) in conn.execute("select name from sqlite_master where type = 'trigger' and tbl_name = ?", [table]).fetchall():
        conn.execute(f'drop trigger "{trigger}"')  # else the copying is logged as a change
    conn.execute(f'alter table "{table}" rename to "_before_{table}"')
    conn.execute(expected["table", table])
    ours = _columns(conn, table)
    for name, kind in _columns(conn, f"_before_{table}").items():
        if name not in ours:
            conn.execute(f'alter table "{table}" add column "{name}" {kind}')
    names = ", ".join(f'"{name}"' for name in _columns(conn, f"_before_{table}") if _is_stored(conn, table, name))
    conn.execute(f'insert into "{table}" ({names}) select {names} from "_before_{table}"')
    conn.execute(f'drop table "_before_{table}"')
    for sql in others:
        conn.execute(sql)


def _columns(conn: sqlite3.Connection, table: str) -> dict[str, str]:
    return {row[1]: row[2] for row in conn.execute(f'pragma table_xinfo("{table}")')}


def _is_stored(conn: sqlite3.Connection, table: str, name: str) -> bool:
    return any(row[1] == name and row[6] == 0 for row in conn.execute(f'pragma table_xinfo("{table}")'))
