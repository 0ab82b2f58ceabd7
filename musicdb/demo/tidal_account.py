"""The fictional person's Tidal account as tidalapi's addresses tell it: v1 with offsets, v2 (folders) with a cursor.

`views` of Tidal: the version stands beside the title, guests are artists of their own, lengths are whole seconds, keys are words.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from . import writes
from .accounts import Account, Answer, Request, day, number, picture, slug, uid
from .library import Record, library

USER = 190_417_042
CAP = 50  # items a page; more is refused with subStatus 1001
KEYS = {"C": "C", "C#": "CSharp", "Db": "CSharp", "D": "D", "D#": "Eb", "Eb": "Eb", "E": "E", "F": "F", "F#": "FSharp", "Gb": "FSharp",
        "G": "G", "G#": "Ab", "Ab": "Ab", "A": "A", "A#": "Bb", "Bb": "Bb", "B": "B"}  # fmt: skip


@dataclass(frozen=True)
class TidalTrack:
    """A track on Tidal. favourite: in the person's collection; available: may be played (else isrc, bpm and key are not said)."""

    id: int
    song: str
    record: str
    favourite: bool
    available: bool


@cache
def tidal_tracks() -> tuple[TidalTrack, ...]:
    """Most records that stream, and some that only Tidal has."""
    found = []
    for record in library().records.values():
        rng = random.Random(f"tidal {record.code}")
        there = rng.random() < 0.75 if record.on("S") else record.label == "Undertow Archive"
        if not there:
            continue
        first = rng.randrange(50_000_000, 400_000_000)
        for place, key in enumerate(record.songs):
            likes = 0.35 if record.kind == "dub" else 0.12
            found.append(TidalTrack(first + place, key, record.code, rng.random() < likes, rng.random() > 0.02))
    return tuple(found)


