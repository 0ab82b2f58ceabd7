"""Spotify's Web API objects as rows: pure. Both shapes of 2026: a place of a playlist holds its track under `item` or `track`.

Source: developer.spotify.com/documentation/web-api (track, album, playlist, play history and audio features objects).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import PayloadError
from ..shapes import ReleaseRow, Row, Said, TrackRow
from ..units import bpm, camelot, integer, iso_date, utc

# Pitch class (audio features, 0 = C) and mode (1 = major) as musicians write them.
PITCHES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
ALBUM_TYPES = ("album", "single", "ep", "compilation")
CHANGES_DAILY = ("popularity", "available_markets")  # of an album: kept, but no change of it


def dict_of(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list:
    return value if isinstance(value, list) else []


def plain(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def names(artists: Any) -> list[str]:
    return [name for one in list_of(artists) if (name := plain(dict_of(one).get("name")))]


def picture(images: Any) -> str | None:
    """Address of the largest picture. Spotify sends them largest first, and sizes that may be null."""
    found = [one for one in list_of(images) if plain(dict_of(one).get("url"))]
    return max(found, key=lambda one: integer(one.get("width"), 0, 10**5) or 0)["url"] if found else None


def track_of(item: Any) -> dict | None:
    """The track of a place, in either shape of 2026; None for an episode, an empty place, and what is no track."""
    item = dict_of(item)
    found = item.get("item") if isinstance(item.get("item"), dict) else item.get("track")
    if not isinstance(found, dict) and "name" in item and "artists" in item:
        found = item  # top tracks and searches list the tracks themselves
    if not isinstance(found, dict) or found.get("type") not in (None, "track"):
        return None
    return found


def track_id(track: dict) -> str | None:
    """Spotify's id; the whole URI of a local file, as in the privacy export."""
    uri = plain(track.get("uri"))
    if track.get("is_local") is True or (uri or "").startswith("spotify:local:"):
        return uri
    return plain(track.get("id")) or (uri.removeprefix("spotify:track:") if uri and uri.startswith("spotify:track:") else None)


def is_unavailable(track: dict) -> bool:
    """May it no longer be played? Such a track can lack its ISRC, so it never replaces what was known of it."""
    return track.get("is_local") is not True and (track.get("is_playable") is False or track.get("available_markets") == [])


def track(t: dict, in_library: bool = True) -> TrackRow:
    """One track object. Raises PayloadError where it has no id."""
    key = track_id(t)
    if key is None:
        raise PayloadError("a track without id")
    local, title = key.startswith("spotify:local:"), plain(t.get("name"))
    album, said = dict_of(t.get("album")), _said(t, key, local)
    uri = plain(t.get("uri")) or (f"spotify:track:{key}" if not local else key)
    return {
        "row": "track",
        "external_id": key,
        "title": title or uri,
        "artists": said.get("artists", []),
        "album": said.get("album"),
        "duration_ms": said.get("duration_ms"),
        "isrc": said.get("isrc"),
        "release_date": said.get("release_date"),
        "uri": uri,
        "release_external_id": plain(album.get("id")),
        "said": said,
        # what Spotify took away has no name any more: a place in a list, and no music that one could have
        "in_library": in_library and title is not None,
        "kind": "unavailable_track" if is_unavailable(t) else "spotify_track",
        "metadata": t,
    }


def _said(t: dict, key: str, local: bool) -> Said:
    album, features = dict_of(t.get("album")), dict_of(t.get("audio_features"))
    pitch, mode = integer(features.get("key"), 0, 11), integer(features.get("mode"), 0, 1)
    duration = integer(t.get("duration_ms"), 1)
    said: Said = {
        "title": plain(t.get("name")),
        "artists": names(t.get("artists")),
        "track_no": integer(t.get("track_number"), 1),
        "disc_no": integer(t.get("disc_number"), 1),
        "duration_ms": duration,
        "isrc": _isrc(t),
        "explicit": t["explicit"] if isinstance(t.get("explicit"), bool) else None,
        "popularity": integer(t.get("popularity"), 0, 100),
        "bpm": bpm(features.get("tempo")),
        "musical_key": camelot(PITCHES[pitch] + ("" if mode else "m")) if pitch is not None and mode is not None else None,
        "energy": _share(features.get("energy")),
        "ids": None if local else {"spotify": key},
        "cover": picture(album.get("images")),
    }
    return _filled(said | _of_album(album))


