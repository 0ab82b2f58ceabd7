"""Whether two records are of the same recording, how sure that is, and why. Pure.

`compare` weighs named parts against each other; a weight is evidence in log-odds (+1 makes "same" e times as likely), so the parts add up
and each says what it did. What is missing adds nothing. What cannot both be true bounds the sum: two versions, two movements, two places
on one album are different recordings, whatever else agrees. `cluster` groups many records by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from rapidfuzz import fuzz

from .. import text
from ..text.versions import agree
from ..text.words import KINDS, SMALL, TRIBUTES
from .record import Aliases, Reading, Record, foreign, generic, prepare
from .titles import alike, spelled_alike
from .weights import ALBUM, ALMOST, ARTISTS, CONTRADICTING, MAYBE, NEVER, SAME, SECONDS, START, Part, on

if TYPE_CHECKING:
    from ..db import Database
    from .lookup import Candidate


@dataclass(frozen=True, slots=True)
class Comparison:
    """confidence 0-100 that both are the same recording; verdict; parts by name; barred: why they can never be the same, or None."""

    confidence: float
    verdict: Literal["same", "maybe", "different"]
    parts: dict[str, Part]
    barred: str | None = None

    @property
    def evidence(self) -> list[dict[str, str]]:
        """What `track_links.evidence` keeps: [{"part", "sentence"}], the weightiest first."""
        ordered = sorted(self.parts.items(), key=lambda p: -abs(p[1].weight))
        return [{"part": name, "sentence": part.sentence} for name, part in ordered]


def compare(a: Mapping[str, Any] | Record, b: Mapping[str, Any] | Record, *, aliases: Aliases | None = None) -> Comparison:
    """Compare two records: dicts with any of title, version, artist or artists, album, duration_ms, isrc, year, track_no, ids, platform.

    aliases: other names of artists and titles, as `aliases.known(db)` gives them. compare(a, b) equals compare(b, a). Never raises for
    what a dict holds.
    """
    one, other = (x if isinstance(x, Record) else prepare(x, aliases) for x in (a, b))
    if len(one.readings) == len(other.readings) == 1:
        best = _weigh(one, other, one.readings[0], other.readings[0], 0.0)
    else:
        ways = ((x, y, _borne_out(x, y), _borne_out(y, x)) for x, y in product(one.readings, other.readings))
        judged = (_weigh(one, other, x, y, p + q) for x, y, p, q in ways if p is not None and q is not None)
        best = max(judged, key=lambda c: c.confidence)
    return _misplaced(one, other, best) if best.confidence < 50 and not best.barred else best


def _misplaced(one: Record, other: Record, found: Comparison) -> Comparison:
    """The same with a part "words" where both sides say the same words in other fields: doubtful, but worth a look."""
    if (bool(one.artist_shown), bool(one.album_shown)) == (bool(other.artist_shown), bool(other.album_shown)):
        return found
    if fuzz.ratio(one.line, other.line) < 88 or any(found.parts[n].weight < 0 for n in CONTRADICTING & found.parts.keys()):
        return found
    here, there = one.line.split(), other.line.split()
    titles = (text.norm(one.readings[0].base), there), (text.norm(other.readings[0].base), here)
    if not all(_stands_in(w, words) for title, words in titles for w in title.split()):
        return found
    parts = found.parts | {"words": Part(0.9, 0.0, "Both say the same words, in other fields.")}
    total = sum(part.weight for part in parts.values())
    parts["words"] = parts["words"]._replace(weight=round(0.85 - START - total, 2))  # whatever it takes to 70
    return Comparison(70.0, "maybe", parts)


def _stands_in(word: str, words: list[str]) -> bool:
    return word in words or (len(word) > 3 and any(fuzz.ratio(word, w) >= 75 for w in words))


def _borne_out(x: Reading, y: Reading) -> float | None:
    """Weight of taking a part of the title for an artist or album: 0 where the other side bears it out, None where it does not."""
    if not x.moved:
        return 0.0
    if x.moved == "artist":
        if not y.artists:
            return -1.0
        alike = _names_alike(x.artists, y.artists)
        return 0.0 if alike >= 0.8 else -0.5 if alike >= 0.66 or _within(x.artists, y.artists) else None
    if y.moved in ("album", "version"):  # then both are guesses, and must say the very same
        return 0.0 if x.moved == y.moved == "album" and x.album == y.album else None
    if not y.album and x.moved == "album" and not y.moved:
        return -2.0
    return 0.0 if fuzz.ratio(x.album, y.album) >= 78 else None


def _within(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether all words of one name are words of the other, in which one of them is rare enough: "Tin", "Tin Men"."""
    fewer, more = sorted((set(" ".join(names).split()) - SMALL for names in (one, other)), key=len)
    return bool(fewer) and fewer <= more and max(map(len, fewer)) > 2


