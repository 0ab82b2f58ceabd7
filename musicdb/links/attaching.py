"""Searching a platform and attaching what was found to a track: fetched and stored by `load`, then linked by a person's decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .. import images, load
from ..errors import BadInput, NotLinked
from ..images import artwork
from ..matching import compare
from ..matching.lookup import facts
from ..truth import deriving

if TYPE_CHECKING:
    from ..db import Database

INSERT = "insert into decisions (entity, entity_key, field, value, note, decided_by, operation_id) values ('link', ?, 'track', ?, ?, ?, ?)"
CAME = """
select id, external_id, title, artists, album, duration_ms, isrc
from platform_tracks
where platform = ? and (external_id = ? or release_external_id = ?)
limit 500
"""


def searchable() -> list[str]:
    """Names of the platforms that can be searched."""
    return [name for name in load.available() if hasattr(load.module(name), "search")]


class Attached(NamedTuple):
    """operation: for `undo`; title: of the observation that was attached; notes: a cover that could not be had, say."""

    operation: int
    title: str
    notes: list[str]


def search(platform: str, query: str, *, account: str | None = None, limit: int = 10, **options: Any) -> list[dict[str, Any]]:
    """What a platform finds: [{"external_id", "title", "artists", "year", ...}], best first. Raises BadInput, SourceError."""
    if platform not in searchable():
        raise BadInput(f"{platform} cannot be searched; there are {', '.join(searchable())}")
    return load.module(platform).search(query, account=account, limit=limit, **options)


def words(db: Database, track: int) -> str:
    """What to search for, for a track: its first artist and title."""
    row = db.one("select title, artist_credit from tracks where id = ?", [track])
    return " ".join(filter(None, [row["artist_credit"], row["title"]])) if row else ""


def attach(
    db: Database, platform: str, external_id: str, track: int, *, account: str | None = None, progress: Any = None, by: str | None = None,
    pictures: Mapping[str, Any] | None = None, **options: Any,
) -> Attached:  # fmt: skip
    """Fetch what was found with its cover, and say that it is this track. A cover that cannot be had is a note, no failure.

    Of a release the track of it that compares best is taken. pictures: options of `artwork.fetch`; options: of the platform's `fetch`.
    Raises BadInput, NotLinked where nothing of a release is like the track, SourceError.
    """
    uid = db.value("select track_uid from track_ids where id = ?", [track])
    if uid is None:
        raise BadInput(f"there is no track {track}")
    name = load.module(platform).PLATFORM
    option = "releases" if load.module(platform).KIND == "collection" else "tracks"
    load.run(db, platform, account=account, progress=progress, **{option: [external_id]}, **options)
    mine = facts(db, track)
    judged = []
    for row in db.q(CAME, [name, external_id, external_id]):
        record = {
            "title": row["title"],
            "artists": msgspec.json.decode(row["artists"]),
            "album": row["album"],
            "duration_ms": row["duration_ms"],
            "isrc": row["isrc"],
        }
        sure = 100.0 if row["external_id"] == external_id or mine is None else compare(mine, record).confidence
        judged.append((sure, row["external_id"], row["title"]))
    best = max(judged, default=None)
    if best is None or best[0] < 20:
        raise NotLinked(f"nothing on {platform} {external_id} is like this track; choose another hit")
    key = f"{name}/{best[1]}"
    with db.operation("attach", mode="batch", actor=by or "me", platform=name, track_id=track, reason=f"{best[2]} is this track") as op:
        db.execute(INSERT, [key, msgspec.json.encode(uid).decode(), "found by searching", by or "me", op.id])
        deriving.follow(db, [("link", key, "track")])
    covers = artwork.fetch(db, name, progress=progress, **(pictures or {}))
    images.select(db, tracks=[track])
    return Attached(op.id, best[2], covers.notes)
