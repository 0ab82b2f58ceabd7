"""Your own playlists: made, renamed, filled and put in order. Each call is one operation of the log, and `musicdb undo` takes it back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import BadInput
from ..truth import selecting
from . import finding, rules, snapshots, sortkeys, states
from .diffing import longest_increasing, numbered
from .syncing import Item

if TYPE_CHECKING:
    from ..db import Database

NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
ROWS = "select id, sort_key, coalesce(track_id, -release_id) from playlist_items where playlist_id = ? and deleted_at is null order by sort_key"


def find(db: Database, playlist: Any) -> finding.Ref:
    """Your playlist by id, uid or name, or another's as PLATFORM/NAME. Raises BadInput."""
    return finding.find(db, playlist)


def mine(db: Database, playlist: Any) -> finding.Ref:
    """Your playlist; raises BadInput for a platform's: those are changed by a plan."""
    ref = finding.find(db, playlist)
    if ref.platform != "user":
        raise BadInput(f"{ref} is not one of your own: `musicdb sync --plan --from {ref.platform} --playlist {ref.name!r}` takes it over")
    return ref


def create(
    db: Database, name: str, tracks: Iterable[int] = (), *, description: str | None = None, parent: Any = None, kind: str = "playlist",
    query: str | None = None, by: str | None = None,
) -> int:  # fmt: skip
    """Make a playlist (or kind="folder", "smart" with its query) with these track ids; returns its id."""
    if not name.strip():
        raise BadInput("a playlist needs a name")
    folder = None if parent is None else mine(db, parent).id
    if folder is not None and db.value("select kind from playlists where id = ?", [folder]) != "folder":
        raise BadInput(f"{parent!r} is no folder; make one with kind='folder'")
    items = list(tracks)
    with _operation(db, f"{kind} {name!r} made", by):
        last = db.value("select max(sort_key) from playlists where parent_id is ? and deleted_at is null", [folder])
        sql = "insert into playlists (name, description, kind, parent_id, sort_key, query) values (?, ?, ?, ?, ?, ?)"
        id = int(db.execute(sql, [" ".join(name.split()), description, kind, folder, sortkeys.between(last, None), query]).lastrowid or 0)
        _write(db, id, [("new", one) for one in items], by)
        rules.follow(db, [id])
        snapshots.take(db, "user", scope="edit", only=[id])
    return id


def rename(db: Database, playlist: Any, name: str | None = None, *, description: str | None = None, by: str | None = None) -> None:
    """Give another name, or another description ("" takes it away)."""
    ref = mine(db, playlist)
    if name is not None and not name.strip():
        raise BadInput("a playlist needs a name")
    with _operation(db, f"playlist {ref.name!r} " + (f"is {name!r} now" if name else "has another description"), by, ref.id):
        db.execute("update playlists set name = coalesce(?, name) where id = ?", [name, ref.id])
        if description is not None:
            db.execute("update playlists set description = nullif(?, '') where id = ?", [description, ref.id])
        rules.follow(db, [ref.id])
        snapshots.take(db, "user", scope="edit", only=[ref.id])


def file(db: Database, playlist: Any, folder: Any, *, by: str | None = None) -> None:
    """Put a playlist or folder into a folder; None takes it out. Raises BadInput for a folder inside itself."""
    ref = mine(db, playlist)
    parent = None if folder is None else mine(db, folder)
    above = None if parent is None else parent.id
    while above is not None:
        if above == ref.id:
            raise BadInput(f"{ref.name!r} cannot lie in {parent.name!r}, which lies in it" if parent else "")
        above = db.value("select parent_id from playlists where id = ?", [above])
    with _operation(db, f"playlist {ref.name!r} put into {parent.name!r}" if parent else f"playlist {ref.name!r} taken out of its folder", by, ref.id):
        db.execute("update playlists set parent_id = ? where id = ?", [parent.id if parent else None, ref.id])
        snapshots.take(db, "user", scope="edit", only=[ref.id])


