"""What Discogs says of a release and its tracks, as rows. Pure. Source: Discogs API v2, discogs.com/developers.

Names are the canonical ones: "Quiet Works (2)" is "Quiet Works", "Persuader, The" is "The Persuader"; a name as printed on the record
(anv) stays in the payload. The tracks of a release are numbered by their position: "12345#A1".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..errors import PayloadError
from ..shapes import ImageRow, ReleaseRow, Said, TrackRow
from ..units import integer, iso_date

# Of no meaning for what a release is, and other at every visit: numbers of the market, signed addresses.
_RESTLESS = frozenset("community lowest_price num_for_sale date_changed date_added blocked_from_sale thumb cover_image uri150".split())
_NUMBERED = re.compile(r"^(.+?)\s+\((\d{1,5})\)$", re.S)
_FEATURING = re.compile(r"^(feat|ft|featuring)\b\.?", re.I)
_DURATION = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):([0-5]\d)")
_PLACE = re.compile(r"(?:(?:CD|DVD|Disc)?\s*(\d{1,3})[-.])?0*(\d{1,3})", re.I)
_SIDE = re.compile(r"(?:(?:LP|Vinyl|Disc)?\s*(\d{1,3})[-.])?(?:([A-Z])\2?)(\d{0,3})[a-z]?", re.I)  # AA follows Z
_TYPES = (  # Discogs' words for a format -> album_type; the first that is there counts
    ("Compilation", "compilation"),
    ("Mixed", "dj_mix"),
    ("Mixtape", "mixtape"),
    ("EP", "ep"),
    ("Mini-Album", "ep"),
    ("Maxi-Single", "single"),
    ("Single", "single"),
    ("Album", "album"),
    ("LP", "album"),
)


def dicts(value: Any) -> list[dict]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def plain(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def texts(value: Any) -> list[str]:
    found = [plain(one) for one in value] if isinstance(value, list) else []
    return list(dict.fromkeys(one for one in found if one))


def number(value: Any) -> str | None:
    """Return an id as text, or None for what is none."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value.strip()[:20])
    found = integer(value, 1) if not isinstance(value, str) else None
    return None if found is None else str(found)


def said(**fields: Any) -> Said:
    return {name: value for name, value in fields.items() if value is not None and value != [] and value != {}}


