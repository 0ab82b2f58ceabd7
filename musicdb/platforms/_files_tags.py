"""What raw tags of audio files say, in the common language of `said`. Pure.

One table a tag family: field -> keys, the first that has a value wins. Free-form names (Vorbis, APEv2, TXXX, ----, ASF) are compared by
letters and digits only, so "MusicBrainz Album Id", MUSICBRAINZ_ALBUMID and MusicBrainz/Album Id are one: they stand in small letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from .. import units
from ..shapes import Said

FREE = {
    "title": ("title",),
    "version": ("version", "mixname"),
    "artists": ("artists", "artist"),
    "album": ("album",),
    "album_artists": ("albumartists", "albumartist"),
    "track": ("tracknumber", "track"),
    "tracks": ("tracktotal", "totaltracks"),
    "disc": ("discnumber", "disc"),
    "genres": ("genre",),
    "styles": ("style", "styles"),
    "date": ("date", "releasedate", "year"),
    "original_date": ("originaldate", "originalyear"),
    "bpm": ("bpm",),
    "key": ("initialkey", "key", "musicalkey"),
    "energy": ("energylevel",),
    "isrc": ("isrc",),
    "label": ("label", "publisher", "organization", "recordlabel"),
    "catalogue_number": ("catalognumber", "cataloguenumber", "catalogid", "catalog", "labelno"),
    "barcode": ("barcode", "upc", "ean"),
    "country": ("releasecountry",),
    "formats": ("media", "sourcemedia"),
    "album_type": ("releasetype", "musicbrainzalbumtype"),
    "compilation": ("compilation", "itunescompilation"),
    "comment": ("comment", "description", "comments"),
    "grouping": ("grouping", "contentgroup"),
    "remixers": ("remixer", "mixartist"),
    "composers": ("composer",),
    "explicit": ("itunesadvisory",),
}
ID3 = {
    "title": ("TIT2",),
    "artists": ("artists", "TPE1"),
    "album": ("TALB",),
    "album_artists": ("albumartists", "TPE2"),
    "track": ("TRCK",),
    "disc": ("TPOS",),
    "genres": ("TCON",),
    "date": ("TDRC", "TYER", "TDRL"),
    "original_date": ("TDOR", "TORY"),
    "bpm": ("TBPM",),
    "key": ("TKEY",),
    "isrc": ("TSRC",),
    "label": ("TPUB",),
    "formats": ("TMED",),
    "compilation": ("TCMP",),
    "grouping": ("TIT1", "GRP1"),
    "remixers": ("TPE4",),
    "composers": ("TCOM",),
}
MP4 = {
    "title": ("©nam",),
    "artists": ("artists", "©ART"),
    "album": ("©alb",),
    "album_artists": ("albumartists", "aART"),
    "track": ("trkn",),
    "disc": ("disk",),
    "genres": ("©gen",),
    "date": ("©day",),
    "bpm": ("bpm", "tmpo"),  # tmpo holds whole numbers only
    "compilation": ("cpil",),
    "comment": ("©cmt",),
    "grouping": ("©grp",),
    "composers": ("©wrt",),
    "explicit": ("rtng",),
}
ASF = {
    "title": ("Title",),
    "artists": ("WM/ARTISTS", "Author"),
    "album": ("WM/AlbumTitle",),
    "album_artists": ("WM/AlbumArtist",),
    "track": ("WM/TrackNumber", "WM/Track"),
    "disc": ("WM/PartOfSet",),
    "genres": ("WM/Genre",),
    "date": ("WM/Year",),
    "original_date": ("WM/OriginalReleaseTime", "WM/OriginalReleaseYear"),
    "bpm": ("WM/BeatsPerMinute",),
    "key": ("WM/InitialKey",),
    "isrc": ("WM/ISRC",),
    "label": ("WM/Publisher",),
    "catalogue_number": ("WM/CatalogNo",),
    "barcode": ("WM/Barcode",),
    "compilation": ("WM/IsCompilation",),
    "comment": ("Description", "WM/Comments"),
    "grouping": ("WM/ContentGroupDescription",),
    "remixers": ("WM/ModifiedBy",),
    "composers": ("WM/Composer",),
}
RIFF = {
    "title": ("INAM",),
    "artists": ("IART",),
    "album": ("IPRD",),
    "track": ("ITRK", "IPRT"),
    "genres": ("IGNR",),
    "date": ("ICRD",),
    "comment": ("ICMT",),
}
IDS = {
    "mb_recording": ("UFID:http://musicbrainz.org", "musicbrainztrackid", "musicbrainzrecordingid"),
    "mb_track": ("musicbrainzreleasetrackid",),
    "mb_release": ("musicbrainzalbumid", "musicbrainzreleaseid"),
    "mb_release_group": ("musicbrainzreleasegroupid",),
    "mb_artist": ("musicbrainzartistid",),
    "mb_album_artist": ("musicbrainzalbumartistid",),
    "mb_work": ("musicbrainzworkid",),
    "acoustid": ("acoustidid",),
    "discogs_release": ("discogsreleaseid",),
    "discogs_master": ("discogsmasterid",),
    "spotify": ("spotifytrackid", "spotifyid", "spotifytrackuri", "spotifyuri"),
    "tidal": ("tidaltrackid", "tidalid"),
    "beatport": ("beatporttrackid", "beatportid"),
}
FAMILIES = {"id3": ID3, "mp4": MP4, "asf": ASF, "riff": RIFF, "vorbis": {}, "ape": {}}
PLACES: dict[str, dict[str, list[tuple[str, int]]]] = {}  # family -> key -> (field, place of the key among those of the field)
for _family, _own in FAMILIES.items():
    PLACES[_family] = {}
    for _field in {**FREE, **_own}:
        for _place, _key in enumerate((*_own.get(_field, ()), *FREE.get(_field, ()))):
            PLACES[_family].setdefault(_key, []).append((_field, _place))
_SCHEME_OF = {name: scheme for scheme, names in IDS.items() for name in names}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_ALBUM_TYPES = ("compilation", "live", "mixtape", "dj_mix", "remix", "single", "ep", "album", "other")  # the narrower first
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_TEXTS = ("title", "version", "album", "grouping", "label", "catalogue_number", "barcode", "country")
_LISTS = ("artists", "remixers", "composers", "album_artists", "formats")
_first = itemgetter(0)
_LONGEST = 7 * 24 * 3600  # seconds; a length beyond is a broken header's


def said_of(payload: dict[str, Any]) -> Said:
    """What a file payload says: tags by the table of its family, its length and path, where its cover is. See shapes.Said."""
    family = payload.get("tag_format") or "vorbis"
    tags = _by_name(family, payload.get("tags") or {})
    found: dict[str, list[tuple[int, list]]] = {}
    for name, values in tags.items():
        for field, place in PLACES[family].get(name, ()):
            found.setdefault(field, []).append((place, values))
    texts: dict[str, list[str]] = {}
    for field, places in found.items():
        for _, values in sorted(places, key=_first) if len(places) > 1 else places:
            if clear := [text for value in values if (text := clean(value))]:
                texts[field] = list(dict.fromkeys(clear)) if len(clear) > 1 else clear
                break
    one = {field: values[0] for field, values in texts.items()}
    said: dict[str, Any] = {field: one[field] for field in _TEXTS if field in one}
    said |= {field: texts[field] for field in _LISTS if field in texts}
    date = next(
        (date for field in ("date", "original_date") for value in _dates(tags, found.get(field)) if (date := units.iso_date(value))), None
    )
    if date:
        said |= {"year": int(date[0][:4]), "release_date": date[0], "release_date_precision": date[1]}
    track, length = one.get("track"), (payload.get("info") or {}).get("length")
    more = {
        "album_type": _album_type(texts.get("album_type", ()), one.get("compilation")),
        "track_no": units.integer(track, 1, 9999),
        "track_total": units.integer((track or "").partition("/")[2] or one.get("tracks"), 1, 9999),
        "disc_no": units.integer(one.get("disc"), 1, 999),
        "duration_ms": round(length * 1000) if isinstance(length, int | float) and 0 < length < _LONGEST else None,
        "genres": _genres(texts.get("genres", []), family),
        "styles": _split(texts.get("styles", [])),
        "bpm": next((bpm for value in texts.get("bpm", ()) if (bpm := units.bpm(value))), None),
        "musical_key": next((key for value in texts.get("key", ()) if (key := units.camelot(value))), None),
        "energy": units.integer(one.get("energy"), 1, 10),
        "rating": _rating(family, tags),
        "play_count": _play_count(tags),
        "comment": (_comment(tags) if family == "id3" else None) or one.get("comment"),
        "isrc": next((isrc for value in texts.get("isrc", ()) if (isrc := _isrc(value))), None),
        "explicit": {"1": True, "4": True, "2": False}.get(one.get("explicit", "")),
        "cover": "embedded" if payload.get("cover") is not None else None,
        "path": payload["path"],
        "ids": _ids(tags),
    }
    said |= {field: value for field, value in more.items() if value is not None and value != [] and value != {}}
    return said  # type: ignore[return-value]


def clean(value: Any) -> str | None:
    """A tag's value as text without control characters and outer blanks; None where nothing is left or it is no text."""
    if isinstance(value, str):
        return (_CONTROL.sub("", value).strip() if not value.isprintable() else value.strip()) or None
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, list):  # MP4 writes (number, total)
        return "/".join(str(part) for part in value if part not in (0, None)) or None
    if isinstance(value, dict) and isinstance(value.get("text"), str):  # a long text's start
        return clean(value["text"])
    return None


