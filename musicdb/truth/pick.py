"""What a track is, from what was said of it: one value a field, with whose it is. Pure: imports text, units and signs.

A person's decision comes first, then the platform trusted most for the field, then the observation that came first. What a platform
says of the track counts before what it says of the release; of a release only what holds for its tracks is taken (album, label, year,
genres), never its title, rating or ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .. import text, units
from ..matching.signs import TRACK_IDS, bare_id, clean_isrc
from .lenient import reader

TYPES = frozenset("album single ep compilation live mixtape dj_mix remix other".split())
OF_RELEASE = 50  # weight of a genre that was said of the whole release


class Said(msgspec.Struct, frozen=True, gc=False):
    """The fields of `said` that make a track; the rest (cues, comments, ...) is skipped unread."""

    title: str | None = None
    version: str | None = None
    artists: list[str] | None = None
    featured: list[str] | None = None
    remixers: list[str] | None = None
    composers: list[str] | None = None
    album: str | None = None
    album_artists: list[str] | None = None
    album_type: str | None = None
    duration_ms: int | None = None
    genres: list[str] | None = None
    styles: list[str] | None = None
    year: int | None = None
    release_date: str | None = None
    bpm: float | None = None
    musical_key: str | None = None
    rating: int | None = None
    label: str | None = None
    catalogue_number: str | None = None
    comment: str | None = None
    isrc: str | None = None
    ids: dict[str, Any] | None = None


decode = reader(Said)
NOTHING = decode(None)


@dataclass(slots=True)
class Observed:
    """One observation of a track: its columns, what it says, and what is said of its release."""

    platform: str
    in_library: bool
    missing: bool
    external_id: str
    title: str
    artists: str  # JSON
    album: str | None
    duration_ms: int | None
    isrc: str | None
    release_date: str | None
    said: Said
    release: Said
    release_title: str | None
    match_key: str

    @classmethod
    def of(cls, row: Any) -> Observed:
        """Of a row of `resolving.OBSERVED`: the track, the columns above, the id of the release between the two that are decoded."""
        return cls(row[1], bool(row[2]), bool(row[3]), *row[4:11], decode(row[11]), decode(row[13]), row[14], row[15])


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on a field: a fixed value (may be None; platform: whose it was when it was locked), or the platform to follow."""

    fixed: bool
    value: Any = None
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class Credited:
    """A name with its role; join_phrase stands before the next name of the credit."""

    name: str
    role: str
    join_phrase: str | None = None


@dataclass(slots=True)
class Picked:
    """The track: columns (by name), credits in order, album (title, artist or None for various, type), and unions by platform."""

    columns: dict[str, Any]
    credits: list[Credited]
    album: tuple[str, str | None, str] | None
    genres: dict[tuple[str, str], int]  # (name, platform) -> weight
    labels: set[tuple[str, str]]  # (name, platform)
    ids: dict[tuple[str, str], str]  # (scheme, value) -> platform
    artist_ids: dict[tuple[str, str], str]  # (name, MusicBrainz id) -> platform
    album_ids: dict[str, str]  # MusicBrainz id -> platform
    sources: dict[str, str] = field(default_factory=dict)


class Orders:
    """In which order observations are heard, per field; remembered per set of platforms, because few sets make a library."""

    def __init__(self, priority: dict[str, int], trust: dict[str, dict[str, int]]):
        self.priority, self.trust = priority, trust
        self._known: dict[tuple, Order] = {}

    def __call__(self, observed: list[Observed]) -> Order:
        """The order for these observations: name of a field -> indices, most trusted first."""
        who = tuple([(o.platform, o.in_library, o.missing) for o in observed])
        found = self._known.get(who)
        if found is None:
            found = self._known[who] = Order(who, self)
        return found


class Order(dict):
    """Field -> indices, most trusted first. What is known only from listens comes last, what is gone upstream after what is there."""

    def __init__(self, who: tuple, orders: Orders):
        self._who, self._orders = who, orders

    def __missing__(self, name: str) -> tuple[int, ...]:
        ranks = self._orders.trust.get(name, {})

        def place(i: int) -> tuple:
            platform, in_library, missing = self._who[i]
            rank = ranks.get(platform)
            own = (0, rank) if rank is not None else (1, self._orders.priority.get(platform, 1000))
            return (not in_library, *own, platform, missing, i)

        found = self[name] = tuple(sorted(range(len(self._who)), key=place))
        return found


