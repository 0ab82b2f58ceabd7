"""The fictional person's Spotify account as its Web API tells it, in both shapes of 2026.

shape "2026": playlist items at playlists/{id}/items under `item`, counts under `items`; "2025": at .../tracks under `track`, counts
under `tracks`; "both": either address, each in its own words.
"""

from __future__ import annotations

import random
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from . import spotify_export, views, writes
from .accounts import PICTURES, Account, Answer, Request, day, ident, number, slug
from .library import Record, library
from .views import BASE62, Stream

OFFICIAL = "https://api.spotify.com"  # what is stored must not depend on the port that this server happens to have
ME = "k5w3n0taperson"
OTHERS = ("northferry", "tollhouse3")


class SpotifyAccount(Account):
    """lists: me/tracks, me/albums, me/playlists, me/top/tracks, me/top/artists, me/player/recently-played, me/following,
    playlists/{id} (its items in the old words: under `track`)."""

    name = "spotify"

    def __init__(self, shape: str = "2026") -> None:
        super().__init__()
        self.shape = shape
        self.code = "replay-spotify-code-1"
        self.base = ""
        self.me = ME
        self.positions = True  # whether a removal heeds the places it names
        self.forbidden: set[str] = set()  # playlists whose items a development-mode app may not see
        saved = [s for s in views.streams() if s.saved]
        self.lists["me/tracks"] = [{"added_at": _time(f"spotify {s.uri}"), "track": track(s)} for s in reversed(saved)]
        records = [r for r in library().records.values() if r.on("S") and random.Random(f"saved album {r.code}").random() < 0.4]
        self.lists["me/albums"] = [{"added_at": _time(f"album {r.code}"), "album": album(r) | _more(r)} for r in records]
        self.lists["me/playlists"] = []
        for made in spotify_export.playlists():
            self.add_playlist(made["name"], made["description"], [_item(i) for i in made["items"]], made["lastModifiedDate"], ME)
        shared = [_place(s, "2024-02-03T20:00:00Z", OTHERS[0]) for s in saved[40:63]]
        self.add_playlist("Ferry crew", "everybody adds one", shared, "2024-02-03", OTHERS[0], collaborative=True)
        theirs = [_place(s, None, OTHERS[1]) for s in saved[100:130]]
        self.forbidden.add(self.add_playlist("Tollhouse Selects", "", theirs, "2024-05-01", OTHERS[1])["id"])
        rng = random.Random("spotify top")
        self.lists["me/top/tracks"] = [track(s) for s in rng.sample(saved, 60)]
        artists = sorted({s.artist for s in saved})
        self.lists["me/top/artists"] = [artist(a) for a in rng.sample(artists, 22)]
        self.lists["me/following"] = [artist(a) for a in rng.sample(artists, 12)]
        by_uri = {s.uri: s for s in views.streams()}
        plays = [p for p in spotify_export.listens() if p["spotify_track_uri"]][-70:]
        self.lists["me/player/recently-played"] = [
            {"track": track(by_uri[p["spotify_track_uri"]]), "played_at": p["ts"].replace("Z", ".120Z"), "context": None}
            for p in reversed(plays)
        ]

    def login(self) -> dict[str, Any]:
        """The login as `musicdb login spotify` would keep it."""
        return {
            "access_token": self.token, "refresh_token": self.refresh_token, "token_type": "Bearer", "expires_in": 3600,
            "expires_at": 4102444800, "client_id": "replayclient", "authorized_at": "2026-01-05T10:00:00Z",
            "scope": "playlist-modify-private playlist-modify-public playlist-read-collaborative playlist-read-private user-follow-read user-library-modify user-library-read user-read-recently-played user-top-read",
        }  # fmt: skip

    def add_playlist(self, name: str, description: str | None, items: list, changed: str, owner: str, collaborative: bool = False) -> dict:
        id = ident(f"spotify playlist {name}", BASE62, 22)
        made = {
            "collaborative": collaborative, "description": description or "", "external_urls": {"spotify": f"https://open.spotify.com/playlist/{id}"},
            "id": id, "images": None if not items else [{"height": None, "width": None, "url": f"{PICTURES}/{slug('UNDA014')}.jpg"}],
            "name": name, "owner": {"display_name": owner, "id": owner, "type": "user", "uri": f"spotify:user:{owner}"}, "primary_color": None,
            "public": False, "snapshot_id": ident(f"snapshot {name} {changed} {len(items)}", BASE62, 32), "type": "playlist",
            "uri": f"spotify:playlist:{id}",
        }  # fmt: skip
        self.lists["me/playlists"].append(made)
        self.lists[f"playlists/{id}"] = items
        return made

    def change(self, playlist: dict) -> None:
        """A new snapshot_id, after a test changed the items."""
        playlist["snapshot_id"] = ident(f"snapshot after {playlist['snapshot_id']}", BASE62, 32)

    def error(self, status: int, words: str) -> dict[str, Any]:
        return {"error": {"status": status, "message": words}}

    def answer(self, request: Request) -> Answer:
        self.base = request.base
        path = request.path
        if path == "authorize":
            self.granted = request.query.get("scope") or self.login()["scope"]
            state = {"state": request.query["state"]} if "state" in request.query else {}
            return Answer(None, 302, {"Location": request.query["redirect_uri"] + "?" + urlencode({"code": self.code} | state)})
        if path == "api/token":
            return self._token(request)
        if self.checks_token and request.headers.get("authorization") != f"Bearer {self.token}":
            return self.refuse(401, "The access token expired" if request.headers.get("authorization") else "No token provided")
        return self._below(request, path.removeprefix("v1/"))

    def _token(self, request: Request) -> Answer:
        grant = request.body.get("grant_type")
        good = self.code if grant == "authorization_code" else self.refresh_token
        if request.body.get("code" if grant == "authorization_code" else "refresh_token") != good:
            return Answer({"error": "invalid_grant", "error_description": "Refresh token revoked"}, 400)
        return Answer(self.refreshed() | {"scope": self.__dict__.get("granted") or self.login()["scope"]})

    def _below(self, request: Request, path: str) -> Answer:
        parts = path.split("/")
        if request.method != "GET" and (written := writes.spotify(self, request, parts)):
            return written
        if path == "me":
            return Answer(
                {
                    "display_name": "Kestrel Lodin",
                    "id": ME,
                    "type": "user",
                    "uri": f"spotify:user:{ME}",
                    "country": "ZZ",
                    "product": "premium",
                }
            )
        if path == "me/following":
            return Answer({"artists": self._after(request, path, "id")})
        if path == "me/player/recently-played":
            return self._recent(request)
        if path in self.lists and parts[0] == "me":
            shown = [self._shown(p) for p in self.lists[path]] if path == "me/playlists" else self.lists[path]
            return self._page(request, path, shown)
        if parts[0] == "playlists" and len(parts) in (2, 3):
            return self._playlist(request, parts)
        if parts[0] in ("audio-features", "audio-analysis", "recommendations") or "ids" in request.query:
            return self.refuse(403, "Forbidden")
        if parts[0] == "tracks" and len(parts) == 2:
            found = next((s for s in views.streams() if s.uri.endswith(f":{parts[1]}")), None)
            return Answer(track(found)) if found else self.refuse(404, "Resource not found")
        if parts[0] == "albums" and len(parts) in (2, 3):
            record = next((r for r in library().records.values() if album(r)["id"] == parts[1]), None)
            if record is None:
                return self.refuse(404, "Resource not found")
            return Answer(album(record) | _more(record)) if len(parts) == 2 else self._page(request, path, _more(record)["tracks"]["items"])
        if path == "search":
            words = request.query.get("q", "").lower().replace("track:", " ").replace("artist:", " ").replace('"', " ").split()
            found = [
                s
                for s in views.streams()
                if all(w in f"{s.title} {s.artist} {s.album} {library().songs[s.song].isrc}".lower().replace("isrc:", "") for w in words)
            ]
            return Answer({"tracks": self._page(request, path, [track(s) for s in found], default=20).payload})
        return self.refuse(404, "Service not found")

    def _page(self, request: Request, path: str, items: list, default: int = 20) -> Answer:
        limit, offset = number(request, "limit", default), number(request, "offset", 0)
        if not 1 <= limit <= 50 or offset < 0:
            return self.refuse(400, "Invalid limit")
        href = f"{self.base}/v1/{path}"
        later = offset + limit
        return Answer({
            "href": f"{href}?offset={offset}&limit={limit}", "items": items[offset:later], "limit": limit,
            "next": f"{href}?offset={later}&limit={limit}" if later < len(items) else None, "offset": offset,
            "previous": None if offset == 0 else f"{href}?offset={max(0, offset - limit)}&limit={limit}", "total": len(items),
        })  # fmt: skip

    def _after(self, request: Request, path: str, key: str) -> dict:
        items, limit, after = self.lists[path], number(request, "limit", 20), request.query.get("after")
        start = next((n + 1 for n, i in enumerate(items) if i[key] == after), 0)
        some = items[start : start + limit]
        more = start + limit < len(items)
        return {
            "items": some, "limit": limit, "total": len(items), "cursors": {"after": some[-1][key] if more else None},
            "next": f"{self.base}/v1/{path}?type=artist&after={some[-1][key]}&limit={limit}" if more else None,
        }  # fmt: skip

    def _recent(self, request: Request) -> Answer:
        """The last 50 plays and no more, whatever is asked for."""
        items, limit = self.lists["me/player/recently-played"][:50], number(request, "limit", 20)
        stamp = [str(_milliseconds(i["played_at"])) for i in items]
        if "before" in request.query:
            items = [i for i, at in zip(items, stamp) if int(at) < int(request.query["before"])]
        if "after" in request.query:
            items = [i for i, at in zip(items, stamp) if int(at) > int(request.query["after"])]
        some = items[:limit]
        cursors = {"after": str(_milliseconds(some[0]["played_at"])), "before": str(_milliseconds(some[-1]["played_at"]))} if some else None
        more = f"{self.base}/v1/me/player/recently-played?before={cursors['before']}&limit={limit}" if some and len(items) > limit else None
        return Answer({"items": some, "limit": limit, "next": more, "cursors": cursors, "href": self.base})

    def _shown(self, playlist: dict) -> dict:
        count = {"href": f"{OFFICIAL}/v1/playlists/{playlist['id']}/items", "total": len(self.lists[f"playlists/{playlist['id']}"])}
        return playlist | {"items" if self.shape == "2026" else "tracks": count, "href": f"{OFFICIAL}/v1/playlists/{playlist['id']}"}

    def _playlist(self, request: Request, parts: list[str]) -> Answer:
        found = next((p for p in self.lists["me/playlists"] if p["id"] == parts[1]), None)
        if found is None:
            return self.refuse(404, "Resource not found")
        if len(parts) == 2:
            return Answer(self._shown(found))
        if parts[1] in self.forbidden:
            return self.refuse(403, "Forbidden")
        if {"items": "2025", "tracks": "2026"}.get(parts[2], self.shape) == self.shape:
            return self.refuse(404 if self.shape == "2025" else 403, "Not found" if self.shape == "2025" else "Forbidden")
        items = self.lists[f"playlists/{parts[1]}"]
        if parts[2] == "items":
            items = [i and {("item" if k == "track" else k): v for k, v in i.items()} for i in items]
        return self._page(request, "/".join(parts), items, default=100 if self.shape == "2025" else 20)


