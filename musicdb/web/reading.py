"""How a page reads: each query by name, so that the page can show the SQL it was made of; and within a time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PAGE_S, COUNT_S = 5.0, 0.3
STEPS = 1000  # of SQLite's machine between two looks at the clock


class Reader:
    """Queries over one connection. shared: strangers look, so listening, paths, prices and history stay out."""

    def __init__(self, conn: sqlite3.Connection, shared: bool = False):
        self.conn = conn
        self.shared = shared
        self.asked: list[dict[str, Any]] = []
        self.until = time.monotonic() + PAGE_S

    def rows(self, what: str, sql: str, **params: Any) -> list[dict[str, Any]]:
        """Rows as dicts, and the query noted under the name of what it asks. Raises OperationalError (interrupted) when the page took too long."""
        self.asked.append({"what": what, "sql": sql.strip(), "params": params})
        with until(self.conn, self.until):
            cursor = self.conn.execute(sql, params)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def one(self, what: str, sql: str, **params: Any) -> dict[str, Any] | None:
        """The first row, or None."""
        found = self.rows(what, sql, **params)
        return found[0] if found else None

    def count(self, what: str, sql: str) -> int | None:
        """How many, or None where counting takes longer than a page should wait for: "many" is an answer too."""
        self.asked.append({"what": what, "sql": sql, "params": {}})
        try:
            with until(self.conn, min(self.until, time.monotonic() + COUNT_S)):
                return self.conn.execute(sql).fetchone()[0]
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            return None


@contextmanager
def until(conn: sqlite3.Connection, end: float) -> Iterator[None]:
    """Interrupt what runs on the connection after a time of the monotonic clock."""
    conn.set_progress_handler(lambda: time.monotonic() > end, STEPS)
    try:
        yield
    finally:
        conn.set_progress_handler(None, STEPS)
