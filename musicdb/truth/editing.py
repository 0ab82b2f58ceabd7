"""Several edits of the truth as one: the sheet that shows what each platform says of a selection, and applying exactly what was previewed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ..db import Row, Rows
from ..errors import BadInput, MusicdbError
from . import decisions, pick, selecting
from .resolving import OBSERVED

if TYPE_CHECKING:
    from ..db import Database

FIELDS = "cover title version artists album year release_date genres label bpm musical_key rating".split()
MOST = 2000  # tracks on one sheet; `musicdb take --where` does more without showing them
LOCKS = """
select i.id, d.field, d.value, d.platform
from json_each(?) as j
cross join track_ids as i on i.id = j.value
join decisions as d on d.entity = 'track' and d.entity_key = i.track_uid
  and d.id = (select max(id) from decisions where entity = 'track' and entity_key = i.track_uid and field = d.field)
"""
PICTURES = """
select k.track_id, p.platform, i.image_id, i.position
from json_each(:ids) as j
cross join track_links as k on k.track_id = j.value and k.status in ('auto', 'confirmed')
cross join platform_tracks as p on p.id = k.platform_track_id
join platform_images as i on i.platform_track_id = p.id and i.image_id is not null and i.role = 'cover'
union all
select k.track_id, p.platform, i.image_id, i.position
from json_each(:ids) as j
cross join track_links as k on k.track_id = j.value and k.status in ('auto', 'confirmed')
cross join platform_tracks as p on p.id = k.platform_track_id
cross join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
cross join platform_images as i on i.platform_release_id = r.id and i.image_id is not null and i.role = 'cover'
order by 1, 2, 4, 3
"""


class Changed(MusicdbError):
    """What would be done is no longer what was previewed."""


@dataclass(frozen=True)
class Edit:
    """One edit. what: take (from `platform`), decide (`value`), lock, unlock or clear."""

    field: str
    what: str
    platform: str | None = None
    value: Any = None


@dataclass
class Line:
    """One field of a sheet. now: {track: value}; whose: the sources of these values; decided: how many tracks a person decided;
    said: {platform: {track: value}}.
    """

    field: str
    now: dict[int, Any]
    whose: set[str] = field(default_factory=set)
    decided: int = 0
    said: dict[str, dict[int, Any]] = field(default_factory=dict)


@dataclass
class Sheet:
    """What a selection of tracks is now, and what each platform says. platforms: those that know any of the tracks, most trusted first."""

    tracks: list[int]
    platforms: list[str]
    lines: list[Line]


def sheet(db: Database, tracks: selecting.Tracks, fields: Sequence[str] = FIELDS) -> Sheet:
    """Read the sheet of these tracks. Raises BadInput for unknown tracks, and for more than MOST."""
    ids, _ = selecting.tracks(db, tracks)
    if len(ids) > MOST:
        raise BadInput(
            f"{len(ids):,} tracks are too many to show at once (at most {MOST:,}); use `musicdb take FIELD --from PLATFORM --where ...`"
        )
    now = decisions.values(db, ids, fields)
    lines = {name: Line(name, {one: now[one, name] for one in ids}) for name in fields}
    asked = msgspec.json.encode(ids).decode()
    for track, sources in db.execute("select id, sources from tracks where id in (select value from json_each(?))", [asked]):
        for name, whose in (msgspec.json.decode(sources) if sources else {}).items():
            line = lines.get("artists" if name == "artist_credit" else name)
            if line and isinstance(whose, str) and line.now[track] is not None:
                line.whose.add(whose)
    for _, name, value, platform in db.execute(LOCKS, [asked]):
        line = lines.get("artists" if name == "artist_credit" else name)
        if line and (value is not None or platform is not None):
            line.decided += value is not None
            if value is not None:
                line.whose.add("user")
    seen = set()
    for row in db.execute(OBSERVED.format(only="and k.track_id in (select value from json_each(?))"), [asked]):
        one = pick.Observed.of(row)
        seen.add(row[1])
        for name in fields:
            if name != "cover" and (value := pick.says(one, name)) is not None:
                lines[name].said.setdefault(row[1], {}).setdefault(row[0], value)
    if "cover" in fields:
        for track, platform, image, _ in db.execute(PICTURES, {"ids": asked}):
            lines["cover"].said.setdefault(platform, {}).setdefault(track, image)
        shown = db.execute(
            "select t.id, coalesce((select platform from image_links where track_id = t.id and is_selected = 1), "
            "(select platform from image_links where release_group_id = t.release_group_id and is_selected = 1)) "
            "from tracks as t where t.id in (select value from json_each(?))", [asked]
        )  # fmt: skip
        lines["cover"].whose |= {platform for _, platform in shown if platform}
    order = [name for (name,) in db.execute("select name from platforms where name <> 'user' order by priority")]
    return Sheet(ids, [name for name in order if name in seen], list(lines.values()))


def preview(db: Database, tracks: Iterable[int], edits: Sequence[Edit], *, by: str | None = None) -> decisions.Decided:
    """What these edits would change, found by making them and taking them back; operation is None."""
    try:
        with db.operation("preview", mode="batch"):
            done = _run(db, list(tracks), edits, by)
            raise _Back
    except _Back:
        return decisions.Decided(None, done.decided, done.rows, done.notes)


def apply(
    db: Database, tracks: Iterable[int], edits: Sequence[Edit], *, approved: Rows | None = None, by: str | None = None
) -> decisions.Decided:
    """Make these edits as one operation. approved: the rows of a preview; where something else would happen by now, nothing does.

    Raises Changed for that, BadInput for what cannot be.
    """
    tracks = list(tracks)
    names = ", ".join(dict.fromkeys(edit.field for edit in edits))
    reason = f"{names} of {len(tracks):,} tracks" if len(tracks) > 1 else f"{names} of {_title(db, tracks)}"
    with db.operation("edit", mode="batch", actor=by or "me", reason=reason, track_id=tracks[0] if len(tracks) == 1 else None) as op:
        done = _run(db, tracks, edits, by)
        if approved is not None and [dict(row) for row in done.rows] != [dict(row) for row in approved]:
            raise Changed("An import changed something since the preview: nothing was done. Look at the new preview and apply again.")
        op.details = {"tracks": len(tracks), "edits": len(edits), "decisions": done.decided}
        return decisions.Decided(op.id, done.decided, done.rows, done.notes)


class _Back(Exception):
    """Takes the transaction of a preview back."""


def _run(db: Database, tracks: list[int], edits: Sequence[Edit], by: str | None) -> decisions.Decided:
    rows: list[Row] = []
    notes: list[str] = []
    decided = 0
    for edit in edits:
        if edit.what == "take":
            done = decisions.take(db, tracks, edit.field, str(edit.platform), by=by)
        elif edit.what == "decide":
            done = decisions.decide(db, tracks, edit.field, edit.value, by=by)
        elif edit.what in ("lock", "unlock", "clear"):
            done = getattr(decisions, edit.what)(db, tracks, edit.field, by=by)
        else:
            raise BadInput(f"there is no edit {edit.what!r}")
        rows += done.rows
        notes += done.notes
        decided += done.decided
    return decisions.Decided(None, decided, Rows(rows, decisions.CHANGED, db), list(dict.fromkeys(notes)))


def _title(db: Database, tracks: list[int]) -> str:
    row = db.one("select title, artist_credit from tracks where id = ?", tracks[:1]) if tracks else None
    return f"{row.artist_credit or 'unknown'} - {row.title}" if row and row.title else "a track"
