"""What a newer version of a platform's code says of payloads that are stored: derived again, without fetching."""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import PayloadError
from .observations import Writer


def rederive(db, m: Any, size: int = 2000) -> int:
    """Derive `said` and the columns again from stored payloads where the platform's code is newer; returns how many rows."""
    n = 0
    for entity in ("track", "release"):
        table = f"platform_{entity}s"
        sql = (
            f"select id, external_id, kind, metadata from {table} where platform = ? and kind is not null "
            "and ifnull(rows_version, 0) < ? and id > ? order by id limit ?"
        )
        last = 0
        while batch := db.execute(sql, [m.PLATFORM, m.ROWS_VERSION, last, size]).fetchall():
            last = batch[-1][0]
            writer = Writer(db, m.PLATFORM, 0, m.ROWS_VERSION)
            values = []
            for id, key, kind, metadata in batch:
                try:
                    rows = [r for r in m.rows(kind, msgspec.json.decode(metadata)) if r["row"] == entity and r["external_id"] == key]
                except PayloadError:
                    rows = []  # it could be read once: what was derived then stays, and is not tried at every import
                values.append((id, writer.derived(rows[0]) if rows else None))
            with db.atomic():
                writer.rewrite(entity, values)
            n += len(values)
    return n
