"""Tidal: an account's favourites and playlists, through tidalapi.

Payload kinds; what Tidal sent stands in them unchanged:

    place              {"name": what to call it, "playlist": external id, "position": the server's, "item": as sent}
    list               {"external_id", "position", "parent", "playlist" or "folder": as sent}; favourite tracks: {"external_id", "name", ...}
    saved_album        {"account", "saved": as sent}
    track              the track object, without what is of its place (added, index)              \\
    unavailable_track  one that may not be played now: never replaces what was known of it         \\ what the kinds above say of a track or
    album              the album object                                                           / album: stored with it

A track that Tidal may no longer play loses ISRC, bpm and key in Tidal's answers: what was known of it stays (SHORT). Videos are no tracks:
their places in lists stay empty. Tracks and albums of Tidal's two open interfaces are read too (_tidal_rows.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import BadInput, PayloadError
from ..shapes import Row
from . import _tidal_rows as api

PLATFORM, KIND, ROWS_VERSION = "tidal", "streaming", 1
PAYLOADS = ("place", "list", "saved_album", "track", "unavailable_track", "album")
SHORT = ("unavailable_track",)
CLAIMS = {("track", "audio_quality"): "$.audioQuality", ("track", "replay_gain"): "$.replayGain"}
KINDS: dict[str, Callable[[dict], Iterator[Row]]] = {
    "place": api.place,
    "list": api.a_list,
    "saved_album": api.saved_album,
    "track": lambda p: api.with_picture(api.track(p)),
    "unavailable_track": lambda p: api.with_picture(api.track(p)),
    "album": lambda p: api.with_picture(api.album(p)),
}


def fetch(source, known=None, *, account=None, all=False, progress=None, endpoint=None, token=None, tracks=(), **options) -> Iterator:
    """Yield an account: favourite tracks, artists and albums, playlists and their folders.

    token: a login as `login` returns it; without it, the stored one. tracks: ids to fetch now, and nothing else. Raises LoginNeeded, RateLimited or Transient.
    """
    if source is not None:
        raise BadInput("Tidal gives no export to read: run `musicdb login tidal`, and then `musicdb import tidal` without a file")
    from . import _tidal_account

    yield from _tidal_account.fetch(known, account=account, progress=progress, endpoint=endpoint, token=token, tracks=tracks)


def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield the rows of one payload: TrackRow before what refers to it. Raises PayloadError."""
    if not isinstance(payload, dict):
        raise PayloadError(f"{kind}: an object expected, not {type(payload).__name__}")
    if kind not in KINDS:
        raise PayloadError(f"no such payload kind of Tidal: {kind!r}")
    yield from KINDS[kind](payload)


def login(ask: Callable[..., str], show: Callable[[str], object], *, endpoint: str | None = None, progress: Any = None) -> dict[str, Any]:
    """Lead a person through Tidal's device code and return what is to be kept. Raises LoginNeeded where it did not come to one."""
    from . import _tidal_client

    return _tidal_client.login(ask, show, endpoint=endpoint, progress=progress)


def login_ends(login: dict[str, Any]) -> str | None:
    """When the login ends, in UTC; None for one that is renewed by itself, which is the usual one."""
    return None if login.get("refresh_token") else login.get("expires_at")


def search(
    query: str, *, token: Any = None, endpoint: str | None = None, account: str | None = None, limit: int = 10
) -> list[dict[str, Any]]:
    """Return tracks that a text finds, best first: external_id, title, artists, album, duration_ms, year, cover_url, payload.

    The payload is of kind "track". Raises LoginNeeded, RateLimited or Transient.
    """
    from . import _tidal_account

    return _tidal_account.search(query, token=token, endpoint=endpoint, account=account, limit=limit) if query.strip() else []
