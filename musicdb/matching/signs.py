"""Signs that an observation is of a track, and what they weigh together. Pure.

The signs, in order of weight:

- **path**: the same file. **id**: the same id at a platform or MusicBrainz. **audio**: the same sound, whatever its tags.
- **key**: the same title, version and artists. It needs a second sign: a length within 3 s, or, where a length is unknown, the same
  album or ISRC. Twice on one platform: only with the same album or ISRC, or for files to the second as long. A listen, which brings neither, may be the one track of that key.
- **isrc**: only with the same title, and no contradicting length: labels give one ISRC to two recordings.
- **match**: no sign, but the words are near; `matching.compare` weighs all that both say. Linked at once only where title, artists and
  length leave no doubt with every observation of the track.

Two versions of a song are never linked; what nearly matches becomes a candidate for a person.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
from rapidfuzz import fuzz

from .. import text
from . import Comparison, compare
from .blocking import KeyIndex
from .record import TRACK_IDS as TRACK_IDS  # what names a recording; others take it from here
from .record import Record, prepare

if TYPE_CHECKING:
    from ..links.aliases import Known

SAME_MS = 3_000  # longest difference in length of one recording on two platforms: silence cut or kept, rounding
COPY_MS = 1_000  # a second file of the same name and so nearly the same length is a copy
NEAR_MS = 10_000  # beyond this another edit
SURE = 97.0  # confidence at which near words link at once
WORTH_ASKING = 35.0  # confidence from which a person is asked
FAR_MS = 30_000  # a difference that equal titles and artists do not outweigh up to there
SHORT = 8  # letters of a title that many artists have: there a letter makes another artist
COMPARED = 6  # most observations of a track that are compared
NEAR = 4  # most tracks of one key that are compared


@dataclass(slots=True)
class Seen:
    """An observation as the matcher sees it."""

    id: int
    platform: str
    external_id: str
    in_library: bool
    key: str
    duration_ms: int | None
    isrc: str | None
    album: str | None
    title: str
    ids: list[tuple[str, str]]
    path: str | None
    folded: str | None  # the path without case; None where two files differ in case only
    audio: str | None
    artists: str = "[]"  # JSON list of names
    track: int | None = None  # that it is linked to
    makes: bool = False  # whether it may make a track of its own

    def record(self, aliases: Known | None = None) -> Record:
        """As the matcher reads it."""
        return prepare({
            "title": self.title, "artists": msgspec.json.decode(self.artists or "[]"), "album": self.album, "duration_ms": self.duration_ms,
            "isrc": self.isrc, "ids": dict(self.ids), "platform": self.platform,
        }, aliases)  # fmt: skip


class Cluster:
    """What the observations of one track say together."""

    __slots__ = ("albums", "keys", "least_ms", "lengths_known", "most_ms", "platforms", "records", "seen", "titles")

    def __init__(self) -> None:
        self.keys = self.titles = self.albums = self.platforms = ()  # of text, each once: a set would take five times the memory
        self.least_ms = self.most_ms = None
        self.lengths_known = True  # of all
        self.seen: list[Seen] = []
        self.records: list[Record] | None = None  # the first of seen as the matcher reads them, made when asked for

    def add(self, one: Seen) -> None:
        if one.key not in self.keys:
            self.keys = (*self.keys, one.key)
        if one.title not in self.titles:
            self.titles = (*self.titles, one.title)
        if len(self.seen) < COMPARED:
            self.seen.append(one)
        if one.album and one.album not in self.albums:
            self.albums = (*self.albums, one.album)
        if one.in_library and one.platform not in self.platforms:
            self.platforms = (*self.platforms, one.platform)
        if one.duration_ms:
            self.least_ms = min(one.duration_ms, self.least_ms or one.duration_ms)
            self.most_ms = max(one.duration_ms, self.most_ms or 0)
        else:
            self.lengths_known = False

    def compared(self, mine: Record, aliases: Known | None = None) -> list[Comparison]:
        """How a record compares with what the first observations say."""
        self.records = self.records or []
        self.records += [one.record(aliases) for one in self.seen[len(self.records) :]]
        return [compare(mine, record) for record in self.records]

    def too_far(self, one: Seen) -> bool:
        """Whether the lengths alone keep near words from being worth asking about; only the same album could outweigh them."""
        if not (one.duration_ms and self.least_ms and self.lengths_known):
            return False
        if max(self.least_ms - one.duration_ms, one.duration_ms - self.most_ms) < FAR_MS:
            return False
        return not (one.album and any(fuzz.token_set_ratio(_album(one.album), _album(a)) >= 65 for a in self.albums))

    def gap_ms(self, one: Seen) -> int | None:
        """Largest difference in length, or None where a length is unknown."""
        if not one.duration_ms or self.least_ms is None:
            return None
        return max(abs(one.duration_ms - self.least_ms), abs(one.duration_ms - self.most_ms))


@dataclass(slots=True)
class Proposal:
    """A track that an observation may be. certain: link at once; otherwise a candidate."""

    track: int
    certain: bool
    method: str
    confidence: int
    evidence: list[dict[str, str]]


SENTENCES = {
    "path": "Both name the same file.",
    "id": "Both carry the same id.",
    "audio": "The sound is the same, byte by byte, tags left out.",
    "isrc": "Both carry the same ISRC.",
    "key": "Title, version and artists are the same.",
    "title": "Title and version are the same.",
    "album": "The album is the same.",
    "version": "They name different versions.",
    "other_title": "The titles differ.",
    "no_length": "One of the two lengths is unknown.",
    "twice": "This platform has another track of that name on another release.",
    "only": "No other track has this title, version and artists.",
    "new": "Nothing in the library matched, so it made this track.",
    "person": "A person decided.",
}


def judge(one: Seen, track: int, cluster: Cluster, signs: set[str], *, only: bool = False) -> Proposal | None:
    """Weigh the signs that an observation shares with a track; pure. None: not even a candidate.

    signs: path, id, audio, isrc, key. only: no other track has the observation's key.
    """
    gap, album = cluster.gap_ms(one), _album(one.album)
    same_album = bool(album) and any(_album(a) == album for a in cluster.albums)
    left = one.key.partition("|")[0]
    same_title = bool(left) and any(key.partition("|")[0] == left for key in cluster.keys)
    parts = [s for s in ("path", "id", "audio", "isrc", "key") if s in signs]

    def say(certain: bool, method: str, confidence: int, *more: str) -> Proposal:
        names = [*parts, *more, *(["album"] if same_album else ())]
        evidence = [{"part": name.replace("other_", ""), "sentence": SENTENCES[name]} for name in dict.fromkeys(names)]
        if gap is not None:
            evidence.append({"part": "duration", "sentence": f"The lengths differ by {gap / 1000:.1f} s."})
        return Proposal(track, certain, method, confidence, evidence)

    if "path" in signs:
        return say(True, "path", 100)
    if signs & {"id", "audio"}:
        method = "id" if "id" in signs else "audio"
        version = text.version_key(one.title)
        if any(text.version_key(title) != version for title in cluster.titles):
            return say(False, method, 60, "version")
        unnamed = one.key.endswith("|") or all(key.endswith("|") for key in cluster.keys)
        if method == "audio" and not (same_title or unnamed):
            return say(False, method, 70, "other_title")
        return say(True, method, 99 if method == "id" else 97)
    if gap is not None and gap > SAME_MS:
        return say(False, parts[0], 55) if gap <= NEAR_MS and same_title else None
    if "key" not in signs:
        return say(True, "isrc", 90, "title") if same_title else say(False, "isrc", 50, "other_title")
    copy = one.path is not None and gap is not None and gap <= COPY_MS
    if one.in_library and one.platform in cluster.platforms and not (same_album or copy or "isrc" in signs):
        return say(False, "key", 80, "twice")
    if gap is not None:
        return say(True, "key", 92 + 3 * same_album + 4 * ("isrc" in signs))
    if "isrc" in signs or same_album:
        return say(True, "key", 88 + 2 * ("isrc" in signs), "no_length")
    if only and not one.in_library:
        return say(True, "key", 70, "only", "no_length")
    return say(False, "key", 65, "no_length")


def weigh(one: Seen, mine: Record, track: int, cluster: Cluster, aliases: Known | None = None) -> Proposal | None:
    """Weigh a track whose words are near the observation's; pure. None: too far, or another version."""
    found = cluster.compared(mine, aliases)
    if any(c.barred for c in found):
        return None
    sure = min(c.confidence for c in found)
    mean = sum(c.confidence for c in found) / len(found)
    if mean < WORTH_ASKING:
        return None
    gap, best = cluster.gap_ms(one), max(found, key=lambda c: c.confidence)
    plain = all(name in best.parts and best.parts[name].score >= 0.9 for name in ("title", "artists"))
    if plain and len(one.key.partition("|")[0]) < SHORT and best.parts["artists"].score < 1 and "share" not in best.parts["artists"].sentence:
        plain = False  # "Nor" by Junriash Fa, "Nor" by Junriash Ka
    certain = sure >= SURE and plain and gap is not None and gap <= SAME_MS and not (one.in_library and one.platform in cluster.platforms)
    return Proposal(track, certain, "match", min(int(mean), 99), best.evidence)