@lru_cache(4096)
def _name(family: str, key: str) -> str:
    """The name a raw key is looked up by: native ones as they are, free-form ones as small letters and digits."""
    head, _, rest = key.partition(":")
    if family == "id3":
        if head != "TXXX":
            return key if head == "UFID" else head
        key = rest
    elif family == "mp4":
        if head != "----":
            return key
        key = rest.rpartition(":")[2]
    elif family == "riff" or (family == "asf" and (key.startswith("WM/") or key in ("Title", "Author", "Description", "Rating"))):
        return key
    return re.sub(r"[^a-z0-9]", "", key.lower()) if not key.lower().startswith("rating:") else "rating:"


def _by_name(family: str, tags: dict[str, list]) -> dict[str, list]:
    found: dict[str, list] = {}
    for key, values in tags.items():
        name = _name(family, key)
        if name == "COMM":
            description = key.split(":")[1] if ":" in key else ""
            if description.startswith(("iTun", "Songs-DB")):  # players' own notes
                continue
            name = "COMM" if not description else "COMM:"
        found.setdefault(name, []).extend(values)
        if family == "asf" and name.startswith("WM/"):
            found.setdefault(re.sub(r"[^a-z0-9]", "", name[3:].lower()), []).extend(values)
    return found


def _dates(tags: dict[str, list], places: list[tuple[int, list]] | None):
    """Date values in order; ID3v2.3 keeps day and month (DDMM) apart from the year."""
    for _, values in sorted(places or (), key=_first):
        for value in values:
            text = clean(value)
            day = clean(next(iter(tags.get("TDAT", ())), None)) if values is tags.get("TYER") else None
            if text and day and re.fullmatch(r"[0-9]{4}", day) and re.fullmatch(r"[0-9]{4}", text):
                yield f"{text}-{day[2:]}-{day[:2]}"
            if text:
                yield text


