"""A person's own tags, in groups (Energy, Mood, ...), put on many tracks at once. Each call is one operation that can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from . import units
from .db import Rows
from .errors import BadInput
from .schema import NOW
from .truth import selecting

if TYPE_CHECKING:
    from .db import Database

ALL = """
select g.id, g.grp, g.name, g.description, (
  select count(distinct coalesce(m.merged_into_id, m.id)) from track_tags as t join tracks as m on m.id = t.track_id where t.tag_id = g.id) as tracks
from tags as g
where g.deleted_at is null
order by g.grp collate nocase, g.name collate nocase
"""
# Tracks and those that were merged into them, whose tags are theirs.
FAMILY = """
with family (id, track) as (
  select value, value from json_each(:tracks)
  union select id, merged_into_id from tracks where merged_into_id in (select value from json_each(:tracks))
)
"""
OF = f"""{FAMILY}
select g.id, g.grp, g.name, count(distinct f.track) as tracks
from family as f
join track_tags as t on t.track_id = f.id
join tags as g on g.id = t.tag_id
where g.deleted_at is null
group by g.id
order by g.grp collate nocase, g.name collate nocase
"""


def split(text: str) -> tuple[str, str]:
    """("Energy", "peak") of "Energy: peak" or "Energy/peak", ("", "peak") of "peak"; pure. Raises BadInput for no name."""
    if not units.is_storable(text):
        raise BadInput(f"{text!r} is no name of a tag: it holds a NUL or half a character")
    for mark in ("/", ":"):
        group, found, name = text.partition(mark)
        if found and group.strip() and name.strip():
            return " ".join(group.split()), " ".join(name.split())
    if not text.strip():
        raise BadInput('a tag needs a name, such as "peak time" or "Energy: peak time"')
    return "", " ".join(text.split())


def shown(group: str, name: str) -> str:
    """How a tag is written: "Energy: peak", or "peak" without a group."""
    return f"{group}: {name}" if group else name


def every(db: Database) -> Rows:
    """All tags by group: id, grp, name, description, tracks (how many have it)."""
    return db.q(ALL)


def of(db: Database, tracks: Iterable[int]) -> Rows:
    """Tags on these tracks: id, grp, name, tracks (how many of them have it)."""
    return db.q(OF, {"tracks": _json(list(tracks))})


# Own tags of tracks, also those of tracks that were merged into them.
OWN = """
select coalesce(m.merged_into_id, m.id) as track, g.id, g.grp, g.name
from json_each(?) as j
join tracks as m on m.id = j.value or m.merged_into_id = j.value
join track_tags as t on t.track_id = m.id and t.platform = 'user'
join tags as g on g.id = t.tag_id and g.deleted_at is null
group by 1, g.id
order by g.grp collate nocase, g.name collate nocase, g.id
"""


def own(db: Database, tracks: Iterable[int]) -> dict[int, list[str]]:
    """{track: its own tags as written, by group and name} of those of these tracks that have any."""
    found: dict[int, list[str]] = {}
    for track, _, group, name in db.execute(OWN, [_json(list(tracks))]):
        found.setdefault(track, []).append(shown(group, name))
    return found


def find(db: Database, text: str) -> int:
    """The id of the tag that is written so, case or not. Raises BadInput, with near names."""
    known = {shown(row["grp"], row["name"]): row["id"] for row in every(db)}
    found = _find(known, text)
    if found is None:
        from rapidfuzz import fuzz, process

        near = [name for name, _, _ in process.extract(text, list(known), scorer=fuzz.WRatio, limit=3, score_cutoff=70)]
        raise BadInput(f"there is no tag {text!r}" + (f"; did you mean {', '.join(near)}?" if near else "; musicdb tags list shows those there are"))
    return found


def _find(known: dict[str, int], text: str) -> int | None:
    """As written, then without regard to case, then with its group before a slash."""
    if text in known:
        return known[text]
    folded = {name.casefold(): id for name, id in reversed(known.items())}
    return folded.get(text.casefold()) or (folded.get(shown(*split(text)).casefold()) if text.strip() else None)


def make(db: Database, text: str, description: str | None = None) -> int:
    """The id of the tag of this name, made when new; one that was removed comes back. Case is kept, but does not make two tags."""
    group, name = split(text)
    with db.atomic():
        row = db.one(
            "select id, deleted_at from tags where grp = ? collate nocase and name = ? collate nocase order by deleted_at is not null",
            [group, name],
        )
        if row is None:
            cursor = db.execute("insert into tags (grp, name, description) values (?, ?, ?)", [group, name, description])
            return int(cursor.lastrowid or 0)
        if row["deleted_at"]:
            db.execute("update tags set deleted_at = null where id = ?", [row["id"]])
        return int(row["id"])


def add(db: Database, tracks: selecting.Tracks, text: str, *, by: str | None = None) -> tuple[int | None, int]:
    """Put a tag on tracks, made when new. Returns (operation for `undo`, or None where all had it; how many got it)."""
    group, name = split(text)
    ids = selecting.present(db, tracks)
    with db.atomic():
        have = db.value(
            f"{FAMILY} select count(distinct f.track) from family as f join track_tags as t on t.track_id = f.id join tags as g on g.id = t.tag_id "
            "where g.grp = :group collate nocase and g.name = :name collate nocase and g.deleted_at is null and t.platform = 'user'",
            {"group": group, "name": name, "tracks": _json(ids)},
        )
        if have == len(ids):
            return None, 0
        with db.operation("tag", actor=by or "me", reason=f"{shown(group, name)} on {len(ids) - have:,} tracks") as op:
            tag = make(db, text)
            db.execute(
                "insert into track_tags (track_id, tag_id, platform) select value, ?, 'user' from json_each(?) where true on conflict do nothing",
                [tag, _json(ids)],
            )
            return op.id, len(ids) - have


def remove(db: Database, tracks: selecting.Tracks, tag: int, *, by: str | None = None) -> tuple[int | None, int]:
    """Take a tag (by id) off tracks. Returns (operation for `undo`, or None where none had it; how many lost it)."""
    ids, _ = selecting.tracks(db, tracks)
    row = db.one("select grp, name from tags where id = ?", [tag])
    if row is None:
        raise BadInput(f"there is no tag {tag}")
    params = {"tag": tag, "tracks": _json(ids)}
    with db.atomic():
        have = db.value(
            f"{FAMILY} select count(distinct f.track) from family as f join track_tags as t on t.track_id = f.id where t.tag_id = :tag and t.platform = 'user'",
            params,
        )
        if not have:
            return None, 0
        with db.operation("tag", actor=by or "me", reason=f"{shown(row['grp'], row['name'])} off {have:,} tracks") as op:
            db.execute(f"{FAMILY} delete from track_tags where tag_id = :tag and platform = 'user' and track_id in (select id from family)", params)
            return op.id, have


def put(db: Database, wanted: Mapping[int, Sequence[str]], *, by: str | None = None) -> tuple[int | None, int]:
    """Give tracks exactly these tags of their own: {track: tags as written}; new ones are made. Returns (operation, or None where it was so
    already; how many tracks changed). Raises BadInput for a tag without a name.
    """
    with db.atomic():
        now: dict[int, set[int]] = {}
        for track, id, _, _ in db.execute(OWN, [_json(list(wanted))]):
            now.setdefault(track, set()).add(id)
        known = {shown(row["grp"], row["name"]): row["id"] for row in every(db)}
        texts = {text: _find(known, text) for names in wanted.values() for text in names}
        if not any({texts[text] for text in names} != now.get(track, set()) for track, names in wanted.items()):
            return None, 0
        with db.operation("tag", actor=by or "me", reason=f"tags of {len(wanted):,} tracks") as op:
            ids = {text: id or make(db, text) for text, id in texts.items()}
            changed = 0
            for track, names in wanted.items():
                want, have = {ids[text] for text in names}, now.get(track, set())
                changed += want != have
                family = [id for (id,) in db.execute("select id from tracks where id = ? or merged_into_id = ?", [track, track])]
                db.executemany("delete from track_tags where track_id = ? and tag_id = ? and platform = 'user'", [(one, tag) for one in family for tag in have - want])
                db.executemany("insert into track_tags (track_id, tag_id, platform) values (?, ?, 'user')", [(track, tag) for tag in sorted(want - have)])
            return op.id, changed


def drop(db: Database, tag: int, *, by: str | None = None) -> int:
    """Take a tag off all tracks and out of the list. Returns the operation."""
    row = db.one("select grp, name from tags where id = ? and deleted_at is null", [tag])
    if row is None:
        raise BadInput(f"there is no tag {tag}")
    with db.operation("tag", actor=by or "me", reason=f"{shown(row['grp'], row['name'])} is no tag any more") as op:
        db.execute("delete from track_tags where tag_id = ? and platform = 'user'", [tag])
        db.execute(f"update tags set deleted_at = {NOW} where id = ?", [tag])
        return op.id


def rename(db: Database, tag: int, text: str, *, by: str | None = None) -> int | None:
    """Give a tag another name or group. Returns the operation, None where it is called so. Raises BadInput where a tag of that name is there."""
    group, name = split(text)
    row = db.one("select grp, name from tags where id = ?", [tag])
    if row is None:
        raise BadInput(f"there is no tag {tag}")
    if (row["grp"], row["name"]) == (group, name):
        return None
    same = db.q("select id, name, deleted_at from tags where grp = ? collate nocase and name = ? collate nocase and id <> ?", [group, name, tag])
    if not all(other["deleted_at"] for other in same):
        raise BadInput(f"there is a tag {shown(group, name)!r} already; put that one on the tracks instead")
    with db.operation("tag", actor=by or "me", reason=f"{shown(row['grp'], row['name'])} is {shown(group, name)} now") as op:
        for other in same:  # a dropped one gives its name up, and may still come back by undo
            db.execute("update tags set name = ? where id = ?", [f"{other['name']} (dropped {other['id']})", other["id"]])
        db.execute("update tags set grp = ?, name = ? where id = ?", [group, name, tag])
        return op.id


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