def delete(db: Database, playlist: Any, *, by: str | None = None) -> None:
    """Take a playlist away; it stays in the history and `undo` brings it back. What was linked to it elsewhere is not touched."""
    ref = mine(db, playlist)
    inside = [row[0] for row in db.execute("select name from playlists where parent_id = ? and deleted_at is null", [ref.id])]
    if inside:
        raise BadInput(f"folder {ref.name!r} still holds {', '.join(map(repr, inside[:5]))}; take those out first")
    with _operation(db, f"playlist {ref.name!r} taken away", by, ref.id):
        db.execute(f"update playlists set deleted_at = {NOW} where id = ?", [ref.id])
        snapshots.take(db, "user", scope="edit", only=[ref.id])


def add(db: Database, playlist: Any, tracks: selecting.Tracks, *, at: int | None = None, by: str | None = None) -> int:
    """Put tracks into a playlist, behind its last item or at a place (from 0). A track that is there already comes again. Returns how many."""
    ref = _plain(db, playlist)
    ids, _ = selecting.tracks(db, tracks)
    with _operation(db, f"{len(ids):,} tracks into playlist {ref.name!r}", by, ref.id):
        rows = [("row", row[0]) for row in db.execute(ROWS, [ref.id])]
        place = len(rows) if at is None else max(0, min(at, len(rows)))
        _write(db, ref.id, [*rows[:place], *(("new", one) for one in ids), *rows[place:]], by)
        snapshots.take(db, "user", scope="edit", only=[ref.id])
    return len(ids)


def remove(db: Database, playlist: Any, places: Iterable[int], *, by: str | None = None) -> int:
    """Take the items at these places (from 0) out. Returns how many. Raises BadInput for a place that is not there."""
    ref = _plain(db, playlist)
    gone = set(places)
    with _operation(db, f"{len(gone):,} items out of playlist {ref.name!r}", by, ref.id):
        rows = [("row", row[0]) for row in db.execute(ROWS, [ref.id])]
        if beyond := [one for one in gone if not 0 <= one < len(rows)]:
            raise BadInput(f"playlist {ref.name!r} has {len(rows)} items, counted from 0; there is no item {beyond[0]}")
        _write(db, ref.id, [row for place, row in enumerate(rows) if place not in gone], by)
        snapshots.take(db, "user", scope="edit", only=[ref.id])
    return len(gone)


def move(db: Database, playlist: Any, at: int, to: int, *, by: str | None = None) -> None:
    """Take the item at a place (from 0) out and put it at another. One row is written."""
    ref = _plain(db, playlist)
    with _operation(db, f"item {at + 1} of playlist {ref.name!r} put at {to + 1}", by, ref.id):
        rows = [("row", row[0]) for row in db.execute(ROWS, [ref.id])]
        if not (0 <= at < len(rows) and 0 <= to < len(rows)):
            raise BadInput(f"playlist {ref.name!r} has {len(rows)} items, counted from 0; it cannot move {at} to {to}")
        rows.insert(to, rows.pop(at))
        _write(db, ref.id, rows, by)
        snapshots.take(db, "user", scope="edit", only=[ref.id])


def put(db: Database, playlist: int, items: Sequence[Item], *, now: Sequence[Item] | None = None, noted: bool = True, by: str | None = None) -> int:
    """Make the items of a playlist exactly these: (key, nth of equal keys), keys as `states.uids` gives them. now: which is which of
    the items as they are, if not by their order. noted: take a snapshot of it. Rows that stay keep their id and date; only what differs is
    written. Returns how many rows were. Inside an operation of the caller."""
    rows = db.execute(ROWS, [playlist]).fetchall()
    uid = states.uids(db, (row[2] for row in rows))
    current = numbered(uid.get(row[2], f"#{row[2]}") for row in rows) if now is None else now
    have = dict(zip(current, (row[0] for row in rows), strict=True))
    ids = states.track_ids(db, (str(key) for key, _ in items if (key, _) not in have))
    missing = [key for key, n in items if (key, n) not in have and key not in ids]
    if missing:
        raise BadInput(f"{missing[0]} is no track of this database, so it cannot stand in a playlist")
    written = _write(db, playlist, [("row", have[item]) if item in have else ("new", ids[str(item[0])]) for item in items], by)
    if noted:
        snapshots.take(db, "user", scope="edit", only=[playlist])
    return written