# ---------- one field of one observation; None = not said, or not possible
def _title(o: Observed) -> str | None:
    return text.split_title(o.said.title or o.title).base or None


def _version(o: Observed) -> str | None:
    return (o.said.version and o.said.version.strip()) or text.split_title(o.said.title or o.title).version


def _names(o: Observed) -> list[str] | None:
    names = o.said.artists
    if names is None:
        names = [name for name in msgspec.json.decode(o.artists) if isinstance(name, str)] if o.artists != "[]" else ()
    return [name for name in names if not text.is_nobody(name)] or None


def _featured(o: Observed) -> list[str] | None:
    names = o.said.featured or text.split_title(o.said.title or o.title).featured
    guests = [n for n in _names(o) or () if "f" in n or "F" in n]  # feat., ft.
    return names or [c.name for n in guests for c in text.split_credit(n) if c.role == "featuring"] or None


def _album(o: Observed) -> str | None:
    return o.said.album or o.album or o.release.album or o.release_title or None


def _duration(o: Observed) -> int | None:
    value = o.said.duration_ms or o.duration_ms
    return value if value and 0 < value < 2**53 else None


def _date(o: Observed) -> str | None:
    found = units.iso_date(o.said.release_date or o.release_date or o.release.release_date)
    return found and found[0]


def _year(o: Observed) -> int | None:
    value = o.said.year or o.release.year
    if value is None and (date := o.said.release_date or o.release.release_date or o.release_date):
        value = units.integer(date[:4])
    return value if value and 1000 <= value <= 2999 else None


GETTERS: dict[str, Callable[[Observed], Any]] = {
    "title": _title,
    "version": _version,
    "duration_ms": _duration,
    "release_date": _date,
    "year": _year,
    "bpm": lambda o: units.bpm(o.said.bpm) if o.said.bpm is not None else None,
    "musical_key": lambda o: units.camelot(o.said.musical_key) if o.said.musical_key else None,
    "rating": lambda o: o.said.rating if o.said.rating in (1, 2, 3, 4, 5) else None,
    "catalogue_number": lambda o: o.said.catalogue_number or o.release.catalogue_number or None,
    "comment": lambda o: o.said.comment or None,
    "artists": _names,
    "featured": _featured,
    "remixers": lambda o: o.said.remixers or None,
    "composers": lambda o: o.said.composers or None,
    "album": _album,
}
CHECKS: dict[str, Callable[[Any], Any]] = {  # a decided value as it can be stored; None where it cannot
    "duration_ms": lambda v: units.integer(v, 1),
    "year": lambda v: units.integer(v, 1000, 2999),
    "bpm": units.bpm,
    "musical_key": units.camelot,
    "rating": lambda v: units.integer(v, 1, 5),
    "release_date": lambda v: (units.iso_date(v) or (None,))[0],
}
LISTS = frozenset("artists featured remixers composers genres label".split())
FIELDS = (*GETTERS, "artist_credit", "genres", "label")  # what a person can decide
PLAIN = frozenset("title version duration_ms release_date year bpm musical_key rating catalogue_number comment".split())  # columns of the same name


def checked(name: str, value: Any) -> Any:
    """A decided value as it can be stored; None for what cannot be."""
    if name in LISTS:
        names = [value] if isinstance(value, str) else value
        good = isinstance(names, list) and all(isinstance(n, str) and n.strip() for n in names)
        return [n.strip() for n in names] if good else None
    check = CHECKS.get(name)
    return check(value) if check else value if isinstance(value, str) and value.strip() else None


def says(o: Observed, name: str) -> Any:
    """What one observation says of a field that a person can decide; None = nothing."""
    if name == "genres":
        return [*(o.said.genres or ()), *(o.said.styles or ()), *(o.release.genres or ()), *(o.release.styles or ())] or None
    if name == "label":
        return o.said.label or o.release.label
    return GETTERS["artists" if name == "artist_credit" else name](o)


