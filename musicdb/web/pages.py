"""What the Datasette pages of a library show: the home page, a track, an album. SQL on top, one async function a page."""

from __future__ import annotations

from . import cells

TOTALS = """
select
  (select count(*) from tracks where deleted_at is null and merged_into_id is null and title is not null) as tracks,
  (select count(*) from release_groups where deleted_at is null and merged_into_id is null) as albums,
  (select count(*) from artists where deleted_at is null and merged_into_id is null) as artists,
  (select count(*) from platform_playlists where kind <> 'folder' and missing_since is null) as playlists,
  (select count(*) from listens where duplicate_of_id is null) as listens,
  (select count(*) from review_queue) as waiting,
  (select count(*) from quarantine where resolved_at is null) as refused
"""

PLATFORMS = """
select s.name, s.title, (select count(*) from platform_tracks as p where p.platform = s.name) as tracks
from platforms as s
where exists (select 1 from platform_tracks as p where p.platform = s.name)
order by s.priority
"""

ALBUMS = """
select g.id, g.title, g.year, a.name as artist, l.image_id as cover,
  (select count(*) from tracks as t where t.release_group_id = g.id and t.deleted_at is null and t.merged_into_id is null) as tracks
from release_groups as g
left join artists as a on a.id = g.primary_artist_id
left join image_links as l on l.release_group_id = g.id and l.is_selected = 1
where g.deleted_at is null and g.merged_into_id is null
order by l.image_id is null, g.id desc
limit :limit
"""

OPERATIONS = """
select type, platform, status, completed_at, reason, error_message
from operations
where parent_id is null
order by id desc
limit 6
"""

TRACK = """
select t.*, i.track_uid, g.title as album, g.year as album_year, coalesce(
  (select l.image_id from image_links as l where l.is_selected = 1 and l.track_id = t.id),
  (select l.image_id from image_links as l where l.is_selected = 1 and l.release_group_id = t.release_group_id)) as cover
from tracks as t
join track_ids as i on i.id = t.id
left join release_groups as g on g.id = t.release_group_id
where t.id = :id
"""

CLAIMS = """
select field, platform, value, type
from claims
where track_id = :id and field not in ('cues', 'beat_grid', 'cover')
order by field, platform
"""

LINKS = """
select k.id as link_id, k.status, k.method, k.confidence, k.evidence,
  p.id, p.platform, p.external_id, p.title, p.artists, p.album, p.duration_ms, p.missing_since
from track_links as k
join platform_tracks as p on p.id = k.platform_track_id
where k.track_id = :id
order by k.status, k.confidence desc, p.platform
"""

LISTS = """
select distinct l.id, l.name, l.platform
from track_links as k
join platform_playlist_items as i on i.platform_track_id = k.platform_track_id and i.removed_at is null
join platform_playlists as l on l.id = i.platform_playlist_id
where k.track_id = :id and k.status in ('auto', 'confirmed')
order by l.platform, l.name
limit 40
"""

PLAYS = """
select count(*) as n, min(l.listened_at) as first, max(l.listened_at) as last
from track_links as k
join platform_tracks as p on p.id = k.platform_track_id
join listens as l on l.platform = p.platform and l.track_external_id = p.external_id and l.duplicate_of_id is null
where k.track_id = :id and k.status in ('auto', 'confirmed')
"""

ALBUM = """
select g.*, a.name as artist, l.image_id as cover
from release_groups as g
left join artists as a on a.id = g.primary_artist_id
left join image_links as l on l.release_group_id = g.id and l.is_selected = 1
where g.id = :id
"""

ALBUM_TRACKS = """
select t.id, t.title, t.version, t.artist_credit, t.duration_ms, t.bpm, t.musical_key, t.rating,
  (select min(i.disc_no * 1000 + i.track_no) from release_items as i where i.track_id = t.id) as place
from tracks as t
where t.release_group_id = :id and t.deleted_at is null and t.merged_into_id is null
order by place is null, place, t.title
limit 500
"""