class TidalAccount(Account):
    """lists: favorites/tracks, favorites/albums, favorites/artists, playlists (own and favourite), playlists/{uuid}, folders."""

    name = "tidal"

    def __init__(self) -> None:
        super().__init__()
        self.cap = CAP
        self.session_id = "replay-tidal-session-1"  # tidalapi sends it in every address
        self.pending = 0  # how often the device code address says "not yet"
        tracks, lib = tidal_tracks(), library()
        likes = [t for t in tracks if t.favourite]
        self.lists["favorites/tracks"] = [{"created": _time(f"tidal {t.id}"), "item": track(t)} for t in likes]
        codes = list(dict.fromkeys(t.record for t in likes))
        self.lists["favorites/albums"] = [{"created": _time(f"tidal album {c}"), "item": album(lib.records[c])} for c in codes[::3]]
        names = list(dict.fromkeys(lib.records[c].artist for c in codes if lib.records[c].artist != "Various Artists"))
        self.lists["favorites/artists"] = [{"created": _time(f"tidal artist {n}"), "item": artist(n)} for n in names[::2]]
        self.lists["playlists"], self.lists["folders"] = [], []
        dub = [t for t in tracks if lib.songs[t.song].kind == "dub"]
        folk = [t for t in tracks if lib.songs[t.song].kind == "folk"]
        rng = random.Random("tidal playlists")
        sets, home = self.add_folder("DJ sets"), self.add_folder("Home")
        older = self.add_folder("2023 and before", sets)
        self.add_playlist("Night Ferry, warm up", rng.sample(dub, 23), sets)
        self.add_playlist("Night Ferry, after two", rng.sample(dub, 61), sets)
        first = rng.sample(dub, 17)
        self.add_playlist("Harbour 2022", [*first, first[2], first[9]], older)
        self.add_playlist("Kitchen", rng.sample(folk, 31), home)
        self.add_playlist("With a video", rng.sample(folk, 8), home, video_at=3)
        self.add_playlist("Loose ends", rng.sample(tracks, 12))
        self.add_playlist("Empty yet", [])
        self.add_playlist("Undertow: The Label", rng.sample(dub, 20), owner=None)

    def login(self) -> dict[str, Any]:
        """The login as `musicdb login tidal` would keep it."""
        return {
            "access_token": self.token, "refresh_token": self.refresh_token, "token_type": "Bearer", "expires_at": "2100-01-01T00:00:00Z",
            "user_id": USER,
        }  # fmt: skip

    def add_folder(self, name: str, parent: str = "root") -> str:
        id = uid(f"tidal folder {name}")
        at = _time(f"folder {name}")
        data = {"trn": f"trn:folder:{id}", "name": name, "createdAt": at, "lastModifiedAt": at, "id": id, "itemType": "FOLDER"}
        self.lists["folders"].append(
            (parent, {"trn": data["trn"], "itemType": "FOLDER", "name": name, "addedAt": at, "lastModifiedAt": at, "data": data})
        )
        return id

    def add_playlist(
        self, name: str, tracks: list[TidalTrack], folder: str = "root", owner: int | None = USER, video_at: int | None = None
    ) -> str:
        id, changed = uid(f"tidal playlist {name}"), _time(f"tidal playlist {name}")
        items: list[Any] = [{"item": track(t) | {"dateAdded": changed, "index": n, "itemUuid": uid(f"{name} {n}")}, "type": "track", "cut": None}
                            for n, t in enumerate(tracks)]  # fmt: skip
        if video_at is not None:
            items.insert(
                video_at,
                {
                    "item": {"id": 88_000_001, "title": "Kettle (Live Session)", "duration": 212, "type": "Music Video"},
                    "type": "video",
                    "cut": None,
                },
            )
        made = {
            "uuid": id, "title": name, "description": "", "type": "USER" if owner else "EDITORIAL", "publicPlaylist": owner is None,
            "creator": {"id": owner} if owner else {"id": 0}, "created": changed, "lastUpdated": changed, "lastItemAddedAt": changed if items else None,
            "duration": sum(i["item"]["duration"] for i in items), "image": uid(f"image {name}"), "squareImage": uid(f"square {name}"),
            "url": f"http://www.tidal.com/playlist/{id}", "popularity": 0, "promotedArtists": [],
        }  # fmt: skip
        self.lists["playlists"].append((folder, made))
        self.lists[f"playlists/{id}"] = items
        return id

    def change(self, playlist: str) -> None:
        """A new lastUpdated and ETag, after a test changed the items."""
        version = self.__dict__.setdefault("versions", {})
        version[playlist] = version.get(playlist, 0) + 1
        for _, made in self.lists["playlists"]:
            if made["uuid"] == playlist:
                made["lastUpdated"] = "2026-02-02T02:02:02.000+0000" if made["lastUpdated"] < "2026" else "2026-03-03T03:03:03.000+0000"

    def error(self, status: int, words: str) -> dict[str, Any]:
        return {"status": status, "subStatus": {401: 11003, 404: 2001}.get(status, 0), "userMessage": words}

    def answer(self, request: Request) -> Answer:
        path = request.path
        if path.endswith(("oauth2/token", "oauth2/device_authorization")):
            return self._login(request)
        if path.startswith("images/"):
            return self._picture(request)
        if self.checks_token and request.headers.get("authorization") != f"Bearer {self.token}":
            return self.refuse(401, "The token has expired. (Expired on time)")
        version, _, path = path.partition("/")
        if version == "v2":
            return self._folders(request, path)
        path = path.replace(f"users/{USER}/", "", 1) if path.startswith(f"users/{USER}/") else path
        return self._below(request, path)

    def _below(self, request: Request, path: str) -> Answer:
        parts = path.split("/")
        if request.method != "GET" and (written := writes.tidal(self, request, path)):
            return written
        if path == "sessions":
            return Answer(
                {"sessionId": self.session_id, "userId": USER, "countryCode": "ZZ", "channelId": 1, "partnerId": 1, "client": None}
            )
        if path == f"users/{USER}":
            return Answer(
                {
                    "id": USER,
                    "username": "kestrel@example.org",
                    "firstName": None,
                    "lastName": None,
                    "email": "kestrel@example.org",
                    "countryCode": "ZZ",
                }
            )
        if path == "playlistsAndFavoritePlaylists":
            kind = {True: "USER_CREATED", False: "USER_FAVORITE"}
            return self._page(
                request,
                [
                    {"type": kind[p["creator"]["id"] == USER], "created": p["created"], "playlist": self._counted(p)}
                    for _, p in self.lists["playlists"]
                ],
            )
        if path in self.lists and parts[0] == "favorites":
            return self._page(request, self.lists[path])
        if parts[0] == "playlists" and f"playlists/{parts[1]}" in self.lists:
            items = self.lists[f"playlists/{parts[1]}"]
            if len(parts) == 2:
                found = next(p for _, p in self.lists["playlists"] if p["uuid"] == parts[1])
                return Answer(self._counted(found), headers={"ETag": writes.etag(self, parts[1])})
            if parts[2] == "tracks":
                return self._page(request, [i["item"] for i in items if i["type"] == "track"])
            return self._page(request, items)
        if parts[0] == "tracks" and len(parts) == 2:
            found = next((t for t in tidal_tracks() if str(t.id) == parts[1]), None)
            return Answer(track(found)) if found else self.refuse(404, "Track not found")
        if parts[0] == "albums" and len(parts) in (2, 3):
            record = next((r for r in library().records.values() if str(album(r)["id"]) == parts[1]), None)
            if record is None:
                return self.refuse(404, "Album not found")
            return (
                Answer(album(record))
                if len(parts) == 2
                else self._page(request, [track(t) for t in tidal_tracks() if t.record == record.code])
            )
        if path == "search" or parts[0] == "search":
            words = request.query.get("query", "").lower().split()
            found = [track(t) for t in tidal_tracks()]
            found = [
                t
                for t in found
                if all(w in f"{t['title']} {t['version']} {t['artist']['name']} {t['album']['title']}".lower() for w in words)
            ]
            empty = {"items": [], "limit": 0, "offset": 0, "totalNumberOfItems": 0}
            tracks = self._page(request, found)
            return (
                Answer({"tracks": tracks.payload, "albums": empty, "artists": empty, "playlists": empty, "videos": empty, "topHit": None})
                if tracks.status == 200
                else tracks
            )
        return self.refuse(404, "Resource not found")

    def _page(self, request: Request, items: list) -> Answer:
        limit, offset = number(request, "limit", 10), number(request, "offset", 0)
        if limit > self.cap:
            return Answer(
                {"status": 400, "subStatus": 1001, "userMessage": f"Parameter 'limit' is out of range, max page size is [{self.cap}]"}, 400
            )
        return Answer({"limit": limit, "offset": offset, "totalNumberOfItems": len(items), "items": items[offset : offset + limit]})

    def _counted(self, playlist: dict) -> dict:
        items = self.lists[f"playlists/{playlist['uuid']}"]
        videos = sum(i is not None and i["type"] == "video" for i in items)
        return playlist | {"numberOfTracks": len(items) - videos, "numberOfVideos": videos}

    def _folders(self, request: Request, path: str) -> Answer:
        """my-collection/playlists/folders: a folder's own content; ignores `offset` and goes by its cursor."""
        if request.method != "GET" and (written := writes.tidal_folders(self, request, path)):
            return written
        if path != "my-collection/playlists/folders":
            return self.refuse(404, "Resource not found")
        folder, only = request.query.get("folderId") or "root", request.query.get("includeOnly", "")
        limit = number(request, "limit", 10)
        if limit > self.cap:
            return Answer({"status": 400, "subStatus": 1001, "userMessage": f"max page size is [{self.cap}]"}, 400)
        items = []
        for parent, made in self.lists["folders"]:
            if parent == folder and only in ("", "FOLDER"):
                inside = sum(p == made["data"]["id"] for p, _ in self.lists["folders"] + self.lists["playlists"])
                items.append(made | {"parent": self._name(parent), "data": made["data"] | {"totalNumberOfItems": inside}})
        for parent, made in self.lists["playlists"]:
            if parent == folder and only in ("", "PLAYLIST", "FAVORITE_PLAYLIST"):
                trn = f"trn:playlist:{made['uuid']}"
                items.append({"trn": trn, "itemType": "PLAYLIST", "name": made["title"], "addedAt": made["created"], "lastModifiedAt": made["lastUpdated"],
                              "parent": self._name(parent), "data": self._counted(made) | {"trn": trn, "itemType": "PLAYLIST"}})  # fmt: skip
        start = int(re.sub(r"\D", "", request.query.get("cursor") or "") or 0)
        more = f"c{start + limit}" if start + limit < len(items) else None
        return Answer(
            {
                "lastModifiedAt": "2024-10-01T00:00:00.000+0000",
                "items": items[start : start + limit],
                "totalNumberOfItems": len(items),
                "cursor": more,
            }
        )

    def _name(self, folder: str) -> dict | None:
        return next(({"id": folder, "name": m["name"]} for _, m in self.lists["folders"] if m["data"]["id"] == folder), None)

    def _login(self, request: Request) -> Answer:
        if request.path.endswith("device_authorization"):
            return Answer({"deviceCode": "replay-tidal-device-code-1", "userCode": "KELPX", "verificationUri": "link.tidal.com",
                           "verificationUriComplete": "link.tidal.com/KELPX", "expiresIn": 300, "interval": 1})  # fmt: skip
        grant = request.body.get("grant_type", "")
        if grant == "refresh_token":
            if request.body.get("refresh_token") != self.refresh_token:
                return Answer(
                    {"status": 400, "sub_status": 11101, "error": "invalid_grant", "error_description": "Token could not be refreshed"}, 400
                )
        elif self.pending > 0:
            self.pending -= 1
            return Answer(
                {
                    "status": 400,
                    "sub_status": 1002,
                    "error": "authorization_pending",
                    "error_description": "Device Authorization code is not authorized yet",
                },
                400,
            )
        return Answer(self.refreshed() | {"scope": "r_usr w_usr w_sub", "user": {"userId": USER, "countryCode": "ZZ"}, "user_id": USER})

    def _picture(self, request: Request) -> Answer:
        """images/{uuid with slashes}/640x640.jpg, as on Tidal's server of pictures."""
        cover = "-".join(request.path.split("/")[1:6])
        record = next((r for r in library().records.values() if uid(f"tidal cover {r.code}") == cover), None)
        return (
            Answer(picture(record.code), 200, {"ETag": f'"{slug(record.code)}"'}, "image/jpeg")
            if record
            else self.refuse(404, "no such picture")
        )