def pick(observed: list[Observed], orders: Orders, decided: dict[str, Decision] | None = None) -> Picked:
    """Pick the track that these observations (at least one, oldest first) make, with whose each value is."""
    decided = decided or {}
    sources: dict[str, str] = {}
    values: dict[str, Any] = {}
    heard = orders(observed)
    for name, get in GETTERS.items():
        value = who = None
        said = decided.get(name) if decided else None
        if said and said.fixed:
            value, who = checked(name, said.value), said.platform or "user"
            if value is None and said.value is not None:
                said = who = None  # what cannot be is no decision
        if who is None:
            order = heard[name]
            if said and said.platform:
                order = sorted(order, key=lambda i: observed[i].platform != said.platform)
            for i in order:
                value = get(observed[i])
                if value is not None:
                    who = observed[i].platform
                    break
        values[name] = value
        if who is not None:
            sources[name] = who
    if values["year"] is None and values["release_date"] and "year" not in sources:
        values["year"], sources["year"] = int(values["release_date"][:4]), sources["release_date"]
    credit_text = decided.get("artist_credit")
    if credit_text and credit_text.fixed and isinstance(credit_text.value, str) and credit_text.value.strip():
        values["artists"], values["featured"] = [credit_text.value], None
        sources["artists"] = credit_text.platform or "user"
    credits = _credits(values)
    if "artists" in sources:
        sources["artist_credit"] = sources["artists"]
    credit = "".join(f"{c.name}{c.join_phrase or ''}" for c in credits if c.role in ("primary", "featuring")) or None
    primary = [c.name for c in credits if c.role == "primary"]
    columns = {
        "title": values["title"],
        "version": values["version"],
        "artist_credit": credit,
        "title_norm": text.norm(values["title"]),
        "match_key": text.match_key(text.full_title(values["title"], values["version"]), primary),
        **{name: values[name] for name in ("duration_ms", "release_date", "year", "bpm", "musical_key", "rating", "catalogue_number", "comment")},
    }
    genres, labels, *ids = _unions(observed, heard[""], values["album"])
    if said := decided.get("genres"):
        genres = _decided_names(said, "genres", genres, sources)
    if said := decided.get("label"):
        labels = set(_decided_names(said, "label", dict.fromkeys(labels, 100), sources))
    return Picked(columns, credits, _group(values, observed, primary), genres, labels, *ids, sources)


def _decided_names(
    said: Decision, name: str, by_platform: dict[tuple[str, str], int], sources: dict[str, str]
) -> dict[tuple[str, str], int]:
    """(name, platform) -> weight, as a person decided: exactly these names, or those of one platform, if it has any."""
    if said.fixed:
        names = checked(name, said.value)
        if names is None and said.value is not None:
            return by_platform
        sources[name] = said.platform or "user"
        return {(n, "user"): 100 for n in names or ()}
    followed = {key: weight for key, weight in by_platform.items() if key[1] == said.platform}
    if followed and said.platform:
        sources[name] = said.platform
    return followed or by_platform


def _credits(values: dict[str, Any]) -> list[Credited]:
    """Names with roles, in order: the artists as credited, guests, then remixers and composers who are not in the credit."""
    names = values["artists"] or ()
    if len(names) == 1 and not (values["featured"] or values["remixers"] or values["composers"] or values["version"]):
        found = text.split_credit(names[0])  # the plain case, and the most common
        if len(found) == 1:
            return [Credited(found[0].name, "primary")] if text.norm(found[0].name) else []
    featured = {text.norm(n): n for n in values["featured"] or () if not text.is_nobody(n)}
    remixers = {text.norm(n): n for n in values["remixers"] or () if not text.is_nobody(n)}
    version = f" {text.norm(values['version'])} " if values["version"] else ""
    parts: list[list] = []  # name, role, join phrase as written
    for name in values["artists"] or ():
        for credit in text.split_credit(name):
            key = text.norm(credit.name)
            role = "featuring" if key in featured else credit.role
            if key in remixers or (version and f" {key} " in version):  # a platform that lists the remixer among the artists
                role = "remixer"
            if key and not any(key == text.norm(p[0]) for p in parts):
                parts.append([credit.name, role, credit.join_phrase])
    if parts and not any(role == "primary" for _, role, _ in parts):
        first = next((p for p in parts if p[1] == "remixer"), parts[0])  # "Bob - Nightfall (Bob Remix)" is Bob's
        first[1] = "primary"
    known = {text.norm(p[0]) for p in parts}
    parts += [[name, "featuring", ""] for key, name in featured.items() if key not in known]
    parts.sort(key=lambda p: p[1] == "remixer")
    shown = [p for p in parts if p[1] != "remixer"]
    credits = []
    for i, (name, role, phrase) in enumerate(shown):
        following = shown[i + 1] if i + 1 < len(shown) else None
        if following is None:
            phrase = phrase if phrase.strip() in (")", "]") else ""
        elif following[1] == "featuring" and role == "primary":
            phrase = phrase if "f" in phrase.lower() else " feat. "
        elif not phrase.strip() or phrase.strip()[:1] in ";\0)]":
            phrase = ", "
        credits.append(Credited(name, role, phrase or None))
    remixers |= {text.norm(p[0]): p[0] for p in parts if p[1] == "remixer"}
    credits += [Credited(name, "remixer") for name in remixers.values()]
    composers = {text.norm(n): n for n in values["composers"] or () if not text.is_nobody(n)}
    return credits + [Credited(name, "composer") for name in composers.values()]


