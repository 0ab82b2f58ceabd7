"""Which picture stands for a track and for an album: candidates from the observations, the choice by decision, trust and size."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..truth.merged import roots

# Cross joins keep the order that is written: from few tracks to their pictures, never from all pictures to the tracks.
CANDIDATES = """
with scope as (
  select t.id, t.release_group_id
  from tracks as t
  where t.deleted_at is null and t.merged_into_id is null
    and {tracks}
),
observed as (
  select s.id as track_id, s.release_group_id as album_id, p.id as platform_track_id, p.platform, p.release_external_id
  from scope as s
  join track_links as k on k.track_id = s.id and k.status in ('auto', 'confirmed')
  join platform_tracks as p on p.id = k.platform_track_id
)
select o.track_id, o.album_id, i.image_id, o.platform, i.position, m.width * m.height as area
from observed as o
join platform_images as i on i.platform_track_id = o.platform_track_id
join images as m on m.id = i.image_id
where i.role = 'cover'
union all
select o.track_id, o.album_id, i.image_id, o.platform, i.position, m.width * m.height
from observed as o
cross join platform_releases as r on r.platform = o.platform and r.external_id = o.release_external_id
cross join platform_images as i on i.platform_release_id = r.id
join images as m on m.id = i.image_id
where i.role = 'cover'
union all
select null, g.id, i.image_id, r.platform, i.position, m.width * m.height
from release_groups as g
cross join release_links as k on k.release_group_id = g.id and k.status in ('auto', 'confirmed')
cross join platform_releases as r on r.id = k.platform_release_id
cross join platform_images as i on i.platform_release_id = r.id
join images as m on m.id = i.image_id
where i.role = 'cover' and g.deleted_at is null and g.merged_into_id is null
  and {albums}
"""

# What a person said of covers: `cover` (a picture, or a platform to follow) and `picture:SHA` (a picture to choose from). The same of few
# tracks or albums goes from them to their decisions, never through all that there are.
SAID = """
select i.id, d.field, d.value, d.platform
from decisions as d
join {kind}_ids as i on i.{kind}_uid = d.entity_key
join {table} as t on t.id = i.id
where d.entity = :kind and (d.field = 'cover' or d.field between 'picture:' and 'picture:~')
order by d.id
"""
SAID_OF = """
select i.id, d.field, d.value, d.platform
from json_each(:family) as j
cross join {kind}_ids as i on i.id = j.value
cross join decisions as d on d.entity = :kind and d.entity_key = i.{kind}_uid and (d.field = 'cover' or d.field between 'picture:' and 'picture:~')
cross join {table} as t on t.id = i.id
order by d.id
"""

STORED = """
select id, image_id, track_id, release_group_id, platform, is_selected
from image_links
where role = 'cover' and {links}
"""
# Text and no `:all or ...`: that would keep SQLite from its indexes, and a single track would cost as much as all.
EVERYTHING = {"tracks": "true", "albums": "true", "links": "(track_id is not null or release_group_id is not null)"}
SOME = {
    "tracks": "t.id in (select value from json_each(:tracks))",
    "albums": "g.id in (select value from json_each(:albums))",
    "links": "(track_id in (select value from json_each(:tracks)) or release_group_id in (select value from json_each(:albums)))",
}


@dataclass
class Selected:
    """What `bring` did: rows written to image_links; shown: {(track id or None, album id or None): (image before, image now)} of what changed."""

    rows: int = 0
    shown: dict[tuple, tuple[int | None, int | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that an observation brought. trust: lower is trusted more; position: 0 = its platform's first choice; area in pixels."""

    image_id: int
    platform: str
    trust: tuple[int, int]
    position: int
    area: int

    @property
    def rank(self):
        return (*self.trust, self.position, -self.area, self.image_id)


