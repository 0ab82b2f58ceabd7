"""A record as the matcher reads it: dicts of any platform become comparable parts, read in every way they may be meant. Pure.

Files are named "Artist - Title", listings say "Title (Album)", downloads "03 - Title". Such a text has several readings, and the one
that agrees with the other side is used. Nothing raises for any dict: what cannot be read is missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from rapidfuzz import fuzz

from .. import text
from ..text import versions
from ..text.words import COUNTED, COUNTING, GENERIC, ROMAN, SMALL, SPELLED

TRACK_IDS = frozenset(
    "mb_recording spotify tidal rekordbox traktor itunes apple_music beatport deezer youtube soundcloud bandcamp qobuz".split()
)  # schemes of `ids` that name a recording, not its release or artist
NOTHING = frozenset(("", "null", "none", "n a", "nan", "unknown", "unknown album", "name"))  # what exports write for "not known"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read title, artist and album. base: normalised, Latin; words: of base; short: base without bracketed parts."""

    base: str
    words: tuple[str, ...]
    numbers: tuple[str, ...]
    short: str
    version: versions.Version
    written: str  # the title as written
    whole: str  # base and version together
    artists: tuple[str, ...]  # normalised names, primary first
    people: frozenset[str]  # the same, split at "and", "," and "x" too: who may take part
    guests: frozenset[str]  # names that are featured or remix
    album: str  # normalised, what all editions share
    implied: frozenset[str]  # kinds that the album says of all its tracks
    foreign: bool  # has signs that no table romanises
    moved: str = ""  # what was taken out of the title: "artist", "album", or "version" = an album that may as well be a version


@dataclass(frozen=True, slots=True)
class Record:
    """A record ready to compare; readings: most likely first."""

    readings: tuple[Reading, ...]
    duration_ms: int | None = None
    isrc: str | None = None
    year: int | None = None
    track_no: str | None = None
    ids: frozenset[tuple[str, str]] = frozenset()
    platform: str | None = None
    artist_shown: str = ""
    album_shown: str = ""

    @property
    def line(self) -> str:
        """Words of title, artists and album, sorted."""
        return _line(self.readings[0].written, self.artist_shown, self.album_shown)


def said(value: Any) -> str:
    """The text of a value, "" for what only says that nothing is known."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    value = text.repaired(" ".join(str(value).split()))
    return "" if text.norm(value) in NOTHING else value


def number(value: Any) -> float | None:
    """A positive number of 12, 12.0, "12"; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found > 0 else None


class Aliases(Protocol):
    """Other names: artists {normalised alias: normalised name}, titles {match key with the alias: match key}. See musicdb.aliases.Known."""

    artists: Mapping[str, str]
    titles: Mapping[str, str]


def prepare(record: Mapping[str, Any], aliases: Aliases | None = None) -> Record:
    """Read a dict with any of title, version, artist or artists, album, duration_ms, isrc, year, track_no, ids, platform.

    artists: text, or a list of texts or of {"name": ...}; duration_ms: milliseconds; ids: {scheme: value}. Unknown keys are ignored.
    aliases: names that are read as another one.
    """
    title = text.full_title(said(record.get("title")), said(record.get("version")) or None)
    names = record.get("artists") or record.get("artist") or ()
    names = names if isinstance(names, list | tuple) else (names,)
    artists = tuple(filter(None, (_CHANNEL.sub("", said(n.get("name") if isinstance(n, Mapping) else n)) for n in names)))
    if aliases:
        title, artists = renamed(title, artists, aliases)
    album, track_no = said(record.get("album")), said(record.get("track_no"))
    ids = record.get("ids")
    ids = ids.items() if isinstance(ids, Mapping) else ()
    duration = number(record.get("duration_ms"))
    isrc = "".join(c for c in said(record.get("isrc")).upper() if c.isalnum())
    return Record(
        readings(title, artists, album, track_no),
        int(duration) if duration else None,
        isrc if len(isrc) == 12 else None,
        _year(record.get("year")),
        track_no.lstrip("0").partition("/")[0].lower() or None,
        frozenset((str(s), said(v)) for s, v in ids if s in TRACK_IDS and said(v)),
        said(record.get("platform")) or None,
        ", ".join(artists),
        album,
    )


def renamed(title: str, artists: tuple[str, ...], aliases: Aliases) -> tuple[str, tuple[str, ...]]:
    """Title and artists with the names that aliases stand for; as they are where none is an alias."""
    names = tuple(aliases.artists.get(text.norm(name)) or name for name in artists)
    for n, name in enumerate(names if aliases.artists else ()):  # "Ada feat. Bo" has two names
        credits = text.split_credit(name)
        if len(credits) > 1 and any(text.norm(c.name) in aliases.artists for c in credits):
            whole = "".join(aliases.artists.get(text.norm(c.name), c.name) + c.join_phrase for c in credits)
            names = (*names[:n], whole, *names[n + 1 :])
    if aliases.titles and (key := aliases.titles.get(text.match_key(title, names))):
        version = text.version_key(title)
        base = key.partition("|")[0].removesuffix(f" {version}" if version else "")
        title = f"{base} ({version})" if version else base
    return title, names


