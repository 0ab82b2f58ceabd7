"""Which records are worth comparing: pairs that share an id, a key, or rare words. Growth stays near linear. Pure.

A word that many records have brings nothing together by itself; beside another word it may. Every list is capped, so one artist with
ten thousand tracks costs no more than a hundred with a hundred.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from rapidfuzz import fuzz, process

from .record import Record

RARE = 24  # a word of at most so many records brings them together alone
CAP = 60  # longest list of records that share a key
WORDS = 6  # rarest words of a record that are looked at


def words(record: Record) -> set[str]:
    """Words of title, artists and album, of all readings."""
    found: set[str] = set()
    for reading in record.readings[:2]:
        found.update(reading.words)
        for name in (*reading.artists, reading.album):
            found.update(name.split())
    return {w for w in found if len(w) > 1}


def exact(record: Record) -> Iterator[tuple]:
    """Keys whose equality is reason enough to compare."""
    for mark in record.ids:
        yield ("id", *mark)
    if record.isrc:
        yield ("isrc", record.isrc)
    for reading in record.readings:
        if reading.base:
            yield ("title", reading.base, "".join(reading.artists)[:4])
            yield ("base", reading.base)
            if reading.artists:
                yield ("run", reading.base.replace(" ", ""), len(reading.artists[0]))


def keys(record: Record, frequency: Counter[str]) -> Iterator[tuple]:
    """Keys of a record, given in how many records each word is."""
    yield from exact(record)
    known = sorted((w for w in words(record) if frequency[w] > 1), key=lambda w: (frequency[w], w))[:WORDS]
    for word in known:
        if frequency[word] <= RARE:
            yield ("word", word)
    for one, other in combinations(sorted(known), 2):
        yield ("two", one, other)


def pairs(records: Sequence[Record]) -> set[tuple[int, int]]:
    """Positions (i < j) of records worth comparing."""
    frequency = Counter(w for record in records for w in words(record))
    shared: dict[tuple, list[int]] = defaultdict(list)
    for n, record in enumerate(records):
        for key in set(keys(record, frequency)):
            shared[key].append(n)
    found: set[tuple[int, int]] = set()
    for group in shared.values():
        if 1 < len(group) <= CAP:
            found.update(combinations(group, 2))
        elif len(group) > CAP:
            found.update(pairwise(group))
    return found


class WordIndex:
    """Which numbered texts share rare words with a text. Looked up in about the time of a hundred list steps, whatever its size."""

    MOST = 500  # a longer list of texts with a word is not walked by itself

    def __init__(self) -> None:
        self.by: dict[str, list[int]] = defaultdict(list)
        self.plain: dict[int, str] = {}

    def add(self, number: int, plain: str) -> None:
        """Take a normalised text in: title and artists."""
        self.plain[number] = plain
        for word in set(plain.split()):
            if len(word) > 1:
                self.by[word].append(number)

    def near(self, plain: str, limit: int = 4) -> list[int]:
        """Numbers of at most `limit` texts that share rare words with a normalised text and read most alike, best first."""
        lists = sorted((self.by[w] for w in set(plain.split()) if w in self.by), key=len)
        count: Counter[int] = Counter()
        for found in lists[:4]:
            if len(found) <= self.MOST:
                count.update(found)
        if not count and len(lists) > 1 and len(lists[0]) <= 10 * self.MOST:
            count.update(set(lists[0]).intersection(lists[1][: 20 * self.MOST]))
        best = [number for number, _ in count.most_common(100)]
        found = process.extract(plain, {n: self.plain[n] for n in best}, scorer=fuzz.ratio, processor=None, score_cutoff=60, limit=limit)
        return [number for _, _, number in found]