def album_pictures(by_track: dict[int, list[Candidate]], of_album: Sequence[Candidate] = ()) -> tuple[list[Candidate], set[int]]:
    """(candidates for an album, best first; ids of those that its tracks share).

    A picture that at least two tracks and half of those with a picture of that platform show is the album's, as is a picture of a linked
    release, or any where only one track has one. Others belong to their tracks, so a folder of strays is not given one stray's cover.
    """
    counts: dict[tuple[str, int], int] = {}
    tracks_of: dict[str, int] = {}
    best: dict[tuple[str, int], Candidate] = {}
    for candidates in by_track.values():
        seen = {(c.platform, c.image_id) for c in candidates}
        for key in seen:
            counts[key] = counts.get(key, 0) + 1
        for platform in {platform for platform, _ in seen}:
            tracks_of[platform] = tracks_of.get(platform, 0) + 1
        for c in candidates:
            key = c.platform, c.image_id
            best[key] = min(best.get(key, c), c, key=lambda c: c.rank)
    alone = sum(1 for candidates in by_track.values() if candidates) == 1
    shared = [c for key, c in best.items() if alone or (counts[key] >= 2 and counts[key] * 2 >= tracks_of[key[0]])]
    shared += of_album
    order = shared or list(best.values())
    order.sort(key=lambda c: (*c.trust, -counts.get((c.platform, c.image_id), len(by_track)), c.rank))
    if not shared:
        order = order[:1]  # no common picture: the most trusted one stands for the album, and each track keeps its own
    once = {c.image_id: c for c in reversed(order)}
    return [c for c in order if once[c.image_id] is c], {c.image_id for c in shared}


def select(db, tracks=None, albums=()) -> int:
    """As `bring`; returns how many rows changed (0 where nothing is new)."""
    return bring(db, tracks, albums).rows


def bring(db, tracks=None, albums=()) -> Selected:
    """Derive `image_links` from what observations brought, and say which covers are others now.

    An album is linked once; a track gets rows only for pictures that are not its album's, and shows the album's otherwise. The order is:
    a person's decision (field 'cover': an image's sha256 or id, or a platform to follow), trust for 'cover', the platform's first, the
    largest. tracks: ids to look at (with the rest of their albums), all when None; albums:
    further ones, which some track has left.
    """
    with db.atomic():
        scope = _scope(db, tracks, albums)
        wanted = _wanted(db, scope)
        stored = {}
        extra = []
        before: dict[tuple, int] = {}
        for row in _read(db, STORED, scope).fetchall():
            link_id, key, rest = row[0], (row[1], row[2], row[3]), (row[4], row[5])
            if rest[1]:
                before[key[1:]] = key[0]
            if key in stored or key not in wanted:
                extra.append((link_id,))
            else:
                stored[key] = link_id, rest
        new = [(*key, *rest) for key, rest in wanted.items() if key not in stored]
        differing = [(*wanted[key], link_id) for key, (link_id, rest) in stored.items() if wanted[key] != rest]
        n = len(extra) + len(new) + len(differing)
        if not n:
            return Selected()
        now = {key[1:]: key[0] for key, (_, shown) in wanted.items() if shown}
        changed = {target: (before.get(target), now.get(target)) for target in {**before, **now} if before.get(target) != now.get(target)}
        with db.operation("covers", mode="batch") as operation:
            db.executemany("delete from image_links where id = ?", extra)
            # Off before on: at most one picture of a track or album may be selected at any moment.
            for platform, selected, link_id in sorted(differing, key=lambda row: row[1]):
                db.execute("update image_links set platform = ?, is_selected = ? where id = ?", (platform, selected, link_id))
            db.executemany(
                "insert into image_links(image_id, track_id, release_group_id, platform, is_selected) values (?, ?, ?, ?, ?)", new
            )
            operation.summary("image_links", n)
    return Selected(n, changed)


def _read(db, sql: str, scope: dict | None):
    return db.execute(sql.format(**(EVERYTHING if scope is None else SOME)), scope or {})


def _scope(db, tracks, albums=()) -> dict | None:
    """JSON lists of the tracks asked for with the rest of their albums, and of those albums; None for everything."""
    if tracks is None:
        return None
    asked = json.dumps(list(tracks))
    found = db.execute(
        "select distinct release_group_id from tracks"
        " where id in (select value from json_each(?)) and release_group_id is not null", (asked,)
    ).fetchall()  # fmt: skip
    whole = json.dumps(sorted({row[0] for row in found} | set(albums)))
    mates = db.execute(
        "select id from tracks where id in (select value from json_each(?))"
        " or release_group_id in (select value from json_each(?))", (asked, whole)
    ).fetchall()  # fmt: skip
    return {"tracks": json.dumps([row[0] for row in mates]), "albums": whole}


