"""Tidal's objects as rows: pure. Three families say the same in their own words and are brought under one first.

    v1 (tidalapi)     {"id", "title", "version", "duration": s, "artists": [{"name", "type": "MAIN"}], "album", "key", "keyScale", ...}
    openapi v1        {"id", "title", "duration": s, "artists": [{"name", "main"}], "album", "imageCover": [{"url"}], ...}
    openapi v2        JSON:API: {"type": "tracks", "id", "attributes": {"duration": "PT4M12S", "popularity": 0-1, ...}, "relationships"};
                      what stands elsewhere in its answer is put beside it: {"data": object, "artists": [name], "album": {...}}

Sources: tidalapi media.py and album.py; developer.tidal.com/apiref.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..errors import PayloadError
from ..shapes import ReleaseRow, Row, Said, TrackRow
from ..units import bpm, camelot, integer, iso_date, utc

COVER = "https://resources.tidal.com/images/{}/640x640.jpg"
ALBUM_TYPES = {"ALBUM": "album", "EP": "ep", "SINGLE": "single", "COMPILATION": "compilation"}
_DURATION = re.compile(r"PT(?:(\d{1,4})H)?(?:(\d{1,6})M)?(?:(\d{1,8})(?:\.\d+)?S)?")
_COVER_ID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4,12}){4}")


def dict_of(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list:
    return value if isinstance(value, list) else []


def plain(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def ident(value: Any) -> str | None:
    """An id as text: v1 sends numbers, the others texts."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if 0 < value < 2**63 else None
    return plain(value)


def as_v1(sent: dict) -> dict:
    """An object of any family under the names of v1."""
    data = dict_of(sent.get("data"))
    if isinstance(data.get("attributes"), dict):
        said = data["attributes"]
        found = {**said, "id": data.get("id"), "artists": [{"name": name} for name in list_of(sent.get("artists"))], "album": sent.get("album"),
                 "upc": said.get("barcodeId"), "numberOfTracks": said.get("numberOfItems"), **dict_of(sent.get("place"))}  # fmt: skip
        share = said.get("popularity")
        found["popularity"] = round(share * 100) if isinstance(share, float) and 0 <= share <= 1 else None
        found["pictures"] = [
            {"url": one.get("href"), **dict_of(one.get("meta"))} for one in list_of(said.get("imageLinks")) if isinstance(one, dict)
        ]
        if isinstance(said.get("availability"), list):
            found["allowStreaming"] = "STREAM" in said["availability"]
        return found
    if "properties" in sent or "imageCover" in sent or "tidalUrl" in sent or "artifactType" in sent:
        explicit = "explicit" in list_of(dict_of(sent.get("properties")).get("content"))
        return {
            **sent,
            "upc": sent.get("barcodeId"),
            "explicit": explicit or None,
            "url": sent.get("tidalUrl"),
            "pictures": sent.get("imageCover"),
        }
    return sent


def milliseconds(value: Any) -> int | None:
    """Length in ms of whole seconds, or of "PT4M12S"."""
    if isinstance(value, str):
        found = _DURATION.fullmatch(value)
        hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
        return (hours * 3600 + minutes * 60 + seconds) * 1000 or None
    seconds = integer(value, 1, 10**7)
    return seconds * 1000 if seconds else None


def cover(t: dict) -> str | None:
    """Address of a picture of 640 pixels, or the largest where addresses are listed."""
    code = plain(t.get("cover"))
    if code and _COVER_ID.fullmatch(code):
        return COVER.format(code.replace("-", "/"))
    found = [one for one in list_of(t.get("pictures") or t.get("imageCover")) if plain(dict_of(one).get("url"))]
    return max(found, key=lambda one: integer(one.get("width"), 0, 10**5) or 0)["url"] if found else None


def key(t: dict) -> str | None:
    """ "CSharp" and "MINOR" -> "12A"; a key without its scale is none."""
    name, scale = plain(t.get("key")), plain(t.get("keyScale"))
    if name is None or scale not in ("MAJOR", "MINOR"):
        return None
    return camelot(name.replace("Sharp", "#").replace("Flat", "b") + ("m" if scale == "MINOR" else ""))


def artists(t: dict) -> tuple[list[str], list[str]]:
    """(main artists, featured ones)."""
    main, featured = [], []
    for one in list_of(t.get("artists")) or [t.get("artist")]:
        if name := plain(dict_of(one).get("name")):
            (featured if one.get("type") == "FEATURED" or one.get("main") is False else main).append(name)
    return (main, featured) if main else (featured, [])


def is_unavailable(t: dict) -> bool:
    """May it no longer be played? Such a track says neither ISRC nor bpm nor key, so it never replaces what was known of it."""
    return t.get("allowStreaming") is False or t.get("streamReady") is False


