"""Why a link waits, in a few words that many links share: "same title and artist, 4 s longer". Pure.

Read from a link's evidence, [{"part", "sentence"}], as `signs` and `matching` write it. What a sentence tells of one pair (quoted
titles, names, numbers) is left out, so that links of one kind make one group that a person decides at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

SAME_MS = 3_000  # up to this difference lengths are not worth a word
NEAR_MS = 10_000  # up to this one the seconds are named
NOUNS = {
    "title": "title", "artists": "artist", "artist": "artist", "album": "album", "isrc": "ISRC", "id": "id", "ids": "id", "audio": "sound",
    "path": "file", "version": "version", "track position": "place on the album",
}  # fmt: skip
ORDER = ["title", "version", "artist", "album", "place on the album", "ISRC", "id", "sound", "file"]
MORE = {"key": ("title", "artist")}  # parts that stand for several
# What differs: (in this part, a sentence that has these words, is called so). "" = nothing worth a word. The first that fits counts.
DIFFERENT = [
    ("version", "name different versions", "different versions"),
    ("version", "Perhaps another mix", "perhaps another mix"),
    ("version", "Another mix", "another mix"),
    ("version", "Editions of one", "another edition"),
    ("version", "album", "one album is live"),
    ("version", "nearly the same", "version nearly the same"),
    ("version", "stands in the title", ""),
    ("version", "Both name the same version", None),
    ("version", "", "one names a version"),
    ("title", "numbers differ", "other number in the title"),
    ("title", "part number", "one title has a part number"),
    ("title", "in brackets", "one title says more"),
    ("title", "goes on", "one title says more"),
    ("title", "different scripts", "title in another script"),
    ("title", "each other's place", "title and artist swapped"),
    ("title", "changed places", "title nearly the same"),
    ("title", "nearly the same", "title nearly the same"),
    ("title", "missing", "title unknown"),
    ("title", "differ", "other title"),
    ("artists", "different scripts", "artist in another script"),
    ("artists", "nearly the same", "artist nearly the same"),
    ("artists", "share an artist", "artists in part the same"),
    ("artists", "other side's title", ""),
    ("artists", "differ", "other artist"),
    ("album", "nearly the same", "album nearly the same"),
    ("album", "differ", "other album"),
    ("isrc", "differ", "other ISRC"),
    ("ids", "differ", "other MusicBrainz recording"),
    ("track position", "They are numbers", "another place on the album"),
    ("platform", "", "twice on one platform"),
    ("twice", "", "twice on one platform"),
    ("reading", "", "a guess from the title"),
    *((part, "", "") for part in ("duration", "no_length", "year", "words", "person", "new", "only")),
]
FEWER_WORDS = {"other album", "another place on the album", "album nearly the same", "another edition"}  # said only where nothing else is


class Reason(NamedTuple):
    """label: in words; same: what agrees; against: what does not, or is not known."""

    label: str
    same: tuple[str, ...]
    against: tuple[str, ...]


def reason(evidence: str | Iterable[Mapping[str, Any]] | None, gap_ms: int | None = None) -> Reason:
    """Return why a link waits. evidence: as stored (JSON text) or decoded; gap_ms: their length less ours, None where one is unknown.

    Never raises for what evidence holds.
    """
    if not isinstance(evidence, str):
        evidence = msgspec.json.encode(list(evidence or ())).decode()
    return _reason(evidence, _length(gap_ms))


def parts(evidence: str | None) -> list[dict[str, Any]]:
    """The parts of stored evidence, [] for what is none."""
    try:
        found = msgspec.json.decode(evidence or "[]")
    except msgspec.DecodeError:
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _length(gap_ms: int | None) -> str:
    if gap_ms is None:
        return "length unknown"
    if abs(gap_ms) <= SAME_MS:
        return ""
    way = "longer" if gap_ms > 0 else "shorter"
    if abs(gap_ms) <= NEAR_MS:
        return f"{round(abs(gap_ms) / 1000)} s {way}"
    return f"{'10 to 30' if abs(gap_ms) <= 30_000 else 'more than 30'} s {way}"


@lru_cache(16384)
def _reason(evidence: str, length: str) -> Reason:
    same: list[str] = []
    against: list[str] = []
    for one in parts(evidence):
        name = str(one.get("part") or one.get("sign") or "")
        sentence = re.sub('"[^"]*"', "", str(one.get("sentence") or ""))
        said = next((words for part, has, words in DIFFERENT if part == name and has in sentence), None)
        if said:
            against.append(said)
        elif said is None:
            same += MORE.get(name) or (NOUNS.get(name, _plain(name)),)
    same = sorted(dict.fromkeys(s for s in same if s), key=lambda s: (ORDER.index(s) if s in ORDER else len(ORDER), s))
    against = list(dict.fromkeys(against))
    if length:
        against.append(length)
    strong = [word for word in against if word not in FEWER_WORDS] or against
    if len(same) == 1 and "other title" in against:
        label = f"only {same[0]} agrees"
    else:
        label = ", ".join([*(["same " + _listed(same)] if same else []), *strong]) or "no reason is given"
    return Reason(label, tuple(same), tuple(against))


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _plain(name: str) -> str:
    return re.sub(r"[^\w ]+", " ", name.replace("_", " ")).strip()
