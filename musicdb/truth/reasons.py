"""Why a value is what it is: whose it is, how far that platform is trusted, what a person decided, what others say. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from .. import text
from ..db import Row, Rows
from ..errors import BadInput
from . import decisions, merged, pick, selecting
from .resolving import OBSERVED

if TYPE_CHECKING:
    from ..db import Database

COLUMNS = "track field value source rank because decided_by decided_at note others evidence".split()
FIELDS = [name for name in decisions.FIELDS if name != "artist_credit"]
Links = dict[tuple[str, str], dict[str, Any]]
UNITED = ("genres", "label")  # all that platforms say counts
DECIDED = """
select i.id, d.field, d.value, d.platform, d.decided_by, d.decided_at, d.note, d.operation_id
from json_each(?) as j
cross join track_ids as i on i.id = j.value
cross join decisions as d on d.entity = 'track' and d.entity_key = i.track_uid
order by d.id
"""
LINKS = """
select p.platform, p.external_id, k.method, k.confidence, k.evidence, k.decided_by, k.decided_at
from track_links as k join platform_tracks as p on p.id = k.platform_track_id
where k.track_id = ? and k.status in ('auto', 'confirmed')
order by p.id
"""
PICTURES = """
with observed as (
  select p.id, p.platform, p.external_id, p.release_external_id
  from track_links as k join platform_tracks as p on p.id = k.platform_track_id
  where k.track_id = ? and k.status in ('auto', 'confirmed')
)
select o.platform, o.id, i.image_id, o.external_id from observed as o join platform_images as i on i.platform_track_id = o.id
where i.role = 'cover' and i.image_id is not null
union
select o.platform, o.id, i.image_id, o.external_id from observed as o join platform_releases as r on r.platform = o.platform and r.external_id = o.release_external_id
join platform_images as i on i.platform_release_id = r.id
where i.role = 'cover' and i.image_id is not null
order by 1, 2, 3
"""


def why(db: Database, track: int | str, field: str | None = None) -> Rows:
    """Return one row per field of a track that has a value, a decision or a claim: value, source and why.

    rank: place of the source in `trust` for this field, None where the platforms' general order decides. because: a sentence. others:
    platform -> list of all that it says and that is not the value (the source's own other words too; of genres and labels each platform's
    names, of artists the names with commas). evidence: of each observation that says something here why it is this track, the source's first: platform, external_id, says,
    method, confidence, sentences. A merged track is answered for as what it is now. Raises BadInput for an unknown track or field.
    """
    if field is not None and decisions.check_field(field) == "artist_credit":
        field = "artists"
    ids, notes = selecting.tracks(db, track)
    if len(ids) != 1:
        raise BadInput(f"why explains one track at a time; {track!r} means {len(ids)}")
    track = ids[0]
    names = [field] if field else FIELDS
    now = decisions.values(db, [track], names)
    heard = db.execute(OBSERVED.format(only="and k.track_id = ?"), [track]).fetchall()
    links = _links(db, track)
    said = _decided(db, track)
    ranks = {(f, p): rank for f, p, rank in db.execute("select field, platform, rank from trust")}
    sources = msgspec.json.decode(db.value("select sources from tracks where id = ?", [track]) or "{}")
    rows = []
    for name in names:
        value, decision = now[track, name], said.get(name) or (said.get("artist_credit") if name == "artists" else None)
        claims = _pictures(db, track, links) if name == "cover" else _claims(heard, links, name)
        source = sources.get(name) or decisions.sources(db, [track], name).get(track) if name == "cover" else sources.get(name)
        if value is None and decision is None and not claims:
            continue
        rank = ranks.get((name, source))
        evidence = sorted((link | {"says": says} for link, says in claims), key=lambda one: one["platform"] != source)
        rows.append(Row(zip(COLUMNS, [
            track, name, value, source, rank, _because(name, source, rank, decision, notes), *(decision[2:5] if decision else (None,) * 3),
            others(name, value, [(link["platform"], says) for link, says in claims]), evidence,
        ])))  # fmt: skip
    return Rows(rows, COLUMNS, db)


def others(name: str, value: Any, claims: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    """{platform: what it says and is not the value}, each once, in the order said; pure. Lists of genres and labels are taken apart."""
    found: dict[str, list[Any]] = {}
    for platform, says in claims:
        for one in says if name in UNITED and isinstance(says, list) else [", ".join(says) if isinstance(says, list) else says]:
            if not _same(name, one, value) and one not in found.setdefault(platform, []):
                found[platform].append(one)
    return {platform: values for platform, values in found.items() if values}


def _same(name: str, one: Any, value: Any) -> bool:
    """Whether a claim is the value that was taken; names are the same whatever stands between them, genres whatever their case."""
    if name in UNITED:
        return text.norm(str(one)) in {text.norm(v) for v in value or ()}
    if name == "artists" or name in decisions.ROLES:
        return value is not None and _people(one) == _people(", ".join(value) if isinstance(value, list) else value)
    return one == value


def _people(names: str) -> set[str]:
    return {text.norm(credit.name) for credit in text.split_credit(names)}


def _claims(heard: list[tuple], links: Links, name: str) -> list[tuple[dict[str, Any], Any]]:
    """(link, what it says) of each observation that says something of this field, the oldest first."""
    return [(links[row[1], row[4]], says) for row in heard if (says := pick.says(pick.Observed.of(row), name)) is not None]


def _pictures(db: Database, track: int, links: Links) -> list[tuple[dict[str, Any], int]]:
    return [(links[platform, key], image) for platform, _, image, key in db.execute(PICTURES, [track])]


def _decided(db: Database, track: int) -> dict[str, tuple]:
    """field -> (value, platform, by, at, note, operation, whose track's) that counts: the root's own, else that of a merged track."""
    family = {track, *(one for one, root in merged.roots(db, [track]).items() if root == track)}
    own: dict[str, tuple] = {}
    lent: dict[str, tuple] = {}
    for one, name, *rest in db.execute(DECIDED, [msgspec.json.encode(sorted(family)).decode()]):
        into = own if one == track else lent
        if rest[0] is None and rest[1] is None:
            into.pop(name, None)
        else:
            into[name] = (*rest, one)
    return lent | own


def _because(name: str, source: str | None, rank: int | None, decision: tuple | None, notes: list[str]) -> str:
    lead = f"{notes[0]}. " if notes else ""
    if decision:
        value, platform, by = decision[:3]
        by = "you" if by == "me" else by
        if value is None:
            follows = f"{by} decided to follow {platform}"
            return lead + (follows if source in (platform, None) else f"{follows}, which says nothing now")
        return lead + (f"{by} locked what {platform} said" if platform and platform != "user" else f"{by} decided it")
    if source is None:
        return lead + ("all that platforms say counts" if name in UNITED else "nobody says it")
    if rank is None:
        return lead + f"{source} comes first in the general order of platforms among those that say it"
    return lead + f"{source} is number {rank} in trust for {name}, the first that says it"


def _links(db: Database, track: int) -> Links:
    """(platform, external id) -> why that observation is this track."""
    found: Links = {}
    for platform, key, method, confidence, evidence, by, at in db.execute(LINKS, [track]):
        sentences = [part["sentence"] for part in msgspec.json.decode(evidence or "[]") if "sentence" in part]
        one = {"platform": platform, "external_id": key, "method": method, "confidence": confidence, "sentences": sentences}
        found[platform, key] = one | ({"decided_by": by, "decided_at": at} if by else {})
    return found
