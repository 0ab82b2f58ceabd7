"""Releases that may be one: what no exact key joined is compared, and what is near waits in `release_links` for a person.

`truth.releases` gives every observed release its release, joining by exact keys only. Here the rest is looked at: observed releases of one
title, barcode or catalogue number are compared with each other's releases. A candidate with `release_id` may be that very pressing; one
without it only says that both albums (`release_group_id`) may be one. `collection.linking.same_release` accepts, `reject` here refuses for
ever; both are decisions that `undo` takes back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import BadInput
from ..matching import releases
from ..matching.record import album_key
from ..matching.weights import SAME

if TYPE_CHECKING:
    from ..db import Database

ASK = 50.0  # confidence of one pressing from which a person is asked
BLOCK = 40  # most releases of one key that are compared with each other
LOOKED = "release_links_looked"  # key of `config`: what there was when the releases were last compared
NOW = """
select json_array((select max(fetched_at) from platform_releases), (select count(*) from platform_releases), (select max(updated_at) from releases),
  (select count(*) from releases where deleted_at is null), (select max(id) from decisions where entity in ('release_link', 'release_group')))
"""
OBSERVED = """
select r.id, r.platform, r.external_id, r.title, r.said, l.release_id, coalesce(g.merged_into_id, g.id)
from platform_releases as r
join release_links as l on l.platform_release_id = r.id and l.status in ('auto', 'confirmed')
join releases as e on e.id = l.release_id and e.deleted_at is null
left join release_groups as g on g.id = e.release_group_id
order by r.id
"""
TRACKS = """
select title, duration_ms from platform_tracks where platform = ? and release_external_id = ?
order by json_extract(said, '$.disc_no'), json_extract(said, '$.track_no'), id
"""
REFUSED = """
select d.entity_key, substr(d.field, 5) from decisions as d
where d.entity = 'release_link' and d.field like 'not:%' and d.value is not null
  and d.id = (select max(id) from decisions where entity = d.entity and entity_key = d.entity_key and field = d.field)
