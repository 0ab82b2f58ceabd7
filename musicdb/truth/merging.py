"""Merge and split: two entries that are one, one entry that is two. Decisions only, so undo and later splits restore exactly what was.

Nothing of a person is moved or dropped: tags, playlist places and cues stay where they are and are read through the track that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ..db import Row, Rows
from ..errors import BadInput
from . import decisions, deriving, merged, selecting

if TYPE_CHECKING:
    from ..db import Database

COMPARED = "title version artists album year release_date bpm musical_key rating duration_ms".split()
INSERT = """
insert into decisions (entity, entity_key, field, value, platform, note, decided_by, operation_id) values (?, ?, ?, ?, null, ?, ?, ?)
"""
# Observations of these tracks that a person told apart from the one that they become.
TOLD_APART = """
select d.entity_key, d.field, d.value
from track_links as k cross join platform_tracks as p on p.id = k.platform_track_id
cross join decisions as d on d.id = (
  select max(id) from decisions where entity = 'link' and entity_key = p.platform || '/' || p.external_id and field = 'not:' || :uid)
where k.track_id in (select value from json_each(:tracks)) and k.status in ('auto', 'confirmed') and d.value is not null
"""
# What the merges of these took back of such words, where nothing was said since.
TAKEN_BACK = """
select d.entity_key, d.field, '1'
from decisions as m join decisions as d on d.operation_id = m.operation_id and d.entity = 'link' and d.field like 'not:%' and d.value is null
where m.id in (
    select max(id) from decisions where entity = 'track' and field = 'merged_into' and value is not null
      and entity_key in (select value from json_each(?)) group by entity_key)
  and d.id = (select max(id) from decisions where entity = 'link' and entity_key = d.entity_key and field = d.field)
