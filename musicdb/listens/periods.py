"""Periods and people of the statistics: "2024", "2024-05", "2024-05-12" or a whole time; whole months apart from their edges."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import BadInput
from . import rollups

if TYPE_CHECKING:
    from ..db import Database

_TIME = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])([T ][0-2]\d:[0-5]\d(:[0-5]\d)?Z?)?)?)?")
USER = "(:user is null or {0}.user_id = :user)"


def asked(db: Database, since: Any, until: Any, user: str | None) -> dict[str, Any]:
    """Parameters, the rollups made fresh: whole months, and the edges of the period as [[from, to], ...] of plays to count one by one."""
    rollups.refresh(db)
    low, high = bounds(since, until)
    first, last = (low[:7] if whole(low) else following(low[:7])), high[:7]
    edges = [[low, high]] if first > last or (first == last and not whole(high) and not whole(low)) else []
    if not edges:
        edges += [[low, first]] if not whole(low) else []
        edges += [[last, high]] if not whole(high) else []
    else:
        first = last = ""
    return {"from_month": first, "to_month": last, "edges": msgspec.json.encode(edges).decode(), "user": user_id(db, user)}


def bounds(since: Any, until: Any) -> tuple[str, str]:
    low, high = (str(value) if value is not None else None for value in (since, until))
    for value in (low, high):
        if value is not None and not _TIME.fullmatch(value):
            raise BadInput(f"{value!r} is no time; use 2024, 2024-05, 2024-05-12 or 2024-05-12T18:00:00Z")
    return (low or "0000").replace(" ", "T"), (high or "9999").replace(" ", "T")


def whole(bound: str) -> bool:
    """Whether a bound is the beginning of a month."""
    return len(bound) <= 7 or bound[7:] in ("-01", "-01T00:00", "-01T00:00:00", "-01T00:00:00Z")


def following(month: str) -> str:
    year, number = int(month[:4]), int(month[5:7])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def user_id(db: Database, name: str | None) -> int | None:
    if name is None:
        return None
    found = db.value("select id from users where username = ?", [name])
    if found is None:
        known = ", ".join(row.username for row in db.q("select username from users order by id"))
        raise BadInput(f"there is no user {name!r}; there are {known}")
    return found


def days(db: Database, since: Any, until: Any, user: str | None) -> dict[str, Any]:
    low, high = bounds(since, until)
    return {"since": low[:10], "until": high[:10], "user": user_id(db, user)}


def plays(db: Database, since: Any, until: Any, user: str | None, platform: str | None) -> dict[str, Any]:
    low, high = bounds(since, until)
    return {"since": low, "until": high, "user": user_id(db, user), "platform": platform}


def size(per: str, allowed: tuple[str, ...]) -> int:
    if per not in allowed:
        raise BadInput(f"{per!r} is no period here; there are {', '.join(allowed)}")
    return {"day": 10, "month": 7, "year": 4}[per]
