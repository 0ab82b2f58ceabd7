"""A library whose listening history has a file of its own, on pages: both are one database, and what lies there keeps its address."""

from __future__ import annotations

import os
import sqlite3

from datasette import hookimpl

from .. import diary, schema

ROWS = 200  # of a table or view that stands as a query, newest plays first where it has a time


def bring(conn: sqlite3.Connection) -> None:
    """Attach the listening history to a connection of a page. A library without it is shown as one without listens."""
    if conn.execute("pragma application_id").fetchone()[0] == schema.APPLICATION_ID:
        where = diary.location(conn, os.environ.get("MUSICDB_LISTENS_DB"))
        if where is not None:
            diary.attach(conn, where if where.is_file() else None, schema.objects(), uri="mode=ro")


@hookimpl
def canned_queries(datasette, database):
    """Datasette lists the tables of one file: for those of the second, and views over both, a query stands in under the same address."""

    async def found():
        answer = await datasette.get_database(database).execute(
            "select (select count(*) from sqlite_master where name in ('tracks', 'track_ids')), (select 1 from sqlite_master where name = 'listens')"
        )
        if tuple(answer.first()) != (2, None):
            return {}
        told, objects = schema.descriptions(), schema.objects()
        names = (*diary.ONLY, *sorted(objects.cross - objects.shadowed()))
        return {name: query(name, *told[name]) for name in names}

    return found


def query(name: str, text: str, columns: dict[str, str]) -> dict:
    newest = " order by listened_at desc" if "listened_at" in columns else ""
    return {"sql": f"select * from {name}{newest} limit {ROWS}", "title": name, "description": text, "hide_sql": True}
