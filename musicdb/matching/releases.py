"""Whether two releases are one pressing, or two editions of one album, and why. Pure.

Two questions, one comparison. *The same album?* asks title, artists, tracks, type and ids; label, country, year and medium say next to
nothing, because an album comes out again and again. *The same release?* asks what makes a pressing: barcode, catalogue number, label, date,
country, medium and the edition that the title names. Streams have no catalogue number and a barcode of their own, so a record and a stream
are two releases of one album. Weights are log-odds, as in `matching`; what is missing adds nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rapidfuzz import fuzz

from .. import text
from ..text import versions
from . import Comparison
from .record import album_key, latin, number, prepare, said
from .weights import ARTISTS, MAYBE, SAME, START, TITLE, Part, on

STREAMING = frozenset("spotify tidal apple_music deezer qobuz youtube soundcloud".split())  # a release of theirs is a stream
MEDIA = {  # words of Discogs' formats, and what they are made of
    "vinyl": "vinyl", "lp": "vinyl", "shellac": "vinyl", "lathe cut": "vinyl", "acetate": "vinyl", "flexi-disc": "vinyl", "7\"": "vinyl",
    "10\"": "vinyl", "12\"": "vinyl", "cd": "CD", "cdr": "CD", "sacd": "CD", "hdcd": "CD", "cassette": "cassette", "cass": "cassette", "dvd": "DVD",
    "blu-ray": "DVD", "file": "file", "mp3": "file", "flac": "file", "wav": "file", "aac": "file", "aiff": "file",
}  # fmt: skip
GENERIC = frozenset("greatest hits|best of|the best of|collection|the collection|anthology|singles|the singles|remixes|live|ep|demo|untitled|b sides".split("|"))
PLURAL = frozenset("remixes versions dubs mixes edits reworks instrumentals remixed acapellas demos outtakes".split())  # an album of those is another album
KINDS = {"single": 1, "ep": 2, "album": 3, "compilation": 4}  # how far apart types are: a single is no album
SAME_SECONDS = 3.0  # mean difference in length of the tracks of one master
ALBUM_IDS = ("discogs_master", "mb_release_group")
RELEASE_IDS = ("discogs_release", "mb_release", "spotify", "tidal")
NO_LABEL = frozenset(("not on label", "self released", "none", "white label", "no label"))
_NUMBER = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Releases(Comparison):
    """A Comparison of two releases: confidence and verdict say whether they are one pressing. album: confidence 0-100 that they are editions
    of one album; level: the closest thing that they are the same of, None = nothing, or not sure.
    """

    album: float = 0.0
    level: Literal["release", "release group"] | None = None


@dataclass(frozen=True, slots=True)
class _Side:
    title: str
    base: str
    edition: frozenset[str]
    kinds: frozenset[str]
    artists: tuple[str, ...]
    labels: dict[str, str]  # label -> catalogue number
    barcode: str | None
    date: str
    year: int | None
    country: str
    media: frozenset[str]
    type: str
    total: int | None
    tracks: tuple[tuple[str, float | None], ...]
    ids: dict[str, str]
    length: float | None


def compare(a: Mapping[str, Any], b: Mapping[str, Any]) -> Releases:
    """Compare two releases: dicts as `said` of platform_releases has them, any of title, artists (album_artists), label, catalogue_number,
    labels, barcode, release_date, year, country, formats, album_type, track_total, duration_ms (all tracks), ids, platform; and tracks:
    [{"title", "duration_ms"}] in order.

    compare(a, b) equals compare(b, a) in confidence, album and level. Never raises for what a dict holds.
    """
    one, other = _side(a), _side(b)
    parts: dict[str, Part] = {}
    album, bar = _album(one, other, parts)
    same_album = _sigmoid(album)
    if bar:
        same_album = min(same_album, 3.0)
    pressing: dict[str, Part] = {}
    other_pressing = _pressing(one, other, pressing)
    total = 0.5 + sum(p.weight for p in pressing.values())
    sure = min(_sigmoid(total), same_album if "barcode" not in pressing or pressing["barcode"].weight < 0 else 100.0)
    if pressing.keys() >= {"barcode"} and pressing["barcode"].weight > 0 and not bar:
        same_album = max(same_album, sure)  # one barcode, one thing
    if bar or other_pressing:
        sure = min(sure, 3.0)
    if not pressing.keys() & {"barcode", "catalogue number", "ids"}:
        sure = min(sure, 75.0)  # nothing names the pressing
    sure, same_album = round(sure, 2), round(max(same_album, sure), 2)
    level = "release" if sure >= SAME else "release group" if same_album >= SAME else None
    verdict = "same" if sure >= SAME else "maybe" if sure >= MAYBE else "different"
    return Releases(sure, verdict, parts | pressing, bar or other_pressing, same_album, level)


def _sigmoid(total: float) -> float:
    return 100 / (1 + math.exp(-total)) if abs(total) < 40 else 100.0 * (total > 0)


# ---------- reading
def _side(r: Mapping[str, Any]) -> _Side:
    title = said(r.get("title") or r.get("album"))
    base = album_key(title)
    read = text.split_title(title)
    version = versions.read(read.version, " ".join(read.junk))
    words = {w for w in text.norm(" ".join((read.version or "", *read.junk))).split() if w not in ("version", "edition", "the")}
    names = r.get("album_artists") or r.get("artists") or r.get("artist") or ()
    record = prepare({"title": "x", "artists": names})
    labels: dict[str, str] = {}
    listed = r.get("labels") if isinstance(r.get("labels"), list) else []
    for label in [{"name": r.get("label"), "catalogue_number": r.get("catalogue_number")}, *(one for one in listed if isinstance(one, Mapping))]:
        name = _label(said(label.get("name")))
        cat = _NUMBER.sub("", said(label.get("catalogue_number") or label.get("catno"))).casefold()
        if name or cat:
            labels.setdefault(name, "" if cat == "none" else cat)
    digits = re.sub(r"\D", "", said(r.get("barcode"))).lstrip("0")
    date = said(r.get("release_date"))
    year = int(number(r.get("year")) or number(date[:4]) or 0) or None
    formats = [str(f).casefold() for f in r.get("formats") or () if isinstance(f, str)] if isinstance(r.get("formats"), list | tuple) else []
    media = frozenset(MEDIA[f] for f in formats if f in MEDIA) or (frozenset(("file",)) if said(r.get("platform")) in STREAMING else frozenset())
    listed_tracks = r.get("tracks") if isinstance(r.get("tracks"), list | tuple) else ()
    tracks = tuple(
        (latin(text.norm(text.split_title(said(t.get("title"))).base)), number(t.get("duration_ms"))) for t in listed_tracks if isinstance(t, Mapping) and said(t.get("title"))
    )
    ids = r.get("ids") if isinstance(r.get("ids"), Mapping) else {}
    lengths = [ms for _, ms in tracks]
    whole = number(r.get("duration_ms")) or (sum(ms for ms in lengths if ms) if lengths and all(lengths) else None)
    return _Side(
        title, base, frozenset(words), version.kinds | versions.of_album(title) | (PLURAL & set(text.norm(title).split())), tuple(record.readings[0].artists), labels,
        digits if len(digits) >= 8 else None, date, year, text.norm(said(r.get("country"))), media, said(r.get("album_type")),
        int(number(r.get("track_total")) or 0) or len(tracks) or None, tracks, {str(k): said(v) for k, v in ids.items() if said(v)}, whole,
    )  # fmt: skip


def _label(name: str) -> str:
    plain = re.sub(r" (records|recordings|music|ltd|inc|gmbh|llc|group|entertainment)$", "", text.norm(re.sub(r"\s*\(\d+\)$", "", name)))
    return "" if plain in NO_LABEL or plain.startswith("not on label") else plain


# ---------- the same album
def _album(a: _Side, b: _Side, parts: dict[str, Part]) -> tuple[float, str | None]:
    """(log-odds that they are editions of one album, why they cannot be)."""
    bar = None
    if a.base and b.base:
        score = 1.0 if a.base == b.base else max(fuzz.ratio(a.base, b.base), 0.97 * fuzz.token_sort_ratio(a.base, b.base)) / 100
        fewer, more = sorted((a.base, b.base), key=len)
        if score < 0.85 and len(fewer) > 6 and more.startswith(fewer + " ") and _contents(a, b) > 0.6:
            score = 0.85  # a subtitle
        if re.findall(r"\d+", a.base) != re.findall(r"\d+", b.base):
            score, bar = min(score, 0.5), f'The numbers differ: "{a.title}", "{b.title}".'
        weight = on(TITLE, score) - (2.0 if a.base in GENERIC and score == 1.0 else 0.0)
        how = "are the same" if score == 1.0 else "are nearly the same" if score >= 0.85 else "differ"
        parts["title"] = Part(score, weight, f'The titles {how}: "{a.title}", "{b.title}".')
    if a.kinds != b.kinds and not (a.kinds ^ b.kinds) <= {"version", "mix", "recorded", "recording"}:
        bar = bar or f"Only one is {' '.join(sorted(a.kinds ^ b.kinds))}."
        parts["version"] = Part(0.0, -6.0, bar)
    if a.artists and b.artists:
        x, y = " ".join(a.artists), " ".join(b.artists)
        score = max(fuzz.ratio(x, y), fuzz.token_sort_ratio(x, y)) / 100
        if set(a.artists) & set(b.artists):
            score = max(score, 0.9)
        parts["artists"] = Part(score, on(ARTISTS, score), f"The artists {'are the same' if score > 0.95 else 'are nearly the same' if score >= 0.75 else 'differ'}.")
    elif a.tracks and b.tracks:
        parts["artists"] = Part(0.5, 0.0, "Various artists, or nobody named.")
    shared = _contents(a, b)
    if shared >= 0:
        weight = 4.0 * shared - 2.0 if shared < 1 else 2.5
        parts["tracks"] = Part(shared, weight, f"{round(100 * shared)} % of the tracks of the shorter one are on the other.")
    elif a.total and b.total:
        near = min(a.total, b.total) / max(a.total, b.total)
        parts["track count"] = Part(near, 0.6 if near == 1 else -0.2 if near > 0.6 else -1.5, f"{a.total} and {b.total} tracks.")
    if a.type in KINDS and b.type in KINDS and a.type != b.type:
        far = abs(KINDS[a.type] - KINDS[b.type])
        small = min(a.total or 0, b.total or 0)
        weight = -0.3 if far == 1 and (not small or abs((a.total or 0) - (b.total or 0)) <= 1) else -1.0 if shared > 0.8 and a.total == b.total else -2.5
        parts["type"] = Part(0.3, weight, f"One is called {a.type}, the other {b.type}.")
    for scheme in ALBUM_IDS:
        if scheme in a.ids and scheme in b.ids:
            same = a.ids[scheme] == b.ids[scheme]
            parts["album id"] = Part(float(same), 7.0 if same else -2.0, f"Their {scheme.replace('_', ' ')} {'is the same' if same else 'differs'}.")
    if set(a.labels) & set(b.labels) - {""}:
        parts["album label"] = Part(1.0, 0.5, "One label has both.")
    total = START + 1.0 + sum(p.weight for p in parts.values())
    return (total if "title" in parts else min(total, -1.0)), bar


def _contents(a: _Side, b: _Side) -> float:
    """Share of the shorter one's tracks that the other has, by title; -1 where one lists none."""
    if not (a.tracks and b.tracks):
        return -1.0
    fewer, more = sorted(([t for t, _ in s.tracks] for s in (a, b)), key=len)
    left = list(more)
    found = 0
    for title in fewer:
        best = max(left, key=lambda t: fuzz.ratio(title, t), default=None)
        if best is not None and fuzz.ratio(title, best) >= 85:
            left.remove(best)
            found += 1
    return found / len(fewer)


