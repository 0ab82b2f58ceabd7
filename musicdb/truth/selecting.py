"""Which tracks a person means: an id, a list of ids, a query that returns ids, or "all". Reads only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from ..errors import BadInput
from . import merged

if TYPE_CHECKING:
    from ..db import Database

Tracks = int | str | Iterable[int]
ALL = "select id from tracks where deleted_at is null and merged_into_id is null and title is not null order by id"


def tracks(db: Database, which: Tracks) -> tuple[list[int], list[str]]:
    """Return (ids of the tracks as they are now, notes on those that were merged away).

    which: an id, a track_uid, a list of them, a query whose first column is track ids, or "all".
    Raises BadInput for an unknown track and for a query that is none.
    """
    ids = _ids(db, which)
    known = {id for (id,) in db.execute("select id from track_ids where id in (select value from json_each(?))", [_json(ids)])}
    if unknown := sorted(set(ids) - known):
        shown = ", ".join(map(str, unknown[:5])) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise BadInput(f"there is no track {shown}; a track's id is in `library`, the number in the address of its page")
    roots = merged.roots(db, ids) if len(ids) < 1000 else merged.roots(db)
    notes = [f"track {one} is part of track {roots[one]} now: it counts there" for one in ids if one in roots]
    return list(dict.fromkeys(roots.get(one, one) for one in ids)), notes


def present(db: Database, which: Tracks) -> list[int]:
    """The ids of `tracks`, all of them rows that something can be hung on. Raises BadInput for one that only was a track."""
    ids, _ = tracks(db, which)
    there = {id for (id,) in db.execute("select id from tracks where id in (select value from json_each(?))", [_json(ids)])}
    if gone := [id for id in ids if id not in there]:
        raise BadInput(f"track {', '.join(map(str, gone[:5]))} is gone: what made it was taken back; leave it out")
    return ids


def _ids(db: Database, which: Tracks) -> list[int]:
    if isinstance(which, bool) or not isinstance(which, Iterable | int):
        raise BadInput(f"{which!r} is no track")
    if isinstance(which, int):
        if abs(which) >= 2**63:
            raise BadInput(f"there is no track {which}")
        return [which]
    if isinstance(which, str):
        if which == "all":
            return [id for (id,) in db.execute(ALL)]
        if re.match(r"\s*(select|with|values)\b", which, re.I):
            return _query(db, which)
        id = db.value("select id from track_ids where track_uid = ?", [which])
        if id is None:
            raise BadInput(f"{which!r} is no track; give an id, a list of ids, a query that returns track ids, or 'all'")
        return [id]
    return list(dict.fromkeys(id for one in which for id in _ids(db, one if isinstance(one, int | str) else _refuse(one))))


def _refuse(one: object) -> int:
    raise BadInput(f"{one!r} is no track id")


def _query(db: Database, sql: str) -> list[int]:
    """The first column of a query. It cannot write."""
    found = db.ask_column(sql)
    if strange := [one for one in found if not isinstance(one, int)]:
        raise BadInput(f"the first column of the query must be track ids, and holds {strange[0]!r}: {sql}")
    return list(dict.fromkeys(found))


def _json(ids: Iterable[int]) -> str:
    return msgspec.json.encode(list(ids)).decode()
