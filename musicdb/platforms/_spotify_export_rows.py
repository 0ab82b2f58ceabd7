"""What a Spotify privacy export says, as rows: pure. The kinds are told in spotify.py."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypedDict
from urllib.parse import unquote_plus

import msgspec

from ..errors import PayloadError
from ..shapes import Row, Said, TrackRow
from ..units import integer, iso_date, utc

LIKED = "export:liked"
DAY_MS = 86_400_000
_URI = re.compile(r"(?:spotify:|https?://open\.spotify\.com/(?:intl-\w+/)?)(\w+)[:/]([A-Za-z0-9]{1,64})(?:\?|$)")


_SPOKEN = (
    "spotify_episode_uri",
    "episode_name",
    "audiobook_uri",
    "audiobook_chapter_uri",
    "audiobook_title",
    "podcastName",
    "episodeName",
    "audiobookName",
    "chapterName",
)


class SpotifyTrack(TypedDict, total=False):
    """What an export says of a track, whichever of its files said it."""

    uri: str
    id: str  # the external id: Spotify's, the whole URI of a local file, or "history:..." where there is none
    track: str
    artist: str
    album: str


def payload(metadata: str | bytes) -> SpotifyTrack:
    """Return the stored payload of a track (`platform_tracks.metadata`) under one set of names. Raises PayloadError."""
    try:
        found = msgspec.json.decode(metadata)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PayloadError(f"Spotify metadata is no JSON: {error}") from error
    return _track(_dict(found, "track"))


def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield the rows of one payload: TrackRow before what refers to it. Raises PayloadError."""
    p = _dict(payload, kind)
    if kind == "play":
        yield from _play(p)
    elif kind == "liked_track":
        yield from _placed(p, _dict(p.get("track"), "liked track"), LIKED, None)
    elif kind == "playlist_item":
        item = _dict(p.get("item"), "playlist item")
        yield from _placed(p, _dict(item_track(item), "track of a playlist"), _text(p.get("playlist")), item)
    elif kind == "track":
        if not (track := _track(p)):
            raise PayloadError("a track without URI and title")
        yield _track_row(track, p, True)
    elif kind == "playlist":
        yield _playlist(p)
    elif kind == "library":
        yield {"row": "playlist", "external_id": LIKED, "name": "Liked Songs", "kind": "liked", "metadata": p}
    elif kind == "album":
        yield from _album(p)
    else:
        raise PayloadError(f"no such payload kind of Spotify: {kind!r}")


def _dict(value: Any, what: str) -> dict:
    if not isinstance(value, dict):
        raise PayloadError(f"{what}: an object expected, not {type(value).__name__}")
    return value


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def item_track(item: Any) -> Any:
    """Return the track or local file in an item of a playlist; None for an episode, audiobook or empty place."""
    if not isinstance(item, dict):
        return item
    if "trackName" in item or "trackUri" in item:  # the layout before 2020
        return item
    return item.get("track") or item.get("localTrack")


def _uri(value: Any) -> tuple[str, str] | None:
    """Return (kind, id) of "spotify:track:ID" or its web address: ("track", ID); of a local file ("local", the URI)."""
    if not isinstance(value, str) or len(value) > 4000:
        return None
    if value.startswith("spotify:local:"):
        return "local", value
    found = _URI.match(value)
    return (found[1], found[2]) if found else None


def nameless_id(artist: str | None, title: str | None) -> str:
    """Return the external id of something that an export names only by its words. The same words give the same id."""
    words = "\x1f".join(unicodedata.normalize("NFC", word or "").casefold().strip() for word in (artist, title))
    return "history:" + hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _track(t: dict) -> SpotifyTrack:
    """Return a track under one set of names; empty where it has neither a URI nor a title."""
    uri = t.get("uri") or t.get("trackUri") or t.get("spotify_track_uri")
    title = t.get("track") or t.get("trackName") or t.get("master_metadata_track_name")
    artist = t.get("artist") or t.get("artistName") or t.get("master_metadata_album_artist_name")
    album = t.get("album") or t.get("albumName") or t.get("master_metadata_album_album_name")
    found = {"uri": _text(uri), "track": _text(title), "artist": _text(artist), "album": _text(album)}
    known = _uri(found["uri"])
    if known and known[0] == "local":  # spotify:local:artist:album:title:seconds
        parts = [_text(unquote_plus(part)) for part in known[1].split(":")[2:]] + [None] * 3
        for name, part in zip(("artist", "album", "track"), parts):
            found[name] = found[name] or part
    if known and known[0] in ("track", "local"):
        found["id"] = known[1]
    elif found["track"]:
        found["id"] = nameless_id(found["artist"], found["track"])
    else:
        return {}
    return {name: value for name, value in found.items() if value}


def _track_row(t: SpotifyTrack, sent: dict, in_library: bool) -> TrackRow:
    own = _uri(t.get("uri")) or ("", "")
    seconds = re.search(r":(\d{1,6})$", own[1]) if own[0] == "local" else None
    said: Said = {
        "title": t.get("track"),
        "artists": [t["artist"]] if "artist" in t else None,
        "album": t.get("album"),
        "duration_ms": int(seconds[1]) * 1000 or None if seconds else None,
        "ids": {"spotify": own[1]} if own[0] == "track" else None,
    }
    said = {name: value for name, value in said.items() if value is not None}
    return {
        "row": "track",
        "external_id": t["id"],
        "title": t.get("track") or t["uri"],
        "artists": said.get("artists", []),
        "album": t.get("album"),
        "duration_ms": said.get("duration_ms"),
        "uri": t["uri"] if own[0] else None,
        "said": said,
        "in_library": in_library,
        "kind": "track",
        "metadata": sent,
    }


