"""What the database knows already, for a platform's `fetch`: so that it asks only for what is new."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec


class Known:
    """What the database knows already, for a platform's `fetch`: read-only."""

    _CHECKPOINT = "select {} from {}.sync_checkpoints where user_id = ? and platform = ? and account = ? and entity = ?"

    def __init__(self, db, platform: str, user_id: int, account: str, all: bool = False, home: str = "main"):
        self._db, self._platform, self.all, self._home = db, platform, all, home
        self._key = (user_id, platform, account)
        self.resumed: dict[str, set[str]] = {}
        self.notes: dict[str, str] = {}
        self._pages: dict[tuple[str, str], int] | None = None
        self.read_files: dict[str, tuple] = {}  # what `files` gave; the end of the list needs no second look

    def files(self, root: str | None = None) -> dict[str, tuple]:
        """path -> (external_id, size, mtime_ns, ctime_ns, inode, window_hash, missing)."""
        where, params = ("1", []) if root is None else ("f.path >= ? and f.path < ?", [root, root + "\U0010ffff"])
        sql = (
            "select f.path, p.external_id, f.size_bytes, f.mtime_ns, f.ctime_ns, f.inode, f.window_hash, p.missing_since is not null "
            f"from media_files as f join platform_tracks as p on p.id = f.platform_track_id where {where}"
        )
        found = {r[0]: r[1:] for r in self._db.execute(sql, params)}
        self.read_files.update(found)
        return found

    def audio_hash(self, external_id: str) -> str | None:
        """Hash over all audio of a file, where it was ever made."""
        sql = (
            "select f.audio_hash from media_files as f join platform_tracks as p on p.id = f.platform_track_id "
            "where p.platform = ? and p.external_id = ?"
        )
        return self._db.value(sql, [self._platform, external_id])

    def said(self, external_id: str) -> dict[str, Any]:
        """What this platform said of a track, in canonical names."""
        sql = "select said from platform_tracks where platform = ? and external_id = ?"
        return msgspec.json.decode(self._db.value(sql, [self._platform, external_id]) or "{}")

    def refused(self, kind: str) -> dict[str, Any]:
        """item -> payload of what was refused and not read since."""
        sql = "select item, payload from quarantine where platform = ? and kind = ? and resolved_at is null"
        return {item: payload and msgspec.json.decode(payload) for item, payload in self._db.execute(sql, [self._platform, kind])}

    def playlists(self) -> dict[str, tuple[str | None, str | None]]:
        """external_id -> (remote_version, remote_updated_at)."""
        sql = "select external_id, remote_version, remote_updated_at from platform_playlists where platform = ? and missing_since is null"
        return {} if self.all else {r[0]: r[1:] for r in self._db.execute(sql, [self._platform])}

    def folders(self) -> dict[str, str]:
        """playlist -> the folder it is in, of those that are in one."""
        sql = "select external_id, parent_external_id from platform_playlists where platform = ? and parent_external_id is not null"
        return dict(self._db.execute(sql, [self._platform]))

    def releases(self) -> dict[str, tuple[str | None, bool, bool]]:
        """external_id -> (kind of its payload, whether it is due to be fetched again, whether tracks of it are in the library).

        Due: all=True, marked for update (itself or a track of it), or fetched longer than the platform's `freshness_hours` ago.
        """
        sql = (
            "select r.external_id, r.kind, r.needs_update or coalesce(max(t.needs_update), 0) or coalesce(r.fetched_at "
            "< strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-' || p.freshness_hours || ' hours'), 0), coalesce(max(t.in_library), 0) "
            "from platform_releases as r join platforms as p on p.name = r.platform left join platform_tracks as t "
            "on t.platform = r.platform and t.release_external_id = r.external_id where r.platform = ? group by r.id"
        )
        return {r[0]: (r[1], self.all or bool(r[2]), bool(r[3])) for r in self._db.execute(sql, [self._platform])}

    def copies(self, status: str, *, mine: bool = False, gone: bool = False) -> dict[str, str]:
        """instance_id -> release of copies that are there, or of those that were; mine: in this account only."""
        sql = (
            "select c.instance_id, r.external_id from collection_items as c join platform_releases as r on r.id = c.platform_release_id "
            "where c.platform = ? and c.status = ? and (c.removed_at is not null) = ? and (c.account = ? or not ?) order by c.id"
        )
        return dict(self._db.execute(sql, [self._platform, status, gone, self._key[2], mine]))

    def pictures(self, release: str) -> set[str]:
        """Addresses of the pictures of a release that are stored."""
        sql = (
            "select i.source_url from platform_releases as r join platform_images as i on i.platform_release_id = r.id "
            "where r.platform = ? and r.external_id = ? and i.image_id is not null"
        )
        return {r[0] for r in self._db.execute(sql, [self._platform, release])}

    def payload(self, release: str) -> Any:
        """The stored payload of a release, or None."""
        sql = "select metadata from platform_releases where platform = ? and external_id = ?"
        stored = self._db.value(sql, [self._platform, release])
        return stored and msgspec.json.decode(stored)

    def tracks_of(self, releases: Iterable[str]) -> list[str]:
        """external ids of all tracks of some releases."""
        sql = (
            "select t.external_id from json_each(?) as j "
            "cross join platform_tracks as t on t.platform = ? and t.release_external_id = j.value"
        )
        return [r[0] for r in self._db.execute(sql, [msgspec.json.encode(sorted(set(releases))).decode(), self._platform])]

    def marked(self) -> list[str]:
        """external ids of tracks in the library that are marked to be fetched again."""
        sql = "select external_id from platform_tracks where platform = ? and needs_update = 1 and in_library = 1 order by id"
        return [r[0] for r in self._db.execute(sql, [self._platform])]

    def tracks(self) -> dict[str, str]:
        """external_id -> when it was fetched."""
        return dict(self._db.execute("select external_id, fetched_at from platform_tracks where platform = ?", [self._platform]))

    def cursor(self, entity: str) -> str | None:
        """Where an earlier run stopped in this list, or None to begin. What it saw of the list counts as seen by this one."""
        stored = self._db.value(self._CHECKPOINT.format("cursor", self._home), [*self._key, entity])
        if stored is None or self.all:
            return None
        state = msgspec.json.decode(stored)
        for kind, keys in state["seen"].items():
            self.resumed.setdefault(kind, set()).update(keys)
        return state["cursor"]

    def page(self, kind: str, digest: str) -> int | None:
        """How many payloads a page of exactly these bytes had that was stored for this user, or None (always, with all=True)."""
        if self._pages is None:
            sql = f"select kind, sha256, n from {self._db.diary}.import_batches where user_id = ? and platform = ? and sha256 is not null"
            self._pages = {} if self.all else {r[:2]: r[2] for r in self._db.execute(sql, self._key[:2])}
        return self._pages.get((kind, digest))

    def is_fresh(self, entity: str) -> bool:
        """Whether this list was read to its end less than the platform's `freshness_hours` ago (never with all=True)."""
        if self.all:
            return False
        sql = (
            f"select 1 from {self._home}.sync_checkpoints as c join platforms as p on p.name = c.platform where c.user_id = ? and c.platform = ? "
            "and c.account = ? and c.entity = ? and c.cursor is null "
            "and c.updated_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-' || p.freshness_hours || ' hours')"
        )
        return bool(self._db.value(sql, [*self._key, entity]))

    def recall(self, key: str) -> str | None:
        """What `remember` kept: "this app gets no audio features", say."""
        return self._db.value(self._CHECKPOINT.format("last_timestamp", self._home), [*self._key, f"note:{key}"])

    def remember(self, key: str, value: str) -> None:
        """Keep a fact about this source for later runs; stored when this run ends."""
        self.notes[key] = value