def track(sent: dict, in_library: bool = True) -> TrackRow:
    """One track of any family. Raises PayloadError where it has no id."""
    t = as_v1(sent)
    external_id, title = ident(t.get("id")), plain(t.get("title"))
    if external_id is None:
        raise PayloadError("a track without id")
    album, (main, featured) = dict_of(t.get("album")), artists(t)
    of_album = _of_album(as_v1(album))
    said: Said = {
        "title": title,
        "version": plain(t.get("version")),
        "artists": main,
        "featured": featured,
        "track_no": integer(t.get("trackNumber"), 1),
        "disc_no": integer(t.get("volumeNumber"), 1),
        "duration_ms": milliseconds(t.get("duration")),
        "isrc": _code(t.get("isrc")),
        "explicit": t["explicit"] if isinstance(t.get("explicit"), bool) else None,
        "popularity": integer(t.get("popularity"), 0, 100),
        "bpm": bpm(t.get("bpm")),
        "musical_key": key(t),
        "ids": {"tidal": external_id},
        **{name: of_album[name] for name in ("album", "cover", "release_date", "release_date_precision", "year")},
    }
    said = _filled(said)
    return {
        "row": "track",
        "external_id": external_id,
        "title": title or f"Tidal track {external_id}",
        "artists": main,
        "album": said.get("album"),
        "duration_ms": said.get("duration_ms"),
        "isrc": said.get("isrc"),
        "release_date": said.get("release_date"),
        "uri": plain(t.get("url")) or f"https://tidal.com/browse/track/{external_id}",
        "release_external_id": ident(album.get("id")),
        "said": said,
        "in_library": in_library and title is not None,
        "kind": "unavailable_track" if is_unavailable(t) else "track",
        "metadata": sent,
    }


def _of_album(a: dict) -> Said:
    date = iso_date(a.get("releaseDate")) if isinstance(a.get("releaseDate"), str) else None
    return {
        "album": plain(a.get("title")),
        "cover": cover(a),
        "release_date": date and date[0],
        "release_date_precision": date and date[1],
        "year": int(date[0][:4]) if date else None,
    }


def album(sent: dict) -> ReleaseRow:
    """One album of any family. Raises PayloadError where it has no id or title."""
    a = as_v1(sent)
    external_id, title = ident(a.get("id")), plain(a.get("title"))
    if external_id is None or title is None:
        raise PayloadError("an album without id or title")
    main, featured = artists(a)
    said: Said = {
        **_of_album(a),
        "title": title,
        "version": plain(a.get("version")),
        "artists": main,
        "album_artists": main,
        "featured": featured,
        "album_type": ALBUM_TYPES.get(a["type"]) if isinstance(a.get("type"), str) else None,
        "track_total": integer(a.get("numberOfTracks"), 1),
        "duration_ms": milliseconds(a.get("duration")),
        "barcode": _code(a.get("upc")),
        "explicit": a["explicit"] if isinstance(a.get("explicit"), bool) else None,
        "popularity": integer(a.get("popularity"), 0, 100),
        "ids": {"tidal": external_id},
    }
    stable = {name: value for name, value in sent.items() if name != "popularity"}
    return {
        "row": "release",
        "external_id": external_id,
        "title": title,
        "said": _filled(said),
        "kind": "album",
        "metadata": sent,
        "stable": stable,
    }


def _code(value: Any) -> str | None:
    code = plain(value)
    return code.upper().replace("-", "") if code else None


def _filled(said: dict) -> Said:
    return {name: value for name, value in said.items() if value is not None and value != [] and value != ""}


def with_picture(row: TrackRow | ReleaseRow) -> Iterator[Row]:
    """A track or album and its picture."""
    yield row
    if url := row["said"].get("cover"):
        yield {"row": "image", "of": row["row"], "external_id": row["external_id"], "role": "cover", "position": 0, "url": url}


def track_of(item: Any) -> dict | None:
    """The track of a place; None for a video and an empty place. Favourites and playlists wrap it, searches do not."""
    item = dict_of(item)
    if "item" not in item:
        return item if "title" in item or "attributes" in dict_of(item.get("data")) else None
    kind = item.get("type")
    return dict_of(item["item"]) or None if not isinstance(kind, str) or kind == "track" else None


def place(p: dict) -> Iterator[Row]:
    """{"playlist", "position", "item"}: an empty place for a video; nothing for null, which says nothing."""
    item, position, playlist = p.get("item"), integer(p.get("position"), 0), plain(p.get("playlist"))
    if position is None or playlist is None:
        raise PayloadError("a place without list or position")
    sent = track_of(item)
    if sent is None:
        if item is not None:
            yield {"row": "playlist_item", "playlist_external_id": playlist, "position": position, "track_external_id": None}
        return
    item = dict_of(item)
    row = track({name: value for name, value in sent.items() if name not in OF_PLACE})
    yield from with_picture(row)
    yield {
        "row": "playlist_item",
        "playlist_external_id": playlist,
        "position": position,
        "track_external_id": row["external_id"],
        "added_at": _when(item.get("created")) or _when(sent.get("dateAdded")),
    }


# What Tidal puts into a track about its place in a list: it differs from list to list, and is no property of the track.
OF_PLACE = ("dateAdded", "index", "itemUuid")