def _of_album(a: dict) -> Said:
    """What an album object says of itself and of its tracks."""
    date = iso_date(a.get("release_date")) if isinstance(a.get("release_date"), str) else None
    if date and a.get("release_date_precision") == "year":
        date = (date[0][:4], "year")  # "1997-01-01", exact to the year
    elif date and a.get("release_date_precision") == "month" and date[1] == "day":
        date = (date[0][:7], "month")
    kind = a.get("album_type")
    return {
        "album": plain(a.get("name")),
        "album_artists": names(a.get("artists")),
        "album_type": kind.lower() if isinstance(kind, str) and kind.lower() in ALBUM_TYPES else None,
        "track_total": integer(a.get("total_tracks"), 1),
        "release_date": date and date[0],
        "release_date_precision": date and date[1],
        "year": int(date[0][:4]) if date else None,
        "label": plain(a.get("label")),
        "genres": [name for one in list_of(a.get("genres")) if (name := plain(one))],
        "barcode": next((code for k in ("upc", "ean") if (code := plain(dict_of(a.get("external_ids")).get(k)))), None),
    }


def album(a: dict) -> ReleaseRow:
    """One album object, simplified or whole. Raises PayloadError where it has no id or name."""
    key, title = plain(a.get("id")), plain(a.get("name"))
    if key is None or title is None:
        raise PayloadError("an album without id or name")
    said: Said = {
        **_of_album(a),
        "title": title,
        "artists": names(a.get("artists")),
        "popularity": integer(a.get("popularity"), 0, 100),
        "cover": picture(a.get("images")),
        "ids": {"spotify": key},
    }
    stable = {k: v for k, v in a.items() if k not in CHANGES_DAILY}
    return {
        "row": "release",
        "external_id": key,
        "title": title,
        "said": _filled(said),
        "kind": "spotify_album",
        "metadata": a,
        "stable": stable,
    }


def _isrc(t: dict) -> str | None:
    code = plain(dict_of(t.get("external_ids")).get("isrc")) or plain(dict_of(t.get("linked_from")).get("isrc"))
    return code.upper().replace("-", "") if code else None