def _album(title: str | None) -> str:
    """What all editions of an album share: the deluxe edition has the same recordings."""
    return text.norm(text.split_album(title)[0]) if title else ""


# ---------- what is known: maps from a sign to the tracks that bear it
class Index:
    """Tracks by path, id, sound, ISRC and key."""

    def __init__(self, aliases: Known | None = None) -> None:
        self.aliases = aliases or None
        self.clusters: dict[int, Cluster] = {}
        self.by: dict[tuple, list[int]] = {}  # mark -> tracks
        self.keys = KeyIndex()
        self.bearing: dict[str, list[int]] = {}  # any key, also one without an artist -> tracks

    def add(self, one: Seen, track: int) -> None:
        cluster = self.clusters.get(track)
        if cluster is None:
            cluster = self.clusters[track] = Cluster()
        cluster.add(one)
        by = self.by
        for mark in marks(one):
            tracks = by.get(mark)
            if tracks is None:
                by[mark] = [track]
            elif track not in tracks:
                tracks.append(track)
        bearing = self.bearing.get(one.key)
        if bearing is None:
            self.bearing[one.key] = [track]
            self.keys.add(one.key)
        elif track not in bearing:
            bearing.append(track)

    def proposals(self, one: Seen, forbidden: Container[int], root: Callable[[int], int]) -> list[Proposal]:
        """Tracks that the observation may be, best first; deterministic."""
        found: dict[int, set[str]] = {}
        for mark in marks(one):
            for track in self.by.get(mark, ()):
                found.setdefault(track, set()).add("path" if mark[0] == "folded" else mark[0])
        if not found:
            return []
        only = len({root(track) for track in self.by.get(("key", one.key), ())}) == 1
        judged = (
            judge(one, track, self.clusters[track], signs, only=only)
            for track, signs in found.items()
            if track not in forbidden and root(track) not in forbidden
        )
        return sorted((p for p in judged if p), key=best_first)

    def near(self, one: Seen, forbidden: Container[int], root: Callable[[int], int]) -> list[Proposal]:
        """Tracks whose words are near the observation's, best first; deterministic. For what no sign settled."""
        keys = [one.key, *self.keys.near(one.key)]
        if not one.title.isascii() and (read := repaired_key(one)) != one.key:
            keys += [read, *self.keys.near(read)]
        found = [
            track
            for track in dict.fromkeys(track for key in keys for track in self.bearing.get(key, ())[:NEAR])
            if track not in forbidden and root(track) not in forbidden and not self.clusters[track].too_far(one)
        ]
        mine = one.record(self.aliases) if found else None
        judged = (weigh(one, mine, track, self.clusters[track], self.aliases) for track in found)
        return sorted((p for p in judged if p), key=best_first)


