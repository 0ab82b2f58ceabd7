"""Tracks of the library that a record may be: found through ids, keys and search words, then compared.

Each step is an index look-up with a limit, so the time does not grow with the library. Words go through the search index in pairs, because
one common word alone would bring thousands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, NamedTuple

from rapidfuzz import fuzz, process

from .. import text
from . import Comparison, compare
from .record import Aliases, Record, prepare
from .weights import MAYBE, SAME

if TYPE_CHECKING:
    from ..db import Database

CLOSE = 3  # tracks of a step that are compared: those that read most like the record


class Candidate(NamedTuple):
    """A track and how it compares."""

    track_id: int
    comparison: Comparison


BY_ID = "select entity_id from external_ids where scheme = ? and value = ? and entity_type = 'track' limit 40"
BY_ISRC = """
select k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where p.isrc = ? limit 40
"""
BY_OBSERVATION = """
select k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where p.platform = ? and p.external_id = ?
"""
BY_KEY = "select id from tracks where match_key = ? and deleted_at is null limit 20"
BY_TITLE = "select id, title_norm, artist_credit from tracks where title_norm = ? limit 40"
BY_ARTIST = "select id, title, artist_credit from tracks where artist_credit = ? limit 200"  # the index covers it: no row is read
BY_WORDS = """
select t.id, t.title_norm, t.artist_credit from tracks_fts as f join tracks as t on t.id = f.rowid where tracks_fts match ? limit 40
"""
MANY = 500  # tracks with a word: beside another common one it would take as long as the library is large
HAVING = f"select count(*) from (select 1 from tracks_fts where tracks_fts match ? limit {MANY + 1})"
FACTS = """
select t.id, t.title, t.version, t.artist_credit, g.title, t.duration_ms, t.year
from tracks as t left join release_groups as g on g.id = t.release_group_id
where t.id = ? and t.deleted_at is null and t.merged_into_id is null
"""
MARKS = "select scheme, value from external_ids where entity_type = 'track' and entity_id = ?"


def candidates(db: Database, record: Mapping[str, Any], *, limit: int = 5, least: float = MAYBE) -> list[Candidate]:
    """Return the tracks that a record (a dict as `compare` takes it) may be, best first, none below the confidence `least`.

    Other names that are kept as aliases are read as the names that they stand for.
    """
    from ..links import aliases as other_names  # links reads this module

    mine = prepare(record, other_names.known(db))
    seen: dict[int, Comparison | None] = {}
    for step in _steps(db, mine):
        rows = {row[0]: row for sql, values in step for row in db.execute(sql, values) if row[0] is not None and row[0] not in seen}
        for track in _closest(mine, rows):
            theirs = facts(db, track)
            seen[track] = theirs and compare(mine, theirs)
        if any(found and found.confidence >= SAME for found in seen.values()):
            break  # what would follow is less alike
    best = sorted(((t, c) for t, c in seen.items() if c and c.confidence >= least), key=lambda item: (-item[1].confidence, item[0]))
    return [Candidate(track, found) for track, found in best[:limit]]


def near(db: Database, mine: Record) -> list[int]:
    """Tracks that an id, the title, the artists or rare words bring together with a record, the closest of each step; not compared yet."""
    found: dict[int, None] = {}
    for step in _steps(db, mine):
        rows = {row[0]: row for sql, values in step for row in db.execute(sql, values) if row[0] is not None}
        found |= dict.fromkeys(_closest(mine, rows))
    return list(found)


def _closest(mine: Record, rows: dict[int, tuple]) -> list[int]:
    """Track ids that an id or a key brought, and of the others those that read most like the record."""
    sure = [track for track, row in rows.items() if len(row) == 1]
    texts = {track: f"{row[1] or ''} {row[2] or ''}".lower() for track, row in rows.items() if len(row) > 1}
    near: dict[int, float] = {}
    for reading in mine.readings[:2] if texts else ():
        plain = f"{reading.base} {' '.join(reading.artists)}"
        for _, score, track in process.extract(plain, texts, scorer=fuzz.ratio, processor=None, score_cutoff=65, limit=CLOSE):
            near[track] = max(score, near.get(track, 0.0))
    return sure + sorted(near, key=lambda track: (-near[track], track))[:CLOSE]


def _steps(db: Database, mine: Record) -> Iterator[list[tuple[str, list[str]]]]:
    """Queries with their values, the surest first."""
    exact = [(sql, [scheme, value]) for scheme, value in sorted(mine.ids) for sql in (BY_ID, BY_OBSERVATION)]
    if mine.isrc:
        exact.append((BY_ISRC, [mine.isrc]))
    for reading in mine.readings[:3]:
        if reading.base and reading.artists:
            exact.append((BY_KEY, [text.match_key(reading.written, reading.artists)]))
    yield exact
    bases = dict.fromkeys(text.norm(text.split_title(reading.written).base) for reading in mine.readings[:2])
    yield [(BY_TITLE, [base]) for base in bases if base] + ([(BY_ARTIST, [mine.artist_shown])] if mine.artist_shown else [])
    yield [(BY_WORDS, [query]) for query in dict.fromkeys(_queries(db, mine))]


def _queries(db: Database, mine: Record) -> Iterator[str]:
    """Two words each, of which one is rare: two common ones would take as long as the library is large."""
    for reading in mine.readings[:2]:
        words = [*_longest(text.norm(text.split_title(reading.written).base)), *_longest(" ".join(reading.artists))]
        words = list(dict.fromkeys(f'"{word}"' for word in words))
        having = {word: db.execute(HAVING, [word]).fetchone()[0] for word in words}
        rare = sorted((word for word in words if 0 < having[word] <= MANY), key=having.__getitem__)
        common = [word for word in words if having[word] > MANY] if len(rare) < 3 else []
        for pair in [*combinations(rare[:3], 2), *product(rare[:1], common)][:4]:
            yield " ".join(pair)
        if len(words) == 1:
            yield words[0]


def _longest(plain: str) -> list[str]:
    words = dict.fromkeys(w for w in plain.split() if w.isalnum() and len(w) > 1)
    return sorted(words, key=lambda w: (-len(w), w))[:3]


def facts(db: Database, track: int, aliases: Aliases | None = None) -> Record | None:
    """A track of the library as the matcher reads it, None for one that is gone or merged."""
    row = db.execute(FACTS, [track]).fetchone()
    if row is None:
        return None
    marks = db.execute(MARKS, [track]).fetchall()
    said = dict(zip(("title", "version", "artist", "album", "duration_ms", "year"), row[1:]))
    return prepare(said | {"ids": dict(marks), "isrc": next((v for s, v in marks if s == "isrc"), None)}, aliases)
