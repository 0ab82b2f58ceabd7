"""What the notebook screens ask: one track with everything said of it, names, counts. The screens hold no SQL; lists are in `listing`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from .db import Database

LABELS = {
    "artist_credit": "artists",
    "musical_key": "key",
    "duration_ms": "length",
    "their_title": "title there",
    "our_title": "your title",
}


# ---------- one track
TRACK = """
select t.*, i.track_uid, g.title as album, coalesce(
  (select l.image_id from image_links as l where l.is_selected = 1 and l.track_id = t.id),
  (select l.image_id from image_links as l where l.is_selected = 1 and l.release_group_id = t.release_group_id)) as cover
from tracks as b
join tracks as t on t.id = coalesce(b.merged_into_id, b.id)
join track_ids as i on i.id = t.id
left join release_groups as g on g.id = t.release_group_id
where b.id = ?
"""
CLAIMS = "select field, platform, value, type from claims where track_id = ? and field not in ('cues', 'beat_grid', 'cover', 'ids') order by field, platform"
LINKS = """
select p.platform, p.title, p.artists, k.status, k.confidence, k.evidence
from track_links as k join platform_tracks as p on p.id = k.platform_track_id
where k.track_id = ? and k.status <> 'rejected'
order by k.status, k.confidence desc, p.platform
limit 60
"""
ENTRIES = """
select p.id, p.platform, p.external_id, p.title, p.artists, p.album, p.duration_ms, k.confidence, k.evidence, coalesce(
  (select m.image_id from platform_images as m where m.platform_track_id = p.id and m.role = 'cover' and m.image_id is not null order by m.position),
  (select m.image_id from platform_releases as r join platform_images as m on m.platform_release_id = r.id
    where r.platform = p.platform and r.external_id = p.release_external_id and m.role = 'cover' and m.image_id is not null order by m.position)) as cover
from track_links as k join platform_tracks as p on p.id = k.platform_track_id
where k.track_id = ? and k.status in ('auto', 'confirmed')
order by p.platform, p.id
limit 200
"""
TAGS = """
select g.grp, g.name
from track_mytags as m join tags as g on g.id = m.tag_id
where m.track_id = ? and g.deleted_at is null
order by g.grp, g.name
"""


def track(db: Database, track_id: int) -> dict[str, Any] | None:
    """One track: row, fields (whose value, who agrees, who says something else), links with their sentences, tags; None without it."""
    from .web import pages

    row = db.one(TRACK, [track_id])
    if row is None:
        return None
    asked = {"id": row["id"]}
    decided = {one["field"] for one in db.q(pages.DECIDED, asked)}
    fields = pages.fields(row | pages.united(db.q(pages.UNITED, asked)), db.q(CLAIMS, [row["id"]]), decided)
    links = [{**link, "signs": pages.signs(link["evidence"])} for link in db.q(LINKS, [row["id"]])]
    return {"row": row, "fields": fields, "links": links, "tags": list(db.q(TAGS, [row["id"]]))}


def entries(db: Database, track_id: int) -> list[dict[str, Any]]:
    """What platforms have of a track, an entry a row: id, platform, title, artists (a list), album, duration_ms, cover, confidence, signs."""
    from .web import pages

    rows = db.q(ENTRIES, [track_id])
    return [{**row, "artists": msgspec.json.decode(row["artists"] or "[]"), "signs": pages.signs(row["evidence"])} for row in rows]


def platforms(db: Database) -> list[dict[str, Any]]:
    """Platforms that people meet, most trusted first: name, title, kind, tracks observed, when last read."""
    return list(
        db.q(
            "select s.name, s.title, s.kind, (select count(*) from platform_tracks as p where p.platform = s.name) as tracks, "
            "(select max(completed_at) from operations as o where o.platform = s.name and o.type = 'import') as last_import "
            "from platforms as s where s.enabled = 1 order by s.priority"
        )
    )


def titles(db: Database, tracks: Sequence[int]) -> list[dict[str, Any]]:
    """id, title, version, artist_credit, cover of these tracks, in their order."""
    rows = {
        r["id"]: r
        for r in db.q(
            "select id, title, version, artist_credit, cover from library where id in (select value from json_each(?))",
            [msgspec.json.encode(list(tracks)).decode()],
        )
    }
    return [rows[one] for one in tracks if one in rows]


def tracks_on(db: Database, album: int) -> list[int]:
    """Ids of the tracks of an album."""
    return [id for (id,) in db.execute("select id from library where release_group_id = ? order by id", [album])]


THERE = """
select c.id, coalesce(
  (select m.image_id from platform_images as m where m.platform_track_id = p.id and m.role = 'cover' and m.image_id is not null order by m.position),
  (select m.image_id from platform_releases as r join platform_images as m on m.platform_release_id = r.id
    where r.platform = p.platform and r.external_id = p.release_external_id and m.role = 'cover' and m.image_id is not null order by m.position))
from observation_changes as c join platform_tracks as p on p.platform = c.platform and p.external_id = c.external_id
where c.id in (select value from json_each(?))
"""


def covers_there(db: Database, changes: Sequence[int]) -> dict[int, int | None]:
    """{change: picture that its platform shows of it} of these ids of observation_changes."""
    return dict(db.execute(THERE, [msgspec.json.encode(list(changes)).decode()]).fetchall())


def album_title(db: Database, album: int) -> str:
    """The text "Artist - Title" of an album, or its title."""
    row = db.one(
        "select g.title, a.name from release_groups as g left join artists as a on a.id = g.primary_artist_id where g.id = ?", [album]
    )
    return "" if row is None else f"{row['name']} - {row['title']}" if row["name"] else row["title"]


def born(db: Database) -> str:
    """When this library was made: what tells it from another that was put in its place."""
    return str(db.value("select min(applied_at) from _sqlite_migrations"))


def waiting(db: Database) -> int:
    """How many observations wait for a person to say which track they are."""
    return db.value("select count(distinct platform_track_id) from review_queue")


def refused(db: Database, limit: int = 100) -> list[dict[str, Any]]:
    """What could not be read, with the reason: platform, kind, item, reason, at."""
    return list(db.q("select platform, kind, item, reason, at from quarantine where resolved_at is null order by id desc limit ?", [limit]))


def last_source(db: Database, importer: str) -> str | None:
    """The folder that files were read from last; None for other importers, which find their usual place by themselves."""
    if importer != "files":
        return None
    return db.value("select root from media_files where root is not null order by last_scan_at desc limit 1")


def last_operation(db: Database, type: str) -> int | None:
    """The newest operation of a type."""
    return db.value("select max(id) from operations where type = ?", [type])


def upstream_counts(db: Database) -> dict[str, int]:
    """{platform: tracks of which it says something else than before and that nobody looked at}."""
    sql = "select platform, count(*) from observation_changes where entity = 'track' and accepted_at is null group by platform order by platform"
    return dict(db.execute(sql).fetchall())


def put_off(db: Database) -> int:
    """How many links were put off in the review."""
    from .links import review

    return len(review.waiting(db, limit=None, later=True))


def shelf_counts(db: Database) -> dict[str, int]:
    """How many copies there are of each status, the most first; "owned" is always there."""
    rows = db.execute("select status, count(*) from copies where removed_at is null group by status order by count(*) desc")
    return {"owned": 0} | dict(rows.fetchall())