"""
STORED = "select id, platform_release_id, release_id, release_group_id, method, confidence, evidence from release_links where status = 'candidate'"
INSERT = """
insert into release_links (platform_release_id, release_id, release_group_id, status, method, confidence, evidence)
values (?, ?, ?, 'candidate', ?, ?, ?)
"""
DECIDE = "insert into decisions (entity, entity_key, field, value, note, decided_by, operation_id) values ('release_link', ?, ?, '1', ?, ?, ?)"


@dataclass
class Proposed:
    """What `propose` did: candidates there are now, rows that were new, that are gone."""

    candidates: int = 0
    new: int = 0
    gone: int = 0


@dataclass(slots=True)
class _Seen:
    id: int
    key: str
    platform: str
    said: dict[str, Any]
    release: int
    group: int | None
    ready: bool = field(default=False)  # its tracks were read


def propose(db: Database, only: Iterable[int] | None = None) -> Proposed:
    """Bring the candidates of observed releases up to date: all, or of these (ids of platform_releases). Unchanged data writes nothing."""
    now, some = db.value(NOW), None if only is None else set(only)
    if some is None and now == db.value("select value from config where key = ?", [LOOKED]):
        return Proposed(candidates=db.value("select count(*) from release_links where status = 'candidate'"))
    with db.atomic():
        seen = [_Seen(id, f"{platform}/{key}", platform, _said(platform, title, said), release, group) for id, platform, key, title, said, release, group in db.execute(OBSERVED)]
        wanted = _wanted(db, seen, some)
        stored = {(row[1], row[2], row[3]): row for row in db.execute(STORED) if some is None or row[1] in some}
        gone = [(row[0],) for key, row in stored.items() if wanted.get(key) != row[4:]]
        new = [(*key, *row) for key, row in wanted.items() if key not in stored or stored[key][4:] != row]
        if some is not None and not (gone or new):
            return Proposed(len(wanted))
        with db.operation("link releases", mode="batch") as op:
            db.executemany("delete from release_links where id = ?", gone)
            db.executemany(INSERT, new)
            if some is None:
                db.execute(
                    "insert into config (key, value, description) values (?, ?, 'what there was when releases were last compared') "
                    "on conflict (key) do update set value = excluded.value", [LOOKED, now],
                )  # fmt: skip
            op.summary("release_links", len(gone) + len(new))
    return Proposed(len(wanted), len(new), len(gone))


def reject(db: Database, link: int, *, note: str | None = None, by: str | None = None) -> int:
    """Say that an observed release is not the one of this candidate (id of `release_links`): it is proposed no more. Returns the operation for
    `undo`. Raises BadInput.
    """
    row = db.one(
        "select r.id as observed, r.platform || '/' || r.external_id as key, r.title, e.release_uid as uid, l.release_group_id as album, l.status from release_links as l "
        "join platform_releases as r on r.id = l.platform_release_id left join releases as e on e.id = l.release_id where l.id = ?", [link],
    )  # fmt: skip
    if row is None or row.status != "candidate":
        raise BadInput(f"no release waits under {link}; `select * from release_links where status = 'candidate'` lists what does")
    other = f"not:{row.uid}" if row.uid else f"not:group/{_group_uid(db, row.album)}"
    with db.operation("release link", mode="batch", actor=by or "me", reason=f"{row.title} ({row.key}) is another release") as op:
        db.execute(DECIDE, [row.key, other, note, by or "me", op.id])
        propose(db, [row.observed])
        return op.id


def _group_uid(db: Database, group: int | None) -> str | None:
    return db.value("select release_group_uid from release_group_ids where id = ?", [group])


def _said(platform: str, title: str, said: str | None) -> dict[str, Any]:
    found = msgspec.json.decode(said or "{}")
    return {"title": title} | (found if isinstance(found, dict) else {}) | {"platform": platform}


def _blocks(seen: list[_Seen]) -> set[tuple[int, int]]:
    """Positions of observed releases that share a title, a barcode or a number."""
    by: dict[tuple, list[int]] = defaultdict(list)
    for n, one in enumerate(seen):
        title, barcode, number = (one.said.get(name) for name in ("title", "barcode", "catalogue_number"))
        if isinstance(title, str) and (base := album_key(title)):
            by["title", base].append(n)
            by["run", base.replace(" ", "")].append(n)
        if isinstance(barcode, str) and barcode.strip():
            by["barcode", barcode.strip().lstrip("0")].append(n)
        if isinstance(number, str) and len(number) > 3:
            by["number", "".join(c for c in number.casefold() if c.isalnum())].append(n)
    return {pair for group in by.values() for pair in combinations(group[:BLOCK], 2)}


def _wanted(db: Database, seen: list[_Seen], some: set[int] | None) -> dict[tuple[int, int | None, int | None], tuple[str, int, str]]:
    """{(observation, release or None, album): (method, confidence, evidence)} of what is worth asking about."""
    refused = {(key, what) for key, what in db.execute(REFUSED)}
    uids = dict(db.execute("select id, release_uid from releases").fetchall()) if refused else {}
    albums = dict(db.execute("select id, release_group_uid from release_group_ids").fetchall()) if refused else {}
    best: dict[tuple[int, int | None, int | None], tuple[str, int, str]] = {}
    for i, j in sorted(_blocks(seen)):
        one, other = sorted((seen[i], seen[j]), key=lambda s: (s.release, s.id))
        if one.release == other.release or (some is not None and other.id not in some):
            continue
        for side in (one, other):
            if not side.ready:
                platform, _, key = side.key.partition("/")
                side.said["tracks"] = [{"title": t, "duration_ms": ms} for t, ms in db.execute(TRACKS, [platform, key])]
                side.ready = True
        found = releases.compare(one.said, other.said)
        evidence = msgspec.json.encode(found.evidence).decode()
        if found.confidence >= ASK and one.platform != other.platform:
            target, row = (other.id, one.release, one.group), ("match", int(min(found.confidence, 99)), evidence)
            asked = (other.key, uids.get(one.release))
        elif found.album >= SAME and one.group != other.group and None not in (one.group, other.group):
            target, row = (other.id, None, one.group), ("album", int(min(found.album, 99)), evidence)
            asked = (other.key, f"group/{albums.get(one.group)}")
        else:
            continue
        if asked not in refused and (target not in best or best[target][1] < row[1]):
            best[target] = row
    return best
