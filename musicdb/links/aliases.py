"""Other names of artists and other titles of tracks: suggested by links that a person accepted, kept when the person says so.

An artist's alias finds the artist when truth is resolved; `known` gives them all to the matcher.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from .. import text
from ..db import Row, Rows
from ..errors import BadInput

if TYPE_CHECKING:
    from ..db import Database

COLUMNS = "kind entity_id name alias platform".split()
LINKED = """
select p.platform, p.title, json_extract(p.said, '$.version'), p.artists, t.id, t.title, t.deleted_at
from track_links as k
join platform_tracks as p on p.id = k.platform_track_id
join tracks as t on t.id = k.track_id
where k.id = ?
"""
CREDITED = """
select a.id, a.name, a.name_norm, x.credited_as
from track_artists as x
join artists as a on a.id = x.artist_id
where x.track_id = ? and x.role in ('primary', 'featuring')
order by x.position
"""
NAMED = {"artist": ("artists", "name", "name_norm"), "title": ("tracks", "title", "title_norm")}
TABLES = {"artist": ("artist_aliases", "artist_id"), "title": ("title_aliases", "track_id")}


@dataclass
class Kept:
    """operation: its number for `undo`, None where the alias was there; notes: what a person should know."""

    operation: int | None
    notes: list[str]

    def __repr__(self) -> str:
        return "\n".join([f"kept (operation {self.operation})" if self.operation else "nothing to do: it is known", *self.notes])


@dataclass(frozen=True)
class Known:
    """Aliases for matching. artists: {normalised alias: normalised name}, of those that mean one artist; titles: {match key with the alias
    as title: match key of the track}, of those that mean one track.
    """

    artists: dict[str, str]
    titles: dict[str, str]

    def __bool__(self) -> bool:
        return bool(self.artists or self.titles)


def suggest_aliases(db: Database, link: int) -> Rows:
    """Return what could be kept as an alias when this link is accepted: kind (artist or title), entity_id, name (ours), alias, platform.

    An artist only where one name on each side is left that the other side does not have; a title only where the versions agree. What is
    kept already is not suggested. No rows where both sides are written alike. Raises BadInput for an unknown link.
    """
    found = db.execute(LINKED, [link]).fetchone()
    if found is None:
        raise BadInput(f"there is no link {link!r}; `waiting` lists what waits, with its id")
    platform, title, version, artists, track, our_title, _ = found
    rows = [
        *_artists(db, platform, _names(artists), track, title),
        *_title(db, platform, text.full_title(title, version), track, our_title),
    ]
    return Rows([Row(zip(COLUMNS, row)) for row in rows], COLUMNS, db)


def _artists(db: Database, platform: str, names: list[str], track: int, title: str) -> list[tuple]:
    parts = text.split_title(title)
    theirs = {text.norm(one): one for name in names for credit in text.split_credit(name) if not text.is_nobody(one := credit.name)}
    theirs |= {text.norm(one): one for one in parts.featured}
    ours = {norm: (id, name) for id, name, norm, _ in db.execute(CREDITED, [track])}
    credited = {text.norm(as_written): norm for _, _, norm, as_written in db.execute(CREDITED, [track]) if as_written}
    for norm, other in credited.items():  # written so by somebody already: no other artist
        if norm in theirs:
            theirs.setdefault(other, theirs.pop(norm))
    left, right = [n for n in theirs if n not in ours], [n for n in ours if n not in theirs]
    if len(left) != 1 or len(right) != 1:
        return []
    artist, name = ours[right[0]]
    if _has(db, "artist", artist, left[0]):
        return []
    return [("artist", artist, name, theirs[left[0]], platform)]


def _title(db: Database, platform: str, title: str, track: int, our_title: str | None) -> list[tuple]:
    theirs = text.split_title(title).base
    ours = text.split_title(our_title).base
    norm = text.norm(theirs)
    if not (norm and our_title) or norm == text.norm(ours) or _has(db, "title", track, norm):
        return []
    version = db.value("select version from tracks where id = ?", [track])
    if text.version_key(title) != text.version_key(text.full_title(our_title, version)):
        return []
    return [("title", track, our_title, theirs, platform)]


def keep_alias(
    db: Database, kind: str, entity_id: int, alias: str, *, platform: str | None = None, by: str | None = None, note: str | None = None
) -> Kept:
    """Keep another name of an artist, or another title of a track, as one operation. kind: artist or title; entity_id: of it.

    Raises BadInput for an unknown kind or entity, a blank alias, and one that is the name itself.
    """
    if kind not in TABLES:
        raise BadInput(f"there is no alias of a {kind!r}; there are artist and title")
    table, shown, norms = NAMED[kind]
    row = db.execute(f"select {shown}, {norms} from {table} where id = ?", [entity_id]).fetchone()
    if row is None or isinstance(entity_id, bool):
        raise BadInput(f"there is no {'artist' if kind == 'artist' else 'track'} {entity_id!r}")
    norm = text.norm(alias)
    if not norm:
        raise BadInput(f"{alias!r} is no name")
    if norm == row[1]:
        raise BadInput(f"{alias!r} is the {shown} itself")
    notes = []
    if kind == "artist":
        sql = "select id from artists where name_norm = ? and merged_into_id is null and deleted_at is null and id <> ? order by id"
        if (other := db.value(sql, [norm, entity_id])) is not None:
            notes.append(
                f'artist {other} is called "{alias.strip()}" too; where both are one, links.merge(db, {entity_id}, {other}, kind="artist")'
            )
        elif others := db.value("select count(*) from artist_aliases where alias_norm = ? and artist_id <> ?", [norm, entity_id]):
            notes.append(f"{others} other artists have this alias: matching does not use it")
    if _has(db, kind, entity_id, norm):
        return Kept(None, notes)
    into, column = TABLES[kind]
    what = f'"{alias.strip()}" is "{row[0]}"' + (f": {note}" if note else "")
    with db.operation("alias", actor=by or "me", platform=platform, reason=what, track_id=entity_id if kind == "title" else None) as op:
        db.execute(
            f"insert into {into} ({column}, alias, alias_norm, platform) values (?, ?, ?, ?)", [entity_id, alias.strip(), norm, platform]
        )
    return Kept(op.id, notes)


def known(db: Database) -> Known:
    """All aliases that are unambiguous, for matching."""
    sql = """
    select x.alias_norm, min(coalesce(into_.name_norm, a.name_norm))
    from artist_aliases as x
    join artists as a on a.id = x.artist_id
    left join artists as into_ on into_.id = a.merged_into_id
    where a.deleted_at is null
    group by x.alias_norm
    having count(distinct coalesce(a.merged_into_id, a.id)) = 1
    """
    artists = {alias: name for alias, name in db.execute(sql) if alias != name}
    titles: dict[str, set[str]] = {}
    sql = """
    select x.alias, t.version, t.artist_credit, t.match_key
    from title_aliases as x
    join tracks as b on b.id = x.track_id
    join tracks as t on t.id = coalesce(b.merged_into_id, b.id)
    where t.match_key is not null and t.deleted_at is null
    """
    for alias, version, credit, key in db.execute(sql):
        titles.setdefault(text.match_key(text.full_title(alias, version), credit), set()).add(key)
    return Known(artists, {alias: keys.pop() for alias, keys in titles.items() if len(keys) == 1 and alias not in keys})


def _has(db: Database, kind: str, entity_id: int, norm: str) -> bool:
    table, column = TABLES[kind]
    return db.value(f"select 1 from {table} where {column} = ? and alias_norm = ?", [entity_id, norm]) is not None


def _names(artists: str) -> list[str]:
    found: Any = msgspec.json.decode(artists)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
