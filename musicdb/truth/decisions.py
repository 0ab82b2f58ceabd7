"""A person's decisions on fields of tracks: append-only rows of which the latest counts, each call one operation that can be undone.

`decide` fixes a value, `take` follows a platform (also when it changes its word), `lock` keeps the value that is there now, `unlock`
goes back to what was before the lock, `clear` leaves the field to trust again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from .. import units
from ..db import Row, Rows
from ..errors import BadInput
from ..images import covers
from . import pick, selecting
from .resolving import OBSERVED
from .selecting import Tracks

if TYPE_CHECKING:
    from ..db import Database

FIELDS = (*pick.FIELDS, "cover")
WANTED = {
    "year": "a whole number from 1000 to 2999", "rating": "a whole number from 1 to 5", "bpm": "a number of beats a minute",
    "musical_key": "a key such as 8A, Am or C# minor", "release_date": "a date such as 1997, 1997-05 or 1997-05-12",
    "duration_ms": "a length in milliseconds", "cover": "the id or SHA-256 of a stored picture",
}  # fmt: skip
CHANGED = ["track", "field", "old", "new"]
TWINS = {"artists": "artist_credit", "artist_credit": "artists"}  # two ways to say who it is by: deciding one takes the other back
ROLES = {"featured": "featuring", "remixers": "remixer", "composers": "composer"}
LATEST = """
select i.id, d.field, d.value, d.platform, d.id
from json_each(:tracks) as j
cross join track_ids as i on i.id = j.value
cross join decisions as d on d.id = (
  select max(id) from decisions where entity = 'track' and entity_key = i.track_uid and field = :field
)
"""
COVERS_OF = """
select t.id, coalesce((select platform from image_links where track_id = t.id and is_selected = 1),
  (select platform from image_links where release_group_id = t.release_group_id and is_selected = 1))
