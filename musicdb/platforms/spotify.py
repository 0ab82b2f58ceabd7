"""Spotify: the account through its Web API, and the privacy export (account data and extended streaming history), which needs no app.

Payload kinds of the account; what Spotify sent stands in them unchanged:

    place              {"name": what to call it, "playlist": external id, "position": the server's, "item": as sent}
    list               {"external_id", "position", "playlist": as sent}; liked songs and top tracks: {"external_id", "name", "kind", ...}
    saved_album        {"account", "saved": as sent}
    recent             one of the last 50 plays, as sent
    spotify_track      the track object, with its audio_features where this app may have them   \\
    unavailable_track  one that may no longer be played: never replaces what was known of it     \\ what the kinds above say of a track or
    spotify_album      the album object                                                          / album: stored with it, never fetched by itself

Payload kinds of the export:

    library        YourLibrary without tracks and albums: shows, episodes, artists, ... go to the list of liked songs
    liked_track    {"name": what to call it, "position", "track": as sent}
    album          as sent
    playlist       {"external_id", "position", "playlist": as sent without items, "other_items": [{"position", "item"}]}
    playlist_item  {"name": what to call it, "playlist": external id, "position", "item": as sent}
    play           as sent: a line of Streaming_History_*, endsong_*, or StreamingHistory*
    track          as sent, what the kinds above say of a track: stored with it, never fetched by itself

An account and an export of the same person live side by side: lists of exports have ids that begin "export:", and what an export says of
a track never replaces what the account said (SHORT).

Podcasts, audiobooks and what has no name are no tracks: their plays are kept raw (a ListenRow without track_external_id). Their places in
lists stay empty: positions are the server's; in an export, which has no positions, those of the tracks alone. What is private to a play
(address, device, time) stays with the play and is not repeated in the track.

Times: the export says when a play *ended* (ts, endTime: "when the stream ended", support.spotify.com), so a listen starts ms_played
earlier. For plays made offline `ts` may be the time of sending; offline_timestamp (s or ms, 0 = none) is then their start. endTime is
exact to the minute only: context.precision says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import xxhash

from ..errors import PayloadError
from ..shapes import Complete, Page, Refused, Row, Same
from . import _spotify_export as export
from . import _spotify_export_rows as exported
from . import _spotify_plays as plays
from . import _spotify_rows as api
from ._spotify_export_rows import LIKED, item_track

PLATFORM, KIND, ROWS_VERSION = "spotify", "streaming", 1
PAYLOADS = (
    "library", "liked_track", "album", "playlist", "playlist_item", "play", "track",
    "place", "list", "saved_album", "recent", "spotify_track", "unavailable_track", "spotify_album",
)  # fmt: skip
SHORT = ("album", "track", "unavailable_track")
# The audio features, where an app may have them; tempo, key and energy are also said in common units, as bpm, musical_key and energy.
CLAIMS = {
    ("track", name): f"$.audio_features.{name}"
    for name in "danceability key loudness mode speechiness acousticness instrumentalness liveness valence tempo time_signature".split()
}
PAGE = 2000

payload, nameless_id, SpotifyTrack = exported.payload, exported.nameless_id, exported.SpotifyTrack


# ---------- fetch
def fetch(source, known=None, *, account=None, all=False, progress=None, endpoint=None, token=None, tracks=(), **options) -> Iterator:
    """Yield an account (source None): liked songs, top tracks, playlists, saved albums, recent plays; or an export (zip, folder, or one
    JSON file of it): the library, the playlists and then the plays.

    token: a login as `login` returns it; without it, the stored one. tracks: ids to fetch now, and nothing else. Raises LoginNeeded, RateLimited or Transient for an account;
    UnknownSource for what is no export and BadInput for a single file that is damaged; in a zip or folder such a file is Refused and
    the others are read.
    """
    if source is None:
        from . import _spotify_account

        yield from _spotify_account.fetch(known, account=account, progress=progress, endpoint=endpoint, token=token, tracks=tracks)
        return
    members, refused, single = export.find(Path(source).expanduser())
    for name, reason in refused:
        yield Refused("file", name, reason)
    run = _Run(known)
    for member in members:
        try:
            yield from run.read(member)
        except export.Broken as error:
            if single:
                raise
            run.forms.add("broken")
            yield Refused("file", member.name, str(error))
    # Tracks are never said to be gone: the account may have them.
    if {"library", "playlists"} <= run.forms and "broken" not in run.forms:  # one alone does not hold all lists
        yield Complete("playlist", within="export:")


class _Run:
    """What has to be known across the files of one export: places and names taken."""

    def __init__(self, known: Any):
        self.known = known
        # Albums that the account itself told of.
        self.saved = {release for copy, release in known.copies("saved").items() if not copy.startswith("export:")} if known else set()
        self.forms: set[str] = set()
        self.liked = self.playlists = 0
        self.names: dict[str, int] = {}

    def read(self, member: export.Member) -> Iterator:
        if member.form == "history":
            yield from self._history(member)
            return
        found = export.decode(member)
        if not export.is_form(member.form, found):
            raise export.Broken(f"{member.name} is not what its name says")
        yield from self._library(found) if member.form == "library" else self._playlists(found["playlists"])
        self.forms.add(member.form)

    def _history(self, member: export.Member) -> Iterator:
        """Plays a megabyte at a time: one that was stored before is not even decoded."""
        for found in export.batches(member, self._plays):
            if isinstance(found, list):
                for page in _pages(found):
                    yield Page("play", page)
            else:
                yield found

    def _plays(self, text: bytes) -> Any:
        if self.known is None:  # asked for the payloads, not to store them
            return msgspec.json.decode(text)
        digest = xxhash.xxh3_128_hexdigest(text)
        stored = self.known.page("play", digest)
        if stored is not None:
            return Same(stored)
        read = plays.read(text)
        return msgspec.json.decode(text) if read is None else Page("play", read[1], plays=read[0], digest=digest)

    def _library(self, library: dict) -> Iterator:
        tracks, albums = library["tracks"], library.get("albums")
        yield Page("library", [{key: value for key, value in library.items() if key not in ("tracks", "albums")}])
        places = enumerate(tracks, self.liked)
        self.liked += len(tracks)
        for page in _pages({"name": f"liked #{n + 1}", "position": n, "track": track} for n, track in places):
            yield Page("liked_track", page, total=len(tracks))
        yield Complete("playlist_item", within=LIKED, total=self.liked)
        if isinstance(albums, list):
            for page in _pages(album for album in albums if exported.album_id(album) not in self.saved):
                yield Page("album", page, total=len(albums))
            yield Complete("collection_item", within="export:saved", total=None)

    def _playlists(self, playlists: list) -> Iterator:
        for playlist in playlists:
            if not isinstance(playlist, dict):
                yield Refused("playlist", f"playlist {self.playlists + 1}", "not an object", playlist)
                continue
            name = str(playlist.get("name") or "untitled")
            number = self.names[name] = self.names.get(name, 0) + 1
            external_id = f"export:{name}" + (f"#{number}" if number > 1 else "")
            items = playlist.get("items", playlist.get("tracks"))
            items, music, other = items if isinstance(items, list) else [], [], []
            for position, item in enumerate(items):
                if item_track(item):
                    place = {"playlist": external_id, "position": len(music), "item": item}
                    music.append({"name": f"{external_id} #{position + 1}", **place})
                else:
                    other.append({"position": position, "item": item})
            rest = {key: value for key, value in playlist.items() if key not in ("items", "tracks")}
            head = {"external_id": external_id, "position": self.playlists, "playlist": rest, "other_items": other}
            self.playlists += 1
            yield Page("playlist", [head])
            for page in _pages(music):
                yield Page("playlist_item", page)
            yield Complete("playlist_item", within=external_id, total=len(music))


def _pages(items: Iterable) -> Iterator[list]:
    page = []
    try:
        for item in items:
            page.append(item)
            if len(page) == PAGE:
                yield page
                page = []
    except export.Broken:
        if page:
            yield page  # what stands before the break
        raise
    if page:
        yield page


# ---------- rows
OF_ACCOUNT: dict[str, Callable[[dict], Iterator[Row]]] = {
    "place": api.place,
    "list": api.a_list,
    "saved_album": api.saved_album,
    "recent": api.recent,
    "spotify_track": lambda p: api.with_picture(api.track(p)),
    "unavailable_track": lambda p: api.with_picture(api.track(p)),
    "spotify_album": lambda p: iter([api.album(p)]),
}


def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield the rows of one payload: TrackRow before what refers to it. Raises PayloadError."""
    if not isinstance(payload, dict):
        raise PayloadError(f"{kind}: an object expected, not {type(payload).__name__}")
    yield from OF_ACCOUNT[kind](payload) if kind in OF_ACCOUNT else exported.rows(kind, payload)


# ---------- login and search
WRITE_LOGIN = "may only read; to let plans that you approve write playlists and likes: `musicdb login spotify --write`"


def login(
    ask: Callable[..., str], show: Callable[[str], object], *, endpoint: str | None = None, progress: Any = None, write: bool = False
) -> dict[str, Any]:
    """Lead a person through Spotify's login (PKCE) and return what is to be kept. Raises LoginNeeded where it did not come to one."""
    from . import _spotify_login

    return _spotify_login.login(ask, show, endpoint=endpoint, progress=progress, write=write)


def login_ends(login: dict[str, Any]) -> str | None:
    """Until when Spotify renews this login, in UTC; None where it is not known since when it is."""
    from . import _spotify_client

    return _spotify_client.login_ends(login)


def search(
    query: str, *, token: Any = None, endpoint: str | None = None, account: str | None = None, limit: int = 10
) -> list[dict[str, Any]]:
    """Return tracks that a text finds, best first: external_id, title, artists, album, duration_ms, year, cover_url, payload.

    The payload is of kind "spotify_track". Raises LoginNeeded, RateLimited or Transient.
    """
    from . import _spotify_account

    return _spotify_account.search(query, token=token, endpoint=endpoint, account=account, limit=limit) if query.strip() else []
