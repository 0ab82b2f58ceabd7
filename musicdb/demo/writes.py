"""The parts of Spotify and Tidal that change playlists, for the fictional accounts: what their clients send is carried out on the lists."""

from __future__ import annotations

import copy
from typing import Any

from .accounts import Answer, Request, uid


# ---------- Tidal
def tidal(account: Any, request: Request, path: str) -> Answer | None:
    """Answer a write below v1 (the path without the user); None for what is none."""
    parts = path.split("/")
    if parts[:2] == ["favorites", "tracks"]:
        return _tidal_like(account, request, parts)
    if parts[0] != "playlists" or f"playlists/{parts[1]}" not in account.lists:
        return None
    items = account.lists[f"playlists/{parts[1]}"]
    if len(parts) == 2:
        if request.method == "DELETE":
            account.lists["playlists"] = [pair for pair in account.lists["playlists"] if pair[1]["uuid"] != parts[1]]
            del account.lists[f"playlists/{parts[1]}"]
            return Answer(b"", 204)
        made = next(p for _, p in account.lists["playlists"] if p["uuid"] == parts[1])
        made |= {key: request.body[key] for key in ("title", "description") if key in request.body}
        return Answer({})
    if request.headers.get("if-none-match") != etag(account, parts[1]):
        return account.refuse(412, "Precondition failed")
    if request.method == "DELETE":
        for at in sorted(map(int, parts[3].split(",")), reverse=True):
            items.pop(at)
    elif len(parts) == 4:
        moved = items.pop(int(parts[3]))
        items.insert(int(request.body["toIndex"]), moved)
    else:
        from .tidal_account import tidal_tracks, track

        found = [next((t for t in tidal_tracks() if str(t.id) == id), None) for id in request.body["trackIds"].split(",")]
        if None in found:
            return account.refuse(404, "Track not found")
        at = int(request.body["toIndex"])
        items[at:at] = [
            {"item": track(t) | {"dateAdded": "2026-02-01T00:00:00.000+0000", "index": at}, "type": "track", "cut": None} for t in found
        ]
    version = account.__dict__.setdefault("versions", {})
    version[parts[1]] = version.get(parts[1], 0) + 1
    next(p for _, p in account.lists["playlists"] if p["uuid"] == parts[1])["lastUpdated"] = (
        f"2026-02-01T00:00:{version[parts[1]] % 60:02}.000+0000"
    )
    return Answer({"lastUpdated": 1, "addedItemIds": []})


def etag(account: Any, playlist: str) -> str:
    """The version of a playlist as its ETag says it."""
    return f'"{playlist[:8]}-{account.__dict__.get("versions", {}).get(playlist, 0)}"'


def _tidal_like(account: Any, request: Request, parts: list[str]) -> Answer:
    from .tidal_account import tidal_tracks, track

    likes = account.lists["favorites/tracks"]
    if request.method == "DELETE":
        likes[:] = [one for one in likes if str(one["item"]["id"]) != parts[2]]
    else:
        for id in request.body["trackIds"].split(","):
            found = next((t for t in tidal_tracks() if str(t.id) == id), None)
            if found and not any(str(one["item"]["id"]) == id for one in likes):
                likes.insert(0, {"created": "2026-02-01T00:00:00.000+0000", "item": track(found)})
    return Answer({})