def confidence(a: Record, b: Record) -> float:
    """compare(a, b).confidence."""
    return compare(a, b).confidence


def _weigh(one: Record, other: Record, x: Reading, y: Reading, guess: float) -> Comparison:
    parts: dict[str, Part] = {}
    if guess:
        parts["reading"] = Part(0.5, guess, f'"{next(r for r in (x, y) if r.moved).written}" is read as a part of the title; nothing else says so.')
    gap = abs(one.duration_ms - other.duration_ms) if one.duration_ms and other.duration_ms else None
    parts["title"], extra = alike(x, y)
    if people := _artists(x, y):
        parts["artists"] = people
        if people.score < 0.6 and not (x.moved or y.moved) and (swapped := _swapped(x, y)):
            parts["title"], parts["artists"] = swapped
    version, bar = _version(x, y, gap, extra)
    if version:
        parts["version"] = version
    if gap is not None:
        parts["duration"] = Part(max(0.0, 1 - gap / 30_000), on(SECONDS, gap / 1000), f"The lengths differ by {gap / 1000:.1f} s.")
    _release(one, other, x, y, gap, parts)
    _identifiers(one, other, parts)
    bar = bar or _bar(parts, x, y)
    total = START + sum(part.weight for part in parts.values())
    sure = 100 / (1 + math.exp(-total)) if abs(total) < 40 else 100.0 * (total > 0)
    if "artists" not in parts and not parts.keys() & {"isrc", "ids"}:
        sure = min(sure, 79.0 if gap is None or "album" not in parts else 90.0)  # nobody was named: a title is not enough
    if bar:
        sure = min(sure, 45.0 if "ids" in parts and parts["ids"].weight > 0 else NEVER)
    sure = round(sure, 2)
    return Comparison(sure, "same" if sure >= SAME else "maybe" if sure >= MAYBE else "different", parts, bar)


# ---------- artists
def _swapped(x: Reading, y: Reading) -> tuple[Part, Part] | None:
    """Title and artist in each other's place."""
    if not (x.artists and y.artists):
        return None
    crosswise = min(fuzz.ratio(x.base, " ".join(y.artists)), fuzz.ratio(y.base, " ".join(x.artists))) / 100
    if crosswise < 0.92:
        return None
    return Part(0.9, 2.6, "One side has title and artist in each other's place."), Part(0.9, 1.2, "The artist is the other side's title.")


def _artists(x: Reading, y: Reading) -> Part | None:
    if not (x.artists and y.artists):
        return None
    one, other = set(x.artists), set(y.artists)
    if one == other:
        if _other_guests(x, y):
            return Part(0.7, on(ARTISTS, 1.0) - 4.0, "The artists are the same, but other guests are named.")
        return Part(1.0, on(ARTISTS, 1.0), "The artists are the same.")
    if foreign(" ".join(x.artists)) != foreign(" ".join(y.artists)):
        return Part(0.5, -1.5, f"The artists are written in different scripts: {_credited(x)}; {_credited(y)}.")
    score = _names_alike(x.artists, y.artists)
    if TRIBUTES & (set(" ".join(x.artists).split()) ^ set(" ".join(y.artists).split())):
        return Part(min(score, 0.3), on(ARTISTS, 0.3), f"One plays others' songs: {_credited(x)}; {_credited(y)}.")
    if score < 0.8 and x.version.kinds == y.version.kinds and x.version.words == y.version.words and (_remixer(x) or _remixer(y)):
        return Part(0.8, on(ARTISTS, 0.8), f"One side names who made the version as the artist: {_credited(x)}; {_credited(y)}.")
    if score < 0.95 and (one & (other | y.guests) or other & x.guests or x.people & y.people):
        score = max(score, 0.9)
        return Part(score, on(ARTISTS, score), f"They share an artist: {_credited(x)}; {_credited(y)}.")
    said = "The artists are nearly the same" if score >= 0.8 else "The artists differ"
    return Part(score, on(ARTISTS, score), f"{said}: {_credited(x)}; {_credited(y)}.")