def _when(value: Any) -> str | None:
    return utc(value) if isinstance(value, str) else None


def a_list(p: dict) -> Iterator[Row]:
    """{"external_id", "position", "parent", "playlist" or "folder": as sent}, or a list of ours: {"external_id", "name", "kind", ...}."""
    external_id = plain(p.get("external_id"))
    if external_id is None:
        raise PayloadError("a list without external_id")
    place = {"parent_external_id": plain(p.get("parent")), "position": integer(p.get("position"), 0)}
    if isinstance(p.get("folder"), dict):
        name = plain(p["folder"].get("name")) or plain(dict_of(p["folder"].get("data")).get("name")) or "untitled"
        yield {"row": "playlist", "external_id": external_id, "name": name, "kind": "folder", **place, "metadata": p["folder"]}
        return
    if not isinstance(p.get("playlist"), dict):
        kind = p.get("kind") if p.get("kind") in ("playlist", "folder", "smart", "liked") else "playlist"
        yield {"row": "playlist", "external_id": external_id, "name": plain(p.get("name")) or "untitled", "kind": kind, "metadata": p}
        return
    sent = p["playlist"]
    creator = dict_of(sent.get("creator"))
    yield {
        "row": "playlist",
        "external_id": external_id,
        "name": plain(sent.get("title")) or "untitled",
        "kind": "playlist",
        "description": plain(sent.get("description")),
        **place,
        "owner": plain(creator.get("name")) or ("TIDAL" if creator.get("id") == 0 else None),
        "owner_id": ident(creator.get("id")),
        "is_public": sent["publicPlaylist"] if isinstance(sent.get("publicPlaylist"), bool) else None,
        "remote_version": plain(sent.get("lastUpdated")),
        "remote_updated_at": _when(sent.get("lastUpdated")),
        "metadata": sent,
        "stable": [sent, place["parent_external_id"]],  # to be put into another folder is no update at Tidal
    }


def saved_album(p: dict) -> Iterator[Row]:
    """{"account", "saved": {"created", "item": album}}"""
    saved = dict_of(p.get("saved"))
    if not saved:
        return  # an empty place
    row, account = album(dict_of(saved.get("item"))), plain(p.get("account"))
    yield from with_picture(row)
    yield {
        "row": "collection_item",
        "release_external_id": row["external_id"],
        "instance_id": f"saved:{account}:{row['external_id']}" if account else f"saved:{row['external_id']}",
        "status": "saved",
        "added_at": _when(saved.get("created")),
    }


def sorted_out(answer: Any) -> Iterator[tuple[str, dict]]:
    """Yield (payload kind, payload) of the tracks and albums in any answer of Tidal. Raises PayloadError where there is none."""
    answer, found = dict_of(answer), []
    if "included" in answer or "attributes" in dict_of(answer.get("data")):
        found = list(_of_json_api(answer))
    elif isinstance(answer.get("resource"), dict):
        found = list(sorted_out(answer["resource"]))
    elif "title" in answer and "id" in answer:
        is_track = answer.get("artifactType") == "track" or "trackNumber" in answer
        found = [] if answer.get("artifactType") == "video" else [("track" if is_track else "album", answer)]
    else:
        lists = [answer.get(name) for name in ("items", "data", "tracks", "albums")]
        for one in (one for some in lists for one in (list_of(some) or [some]) if isinstance(one, dict)):
            inner = one["item"] if isinstance(one.get("item"), dict) else one
            found += list(sorted_out(inner)) if any(inner.get(k) for k in ("resource", "title", "items")) else []
        if not found and not any(isinstance(some, list) or isinstance(dict_of(some).get("items"), list) for some in lists):
            raise PayloadError(f"no track or album in it: {', '.join(map(str, list(answer)[:5])) or 'empty'}")
    yield from found


def _of_json_api(answer: dict) -> Iterator[tuple[str, dict]]:
    """The objects of a JSON:API answer with what stands in `included` about them."""
    data = answer["data"] if isinstance(answer.get("data"), list) else [answer.get("data")]
    every = [one for one in [*data, *list_of(answer.get("included"))] if isinstance(one, dict)]
    names = {one.get("id"): plain(dict_of(one.get("attributes")).get("name")) for one in every if one.get("type") == "artists"}

    def related(one: dict, name: str) -> list[dict]:
        return [x for x in list_of(dict_of(dict_of(one.get("relationships")).get(name)).get("data")) if isinstance(x, dict)]

    def named(one: dict) -> list[str]:
        return [name for x in related(one, "artists") if (name := names.get(x.get("id")))]

    in_album = {}
    for one in every:
        if one.get("type") == "albums":
            yield "album", {"data": one, "artists": named(one)}
            for x in related(one, "items"):
                in_album[x.get("id")] = (one, dict_of(x.get("meta")))
    for one in every:
        if one.get("type") == "tracks":
            of, place = in_album.get(one.get("id"), (None, {}))
            album = {"data": of, "artists": named(of)} if of else None
            yield "track", {"data": one, "artists": named(one), "album": as_v1(album) if album else None, "place": place}
