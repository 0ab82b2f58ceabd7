"""What any question that returns track ids can also be: an .m3u8 playlist, and .xml that Rekordbox imports."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from datasette.utils.asgi import Forbidden, Response

from ..db import Row
from ..exports import lists, m3u, rekordbox_xml
from . import share


class Look:
    """As much of musicdb's handle as an export reads with, over a connection of Datasette's."""

    def __init__(self, conn: sqlite3.Connection):
        self.conn = conn

    def execute(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        return self.conn.execute(sql, params)

    def q(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        cursor = self.conn.execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [Row(zip(names, row, strict=True)) for row in cursor]

    def value(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> Any:
        row = self.conn.execute(sql, params).fetchone()
        return row[0] if row else None


def column_of(columns: Iterable[str], table: str | None) -> str | None:
    """The column with ids of tracks, or None."""
    names = list(columns)
    return "track_id" if "track_id" in names else "id" if table in ("library", "tracks") and "id" in names else None


def can_render(datasette, columns, table) -> bool:
    # Both hold paths of files.
    return column_of(columns, table) is not None and not share.is_shared(datasette)


def ids_of(columns, rows, table) -> list[int]:
    """Track ids of the rows in their order, each once a run: a query that joins may say a track twice in a row."""
    name, found = column_of(columns, table), []
    for row in rows:
        value = row[name]
        value = value.get("value") if isinstance(value, dict) else value
        if isinstance(value, int) and (not found or found[-1] != value):
            found.append(value)
    return found


def playlist(conn, name: str, ids: list[int]) -> bytes:
    """An extended M3U8 with full paths; what has no file is left out."""
    look: Any = Look(conn)
    where, known = lists.files(look, ids), lists.named(look, ids)
    entries = []
    for track in ids:
        path = str(where[track]) if track in where and track in known else None
        if path and "\n" not in path and "\r" not in path:
            entries.append((path, m3u.label(known[track]), known[track].duration_ms))
    return m3u.text(name, "query", entries)


def collection(conn, name: str, ids: list[int]) -> bytes:
    """A Rekordbox XML with these tracks, cues and grids included, and one playlist of them."""
    look: Any = Look(conn)
    entries, numbers = rekordbox_xml.collected(look, set(ids), rekordbox_xml.Report(None))
    keys = [numbers[track] for track in ids if track in numbers]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>\n\n<DJ_PLAYLISTS Version="1.0.0">\n  <PRODUCT Name="musicdb" Version="1" Company=""/>\n']
    lines.append(f'  <COLLECTION Entries="{len(entries)}">\n')
    for said, number, location, more in entries:
        lines += rekordbox_xml.track(said, number, location, more)
    lines.append('  </COLLECTION>\n  <PLAYLISTS>\n    <NODE Type="0" Name="ROOT" Count="1">\n')
    lines.append(f'      <NODE Name={quoteattr(name)} Type="1" KeyType="0" Entries="{len(keys)}">\n')
    lines += [f'        <TRACK Key="{key}"/>\n' for key in keys]
    lines.append("      </NODE>\n    </NODE>\n  </PLAYLISTS>\n</DJ_PLAYLISTS>\n")
    return "".join(lines).encode()


def renderer(extension: str, content_type: str, make):
    """A Datasette output renderer: make(connection, name, ids) -> bytes."""

    async def render(datasette, columns, rows, query_name, database, table):
        if not can_render(datasette, columns, table):
            raise Forbidden("These rows name no tracks, or the library is shared without its files")
        name, ids = query_name or table or "query", ids_of(columns, rows, table)
        body = await datasette.get_database(database).execute_fn(lambda conn: make(conn, name, ids))
        safe = re.sub(r"[^\w-]+", "-", name) or "query"
        headers = {"content-disposition": f'attachment; filename="{safe}.{extension}"', "x-content-type-options": "nosniff"}
        return Response(body, headers=headers, content_type=content_type)

    return {"extension": extension, "render": render, "can_render": can_render}


M3U8 = renderer("m3u8", "audio/x-mpegurl; charset=utf-8", playlist)
XML = renderer("xml", "application/xml; charset=utf-8", collection)