def _remixer(x: Reading) -> bool:
    """Whether its artist is named in its version."""
    return bool(x.version.kinds) and set(" ".join(x.artists).split()) - SMALL <= x.version.words


def _other_guests(x: Reading, y: Reading) -> bool:
    """Whether each side names guests of whom the other knows nothing: the song was sung again, with somebody else."""
    one, other = ({w for name in r.guests for w in name.split()} - SMALL for r in (x, y))
    if not (one and other) or not one.isdisjoint(other) or foreign(" ".join(one)) != foreign(" ".join(other)):
        return False
    return fuzz.ratio(" ".join(sorted(one)), " ".join(sorted(other))) < 60


def _credited(x: Reading) -> str:
    return '"' + ", ".join(x.artists) + '"'


def _names_alike(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """0-1: the same words in any order; all words of one in the other ("Ada", "Ada & Bo"); or spelled nearly so."""
    x, y = " ".join(one), " ".join(other)
    score = max(fuzz.ratio(x, y), fuzz.token_sort_ratio(x, y)) / 100
    if x.replace(" ", "") == y.replace(" ", ""):
        return 1.0
    if len(x) > 2 and spelled_alike(x, y):
        return 0.95
    a, b = ({w for w in text.split() if w not in SMALL} for text in (x, y))
    if a == b and a:
        return 1.0
    fewer, more = sorted((a, b), key=len)
    if len(fewer) > 1 and fewer < more:
        return max(score, 0.88)
    if fewer and fewer < more and len(next(iter(fewer))) > 3:
        return max(score, 0.66)
    if len(x) < 6 or len(y) < 6:
        return score if score == 1.0 else min(score, 0.7)
    return score


# ---------- version
def _version(x: Reading, y: Reading, gap: int | None, extra: tuple[str, ...]) -> tuple[Part | None, str | None]:
    """What the version words say, and why they bar the pair."""
    a, b = x.version, y.version
    how = agree(a, b)
    written = f'"{a.written or "plain"}", "{b.written or "plain"}"'
    more = {KINDS[w] for w in extra if w in KINDS} - {"version", "take", "part", "cut", "intro", "outro"}
    if how == "different":
        if (a.kinds == {"live"} and "live" in y.implied and not b.kinds) or (b.kinds == {"live"} and "live" in x.implied and not a.kinds):
            return Part(0.8, 0.0, "One title says live, the other one's album does."), None
        if extra == ("typo",):
            return Part(0.8, -0.5, f"The versions are nearly the same: {written}."), None
        if extra == ("whole",):
            return Part(0.9, 0.0, "The version stands in the title on one side."), None
        return Part(0.0, -6.0, f"They name different versions: {written}."), f"They name different versions: {written}."
    if "live" in a.kinds & b.kinds and how == "same" and _two_concerts(x, y):
        return Part(0.4, -2.0, "Both are live, on albums of two concerts."), None
    if more and not (a.kinds or b.kinds) and len(extra) <= 4:
        return Part(0.1, -3.0, f"Only one title has the word {sorted(more)[0]}."), f"Only one title has the word {sorted(more)[0]}."
    if how == "soft":
        if gap is None:
            return Part(0.5, -1.3, f"Perhaps another mix: {written}; only the lengths could tell."), None
        if gap <= ALMOST:
            return Part(0.8, -0.3, f"Perhaps another mix ({written}), but of the same length."), None
        return Part(0.2, -2.5, f"Another mix, of another length: {written}."), None
    if how == "unnamed":
        return Part(0.7, -1.0 if gap is None else -0.6, f"One side says more about the version: {written}."), None
    if x.implied != y.implied and x.album and y.album and x.album != y.album and not (a.kinds or b.kinds):
        kind = next(iter(x.implied ^ y.implied))
        if kind == "karaoke":
            return Part(0.0, -5.0, "The album of one side is karaoke or a tribute."), "The album of one side is karaoke or a tribute."
        return Part(0.3, -2.0, "The album of one side is live."), None
    if how == "edition":
        return Part(0.95, -0.1, "Editions of one recording (remaster, explicit, clean, deluxe)."), None
    return (Part(1.0, 0.4, f"Both name the same version: {written}."), None) if a.kinds or a.words else (None, None)


def _two_concerts(x: Reading, y: Reading) -> bool:
    """Whether both albums say where they were recorded, and say otherwise."""
    return "live" in x.implied & y.implied and fuzz.token_set_ratio(x.album, y.album) < 85


# ---------- release, place, year
def _release(one: Record, other: Record, x: Reading, y: Reading, gap: int | None, parts: dict[str, Part]) -> None:
    same_album = False
    if x.album and y.album:
        score = 1.0 if x.album == y.album else max(fuzz.ratio(x.album, y.album), 0.95 * fuzz.token_sort_ratio(x.album, y.album)) / 100
        fewer, more = sorted((x.album, y.album), key=len)
        if score < 0.85 and len(fewer) >= 5 and f" {fewer} " in f" {more} ":
            score = 0.85
        same_album = score >= 0.85
        weight = on(ALBUM, score)
        if same_album and parts["title"].score == 0.5:
            weight -= 1.5  # an album is not half translated
        if not same_album and generic(x) and generic(y) and (gap is None or gap > 1000):
            weight -= 2.5
        what = "are the same" if score == 1.0 else "are nearly the same" if same_album else "differ"
        shown = "" if score == 1.0 else f': "{one.album_shown or x.album}", "{other.album_shown or y.album}"'
        parts["album"] = Part(score, weight, f"The albums {what}{shown}.")
    if same_album and one.track_no and other.track_no:
        if one.track_no == other.track_no:
            parts["track position"] = Part(1.0, 0.8 if x.base and y.base else 3.0, f"Both are number {one.track_no} of the album.")
        else:
            weight = -0.8 if parts["title"].score == 1.0 and not generic(x) else -2.5
            parts["track position"] = Part(0.0, weight, f"They are numbers {one.track_no} and {other.track_no} of the album.")
    if same_album and one.platform and one.platform == other.platform and parts["title"].score < 1:
        parts["platform"] = Part(0.0, -2.0, f"On {one.platform} both stand on this album.")
    if one.year and other.year:
        years = abs(one.year - other.year)
        weight = 0.3 if years == 0 else 0.1 if years == 1 else -0.3
        parts["year"] = Part(max(0.0, 1 - years / 10), weight, f"The years are {one.year} and {other.year}.")


# ---------- identifiers
def _identifiers(one: Record, other: Record, parts: dict[str, Part]) -> None:
    if one.isrc and other.isrc:
        if one.isrc == other.isrc:
            parts["isrc"] = Part(1.0, 3.5, "Both carry the same ISRC.")
        else:  # a recording may have several: by label, by edition
            parts["isrc"] = Part(0.0, -0.8, "The ISRCs differ.")
    if one.ids & other.ids:
        scheme = sorted(one.ids & other.ids)[0][0]
        parts["ids"] = Part(1.0, 7.0, f"Both carry the same {scheme.replace('_', ' ')} id.")
    elif {s for s, _ in one.ids} & {s for s, _ in other.ids} & {"mb_recording"}:
        parts["ids"] = Part(0.0, -1.5, "Their MusicBrainz recordings differ.")

    if parts["title"].score == 0.5 and any(name in parts and parts[name].weight > 0 for name in ("isrc", "ids")):
        parts["title"] = parts["title"]._replace(weight=max(-1.0, parts["title"].weight))  # a translated title, perhaps


def _bar(parts: dict[str, Part], x: Reading, y: Reading) -> str | None:
    """Why the pair cannot be one recording, beside versions: other numbers (parts, movements, volumes)."""
    title = parts["title"]
    if title.sentence.startswith("The numbers differ") and bool(x.numbers) == bool(y.numbers):
        return title.sentence
    return None


def cluster(records: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return a label per record, equal for the same recording: average link, never two versions in one cluster. See musicdb.clusters."""
    from .clusters import cluster as grouped  # clusters needs compare

    return grouped(records)


def candidates(db: Database, record: Mapping[str, Any], *, limit: int = 5, least: float = MAYBE) -> list[Candidate]:
    """Return the tracks of the library that a record may be, best first: [(track_id, comparison)]. See musicdb.candidates."""
    from .lookup import candidates as found

    return found(db, record, limit=limit, least=least)
