"""What the database knows already, for a platform's `fetch`: so that it asks only for what is new."""

from __future__ import annotations

from typing import Any

import msgspec


class Known:
    """What the database knows already, for a platform's `fetch`: read-only."""

    def __init__(self, db, platform: str, user_id: int, account: str):
        self._db, self._platform, self._user, self._account = db, platform, user_id, account

    def files(self, root: str | None = None) -> dict[str, tuple]:
        """path -> (external_id, size, mtime_ns, ctime_ns, inode, window_hash, missing)."""
        where, params = ("1", []) if root is None else ("f.path >= ? and f.path < ?", [root, root + "\U0010ffff"])
        sql = (
            "select f.path, p.external_id, f.size_bytes, f.mtime_ns, f.ctime_ns, f.inode, f.window_hash, p.missing_since is not null "
            f"from media_files as f join platform_tracks as p on p.id = f.platform_track_id where {where}"
        )
        return {r[0]: (*r[1:7], bool(r[7])) for r in self._db.execute(sql, params)}

    def audio_hash(self, external_id: str) -> str | None:
        """Hash over all audio of a file, where it was ever made."""
        sql = (
            "select f.audio_hash from media_files as f join platform_tracks as p on p.id = f.platform_track_id "
            "where p.platform = ? and p.external_id = ?"
        )
        return self._db.value(sql, [self._platform, external_id])

    def refused(self, kind: str) -> dict[str, Any]:
        """item -> payload of what was refused and not read since."""
        sql = "select item, payload from quarantine where platform = ? and kind = ? and resolved_at is null"
        return {item: payload and msgspec.json.decode(payload) for item, payload in self._db.execute(sql, [self._platform, kind])}

    def playlists(self) -> dict[str, tuple[str | None, str | None]]:
        """external_id -> (remote_version, remote_updated_at)."""
        sql = "select external_id, remote_version, remote_updated_at from platform_playlists where platform = ? and missing_since is null"
        return {r[0]: r[1:] for r in self._db.execute(sql, [self._platform])}

    def tracks(self) -> dict[str, str]:
        """external_id -> when it was fetched."""
        return dict(self._db.execute("select external_id, fetched_at from platform_tracks where platform = ?", [self._platform]))

    def cursor(self, entity: str) -> str | None:
        """Where the last run stopped in this list."""
        sql = "select cursor from sync_checkpoints where user_id = ? and platform = ? and account = ? and entity = ?"
        return self._db.value(sql, [self._user, self._platform, self._account, entity])
