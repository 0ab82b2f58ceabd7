"""A library to share: a copy without what is private, rebuilt so that nothing of it is left in any page of the file.

Taken out is what can be named: LISTENS, PATHS and USERS say, per part, which rows go and which columns are emptied. Payloads go wherever they
could hold it (those of files, DJ software and listening services, of playlists and copies), and with any part the ledger, plans and reasons.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import secrets
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import diary, schema
from ..backup import translated
from ..connection import register
from ..errors import BadInput, DatabaseError

if TYPE_CHECKING:
    from ..db import Database

PARTS = ("listens", "paths", "users")
OWN = "(select name from platforms where kind in ('files', 'dj', 'history'))"
HEARD = "(select name from platforms where kind = 'history')"
# With any part: what was said before and done, in which everything may stand.
ALWAYS = """
delete from changes; delete from observation_changes; delete from quarantine; delete from import_batches; delete from sync_checkpoints;
update operations set target = null, reason = null, details = null, error_message = null, actor = 'user';
delete from plan_operations; delete from plan_lists; delete from plans; delete from playlist_versions; delete from playlist_links;
delete from snapshots; delete from config; delete from resolved;
update decisions set note = null;
update platform_tracks set metadata = null, metadata_hash = null where platform in {own};
update platform_releases set metadata = null, metadata_hash = null where platform in {own};
update platform_playlists set metadata = null, metadata_hash = null;
update collection_items set metadata = null
"""
LISTENS = """
delete from listens; delete from listens_raw; delete from listen_rollup; delete from listen_totals; delete from listen_hours; delete from listen_stale;
delete from listen_heard; delete from listen_artist_rollup; delete from listen_counted; delete from event_recordings; delete from events;
delete from track_metrics where metric in ('play_count', 'skip_count', 'last_played_at') or platform in {heard};
delete from track_likes where platform in {heard};
delete from platform_playlist_items where platform_playlist_id in (select id from platform_playlists where platform in {heard});
delete from platform_playlists where platform in {heard};
delete from decisions where entity = 'link' and entity_key in (
  select platform || '/' || external_id from platform_tracks where in_library = 0 or platform in {heard});
