"""Putting a past state back: one of yours at once, undoable; a platform's by a plan, which you approve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from . import editing, finding, planning, proposed, snapshots, states
from .diffing import diff, numbered

if TYPE_CHECKING:
    from ..db import Database


@dataclass(slots=True)
class Restored:
    """operation: of the log, for one of yours; plan: what waits for your approval, for a platform's. changes: how many steps."""

    operation: int | None
    plan: int | None
    changes: int


def restore(db: Database, playlist: Any, at: str | int, *, dry_run: bool = False, by: str | None = None) -> Restored:
    """Make a playlist what it was at a time (a date, a UTC time, or the number of a snapshot). Raises BadInput where nothing is known of then."""
    ref = finding.find(db, playlist)
    found = snapshots.versions(db, ref.platform, [ref.id], snapshots.until(db, ref.platform, at))
    if not found or found[0].is_gone:
        raise BadInput(f"{ref} was not there at {at}")
    then = found[0].items
    if ref.platform == "user":
        if ref.kind == "smart":
            raise BadInput(f"{ref} is a smart playlist: its query says what is in it")
        now = states.own(db, [ref.id])[ref.id].ids
        uids = states.uids(db, {*then, *now})
        before, after = [uids[one] for one in now], [uids[one] for one in then if one in uids]
        changes = len(diff(before, after))
        if not changes or dry_run:
            return Restored(None, None, changes)
        with db.operation("playlist", actor=by or "me", reason=f"playlist {ref.name!r} as it was at {at}", playlist_id=ref.id) as operation:
            editing.put(db, ref.id, numbered(after), by=by)
        return Restored(operation.id, None, changes)
    raw = states.theirs(db, ids=[ref.id])[ref.id]
    if raw.is_gone:
        raise BadInput(f"{ref} is gone there; `musicdb playlists restore` cannot write into it: take it over and push it anew")
    external = states.external(db, {*raw.ids, *then})
    before, after = [external[one] for one in raw.ids], [external[one] for one in then]
    of = db.value("select external_id from platform_playlists where id = ?", [ref.id])
    where = proposed.List(ref.platform, ref.name, before, after, external_id=of)
    ops = proposed.steps(where, numbered(before), numbered(after))
    titles = states.titles(db, {f"{ref.platform}/{op.item}" for op in ops})
    for op in ops:
        op.reason = f"as it was at {at}"
        op.title, op.track_id = titles.get(f"{ref.platform}/{op.item}", (op.item, None))
    planning.cap(ops)
    number = planning.store(db, ops, kind="restore", target=ref.platform, reason=f"{ref.name!r} as it was at {at}") if ops and not dry_run else None
    return Restored(None, number, len(ops))