def tidal_folders(account: Any, request: Request, path: str) -> Answer | None:
    """Answer a write below v2."""
    action, query = path.removeprefix("my-collection/playlists/folders/"), request.query
    folder = query.get("folderId") or "root"
    n = len(account.lists["playlists"]) + len(account.lists["folders"])
    if action == "create-folder":
        id = account.add_folder(f"{query['name']} {n}", folder)
        account.lists["folders"][-1][1]["name"] = account.lists["folders"][-1][1]["data"]["name"] = query["name"]
        return Answer({"trn": f"trn:folder:{id}", "data": {"id": id, "name": query["name"]}})
    if action == "create-playlist":
        id = account.add_playlist(f"{query['name']} {uid(str(n))}", [], folder)
        account.lists["playlists"][-1][1].update(title=query["name"], description=query.get("description", ""))
        return Answer({"trn": f"trn:playlist:{id}", "data": {"uuid": id, "title": query["name"]}})
    if action == "move":
        id = query["trns"].rpartition(":")[2]
        account.lists["playlists"] = [(folder if p["uuid"] == id else f, p) for f, p in account.lists["playlists"]]
        account.lists["folders"] = [(folder if one["data"]["id"] == id else f, one) for f, one in account.lists["folders"]]
        return Answer(b"", 204)
    if action == "rename":
        found = next((one for _, one in account.lists["folders"] if one["trn"] == query["trn"]), None)
        if found is None:
            return account.refuse(404, "Folder not found")
        found["name"] = found["data"]["name"] = query["name"]
        return Answer(b"", 204)
    if action == "remove":
        account.lists["folders"] = [(f, one) for f, one in account.lists["folders"] if one["trn"] != query["trns"]]
        return Answer(b"", 204)
    return None


# ---------- Spotify
def spotify(account: Any, request: Request, parts: list[str]) -> Answer | None:
    """Answer a write; None for what is none."""
    body: Any = request.body
    if parts == ["me", "tracks"]:
        return _spotify_like(account, request)
    if parts == ["me", "playlists"] and request.method == "POST":
        made = account.add_playlist(body["name"], body.get("description"), [], f"made {len(account.lists['me/playlists'])}", "kestrel")
        made["owner"] = copy.deepcopy(account.lists["me/playlists"][0]["owner"]) | {"id": account.me}
        return Answer(account._shown(made), 201)
    found = next((p for p in account.lists["me/playlists"] if len(parts) > 1 and p["id"] == parts[1]), None)
    if parts[0] != "playlists" or found is None:
        return None
    if len(parts) == 2:
        found |= {key: body[key] for key in ("name", "description") if key in body}
        return Answer({})
    if parts[2] == "followers":
        account.lists["me/playlists"].remove(found)
        return Answer({})
    if parts[2] != ("items" if account.shape == "2026" else "tracks"):
        return account.refuse(403, "Forbidden")
    items = account.lists[f"playlists/{parts[1]}"]
    if body.get("snapshot_id") not in (None, found["snapshot_id"]):
        return account.refuse(400, "Invalid snapshot_id")
    if request.method == "POST":
        added = [_spotify_place(uri) for uri in body["uris"]]
        if None in added:
            return account.refuse(404, "Track not found")
        at = body.get("position", len(items))
        items[at:at] = added
    elif request.method == "PUT":
        start, before = body["range_start"], body["insert_before"]
        moved = items.pop(start)
        items.insert(before - (before > start), moved)
    else:
        for one in body.get("items") or body["tracks"]:
            where = one.get("positions") if account.positions else None
            hit = [n for n, item in enumerate(items) if (item["track"] or {}).get("uri") == one["uri"] and (where is None or n in where)]
            for n in reversed(hit):
                items.pop(n)
    account.change(found)
    return Answer({"snapshot_id": found["snapshot_id"]}, 201 if request.method == "POST" else 200)


def _spotify_place(uri: str) -> dict[str, Any] | None:
    from . import views
    from .spotify_account import _place

    stream = next((s for s in views.streams() if s.uri == uri), None)
    return stream and _place(stream, "2026-02-01T00:00:00Z")


def _spotify_like(account: Any, request: Request) -> Answer:
    likes = account.lists["me/tracks"]
    for id in request.body["ids"]:
        likes[:] = [one for one in likes if one["track"]["id"] != id]
        place = _spotify_place(f"spotify:track:{id}") if request.method == "PUT" else None
        if place:
            likes.insert(0, {"added_at": place["added_at"], "track": place["track"]})
    return Answer({})