def _group(values: dict[str, Any], observed: list[Observed], primary: list[str]) -> tuple[str, str | None, str] | None:
    """The album: title that its editions share, album artist (None = various), type."""
    if not values["album"]:
        return None
    title, kind = text.split_album(values["album"])
    norm = text.norm(title)
    if not norm:
        return None
    artists, types = None, kind
    for o in observed:  # who says the same album may know more of it than who was picked
        own = _album(o)
        if own and (own == values["album"] or text.norm(text.split_album(own)[0]) == norm):
            artists = artists or o.said.album_artists or o.release.album_artists or o.release.artists
            types = types or next((t for t in (o.said.album_type, o.release.album_type) if t in TYPES), None)
            if artists and types:
                break
    if artists and all(text.is_nobody(a) for a in artists):
        return title, None, types or "compilation"
    names = [c.name for a in artists or () if not text.is_nobody(a) for c in text.split_credit(a)] or primary
    return title, names[0] if names else None, types or "album"


def _album_key(title: str | None) -> str | None:
    return text.norm(text.split_album(title)[0]) if title else None


def only_name(o: Observed) -> str | None:
    """The one artist of an observation; None where there are several: of those it is unknown whose id it is."""
    names = [c.name for n in _names(o) or () for c in text.split_credit(n)]
    return names[0] if len(names) == 1 else None


def _unions(observed: list[Observed], order: Iterable[int], album: str | None) -> tuple[dict, set, dict, dict, dict]:
    """Genres, labels and ids: everything that anyone says, with who says it."""
    genres: dict[tuple[str, str], int] = {}
    labels: set[tuple[str, str]] = set()
    ids: dict[tuple[str, str], str] = {}
    artist_ids: dict[tuple[str, str], str] = {}
    album_ids: dict[str, str] = {}
    for o in (observed[i] for i in order):
        for said, weight in ((o.said, 100), (o.release, OF_RELEASE)) if o.release is not NOTHING else ((o.said, 100),):
            for name in (*(said.genres or ()), *(said.styles or ())):
                if (name, o.platform) not in genres:
                    genres[name, o.platform] = weight
            if said.label:
                labels.add((said.label, o.platform))
        if isrc := clean_isrc(o.isrc or o.said.isrc):
            ids.setdefault(("isrc", isrc), o.platform)
        if o.platform in TRACK_IDS and o.in_library:
            ids.setdefault((o.platform, bare_id(o.external_id)), o.platform)
        for scheme, value in (o.said.ids or {}).items():
            if scheme in TRACK_IDS and isinstance(value, str) and value.strip():
                ids.setdefault((scheme, bare_id(value)), o.platform)
            elif scheme == "mb_artist" and isinstance(value, str):
                if len(value) == 36 and (name := only_name(o)):
                    artist_ids.setdefault((name, value), o.platform)
            elif scheme == "mb_release_group" and isinstance(value, str) and album and _album_key(_album(o)) == _album_key(album):
                album_ids.setdefault(value, o.platform)
    return genres, labels, ids, artist_ids, album_ids
