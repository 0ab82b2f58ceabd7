"""Which track each track is after merges: read from the decisions, for all tracks or for the family of a few."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ..db import Database

KINDS = {"track": "tracks", "artist": "artists", "release_group": "release_groups", "label": "labels", "genre": "genres"}
# The partial index on merges is small; without the hint SQLite reads every decision about a track.
MERGES = """
select b.id, a.id
from decisions as d indexed by ix_dec_merge
join {kind}_ids as b on b.{kind}_uid = d.entity_key
left join {kind}_ids as a on a.{kind}_uid = json_extract(d.value, '$')
where d.field = 'merged_into' and d.entity = '{kind}'
order by d.id
"""
# What these were merged into, and what was merged into them: each (merged, into), oldest first, taken-back ones too.
NEAR = """
with asked as (select i.id, i.{kind}_uid as uid from json_each(?) as j join {kind}_ids as i on i.id = j.value)
select b.id, (select i.id from {kind}_ids as i where i.{kind}_uid = (
  select json_extract(l.value, '$') from decisions as l
  where l.entity = '{kind}' and l.entity_key = b.{kind}_uid and l.field = 'merged_into' order by l.id desc limit 1))
from (
  select a.uid from asked as a
  union
  select d.entity_key from asked as a
  cross join decisions as d indexed by ix_dec_merge on d.field = 'merged_into' and d.entity = '{kind}' and d.value = json_quote(a.uid)
) as near join {kind}_ids as b on b.{kind}_uid = near.uid
"""


def into(db: Database, ids: Iterable[int] | None = None, kind: str = "track") -> dict[int, int]:
    """Return {merged id: id it was merged into}, as decided last: of all, or of everything that these have to do with."""
    if ids is None:
        latest = dict(db.execute(MERGES.format(kind=kind)).fetchall())
        return {one: target for one, target in latest.items() if target is not None}
    if db.value("select 1 from decisions indexed by ix_dec_merge where field = 'merged_into' limit 1") is None:
        return {}
    found: dict[int, int | None] = {}
    asked: set[int] = set()
    while ask := ({*ids, *found, *found.values()} - asked - {None}):
        found |= dict(db.execute(NEAR.format(kind=kind), [msgspec.json.encode(sorted(ask)).decode()]).fetchall())
        asked |= ask
    return {one: target for one, target in found.items() if target is not None}


def roots(db: Database, ids: Iterable[int] | None = None, kind: str = "track") -> dict[int, int]:
    """Return {merged-away id: id that it is now}, following chains; of all, or of the families of these. A circle is its smallest id."""
    return ends(into(db, None if ids is None else list(ids), kind))


def ends(into: dict[int, int]) -> dict[int, int]:
    """Follow every chain to its end; pure."""
    found = {}
    for one in into:
        way = [one]
        while (following := into.get(way[-1])) is not None and following not in way:
            way.append(following)
        end = way[-1] if following is None else min(way[way.index(following) :])
        if end != one:
            found[one] = end
    return found


def ever_decided(db: Database, track: int, field: str) -> list:
    """Every value that was ever decided for a field of this track, or of a track that was ever merged with it."""
    near = """
    select json_extract(value, '$') from decisions where entity = 'track' and field = 'merged_into' and entity_key = :uid and value is not null
    union
    select entity_key from decisions indexed by ix_dec_merge where field = 'merged_into' and entity = 'track' and value = json_quote(:uid)
    """
    known: set[str] = set()
    ask = {db.value("select track_uid from track_ids where id = ?", [track])}
    while ask:
        known |= ask
        ask = {uid for one in ask for (uid,) in db.execute(near, {"uid": one})} - known
    sql = "select value from decisions where entity = 'track' and entity_key = ? and field = ? and value is not null"
    return [msgspec.json.decode(value) for uid in sorted(known) for (value,) in db.execute(sql, [uid, field])]


def named(db: Database, kind: str) -> set[int]:
    """Ids of everything of a kind that a decision about merging ever named."""
    return {one for pair in db.execute(MERGES.format(kind=kind)) for one in pair if one is not None}