def _milliseconds(text: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(text).timestamp() * 1000)


def _time(seed: str) -> str:
    return f"{day(seed):%Y-%m-%dT%H:%M:%SZ}"


def artist(name: str) -> dict[str, Any]:
    id = ident(f"spotify artist {name}", BASE62, 22)
    return {
        "id": id,
        "name": name,
        "type": "artist",
        "uri": f"spotify:artist:{id}",
        "external_urls": {"spotify": f"https://open.spotify.com/artist/{id}"},
    }


@cache
def album(record: Record, title: str = "") -> dict[str, Any]:
    """The simplified album object; the deluxe edition is another album."""
    title = title or record.title
    id = ident(f"spotify album {record.code} {title}", BASE62, 22)
    rng = random.Random(f"spotify release {record.code}")
    date = [f"{record.year}", f"{record.year}-{rng.randint(1, 12):02}", f"{record.year}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"]
    exact = rng.choice((0, 2, 2, 2, 1))
    kind = {"ep": "single", "single": "single", "compilation": "compilation"}.get(record.type, "album")
    return {
        "album_type": kind, "type": "album", "id": id, "name": title, "uri": f"spotify:album:{id}", "total_tracks": len(record.songs),
        "artists": [artist(record.artist)], "release_date": date[exact], "release_date_precision": ("year", "month", "day")[exact],
        "images": [{"url": f"{PICTURES}/{slug(record.code)}.jpg", "height": 640, "width": 640}],
        "external_urls": {"spotify": f"https://open.spotify.com/album/{id}"},
    }  # fmt: skip


