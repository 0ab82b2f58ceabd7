"""Covers by rule: the best picture of each of many tracks and albums chosen at once, as one operation; and those that lack a good one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from ..db import Row, Rows
from ..errors import BadInput
from ..truth import decisions, deriving, selecting
from . import alike
from .choosing import INSERT

if TYPE_CHECKING:
    from ..db import Database

SQUARE = 0.9  # shorter to longer side of what counts as square
COLUMNS = "track album title old new was now".split()
# Where a track shows its album's picture, the rule chooses for the album; else for the track.
TARGETS = """
select t.id, iif(:whole and not exists (select 1 from image_links as l where l.track_id = t.id and l.is_selected = 1), t.release_group_id, null) as album,
  coalesce(t.artist_credit || ' - ', '') || t.title as title, g.title as album_title, a.name as artist
from json_each(:tracks) as j
join tracks as t on t.id = j.value
left join release_groups as g on g.id = t.release_group_id
left join artists as a on a.id = g.primary_artist_id
"""
PICTURES = """
select l.track_id, l.release_group_id, m.id, l.platform, m.width, m.height, m.dhash, m.tint, l.is_selected, m.sha256
from image_links as l
join images as m on m.id = l.image_id
where l.role = 'cover' and (l.track_id in (select value from json_each(:tracks)) or l.release_group_id in (select value from json_each(:albums)))
"""
DECIDED = """
select i.id, d.value, d.platform
from json_each(:ids) as j
cross join {kind}_ids as i on i.id = j.value
cross join decisions as d on d.id = (select max(id) from decisions where entity = '{kind}' and entity_key = i.{kind}_uid and field = 'cover')
where d.value is not null or d.platform is not null
"""
POOR = """
select t.id as track_id, t.title, t.artist_credit, g.title as album, m.id as image_id, ifnull(min(m.width, m.height), 0) as side
from tracks as t
left join release_groups as g on g.id = t.release_group_id
left join images as m on m.id = coalesce(
  (select i.image_id from image_links as i where i.track_id = t.id and i.is_selected = 1),
  (select i.image_id from image_links as i where i.release_group_id = t.release_group_id and i.is_selected = 1))
where t.deleted_at is null and t.merged_into_id is null and t.title is not null and ifnull(min(m.width, m.height), 0) < :under
  and (:only is null or t.id in (select value from json_each(:only)))
