"""Which records are worth comparing: pairs that share an id, a key, or rare words. Growth stays near linear. Pure.

A word that many records have brings nothing together by itself; beside another word it may. Every list is capped, so one artist with
ten thousand tracks costs no more than a hundred with a hundred.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
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


class KeyIndex:
    """Match keys, and which of them are near another one: of the same title, of the same artists, or sharing rare words.

    A look-up takes about as long as a few hundred list steps, whatever the size.
    """

    BLOCK = 150  # most keys of one title, or of one artist, that are looked at
    MOST = 250  # a longer list of keys with a word is not walked by itself

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self.keys: list[str] = []
        self.known: set[str] = set()
        self.titles: dict[str, list[int]] = defaultdict(list)
        self.artists: dict[str, list[int]] = defaultdict(list)
        self.words: dict[str, list[int]] = defaultdict(list)
        self.sorted: list[str] = []  # words of each key in order, so that "Title - Artist" is near "Artist - Title"
        for key in keys:
            self.add(key)

    def add(self, key: str) -> None:
        """Take a key in; one that is there already changes nothing."""
        if key in self.known:
            return
        self.known.add(key)
        number = len(self.keys)
        self.keys.append(key)
        title, _, artist = key.partition("|")
        self.titles[title].append(number)
        self.artists[artist].append(number)
        words = sorted({*title.split(), *artist.split()})
        self.sorted.append(" ".join(words))
        for word in words:
            if len(word) > 1:
                self.words[word].append(number)

    def halves(self, key: str, limit: int = 3) -> list[str]:
        """Keys with the same title or the same artists that read most like it, best first."""
        title, _, artist = key.partition("|")
        near = [*(self.titles.get(title, ())[: self.BLOCK] if title else ()), *(self.artists.get(artist, ())[: self.BLOCK] if artist else ())]
        found = process.extract(key, {n: self.keys[n] for n in near}, scorer=fuzz.ratio, processor=None, score_cutoff=65, limit=limit)
        return [self.keys[n] for _, _, n in found]

    def rare(self, key: str, limit: int = 3) -> list[str]:
        """Keys that share its rare words, in whatever order, and read most like it, best first."""
        words = sorted({*key.replace("|", " ").split()})
        lists = sorted((self.words[w] for w in words if w in self.words), key=len)
        count: Counter[int] = Counter()
        for found in lists[:4]:
            if len(found) <= self.MOST:
                count.update(found)
        if not count and len(lists) > 1 and len(lists[0]) <= 10 * self.MOST:
            count.update(set(lists[0]).intersection(lists[1][: 20 * self.MOST]))
        best = {n: self.sorted[n] for n, _ in count.most_common(100)}
        found = process.extract(" ".join(words), best, scorer=fuzz.ratio, processor=None, score_cutoff=68, limit=limit)
        return [self.keys[n] for _, _, n in found]

    def near(self, key: str, limit: int = 3) -> list[str]:
        """Keys near this one that are worth a comparison, the nearest of each kind first."""
        return [k for k in dict.fromkeys((*self.halves(key, limit), *self.rare(key, limit))) if worth_comparing(key, k)]


def worth_comparing(one: str, other: str) -> bool:
    """Whether two match keys may be of one recording: a hundredth of the time of a comparison."""
    title, _, artist = one.partition("|")
    their_title, _, their_artist = other.partition("|")
    if not (artist and their_artist):
        return True  # the artist may stand in the title
    if fuzz.ratio(artist, their_artist) < 55 and artist.isascii() == their_artist.isascii() and set(artist.split()).isdisjoint(their_artist.split()):
        return fuzz.ratio(title, their_artist) >= 85  # title and artist in each other's place
    if fuzz.ratio(title, their_title) >= 72:
        return True
    words, theirs = set(title.split()), set(their_title.split())
    return words <= theirs or theirs <= words or title.isascii() != their_title.isascii()
