"""Tidal: single calls through tidalapi's session, each against the ETag of the list as it is; a list that moved on answers 412 and stops.

Source: tidalapi 0.8.11 (UserPlaylist.add, move_by_indices, remove_by_indices, edit; Folder). Tidal counts `toIndex` of a move without the item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import net
from ..errors import BadInput, LoginNeeded
from ..platforms import tidal as importer
from ..playlists.targets import Step
from ._service import Service

FOLDERS = "my-collection/playlists/folders"


def open(db: Any, place: str = "", *, token: Any = None, endpoint: str | None = None, **options: Any) -> Tidal:
    """Open an account (place: its name). Raises LoginNeeded."""
    from ..platforms import _tidal_account, _tidal_client

    api = _tidal_client.Account(token, endpoint=endpoint, account=place or None)

    def reading(known: Any) -> Any:
        run = _tidal_account._Run(api, known, place)
        run.user = api.user()
        return run.lists()

    return Tidal(db, place, api, reading)


class Tidal(Service):
    """A target, see `playlists.targets.Target`."""

    name = platform = "tidal"
    module = importer

    def is_mine(self, row: Mapping[str, Any]) -> bool:
        return str(row.get("owner_id") or "") == str(self.api.user())

    def send(
        self, method: str, path: str, what: str, *, data: Any = None, params: Any = None, headers: Any = None, v2: bool = False
    ) -> Any:
        base = self.api.session.config.api_v2_location if v2 else None

        def call() -> Any:
            self.api.renewed = 0
            with net.words(self.name, what):
                answer = self.api.session.request.basic_request(method, path, params, data, dict(headers or {}), base_url=base)
            if answer.status_code >= 300:
                raise self.api._failure(answer, what)
            return answer

        return self.once(call)

    def _changing(self, list_id: str, method: str, path: str, **more: Any) -> None:
        """A write against the list as it was read, or as the step before left it: the same time of change, and as many places. What it is
        after the write is asked at once, so that what another program does in between is seen by the next step."""
        row, url = self.heads[list_id], f"playlists/{list_id}"
        etag = row.get("etag")
        if not etag:
            changed, places, etag = self._version(list_id)
            if places != len(self.raw[list_id]) or (row.get("remote_version") and changed != row["remote_version"]):
                raise self.moved_on(list_id)
        row["etag"] = None
        try:
            self.send(method, url + path, "the playlist", headers={"If-None-Match": etag} if etag else None, **more)
        except LoginNeeded:
            raise
        except Exception as error:
            if getattr(self.api.last, "status_code", 0) == 412:
                raise self.moved_on(list_id) from error
            raise
        row["remote_version"], _, row["etag"] = self._version(list_id)

    def _version(self, list_id: str) -> tuple[str | None, int, str | None]:
        """(when the list was changed last, how many places it has, its ETag)."""
        now = self.send("GET", f"playlists/{list_id}", "the playlist")
        sent = now.json()
        return sent.get("lastUpdated"), (sent.get("numberOfTracks") or 0) + (sent.get("numberOfVideos") or 0), now.headers.get("ETag")

    def add(self, list_id: str, keys: Sequence[str], place: int) -> None:
        data = {"onArtifactNotFound": "FAIL", "trackIds": ",".join(keys), "toIndex": place, "onDupes": "ADD"}
        self._changing(list_id, "POST", "/items", data=data)

    def remove(self, list_id: str, key: str, place: int) -> None:
        self._changing(list_id, "DELETE", f"/items/{place}")

    def move(self, list_id: str, place: int, to: int) -> None:
        self._changing(list_id, "POST", f"/items/{place}", data={"toIndex": to})

    def make(self, step: Step) -> str:
        parent = (step.parent or "folder:root").removeprefix("folder:")
        if step.action == "folder":
            params = {"folderId": parent, "name": step.name, "trns": ""}
            sent = self.send("PUT", f"{FOLDERS}/create-folder", "a folder", params=params, v2=True).json()
            return f"folder:{(sent.get('data') or {})['id']}"
        params = {"folderId": parent, "name": step.name, "description": step.description or ""}
        sent = self.send("PUT", f"{FOLDERS}/create-playlist", "a playlist", params=params, v2=True).json()
        return str((sent.get("data") or {})["uuid"])

    def head(self, step: Step) -> None:
        id = step.list_id or ""
        if step.action in ("like", "unlike"):
            path = f"users/{self.api.user()}/favorites/tracks"
            if step.action == "like":
                self.send("POST", path, "favourite tracks", data={"trackIds": step.key})
            else:
                self.send("DELETE", f"{path}/{step.key}", "favourite tracks")
            return
        if id not in self.heads:
            raise BadInput(f"tidal has no list {id!r} any more; make a new plan")
        row = self.heads[id]
        if row.get("kind") == "folder":
            self._folder(id, row, step)
            return
        if step.action not in ("rename", "describe", "place", "delete"):
            raise BadInput(f"tidal: {step.action} of {row['name']!r} is not written")
        if step.action in ("rename", "describe"):
            told = {
                "title": step.name or row["name"],
                "description": (step.description if step.action == "describe" else row.get("description")) or "",
            }
            self.send("POST", f"playlists/{id}", "the playlist", data=told)
            row |= {"name": told["title"], "description": told["description"], "etag": None, "remote_version": self._version(id)[0]}
        elif step.action == "place":
            params = {"folderId": (step.parent or "folder:root").removeprefix("folder:"), "trns": f"trn:playlist:{id}"}
            self.send("PUT", f"{FOLDERS}/move", "the playlist", params=params, v2=True)
        else:
            self.send("DELETE", f"playlists/{id}", "the playlist")
            del self.heads[id], self.raw[id]

    def _folder(self, id: str, row: dict[str, Any], step: Step) -> None:
        trn = id.replace("folder:", "trn:folder:")
        if step.action == "rename":
            self.send("PUT", f"{FOLDERS}/rename", "a folder", params={"trn": trn, "name": step.name}, v2=True)
            row["name"] = step.name
        elif step.action == "place":
            params = {"folderId": (step.parent or "folder:root").removeprefix("folder:"), "trns": trn}
            self.send("PUT", f"{FOLDERS}/move", "a folder", params=params, v2=True)
        elif step.action == "delete":
            if held := [one["name"] for one in self.heads.values() if one.get("parent_external_id") == id]:
                raise BadInput(f"folder {row['name']!r} still holds {', '.join(map(repr, held[:5]))}: it is not deleted")
            self.send("PUT", f"{FOLDERS}/remove", "a folder", params={"trns": trn}, v2=True)
            del self.heads[id], self.raw[id]
        elif step.action != "describe":
            raise BadInput(f"tidal: {step.action} of folder {row['name']!r} is not written")
