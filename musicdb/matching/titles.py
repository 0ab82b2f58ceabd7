"""How alike two titles are, and which words only one of them has. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from ..text.words import COUNTERS, COUNTING, HEARD, KEYS, NAMED, NOTES, SMALL
from .record import Reading, generic
from .weights import TITLE, Part, on


def alike(x: Reading, y: Reading) -> tuple[Part, tuple[str, ...]]:
    """How alike the titles are, and the words that only one of them has."""
    if not (x.base and y.base):
        return Part(0.5, 0.0, "A title is missing."), ()
    if x.written != y.written and (x.version.written or y.version.written) and _mistyped(x, y):
        return Part(0.93, on(TITLE, 0.93), f"The titles are nearly the same: {_quoted(x, y)}."), ("typo",)
    if x.base == y.base or x.base.replace(" ", "") == y.base.replace(" ", ""):
        weight = on(TITLE, 1.0) + 0.5 * (min(len(x.words), len(y.words)) > 3)
        if generic(x):
            return Part(1.0, weight - 2.0, f'The title "{x.written}" is the same, but many tracks are called so.'), ()
        return Part(1.0, weight, "The titles are the same."), ()
    if x.whole == y.whole and (" " in x.version.written + y.version.written or "live" not in x.version.kinds | y.version.kinds):
        return Part(1.0, on(TITLE, 1.0), "The titles with their versions are the same."), ("whole",)
    if x.foreign != y.foreign:
        return Part(0.5, -1.8, f"The titles are in different scripts: {_quoted(x, y)}."), ()
    if _bare(x.words) == _bare(y.words):
        return Part(0.92, on(TITLE, 0.92), f"An article apart the titles are the same: {_quoted(x, y)}."), ()
    score = max(fuzz.ratio(x.base, y.base), 0.97 * fuzz.token_sort_ratio(x.base, y.base)) / 100
    if score >= 0.6 and min(len(x.base), len(y.base)) > 3 and spelled_alike(x.base, y.base):
        return Part(0.95, on(TITLE, 0.95), f"The titles are one, in another spelling: {_quoted(x, y)}."), ()
    only = _unmatched(x.words, y.words)
    if not HEARD.keys().isdisjoint(only) and _sounds(x.words) & _sounds(y.words):
        return Part(0.95, on(TITLE, 0.95), f"A number is written out: {_quoted(x, y)}."), ()
    if only and x.numbers == y.numbers != () and COUNTERS.issuperset(only):
        return Part(0.93, on(TITLE, 0.93), f"The numbers are the same: {_quoted(x, y)}."), ()
    if len(only) == 2 and NOTES.issuperset(only) and not {"major", "minor", "sharp", "flat"}.isdisjoint(x.words):
        return Part(0.4, on(TITLE, 0.4), f"The musical keys differ: {_quoted(x, y)}."), only
    if not KEYS.isdisjoint(only) and not NOTES.isdisjoint({*x.words, *y.words}):
        return Part(0.4, on(TITLE, 0.4), f"The musical keys differ: {_quoted(x, y)}."), only
    if score >= 0.7 and any(_negates(w, v) for w in only for v in only):
        return Part(0.6, on(TITLE, 0.6), f"One title says the opposite: {_quoted(x, y)}."), ()
    if only and _letters(x.words, only) and _letters(y.words, only) and x.words[: len(y.words) - 1] == y.words[: len(x.words) - 1]:
        return Part(0.45, on(TITLE, 0.45), f"The numbers differ: {_quoted(x, y)}."), only  # "Groove A", "Groove B"
    if bool(x.numbers) != bool(y.numbers) and _only_a_part(x.words, y.words):
        return Part(0.6, -2.5, f"One title has a part number: {_quoted(x, y)}."), ()
    if x.numbers != y.numbers and set(only) & {*x.numbers, *y.numbers}:
        return Part(min(score, 0.45), on(TITLE, min(score, 0.45)), f"The numbers differ: {_quoted(x, y)}."), only
    longest = max(len(x.base), len(y.base))
    edits = OSA.distance(x.base, y.base)
    if _turned(x.base, y.base):
        score = 0.95 if longest >= 14 else 0.9
        return Part(score, on(TITLE, score), f"Two letters changed places: {_quoted(x, y)}."), ()
    if edits <= 2 and longest < 5 * edits + 1:
        score = min(score, 0.72)  # in a short title one letter is another word
    if only and len(fewer := min(x.words, y.words, key=len)) <= 3 and set(fewer) < {*x.words, *y.words} == set(max(x.words, y.words, key=len)) and not set(only) <= SMALL:
        score = min(score, 0.78)  # "Do Not Stop", "Do Not Stop Now"
    if _other_words(x.words, y.words, only) and fuzz.ratio(x.base.replace(" ", ""), y.base.replace(" ", "")) < 92:
        score = min(score, 0.7)  # each has a word of its own: "Copper Rain", "Copper Wire"
    if score < 0.9 and (x.short == y.short or x.short == y.base or x.base == y.short) and len(x.short) > 3:
        before = any(r.written.startswith(("(", "[")) for r in (x, y))  # "(I Never Said) Goodnight"; behind a title it may be a version
        score = 0.86 if before else 0.81
        return Part(score, on(TITLE, score), f"One title has more in brackets: {_quoted(x, y)}."), ()
    if score < 0.9 and (cut := _cut_short(x, y)):
        return Part(cut, on(TITLE, cut), f"One title goes on: {_quoted(x, y)}."), only
    said = "The titles are nearly the same" if score >= 0.8 else "The titles differ"
    return Part(score, on(TITLE, score), f"{said}: {_quoted(x, y)}."), only


def _bare(words: tuple[str, ...]) -> tuple[str, ...]:
    return words[1:] if len(words) > 1 and words[0] in ("the", "a", "an") else words


def _quoted(x: Reading, y: Reading) -> str:
    return f'"{x.written}", "{y.written}"'


def _unmatched(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Words of either title that the other has not, a letter or so apart counting as had."""
    left = [w for w in one if w not in other]
    right = [w for w in other if w not in one]
    for w in list(left):
        twin = next((v for v in right if len(w) > 3 and fuzz.ratio(w, v) >= 75 and not _negates(w, v)), None)
        if twin:
            left.remove(w)
            right.remove(twin)
    return (*left, *right)