def _time(seed: str) -> str:
    return f"{day(seed):%Y-%m-%dT%H:%M:%S}.000+0000"


def artist(name: str, role: str = "MAIN") -> dict[str, Any]:
    return {
        "id": random.Random(f"tidal artist {name}").randrange(3_000_000, 40_000_000),
        "name": name,
        "type": role,
        "picture": uid(f"tidal picture {name}"),
    }


@cache
def album(record: Record) -> dict[str, Any]:
    rng = random.Random(f"tidal album {record.code}")
    return {
        "id": rng.randrange(50_000_000, 400_000_000), "title": record.title, "cover": uid(f"tidal cover {record.code}"), "vibrantColor": "#3f6d7d",
        "videoCover": None, "releaseDate": f"{record.year}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}", "numberOfTracks": len(record.songs),
        "numberOfVolumes": 1, "numberOfVideos": 0, "duration": round(sum(library().songs[key].seconds for key in record.songs)),
        "type": {"ep": "EP", "single": "SINGLE"}.get(record.type, "ALBUM"), "explicit": False, "popularity": rng.randrange(40), "version": None,
        "upc": "0" + str(rng.randrange(10**12)), "copyright": f"{record.year} {record.label}", "audioQuality": "LOSSLESS", "allowStreaming": True,
        "streamReady": True, "streamStartDate": f"{record.year}-01-01T00:00:00.000+0000", "artist": artist(record.artist), "artists": [artist(record.artist)],
        "url": f"http://www.tidal.com/album/{record.code}", "mediaMetadata": {"tags": ["LOSSLESS"]},
    }  # fmt: skip


