"""Smart playlists: a saved query whose result is the playlist. Refreshed when you say so, and synced like any other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..truth import merged
from . import editing, states
from .diffing import Change, diff, numbered

if TYPE_CHECKING:
    from ..db import Database


@dataclass(slots=True)
class Refreshed:
    """What a refresh changed, or would: the list, its changes (keys are track uids), the operation for undo."""

    playlist: int
    name: str
    n: int
    changes: list[Change] = field(default_factory=list)
    operation: int | None = None


def result(db: Database, query: str) -> list[int]:
    """Track ids of a query (its first column), in order, repeats included; tracks that were merged are what they are now. It cannot write.

    Raises BadInput where the query does not work or returns something else.
    """
    found = db.ask_column(query)
    if strange := [one for one in found if one is not None and (not isinstance(one, int) or isinstance(one, bool))]:
        raise BadInput(f"the first column of the query must be track ids, and holds {strange[0]!r}: {query}")
    ids = [one for one in found if one is not None]
    known = {row[0] for row in db.execute("select id from tracks")} if ids else set()
    if unknown := [one for one in ids if one not in known]:
        raise BadInput(f"the query returns {unknown[0]}, which is no track; its first column must be ids of `tracks`")
    roots = merged.roots(db, set(ids))
    return [roots.get(one, one) for one in ids]


def create(db: Database, name: str, query: str, *, description: str | None = None, parent: Any = None, by: str | None = None) -> Refreshed:
    """Make a smart playlist and fill it. Raises BadInput for a query that does not work; then nothing is made."""
    result(db, query)
    with db.operation("playlist", actor=by or "me", reason=f"smart playlist {name!r} made"):
        id = editing.create(db, name, kind="smart", query=query, description=description, parent=parent, by=by)
        return refresh(db, id, by=by)[0]


def change(db: Database, playlist: Any, query: str, *, by: str | None = None) -> Refreshed:
    """Give a smart playlist another query, and fill it anew."""
    result(db, query)
    ref = editing.mine(db, playlist)
    if ref.kind != "smart":
        raise BadInput(f"{ref.name!r} is no smart playlist: its items are your own")
    with db.operation("playlist", actor=by or "me", reason=f"smart playlist {ref.name!r} has another query", playlist_id=ref.id):
        db.execute("update playlists set query = ? where id = ?", [query, ref.id])
        return refresh(db, ref.id, by=by)[0]


def refresh(db: Database, playlist: Any = None, *, dry_run: bool = False, by: str | None = None) -> list[Refreshed]:
    """Run the query of one smart playlist, or of all, and write what differs: each is one operation. dry_run: say what would change."""
    if playlist is None:
        rows = db.q("select id, name, query from playlists where kind = 'smart' and deleted_at is null order by id")
    else:
        ref = editing.mine(db, playlist)
        rows = db.q("select id, name, query from playlists where id = ? and kind = 'smart'", [ref.id])
        if not rows:
            raise BadInput(f"{ref.name!r} is no smart playlist; `musicdb playlists smart NAME` makes one")
    done = []
    for row in rows:
        wanted = result(db, row.query or "")
        now = states.own(db, [row.id])[row.id].ids
        uids = states.uids(db, {*wanted, *now})
        before, after = [uids[one] for one in now], [uids[one] for one in wanted]
        one = Refreshed(row.id, row.name, len(after), diff(before, after))
        if one.changes and not dry_run:
            with db.operation("playlist", actor=by or "me", reason=f"smart playlist {row.name!r}: {len(one.changes):,} changes", playlist_id=row.id) as op:
                editing.put(db, row.id, numbered(after), by=by)
                one.operation = op.id
        done.append(one)
    return done
