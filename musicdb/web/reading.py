"""How a page reads: each query by name, so that the page can show the SQL it was made of."""

from __future__ import annotations

import sqlite3
from typing import Any


class Reader:
    """Queries over one connection. shared: strangers look, so listening, paths, prices and history stay out."""

    def __init__(self, conn: sqlite3.Connection, shared: bool = False):
        self.conn = conn
        self.shared = shared
        self.asked: list[dict[str, Any]] = []

    def rows(self, what: str, sql: str, **params: Any) -> list[dict[str, Any]]:
        """Rows as dicts, and the query noted under the name of what it asks."""
        self.asked.append({"what": what, "sql": sql.strip(), "params": params})
        cursor = self.conn.execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def one(self, what: str, sql: str, **params: Any) -> dict[str, Any] | None:
        """The first row, or None."""
        found = self.rows(what, sql, **params)
        return found[0] if found else None