@lru_cache(4096)
def _line(*texts: str) -> str:
    return " ".join(sorted(latin(text.norm(" ".join(texts))).split()))


def _year(value: Any) -> int | None:
    found = re.search(r"(?<![0-9])[12][0-9]{3}(?![0-9])", said(value))
    if found:
        return int(found[0])
    short = re.fullmatch(r"'?([0-9]{2})", said(value))
    return (1900 if int(short[1]) > 30 else 2000) + int(short[1]) if short else None


# ---------- readings
_COUNTER = re.compile(r"^(0[0-9a-z]{1,3}|[0-9]{1,3}|[a-d][0-9]{1,2})(?:\s*[-–._]\s*|\s+-\s+|$)", re.I)
_RULES = re.compile(r"\s*-{2,}\s*|_+-_+|\s[–—]\s")  # what takes the place of " - " in file names
_YEAR_TAIL = re.compile(r"\s*\((?:[0-9]{4}|unknown)\)\s*$", re.I)
_FILE = re.compile(r"(?i)\.(mp3|flac|wav|aiff?|m4a|ogg|opus|wma)$")
_SHARP = re.compile(r"\b([A-Ga-g])([#♯♭])(?!\w)")
_NUMBER = re.compile(r"(?i)\bn[°º]\s*(?=[0-9])")
_CHANNEL = re.compile(r"(?<=\w)VEVO$|\s+-\s+Topic$")  # what YouTube adds to an artist's name
_EXTRA = re.compile(r"[(\[{][^()\[\]{}]*[)\]}]")


@lru_cache(131072)
def readings(title: str, artists: tuple[str, ...], album: str, track_no: str) -> tuple[Reading, ...]:
    """Every way to read title, artist and album, the plain one first; at most five."""
    album = _YEAR_TAIL.sub("", album) or album
    title = _without_counter(_RULES.sub(" - ", _FILE.sub("", title)).replace("_", " ").strip() or title, track_no)
    known = not all(text.is_nobody(a) for a in artists)
    parts = _parts(title)
    if known and parts and _near(parts[0], ", ".join(artists)):
        title, parts = parts[1], _parts(parts[1])
    shorter, tail = (album and _without_album(title, album)) or ("", "")
    sure = shorter and may_be_album(tail)
    found = [_reading(shorter if sure else title, artists, album)]
    if shorter and not sure:
        found.append(_reading(shorter, artists, album, "version"))
    if parts and (not known or _remixed_by(parts[1], artists)):
        parts = parts[0], _without_counter(parts[1], track_no)
        rest, last = (album and _without_album(parts[1], album)) or ("", "")
        found.append(_reading(rest if rest and may_be_album(last) else parts[1], (parts[0],), album, "artist"))
        tail = text.split_title(parts[1])
        if not tail.version:
            found.append(_reading(parts[0], (tail.base,), album, "artist"))
    if not album:
        cuts = {title.index(" - "), title.rindex(" - ")} if parts else ()
        tails = [(title[:cut].strip(), title[cut + 3 :].strip()) for cut in sorted(cuts)]
        for left, tail in (*tails, *((bracket,) if (bracket := _last_bracket(title)) else ())):
            found.append(_reading(left, artists, tail, "album" if may_be_album(tail) else "version"))
    return tuple(found[:5])


def may_be_album(tail: str) -> bool:
    """Whether what stands behind a title can be its album: not where it names a version, an edition, a guest or a part."""
    parts = text.split_title(f"x ({tail})")
    return not (parts.version or parts.featured or parts.junk) and text.norm(tail).split()[:1] not in (["part"], ["pt"])


def _remixed_by(title: str, artists: tuple[str, ...]) -> bool:
    """Whether the artist is named in the title's version: "Ada - Rain (Bob Remix)" by Bob."""
    version = text.norm(text.split_title(title).version)
    return bool(version) and any(f"{text.norm(name)} " in f"{version} " for name in artists if text.norm(name))


def _last_bracket(title: str) -> tuple[str, str] | None:
    """("Song", "Album [EP]") of "Song (Album [EP])", or None."""
    if not title.endswith((")", "]")):
        return None
    depth = 0
    for at in range(len(title) - 1, 0, -1):
        depth += (title[at] in ")]") - (title[at] in "([")
        if not depth:
            left, tail = title[:at].strip(), title[at + 1 : -1].strip()
            return (left, tail) if left and tail else None
    return None


def _parts(title: str) -> tuple[str, str] | None:
    left, dash, right = title.partition(" - ")
    return (left.strip(), right.strip()) if dash and left.strip() and right.strip() else None


def _near(one: str, other: str) -> bool:
    return fuzz.ratio(text.norm(one), text.norm(other)) >= 88


def _without_counter(title: str, track_no: str) -> str:
    """Take "03 - " or "007-" off, where it is a place: written with a zero, or equal to the track number."""
    found = _COUNTER.match(title)
    if not found:
        return title
    mark = found[1].lstrip("0").lower()
    place = track_no.lstrip("0").partition("/")[0].lower()
    return title[found.end() :] if found[1].startswith("0") or (place and mark == place) else title