def stable(value: Any) -> Any:
    """Return a payload without what changes by itself: prices, how many have it, addresses."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in _RESTLESS and not str(k).endswith("_url")}
        if "images" in kept:
            kept["images"] = [{k: i.get(k) for k in ("type", "width", "height")} for i in dicts(kept["images"])]
        return {k: stable(v) for k, v in kept.items()}
    return [stable(one) for one in value] if isinstance(value, list) else value


# ---------- names
def artist_name(value: Any) -> str | None:
    """ "Low Pylon (2)" -> "Low Pylon", "Low Pylon*" -> "Low Pylon", "Persuader, The" -> "The Persuader" """
    name = plain(value)
    if name is None:
        return None
    name = name.rstrip("*").strip() or name
    numbered = _NUMBERED.match(name)
    name = numbered[1].strip() if numbered else name
    if name.endswith(", The"):
        name = f"The {name[:-5]}"
    return name


def credited(artists: Any) -> tuple[list[str], list[str]]:
    """Return (artists, featured) of a list of artists: those behind "Feat." are guests."""
    main, guests, now = [], [], None
    now = main
    for one in dicts(artists):
        name = artist_name(one.get("name"))
        if name and name not in main and name not in guests:
            now.append(name)
        if _FEATURING.match(plain(one.get("join")) or ""):
            now = guests
    return main, guests


def roles(extra: Any, wanted: str) -> list[str]:
    """Return the names in extraartists whose role is one of some, given as a pattern: "Remix|Dub"."""
    found = []
    for one in dicts(extra):
        said_roles = [part.strip() for part in re.sub(r"\[[^\]]*\]", "", plain(one.get("role")) or "").split(",")]
        name = artist_name(one.get("name"))
        if name and name not in found and any(re.fullmatch(wanted, role, re.I) for role in said_roles):
            found.append(name)
    return found


# ---------- releases
def release(r: dict, kind: str, key: str) -> ReleaseRow:
    """Return the row of a release as `releases/{id}` (kind "release") or as basic_information of a list (kind "basic") says it."""
    title = plain(r.get("title"))
    if title is None:
        raise PayloadError(f"release {key} has no title")
    artists, _ = credited(r.get("artists"))
    labels = [one for one in dicts(r.get("labels")) if plain(one.get("name"))]
    label = plain(labels[0]["name"]) if labels else None
    catalogue = next((c for one in labels if (c := plain(one.get("catno"))) and c.lower() != "none"), None)
    year = integer(r.get("year"), 1000, 2999)
    date = iso_date(r.get("released"))
    master = number(r.get("master_id"))
    words = [word for one in dicts(r.get("formats")) for word in (plain(one.get("name")), *texts(one.get("descriptions"))) if word]
    pictures = images(r)
    return {
        "row": "release",
        "external_id": key,
        "title": title,
        "kind": kind,
        "metadata": r,
        "stable": stable(r),
        "said": said(
            title=title,
            album=title,
            artists=artists,
            album_artists=artists,
            album_type=next((kind for word, kind in _TYPES if word in words), None),
            genres=texts(r.get("genres")),
            styles=texts(r.get("styles")),
            label=artist_name(label) if label and not label.startswith("Not On Label") else None,
            catalogue_number=catalogue,
            labels=_labels(r),
            credits=_credits(r.get("extraartists")),
            notes=plain(r.get("notes")),
            year=year or (integer(date[0][:4], 1000, 2999) if date else None),
            release_date=date and date[0],
            release_date_precision=date and date[1],
            country=plain(r.get("country")),
            formats=list(dict.fromkeys(words)),
            barcode=_barcode(r.get("identifiers")),
            track_total=len(list(tracklist(r))) or None,
            cover=pictures[0][1] if pictures else plain(r.get("cover_image")) or plain(r.get("thumb")),
            ids={"discogs_release": key} | ({"discogs_master": master} if master else {}),
        ),
    }


def _labels(r: dict) -> list[dict[str, str]]:
    """The labels of a release with their numbers, and who distributed it; nothing where the one label and number are said already."""
    found = []
    for one in (*dicts(r.get("labels")), *(c for c in dicts(r.get("companies")) if c.get("entity_type_name") == "Distributed By")):
        name, number = artist_name(one.get("name")), plain(one.get("catno")) or ""
        if name is None or name.startswith("Not On Label"):
            continue
        role = plain(one.get("entity_type_name")) or "Label"
        line = {"name": name, "catalogue_number": "" if number.lower() == "none" else number, "role": role.lower()}
        line = {k: v for k, v in line.items() if v and (k, v) != ("role", "label")}
        if line not in found:
            found.append(line)
    return found if len(found) > 1 else []


def _credits(extra: Any) -> list[dict[str, str]]:
    """Who did what on the whole release; credits of single tracks belong to these."""
    found = []
    for one in dicts(extra):
        if (name := artist_name(one.get("name"))) and not plain(one.get("tracks")):
            roles = re.sub(r"\[[^\]]*\]", "", plain(one.get("role")) or "").lower().split(",")
            found += [line for role in roles if role.strip() and (line := {"name": name, "role": role.strip()}) not in found]
    return found


def _barcode(identifiers: Any) -> str | None:
    for one in dicts(identifiers):
        if one.get("type") == "Barcode" and (value := plain(one.get("value"))):
            digits = re.sub(r"[\s-]", "", value)
            return digits if digits.isdecimal() else value
    return None


def images(r: dict) -> list[tuple[str, str]]:
    """Return (role, address) of the pictures of a release, the front cover first."""
    found = [(one.get("type"), uri) for one in dicts(r.get("images")) if (uri := plain(one.get("uri")) or plain(one.get("resource_url")))]
    found = sorted(found, key=lambda one: one[0] != "primary")
    return [("cover" if place == 0 else "secondary", uri) for place, (_, uri) in enumerate(found)]


def pictures(r: dict, key: str) -> Iterator[ImageRow]:
    for place, (role, uri) in enumerate(images(r)):
        yield {"row": "image", "of": "release", "external_id": key, "role": role, "position": place, "url": uri}


# ---------- tracks
def tracklist(r: dict) -> Iterator[tuple[dict, str | None]]:
    """Yield (line, what it belongs to) for each track: no headings; an index without a place of its own gives its parts."""
    heading = None
    for line in dicts(r.get("tracklist")):
        form, parts, title = line.get("type_"), dicts(line.get("sub_tracks")), plain(line.get("title"))
        if form == "heading":
            heading = title
        elif parts and not (plain(line.get("position")) or plain(line.get("duration"))):
            for part in parts:
                if plain(part.get("title")) and part.get("type_") != "heading":
                    # what is said of the whole work holds for its parts
                    inherited = {k: line[k] for k in ("artists", "extraartists") if line.get(k) and not part.get(k)}
                    yield {**inherited, **part}, title
        elif title:
            yield line, heading


def tracks(r: dict, key: str) -> Iterator[dict]:
    """Yield a payload of kind "track" for each track of a release; nothing in it changes by itself."""
    lines = list(tracklist(r))
    places = [plain(line.get("position")) or "" for line, _ in lines]
    about = {"id": key, "title": r.get("title"), "artists": stable(r.get("artists")), "released": r.get("released"), "year": r.get("year")}
    whole = [one for one in dicts(r.get("extraartists")) if plain(one.get("tracks"))]
    taken: dict[str, int] = {}
    numbers: dict[int, int] = {}
    for n, (line, group) in enumerate(lines):
        disc = _disc(places[n])
        numbers[disc] = numbers.get(disc, 0) + 1
        name = places[n] or f"no {n + 1}"
        taken[name] = taken.get(name, 0) + 1
        extra = [stable(one) for one in whole if places[n] and places[n] in _named(one["tracks"], places)]
        yield {
            "external_id": f"{key}#{name}" + (f"~{taken[name]}" if taken[name] > 1 else ""),
            "release": about,
            "line": stable(line),
            "group": group,
            "credits": extra,
            "disc_no": disc,
            "track_no": numbers[disc],
        }


def _disc(place: str) -> int:
    """Return which disc a position is on: A and B are sides of the first, "2-4" is the second."""
    if found := _PLACE.fullmatch(place):
        return int(found[1] or 1) or 1
    side = _SIDE.fullmatch(place)
    if side is None:
        return 1
    if side[1]:
        return int(side[1]) or 1
    doubled = len(place) > 1 and place[1].upper() == place[0].upper()
    return (ord(side[2].upper()) - ord("A") + 26 * doubled) // 2 + 1


def _named(value: str, places: list[str]) -> set[str]:
    """Return the positions that "A1 to A3, B2" names."""
    found: set[str] = set()
    for part in value.split(","):
        first, to, last = (piece.strip() for piece in part.partition(" to "))
        if to and first in places and last in places:
            found.update(places[places.index(first) : places.index(last) + 1])
        else:
            found.add(part.strip())
    return found


def track(p: dict, in_library: bool) -> TrackRow:
    """Return the row of a track from its payload as `tracks` makes it."""
    line, about = p.get("line"), p.get("release")
    key, title = plain(p.get("external_id")), plain(line.get("title")) if isinstance(line, dict) else None
    if not isinstance(about, dict) or not key or title is None:
        raise PayloadError("a track without id, title or release")
    extra = [*dicts(line.get("extraartists")), *dicts(p.get("credits"))]
    artists, guests = credited(line.get("artists"))
    if not artists:
        artists, more = credited(about.get("artists"))
        guests = guests or more
    featured = list(dict.fromkeys([*guests, *roles(extra, r"feat(uring|\.)?|ft\.?")]))
    date = iso_date(about.get("released")) or iso_date(integer(about.get("year"), 1000, 2999))
    duration = _milliseconds(line.get("duration"))
    found = said(
        title=title,
        artists=artists,
        featured=featured,
        remixers=roles(extra, r"remix(ed by)?|re-?mix.*"),
        composers=roles(extra, r"written[- ]by|composed by|music by"),
        duration_ms=duration,
        track_no=integer(p.get("track_no"), 1, 9999),
        disc_no=integer(p.get("disc_no"), 1, 999),
        position=plain(line.get("position")),
        grouping=plain(p.get("group")),
    )
    return {
        "row": "track",
        "external_id": key,
        "title": title,
        "artists": artists,
        "album": plain(about.get("title")),
        "duration_ms": duration,
        "release_date": date and date[0],
        "release_external_id": number(about.get("id")),
        "said": found,
        "in_library": in_library,
        "kind": "track",
        "metadata": p,
    }


def _milliseconds(value: Any) -> int | None:
    """ "5:24" -> 324000; None where there is none."""
    found = _DURATION.fullmatch(plain(value) or "")
    return (int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])) * 1000 or None if found else None