def track(one: TidalTrack) -> dict[str, Any]:
    """The track object of v1. One that may not be played says neither isrc nor bpm nor key."""
    song, record = library().songs[one.song], library().records[one.record]
    rng = random.Random(f"tidal track {one.id}")
    artists = [artist(song.artist)] + [artist(name, "FEATURED") for name in (song.featured, song.remixer) if name]
    found = {
        "id": one.id, "title": song.title, "version": song.version or None, "duration": round(song.seconds), "trackNumber": record.songs.index(one.song) + 1,
        "volumeNumber": 1, "explicit": False, "popularity": rng.randrange(50), "copyright": f"{record.year} {record.label}", "description": None,
        "url": f"http://www.tidal.com/track/{one.id}", "audioQuality": "LOSSLESS", "audioModes": ["STEREO"], "mediaMetadata": {"tags": ["LOSSLESS"]},
        "replayGain": round(rng.uniform(-11, -5), 2), "peak": round(rng.uniform(0.9, 1), 6), "allowStreaming": one.available, "streamReady": one.available,
        "streamStartDate": f"{record.year}-01-01T00:00:00.000+0000" if one.available else None, "premiumStreamingOnly": False, "adSupportedStreamReady": one.available, "djReady": True, "stemReady": False, "payToStream": False,
        "editable": False, "upload": False, "spotlighted": False, "artist": artists[0], "artists": artists,
        "album": {k: album(record)[k] for k in ("id", "title", "cover", "vibrantColor", "videoCover", "releaseDate")}, "mixes": {},
    }  # fmt: skip
    if one.available:
        key = song.classical_key
        found |= {"isrc": song.isrc or None}
        if song.kind == "dub" or rng.random() < 0.6:
            found |= {
                "bpm": round(song.bpm),
                "key": KEYS.get(key.rstrip("m"), "UNKNOWN"),
                "keyScale": "MINOR" if key.endswith("m") else "MAJOR",
            }
    return found
