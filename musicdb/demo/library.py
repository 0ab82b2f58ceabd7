"""The fictional library as it really is: records and songs. What each platform says of them is in `views`.

Everything follows from `records` and from random numbers that are seeded by a song's own key, so it is the same everywhere.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field, replace
from functools import cache

from musicdb.demo import records
from musicdb.units import key_name

_SONG = re.compile(r"^(?P<title>.+?)(?: \((?P<version>[^()]+)\))?(?: \[feat\. (?P<featured>[^\]]+)\])?$")
_REMIXER = re.compile(r"^(?P<name>.+?)(?:['’]s\b.*)? (?:Remix|Dub|Mix|Rework)$")
# A word in brackets that belongs to the title and makes no other version of it.
_PLAIN = {"Part Two", "Part II", "Reprise", "Mixed"}


@dataclass(frozen=True)
class Record:
    """An album, EP, single or compilation. kind: "dub" or "folk"; have: "flac RS" as in `records`."""

    code: str
    artist: str
    title: str
    year: int
    type: str
    genre: str
    label: str
    kind: str
    have: str
    songs: tuple[str, ...] = ()  # keys, in order

    @property
    def formats(self) -> list[str]:
        return [word for word in self.have.split() if word.islower()]

    def on(self, letter: str) -> bool:
        return any(letter in word for word in self.have.split() if word.isupper())


@dataclass(frozen=True)
class Song:
    """A recording. Two observations are of the same song exactly when `key` is equal: that is the truth to measure against."""

    key: str
    artist: str  # the credit without guests: "Wren & Tallow"
    title: str
    version: str  # "Dub Mix", "" for the plain one
    featured: str
    remixer: str
    record: str  # code of the record that it came out on first
    number: int
    kind: str
    genre: str
    year: int
    seconds: float
    bpm: float
    musical_key: str  # Camelot
    isrc: str
    rating: int = field(default=0)  # what its owner thinks of it, 0 = has not said

    @property
    def full_title(self) -> str:
        return f"{self.title} ({self.version})" if self.version else self.title

    @property
    def classical_key(self) -> str:
        return key_name(self.musical_key)


@dataclass(frozen=True)
class Library:
    records: dict[str, Record]
    songs: dict[str, Song]


@cache
def library() -> Library:
    """All records by code and songs by key, in the order of `records`."""
    found, songs = {}, {}
    for kind, text in (("dub", records.DUB), ("folk", records.FOLK)):
        names = _made_up(kind)
        record = None
        for line in text.strip().splitlines():
            if not line.startswith(" "):
                artist, title, year, type_, genre, label, code, have = (part.strip() for part in line.split("|"))
                record = Record(code, artist, title, int(year), type_, genre, label, kind, have)
                continue
            keys = list(found[record.code].songs) if record.code in found else []
            for words in line.strip().split(" ; "):
                if words.startswith("="):
                    code, number = words[1:].rsplit("-", 1)
                    keys.append(found[code].songs[int(number) - 1])
                    continue
                made = [next(names) for _ in range(int(words[1:]))] if re.fullmatch(r"\*\d+", words) else [words]
                for title in made:
                    song = _song(record, title, len(keys) + 1)
                    songs[song.key] = song
                    keys.append(song.key)
            found[record.code] = replace(record, songs=tuple(keys))
    _spoil(songs)
    return Library(found, songs)


def _made_up(kind: str):
    first, last = (records.DUB_FIRST, records.DUB_LAST) if kind == "dub" else (records.FOLK_FIRST, records.FOLK_LAST)
    titles = [f"{a} {b}" for a in first for b in last if a != b]
    random.Random(f"titles {kind}").shuffle(titles)
    return iter(titles)


def _song(record: Record, words: str, number: int) -> Song:
    artist, _, words = words.rpartition(" :: ")
    artist, _, guest = (artist or record.artist).partition(" feat. ")
    match = _SONG.match(words)
    title, version = match["title"], match["version"] or ""
    if version in _PLAIN:
        title, version = f"{title} ({version})", ""
    remix = _REMIXER.match(version) if record.kind == "dub" or "Remix" in version else None
    remixer = remix["name"] if remix and remix["name"] in _artists() and remix["name"] != artist else ""
    key = f"{re.sub('[^a-z0-9]', '', record.code.lower())}-{number:02}"
    rng = random.Random(f"song {key}")
    if record.kind == "dub":
        tempo = {"Deep House": (118, 124), "Dub Techno": (118, 126), "Minimal Techno": (122, 128)}.get(
            record.genre, (126, 136)
        )
        seconds, bpm = rng.uniform(270, 520), rng.uniform(*tempo)
    else:
        seconds, bpm = rng.uniform(125, 330), rng.uniform(66, 148)
    if "wav" in record.formats:
        seconds = 1.8  # one turn of a record at 33 1/3
    label = (re.sub("[^A-Z]", "", record.label.upper()) + "XXX")[:3]
    return Song(
        key=key,
        artist=artist,
        title=title,
        version=version,
        featured=match["featured"] or guest,
        remixer=remixer,
        record=record.code,
        number=number,
        kind=record.kind,
        genre=record.genre,
        year=record.year,
        seconds=round(seconds, 2),
        # Music made with machines sits on a round tempo, music made by hand does not.
        bpm=round(bpm) if record.kind == "dub" and rng.random() < 0.7 else round(bpm, 2),
        musical_key=f"{rng.randint(1, 12)}{rng.choice('AAAB' if record.kind == 'dub' else 'ABBB')}",
        isrc=f"ZZ{label}{record.year % 100:02}{rng.randrange(10**5):05}",
        rating=rng.choice((0, 0, 3, 4, 4, 5, 2)),
    )


@cache
def _artists() -> frozenset[str]:
    lines = (records.DUB + records.FOLK).splitlines()
    return frozenset(line.split("|")[0].strip() for line in lines if line and not line.startswith(" "))


def _spoil(songs: dict[str, Song]) -> None:
    """What labels get wrong: an ISRC given twice, an ISRC never given. Live sets and home recordings have none either."""
    # Mixes that carry the number of the original, and one that carries another song's altogether.
    songs["unda021-02"] = replace(songs["unda021-02"], isrc=songs["unda021-01"].isrc)
    songs["ssp09-01"] = replace(songs["ssp09-01"], isrc=songs["ssp07-02"].isrc)
    songs["tzc042-01"] = replace(songs["tzc042-01"], isrc=songs["tzc044-03"].isrc)
    for key, song in songs.items():
        if random.Random(f"isrc {key}").random() < 0.1 or song.record in ("QNC T1", "BOOT-2", "TT-0047", "HRT 02"):
            songs[key] = replace(song, isrc="")
