"""Tracks of the library that may be one recording twice, and the word of a person that two are not."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import msgspec

from ..db import Row, Rows
from ..errors import BadInput
from ..matching import compare
from ..matching.lookup import facts
from ..matching.weights import MAYBE
from ..truth import merging
from ..truth.merged import roots
from . import aliases
from .reading import told_apart

if TYPE_CHECKING:
    from ..db import Database

MOST = 6  # tracks of one key that are compared with each other; more of them are a generic title
# Tracks that share a key, an ISRC or a sound; each walks an index in order.
GROUPS = [
    "select json_group_array(id) from tracks where deleted_at is null and merged_into_id is null and title is not null and match_key <> '|' "
    "group by match_key having count(*) between 2 and :most limit :limit",
    "select json_group_array(distinct e.entity_id) from external_ids as e join tracks as t on t.id = e.entity_id and t.merged_into_id is null and t.deleted_at is null "
    "where e.entity_type = 'track' and e.scheme = 'isrc' group by e.value having count(distinct e.entity_id) between 2 and :most limit :limit",
    "select json_group_array(distinct k.track_id) from media_files as f join track_links as k on k.platform_track_id = f.platform_track_id "
    "and k.status in ('auto', 'confirmed') where f.audio_hash is not null group by f.audio_hash having count(distinct k.track_id) between 2 and :most limit :limit",
]
SIDES = """
select l.id, l.title, l.version, l.artist_credit, l.album, l.year, l.duration_ms, l.cover, l.platforms
from library as l
where l.id in (select value from json_each(?))
"""
INSERT = (
    "insert into decisions (entity, entity_key, field, value, note, decided_by, operation_id) values ('pair', ?, 'same', 'false', ?, ?, ?)"
)


def pairs(db: Database, *, limit: int = 200, least: float = MAYBE) -> Rows:
    """Pairs that may be one recording, most alike first: a, b (rows of the library), confidence, evidence. Pairs that a person told apart
    are left out.
    """
    found: dict[tuple[int, int], Any] = {}
    known: dict[int, Any] = {}
    names = aliases.known(db)
    for sql in GROUPS:
        for (ids,) in db.execute(sql, {"most": MOST, "limit": limit * 3}).fetchall():
            for pair in combinations(sorted(set(msgspec.json.decode(ids))), 2):
                if pair in found:
                    continue
                for one in pair:
                    if one not in known:
                        known[one] = facts(db, one, names)
                if all(known[one] is not None for one in pair):
                    found[pair] = compare(known[pair[0]], known[pair[1]])
    asked = msgspec.json.encode(sorted({one for pair in found for one in pair})).decode()
    rows = {row["id"]: row for row in db.q(SIDES, [asked])}
    apart = _told_apart(db)
    out = [
        Row(a=rows[a], b=rows[b], confidence=round(c.confidence), evidence=c.evidence)
        for (a, b), c in found.items()
        if a in rows and b in rows and c.confidence >= least and frozenset((a, b)) not in apart
    ]
    out.sort(key=lambda row: (-row["confidence"], row["a"]["id"], row["b"]["id"]))
    return Rows(out[:limit], ["a", "b", "confidence", "evidence"], db)


def apart(db: Database, a: int, b: int, *, note: str | None = None, by: str | None = None) -> int:
    """These two are different recordings: `pairs` shows them no more. Returns the operation for `undo`. Raises BadInput."""
    uids = dict(db.execute("select id, track_uid from track_ids where id in (?, ?)", [a, b]).fetchall())
    if len(uids) < 2:
        raise BadInput(f"there are no two tracks {a} and {b}")
    with db.operation("apart", mode="batch", actor=by or "me", reason=f"tracks {a} and {b} are different recordings") as op:
        db.execute(INSERT, [_key(uids[a], uids[b]), note, by or "me", op.id])
        return op.id


def unite(db: Database, into: int, other: int, *, preview: bool = False, by: str | None = None) -> merging.Merged:
    """These two are one: `merging.merge`."""
    return merging.merge(db, into, other, preview=preview, by=by)


def _told_apart(db: Database) -> set[frozenset[int]]:
    """Pairs of tracks, as they are after merges, that a person told apart."""
    told = told_apart(db)
    now = roots(db, {one for pair in told for one in pair})
    return {frozenset(now.get(one, one) for one in pair) for pair in told}


def _key(a: str, b: str) -> str:
    return " ".join(sorted((a, b)))
