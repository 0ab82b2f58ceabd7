"""What follows from other words for genres: only the tracks that say one of them are resolved, found by the genres that they have of it.

Each track's number (`inputs`) holds the words as a whole, so all numbers are moved along: nothing of the other tracks changed, nor of the
releases of these, which have no genres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from .. import text
from . import genre_words, inputs
from .resolving import Progress, resolve

if TYPE_CHECKING:
    from ..db import Database

HAVE = "select distinct track_id from track_genres where genre_id in (select value from json_each(?)) and platform <> 'user'"
# What is above a genre in the tree is made by a track that has it; one is enough, the others stay as they are.
ONE = "select min(track_id) from track_genres where genre_id in (select value from json_each(?)) group by genre_id"
GENRES = "select track_id, group_concat(genre_id || '/' || platform || '/' || weight) from track_genres {only} group by track_id"
MOVED = "update resolved set inputs = (inputs | :by) - (inputs & :by) where inputs >= 0"  # exclusive or, which SQLite has not


def follow(db: Database, before: tuple[str, str], progress: Progress | None = None) -> int:
    """Bring tracks and tree up to date after genre_rules or genre_parents changed; return how many tracks have other genres now.

    before: what `genre_words.said` gave before. To be called in the operation that changed them.
    """
    was, now = genre_words.of(*before), genre_words.words(db)
    tracks = _concerned(db, was, now)
    if tracks is None:
        had = _genres(db, None)
        resolve(db, progress=progress)
        return _differ(had, _genres(db, None))
    asked = msgspec.json.encode(sorted(tracks)).decode()
    had = _genres(db, asked)
    by = (inputs.fingerprint(db, before) ^ inputs.fingerprint(db)) & inputs.MASK
    db.execute(MOVED, {"by": by})
    if tracks:
        resolve(db, tracks, progress)
    if genre_words.is_other_tree(db):
        with db.operation("resolve", mode="batch"):
            genre_words.tree(db)
    return _differ(had, _genres(db, asked))


def _concerned(db: Database, was: genre_words.Words, now: genre_words.Words) -> set[int] | None:
    """Tracks of which a word means something else now, and one of each genre that stands elsewhere; None = nobody knows without looking."""
    meant: set[str] = set()  # normal forms of what the words meant
    for word in was.means.keys() | now.means.keys():
        if was.means.get(word) != now.means.get(word):
            names = was.means.get(word, [word])
            if not names:  # what meant no genre has left no trace
                return None
            meant.update(text.norm(name) for name in names)
    into = {id: (name, norm, root) for id, name, norm, root in db.execute("select id, name, name_norm, merged_into_id from genres")}
    ids = {id for id, (_, norm, _) in into.items() if norm in meant}
    while more := {root for id in ids if (root := into[id][2]) is not None} - ids:
        ids |= more
    moved = [id for id, (name, *_) in into.items() if was.wider(name) != now.wider(name)]
    return {track for sql, asked in ((HAVE, sorted(ids)), (ONE, moved)) for (track,) in db.execute(sql, [msgspec.json.encode(asked).decode()])}


def _genres(db: Database, tracks: str | None) -> dict[int, str]:
    only = "" if tracks is None else "where track_id in (select value from json_each(?))"
    return dict(db.execute(GENRES.format(only=only), [] if tracks is None else [tracks]).fetchall())


def _differ(before: dict[int, str], after: dict[int, str]) -> int:
    return sum(before.get(track) != after.get(track) for track in before.keys() | after.keys())
