"""The truth: one value per field of each track, whose it is, and why; a person's decisions about it.

`resolve` derives it, `rebuild` throws away everything derived and derives it again, with equal content and ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import links, schema
from ..images import covers
from . import deriving
from .decisions import FIELDS, Decided, clear, decide, lock, take, unlock
from .reasons import why
from .resolving import COLUMNS, Progress, Report, resolve

if TYPE_CHECKING:
    from ..db import Database

__all__ = ["FIELDS", "Decided", "Report", "clear", "decide", "lock", "rebuild", "resolve", "take", "unlock", "why"]

# What `resolve` derives. Rows of tracks, names and albums are identities: they stay, only what is derived in them goes. Ids that
# observations gave to artists and albums keep who said them first; resolve takes away what nobody says any more.
DERIVED = [
    f"update tracks set {', '.join(f'{name} = null' for name in COLUMNS)}",
    "delete from resolved",
    "delete from disagreements",
    "delete from track_artists",
    "delete from track_genres where platform <> 'user'",
    "delete from track_labels where platform <> 'user'",
    "delete from external_ids where entity_type = 'track' and platform <> 'user'",
    "update release_groups set year = null",
    "update track_links set track_id = assigned_track_id where track_id is not assigned_track_id",
]


def rebuild(db: Database, progress: Progress | None = None) -> Report:
    """Throw away everything derived, and derive it again from observations, links and decisions. Content and ids are equal after.

    Takes as long as the first resolve. progress: called with (done, total, what).
    """
    with db.operation("rebuild", mode="batch", reason="everything derived, derived again") as op:
        for statement in DERIVED:
            db.execute(statement)
        for kind in deriving.TRACKS_OF:
            deriving.unite(db, kind)
        links.Decided(db).apply(db)
        report = resolve(db, progress=progress)
        covers.select(db)
        for table in ("tracks", "artists", "release_groups"):
            schema.fill_search(db.conn, table)
        op.details = {"tracks": report.tracks}
    return report
