"""Editions that are alike in all that is told of them: the oldest goes by its title alone, the others get a word that tells them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from ..db import Database

COLUMNS = "release_group_id title title_norm release_date country format notes disambiguation".split()  # of releases; what follows is given in these
WORD = COLUMNS.index("disambiguation")
ALIKE = "release_group_id, title_norm, release_date, country, format"
TAKEN = f"select distinct {ALIKE} from releases where release_group_id in (select value from json_each(?)) and deleted_at is null and disambiguation = ''"
OF_ALBUMS = f"""
select id, origin, disambiguation, {ALIKE} from releases
where release_group_id in (select value from json_each(?)) and deleted_at is null order by id
"""


def key(values: Sequence[Any]) -> tuple:
    """What no two releases share (the index ux_rel)."""
    return values[0], values[2], *(value or "" for value in values[3:6]), values[WORD]


def tell_apart(db: Database, rows: dict[int, tuple], looked_at: Iterable[int] | None, word: Callable[[int], str]) -> None:
    """Give those of these releases (id -> values) that are alike, but for the first, a word: catalogue number, else where they come from.

    looked_at: these are all that this run knows of; others may have the name already. None: all but what a person made.
    """
    alike: dict[tuple, list[int]] = defaultdict(list)
    for release, values in rows.items():
        alike[(values[0], *values[2:6])].append(release)
    if looked_at is None:
        taken = set(db.execute(f"select distinct {ALIKE} from releases where origin is null and deleted_at is null and disambiguation = ''"))
    else:
        albums = _json({group for group, *_ in alike if group is not None})
        taken = set(db.execute(f"{TAKEN} and id not in (select value from json_each(?))", [albums, _json(looked_at)]))
    for what, members in alike.items():
        for release in sorted(members)[0 if what in taken else 1 :]:
            rows[release] = (*rows[release][:WORD], word(release))


def unsettled(db: Database, albums: Iterable[int | None]) -> set[int]:
    """Releases of these albums that are to be looked at once more, since the one that goes by its title alone is not the first."""
    alike: dict[tuple, list[tuple]] = defaultdict(list)
    for id, origin, word, *what in db.execute(OF_ALBUMS, [_json({a for a in albums if a is not None})]):
        alike[tuple(what)].append((id, origin, word))
    found: set[int] = set()
    for members in alike.values():
        made = [id for id, origin, _ in members if origin is not None]
        plain = [(id, origin) for id, origin, word in members if word == ""]
        if made and (not plain or (plain[0][1] is not None and plain[0][0] != made[0])):
            found.update([made[0], *(id for id, _ in plain)])
    return found


def _json(ids: Iterable[int]) -> str:
    return msgspec.json.encode(sorted(ids)).decode()
