"""Spotify: single calls through spotipy's session, each against the snapshot_id of the list as it was read.

A removal names the place and the snapshot; where Spotify takes out all equal items all the same, those that were to stay are put back. Apps
of 2026 write to playlists/{id}/items, older ones to /tracks: both are tried. Needs a login that may write.
Source: Spotify Web API reference; spotipy 2.26.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import net
from ..errors import BadInput, LoginNeeded, Transient
from ..platforms import spotify as importer
from ..platforms._account import NotGiven
from ..playlists.targets import Step
from ._service import Service


def open(db: Any, place: str = "", *, token: Any = None, endpoint: str | None = None, **options: Any) -> Spotify:
    """Open an account (place: its name). Raises LoginNeeded, also for a login that may only read."""
    from ..platforms import _spotify_account, _spotify_client

    api = _spotify_client.Account(token, endpoint=endpoint, account=place or None)
    missing = [name for name in _spotify_client.WRITES if name not in str(api.login.get("scope")).split()]
    if missing:
        api.close()
        raise LoginNeeded(f"this Spotify login may only read (scope {' '.join(missing)} is missing), and nothing was written: run `{api.command} --write` (in the Login screen: tick that it may write), then the same again")
    return Spotify(db, place, api, lambda known: _spotify_account._Run(api, known, place).lists())


class Spotify(Service):
    """A target, see `playlists.targets.Target`."""

    name = platform = "spotify"
    module = importer
    user, way = "", "items"

    def is_mine(self, row: Mapping[str, Any]) -> bool:
        self.user = self.user or str(self.api.get("me", "your profile").get("id"))
        return row.get("owner_id") == self.user or bool(row.get("collaborative"))

    def send(self, method: str, path: str, what: str, payload: Any = None, **params: Any) -> dict[str, Any]:
        import spotipy

        def call() -> Any:
            with net.words(self.name, what):
                try:
                    return self.api.client._internal_call(method, path, payload, params)
                except spotipy.SpotifyException as error:
                    if error.http_status == 403 and "scope" in str(error.msg).lower():
                        raise LoginNeeded(f"this Spotify login may not write {what} any more: run `{self.api.command} --write` (in the Login screen: tick that it may write), then go on with the plan") from None
                    raise self.api._failure(error.http_status, what, error.headers or {}, error.msg) from None
                except (AttributeError, TypeError):
                    raise Transient(f"Spotify answered something unreadable ({what}); what was done is seen at the next read") from None

        return self.once(call) or {}

    def _changing(self, list_id: str, method: str, payload: dict[str, Any]) -> None:
        """A write in a list: it must be of the version that was read, or that the step before left."""
        row = self.heads[list_id]
        now = self.api.get(f"playlists/{list_id}", "the playlist", fields="snapshot_id").get("snapshot_id")
        if row.get("remote_version") and now != row["remote_version"]:
            raise self.moved_on(list_id)
        if method != "POST" and now:
            payload = payload | {"snapshot_id": now}
        try:
            sent = self.send(method, f"playlists/{list_id}/{self.way}", "the playlist", payload)
        except NotGiven:
            self.way = "tracks" if self.way == "items" else "items"  # an app of the other age
            sent = self.send(method, f"playlists/{list_id}/{self.way}", "the playlist", payload)
        row["remote_version"] = sent.get("snapshot_id")

    def add(self, list_id: str, keys: Sequence[str], place: int) -> None:
        self._changing(list_id, "POST", {"uris": [_uri(key) for key in keys], "position": place})

    def move(self, list_id: str, place: int, to: int) -> None:
        # insert_before counts with the item that moves
        self._changing(list_id, "PUT", {"range_start": place, "range_length": 1, "insert_before": to + 1 if to > place else to})

    def remove(self, list_id: str, key: str, place: int) -> None:
        items = [{"uri": _uri(key), "positions": [place]}]
        self._changing(list_id, "DELETE", {self.way: items, "tracks": items} if self.way == "items" else {"tracks": items})
        same = [at for at, one in enumerate(self.raw[list_id]) if one == key and at != place]
        if same:
            self._put_back(list_id, key, [at - (at > place) for at in same], len(self.raw[list_id]) - 1)

    def _put_back(self, list_id: str, key: str, places: list[int], total: int) -> None:
        """Where all equal items went with the one, add those that were to stay, from the top."""
        sent = self.api.get(f"playlists/{list_id}/{self.way}", "the playlist", limit=1, offset=0)
        if sent.get("total") == total - len(places):
            for place in places:
                self.add(list_id, [key], place)

    def make(self, step: Step) -> str:
        if step.action == "folder" or step.parent:
            raise BadInput("Spotify's folders cannot be written: nothing but its own apps knows them")
        user = self.user or str(self.api.get("me", "your profile").get("id"))
        told = {"name": step.name, "public": False, "description": step.description or ""}
        try:
            sent = self.send("POST", "me/playlists", "a playlist", told)
        except NotGiven:
            sent = self.send("POST", f"users/{user}/playlists", "a playlist", told)
        return str(sent["id"])

    def head(self, step: Step) -> None:
        id = step.list_id or ""
        if step.action in ("like", "unlike"):
            self.send("PUT" if step.action == "like" else "DELETE", "me/tracks", "liked songs", {"ids": [step.key]})
            return
        if id not in self.heads:
            raise BadInput(f"spotify has no list {id!r} any more; make a new plan")
        if step.action in ("rename", "describe"):
            told = {"name": step.name} if step.action == "rename" else {"description": step.description or ""}
            self.send("PUT", f"playlists/{id}", "the playlist", told)
            self.heads[id] |= told
        elif step.action == "delete":  # Spotify has no deleting: its owner stops following it
            self.send("DELETE", f"playlists/{id}/followers", "the playlist")
            del self.heads[id], self.raw[id]
        elif step.action != "place" or step.parent:
            raise BadInput(f"spotify: {step.action} is not written")


def _uri(key: str) -> str:
    return key if key.startswith("spotify:") else f"spotify:track:{key}"
