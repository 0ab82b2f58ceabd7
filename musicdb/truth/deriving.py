"""What follows from decisions: links, merges, values and covers of what they concern are brought up to date. Writes only derived rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from .. import links
from ..images import covers
from ..links import releases as near_releases
from ..listens import flagging
from . import genre_words, merged, releases
from .resolving import resolve

if TYPE_CHECKING:
    from ..db import Database

Key = tuple[str, str, str]  # entity, entity_key, field of a decision
TRACKS_OF = {  # tracks that show one of these
    "artist": """
      select track_id from track_artists where artist_id in (select value from json_each(:ids))
      union select t.id from release_groups as g join tracks as t on t.release_group_id = ifnull(g.merged_into_id, g.id)
      where g.primary_artist_id in (select value from json_each(:ids))
    """,
    "release_group": "select id from tracks where release_group_id in (select value from json_each(:ids))",
    "label": "select track_id from track_labels where label_id in (select value from json_each(:ids))",
    "genre": "select track_id from track_genres where genre_id in (select value from json_each(:ids))",
}
OBSERVED = "select id from platform_tracks where platform = ? and external_id = ?"
OF_ALBUMS = """
select l.platform_release_id from releases as e join release_links as l on l.release_id = e.id and l.status in ('auto', 'confirmed')
where e.release_group_id in (select value from json_each(?))
"""
RELEASE = "select id from platform_releases where platform = ? and external_id = ?"


def follow(db: Database, keys: Iterable[Key]) -> set[int]:
    """Bring everything up to date that decisions on these keys concern; return the tracks. To be called after the decisions are written."""
    keys = list(dict.fromkeys(keys))
    fields = {"cover" if field.startswith("picture:") else field for entity, _, field in keys if entity == "track"}
    tracks = _ids(db, "track", (key for entity, key, _ in keys if entity == "track"))
    merges = _ids(db, "track", (key for entity, key, field in keys if entity == "track" and field == "merged_into"))
    observations, observed_releases = set(), set()
    for entity, key, field in keys:
        if entity == "release_link":
            platform, _, external_id = key.partition("/")
            observed_releases.update(row[0] for row in db.execute(RELEASE, [platform, external_id]))
        if entity == "link":
            platform, _, external_id = key.partition("/")
            observations.update(row[0] for row in db.execute(OBSERVED, [platform, external_id]))
            if field.startswith("not:"):
                tracks |= _ids(db, "track", [field.removeprefix("not:")])
    if plays := [key for entity, key, _ in keys if entity == "plays"]:
        flagging.follow(db, plays)
    if merges or observations:
        tracks |= _relink(db, observations, merges)
    pictures = _ids(db, "release_group", (key for entity, key, field in keys if entity == "release_group" and field.startswith(("cover", "picture:"))))
    shown = _tracks_of(db, "release_group", pictures) if pictures else set()
    united: dict[str, set[int]] = {}
    for kind in TRACKS_OF:
        ids = _ids(db, kind, (key for entity, key, field in keys if entity == kind and field == "merged_into"))
        if ids:
            before = _targets(db, kind, ids)
            tracks |= unite(db, kind, ids)
            united[kind] = _family(db, kind, ids | before | _targets(db, kind, ids))
    left: set[int] = set()
    if tracks:
        if fields != {"cover"} or merges or observations or any(entity != "track" for entity, _, _ in keys):
            left = resolved(db, tracks)
        if "cover" in fields or len(fields) != 1 or merges or left:
            shown |= tracks
    for names in united.items():  # records without a track of ours too
        releases.derive(db, (), stale=False, names=names)
    if "genre" in united and genre_words.is_other_tree(db):  # also where no track has them
        with db.operation("resolve", mode="batch"):
            genre_words.tree(db)
    if albums := united.get("release_group"):  # whether they may be one is another question now
        left |= albums
        observed_releases |= {one for (one,) in db.execute(OF_ALBUMS, [_json(albums)])}
    if observed_releases:
        releases.derive(db, (), stale=False, observed=observed_releases)
        near_releases.propose(db, observed_releases)
    if pictures:
        left |= pictures | set(merged.roots(db, pictures, "release_group").values())
    if shown or left:
        covers.select(db, _now(db, shown), left)
    return tracks


def resolved(db: Database, tracks: Iterable[int]) -> set[int]:
    """Resolve these tracks; return the albums that one of them has left or come to: their covers may be others now."""
    asked = _json(tracks)
    albums = "select id, release_group_id from tracks where id in (select value from json_each(?))"
    before = dict(db.execute(albums, [asked]).fetchall())
    resolve(db, tracks)
    after = dict(db.execute(albums, [asked]).fetchall())
    return {album for track, now in after.items() if now != before.get(track) for album in (now, before.get(track)) if album is not None}


def everywhere(db: Database) -> None:
    """Bring up to date what follows from rows that concern any track: trust."""
    resolve(db)
    covers.select(db)


def _relink(db: Database, observations: set[int], merges: set[int]) -> set[int]:
    """Bring the links of these observations, and of all that these tracks were or are merged with, up to date; return their tracks."""
    family = merges | {one for pair in merged.into(db, merges).items() for one in pair}
    # A word that an observation is not this track holds for what is merged with it, so those are asked too.
    theirs = "select platform_track_id from track_links where assigned_track_id in (select value from json_each(?))"
    observations = observations | {one for (one,) in db.execute(theirs, [_json(family)])}
    asked = {"observations": _json(observations), "family": _json(family)}
    linked = """
    select assigned_track_id, track_id from track_links where platform_track_id in (select value from json_each(:observations))
    union select assigned_track_id, track_id from track_links where assigned_track_id in (select value from json_each(:family))
    union select id, merged_into_id from tracks where id in (select value from json_each(:family))
    """  # what they were until now: the track that they leave changes too
    before = {one for row in db.execute(linked, asked) for one in row}
    links.Decided(db, observations, family).apply(db)
    after = {one for row in db.execute(linked, asked) for one in row}
    return (family | before | after) - {None}


def unite(db: Database, kind: str, ids: Iterable[int] | None = None) -> set[int]:
    """Set merged_into_id of artists, albums, labels or genres as decided: of the families of these ids, or of all that decisions name.

    Return the tracks that show them. Rows that no decision names are left as they are.
    """
    table = merged.KINDS[kind]
    roots = merged.roots(db, ids, kind)
    named = {*roots, *roots.values(), *(ids or ())} if ids is not None else merged.named(db, kind)
    until_now = f"select merged_into_id from {table} where id in (select value from json_each(?)) and merged_into_id is not null"
    left = {one for (one,) in db.execute(until_now, [_json(named)])}
    tracks = _tracks_of(db, kind, _family(db, kind, named | left))
    with db.operation("unite", mode="batch"):  # derived: in an undo too it is no change of its own
        db.executemany(
            f"update {table} set merged_into_id = :into where id = :id and merged_into_id is not :into",
            [{"id": one, "into": roots.get(one)} for one in sorted(named)],
        )
    return tracks


def _family(db: Database, kind: str, ids: set[int]) -> set[int]:
    """These, and all that is one with them: what is shown as theirs may be known by another's name."""
    return ids | {one for pair in merged.roots(db, ids, kind).items() for one in pair}


def _targets(db: Database, kind: str, ids: Iterable[int]) -> set[int]:
    """What these are merged into now."""
    sql = f"select merged_into_id from {merged.KINDS[kind]} where merged_into_id is not null and id in (select value from json_each(?))"
    return {one for (one,) in db.execute(sql, [_json(ids)])}


def _tracks_of(db: Database, kind: str, ids: Iterable[int]) -> set[int]:
    return {track for (track,) in db.execute(TRACKS_OF[kind], {"ids": _json(ids)})}


def _now(db: Database, tracks: set[int]) -> list[int]:
    roots = merged.roots(db, tracks)
    return sorted({*tracks, *(roots.get(track, track) for track in tracks)})


def _ids(db: Database, kind: str, uids: Iterable[str]) -> set[int]:
    uids = list(uids)
    if not uids:
        return set()
    sql = f"select id from {kind}_ids where {kind}_uid in (select value from json_each(?))"
    return {id for (id,) in db.execute(sql, [msgspec.json.encode(uids).decode()])}


def _json(ids: Iterable[int]) -> str:
    return msgspec.json.encode(sorted(ids)).decode()