# The fields of a track in the order people look for them; others follow by name.
FIELDS = """title version artist_credit artists album year release_date genres bpm musical_key rating duration_ms
label catalogue_number isrc comment""".split()


async def rows(db, sql: str, **params) -> list[dict]:
    return [dict(row) for row in (await db.execute(sql, params)).rows]


async def home(db, limit: int = 24) -> dict:
    """totals, platforms, albums (those with a cover first, newest first) and the last operations."""
    totals = (await rows(db, TOTALS))[0]
    return {
        "totals": totals,
        "platforms": await rows(db, PLATFORMS),
        "albums": await rows(db, ALBUMS, limit=limit),
        "operations": await rows(db, OPERATIONS),
    }


async def track(db, track_id: int) -> dict | None:
    """One track: values with whose they are and what others say, links with their evidence, playlists, plays; None without it."""
    found = await rows(db, TRACK, id=track_id)
    if not found:
        return None
    links = await rows(db, LINKS, id=track_id)
    for one in links:
        one["artists"] = ", ".join(map(str, cells.parsed(one["artists"] or "") or []))
        one["signs"] = signs(one["evidence"])
    return {
        "row": found[0],
        "fields": fields(found[0], await rows(db, CLAIMS, id=track_id)),
        "links": links,
        "lists": await rows(db, LISTS, id=track_id),
        "plays": (await rows(db, PLAYS, id=track_id))[0],
    }


async def album(db, album_id: int) -> dict | None:
    """One album with its tracks; None without it."""
    found = await rows(db, ALBUM, id=album_id)
    return {"row": found[0], "tracks": await rows(db, ALBUM_TRACKS, id=album_id)} if found else None


def fields(row: dict, claims: list[dict]) -> list[dict]:
    """[{name, value, whose, decided, agree: [platform], others: [(platform, value)]}]: whose each value is, and who says something else.

    A field without a column of its own (genres, label, ...) has no value here, only what the platforms say.
    """
    sources = cells.parsed(row.get("sources") or "{}") or {}
    said: dict[str, list[tuple[str, object]]] = {}
    for claim in claims:
        value = claim["value"]
        if claim["type"] in ("array", "object"):
            value = cells.parsed(value)
            parts = value if isinstance(value, list) else [f"{k} {v}" for k, v in (value or {}).items()]
            value = ", ".join(map(str, parts))
        pair = claim["platform"], value
        if pair not in said.setdefault(claim["field"], []):
            said[claim["field"]].append(pair)
    names = [name for name in FIELDS if name in said or row.get(name) is not None] + sorted(said.keys() - set(FIELDS))
    out = []
    for name in names:
        value, whose = row.get(name), sources.get(name)
        whose = whose if isinstance(whose, str) else None
        pairs = said.get(name, [])
        agree = sorted({platform for platform, v in pairs if same(name, v, value) and platform != whose})
        others = [(platform, v) for platform, v in pairs if not same(name, v, value)]
        out.append({"name": name, "value": value, "whose": whose, "decided": whose == "user", "agree": agree, "others": others})
    return out


def same(name: str, a, b) -> bool:
    """Whether two values look the same on a page: 118.27 and 118.3 bpm, or times within a second, are no disagreement to look at."""
    if isinstance(a, int | float) and isinstance(b, int | float):
        if name == "bpm":
            return round(a, 1) == round(b, 1)
        if name.endswith("_ms"):
            return cells.clock(a) == cells.clock(b)
    return a == b


def signs(evidence: str | None) -> list[str]:
    """The sentences of a link's evidence, whatever its shape."""
    content = cells.parsed(evidence or "")
    if isinstance(content, dict):
        content = [value if isinstance(value, dict | str) else f"{name}: {value}" for name, value in content.items()]
    if not isinstance(content, list):
        return []
    return [str(one.get("sentence") or one.get("sign") or one) if isinstance(one, dict) else str(one) for one in content]
