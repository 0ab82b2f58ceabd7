"""What was listened to and is not (surely) in the library: seen, ignored, matched by hand.

`links.link` links what was heard as it links all else, and looks again at what found nothing whenever the library grew. Views show it:
`listening` (enrich_status, match_confidence, match_reason, last_enriched_at), `listen_candidates`, `listened_unmatched`. A person's word
that something is not to be matched (a podcast's jingle, a neighbour's child) is a decision beside them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from ..db import Rows
from ..errors import BadInput
from . import rollups

if TYPE_CHECKING:
    from ..db import Database

STATUSES = ("unmatched", "ambiguous", "ignored")
UNMATCHED = """
select title, artists, album, plays, last_at, enrich_status, platform_track_id, platform, external_id
from listened_unmatched
where enrich_status in (select value from json_each(?))
order by plays desc, last_at desc, platform_track_id limit ?
"""
KEYS = """
select platform || '/' || external_id, platform || '/' || external_id in (select entity_key from ignored_heard)
from json_each(?) as j join platform_tracks as p on p.id = j.value
"""
INSERT = (
    "insert into decisions (entity, entity_key, field, value, note, decided_by, operation_id) values ('heard', ?, 'ignored', ?, ?, ?, ?)"
)


def unmatched(db: Database, *, status: str | Iterable[str] = ("unmatched", "ambiguous"), limit: int = 50) -> Rows:
    """What was played and has no track, most played first: title, artists, album, plays, last_at, enrich_status, platform_track_id, platform,
    external_id. status: of STATUSES. Raises BadInput.
    """
    asked = [status] if isinstance(status, str) else list(status)
    if unknown := set(asked) - set(STATUSES):
        raise BadInput(f"there is no status {', '.join(sorted(unknown))}; there are {', '.join(STATUSES)}")
    rollups.refresh(db)
    return db.q(UNMATCHED, [_json(asked), limit])


def ignore(db: Database, heard: int | Iterable[int], *, note: str | None = None, by: str | None = None) -> int | None:
    """What was heard (ids of platform_tracks) need not be matched; its plays still count. Returns the operation for `undo`, None where all
    was ignored before. Raises BadInput.
    """
    return _say(db, heard, "true", note, by)


def heed(db: Database, heard: int | Iterable[int], *, note: str | None = None, by: str | None = None) -> int | None:
    """Take `ignore` back for these. Returns the operation, None where nothing was ignored. Raises BadInput."""
    return _say(db, heard, "false", note, by)


def _say(db: Database, heard: int | Iterable[int], value: str, note: str | None, by: str | None) -> int | None:
    ids = sorted({heard} if isinstance(heard, int) else set(heard))
    found = db.execute(KEYS, [_json(ids)]).fetchall()
    if len(found) != len(ids) or not ids:
        raise BadInput(f"not all of {ids} are observed tracks: give platform_track_id of `listened_unmatched`")
    keys = [key for key, now in found if bool(now) != (value == "true")]
    if not keys:
        return None
    what = "ignored" if value == "true" else "to be matched again"
    with db.operation("heard", mode="batch", actor=by or "me", reason=f"{len(keys)} heard {what}") as op:
        db.executemany(INSERT, [(key, value, note, by or "me", op.id) for key in keys])
        op.summary("decisions", len(keys))
        return op.id


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
