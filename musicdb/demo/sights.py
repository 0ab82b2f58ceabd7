"""What is worth looking at in a library: found by SQL in the database, not known beforehand."""

from __future__ import annotations

from dataclasses import dataclass

COUNTS = {
    "tracks": "select count(*) from library",
    "albums": "select count(*) from release_groups where deleted_at is null and merged_into_id is null",
    "artists": "select count(*) from artists where deleted_at is null and merged_into_id is null",
    "pictures": "select count(*) from images",
    "plays": "select count(*) from listens",
    "links waiting for you": "select count(*) from review_queue",
    "unreadable items": "select count(*) from quarantine where resolved_at is null",
}

# Fields that a person compares, said by more than one platform.
DISAGREEING = """
select l.id, l.title, l.artist_credit, count(*) as n
from (select track_id, field from claims where field in ('title', 'album', 'year', 'genres', 'bpm', 'musical_key', 'rating')
  group by track_id, field having count(distinct value) > 1 and count(distinct platform) > 1) as c
join library as l on l.id = c.track_id
group by l.id
order by n desc, l.id
limit 1
"""

SAID = """
select field, group_concat(value || ' (' || platform || ')', ', ') as said
from (select distinct field, value, platform from claims
  where track_id = ? and field in ('year', 'bpm', 'musical_key', 'rating') order by field, platform, value)
group by field
having count(distinct value) > 1 and count(distinct platform) > 1
order by field = 'year' desc, field = 'musical_key' desc, field
"""

ONE_ISRC = """
select e.value as isrc, count(distinct l.id) as n, min(l.id) as id,
  group_concat(l.title || coalesce(' (' || l.version || ')', ''), ' / ') as titles
from external_ids as e join library as l on l.id = e.entity_id
where e.entity_type = 'track' and e.scheme = 'isrc'
group by e.value
having count(distinct l.id) > 1
order by n desc, count(distinct coalesce(l.version, '')) desc, e.value -- two versions are surely two recordings
limit 1
"""

# The hash over windows of the audio is made at every scan and leaves tags out: equal means the same sound.
TWO_FILES = """
select min(l.id) as id, l.title, l.artist_credit, count(*) as n,
  min(substr(f.path, length(f.root) + 2)) as path, max(substr(f.path, length(f.root) + 2)) as other
from media_files as f
join platform_tracks as p on p.id = f.platform_track_id and p.missing_since is null
join track_links as k on k.platform_track_id = f.platform_track_id and k.status in ('auto', 'confirmed')
join library as l on l.id = k.track_id
group by f.window_hash
having count(*) > 1
order by n desc, count(l.rating) desc, min(f.path) desc
limit 1
"""


@dataclass(frozen=True)
class Sight:
    """Something to look at: a sentence, the track it is about and its page below Datasette's address."""

    text: str
    track_id: int
    path: str


def counts(db) -> dict[str, int]:
    """How much there is, by name."""
    return {what: db.value(sql) for what, sql in COUNTS.items()}


def sights(db) -> list[Sight]:
    """The track most disagreed about, an ISRC on two recordings, a song in several files: at most three, where there are such."""
    found = []
    if row := db.one(DISAGREEING):
        said = [f"{claim['field'].replace('_', ' ')} {claim['said']}" for claim in db.q(SAID, [row["id"]])]
        text = f"{_name(row)}: its sources disagree on {row['n']} things" + (f", {'; '.join(said[:2])}" if said else "")
        found.append(_sight(row, text))
    if row := db.one(ONE_ISRC):
        found.append(
            _sight(row, f"ISRC {row['isrc']} is on {row['n']} recordings, {row['titles']}: it alone never links")
        )
    if row := db.one(TWO_FILES):
        text = f"{_name(row)} is on disk {row['n']} times with the very same sound: {row['path']} and {row['other']}"
        found.append(_sight(row, text))
    return found


def _name(row) -> str:
    return f"{row['artist_credit']} - {row['title']}" if row["artist_credit"] else row["title"]


def _sight(row, text: str) -> Sight:
    return Sight(text, row["id"], f"tracks/{row['id']}")