def _share(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1 else None


def _filled(said: dict) -> Said:
    return {name: value for name, value in said.items() if value is not None and value != [] and value != ""}


def _image(of: str, key: str, images: Any) -> Iterator[Row]:
    if url := picture(images):
        yield {"row": "image", "of": of, "external_id": key, "role": "cover", "position": 0, "url": url}


def with_picture(row: TrackRow) -> Iterator[Row]:
    """A track and the picture of its album."""
    yield row
    yield from _image("track", row["external_id"], dict_of(row["metadata"].get("album")).get("images"))


def place(p: dict) -> Iterator[Row]:
    """{"playlist", "position", "item", "listened"?}: an empty place for an episode; nothing for null, which says nothing."""
    item, position, playlist = p.get("item"), integer(p.get("position"), 0), plain(p.get("playlist"))
    if position is None or playlist is None:
        raise PayloadError("a place without list or position")
    t = track_of(item)
    if t is None:
        if item is not None:
            yield {"row": "playlist_item", "playlist_external_id": playlist, "position": position, "track_external_id": None}
        return
    row = track(t, in_library=p.get("listened") is not True)
    yield from with_picture(row)
    yield {
        "row": "playlist_item",
        "playlist_external_id": playlist,
        "position": position,
        "track_external_id": row["external_id"],
        "added_at": _when(dict_of(item).get("added_at")),
    }


def _when(value: Any) -> str | None:
    when = utc(value) if isinstance(value, str) else None
    return when if when and when > "1970-01-02" else None  # Spotify's own lists say 1970-01-01: not known


def a_list(p: dict) -> Iterator[Row]:
    """{"external_id", "position"?, "playlist": as sent} or a list of ours: {"external_id", "name", "kind", ...}."""
    sent, key = p.get("playlist"), plain(p.get("external_id"))
    if key is None:
        raise PayloadError("a list without external_id")
    if not isinstance(sent, dict):
        kind = p.get("kind") if p.get("kind") in ("playlist", "folder", "smart", "liked") else "playlist"
        yield {"row": "playlist", "external_id": key, "name": plain(p.get("name")) or "untitled", "kind": kind, "metadata": p}
        return
    owner = dict_of(sent.get("owner"))
    yield {
        "row": "playlist",
        "external_id": key,
        "name": plain(sent.get("name")) or "untitled",
        "kind": "playlist",
        "description": plain(sent.get("description")),
        "position": integer(p.get("position"), 0),
        "owner": plain(owner.get("display_name")) or plain(owner.get("id")),
        "owner_id": plain(owner.get("id")),
        "is_public": sent["public"] if isinstance(sent.get("public"), bool) else None,
        "collaborative": sent["collaborative"] if isinstance(sent.get("collaborative"), bool) else None,
        "remote_version": plain(sent.get("snapshot_id")),
        "metadata": sent,
    }


def saved_album(p: dict) -> Iterator[Row]:
    """{"account", "saved": {"added_at", "album"}}"""
    saved = dict_of(p.get("saved"))
    if not saved:
        return  # an empty place
    row = album(dict_of(saved.get("album")))
    yield row
    yield from _image("release", row["external_id"], row["metadata"].get("images"))
    account = plain(p.get("account"))
    yield {
        "row": "collection_item",
        "release_external_id": row["external_id"],
        "instance_id": f"saved:{account}:{row['external_id']}" if account else f"saved:{row['external_id']}",
        "status": "saved",
        "added_at": _when(saved.get("added_at")),
    }


def recent(p: dict) -> Iterator[Row]:
    """One of the last 50 plays. Spotify's played_at is sometimes the start and sometimes the end of a play (spotify/web-api #1083)."""
    when = utc(p.get("played_at")) if isinstance(p.get("played_at"), str) else None
    if when is None:
        raise PayloadError("a play without a usable played_at")
    t, uri = track_of(p), plain(dict_of(p.get("context")).get("uri"))
    context = {"time": "played_at: start or end"} | ({"played_from": uri} if uri else {})
    row: dict[str, Any] = {"row": "listen", "listened_at": when, "context": context}
    if t is None:
        yield row | {"source_item": plain(dict_of(p.get("track")).get("uri")) or ""}
        return
    found = track(t, in_library=False)
    yield from with_picture(found)
    yield row | {"source_item": found["external_id"], "track_external_id": found["external_id"]}


def sorted_out(answer: Any) -> Iterator[tuple[str, Any]]:
    """Yield (payload kind, payload) of what stands in any answer of the Web API: a track, an album, plays, a search, a page of them."""
    if not isinstance(answer, dict):
        raise PayloadError(f"an object expected, not {type(answer).__name__}")
    if "played_at" in answer:
        yield "recent", answer
    elif answer.get("type") == "track" or ("artists" in answer and "track_number" in answer):
        yield "spotify_track", answer
    elif answer.get("type") == "album" or "album_type" in answer:
        yield "spotify_album", answer
    elif isinstance(answer.get("items"), list):
        for one in answer["items"]:
            yield from sorted_out(one)
    elif any(isinstance(answer.get(key), dict) for key in ("tracks", "albums", "track")):
        for key in ("tracks", "albums", "track"):
            if isinstance(answer.get(key), dict):
                yield from sorted_out(answer[key])
    else:
        raise PayloadError(f"no track, album or play in it: {', '.join(map(str, list(answer)[:5])) or 'empty'}")