def _placed(p: dict, sent: dict, playlist: str | None, item: dict | None) -> Iterator[Row]:
    track, position = _track(sent), integer(p.get("position"), 0)
    if not track or playlist is None or position is None:
        raise PayloadError(f"a place in {playlist or 'a playlist'} without a track, list or position")
    yield _track_row(track, sent, True)
    yield {
        "row": "playlist_item",
        "playlist_external_id": playlist,
        "position": position,
        "track_external_id": track["id"],
        "added_at": _when(item.get("addedDate")) if item else None,
    }


def _when(value: Any) -> str | None:
    found = iso_date(value)
    return found and found[0]


def _playlist(p: dict) -> Row:
    playlist, external_id = _dict(p.get("playlist"), "playlist"), _text(p.get("external_id"))
    if not external_id:
        raise PayloadError("a playlist without external_id")
    return {
        "row": "playlist",
        "external_id": external_id,
        "name": _text(playlist.get("name")) or "untitled",
        "kind": "playlist",
        "description": _text(playlist.get("description")),
        "position": integer(p.get("position"), 0),
        "collaborative": bool(playlist["collaborators"]) if isinstance(playlist.get("collaborators"), list) else None,
        "remote_updated_at": _when(playlist.get("lastModifiedDate")),
    }


def album_id(p: Any) -> str | None:
    """Spotify's id of an album in an export; None where it gives no URI."""
    uri = _uri(p.get("uri")) if isinstance(p, dict) else None
    return uri[1] if uri and uri[0] == "album" else None


def _album(p: dict) -> Iterator[Row]:
    title, artist, own = _text(p.get("album")), _text(p.get("artist")), album_id(p)
    if not title:
        raise PayloadError("an album without a name")
    said: Said = {"title": title, "album": title}
    said |= {"artists": [artist], "album_artists": [artist]} if artist else {}
    said |= {"ids": {"spotify": own}} if own else {}
    key = own or nameless_id(artist, title)
    yield {"row": "release", "external_id": key, "title": title, "said": said, "kind": "album", "metadata": p}
    yield {"row": "collection_item", "release_external_id": key, "instance_id": f"export:saved:{key}", "status": "saved"}


def _play(p: dict) -> Iterator[Row]:
    extended = "endTime" not in p
    end = utc(p.get("ts" if extended else "endTime"))
    if end is None or end < "2006":  # before there was a Spotify: a broken clock
        raise PayloadError(f"a play without a usable time: {ascii(p.get('ts', p.get('endTime')))[:60]}")
    played = integer(p.get("ms_played" if extended else "msPlayed"), 0, 7 * DAY_MS)
    context = {"precision": None if extended else "minute"}
    for name in ("reason_start", "reason_end", "skipped", "shuffle", "offline", "platform"):
        context[name] = p.get(name) if isinstance(p.get(name), str | bool) else None
    context["incognito"] = p["incognito_mode"] if isinstance(p.get("incognito_mode"), bool) else None
    row = {"row": "listen", "listened_at": _start(p, end, played), "ms_played": played}
    if track := None if _is_spoken(p) else _track(p):
        kept = ("spotify_track_uri", "trackUri", "trackName", "artistName", "albumName")
        sent = {name: p[name] for name in p if name in kept or name.startswith("master_metadata_")}
        yield _track_row(track, sent, False)
        row |= {"source_item": track["id"], "track_external_id": track["id"]}
    else:
        content, show, title, uri = _spoken(p)
        context |= {"content": content, "show": show, "title": title}
        row["source_item"] = uri or (nameless_id(show, title) if show or title else "")
    yield row | {"context": {name: value for name, value in context.items() if value not in (None, "")}}


def _is_spoken(p: dict) -> bool:
    """Is this play of a podcast or audiobook? The oldest layout names a podcast like an artist: that stays music."""
    return not (p.get("spotify_track_uri") or p.get("trackName")) and any(p.get(name) for name in _SPOKEN)


def _spoken(p: dict) -> tuple[str, str | None, str | None, str | None]:
    """Return (content, show or book, title, uri) of a play that is no music; "unknown" where nothing is named."""
    book = p.get("audiobook_title") or p.get("audiobookName")
    if book or p.get("audiobook_uri") or p.get("audiobook_chapter_uri"):
        title, uri = p.get("audiobook_chapter_title") or p.get("chapterName"), p.get("audiobook_chapter_uri")
        return "audiobook", _text(book), _text(title), _text(uri or p.get("audiobook_uri"))
    show, title = p.get("episode_show_name") or p.get("podcastName"), p.get("episode_name") or p.get("episodeName")
    found = _text(show), _text(title), _text(p.get("spotify_episode_uri"))
    return ("episode" if any(found) else "unknown", *found)


def _start(p: dict, end: str, played_ms: int | None) -> str:
    end_s = int(datetime.fromisoformat(end).timestamp())
    if p.get("offline") is True and (stamp := integer(p.get("offline_timestamp"), 1)):
        stamp_s = stamp // 1000 if stamp > 10**11 else stamp
        if 1_100_000_000 < stamp_s <= end_s + 86_400:  # since there is Spotify; a later one is a wrong clock
            end_s, played_ms = stamp_s, 0
    start = utc((end_s * 1000 - (played_ms or 0) + 500) // 1000, "s")
    if start is None:
        raise PayloadError(f"a play outside of the calendar: {end}")
    return start