delete from platform_tracks where in_library = 0 or platform in {heard};
delete from platform_releases where platform in {heard};
update platform_tracks set said = json_remove(said, '$.play_count', '$.last_played_at', '$.skip_count') where said is not null
"""
PATHS = """
delete from media_files;
update platform_tracks set said = json_remove(said, '$.path', case when platform in {own} then '$.cover' else '$.path' end) where said is not null;
update platform_tracks set uri = null where platform in {own};
update track_links set evidence = null; update release_links set evidence = null;
update images set path = null, source_url = null where path is not null or source_url not like 'http%';
update platform_images set source_url = null where source_url not like 'http%'
"""
USERS = """
delete from users; insert into users (id, username) values (1, 'me');
update platform_playlists set account = '', owner = null, owner_id = null, description = null;
update or ignore collection_items set account = ''; update collection_items set account = '', notes = null; delete from collection_values;
update decisions set decided_by = 'user'; update track_links set decided_by = 'user' where decided_by is not null;
update release_links set decided_by = 'user' where decided_by is not null;
update playlist_items set added_by = null; update playlists set owner_publisher_id = null
"""
SQL = {"listens": LISTENS, "paths": PATHS, "users": USERS}


@dataclass(frozen=True)
class Shared:
    """The file that was written, its size, what was left out, and how many tracks it has."""

    path: Path
    size_bytes: int
    without: tuple[str, ...]
    tracks: int


def write(db: Database, target: str | Path, *, without: Iterable[str] = PARTS) -> Shared:
    """Write a database without `without` (of PARTS) to a new file, which opens like any other. The library itself is not touched.

    Raises BadInput for a target that is there or an unknown part, DatabaseError (and leaves no file) where a path is found in the result.
    """
    target, parts = Path(target), tuple(dict.fromkeys(without))
    if unknown := set(parts) - set(PARTS):
        raise BadInput(f"{', '.join(sorted(unknown))} cannot be left out; there are {', '.join(PARTS)}")
    if not parts:
        raise BadInput(f"nothing is left out: that is `musicdb backup`; name some of {', '.join(PARTS)}")
    if target.exists():
        raise BadInput(f"{target} is there already; name a new file")
    if not target.parent.is_dir():
        raise BadInput(f"there is no folder {target.parent}")
    work = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    done = target.with_name(f"{work.name}2")
    try:
        with translated(work, target):
            os.close(os.open(work, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            with closing(sqlite3.connect(work, isolation_level=None)) as copy:
                copy.execute("pragma synchronous = off")
                db.conn.backup(copy, name="main")
                private = _roots(copy) if "paths" in parts else set()
                _strip(db, copy, parts)
                copy.execute("vacuum into ?", [str(done)])
            with closing(sqlite3.connect(done, isolation_level=None)) as made:
                if broken := made.execute("pragma foreign_key_check").fetchall():
                    raise DatabaseError(f"{target}: rows of {broken[0][0]} would point to rows that were left out; nothing was written")
                tracks = made.execute("select count(*) from tracks where deleted_at is null and merged_into_id is null").fetchone()[0]
            if found := _found(done, private):
                raise DatabaseError(f"{target}: the folder {found} is named somewhere in it; nothing was written")
            os.replace(done, target)
    finally:
        for left in (work, done):
            for suffix in ("", "-journal", "-wal", "-shm"):
                Path(f"{left}{suffix}").unlink(missing_ok=True)
    return Shared(target, target.stat().st_size, parts, tracks)


def _strip(db: Database, copy: sqlite3.Connection, parts: tuple[str, ...]) -> None:
    register(copy)
    copy.execute("pragma journal_mode = off")
    copy.execute("pragma secure_delete = on")
    copy.execute("pragma foreign_keys = off")  # looked at as a whole afterwards
    for (name,) in copy.execute("select name from sqlite_master where type = 'trigger'").fetchall():
        copy.execute(f'drop trigger "{name}"')
    if diary.is_split(copy):
        _with_diary(db, copy, "listens" not in parts)
    for part in ("always", *parts):
        for statement in SQL.get(part, ALWAYS).format(own=OWN, heard=HEARD).split(";"):
            copy.execute(statement)
    if "paths" in parts:
        _rename(copy)
    if "users" in parts and "listens" not in parts:  # whose they were is not told: all are of one
        copy.execute("update or ignore listens_raw set user_id = 1")
        copy.execute("update or ignore listens set user_id = 1")
        copy.execute("delete from listens where user_id <> 1")
        copy.execute("delete from listens_raw where user_id <> 1")
        for table in ("listen_rollup", "listen_totals", "listen_hours", "listen_heard", "listen_artist_rollup", "listen_stale", "listen_counted"):
            copy.execute(f"delete from {table}")
    _without_orphans(copy)
    for table in schema.SEARCH:
        copy.execute(f"insert into {table}_fts ({table}_fts) values ('rebuild')")
    for (name,) in copy.execute("select name from sqlite_master where name like 'sqlite~_stat%' escape '~'").fetchall():
        copy.execute(f"drop table {name}")  # samples of the rows that were there
    schema.refresh(copy)


def _without_orphans(copy: sqlite3.Connection) -> None:
    """What pointed to a row that was left out goes with it, or points to nothing where it may."""
    while broken := {(row[0], row[3]) for row in copy.execute("pragma foreign_key_check")}:
        for table, number in broken:
            key = next(row for row in copy.execute(f"pragma foreign_key_list({table})") if row[0] == number)
            _, _, parent, column, to, *_ = key
            needed = any(row[1] == column and (row[3] or row[5]) for row in copy.execute(f"pragma table_info({table})"))
            lost = f"{column} is not null and {column} not in (select {to or 'id'} from {parent})"
            try:
                copy.execute(f"delete from {table} where {lost}" if needed else f"update {table} set {column} = null where {lost}")
            except sqlite3.IntegrityError:  # a row that is nothing without it
                copy.execute(f"delete from {table} where {lost}")


def _with_diary(db: Database, copy: sqlite3.Connection, listens: bool) -> None:
    """A library whose diary lies elsewhere becomes one file: with its listens, or with empty tables."""
    for statement in schema.objects().tables:
        if any(f" {name} (" in statement or f" on {name}(" in statement for name in diary.ONLY):
            copy.execute(statement)
    if listens:
        copy.execute("attach ? as diary", [str(db.diary_path)])
        for table in ("users", "listens_raw", "listens"):
            copy.execute(f"insert into main.{table} select * from diary.{table}")
        copy.execute("detach diary")


def _rename(copy: sqlite3.Connection) -> None:
    """External ids that are paths become hashes of them, the same one wherever it stands. The salt is not kept."""
    salt = secrets.token_bytes(16)

    def plain(text: str | None) -> str | None:
        if text is None or not ("/" in text or "\\" in text) or text.startswith(("http://", "https://")):
            return text
        return "path:" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12, key=salt).hexdigest()

    def keyed(text: str | None) -> str | None:
        head, mark, key = (text or "").partition("/")
        return f"{head}/{plain(key)}" if mark else text

    copy.create_function("plain", 1, plain)
    copy.create_function("keyed", 1, keyed)
    for table, column in (("platform_tracks", "external_id"), ("platform_tracks", "release_external_id"), ("platform_releases", "external_id"),
                          ("platform_playlists", "external_id"), ("platform_playlists", "parent_external_id"), ("listens", "track_external_id"),
                          ("collection_items", "instance_id")):  # fmt: skip
        copy.execute(f"update {table} set {column} = plain({column}) where platform in {OWN} and {column} is not plain({column})")
    for table in ("track_ids", "artist_ids", "release_group_ids", "label_ids", "genre_ids"):
        copy.execute(f"update {table} set origin = keyed(origin) where origin is not keyed(origin)")
    copy.execute("update decisions set entity_key = keyed(entity_key) where entity in ('link', 'release_link') and entity_key is not keyed(entity_key)")


def _roots(conn: sqlite3.Connection) -> set[str]:
    """Folders that must not be named in the result: what was scanned, and the upper folders of every path."""
    found = {row[0] for row in conn.execute("select distinct root from media_files where root is not null")}
    paths = "select path from media_files union select json_extract(said, '$.path') from platform_tracks where json_extract(said, '$.path') is not null"
    for (path,) in conn.execute(paths):
        parts = path.replace("\\", "/").split("/")
        found.add("/".join(parts[:4] if len(parts) > 4 else parts[:-1]))
    return {root for root in found if len(root) > 4}


def _found(path: Path, texts: Iterable[str]) -> str | None:
    """The first of the texts that stands anywhere in the file's bytes."""
    from urllib.parse import quote

    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for text in texts:
            forms = {text, text.replace("/", "\\"), text.replace("/", "\\/"), quote(text)}
            if any(data.find(form.encode("utf-8", "surrogatepass")) >= 0 for form in forms):
                return text
    return None