from tracks as t where t.id in (select value from json_each(?))
"""
INSERT = """
insert into decisions (entity, entity_key, field, value, platform, note, decided_by, operation_id)
select 'track', track_uid, ?, ?, ?, ?, ?, ? from track_ids where id = ?
"""


@dataclass
class Decided:
    """What a decision did. operation: its number for `undo`, None where nothing was to do (or for a preview); rows: track, field, old, new
    of every value that changed; decided: how many (track, field) were decided; notes: what a person should know.
    """

    operation: int | None
    decided: int
    rows: Rows
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        head = f"{self.decided} decided, {len(self.rows)} values changed" + (f" (operation {self.operation})" if self.operation else "")
        return "\n".join([head, *self.notes, *([repr(self.rows)] if self.rows else [])])

    def _repr_html_(self) -> str:
        return self.rows._repr_html_()


@dataclass
class _Row:
    """A decision to append: (track, field, JSON value or None, platform or None)."""

    track: int
    name: str
    value: str | None
    platform: str | None


def decide(
    db: Database, tracks: Tracks, field: str, value: Any, *, note: str | None = None, by: str | None = None, preview: bool = False
) -> Decided:
    """Fix a value: it stands, whatever platforms say, until it is cleared. None = empty on purpose.

    field: one of FIELDS; for the cover an image's id or SHA-256. Raises BadInput for an unknown track or field, or a value that cannot be.
    """
    check_field(field)
    stored = check_value(db, field, value)
    ids, notes = selecting.tracks(db, tracks)
    rows = [_Row(track, field, stored, None) for track in ids]
    return _append(db, "decide", rows, notes, note=note, by=by, preview=preview)


def decide_each(db: Database, wanted: dict[tuple[int, str], Any], *, note: str | None = None, by: str | None = None) -> Decided:
    """Fix values of many tracks as one operation: {(track, field): value}, each as `decide` takes it."""
    rows = [_Row(track, check_field(name), check_value(db, name, value), None) for (track, name), value in wanted.items()]
    return _append(db, "decide", rows, [], note=note, by=by)


def take(
    db: Database, tracks: Tracks, fields: str | Sequence[str], platform: str, *,
    preview: bool = False, note: str | None = None, by: str | None = None,
) -> Decided:  # fmt: skip
    """Update fields from a platform, and follow it: its value counts from now on, also when it changes.

    Tracks of which the platform says nothing in a field are left as they are, and counted in the notes. preview: what would change,
    found by doing it and taking it back. Raises BadInput for an unknown track, field or platform.
    """
    names = check_fields(fields)
    check_platform(db, platform)
    ids, notes = selecting.tracks(db, tracks)
    rows = []
    for name in names:
        having = _said_by(db, ids, name, platform)
        rows += [_Row(track, "artists" if name == "artist_credit" else name, None, platform) for track in ids if track in having]
        if missing := len(ids) - len(having.intersection(ids)):
            notes.append(
                f"{platform} says no {name} of {missing:,} of {len(ids):,} tracks: left as {'it is' if len(ids) == 1 else 'they are'}"
            )
    return _append(db, "take", rows, notes, note=note, by=by, preview=preview, platform=platform)


def lock(db: Database, tracks: Tracks, fields: str | Sequence[str], *, note: str | None = None, by: str | None = None) -> Decided:
    """Keep the values that are there now, whatever platforms say later. What is locked already stays as it is."""
    names = check_fields(fields)
    ids, notes = selecting.tracks(db, tracks)
    rows = []
    for name in names:
        name = "artist_credit" if name == "artists" else name
        fixed = {track for track, _, value, _, _ in _latest(db, ids, name) if value is not None}
        now, whose = values(db, ids, [name]), sources(db, ids, name)
        kept = {t: check_value(db, name, now[t, name]) if name == "cover" else _json(now[t, name]) for t in ids if t not in fixed}
        rows += [_Row(track, name, value, whose.get(track) or "user") for track, value in kept.items()]
    return _append(db, "lock", rows, notes, note=note, by=by)


def unlock(db: Database, tracks: Tracks, fields: str | Sequence[str], *, note: str | None = None, by: str | None = None) -> Decided:
    """Take locks back: what was decided before the lock counts again, or trust. A value that was decided, not locked, stays."""
    names = check_fields(fields)
    ids, notes = selecting.tracks(db, tracks)
    rows, free = [], 0
    for name in names:
        name = "artist_credit" if name == "artists" else name
        for track, _, value, platform, number in _latest(db, ids, name):
            if value is None or platform is None:
                continue
            before = db.execute(
                "select value, platform from decisions where entity = 'track' and entity_key = (select track_uid from track_ids where id = ?) "
                "and field = ? and id < ? order by id desc limit 1", [track, name, number],
            ).fetchone()  # fmt: skip
            rows.append(_Row(track, name, *(before or (None, None))))
            free += 1
    if not free:
        notes.append(f"nothing was locked in {', '.join(names)}")
    return _append(db, "unlock", rows, notes, note=note, by=by)


def clear(db: Database, tracks: Tracks, fields: str | Sequence[str], *, note: str | None = None, by: str | None = None) -> Decided:
    """Take decisions back, of whatever kind: the field is left to trust again."""
    names = check_fields(fields)
    ids, notes = selecting.tracks(db, tracks)
    rows = []
    both = [*names, *(TWINS[name] for name in names if name in TWINS)]
    for name in dict.fromkeys(both):
        found = _latest(db, ids, name)
        rows += [_Row(track, name, None, None) for track, _, value, platform, _ in found if value is not None or platform is not None]
    return _append(db, "clear", rows, notes, note=note, by=by)


# ---------- writing


def _append(
    db: Database, kind: str, rows: list[_Row], notes: list[str], *, note: str | None = None, by: str | None = None, preview: bool = False,
    platform: str | None = None,
) -> Decided:  # fmt: skip
    """Append decisions as one operation, resolve the tracks, and tell what changed. What is decided so already is not decided again."""
    rows = _new(db, rows)
    if not rows:
        return Decided(None, 0, Rows([], CHANGED, db), notes)
    tracks, names = list(dict.fromkeys(r.track for r in rows)), list(dict.fromkeys(r.name for r in rows))
    shown = [n for n in names if not (n == "artist_credit" and "artists" in names)]
    what = f"{', '.join(shown)} of {_count(db, tracks)}" + (f" from {platform}" if platform else "")
    fields = {"reason": what, "platform": platform, "track_id": tracks[0] if len(tracks) == 1 else None}
    operation, result = None, None
    try:
        with db.operation(kind, mode="batch", actor=by or "me", **fields) as op:
            before = values(db, tracks, shown)
            db.executemany(INSERT, [(r.name, r.value, r.platform, note, by or "me", op.id, r.track) for r in rows])
            derive(db, tracks, covers_too="cover" in names, fields_too=names != ["cover"])
            after = values(db, tracks, shown)
            op.summary("decisions", len(rows))
            op.details = {"tracks": len(tracks), "fields": names, "decisions": len(rows)}
            changed = [Row(track=key[0], field=key[1], old=before[key], new=after[key]) for key in before if before[key] != after[key]]
            operation, result = op.id, Rows(changed, CHANGED, db)
            if preview:
                raise _Preview
    except _Preview:
        operation = None
    return Decided(operation, sum(r.value is not None or r.platform is not None for r in rows) or len(rows), result, notes)


class _Preview(Exception):
    """Takes the transaction of a preview back."""


def _new(db: Database, rows: list[_Row]) -> list[_Row]:
    """Without those that are decided so already, and with what takes the other way of saying it back."""
    kept = []
    for name in dict.fromkeys(r.name for r in rows):
        mine = [r for r in rows if r.name == name]
        ids = [r.track for r in mine]
        now = {track: (value, platform) for track, _, value, platform, _ in _latest(db, ids, name)}
        fresh = [r for r in mine if now.get(r.track, (None, None)) != (r.value, r.platform)]
        kept += fresh
        if twin := TWINS.get(name):
            saying = {r.track for r in mine if r.value is not None or r.platform is not None}
            rivals = _latest(db, [t for t in ids if t in saying], twin)
            kept += [_Row(t, twin, None, None) for t, _, value, platform, _ in rivals if value is not None or platform is not None]
    return kept


def derive(db: Database, tracks: Iterable[int], *, fields_too: bool = True, covers_too: bool = True) -> None:
    """Bring what follows from decisions on these tracks up to date."""
    from . import deriving  # which leans on links, and they on this

    tracks = list(tracks)
    left = deriving.resolved(db, tracks) if fields_too else set()
    if covers_too or left:
        covers.select(db, tracks, left)


# ---------- checking


def check_field(name: str) -> str:
    """Raises BadInput for what is no field that can be decided."""
    if name not in FIELDS:
        raise BadInput(f"there is no field {name!r}; there are {', '.join(FIELDS)}")
    return name


def check_fields(names: str | Sequence[str]) -> list[str]:
    """The fields, each once. Raises BadInput."""
    found = [check_field(name) for name in ([names] if isinstance(names, str) else names)]
    if not found:
        raise BadInput(f"name at least one field of {', '.join(FIELDS)}")
    return list(dict.fromkeys(found))


def check_platform(db: Database, platform: str) -> None:
    """Raises BadInput for an unknown platform."""
    known = [name for (name,) in db.execute("select name from platforms where name <> 'user' order by priority")]
    if platform not in known:
        raise BadInput(f"there is no platform {platform!r}; there are {', '.join(known)}")


def check_value(db: Database, name: str, value: Any) -> str:
    """Return the JSON that a decision stores; raises BadInput for a value that cannot be."""
    if value is None:
        return "null"
    if name == "cover":
        sha = db.value("select sha256 from images where sha256 = :asked or id = :asked", {"asked": value})
        if sha is None:
            raise BadInput(f"there is no picture {value!r}; {name} wants {WANTED[name]} (see the table images)")
        return _json(sha)
    good = pick.checked(name, value)
    if good is None:
        wanted = WANTED.get(name) or ("a list of names" if name in pick.LISTS else "text that is not blank")
        raise BadInput(f"{name} cannot be {value!r}; it is {wanted}")
    if not all(units.is_storable(text) for text in (good if isinstance(good, list) else [good]) if isinstance(text, str)):
        raise BadInput(f"{name} cannot be {value!r}: it holds a NUL or half a character, which is no text")
    return _json(good)


# ---------- reading


def _latest(db: Database, ids: list[int], name: str) -> list[tuple]:
    """(track, field, value, platform, id) of the latest decision on a field of each of these tracks that has one."""
    return db.execute(LATEST, {"tracks": _json(ids), "field": name}).fetchall()


def sources(db: Database, ids: list[int], name: str) -> dict[int, str | None]:
    """track -> whose the value of this field is."""
    if name == "cover":
        return dict(db.execute(COVERS_OF, [_json(ids)]).fetchall())
    sql = "select id, json_extract(sources, '$.' || ?) from tracks where id in (select value from json_each(?))"
    return dict(db.execute(sql, [name, _json(ids)]).fetchall())


def _said_by(db: Database, ids: list[int], name: str, platform: str) -> set[int]:
    """Of these tracks those of which the platform says something in this field."""
    asked = _json(ids)
    if name == "cover":
        return {track for (track,) in db.execute(PICTURES, [asked, platform, asked, platform])}
    only = "and k.track_id in (select value from json_each(?)) and p.platform = ?"
    found = set()
    for row in db.execute(OBSERVED.format(only=only), [asked, platform]):
        if row[0] not in found:
            one = pick.Observed.of(row)
            if pick.says(one, name) is not None:
                found.add(row[0])
    return found


PICTURES = """
select k.track_id
from json_each(?) as j
cross join track_links as k on k.track_id = j.value and k.status in ('auto', 'confirmed')
cross join platform_tracks as p on p.id = k.platform_track_id and p.platform = ?
join platform_images as i on i.platform_track_id = p.id and i.image_id is not null and i.role = 'cover'
union
select k.track_id
from json_each(?) as j
cross join track_links as k on k.track_id = j.value and k.status in ('auto', 'confirmed')
cross join platform_tracks as p on p.id = k.platform_track_id and p.platform = ?
cross join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
join platform_images as i on i.platform_release_id = r.id and i.image_id is not null and i.role = 'cover'
"""
VALUES = {
    "album": "select t.id, g.title from tracks as t left join release_groups as g on g.id = t.release_group_id where t.id in ({ids})",
    "cover": """
      select t.id, coalesce((select image_id from image_links where track_id = t.id and is_selected = 1),
        (select image_id from image_links where release_group_id = t.release_group_id and is_selected = 1))
      from tracks as t where t.id in ({ids})
    """,
    "genres": "select x.track_id, g.name from track_genres as x join genres as g on g.id = x.genre_id where x.track_id in ({ids}) order by 1, 2",
    "label": "select x.track_id, g.name from track_labels as x join labels as g on g.id = x.label_id where x.track_id in ({ids}) order by 1, 2",
    "role": """
      select x.track_id, coalesce(x.credited_as, a.name) from track_artists as x join artists as a on a.id = x.artist_id
      where x.track_id in ({ids}) and x.role = ? order by x.track_id, x.position
    """,
}


def values(db: Database, tracks: Iterable[int], names: Sequence[str]) -> dict[tuple[int, str], Any]:
    """(track, field) -> its value in the library now; lists for genres, label and names by role; the image's id for a cover."""
    tracks = list(tracks)
    found: dict[tuple[int, str], Any] = {}
    asked, ids = _json(tracks), "select value from json_each(?)"
    for name in names:
        if name in ROLES or name in ("genres", "label"):
            lists: dict[int, list[str]] = {track: [] for track in tracks}
            sql = VALUES["role" if name in ROLES else name].format(ids=ids)
            for track, one in db.execute(sql, [asked, *([ROLES[name]] if name in ROLES else [])]):
                if one not in lists[track]:
                    lists[track].append(one)
            found |= {(track, name): some or None for track, some in lists.items()}
        else:
            column = "artist_credit" if name == "artists" else name
            sql = VALUES.get(name, f"select t.id, t.{column} from tracks as t where t.id in ({{ids}})").format(ids=ids)
            found |= {(track, name): None for track in tracks} | {(track, name): value for track, value in db.execute(sql, [asked])}
    return found


def _count(db: Database, tracks: list[int]) -> str:
    if len(tracks) > 1:
        return f"{len(tracks):,} tracks"
    row = db.one("select title, artist_credit from tracks where id = ?", tracks)
    return f"{row.artist_credit or 'unknown'} - {row.title}" if row and row.title else f"track {tracks[0]}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