def _wanted(db, scope) -> dict[tuple, tuple]:
    """{(image_id, track_id, release_group_id): (platform, is_selected)}: what image_links should hold within the scope."""
    trust = {name: (1, priority) for name, priority in db.execute("select name, priority from platforms").fetchall()}
    trust |= {name: (0, rank) for name, rank in db.execute("select platform, rank from trust where field = 'cover'").fetchall()}
    by_album: dict[int | None, dict[int, list[Candidate]]] = {}
    of_album: dict[int, list[Candidate]] = {}
    pools: dict[tuple, list[Candidate]] = {}  # by (track_id, release_group_id), of which one is None
    for track, album, image, platform, position, area in _read(db, CANDIDATES, scope).fetchall():
        candidate = Candidate(image, platform, trust[platform], position, area or 0)
        pools.setdefault((None, album), []).append(candidate)
        if track is None:
            of_album.setdefault(album, []).append(candidate)
        else:
            by_album.setdefault(album, {}).setdefault(track, []).append(candidate)
            pools.setdefault((track, None), []).append(candidate)
    wanted: dict[tuple, tuple] = {}
    shown: dict[tuple, int] = {}
    for album in by_album.keys() | of_album.keys():
        by_track = by_album.get(album, {})
        order, shared = album_pictures(by_track, of_album.get(album, ())) if album is not None else ([], set())
        if order:
            shown[None, album] = order[0].image_id
        for c in order:
            wanted[c.image_id, None, album] = c.platform, 0
        for track, candidates in by_track.items():
            candidates.sort(key=lambda c: c.rank)
            if candidates[0].image_id not in shared:
                shown[track, None] = candidates[0].image_id
            for c in candidates:
                if c.image_id not in shared:
                    wanted.setdefault((c.image_id, track, None), (c.platform, 0))
    chosen, added = _decided(db, scope)
    for target, image_id in added:
        wanted.setdefault((image_id, *target), ("user", 0))  # to choose from: it is shown only where it was chosen too
    for target, (image_id, platform) in chosen.items():
        if image_id is None:
            followed = [c for c in pools.get(target, ()) if c.platform == platform]
            if not followed:
                continue  # that platform has no picture of it (any more): as if nothing had been decided
            image_id = min(followed, key=lambda c: c.rank).image_id
        shown[target] = image_id
        wanted.setdefault((image_id, *target), (platform, 0))
    for target, image_id in shown.items():
        wanted[image_id, *target] = wanted[image_id, *target][0], 1
    return wanted


def _decided(db, scope) -> tuple[dict[tuple, tuple[int | None, str | None]], list[tuple]]:
    """({(track_id, release_group_id): (image id and whose it is, or None and the platform to follow)} as a person decided,
    [(target, image id)] that a person added).

    One of the pair is None. What was decided for a track or album that was merged away counts for its root, unless that has a decision
    of its own.
    """
    chosen: dict[tuple, tuple[int | None, str | None]] = {}
    added: list[tuple] = []
    for kind, table, key in (("track", "tracks", "tracks"), ("release_group", "release_groups", "albums")):
        if scope is None:
            rows = db.execute(SAID.format(kind=kind, table=table), {"kind": kind}).fetchall()
            within = None
        else:
            within = set(json.loads(scope[key]))
            family = json.dumps(sorted({*within, *roots(db, within, kind)}))
            rows = db.execute(SAID_OF.format(kind=kind, table=table), {"kind": kind, "family": family}).fetchall()
        latest = {(row[0], row[1]): (row[2], row[3]) for row in rows}
        if not latest:
            continue
        merged = _merged(db, table, {id for id, _ in latest})
        for id, name in sorted(latest, key=lambda one: one[0] in merged):
            value, platform = latest[id, name]
            root = id
            while root in merged:
                root = merged[root]
            if within is not None and root not in within:
                continue
            target = (root, None) if kind == "track" else (None, root)
            if name != "cover":
                if value not in (None, "null") and (image_id := db.value("select id from images where sha256 = ?", [name.partition(":")[2]])):
                    added.append((target, image_id))
                continue
            image_id = None
            if value is not None:
                found = db.execute("select id, platform from images where sha256 = :asked or id = :asked", {"asked": json.loads(value)}).fetchone()
                image_id, platform = found or (None, None)
            if image_id is not None or (value is None and platform):
                chosen.setdefault(target, (image_id, platform))
    return chosen, added


def _merged(db, table: str, ids: set[int]) -> dict[int, int]:
    """{merged id: id it was merged into} of these and of what they were merged into."""
    found: dict[int, int] = {}
    while ids:
        sql = f"select id, merged_into_id from {table} where id in (select value from json_each(?)) and merged_into_id is not null"
        more = dict(db.execute(sql, [json.dumps(sorted(ids))]).fetchall())
        ids = set(more.values()) - found.keys() - more.keys()
        found |= more
    return found
