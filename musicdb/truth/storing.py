"""What `resolve` found against what is stored: only rows that differ are written. In bulk the triggers of the tables rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from .. import schema
from . import merged

if TYPE_CHECKING:
    from ..db import Database

COLUMNS = (
    "title version artist_credit title_norm match_key duration_ms release_date year bpm musical_key rating catalogue_number comment "
    "release_group_id sources merged_into_id"
).split()
CHILDREN = {  # table: its columns; those of the row's key first
    "track_artists": ("track_id", "artist_id", "role", "position", "credited_as", "join_phrase"),
    "track_genres": ("track_id", "genre_id", "platform", "weight"),
    "track_labels": ("track_id", "label_id", "platform"),
    "external_ids": ("entity_id", "scheme", "value", "platform"),
    "disagreements": ("track_id", "field"),
}
KEYS = {"track_artists": 4, "track_genres": 3, "track_labels": 3, "external_ids": 3, "disagreements": 2}
LISTED = {"track_genres": "genres", "track_labels": "label"}  # rows of `user` there may stand for a decision on this field
# From so many rows on the triggers of these tables are taken away while they are written, which is four fifths of the time: that a batch
# is not logged cell by cell is found out row by row, and the search index is made faster in one go.
BULK = 20_000
FEW = 10
TABLES = (*CHILDREN, "tracks", "artists", "labels", "genres", "release_groups")


def bulk(db: Database, n: int) -> AbstractContextManager[None]:
    """What n rows are to be written in: to be entered in an operation of mode "batch"."""
    return schema.without_triggers(db.conn, TABLES) if n > BULK else nullcontext()


def difference(db: Database, table: str, rows: Iterable[tuple], have: Iterable[tuple]) -> tuple[list[tuple], list[tuple]]:
    """(rows to delete, rows to insert) of a table of CHILDREN. What a person added stays, and what a person has is not added again."""
    columns, n = CHILDREN[table], KEYS[table]
    want = set(rows)
    if "platform" not in columns:
        stored = set(have)
    else:
        authored, stored, kept = columns.index("platform"), set(), set()
        for row in have:
            if row[authored] in (None, "user") and row not in want and not _was_decided(db, table, row):
                kept.add(row[:n])
            else:
                stored.add(row)
        if kept:
            want = {row for row in want if row[:n] not in kept}
    return sorted(stored - want), sorted(want - stored)  # their keys differ, so what follows is never compared


def _was_decided(db: Database, table: str, row: tuple) -> bool:
    """A row of `user` that a decision once made, and not a person by hand: hands leave a trace in `changes`."""
    if table not in LISTED:
        return False
    by_hand = "select 1 from changes where entity = ? and entity_key = json_array(?, ?, 'user') and op = 'insert'"
    return db.value(by_hand, [table, *row[:2]]) is None and bool(merged.ever_decided(db, row[0], LISTED[table]))


def replace(db: Database, table: str, gone: list[tuple], new: list[tuple]) -> None:
    """Delete and insert rows of a table of CHILDREN."""
    columns, n = CHILDREN[table], KEYS[table]
    where = " and ".join(f"{name} = ?" for name in columns[:n])
    extra = " and entity_type = 'track'" if table == "external_ids" else ""
    db.executemany(f"delete from {table} where {where}{extra}", [row[:n] for row in gone])
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    if table == "external_ids":
        names, marks = f"{names}, entity_type", f"{marks}, 'track'"
    db.executemany(f"insert into {table} ({names}) values ({marks})", new)


def insert(db: Database, rows: list[tuple]) -> None:
    """Insert tracks: (id, *COLUMNS)."""
    db.executemany(f"insert into tracks (id, {', '.join(COLUMNS)}) values (?{', ?' * len(COLUMNS)})", rows)


def update(db: Database, table: str, columns: Sequence[str], rows: list[tuple[int, tuple, tuple]]) -> None:
    """Write rows that differ (id, before, after; values of these columns). Of many only the columns that do: each that is named costs a page
    of its index. Of few all: one statement stays prepared, and to prepare one with its triggers costs more than ten rows.
    """
    every = tuple(range(len(columns)))
    by_columns: dict[tuple[int, ...], list[tuple]] = {}
    for id, before, after in rows:
        places = every if len(rows) <= FEW else tuple([i for i, value in enumerate(after) if value != before[i]])
        by_columns.setdefault(places, []).append((*[after[i] for i in places], id))
    for places, values in by_columns.items():
        sets = ", ".join(f"{columns[i]} = ?" for i in places)
        db.executemany(f"update {table} set {sets}, updated_at = {schema.NOW} where id = ?", values)