"""
NAMED = {"artist": "name", "label": "name", "genre": "name", "release_group": "title"}
# What each track brings: (what, query for one track).
BRINGS = {
    "links": "select count(*) from track_links where track_id = :id and status in ('auto', 'confirmed')",
    "tags": "select count(*) from track_tags where track_id = :id",
    "playlists": """
      select (select count(*) from playlist_items where track_id = :id and deleted_at is null) + (
        select count(*) from track_links as k join platform_playlist_items as i on i.platform_track_id = k.platform_track_id
        where k.track_id = :id and k.status in ('auto', 'confirmed') and i.removed_at is null)
    """,
    "plays": """
      select count(*) from track_links as k
      cross join platform_tracks as p on p.id = k.platform_track_id
      cross join listens as l on l.platform = p.platform and l.track_external_id = p.external_id and l.duplicate_of_id is null
      where k.track_id = :id and k.status in ('auto', 'confirmed')
    """,
    "cues": "select count(*) from cues where track_id = :id",
    "rating": "select rating from tracks where id = :id",
}


@dataclass
class Merged:
    """What a merge or split does. operation: its number for `undo`, None for a preview; into: the entry that counts; unites: what each
    brings; conflicts: field, the value of each, and the one taken (`choose` takes another); notes: what a person should know.
    """

    operation: int | None
    into: int
    unites: Rows
    conflicts: Rows
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        head = f"into {self.into}" + (f" (operation {self.operation})" if self.operation else "")
        return "\n".join([head, *self.notes, *(repr(rows) for rows in (self.unites, self.conflicts) if rows)])


class _Preview(Exception):
    """Takes the transaction of a preview back."""


def merge(
    db: Database, into: int, others: int | Iterable[int], *, kind: str = "track", choose: Mapping[str, int] | None = None,
    preview: bool = False, note: str | None = None, by: str | None = None,
) -> Merged:  # fmt: skip
    """These others are the same as `into`. kind: track, artist, release_group, label or genre; ids of that kind.

    choose: field -> the track whose value is to count (tracks only). preview: what would be united, and where they disagree.
    Raises BadInput for ids that are not there, or where there is nothing to merge.
    """
    others = [others] if isinstance(others, int) else list(others)
    into, others, notes = _ends(db, kind, into, others)
    if not others:
        raise BadInput(f"{kind} {into} is one already: nothing to merge")
    everyone = [into, *others]
    uids = _uids(db, kind, everyone)
    unites = Rows([], ["what"])
    if preview and kind == "track":
        columns = ["what", *map(str, everyone)]
        unites = Rows(
            [Row(zip(columns, [what, *(db.value(sql, {"id": one}) for one in everyone)])) for what, sql in BRINGS.items()], columns, db
        )
    before = decisions.values(db, everyone, COMPARED) if kind == "track" else {}
    chosen = _chosen(choose or {}, everyone, before)
    operation, conflicts = None, Rows([], ["field"])
    try:
        fields = {"reason": f"{kind} {', '.join(map(str, others))} into {into}", "track_id": into if kind == "track" else None}
        with db.operation("merge", mode="batch", actor=by or "me", **fields) as op:
            rows = [(kind, uids[one], "merged_into", _json(uids[into]), note, by or "me", op.id) for one in others]
            rows += [(kind, uids[into], name, _json(value), note, by or "me", op.id) for name, value in chosen.items()]
            if kind == "track":  # who says that two are one says it of all that is theirs
                apart = db.execute(TOLD_APART, {"uid": uids[into], "tracks": msgspec.json.encode(others).decode()}).fetchall()
                rows += [("link", key, name, None, note, by or "me", op.id) for key, name, _ in apart]
                notes += [f"{key} was told apart from track {into}: that holds no longer" for key, *_ in apart]
            db.executemany(INSERT, rows)
            deriving.follow(db, [row[:3] for row in rows])
            op.summary("decisions", len(rows))
            if kind == "track":
                conflicts = _conflicts(db, before, everyone)
            op.details = {"kind": kind, "into": into, "merged": others}
            operation = op.id
            if preview:
                raise _Preview
    except _Preview:
        operation = None
    return Merged(operation, into, unites, conflicts, notes)


def split(
    db: Database,
    one: int,
    observations: int | Iterable[int] | None = None,
    *,
    kind: str = "track",
    preview: bool = False,
    note: str | None = None,
    by: str | None = None,
) -> Merged:
    """Take a merge back, or (observations: ids of platform_tracks) give these a track of their own; `into` is the track they are then.

    Without observations: what was merged away comes back; of an entry that others were merged into, all of them.
    preview (with observations): nothing is done; `conflicts` says of each field that would change what is there, stays and leaves.
    Raises BadInput where nothing was merged, or an observation is not of this track.
    """
    if observations is not None:
        if kind != "track":
            raise BadInput(f"observations belong to tracks, not to a {kind}")
        return _split_off(db, one, [observations] if isinstance(observations, int) else list(observations), note, by, preview)
    _known(db, kind, [one])
    into = merged.into(db, [one], kind)
    back = [one] if one in into else sorted(other for other, target in into.items() if target == one)
    if not back:
        raise BadInput(f"{kind} {one} was never merged; to take something out of it, name its observations (ids of platform_tracks)")
    uids = _uids(db, kind, back)
    with db.operation("split", mode="batch", actor=by or "me", reason=f"{kind} {', '.join(map(str, back))} by itself again",
                      track_id=one if kind == "track" else None) as op:  # fmt: skip
        rows = [(kind, uids[other], "merged_into", None, note, by or "me", op.id) for other in back]
        if kind == "track":
            apart = db.execute(TAKEN_BACK, [msgspec.json.encode([uids[other] for other in back]).decode()]).fetchall()
            rows += [("link", key, name, value, note, by or "me", op.id) for key, name, value in apart]
        db.executemany(INSERT, rows)
        deriving.follow(db, [row[:3] for row in rows])
        op.summary("decisions", len(rows))
        op.details = {"kind": kind, "split": back}
    return Merged(op.id, back[0], Rows([], ["what"]), Rows([], ["field"]))


def _split_off(db: Database, one: int, observations: list[int], note: str | None, by: str | None, preview: bool) -> Merged:
    (track,), notes = selecting.tracks(db, one)
    sql = """
    select p.id, p.platform || '/' || p.external_id from track_links as k join platform_tracks as p on p.id = k.platform_track_id
    where k.track_id = ? and k.status in ('auto', 'confirmed')
    """
    have = dict(db.execute(sql, [track]).fetchall())
    if strange := [str(o) for o in observations if o not in have]:
        raise BadInput(f"observation {', '.join(strange)} is not of track {track}; it has {', '.join(map(str, sorted(have)))}")
    if not observations or set(observations) == set(have):
        raise BadInput(
            f"splitting {'all' if observations else 'nothing'} off track {track} would change nothing; name some of {sorted(have)}"
        )
    reason = f"{len(observations)} observations of track {track} on their own"
    before = decisions.values(db, [track], COMPARED)
    columns = ["field", "now", "stays", "leaves"]
    try:
        with db.operation("split", mode="batch", actor=by or "me", reason=reason, track_id=track) as op:
            uid = db.new_uid()
            made = db.execute(
                "insert into track_ids (track_uid, origin, operation_id) values (?, ?, ?)", [uid, f"split/{track}", op.id]
            ).lastrowid
            rows = [("link", have[o], "track", _json(uid), note, by or "me", op.id) for o in dict.fromkeys(observations)]
            db.executemany(INSERT, rows)
            deriving.follow(db, [row[:3] for row in rows])
            op.summary("decisions", len(rows))
            op.details = {"kind": "track", "from": track, "into": made, "observations": observations}
            after = decisions.values(db, [track, int(made or 0)], COMPARED)
            told = [[name, before.get((track, name)), after.get((track, name)), after.get((int(made or 0), name))] for name in COMPARED]
            if preview:
                raise _Preview
    except _Preview:
        made = track
    apart = Rows([Row(zip(columns, row)) for row in told if len({repr(value) for value in row[1:]}) > 1], columns, db)
    return Merged(None if preview else op.id, int(made or 0), Rows([], ["what"]), apart, notes)


def _ends(db: Database, kind: str, into: int, others: list[int]) -> tuple[int, list[int], list[str]]:
    """The entries as they are now, each once, and notes on those that were merged before."""
    if kind not in merged.KINDS:
        raise BadInput(f"there is no kind {kind!r}; there are {', '.join(merged.KINDS)}")
    _known(db, kind, [into, *others])
    roots = merged.roots(db, [into, *others], kind)
    notes = [f"{kind} {one} is part of {kind} {roots[one]} now" for one in (into, *others) if one in roots]
    target = roots.get(into, into)
    return target, [o for o in dict.fromkeys(roots.get(o, o) for o in others) if o != target], notes


def _known(db: Database, kind: str, ids: list[int]) -> None:
    table = f"{kind}_ids" if kind in merged.KINDS else ""
    for one in ids:
        if isinstance(one, bool) or not isinstance(one, int) or db.value(f"select 1 from {table} where id = ?", [one]) is None:
            raise BadInput(f"there is no {kind} {one!r}")


def _uids(db: Database, kind: str, ids: list[int]) -> dict[int, str]:
    sql = f"select id, {kind}_uid from {kind}_ids where id in (select value from json_each(?))"
    return dict(db.execute(sql, [msgspec.json.encode(ids).decode()]).fetchall())


def _chosen(choose: Mapping[str, int], everyone: list[int], before: dict[tuple[int, str], Any]) -> dict[str, Any]:
    """field -> value of the track that a person chose."""
    found = {}
    for name, track in choose.items():
        if name not in COMPARED:
            raise BadInput(f"{name!r} cannot be chosen; there are {', '.join(COMPARED)}")
        if track not in everyone:
            raise BadInput(f"choose {name} of one of the tracks {', '.join(map(str, everyone))}, not of {track}")
        found["artist_credit" if name == "artists" else name] = before[track, name]
    return found


def _conflicts(db: Database, before: dict[tuple[int, str], Any], everyone: list[int]) -> Rows:
    """Fields in which the tracks disagreed, and what is taken now."""
    now = decisions.values(db, everyone[:1], COMPARED)
    columns = ["field", *map(str, everyone), "taken"]
    rows = []
    for name in COMPARED:
        values = [before[one, name] for one in everyone]
        if len({v for v in values if v is not None}) > 1:
            rows.append(Row(zip(columns, [name, *values, now[everyone[0], name]])))
    return Rows(rows, columns, db)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
