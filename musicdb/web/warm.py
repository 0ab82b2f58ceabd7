"""Answers kept until somebody writes: a page asked twice costs its template, and what a notebook wrote shows at the next reload.

SQLite counts the commits of other connections (`pragma data_version`), a file each; a connection of our own watches these counts.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextvars import ContextVar
from copy import copy
from typing import Any

from datasette.database import QueryInterrupted

from . import split

KEPT = 1000  # answers
KEPT_ROWS = 2100  # of one answer: more is a download, not a page
COUNT_MS = 1000  # to count the rows of a table page
SECONDS = 60  # `now` in a query goes on
# What Datasette asks of the schema, each in a thread, a dozen times a page.
SCHEMA = ("table_exists", "view_exists", "table_names", "view_names", "table_columns", "table_column_details", "primary_keys", "fts_table",
          "label_column_for_table", "foreign_keys_for_table", "hidden_table_names", "get_all_foreign_keys", "get_table_definition",
          "get_view_definition", "table_counts")  # fmt: skip
COUNT, FACET = "select count(*) ", " as value, count(*) as count from ("
CHANCE = ("random", "'now'", "data_version")
_counted: ContextVar[str | None] = ContextVar("counted", default=None)  # "from ... where ..." of the page that is being made


class Warm:
    """The answers of one database, as they are at `version()`."""

    def __init__(self, database):
        self.database = database
        self._watch = None
        self._counts: list[str] = []  # statements: a listening history in a file of its own has a count of its own
        self._version: tuple[int, ...] = ()
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._asking: dict[Hashable, asyncio.Lock] = {}
        self.lasting: dict[str, Any] = {}  # what outlives a write, because it looks itself at what changed

    def version(self) -> tuple[int, ...]:
        """Numbers of which one changes whenever another connection commits. Raises sqlite3.OperationalError where the file is locked."""
        if self._watch is None:
            self._watch = self.database.connect()
            split.bring(self._watch)
            names = [name for _, name, _ in self._watch.execute("pragma database_list") if name != "temp"]
            self._counts = [f"pragma {name}.data_version" for name in names]
        now = tuple(self._watch.execute(count).fetchone()[0] for count in self._counts)
        if now != self._version:
            self._version = now
            self._kept.clear()
        return now

    async def get(self, key: Hashable, make: Callable[[Any], Any]) -> Any:
        """make(connection) run in a thread of Datasette's, or what it gave since the last commit. Who asks meanwhile waits for the same answer."""
        async with self._asking.setdefault(key, asyncio.Lock()):
            try:
                version, found = self.version(), self._kept.get(key)
                if found and found[0] > time.monotonic():
                    self._kept.move_to_end(key)
                    return found[1]
                return self._keep(key, version, await self.database.execute_fn(make))
            finally:
                self._asking.pop(key, None)

    def _keep(self, key: Hashable, version: int, value: Any) -> Any:
        if version == self._version:
            self._kept[key] = (time.monotonic() + SECONDS, value)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return value

    def over(self, execute: Callable[..., Any]) -> Callable[..., Any]:
        """`Database.execute` with a memory. Errors are not remembered, but that counting takes too long is."""

        async def remembered(sql, params=None, truncate=False, custom_time_limit=None, page_size=None, log_sql_errors=True):
            if sql.startswith(COUNT):
                _counted.set(sql.removeprefix(COUNT))
            elif FACET in sql:
                sql = of_all_pages(sql, _counted.get())
            chance = any(word in sql.lower() for word in CHANCE)
            key = (sql, frozen(params, sql), truncate, custom_time_limit, page_size)
            version, found = self.version(), None if chance else self._kept.get(key)
            if found and found[0] > time.monotonic():
                self._kept.move_to_end(key)
                if isinstance(found[1], QueryInterrupted):
                    raise found[1]
                return found[1]
            counting = sql.startswith(COUNT + "from ")
            try:
                results = await execute(sql, params, truncate, COUNT_MS if counting else custom_time_limit, page_size, log_sql_errors)
            except QueryInterrupted as interrupted:
                if counting:  # the page says "many rows"; it need not wait for that again
                    self._keep(key, version, interrupted)
                raise
            if chance or len(results.rows) > KEPT_ROWS or any(isinstance(value, bytes) for row in results.rows[:1] for value in row):
                return results
            return self._keep(key, version, results)

        return remembered

    def once(self, name: str) -> Callable[..., Any]:
        """A method of Database that asks the schema, with a memory: the schema too changes only with a commit."""
        ask = getattr(self.database, name)

        async def remembered(*args, **options):
            key, version = (name, args, tuple(options.items())), self.version()
            found = self._kept.get(key)
            value = found[1] if found and found[0] > time.monotonic() else self._keep(key, version, await ask(*args, **options))
            return copy(value)  # a list of names is the caller's to change

        return remembered


def frozen(params: dict[str, Any] | Sequence[Any] | None, sql: str) -> Hashable:
    """Parameters as a key; named ones that do not stand in the SQL do not count."""
    return tuple(sorted((name, value) for name, value in params.items() if f":{name}" in sql)) if isinstance(params, dict) else tuple(params or ())


def of_all_pages(sql: str, counted: str | None) -> str:
    """A facet over all rows that its page counts. Datasette leaves out the pages before, which gives other numbers on each, and slow ones."""
    table = (counted or "").partition("where ")[0]
    start, end = sql.find(f" {table}"), sql.rfind("\n", 0, max(sql.rfind(")\n"), 0))
    if not table or not 0 < start < end or not sql[start:end].startswith(f" {counted.rstrip()}"):
        return sql
    return f"{sql[:start]} {counted}{sql[end:]}"


def answer_once(datasette) -> None:
    """What Datasette works out of its whole configuration again and again: rules of tables while there are none, and settings of plugins.

    It copies what is said of all tables a dozen times a page, and asks datasette-render-images' size limit for each cell.
    """
    thorough, known = getattr(datasette, "_table_permission_allows", None), {}
    plugin_config = datasette.plugin_config

    def config(plugin_name, database=None, table=None, fallback=True):
        key = (plugin_name, database, table, fallback)
        if key not in known:
            known[key] = plugin_config(plugin_name, database, table, fallback)
        return known[key]

    def allows(database: str, table: str) -> list[Any]:
        for source in datasette._metadata_sources("tables", database, None):
            groups = (source, *source.get("databases", {}).values()) if isinstance(source, dict) else ()
            if any(isinstance(one, dict) and "allow" in one for group in groups for one in (group.get("tables") or {}).values()):
                return thorough(database, table)
        return []

    datasette.plugin_config = config
    if thorough is not None:
        datasette._table_permission_allows = allows


def of(database) -> Warm:
    """The memory of a database; made, and put in front of `database.execute`, when first asked for."""
    found = getattr(database, "musicdb_warm", None)
    if found is None:
        found = database.musicdb_warm = Warm(database)
        database.execute = found.over(database.execute)
        for name in SCHEMA:
            if hasattr(database, name):
                setattr(database, name, found.once(name))
    return found