def best_first(proposal: Proposal) -> tuple[bool, int, int]:
    """Order of proposals: certain ones first, then by confidence, then by track."""
    return not proposal.certain, -proposal.confidence, proposal.track


def marks(one: Seen) -> list[tuple]:
    """What finds its track: (sign, value) or ("id", scheme, value), the surest first."""
    found: list[tuple] = []
    if one.path:
        found.append(("path", one.path))
        if one.folded:
            found.append(("folded", one.folded))
    found += [("id", *mark) for mark in one.ids]
    if one.audio:
        found.append(("audio", one.audio))
    if one.isrc:
        found.append(("isrc", one.isrc))
    if one.key[:1] != "|" and one.key[-1:] != "|":  # without a title or an artist a key says nothing
        found.append(("key", one.key))
    return found


def repaired_key(one: Seen) -> str:
    """Its key with the damage of a wrong encoding undone."""
    names = [text.repaired(name) for name in msgspec.json.decode(one.artists or "[]") if isinstance(name, str)]
    return text.match_key(text.repaired(one.title), names)


def folded_path(path: str) -> str:
    """Windows and macOS do not tell cases apart, macOS decomposes accents, Windows turns the slashes."""
    return unicodedata.normalize("NFC", path).replace("\\", "/").casefold()


def bare_id(value: str) -> str:
    """spotify:track:X and https://open.spotify.com/track/X?si=... are X."""
    return value.strip().partition("?")[0].rstrip("/").rpartition("/")[2].rpartition(":")[2]


@lru_cache(131072)
def clean_isrc(value: str | None) -> str | None:
    """USRC17607839 of "us-rc1-76-07839", None for what is none."""
    bare = (value or "").replace("-", "").replace(" ", "").upper()
    return bare if len(bare) == 12 and bare.isascii() and bare.isalnum() and bare[:2].isalpha() and bare[5:].isdigit() else None
