"""Where platforms disagree on a track: not by case, a remaster suffix or a rounding. Pure; `resolve` keeps what it finds for the view `conflicts`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from .pick import Observed

REMASTER = re.compile(r"(?:digitally )?remaster")
SHORTEST = 3000  # ms by which lengths differ at least
TEMPO = 1.01  # ratio from which tempos differ


def differing(observed: list[Observed]) -> list[str]:
    """Fields in which observations of one track, those in a library, say what is not the same."""
    ours = [o for o in observed if o.in_library]
    return [name for name, differ in FIELDS.items() if differ(ours)] if len(ours) > 1 else []


def _several(get: Callable[[Observed], Any]) -> Callable[[list[Observed]], bool]:
    def differ(ours: list[Observed]) -> bool:
        first = None
        for o in ours:
            if (value := get(o)) is not None and value != first:
                if first is not None:
                    return True
                first = value
        return False

    return differ


def _album(o: Observed) -> str | None:
    if not o.album:
        return None
    album = o.album.lower()
    found = REMASTER.search(album)
    return (album[: found.start()].rstrip(" 0123456789([-") if found else album) or None


def _number(o: Observed) -> str | None:
    value = o.said.catalogue_number or o.release.catalogue_number
    return value.lower().replace(" ", "").replace("-", "") if value else None


def _label(o: Observed) -> str | None:
    value = o.said.label or o.release.label
    return value.lower() if value else None


def _year(o: Observed) -> int | None:
    return o.said.year if o.said.year is not None else o.release.year


def _tempos(ours: list[Observed]) -> bool:
    found = [o.said.bpm for o in ours if o.said.bpm is not None]
    return len(found) > 1 and max(found) > min(found) * TEMPO


def _lengths(ours: list[Observed]) -> bool:
    found = [o.duration_ms for o in ours if o.duration_ms is not None]
    return len(found) > 1 and max(found) > min(found) + SHORTEST


def _dates(ours: list[Observed]) -> bool:
    found = [date for o in ours if (date := o.said.release_date or o.release.release_date)]
    return any(len({date[:n] for date in found if len(date) >= n}) > 1 for n in (4, 7, 10)) if len(found) > 1 else False


def _half(place: int) -> Callable[[Observed], str | None]:
    return lambda o: o.match_key.partition("|")[place] or None


FIELDS: dict[str, Callable[[list[Observed]], bool]] = {
    "title": _several(_half(0)), "artists": _several(_half(2)), "year": _several(_year), "bpm": _tempos,
    "musical_key": _several(lambda o: o.said.musical_key), "duration_ms": _lengths, "rating": _several(lambda o: o.said.rating),
    "release_date": _dates, "album": _several(_album), "label": _several(_label), "catalogue_number": _several(_number),
}  # fmt: skip


def rows(track: int, observed: list[Observed]) -> Iterator[tuple[int, str]]:
    """Rows of the table `disagreements`."""
    return ((track, name) for name in differing(observed))
