"""Which recording of a song a title names, and whether two titles name the same one. Pure; imports text and words only.

Remix, live, acoustic, instrumental, edit and the like are other recordings. Remastered, explicit, clean, deluxe and bonus track are editions
of the same one. Mono, stereo, single and radio version may be either: the length decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rapidfuzz import fuzz

from .. import text
from .words import COVER_PART, EDITIONS, FILLERS, KARAOKE_ALBUM, KINDS, LIVE_ALBUM, LIVE_TOO, SOFT

_NUMBER = re.compile(r"[0-9]+")
_OF_REMASTER = re.compile(r"[0-9]{4}|[0-9]+th")  # its year, its anniversary
_LIVE_ALBUM, _KARAOKE_ALBUM, _COVER = (re.compile(p, re.I) for p in (LIVE_ALBUM, KARAOKE_ALBUM, COVER_PART))
_GUEST = re.compile(r"(?i)\s*[(\[]?\s*\b(?:feat|ft|featuring)\b.*$", re.S)


@dataclass(frozen=True, slots=True)
class Version:
    """What a version text says: kinds {"remix"}, words {"bob"} (whose, where), numbers {"2011"}, soft {"radio"}, editions {"remaster"}."""

    kinds: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    soft: frozenset[str] = frozenset()
    editions: frozenset[str] = frozenset()
    written: str = ""  # as written, for sentences


PLAIN = Version()


@lru_cache(65536)
def read(written: str | None, junk: str = "") -> Version:
    """Read the version part of a title and what text.split_title took for junk ("Dub Mix", "2011 Remaster")."""
    editions = {w for w in text.norm(junk).split() if w in EDITIONS}
    if not written:
        return Version(editions=frozenset(editions)) if editions else PLAIN
    if _COVER.search(text.norm(written)):
        return Version(frozenset(("karaoke",)), written=written)
    plain = text.norm(_GUEST.sub("", written) or written)
    words = plain.split()
    kinds = {KINDS[w] for w in words if w in KINDS}
    soft = {w for w in words if w in SOFT}
    rest = [w for w in words if w not in KINDS and w not in FILLERS and w not in SOFT]
    numbers = {w for w in rest if _NUMBER.fullmatch(w)}
    if not kinds - {"version", "recording", "recorded", "track", "part", "mix"} or "remaster" in plain:
        named = {w for w in rest if w in EDITIONS}
        editions |= named
        rest = [w for w in rest if w not in named]
        if "remaster" in plain:
            rest = [w for w in rest if not _OF_REMASTER.fullmatch(w)]
            numbers &= set(rest)
            kinds -= {"mix"} if not rest else set()
    kinds, soft = _sorted_out(kinds, soft, set(rest) - numbers)
    return Version(kinds, frozenset(set(rest) - numbers), frozenset(numbers), soft, frozenset(editions), written)


def _sorted_out(kinds: set[str], soft: set[str], rest: set[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Kinds that say no more beside another one are dropped; "Radio Version", "Single Mix" and "Mono" are soft."""
    if "live" in kinds:
        kinds -= LIVE_TOO
    if kinds - FILLERS or (rest and "mix" not in kinds):
        kinds -= FILLERS - {"mix"}
    if kinds - {"mix", "radio"}:
        kinds -= {"mix", "radio"}  # "Dub Mix" is "Dub", "Radio Edit" is an edit
    if soft and not rest and kinds <= {"radio", "version", "mix", "cut"}:
        kinds = set()
    return frozenset(kinds), frozenset(soft)


Agreement = Literal["same", "edition", "unnamed", "soft", "different"]


def agree(a: Version, b: Version) -> Agreement:
    """How two versions go together.

    "same"; "edition" = the same recording, remastered or cleaned; "unnamed" = one says more ("Live", "Live at Wembley");
    "soft" = only the length can tell ("Mono", "Radio Version"); "different" = two recordings.
    """
    if a.kinds != b.kinds:
        return "different"
    if a.numbers != b.numbers and (a.numbers and b.numbers):
        return "different"
    if a.words != b.words:
        if not (a.words and b.words):
            return "unnamed" if a.kinds else "different"
        one, other = (" ".join(sorted(v.words)) for v in (a, b))
        if fuzz.ratio(one, other) < 85:
            return "unnamed" if (a.words < b.words or b.words < a.words) and "live" in a.kinds else "different"
    if a.soft - EDITIONS != b.soft - EDITIONS:
        return "soft"
    if a.numbers != b.numbers:
        return "unnamed" if a.kinds else "different"
    return "same" if a.editions == b.editions and a.soft == b.soft else "edition"


@lru_cache(65536)
def of_album(album: str | None) -> frozenset[str]:
    """Kinds that an album title says of all its tracks: "Live at Wembley", "Unplugged", "Karaoke Hits"."""
    if not album:
        return frozenset()
    if _KARAOKE_ALBUM.search(album):
        return frozenset(("karaoke",))
    return frozenset(("live",)) if _LIVE_ALBUM.search(album) else frozenset()
