"""Time zones of sources that store local times: what is said with an import, kept for the next one of the same source. Pure but for `kept`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ..errors import BadInput
from ..units import integer

Zone = ZoneInfo | int | None  # a place, minutes ahead of UTC, or not known


def zone(name: str | None, minutes: Any) -> Zone:
    """Return the options time_zone ("Europe/Berlin") and utc_offset as one: a place, or minutes ahead of UTC. Raises BadInput."""
    if name is None:
        return offset(minutes)
    if minutes is not None:
        raise BadInput("give time_zone or utc_offset, not both: a place has its own offset")
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # also where a system has no table of zones
        raise BadInput(f"time_zone {name!r} is not known here; use a name like Europe/Berlin, or utc_offset in minutes") from error


def offset(minutes: Any) -> int | None:
    """Return the option utc_offset: minutes that a clock is ahead of UTC. Raises BadInput."""
    if minutes is None:
        return None
    found = integer(minutes, -14 * 60, 14 * 60)
    if found is None:
        raise BadInput(f"utc_offset {minutes!r}: give minutes ahead of UTC, -840 to 840, for instance 120 for Berlin in summer")
    return found


def minutes(zone: Zone, there: datetime) -> int | None:
    """Return how many minutes a zone is ahead of UTC at a time of its own (naive) or of any place; None where it is not known.

    Of the hour that comes twice in autumn the first is meant; the one that is left out in spring has the offset from before.
    """
    if not isinstance(zone, ZoneInfo):
        return zone
    moment = there.replace(tzinfo=zone) if there.tzinfo is None else there.astimezone(zone)
    return round(moment.utcoffset().total_seconds() / 60)


def kept(known: Any, given: Zone, of: str = "") -> tuple[Zone, bool]:
    """Return (the zone that counts for this source, whether it is one that an earlier import was given). What is given now is kept.

    known: the database's, or None. of: what tells sources of one account apart.
    """
    if known is None:
        return given, False
    key = f"time zone{of and ' of '}{of}"
    if given is not None:
        known.remember(key, words(given))
        return given, False
    stored = known.recall(key)
    if stored is None:
        return None, False
    return (int(stored) if stored.lstrip("-").isdecimal() else zone(stored, None)), True


def words(zone: Zone) -> str:
    """The zone as text: "Europe/Berlin", or minutes as "120"."""
    return zone.key if isinstance(zone, ZoneInfo) else str(zone)