order by side, t.artist_credit, album, t.title
"""

Target = tuple[int | None, int | None]  # (track, None) or (None, album)


class Picture(msgspec.Struct, frozen=True):
    """A picture to choose from. rank: (0, rank) in trust for covers, or (1, the platform's priority)."""

    id: int
    platform: str | None
    width: int
    height: int
    look: alike.Look | None
    shown: bool
    sha256: str
    rank: tuple[int, int] = (2, 0)

    @property
    def side(self) -> int:
        return min(self.width, self.height)

    @property
    def is_square(self) -> bool:
        return self.side >= SQUARE * max(self.width, self.height, 1)


def largest(pictures: list[Picture]) -> Picture | None:
    """The largest square one, then the one of the platform that is trusted most. Without a square one, the one with the longest short side."""
    return min(pictures, key=lambda one: (not one.is_square, -one.side, one.rank, not one.shown, one.id), default=None)


def larger(pictures: list[Picture]) -> Picture | None:
    """The same picture as the one that is shown, where there is a larger one of it; else the one that is shown."""
    now = next((one for one in pictures if one.shown), None)
    return max((one for one in pictures if one is now or (now and alike.alike(one.look, now.look))), key=lambda one: (one.side, one.shown), default=now)


def trusted(pictures: list[Picture]) -> None:
    """No picture: what was chosen is taken back, and trust chooses."""


RULES: dict[str, Callable[[list[Picture]], Picture | None]] = {"largest": largest, "larger": larger, "trust": trusted}


class _Preview(Exception):
    """Takes the transaction of a preview back."""


def choose_all(
    db: Database, tracks: selecting.Tracks, rule: str = "largest", *, whole: bool = True, again: bool = False, preview: bool = False,
    note: str | None = None, by: str | None = None,
) -> decisions.Decided:  # fmt: skip
    """Choose covers by a rule, as one operation. rule: "largest" (square, then trust), "larger" (the same picture, only larger), "trust".

    Where a track shows its album's cover, it is the album's that is chosen (whole=False: always the track's own). What a person chose
    stays as it is (again=True: not that either). rows: track or album, title, old and new image, was and now ("600 x 600, discogs").
    Raises BadInput for an unknown track or rule.
    """
    if rule not in RULES:
        raise BadInput(f"there is no rule {rule!r}; there are {', '.join(RULES)}")
    ids, notes = selecting.tracks(db, tracks)
    targets: dict[Target, str] = {}
    for track, album, title, album_title, artist in db.execute(TARGETS, {"tracks": _json(ids), "whole": whole}).fetchall():
        if album is None:
            targets[track, None] = title
        else:
            targets[None, album] = f"{artist} - {album_title}" if artist else album_title
    decided = _decided(db, targets)
    again = again or rule == "trust"
    if not again and (kept := [one for one in targets if one in decided]):
        notes.append(f"{len(kept):,} of {len(targets):,} covers were chosen by you and stay (again=True, or --again, for those too)")
        targets = {one: title for one, title in targets.items() if one not in decided}
    pictures = _pictures(db, targets)
    rows = []
    for target in targets:
        best = RULES[rule](pictures.get(target, []))
        value = _json(best.sha256) if best else None
        if decided.get(target, (None, None)) != (value, None) and not (best and best.shown and target not in decided):
            rows.append((target, value))
    if rule != "trust":
        rows = [row for row in rows if row[1] is not None]
    return _apply(db, rule, rows, targets, notes, preview=preview, note=note, by=by)


def _apply(
    db: Database, rule: str, rows: list[tuple[Target, str | None]], titles: dict[Target, str], notes: list[str], *, preview: bool,
    note: str | None, by: str | None,
) -> decisions.Decided:  # fmt: skip
    if not rows:
        return decisions.Decided(None, 0, Rows([], COLUMNS, db), notes)
    targets = dict.fromkeys(target for target, _ in rows)
    operation, result = None, Rows([], COLUMNS, db)
    try:
        with db.operation("covers by rule", mode="batch", actor=by or "me", reason=f"{rule} of {len(rows):,} covers") as op:
            before = _shown(db, targets)
            keys = [(*_uid(db, target), "cover") for target in targets]
            db.executemany(INSERT, [(*key, value, None, note, by or "me", op.id) for key, (_, value) in zip(keys, rows, strict=True)])
            deriving.follow(db, keys)
            after = _shown(db, targets)
            op.summary("decisions", len(rows))
            op.details = {"rule": rule, "covers": len(rows)}
            changed = [one for one in targets if _id(before.get(one)) != _id(after.get(one))]
            result = Rows([Row(zip(COLUMNS, [*one, titles[one], _id(before.get(one)), _id(after.get(one)), _said(before.get(one)), _said(after.get(one))]))
                           for one in changed], COLUMNS, db)  # fmt: skip
            operation = op.id
            if preview:
                raise _Preview
    except _Preview:
        operation = None
    return decisions.Decided(operation, len(rows), result, notes)


def poor(db: Database, tracks: selecting.Tracks | None = None, under: int = 300) -> Rows:
    """Tracks without a cover, or with one whose shorter side is under so many pixels (view poor_covers: 300):
    track_id, title, artist_credit, album, image_id, side (0 = none). Smallest first.
    """
    only = None if tracks is None else _json(selecting.tracks(db, tracks)[0])
    return db.q(POOR, {"under": under, "only": only})


def _pictures(db: Database, targets: dict[Target, str]) -> dict[Target, list[Picture]]:
    """Pictures to choose from, of each target. A track has its album's too."""
    tracks = [track for track, _ in targets if track is not None]
    sql = "select id, release_group_id from tracks where id in (select value from json_each(?)) and release_group_id is not null"
    album_of = dict(db.execute(sql, [_json(tracks)]).fetchall())
    albums = {album for _, album in targets if album is not None} | set(album_of.values())
    ranks = {name: (1, priority) for name, priority in db.execute("select name, priority from platforms").fetchall()}
    ranks |= {name: (0, rank) for name, rank in db.execute("select platform, rank from trust where field = 'cover'").fetchall()}
    found: dict[Target, list[Picture]] = {}
    for track, album, id, platform, width, height, dhash, tint, shown, sha in db.execute(PICTURES, {"tracks": _json(tracks), "albums": _json(sorted(albums))}):
        look = alike.Look.of(dhash, tint, width, height)
        found.setdefault((track, album), []).append(Picture(id, platform, width or 0, height or 0, look, bool(shown), sha, ranks.get(platform, (2, 0))))
    for track, album in album_of.items():
        own = found.setdefault((track, None), [])
        known, has = {one.id for one in own}, any(one.shown for one in own)
        own += [msgspec.structs.replace(one, shown=one.shown and not has) for one in found.get((None, album), []) if one.id not in known]
    return found


def _decided(db: Database, targets: dict[Target, str]) -> dict[Target, tuple[str | None, str | None]]:
    """What a person decided of these covers: (picture as JSON, platform to follow)."""
    found: dict[Target, tuple[str | None, str | None]] = {}
    for kind, place in (("track", 0), ("release_group", 1)):
        ids = [target[place] for target in targets if target[place] is not None]
        for id, value, platform in db.execute(DECIDED.format(kind=kind), {"ids": _json(ids)}):
            found[(id, None) if kind == "track" else (None, id)] = value, platform
    return found


def _shown(db: Database, targets: dict[Target, None]) -> dict[Target, Picture]:
    """The picture that each shows now."""
    found = _pictures(db, dict.fromkeys(targets, ""))
    return {one: shown for one in targets if (shown := next((p for p in found.get(one, []) if p.shown), None))}


def _uid(db: Database, target: Target) -> tuple[str, str]:
    track, album = target
    kind, id = ("track", track) if track is not None else ("release_group", album)
    return kind, db.value(f"select {kind}_uid from {kind}_ids where id = ?", [id])


def _id(picture: Picture | None) -> int | None:
    return None if picture is None else picture.id


def _said(picture: Picture | None) -> str:
    return "none" if picture is None else f"{picture.width} x {picture.height}, {picture.platform or 'user'}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