def _more(record: Record) -> dict[str, Any]:
    """What the full album object says beyond the simplified one."""
    own = [s for s in views.streams() if s.album == record.title and s.song in record.songs]
    tracks = [{k: v for k, v in track(s).items() if k not in ("album", "external_ids", "popularity")} for s in own]
    upc = "4" + ident(f"upc {record.code}", "0123456789", 12)
    return {
        "label": record.label, "genres": [], "popularity": 12, "external_ids": {"upc": upc},
        "copyrights": [{"text": f"{record.year} {record.label}", "type": "P"}],
        "tracks": {"items": tracks, "total": len(tracks), "limit": 50, "offset": 0, "next": None},
    }  # fmt: skip


@cache
def _record_of(stream: Stream) -> Record:
    plain = stream.album.removesuffix(" (Deluxe Edition)")
    return next(r for r in library().records.values() if r.title in (stream.album, plain) and r.on("S") and stream.song in r.songs)


def track(stream: Stream) -> dict[str, Any]:
    """The track object. ISRC is there for most: a development-mode app of 2026 may not get it."""
    song, record, id = library().songs[stream.song], _record_of(stream), stream.uri.rpartition(":")[2]
    guests = [name for name in (song.featured, song.remixer) if name]
    rng = random.Random(f"spotify track {id}")
    return {
        "album": album(record, stream.album), "artists": [artist(name) for name in (stream.artist, *guests)], "disc_number": 1,
        "track_number": record.songs.index(stream.song) + 1, "duration_ms": round(stream.seconds * 1000), "explicit": rng.random() < 0.05,
        "external_ids": {"isrc": song.isrc} if song.isrc and rng.random() < 0.95 else {}, "id": id, "is_local": False, "is_playable": True,
        "name": stream.title, "popularity": rng.randrange(60), "preview_url": None, "type": "track", "uri": stream.uri,
        "external_urls": {"spotify": f"https://open.spotify.com/track/{id}"},
    }  # fmt: skip