def _without_album(title: str, album: str) -> tuple[str, str] | None:
    """("Song", "Low Sun") of "Song (Low Sun)" or "Song - Low Sun" on the album Low Sun, or None."""
    left, dash, right = title.rpartition(" - ")
    first, _, rest = title.partition(" - ")  # an album with a dash in it
    for shorter, tail in (_last_bracket(title) or ("", ""), *(((left, right), (first, rest)) if dash else ())):
        if shorter.strip() and _near(tail, album):
            return shorter.strip(), tail
    return None


def _reading(title: str, artists: tuple[str, ...], album: str, moved: str = "") -> Reading:
    parts = text.split_title(title)
    raw = _SHARP.sub(lambda m: m[1] + (" flat" if m[2] == "♭" else " sharp"), _NUMBER.sub("no ", parts.base))
    base = latin(text.norm(raw))
    words = tuple(_words(raw, base))
    short = latin(text.norm(_EXTRA.sub(" ", parts.base)))
    names, guests = _names(artists)
    guests = guests | {latin(text.norm(name)) for name in parts.featured}
    plain = " ".join(words)
    return Reading(
        plain, words, tuple(w for w in words if w.isdigit()), short or base,
        versions.read(parts.version, " ".join(parts.junk)), title, f"{plain} {latin(text.norm(parts.version))}".strip(),
        names, _people(artists), frozenset(guests - {""}), album_key(album), versions.of_album(album),
        foreign(plain), moved,
    )  # fmt: skip


@lru_cache(131072)
def latin(plain: str) -> str:
    """A normal form in Latin letters, as far as tables go."""
    return plain if plain.isascii() else text.norm(text.romanise(plain))


def _words(raw: str, base: str) -> list[str]:
    """Words of a title with its numbers written one way: "Pt. II", "Part Two" and "Part 2" are the same."""
    words, out = base.split(), []
    plain = raw.lower()
    dotted = {m.lower() for m in re.findall(r"\b([IVXivx]+)\s?\.(?=\W|$)", raw)} if "." in raw else ()
    for n, word in enumerate(words):
        before = out[-1] if out else ""
        if word in COUNTED and n + 1 < len(words) and (word not in ("no", "op", "ch") or words[n + 1] in ROMAN or words[n + 1][0].isdigit() or words[n + 1] in SPELLED):
            word = COUNTED[word]
        if word == "n" and 0 < n < len(words) - 1:
            word = "and"  # rock 'n' roll
        if word in ROMAN and word in plain and (before in COUNTING or word in dotted or (len(word) > 1 and n and word not in ("mix",))):
            word = str(ROMAN[word])
        elif word in SPELLED and before in COUNTING:
            word = str(SPELLED[word])
        elif word.isdigit():
            word = word.lstrip("0") or "0"
        elif n and (counted := re.fullmatch(r"(part|pt|vol|no)([0-9]+)", word)):
            out.append(COUNTED.get(counted[1], counted[1]))
            word = counted[2]
        out.append(word)
    return out


@lru_cache(131072)
def _names(artists: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Normalised primary names, without "the", and the featured ones."""
    primary, guests = [], set()
    for name in artists:
        for credit in text.split_credit(name):
            if not text.is_nobody(credit.name):
                plain = latin(text.norm(credit.name))
                plain = plain.removeprefix("the ").removesuffix(" the") or plain
                (primary.append(plain) if credit.role == "primary" else guests.add(plain))
    return (tuple(dict.fromkeys(primary)) or tuple(sorted(guests))), frozenset(guests if primary else ())


_AND = re.compile(r"(?i)\s*(?:,|&|\+|;)\s*|\s+(?:and|x|und|y|et|with|vs\.?|feat\.?|ft\.?|featuring|/)\s+")


@lru_cache(131072)
def _people(artists: tuple[str, ...]) -> frozenset[str]:
    names = (latin(text.norm(name)) for artist in artists for name in _AND.split(artist))
    return frozenset(name.removeprefix("the ") for name in names if name and not text.is_nobody(name))


@lru_cache(131072)
def album_key(album: str) -> str:
    """What all editions of an album share, normalised; "" where none is named."""
    if not album:
        return ""
    base, _ = text.split_album(_YEAR_TAIL.sub("", album) or album)
    plain = latin(text.norm(_EXTRA.sub(" ", base))) or latin(text.norm(base))
    words = [COUNTED.get(w, w) for w in plain.split()]
    words = [str(ROMAN[w]) if w in ROMAN and n and words[n - 1] in COUNTING else w for n, w in enumerate(words)]
    if len(words) > 1 and words[-1] in ("ep", "single"):
        words = words[:-1]
    return " ".join(words)


def foreign(plain: str) -> bool:
    """Whether a normal form has signs that no table romanises."""
    return not plain.isascii() and any(c >= "\u2e80" for c in plain)


def generic(reading: Reading) -> bool:
    """Whether half of all albums have a track of that title: "Intro", "Untitled 3"."""
    return any(w in GENERIC for w in reading.words) and all(w in GENERIC or w in SMALL or w.isdigit() for w in reading.words)
