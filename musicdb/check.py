"""Is the database whole? Each check says what it found and the command that mends it. Reads only; `vacuum` is the exception."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from musicdb import backup, diary, schema
from musicdb.errors import DatabaseBusy, DatabaseError, NewerSchema

Progress = Callable[[int, int | None, str], None]
RESTORE = "musicdb migrate --restore, which puts the last backup back"
AGAIN = "musicdb import, once more from the same source; then musicdb link"

# Rows that stand for nothing: (name, what is counted, query, how to mend).
STRAY = [
    (
        "listens", "plays whose track no platform knows",
        "select count(*) from listens as l where not exists "
        "(select 1 from platform_tracks as p where p.platform = l.platform and p.external_id = l.track_external_id)", AGAIN,
    ),
    (
        "external ids", "ids of entities that are not there",
        """
        select count(*) from external_ids as e where
          (e.entity_type = 'track' and not exists (select 1 from tracks where id = e.entity_id))
          or (e.entity_type = 'artist' and not exists (select 1 from artists where id = e.entity_id))
          or (e.entity_type = 'release' and not exists (select 1 from releases where id = e.entity_id))
          or (e.entity_type = 'release_group' and not exists (select 1 from release_groups where id = e.entity_id))
          or (e.entity_type = 'label' and not exists (select 1 from labels where id = e.entity_id))
          or (e.entity_type = 'genre' and not exists (select 1 from genres where id = e.entity_id))
          or (e.entity_type = 'playlist' and not exists (select 1 from playlists where id = e.entity_id))
          or (e.entity_type = 'publisher' and not exists (select 1 from publishers where id = e.entity_id))
          or (e.entity_type = 'event' and not exists (select 1 from events where id = e.entity_id))
        """, "musicdb resolve",
    ),
    (
        "pictures", "pictures without any size to show",
        "select count(*) from images as i where not exists (select 1 from image_renditions where image_id = i.id)", AGAIN,
    ),
    (
        "pictures", "pictures of which it was not noted how they look, so that the same one in other sizes is not recognised",
        "select count(*) from images as i where (i.dhash is null or i.tint is null) and exists (select 1 from image_renditions where image_id = i.id)",
        "musicdb covers fill",
    ),
    (
        "genres", "genres that are a kind of themselves, in a circle",
        """
        with recursive up(genre, above, n) as (
          select genre, parent, 1 from genre_parents where parent is not null
          union all
          select u.genre, p.parent, u.n + 1 from up as u join genre_parents as p on p.genre = u.above where p.parent is not null and u.n < 50
        )
        select count(distinct genre) from up where above = genre
        """, "musicdb genres move GENRE --top, for one of them (sqlite-utils: select * from genre_parents)",
    ),
    (
        "tracks", "tracks that should be shown and have no title",
        "select count(*) from tracks as t where t.title is null and t.deleted_at is null and t.merged_into_id is null "
        "and exists (select 1 from track_links as k where k.track_id = t.id and k.status in ('auto', 'confirmed'))", "musicdb resolve",
    ),
    (
        "files", "files of a platform other than `local`",
        "select count(*) from media_files as f join platform_tracks as p on p.id = f.platform_track_id "
        "where p.platform <> 'local'", RESTORE,
    ),
    (
        "unfinished operation", "operations that were cut off and still claim every change",
        "select count(*) from current_operation", 'sqlite-utils query {database} "delete from current_operation"',
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """What one check found: its name, whether all is well, a sentence, and the command that mends it ("" where nothing is broken)."""

    name: str
    ok: bool
    detail: str
    mend: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run(path: str | Path, *, listens: str | Path | None = None, progress: Progress | None = None) -> list[Finding]:
    """Check the database file at `path` and, where it has one, the file with its listening history (listens: if not where it says).

    The first findings decide whether the later ones can be made. Changes nothing.

    Raises DatabaseBusy where another program writes for more than 30 s, DatabaseError where the file or its folder is read-only.
    """
    path = Path(path)
    head = _head(path)
    if head:
        return [head]
    found: list[Finding] = []
    steps = [_integrity, _references, _schema, _search, _stray, _replaced]
    uri = f"{path.absolute().as_uri()}?mode=rw"  # rw, so that a write-ahead log that waits is read; nothing is written
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30)) as conn:
            ours = _ours(conn)
            if ours:
                return [ours]
            if away := _diary(conn, listens):
                return [away]
            for done, step in enumerate(steps):
                if progress:
                    progress(done, len(steps), step.__name__.strip("_"))
                found.extend(step(conn, path))
    except sqlite3.DatabaseError as error:
        if _is_busy(error):
            raise DatabaseBusy(f"{path}: another program is writing to it; close it and check again") from error
        if _code(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):  # says nothing about the file
            raise DatabaseError(f"{path} {backup.NOT_WRITABLE} ({error})") from error
        found.append(Finding("file", False, str(error), RESTORE))
    return found


def vacuum(path: str | Path) -> int:
    """Rebuild the file without gaps and let SQLite refresh its statistics; return the bytes given back."""
    path = Path(path)
    with backup.translated(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)) as conn:
        conn.execute("pragma busy_timeout = 30000")
        before = _size(conn)
        conn.execute("vacuum")
        conn.execute("pragma optimize")
        conn.execute("pragma wal_checkpoint(truncate)")
        return max(0, before - _size(conn))


def _is_busy(error: sqlite3.Error) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _size(conn: sqlite3.Connection) -> int:
    return conn.execute("pragma page_count").fetchone()[0] * conn.execute("pragma page_size").fetchone()[0]


def _head(path: Path) -> Finding | None:
    if not path.is_file():
        return Finding("file", False, f"{path} is not there", "musicdb init, or " + RESTORE)
    with path.open("rb") as handle:
        head = handle.read(16)
    if not head:
        return Finding("file", False, f"{path} is empty", RESTORE)
    if head != b"SQLite format 3\0":
        return Finding("file", False, f"{path} is no SQLite database", RESTORE)
    return None


def _ours(conn: sqlite3.Connection) -> Finding | None:
    try:
        state = schema.state(conn)
    except NewerSchema as error:
        return Finding("schema", False, str(error), "an upgrade of musicdb")
    except DatabaseError as error:
        return Finding("file", False, str(error), "--db with the path of your musicdb database")
    if state == "empty":
        return Finding("file", False, "a database without a single table", "musicdb init")
    return None


def _diary(conn: sqlite3.Connection, given: str | Path | None) -> Finding | None:
    try:
        if where := diary.location(conn, given):
            diary.attach(conn, where, schema.objects(), uri="mode=rw")
    except DatabaseError as error:
        return Finding("listens", False, str(error), "MUSICDB_LISTENS_DB with its place")
    return None


def _integrity(conn: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    lines = [row[0] for row in conn.execute("pragma integrity_check(20)")]
    good = lines == ["ok"]
    size = f"{path.stat().st_size:,} bytes, every page and index readable"
    yield Finding("file", good, size if good else "; ".join(lines[:5]), "" if good else RESTORE)


def _references(conn: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    broken: dict[str, int] = {}
    for table, *_ in conn.execute("pragma foreign_key_check"):
        broken[table] = broken.get(table, 0) + 1
    said = ", ".join(f"{n:,} rows of {table}" for table, n in broken.items())
    yield Finding("references", not broken, f"{said} point to rows that are gone" if broken else "every row points to one that is there",
                  RESTORE if broken else "")  # fmt: skip


def _schema(conn: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    if schema.state(conn) == "behind":
        yield Finding("schema", False, "older than this version of musicdb", "musicdb migrate")
        return
    wrong = schema.differences(conn)
    said = ", ".join(f"{kind} {name} {what}" for what, kind, name in wrong[:6]) + (f" and {len(wrong) - 6} more" if len(wrong) > 6 else "")
    yield Finding("schema", not wrong, said or "every table, view, index and trigger as it should be", "musicdb migrate" if wrong else "")


def _search(conn: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    bad = []
    for table in schema.SEARCH:
        conn.execute("begin immediate")  # asking the index to compare itself counts as a write
        try:
            conn.execute(f"insert into {table}_fts ({table}_fts, rank) values ('integrity-check', 1)")
        except sqlite3.DatabaseError:
            bad.append(table)
        finally:
            with suppress(sqlite3.OperationalError):  # the failure may have ended the transaction
                conn.execute("rollback")
    yield Finding("search", not bad, f"the index of {', '.join(bad)} differs from the words" if bad else "finds what is there",
                  f'sqlite-utils rebuild-fts "{path}" {" ".join(bad)}' if bad else "")  # fmt: skip


def _stray(conn: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    counts = [(name, conn.execute(sql).fetchone()[0], what, mend) for name, what, sql, mend in STRAY]
    for name, n, what, mend in counts:
        if n:
            yield Finding(name, False, f"{n:,} {what}", mend.format(database=f'"{path}"'))
    if not any(n for _, n, _, _ in counts):
        yield Finding("stray rows", True, "none")


def _replaced(conn: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    """Rows written twice without having been deleted: a `replace` by a program that knows nothing of recursive_triggers."""
    total: dict[str, int] = {}
    for table in schema.LEDGER:
        key = [row for row in conn.execute(f"pragma table_xinfo({table})") if row[5]]
        first = min(key, key=lambda row: row[5])[1]
        sql = """
        select count(*)
        from (
          select c.op, lag(c.op) over (partition by c.entity_key order by c.id) as before_it,
            lag(c.id) over (partition by c.entity_key order by c.id) as since, c.id
          from changes as c
          where c.entity = :table and c.op in ('insert', 'delete') and c.field = :field
        ) as one
        where one.op = 'insert' and one.before_it = 'insert'
          and not exists (
            select 1 from changes as b
            where b.entity = :table and b.op in ('batch', 'rekey') and b.id between one.since and one.id
          )
        """
        n = conn.execute(sql, {"table": table, "field": first}).fetchone()[0]
        if n:
            total[table] = n
    said = ", ".join(f"{n:,} of {table}" for table, n in total.items())
    yield Finding("history", not total, f"rows replaced without a trace: {said}" if total else "no row was replaced behind its back",
                  "musicdb resolve; and write with `musicdb` or `sqlite-utils`, which keep the history" if total else "")  # fmt: skip
