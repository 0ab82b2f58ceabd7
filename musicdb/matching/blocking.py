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

    A look-up takes as long as a few walks over short lists, whatever the size: of two words only the rarer one's keys are walked.
    """

    BLOCK = 120  # most keys of one title, or of one artist, that are looked at
    WALKED = 100  # a longer list of keys with a word is not walked
    READ = 50  # most keys that share rare words and are read

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self.keys: list[str] = []
        self.known: set[str] = set()
        self.titles: dict[str, list[str]] = {}
        self.artists: dict[str, list[str]] = {}
        self.words: dict[str, set[int]] = {}
        self.letters: dict[str, list[str]] = {}  # what two letters or words that changed places, or a gap, leave as it is
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
        for half, block in ((title, self.titles), (artist, self.artists)):
            if half in block:
                block[half].append(key)
            else:
                block[half] = [key]
        words = sorted({*title.split(), *artist.split()})
        self.sorted.append(" ".join(words))
        if (letters := _letters(key)) in self.letters:
            self.letters[letters].append(key)
        else:
            self.letters[letters] = [key]
        for word in words:
            if word in self.words:
                self.words[word].add(number)
            elif len(word) > 1:
                self.words[word] = {number}

    def halves(self, key: str, limit: int = 3) -> list[str]:
        """Keys with the same title or the same artists that read most like it, best first."""
        title, _, artist = key.partition("|")
        near = [*(self.titles.get(title, ())[: self.BLOCK] if title else ()), *(self.artists.get(artist, ())[: self.BLOCK] if artist else ())]
        if not near:
            return []
        found = process.extract(key, near, scorer=fuzz.ratio, processor=None, score_cutoff=65, limit=2 * limit)
        read = list(dict.fromkeys(k for k, _, _ in found))[:limit]
        if title in self.titles:  # an artist in another script reads like nothing
            latin = artist.isascii()
            read += [k for k in self.titles[title][: self.BLOCK] if k.rpartition("|")[2].isascii() != latin and k not in read][:limit]
        return read

    def rare(self, key: str, limit: int = 3) -> list[str]:
        """Keys that share two of its rarer words, or one that few have, in whatever order, and read most like it, best first."""
        words = sorted({*key.replace("|", " ").split()})
        having = sorted((self.words[w] for w in words if w in self.words), key=len)[:3]
        if not having or len(having[0]) > self.WALKED:
            return []
        shared = set(having[0]) if len(having[0]) <= RARE else set()
        for n, rarer in enumerate(having):
            if len(rarer) > self.WALKED:
                break
            for other in having[n + 1 :]:
                shared |= rarer & other
        if not shared:
            return []
        near = sorted(shared)[: self.READ]
        found = process.extract(" ".join(words), [self.sorted[n] for n in near], scorer=fuzz.ratio, processor=None, score_cutoff=68, limit=limit)
        return [self.keys[near[at]] for _, _, at in found]

    def turned(self, key: str, limit: int = 3) -> list[str]:
        """Keys of the same letters: two changed places, a gap moved, title and artist are swapped."""
        return self.letters.get(_letters(key), [])[:limit]

    def step(self, number: int, key: str) -> list[str]:
        """What one of the three ways brings, the surest (and cheapest) first: 1, 2 or 3."""
        return (self.turned, self.halves, self.rare)[number - 1](key)

    def near(self, key: str, limit: int = 3) -> list[str]:
        """Keys near this one that are worth a comparison, the nearest of each kind first."""
        found = dict.fromkeys((*self.turned(key, limit), *self.halves(key, limit), *self.rare(key, limit)))
        return [k for k in found if k != key and worth_comparing(key, k)]


def _letters(key: str) -> str:
    return "".join(sorted(key)).lstrip()


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
