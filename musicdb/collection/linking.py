"""A side of a record is a track: proposals, saying so, and saying that it is not. The sides of a release are its platform's tracks (12345#A1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..db import Row, Rows
from ..errors import BadInput
from ..links import aliases, review
from ..links.review import Reviewed
from ..matching import compare, lookup
from ..matching.record import prepare
from ..truth import deriving

if TYPE_CHECKING:
    from ..db import Database

SHOWN = "track_id title version artist_credit album duration_ms has_file confidence".split()
LEAST = 20  # confidence below which a track is not worth showing
FACTS = """
select t.id as track_id, t.title, t.version, t.artist_credit, l.album, t.duration_ms, l.cover, exists (
    select 1 from track_links as k join platform_tracks as p on p.id = k.platform_track_id and p.platform = 'local' and p.missing_since is null
    where k.track_id = t.id and k.status in ('auto', 'confirmed')) as has_file
from tracks as t join library as l on l.id = t.id
where t.id = ?
"""
SIDE = "select id, platform, external_id, title, artists, album, duration_ms, isrc from platform_tracks where {where}"


def candidates(db: Database, side: int | str, limit: int = 8) -> Rows:
    """Return tracks of yours that a side may be, the likeliest first: track_id, title, version, artist_credit, album, duration_ms, cover, has_file,
    confidence (0-100), signs (sentences). The track that it is now is left out.

    side: its id in platform_tracks, or "12345#A1" (of Discogs; "platform/id" of another). Raises BadInput.
    """
    one = _side(db, side)
    record = {name: one[name] for name in ("title", "album", "duration_ms", "isrc")} | {"artists": msgspec.json.decode(one["artists"])}
    now = db.value(review.ACTIVE, [one["id"]])
    mine = prepare(record, aliases.known(db))
    judged = [(compare(mine, theirs), track) for track in lookup.near(db, mine) if track != now and (theirs := lookup.facts(db, track))]
    rows = []
    for comparison, track in sorted(judged, key=lambda one: (-one[0].confidence, one[1]))[:limit]:
        if comparison.confidence >= LEAST:
            signs = [one["sentence"] for one in comparison.evidence]
            rows.append(Row(db.one(FACTS, [track]) | {"confidence": round(comparison.confidence), "signs": signs}))
    return Rows(rows, SHOWN, db)


def link_side(db: Database, side: int | str, track: int, *, by: str | None = None, note: str | None = None) -> Reviewed:
    """Say that this side is that track: an answer to a link like any other, which no import overturns.

    A track that is left without any observation is merged into it, so that its tags and places in playlists stay. Raises BadInput.
    """
    one = _side(db, side)
    uid = db.value("select track_uid from track_ids where id = ?", [track])
    if uid is None:
        raise BadInput(f"there is no track {track!r}; `candidates` lists some that it may be")
    sql = "select id from track_links where platform_track_id = ? and (assigned_track_id = ? or track_id = ?) order by status in ('auto', 'confirmed') desc"
    link = db.value(sql, [one["id"], track, track])
    if link is not None:
        return review.accept(db, link, by=by, note=note)
    key, notes = f"{one['platform']}/{one['external_id']}", []
    with db.operation("accept", actor=by or "me", track_id=track, reason=f"{one['title']} is track {track}") as op:
        rows = [("link", key, "track", _json(uid)), *review.taken_along(db, [(one["id"], track, False)], notes)]
        db.executemany(review.INSERT, [(*row, note, by or "me", op.id) for row in rows])
        tracks = deriving.follow(db, [row[:3] for row in rows])
        op.details = {"links": 1, "decisions": len(rows)}
    return Reviewed(op.id, 1, sorted(tracks), notes)


def unlink_side(db: Database, side: int | str, *, by: str | None = None, note: str | None = None) -> Reviewed:
    """Say that this side is not the track that it is linked to now; it goes back to the one it had before, or gets its own."""
    one = _side(db, side)
    link = db.value("select id from track_links where platform_track_id = ? and status in ('auto', 'confirmed')", [one["id"]])
    if link is None:
        raise BadInput(f"{one['title']} is linked to no track")
    return review.reject(db, link, by=by, note=note)


def same_release(db: Database, observed: str | int, release: int, *, by: str | None = None, note: str | None = None) -> Reviewed:
    """Say that an observed release ("spotify/4aaw...", or its id in platform_releases) is this release, whatever keys say. Raises BadInput."""
    uid = db.value("select release_uid from releases where id = ?", [release])
    if uid is None:
        raise BadInput(f"there is no release {release!r}; `musicdb collection releases` lists them")
    return _release_is(db, observed, "release", _json(uid), f"is release {release}", by, note)


def apart_release(
    db: Database, observed: str | int, release: int | None = None, *, by: str | None = None, note: str | None = None
) -> Reviewed:
    """Say that an observed release is not that release; without one, not the one that it is given now: it gets its own. Raises BadInput."""
    key, _, now = _release(db, observed)
    release = now if release is None else release
    uid = db.value("select release_uid from releases where id = ?", [release])
    if uid is None:
        raise BadInput(f"{key} is no release yet; `musicdb resolve` makes it one")
    return _release_is(db, observed, f"not:{uid}", "1", f"is not release {release}", by, note)


def _release_is(db: Database, observed: str | int, field: str, value: str, what: str, by: str | None, note: str | None) -> Reviewed:
    key, title, _ = _release(db, observed)
    with db.operation("release link", mode="batch", actor=by or "me", reason=f"{title} ({key}) {what}") as op:
        rows = [("release_link", key, field, value)]
        if field.startswith("not:"):  # what was said before no longer counts
            rows.append(("release_link", key, "release", None))
        db.executemany(review.INSERT, [(*row, note, by or "me", op.id) for row in rows])
        tracks = deriving.follow(db, [row[:3] for row in rows])
        op.summary("decisions", len(rows))
    return Reviewed(op.id, 1, sorted(tracks))


def _release(db: Database, observed: str | int) -> tuple[str, str, int | None]:
    """(platform/external id, title, release that it is now)."""
    where = "r.id = ?" if isinstance(observed, int) else "r.platform = ? and r.external_id = ?"
    asked = [observed] if isinstance(observed, int) else list(observed.partition("/")[::2])
    sql = f"""
    select r.platform || '/' || r.external_id, r.title, l.release_id from platform_releases as r
    left join release_links as l on l.platform_release_id = r.id and l.status in ('auto', 'confirmed')
    where {where}
    """
    found = db.execute(sql, asked).fetchone()
    if found is None:
        raise BadInput(f"there is no release {observed!r}; give one such as discogs/12345 that was imported (table platform_releases)")
    return found


def _side(db: Database, side: int | str) -> dict[str, Any]:
    if isinstance(side, int):
        row = db.one(SIDE.format(where="id = ?"), [side])
    else:
        platform, _, key = side.partition("/") if "/" in side.partition("#")[0] else ("discogs", "", side)
        row = db.one(SIDE.format(where="platform = ? and external_id = ?"), [platform, key])
    if row is None:
        raise BadInput(f"there is no side {side!r}; a side is called like 12345#A1 (release id, then its place), `sides` lists them")
    return row


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