def _place(stream: Stream, at: str | None, by: str = ME) -> dict[str, Any]:
    return {"added_at": at, "added_by": {"id": by, "type": "user", "uri": f"spotify:user:{by}"}, "is_local": False, "track": track(stream)}


def _item(item: dict[str, Any]) -> dict[str, Any]:
    """An item of the export as the API says it: a track, an episode, a local file."""
    by_uri = {s.uri: s for s in views.streams()}
    at = f"{item['addedDate']}T18:00:00Z"
    place = {"added_at": at, "added_by": {"id": ME, "type": "user", "uri": f"spotify:user:{ME}"}, "is_local": False}
    if item["track"]:
        return _place(by_uri[item["track"]["trackUri"]], at)
    if item["episode"]:
        said = item["episode"]
        episode = {"id": said["episodeUri"].rpartition(":")[2], "name": said["episodeName"], "type": "episode", "uri": said["episodeUri"],
                   "duration_ms": 1_800_000, "show": {"name": said["showName"]}}  # fmt: skip
        return place | {"track": episode}
    name = item["localTrack"]["uri"]
    local = {"id": None, "name": "Wick (Demo)", "artists": [{"id": None, "name": "Wren & Tallow", "type": "artist", "uri": None}], "type": "track",
             "album": {"id": None, "name": "Candle Hours", "album_type": None, "images": [], "release_date": None, "artists": []},
             "duration_ms": int(timedelta(seconds=141).total_seconds() * 1000), "is_local": True, "uri": name, "external_ids": {}}  # fmt: skip
    return place | {"is_local": True, "track": local}
