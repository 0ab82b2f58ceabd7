"""Text for matching: normal form, title parts, artist credits, the match key. Pure; imports only tables of letters.

No function raises for any text; all are deterministic. The rules are written down here and nowhere else:

- **norm**: compatibility forms and accents folded, punctuation gone, "&" is "and". Other scripts keep their letters and marks.
- **version**: in brackets or behind " - ", a part that has a version word ("Dub Mix", "Live at ...", "2011 Remix").
- **junk**: a part that names the same recording ("Original Mix", "Album Version", "Official Video", "Remastered 2009", "Clean").
  Only whole parts of a closed list are junk, so a remix never loses what tells it from its original.
- **credit**: split at feat./ft./featuring, ";", " / ", " vs. ", " pres. " only. "AC/DC", "Simon & Garfunkel" and
  "Earth, Wind & Fire" stay whole: a comma or "&" does not say whether it is one act or two.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from .romanise import romanise


@dataclass(frozen=True, slots=True)
class Title:
    """Parts of a title, as written: base "Nightfall", version "Dub Mix" (or None), featured ["X"], junk ["Official Video"]."""

    base: str
    version: str | None = None
    featured: list[str] = field(default_factory=list)
    junk: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Credit:
    """One name of an artist credit. join_phrase stands between this name and the next, as in MusicBrainz."""

    name: str
    role: Literal["primary", "featuring"] = "primary"
    join_phrase: str = ""


# ---------- normal form
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i"})
_APOSTROPHES = re.compile("['’‘ʼ`´′]")
_ASCII_GAPS = re.compile(r"[^a-z0-9]+")


def norm(text: str | None) -> str:
    """Return text for comparing: "Beyoncé & JAY‐Z" -> "beyonce and jay z". norm(norm(x)) == norm(x); "" only for blank text.

    A text of nothing but punctuation ("!!!", "???") keeps it, because a band may be called so.
    """
    return _norm(text) if isinstance(text, str) else ""


@lru_cache(131072)
def _norm(text: str) -> str:
    if text.isascii():
        folded = text.lower()
        plain = _ASCII_GAPS.sub(" ", folded.replace("'", "").replace("`", "").replace("&", " and ")).strip()
        return plain if re.search("[a-z0-9]", folded) else _bare(folded)
    folded = text
    for _ in range(4):  # folding may make a form that folds again; it settles after two rounds, and four are certain
        before, folded = folded, _fold(folded)
        if folded == before:
            break
    if not any(c.isalnum() for c in folded):
        return _bare(folded) or _bare(text)
    return " ".join("".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in folded.replace("&", " and ")).split())


def _fold(text: str) -> str:
    """Compatibility form, caseless, Latin/Greek/Cyrillic accents off; Japanese voicing marks and the like stay."""
    if any(c.isalnum() for c in text):
        text = _APOSTROPHES.sub("", text)  # first: the compatibility form of an acute accent is a space
    loose = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_LETTERS)
    return unicodedata.normalize("NFKC", "".join(c for c in loose if not "\u0300" <= c <= "\u036f"))


def _bare(text: str) -> str:
    """What stays of a text without letters: its signs, without gaps and control characters."""
    return "".join(c for c in text if unicodedata.category(c)[0] not in "ZC")


_HIGH = re.compile("[\x80-\xff]")
_HIGH_WORD = re.compile(r"(?<![A-Za-z])[\xa8\xb8\xc0-\xff]+(?![A-Za-z])")
_FOREIGN_WORD = re.compile(r"(?<![A-Za-z])[\xa8\xb8\xc0-\xff]{4,}(?![A-Za-z])")  # no Latin word is all accents


def repaired(text: str) -> str:
    """Undo what a wrong encoding did: "Ã©" is "é" (UTF-8 read as Latin-1), "Ìîñò" is "Мост" (Windows Cyrillic read so); else as it is."""
    if not _HIGH.search(text):
        return text
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        return text
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass  # not UTF-8: perhaps Windows Cyrillic
    if not _FOREIGN_WORD.search(text):
        return text
    return _HIGH_WORD.sub(lambda m: m[0].encode("latin-1").decode("cp1251", "replace"), text)


# ---------- titles
_VERSION_WORDS = frozenset(
    "remix rmx remixed mix mixed edit edited edits dub instrumental instrumentals inst acoustic live version versions remaster remastered "
    "vip bootleg rework reworked refix reprise flip cover covered demo acapella acappella cappella karaoke extended "
    "unplugged session sessions mashup medley orchestral slowed sped nightcore rerecorded recorded recording remake remade capella "
    "retouch reconstruction revision revisited interpretation variation outtake alternate alternative stripped "
    "symphonic intro outro drumapella megamix minimix mono stereo clean dirty uncensored uncut "
    "rehearsal soundcheck performance redux reimagined reborn revamp vivo concierto concert censored amended beatless "
    "chopped screwed acustico acustica acoustique akustisch akustik remezcla концерт концертная ремикс лайв живая акустика инструментал караоке "
    "ライブ リミックス アコースティック カラオケ インストゥルメンタル "
    "versjon versione versao versie versio wersja verzija versiya remiks konsert directo".split()
)
_PHRASES = re.compile(  # of words that mean nothing alone
    r"\b(in the style of|made famous by|originally (performed|recorded) by|tribute to|(alternate )?take ([0-9]+|one|two|three|four|five)|backing track)\b"
)
_JUNK = re.compile(
    r"orig(inal)?( mix| version| recording)?|(album|lp) version( explicit| clean)?|(explicit|clean|dirty)( (album )?version| lyrics)?"
    r"|(un)?censored( version)?|bonus( track)?( version)?|(expanded|special|[0-9]+th anniversary)( edition| version)"
    r"|(official )?((music|lyrics?) )?(video|audio|visuali[sz]er|videoclip|clip)|official|lyrics|hd|hq|4k|1080p|720p"
    r"|free (download|dl)|prod(uced)?( by)? [^|]+|([0-9]{4} )?(digital(ly)? |24 bit |new )?remaster(ed)?( in)?( version| edition)?( [0-9]{4})?( version| edition)?|deluxe( edition| version)?"
)
_SCREEN = re.compile(r"(?i)from (the )?([\"“”„«'‘’]|(original )?(motion picture|movie|film|soundtrack|musical)\b)")
_SAME_WORD = {"rmx": "remix", "remixed": "remix", "pt": "part", "vol": "volume", "acappella": "acapella", "capella": "acapella", "remastered": "remaster"}
_EDITION_WORDS = frozenset("remaster remastered explicit clean dirty".split())
_YEAR_APART = re.compile(r"(?i)\s-\s([0-9]{4})\s-\s(?:digital(?:ly)? )?(remaster)")
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|\{([^{}]*)\}")
_WIDE = str.maketrans("（）［］【】｛｝", "()[][]{}")
_DASH = re.compile(r"\s[-–—]\s+")
_FEATURED = re.compile(r"(?:(?:feat|ft)\b\.?|(?i:featuring|feat\.?|ft\.)|with)\s+(.+)", re.S)
_FEATURED_TAIL = re.compile(r"(?i)\s(?:feat\b\.?|ft\.|(?<![0-9]\s)ft|featuring)\s+(\S.*)$", re.S)
_HINT = re.compile(r"(?i)[(\[{（［【｛]|\s[-–—]\s|\s(?:feat|ft)")


def split_title(title: str | None) -> Title:
    """Split a title: "Nightfall (Dub Mix) [feat. X]" -> base "Nightfall", version "Dub Mix", featured ["X"].

    What no rule knows stays in base ("(I Can't Get No) Satisfaction"). Several versions are joined by a blank, in the order
    written. base is "" only for blank text.
    """
    return _split_title(title) if isinstance(title, str) else Title("")


@lru_cache(131072)
def _split_title(title: str) -> Title:
    whole = title.strip()
    if not _HINT.search(whole):
        return Title(whole)
    rest, found = _YEAR_APART.sub(r" - \1 \2", whole.translate(_WIDE)), {"version": [], "featured": [], "junk": []}
    brackets = []  # innermost first, so "(Dub Mix (Edit))" is two parts
    while taken := next((m for m in _BRACKETS.finditer(rest) if _part(m[1] or m[2] or m[3] or "")), None):
        brackets.append((taken.start(), *_part(taken[1] or taken[2] or taken[3])))
        rest = rest[: taken.start()] + " " * (taken.end() - taken.start()) + rest[taken.end() :]
    tails = []
    while cut := next(reversed(list(_DASH.finditer(rest))), None):
        part = _part(rest[cut.end() :])
        if not part or not rest[: cut.start()].strip():
            break
        tails.append((cut.start(), *part))
        rest = rest[: cut.start()]
    if (tail := _FEATURED_TAIL.search(rest)) and rest[: tail.start()].strip():
        brackets.append((tail.start(), "version" if _has_version(tail[1]) else "featured", tail[1].strip()))
        rest = rest[: tail.start()]
    base = " ".join(rest.split()).rstrip(" -–—") or " ".join(rest.split())
    named = sorted(brackets + tails)
    if not norm(base):  # nothing but parts: the first one is the title
        if len(named) < 2:
            return Title(whole)
        base, named = f"({named[0][2]})", named[1:]
    for _, what, part in named:
        found[what] += [c.name for c in split_credit(part)] if what == "featured" else [part]
    return Title(base, " ".join(found["version"]) or None, found["featured"], found["junk"])


def _part(text: str) -> tuple[str, str] | None:
    """What a part in brackets or behind a dash is: ("version" | "featured" | "junk", its text), or None."""
    text = " ".join(text.split())
    if _SCREEN.match(text):
        return "junk", text
    if _has_version(text):
        return ("junk" if _JUNK.fullmatch(norm(text)) else "version"), text
    if featured := _FEATURED.fullmatch(text):
        return "featured", featured[1]
    return ("junk", text) if _JUNK.fullmatch(norm(text)) else None


def _has_version(text: str) -> bool:
    plain = norm(text)
    return not _VERSION_WORDS.isdisjoint(plain.split()) or _PHRASES.search(plain) is not None


def full_title(title: str | None, version: str | None = None) -> str:
    """Return the title with its version: ("Nightfall", "Dub Mix") -> "Nightfall (Dub Mix)"; a version it has is not repeated."""
    title, version = (part.strip() if isinstance(part, str) else "" for part in (title, version))
    if not version or f" {norm(version)} " in f" {norm(title)} ":
        return title
    return f"{title} ({version})" if title else version


def version_key(title: str | None) -> str:
    """Return the version words of a title, normalised, "" for the plain one: equal for "(Bob Rmx)" and "- Bob Remix".

    "Live Version" is "live" and "Extended Mix" is "extended": a word that adds nothing to the others is left out.
    """
    return _version_words(split_title(title).version)


@lru_cache(131072)
def _version_words(version: str | None) -> str:
    words = [_SAME_WORD.get(word, word) for word in norm(version).split()]
    for idle, beside in ((_EDITION_WORDS, _VERSION_WORDS), (("version",), _VERSION_WORDS), (("mix",), ("extended",))):
        kept = [word for word in words if word not in idle]
        if kept != words and any(word in beside for word in kept):
            words = kept
    return " ".join(words)


_EDITION = re.compile(r"(?i)\s*(?:[(\[]\s*(?:dis[ck]|cd)\s*[0-9]+[^)\]]*[)\]]|[-,]?\s+(?:dis[ck]|cd)\s*[0-9]+)\s*$")
_SUFFIX = re.compile(r"\s+-\s+(EP|Single)\s*$")


@lru_cache(131072)
def split_album(title: str) -> tuple[str, str | None]:
    """Split an album title into the one all editions share, and the type it names.

    "Dusk (Deluxe Edition) [Disc 2]" -> ("Dusk", None); Apple's "Dusk - EP" -> ("Dusk", "ep"). "Dusk (Live)" stays whole.
    """
    base, kind = title.strip(), None
    base = _EDITION.sub("", base) or base
    if suffix := _SUFFIX.search(base):
        base, kind = base[: suffix.start()].strip() or base, suffix[1].lower()
    parts = split_title(base)
    if parts.junk and not parts.version and not parts.featured:
        base = parts.base
    return base, kind


# ---------- credits
_JOIN = re.compile(
    r"\s*[;\x00]\s*|\s+/\s+|\s+vs\.?\s+|\s+pres(?:\.|ents)?\s+|(?:^|\s+|\s*[(\[]\s*)(?:feat\.?|ft\.?|featuring)\s+|\s*[)\]]\s*$", re.I
)
_NOBODY = frozenset(("various artists", "various", "unknown artist", "unknown", "va", "v a", "artist unknown"))
_SMALL = frozenset(("and", "the", "vs", "feat"))


def split_credit(credit: str | None) -> list[Credit]:
    """Split an artist credit by explicit rules: "A feat. B" -> A primary (join " feat. "), B featuring.

    Splits at feat./ft./featuring (also in brackets), ";", " / ", " vs. ", " pres. "; what follows feat. is featuring until
    " vs. " or " pres. ". A closing bracket is taken off only where "(feat." opened it. [] for blank text.
    """
    return list(_split_credit(credit)) if isinstance(credit, str) else []


@lru_cache(131072)
def _split_credit(credit: str) -> tuple[Credit, ...]:
    parts: list[list[str]] = [["", "primary", ""]]  # name, role, join phrase behind it
    at, opened = 0, False
    for join in _JOIN.finditer(credit):
        sign = join[0].strip().lower()
        if sign in (")", "]") and not opened:
            continue
        parts[-1][0] += credit[at : join.start()]
        parts[-1][2] = join[0]
        opened = opened or sign[:1] in ("(", "[")
        featuring = sign.lstrip("([ ").startswith(("feat", "ft"))
        again = sign.startswith(("vs", "pres"))
        parts.append(["", "featuring" if featuring else "primary" if again else parts[-1][1], ""])
        at = join.end()
    parts[-1][0] += credit[at:]
    return tuple(Credit(name.strip(), role, phrase) for name, role, phrase in parts if name.strip())


def sort_name(name: str) -> str:
    """Return a name as a shelf is sorted: "The Larks" -> "Larks, The"."""
    found = re.fullmatch(r"(?i)(the|an?) (\S.*)", name.strip())
    return f"{found[2]}, {found[1]}" if found else name.strip()


_LOOSE = re.compile(r"\s*(?:,|&|\+)\s*|\s+(?:and|x|und|y|et)\s+", re.I)


def split_known(credit: str | None, known: Container[str]) -> list[Credit]:
    """Split as split_credit does, and at ",", "&", "and", "x" too where every part is an artist that is known and the whole is not.

    known: normal forms of names and aliases (norm). "Ada & Bo" is two people once both are known; "Simon & Garfunkel" stays whole.
    """
    found: list[Credit] = []
    for one in split_credit(credit):
        names = [name for name in _LOOSE.split(one.name) if name]
        joins = _LOOSE.findall(one.name)
        if len(names) < 2 or len(joins) != len(names) - 1 or norm(one.name) in known or not all(norm(name) in known for name in names):
            found.append(one)
        else:
            found += [Credit(name, one.role, join) for name, join in zip(names, [*joins, one.join_phrase])]
    return found


@lru_cache(131072)
def is_nobody(name: str) -> bool:
    """Whether an artist name says only that nobody is named: "Various Artists", "Unknown Artist", ""."""
    return norm(name) in _NOBODY or not norm(name)


# ---------- the match key
def _latin(plain: str) -> str:
    """The normal form in Latin letters, as far as tables go: "белая ночь" and "belaya noch" are one key."""
    return plain if plain.isascii() else norm(romanise(plain))


def match_key(title: str | None, artists: Iterable[str] | str | None = ()) -> str:
    """Return "base version|artist words", equal for what is surely written of the same recording and unequal for a remix.

    Featured artists and those named in the version count on neither side, because platforms disagree where to put them;
    artist words are sorted, so "Simon & Garfunkel" equals ["Simon", "Garfunkel"]. No artist known: nothing behind the "|".
    """
    parts = split_title(title)
    words = f"{norm(parts.base)} {_version_words(parts.version)}".split() if parts.version else norm(parts.base).split()
    left = _latin(" ".join(_SAME_WORD.get(word, word) for word in words))
    names = (artists,) if isinstance(artists, str) else tuple(a for a in artists or () if isinstance(a, str))
    elsewhere = (norm(parts.version), *map(norm, parts.featured)) if parts.version or parts.featured else ()
    return f"{left.replace('|', ' ')}|{_artist_words(names, elsewhere)}"


@lru_cache(131072)
def _artist_words(names: tuple[str, ...], elsewhere: tuple[str, ...]) -> str:
    credits = [credit for name in names for credit in _split_credit(name) if not is_nobody(credit.name)]
    known = [norm(c.name) for c in credits if c.role == "primary"] or [norm(c.name) for c in credits]
    main = [name for name in known if not any(f" {name} " in f" {text} " for text in elsewhere)] or known
    words = {word for name in main for word in _latin(name).split()}
    return " ".join(sorted(words - _SMALL or words)).replace("|", " ")
