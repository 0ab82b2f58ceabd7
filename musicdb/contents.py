"""What a database holds, table by table: hashes that are equal for equal content, and how many rows two files differ by."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator

Progress = Callable[[int, int | None, str], object]


def content(conn: sqlite3.Connection, progress: Progress | None = None) -> dict[str, tuple[int, str]]:
    """Return {table: (rows, SHA-256 over all rows in key order)}; equal for equal content, whatever the page layout."""
    import msgspec

    encode, result, names = msgspec.msgpack.encode, {}, list(_tables(conn))
    for done, table in enumerate(names):
        if progress:
            progress(done, len(names), f"comparing {table}")
        columns = _columns(conn, table)
        key = [name for name, place in sorted(columns.items(), key=lambda item: item[1]) if place]
        rows, digest = 0, hashlib.sha256("\0".join(columns).encode())
        for row in _rows(conn, _select(columns, table, key or list(columns))):
            digest.update(encode(row))
            rows += 1
        result[table] = (rows, digest.hexdigest())
    return result


def differing(old: sqlite3.Connection, new: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """Return {table: {"added", "changed", "deleted"}} of `new` against `old`, only where one is not 0.

    Columns that only one of the two has are left out of the comparison.
    """
    counts = {table: _differing_rows(old, new, table) for table in _tables(new)}
    return {table: count for table, count in counts.items() if any(count.values())}


def _differing_rows(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> dict[str, int]:
    here, there = _columns(new, table), _columns(old, table)
    common = [name for name in here if name in there or not there]
    key = [name for name, place in sorted(here.items(), key=lambda item: item[1]) if place]
    if not key:  # rows without a name of their own: only how often each is there can be compared
        after, before = (Counter(digest for _, digest in _digests(conn, table, key, common)) for conn in (new, old))
        return {"added": (after - before).total(), "changed": 0, "deleted": (before - after).total()}
    before = dict(_digests(old, table, key, common))
    count = {"added": 0, "changed": 0, "deleted": 0}
    for one, digest in _digests(new, table, key, common):
        was = before.pop(one, None)
        count["added"] += was is None
        count["changed"] += was not in (None, digest)
    return count | {"deleted": len(before)}


def _tables(conn: sqlite3.Connection) -> list[str]:
    # The search index is derived: FTS tables and their shadows are compared through the tables that they index.
    sql = """
    select m.name
    from sqlite_master as m
    where m.type = 'table' and m.name not like 'sqlite\\_%' escape '\\' and m.sql not like 'create virtual%'
      and not exists (
        select 1 from sqlite_master as v
        where v.sql like 'create virtual%' and substr(m.name, 1, length(v.name) + 1) = v.name || '_'
      )
    order by m.name
    """
    return [row[0] for row in conn.execute(sql)]


def _columns(conn: sqlite3.Connection, table: str) -> dict[str, int]:
    """{column: its place in the primary key, 0 = none}, generated columns left out."""
    return {row[1]: row[5] for row in conn.execute(f"pragma table_xinfo({_quote(table)})") if row[6] == 0}


def _select(columns, table: str, order: list[str]) -> str:
    return f"select {', '.join(map(_quote, columns))} from {_quote(table)} order by {', '.join(map(_quote, order))}"


def _rows(conn: sqlite3.Connection, sql: str) -> Iterator[tuple]:
    conn.text_factory = _text
    return conn.execute(sql)


def _text(data: bytes) -> str | tuple[bytes]:
    """Text that is not UTF-8 (another program wrote it) is compared as its bytes, apart from blobs."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return (data,)


def _digests(conn: sqlite3.Connection, table: str, key: list[str], columns: list[str]) -> Iterator[tuple[tuple, int]]:
    import msgspec
    import xxhash

    if not _columns(conn, table):  # this file has no such table
        return
    places = [columns.index(name) for name in key]
    for row in _rows(conn, _select(columns, table, key or columns)):
        yield tuple(row[place] for place in places), xxhash.xxh3_64_intdigest(msgspec.msgpack.encode(row))


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
