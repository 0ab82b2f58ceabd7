"""A decision about a link as a line that another database can read: what it is about, told by platform ids, ISRC and text.

`lines` tells every decision of a database; `matchfile` writes and reads them. No path of a file and no listening is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from .. import text
from ..matching.signs import clean_isrc

if TYPE_CHECKING:
    from ..db import Database

MEMBERS = 20  # observations that describe a track


class Observation(msgspec.Struct, omit_defaults=True):
    """A track as one platform knows it; title with its version, milliseconds."""

    platform: str
    id: str
    title: str = ""
    artist: str = ""
    album: str | None = None
    duration_ms: int | None = None
    isrc: str | None = None
    audio: str | None = None

    @property
    def key(self) -> str:
        return text.match_key(self.title, self.artist)

    def __str__(self) -> str:
        return f'{self.platform} "{self.title}" ({self.artist})'


class Track(msgspec.Struct, omit_defaults=True):
    """A track: its uid where it came from, what it is called, the observations that the matcher says are it, and also those that a person
    says are it. decided: a person made it.
    """

    uid: str
    title: str = ""
    artist: str = ""
    duration_ms: int | None = None
    isrcs: list[str] = []
    observations: list[Observation] = []
    also: list[Observation] = []
    decided: bool = False

    @property
    def key(self) -> str:
        return text.match_key(self.title, self.artist)

    def __str__(self) -> str:
        return f'track "{self.title}" ({self.artist})'


class Line(msgspec.Struct, omit_defaults=True):
    """One decision. accept and reject: observation and track; merge: track into another."""

    decision: Literal["accept", "reject", "merge"]
    track: Track
    observation: Observation | None = None
    into: Track | None = None
    by: str = "me"
    at: str | None = None
    note: str | None = None


DECIDED = """
select d.entity, d.entity_key, d.field, json_extract(d.value, '$'), d.decided_by, d.decided_at, d.note
from decisions as d
where d.id in (select max(id) from decisions where entity = 'link' or (entity = 'track' and field = 'merged_into') group by entity, entity_key, field)
  and d.value is not null
order by d.id
"""
OBSERVED = """
select p.platform, p.external_id, p.title, json_extract(p.said, '$.version'), p.artists, p.album, p.duration_ms,
  coalesce(p.isrc, json_extract(p.said, '$.isrc'), json_extract(p.said, '$.ids.isrc')), f.audio_hash, p.id, p.match_key
from platform_tracks as p left join media_files as f on f.platform_track_id = p.id
where {where}
order by p.in_library desc, p.id
"""
MEMBER = "p.id in (select platform_track_id from track_links where {which})"
WHICH = (  # a track's observations as the matcher linked them, those that a person gave it, and those that it had
    "auto_track_id = ? and auto_track_id is assigned_track_id and status in ('auto', 'confirmed')",
    "assigned_track_id = ? and auto_track_id is not assigned_track_id and status in ('auto', 'confirmed')",
    "auto_track_id = ?",
)


def lines(db: Database) -> Iterator[Line]:
    """Yield every decision that counts about a link or a merge of tracks, oldest first."""
    for entity, key, name, value, by, at, note in db.execute(DECIDED).fetchall():
        common: dict[str, Any] = {"by": by, "at": at, "note": note}
        if entity == "track":
            one, into = _track(db, key), _track(db, value)
            if one and into and _stands_for_something(db, key):
                yield Line("merge", track=one, into=into, **common)
            continue
        observation = _observation(db, key)
        uid = value if name == "track" else name.removeprefix("not:")
        if observation is None or not (name == "track" or name.startswith("not:")) or _overruled(db, key, name, uid):
            continue
        track = _track(db, uid, key)
        if track is not None:
            track.decided |= not (track.observations or track.also)  # nothing else is it: a track of its own
            yield Line("accept" if name == "track" else "reject", track=track, observation=observation, **common)


def _stands_for_something(db: Database, uid: str) -> bool:
    """Whether a merged track has observations; one that accepting a link left empty follows from that link."""
    sql = "select 1 from track_links where assigned_track_id = (select id from track_ids where track_uid = ?) and status in ('auto', 'confirmed') limit 1"
    return db.value(sql, [uid]) is not None


def _overruled(db: Database, key: str, name: str, uid: str) -> bool:
    """Of "is this track" and "is not this track" the later one counts."""
    sql = "select max(id) from decisions where entity = 'link' and entity_key = ? and field = ?"
    latest = "select json_extract(value, '$') from decisions where id = ?"
    yes, no = db.value(sql, [key, "track"]), db.value(sql, [key, f"not:{uid}"])
    said_yes = yes is not None and db.value(latest, [yes]) == uid
    said_no = no is not None and bool(db.value(latest, [no]))
    return said_yes and said_no and ((no > yes) if name == "track" else (yes > no))


def _observation(db: Database, key: str) -> Observation | None:
    platform, _, external_id = key.partition("/")
    row = db.execute(OBSERVED.format(where="p.platform = ? and p.external_id = ?"), [platform, external_id]).fetchone()
    return as_observation(row) if row else None


def as_observation(row: tuple) -> Observation:
    platform, external_id, title, version, artists, album, duration, isrc, audio, *_ = row
    title = text.full_title(title, version if isinstance(version, str) else None)
    return Observation(
        platform, external_id, title, _joined(artists), album, duration, clean_isrc(isrc if isinstance(isrc, str) else None), audio
    )


def _joined(artists: str) -> str:
    return "; ".join(one for one in msgspec.json.decode(artists) if isinstance(one, str))


def _track(db: Database, uid: str, but: str | None = None) -> Track | None:
    """The track of this uid, described by its observations; of one that has none (merged away, moved), by those that it had."""
    id = db.value("select id from track_ids where track_uid = ?", [uid])
    if id is None:
        return None
    members = [[as_observation(r) for r in db.execute(OBSERVED.format(where=MEMBER.format(which=which)), [id]) if f"{r[0]}/{r[1]}" != but]
               for which in WHICH]  # fmt: skip
    own, also = members[0] or members[2] * (not members[1]), members[1]
    title, version, artist, duration = db.execute(
        "select title, version, artist_credit, duration_ms from tracks where id = ?", [id]
    ).fetchone() or (None, None, None, None)
    if title is None and own:
        title, artist, duration = own[0].title, own[0].artist, own[0].duration_ms
    isrcs = sorted({one.isrc for one in (*own, *also) if one.isrc})
    made = db.value("select 1 from track_links where auto_track_id = ? limit 1", [id]) is None
    return Track(uid, text.full_title(title, version), artist or "", duration, isrcs, own[:MEMBERS], also[:MEMBERS], made)