def _negates(one: str, other: str) -> bool:
    """Whether one word is the other with "un", "re", "non" or "dis" before it: "happy", "unhappy"."""
    short, long = sorted((one, other), key=len)
    return len(short) > 2 and long.endswith(short) and long[: -len(short)] in ("un", "re", "non", "dis")


def _sounds(words: tuple[str, ...]) -> set[str]:
    """The title with its numbers written out, without gaps, in both ways they are read: "4 ever" is "fourever" and "forever"."""
    return {"".join(names.get(w, w) for w in words) for names in (NAMED, HEARD)}


def _letters(words: tuple[str, ...], only: tuple[str, ...]) -> bool:
    """Whether a title ends with a single letter that the other one has not, and has nothing else of its own."""
    return len(words) > 1 and [w for w in words if w in only] == [words[-1]] and len(words[-1]) == 1


def _other_words(one: tuple[str, ...], other: tuple[str, ...], only: tuple[str, ...]) -> bool:
    return all(any(len(w) > 2 and w in words for w in only) for words in (one, other))


def _cut_short(x: Reading, y: Reading) -> float | None:
    """Score of a title that is the beginning of the other one, four words or more: a subtitle, or a field that was too short."""
    short, long = sorted((x.base, y.base), key=len)
    words = short.split()
    if len(words) >= 4 and len(short) >= 18 and long.startswith(short + " "):
        return 0.84
    return None


def _only_a_part(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether "Part 1" is all that one title has more."""
    fewer, more = sorted((one, other), key=len)
    rest = more[len(fewer) :]
    return bool(fewer) and more[: len(fewer)] == fewer and len(rest) == 2 and rest[0] in COUNTING and rest[1].isdigit()


_SPELLINGS = ((re.compile(r"[yj]([eo])"), "e"), (re.compile("[yj]"), "i"), (re.compile("kh"), "h"), (re.compile("t[sz]"), "c"), (re.compile("([aou])e"), r"\1"),
              (re.compile(r"ou|([aiou])\1"), lambda m: m[1] or "o"))  # fmt: skip


@lru_cache(131072)
def _loosely(plain: str) -> str:
    for written, read in _SPELLINGS:
        plain = written.sub(read, plain)
    return plain.replace(" ", "")


def spelled_alike(one: str, other: str) -> bool:
    """Whether two normal forms are one word in two spellings: "chaika", "chayka"; "koeln", "koln"; "arigatou", "arigato"."""
    return abs(len(one) - len(other)) <= 2 + len(one) // 4 and _loosely(one) == _loosely(other)


def _mistyped(x: Reading, y: Reading) -> bool:
    """A typing error that hides or changes the version: "Livpe at Metro" on one side, or two letters that changed places ("Bbo Remix")."""
    a, b = x.version, y.version
    one, other = x.written.lower(), y.written.lower()
    if _turned(one, other) and (x.base == y.base or x.base.startswith(y.base + " ") or y.base.startswith(x.base + " ")):
        return a.kinds == b.kinds or not (a.kinds and b.kinds)  # "(Lvie)", "(oBb Remix)"
    if min(len(one), len(other)) < 14 or abs(len(one) - len(other)) > 2 or len(a.written + b.written) < 9 or one == other:
        return False
    if a.kinds and b.kinds:
        return a.kinds == b.kinds and _turned(one, other)
    return bool(a.kinds or a.words) != bool(b.kinds or b.words) and (
        _turned(one, other)
        or (min(len(one), len(other)) >= 16 and OSA.distance(one, other) <= 2 and re.findall("[0-9]+", one) == re.findall("[0-9]+", other))
    )


def _turned(one: str, other: str) -> bool:
    """Whether two neighbouring letters changed places, and nothing else: no two songs are called so, where the text is long enough.

    Digits do not count: "Live 2012" is not "Live 2021".
    """
    if not (len(one) == len(other) >= 5 and sorted(one) == sorted(other) and OSA.distance(one, other) == 1):
        return False
    return not any(a.isdigit() for a, b in zip(one, other) if a != b)