# ---------- the same pressing
def _pressing(a: _Side, b: _Side, parts: dict[str, Part]) -> str | None:
    """Fill what says whether they are one pressing; return why they cannot be."""
    bar = None
    for scheme in RELEASE_IDS:
        if scheme in a.ids and scheme in b.ids:
            same = a.ids[scheme] == b.ids[scheme]
            parts["ids"] = Part(float(same), 9.0 if same else -6.0, f"Their {scheme.replace('_', ' ')} id {'is the same' if same else 'differs'}.")
    if a.barcode and b.barcode:
        same = a.barcode == b.barcode
        parts["barcode"] = Part(float(same), 5.0 if same else -5.0, f"The barcodes {'are the same' if same else 'differ'}.")
    if a.media and b.media:
        same = not a.media.isdisjoint(b.media)
        parts["medium"] = Part(float(same), 0.4 if same else -5.0, f"{', '.join(sorted(a.media))} and {', '.join(sorted(b.media))}.")
        if not same and parts.get("ids", parts["medium"]).weight < 0:
            bar = f"One is {', '.join(sorted(a.media))}, the other {', '.join(sorted(b.media))}."
    numbers = [{n for n in s.labels.values() if n} for s in (a, b)]
    if all(numbers):
        same = not numbers[0].isdisjoint(numbers[1])
        parts["catalogue number"] = Part(float(same), 3.0 if same else -4.0, f"The catalogue numbers {'are the same' if same else 'differ'}.")
    named = [set(s.labels) - {""} for s in (a, b)]
    if all(named):
        score = max(fuzz.ratio(x, y) for x in named[0] for y in named[1]) / 100
        parts["label"] = Part(score, 0.8 if score >= 0.9 else -2.5, f"The labels {'are the same' if score >= 0.9 else 'differ'}.")
    if a.country and b.country:
        same = a.country == b.country
        parts["country"] = Part(float(same), 0.3 if same else -1.5, f"They came out in {a.country} and {b.country}.")
    if (a.date and b.date) or (a.year and b.year):
        n = min(len(a.date), len(b.date))
        exact = n >= 7 and a.date[:n] == b.date[:n]
        same = exact or a.year == b.year
        weight = 1.2 if exact and n >= 10 else 0.8 if exact else 0.3 if same and n < 7 else -0.5 if same else -1.0 if abs((a.year or 0) - (b.year or 0)) == 1 else -3.0
        parts["date"] = Part(float(same), weight, f"They came out {a.date or a.year} and {b.date or b.year}.")
    if a.edition != b.edition:
        parts["edition"] = Part(0.2, -2.5, "Their titles name different editions.")
    if a.total and b.total and a.total != b.total:
        parts["number of tracks"] = Part(0.2, -2.5, f"{a.total} and {b.total} tracks.")
    gap = _gap(a, b)
    if gap is not None:
        weight = 1.0 if gap <= SAME_SECONDS else -1.5
        parts["lengths"] = Part(1.0 if gap <= SAME_SECONDS else 0.3, weight, f"The tracks differ by {gap:.1f} s on average.")
    return bar


def _gap(a: _Side, b: _Side) -> float | None:
    """Mean difference in length of the tracks in seconds; None where unknown or not as many."""
    if a.tracks and b.tracks and len(a.tracks) == len(b.tracks):
        both: Sequence[tuple[float, float]] = [(x, y) for (_, x), (_, y) in zip(a.tracks, b.tracks) if x and y]
        if len(both) >= 0.8 * len(a.tracks):
            return sum(abs(x - y) for x, y in both) / len(both) / 1000
    if a.length and b.length and a.total and a.total == b.total:
        return abs(a.length - b.length) / a.total / 1000
    return None
