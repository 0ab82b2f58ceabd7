"""What a person wrote straight into the tables of releases: it stays, whatever is derived. Told by the ledger, where nothing derived is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ..db import Database

TABLES = {"release_artists": (0, 1, 2, 3), "release_labels": (0, 1, 2), "release_items": (0, 4, 1, 2)}  # of a row with the release first: its key
CHANGED = """
select c.entity, c.entity_key, c.field, c.op, max(c.id)
from changes as c
left join operations as o on o.id = c.operation_id
where c.entity in ('releases', 'release_artists', 'release_labels', 'release_items') and c.op in ('cell', 'insert', 'delete')
group by c.entity, c.entity_key, iif(c.op = 'cell', c.field, '')
having ifnull(o.type, '') <> 'undo'
"""


@dataclass(frozen=True)
class Edits:
    """cells: (release, column) that a person wrote; changed: table -> key (JSON list) -> insert, delete or cell, whichever was last."""

    cells: frozenset[tuple[int, str]]
    changed: dict[str, dict[str, str]]

    def rows(self, table: str) -> tuple[set[str], set[str]]:
        """(keys of rows that a person added or changed, keys of rows that a person took away)."""
        found = self.changed.get(table, {})
        return {key for key, op in found.items() if op != "delete"}, {key for key, op in found.items() if op == "delete"}


def edits(db: Database) -> Edits:
    """Read what people changed last; what was undone does not count."""
    cells, changed = set(), {}
    for table, key, field, op, _ in db.execute(CHANGED):
        if table == "releases":
            if op == "cell":
                cells.add((msgspec.json.decode(key)[0], field))
        else:
            changed.setdefault(table, {})[key] = op
    return Edits(frozenset(cells), changed)


def key(table: str, row: tuple) -> str:
    """The key of a row, its columns in the order of the table's CHILDREN with the release first, as the ledger writes it."""
    return msgspec.json.encode([row[i] for i in TABLES[table]]).decode()