def made(db: Database, lists: Sequence[tuple[str, str | None, str, int | None, Sequence[str]]], *, by: str | None = None) -> list[int]:
    """Make many lists at once: (name, description, kind, folder, track uids). Returns their ids. Inside an operation of the caller.

    Rows and items are laid down as taken away, outside the log, and each list is then put there by one logged cell: so a thousand lists of 200
    tracks are a thousand changes, and undo takes them away, redo brings them back, with all that is in them.
    """
    tracks = states.track_ids(db, {uid for *_, uids in lists for uid in uids})
    if missing := next((uid for *_, uids in lists for uid in uids if uid not in tracks), None):
        raise BadInput(f"{missing} is no track of this database, so it cannot stand in a playlist")
    last: dict[int | None, str | None] = {}
    keys = sortkeys.spread(None, None, max((len(uids) for *_, uids in lists), default=0))
    ids, now = [], db.value(f"select {NOW}")
    with db.operation("lists", mode="batch"):
        for name, description, kind, parent, _ in lists:
            if parent not in last:
                last[parent] = db.value("select max(sort_key) from playlists where parent_id is ? and deleted_at is null", [parent])
            last[parent] = sortkeys.between(last[parent], None)
            sql = "insert into playlists (name, description, kind, parent_id, sort_key, deleted_at) values (?, ?, ?, ?, ?, ?)"
            ids.append(int(db.execute(sql, [name, description, kind, parent, last[parent], now]).lastrowid or 0))
        places = (
            (id, key, tracks[uid] if tracks[uid] > 0 else None, -tracks[uid] if tracks[uid] < 0 else None, now, by or "me")
            for id, (*_, uids) in zip(ids, lists, strict=True)
            for key, uid in zip(keys, uids, strict=False)
        )
        db.executemany("insert into playlist_items (playlist_id, sort_key, track_id, release_id, added_at, added_by) values (?, ?, ?, ?, ?, ?)", places)
    db.executemany("update playlists set deleted_at = null where id = ?", [(id,) for id in ids])
    return ids


def _plain(db: Database, playlist: Any) -> finding.Ref:
    ref = mine(db, playlist)
    if ref.kind != "playlist":
        what = "its query says what is in it" if ref.kind == "smart" else "it holds playlists"
        raise BadInput(f"{ref.name!r} is a {ref.kind}: {what}")
    return ref


def _operation(db: Database, reason: str, by: str | None, playlist: int | None = None) -> Any:
    return db.operation("playlist", actor=by or "me", reason=reason, playlist_id=playlist)


def _write(db: Database, playlist: int, wanted: Sequence[tuple[str, int]], by: str | None) -> int:
    """Make the list ("row", id) and ("new", track id, a release negative) in this order. Rows in order keep their keys: few are written."""
    rows = {row[0]: row[1] for row in db.execute(ROWS, [playlist])}
    kept = [one for kind, one in wanted if kind == "row"]
    gone = [id for id in rows if id not in set(kept)]
    place = {id: i for i, id in enumerate(rows)}
    stay = {kept[i] for i in longest_increasing([place[id] for id in kept])}
    taken = {key for id, key in rows.items() if id not in stay}
    if gone:
        db.execute(f"update playlist_items set deleted_at = {NOW} where id in (select value from json_each(?))", [msgspec.json.encode(gone).decode()])
    written, low, waiting = len(gone), None, []
    fixed = [*[(("row", id), rows[id]) if (kind, id) == ("row", id) and id in stay else ((kind, id), None) for kind, id in wanted], (None, None)]
    for entry, key in fixed:
        if entry is not None and key is None:
            waiting.append(entry)
            continue
        for (kind, one), fresh in zip(waiting, _keys(low, key, len(waiting), taken), strict=True):
            if kind == "row":
                db.execute("update playlist_items set sort_key = ? where id = ?", [fresh, one])
            else:
                sql = f"insert into playlist_items (playlist_id, sort_key, track_id, release_id, added_at, added_by) values (?, ?, ?, ?, {NOW}, ?)"
                db.execute(sql, [playlist, fresh, one if one > 0 else None, -one if one < 0 else None, by or "me"])
        written += len(waiting)
        low, waiting = key, []
    return written


def _keys(low: str | None, high: str | None, n: int, taken: set[str]) -> list[str]:
    """n keys between two that are none of those that other rows have for a moment yet."""
    keys = sortkeys.spread(low, high, n)
    if taken.isdisjoint(keys):
        return keys
    return [key for key in sortkeys.spread(low, high, n + len(taken)) if key not in taken][:n]