def _split(values: list[str]) -> list[str]:
    """Several in one value, by the separators that mean nothing else: ";" and a double backslash."""
    return list(dict.fromkeys(part for value in values for each in re.split(r";|\\\\", value) if (part := each.strip())))


def _genres(values: list[str], family: str) -> list[str]:
    if family == "id3" and any(value[0] in "(0123456789" for value in values):  # "(17)" and "17" are Rock
        from mutagen.id3 import TCON

        values = [genre for value in values for genre in TCON(encoding=3, text=[value]).genres]
    return _split(values)


def _album_type(types: Sequence[str], compilation: str | None) -> str | None:
    if not types and compilation != "1":
        return None
    words = {re.sub(r"[ \-/]+", "_", part.strip().lower()) for value in types for part in re.split(r"[;,]", value)}
    if compilation == "1":
        words.add("compilation")
    return next((word for word in _ALBUM_TYPES if word in words or (word == "mixtape" and "mixtape_street" in words)), None)


def _comment(tags: dict[str, list]) -> str | None:
    return next((text for name in ("COMM", "COMM:") for value in tags.get(name, ()) if (text := clean(value))), None)


def _rating(family: str, tags: dict[str, list]) -> int | None:
    """1-5 stars. POPM counts to 255, WMA to 99, FMPS and Quod Libet to 1, RATING elsewhere to 100 or, where it is small, to 5."""
    found = [(value.get("rating"), "popm") for value in tags.get("POPM", ()) if isinstance(value, dict)]
    found += [(value, "wma") for value in tags.get("WM/SharedUserRating", ())]
    found += [(clean(value), "1") for name in ("fmpsrating", "rating:") for value in tags.get(name, ())]
    for value in (*tags.get("rate", ()), *(tags.get("rating", ()) if family != "asf" else ())):
        number = units.integer(value, 0, 100)
        text = clean(value)
        found.append((text, "1") if number is None else (number, "5" if number <= 5 else "100"))
    return next((stars for value, scale in found if (stars := units.stars(value, scale))), None)  # type: ignore[arg-type]


def _play_count(tags: dict[str, list]) -> int | None:
    counts = [units.integer(value.get("count"), 1) for name in ("POPM", "PCNT") for value in tags.get(name, ()) if isinstance(value, dict)]
    return max((count for count in counts if count), default=None)


def _isrc(text: str) -> str | None:
    found = _ISRC.search(re.sub(r"[^A-Z0-9]", "", text.upper().removeprefix("ISRC")))
    return found and found[0]


def _ids(tags: dict[str, list]) -> dict[str, str]:
    """Identifiers that have the form of one. Where a tag holds several (artists of a credit), none is the track's."""
    found: dict[str, set[str]] = {}
    for name, values in tags.items():
        if scheme := _SCHEME_OF.get(name):
            found.setdefault(scheme, set()).update(text for value in values if (text := _id(scheme, clean(value) or "")))
    return {scheme: found[scheme].pop() for scheme in IDS if len(found.get(scheme, ())) == 1}


def _id(scheme: str, text: str) -> str | None:
    if scheme.startswith("mb_") or scheme == "acoustid":
        return text.lower() if _UUID.fullmatch(text.lower()) else None
    pattern = r"[0-9A-Za-z]{22}" if scheme == "spotify" else r"[0-9]{1,19}"
    found = re.search(rf"(?:^|[:/r])({pattern})/?(?:\?.*)?$", text)  # alone, or the end of a URI or URL ("r123" on Discogs)
    return found and found[1]
