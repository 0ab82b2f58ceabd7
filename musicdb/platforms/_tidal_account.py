"""What a Tidal account holds, list by list: favourite tracks, albums and artists, playlists in their folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from .. import net
from ..errors import PayloadError
from ..shapes import Complete, Note, Page
from ._account import NotGiven, Reading, collected, each, items_of, places_end, read_list, scope_of
from ._tidal_client import PLATFORM, Account
from ._tidal_rows import cover, dict_of, ident, list_of, plain, track

DEEPEST = 200  # folders; more are no person's


def fetch(known: Any, *, account: str | None, progress: Any, endpoint: str | None, token: Any, tracks: Sequence[str] = ()) -> Iterator:
    """Yield all of an account; see `tidal.fetch`."""
    api = Account(token, endpoint=endpoint, account=account, progress=progress)
    try:
        run = _Run(api, known, account or "")
        run.user = api.user()
        if tracks:
            yield from run.one_by_one(tracks, "track", wanted=True)
            return
        yield from run.one_by_one(run.known.marked(), "track", wanted=False)
        yield from each([run.lists, run.albums])
        yield run.said()
    finally:
        api.close()


class _Run(Reading):
    platform = PLATFORM
    user = ""
    all_folders = True  # whether every folder was told
    all_lists = True  # whether every playlist and folder was told: else none of them may be called gone

    def _favourites(self, name: str) -> Callable[[int, int], tuple]:
        path = f"users/{self.user}/favorites/{name}"
        return self.api.page(path, f"favourite {name}", order="DATE", orderDirection="DESC")

    # ---- lists of tracks
    def lists(self) -> Iterator:
        """Yield favourite tracks, folders and playlists, and what is gone of them."""
        artists, missing = self._collected(self._favourites("artists"), "favourite artists", _id_of_item)
        yield from missing
        liked = {"external_id": self.id("liked"), "name": "Favourite tracks", "kind": "liked", "artists": {"followed": artists}}
        folders, inside, notes = self.folders()
        yield from notes
        if folders:
            yield Page("list", folders)
        payloads, notes = self.playlists(inside)
        yield from notes
        same, changed = self.sorted_by_change(payloads, lambda one: plain(one.get("lastUpdated")))
        if same:
            yield Page("list", same)
        yield from each([partial(self.liked, liked), *(partial(self.playlist, payload) for payload in changed)])
        if self.all_lists:
            yield Complete("playlist")

    def _collected(self, get: Callable, what: str, key: Callable) -> tuple[list, list[Note]]:
        try:
            items, missing = collected(get, scope=what, limit=self.api.most, key=key, what=f"Tidal's {what}", short_ok=True)
        except NotGiven as error:
            return [], [Note(str(error))]
        return items, [Note(f"{what}: {missing} of those announced did not come; nothing was marked as gone")] if missing else []

    def liked(self, head: dict[str, Any]) -> Iterator:
        key = head["external_id"]
        yield from self.unless_same(
            "favourite tracks", self._favourites("tracks"), "created", head=Page("list", [head]), end=places_end(key), kind="place",
            wrap=self.places(key, "favourite tracks"), key=_id_of_item, limit=self.api.most, short_ok=True,
        )  # fmt: skip

    def folders(self) -> tuple[list[dict], dict[str, tuple[str | None, dict]], list[Note]]:
        """(payloads of folders, playlist -> (folder, as sent there), notes). v2 ignores offsets and goes by a cursor."""
        found, inside, notes, todo = [], {}, [], ["root"]
        while todo and len(found) < DEEPEST:
            folder = todo.pop(0)
            parent = None if folder == "root" else f"folder:{folder}"
            try:
                items, missing = self._in_folder(folder)
            except NotGiven as error:
                self.all_lists = self.all_folders = False
                notes.append(Note(f"{error}: playlists come without their folders"))
                continue
            if missing:
                self.all_lists = False
                notes.append(
                    Note(f"folders of playlists: {missing} entries did not come; nothing was marked as gone: run the same again later")
                )
            for at, item in enumerate(items):
                data = dict_of(dict_of(item).get("data"))
                if dict_of(item).get("itemType") == "FOLDER" and (key := ident(data.get("id"))):
                    found.append({"external_id": f"folder:{key}", "position": at, "parent": parent, "folder": item})
                    todo.append(key)
                elif key := ident(data.get("uuid")):
                    inside.setdefault(key, (parent, data))
        return found, inside, notes

    def _in_folder(self, folder: str) -> tuple[list, int]:
        items, cursor, total, seen = [], None, 0, set()
        while True:
            asked = {"folderId": folder, "order": "NAME", "orderDirection": "ASC", "includeOnly": "", "cursor": cursor}
            try:
                limit = min(50, self.api.most)
                body = self.api.get("my-collection/playlists/folders", "folders of playlists", v2=True, limit=limit, offset=0, **asked)
            except net.PageTooLarge as refusal:
                if refusal.limit >= limit or refusal.limit < 1:
                    raise NotGiven("Tidal refuses to list folders of playlists (400)", 400) from None
                continue
            some, total = items_of(body, "items", "totalNumberOfItems", "folders of playlists", PLATFORM)
            items += [one for one in some if isinstance(one, dict)]
            cursor = plain(body.get("cursor"))
            if cursor is None or cursor in seen or not some:
                return items, max(0, total - len(items))
            seen.add(cursor)

    def playlists(self, inside: dict[str, tuple[str | None, dict]]) -> tuple[list[dict], list[Note]]:
        """(payloads of kind "list", notes): own and favourite playlists, and those that only the folders tell of."""
        path = f"users/{self.user}/playlistsAndFavoritePlaylists"
        key_of = lambda item: ident(dict_of(dict_of(item).get("playlist")).get("uuid")) or id(item)  # noqa: E731
        sent, notes = self._collected(self.api.page(path, "playlists"), "playlists", key_of)
        self.all_lists = self.all_lists and not notes
        told = {key: one for item in sent if (key := ident((one := dict_of(dict_of(item).get("playlist"))).get("uuid")))}
        told = told | {key: data for key, (_, data) in inside.items() if key not in told}
        before = {} if self.all_folders else self.known.folders()
        payloads = [
            {"external_id": key, "position": at, "parent": inside[key][0] if key in inside else before.get(key), "playlist": one}
            for at, (key, one) in enumerate(told.items())
        ]
        return payloads, notes

    def playlist(self, payload: dict[str, Any]) -> Iterator:
        key, sent = payload["external_id"], payload["playlist"]
        name, head = plain(sent.get("title")) or key, Page("list", [payload])
        try:
            yield from read_list(
                self._in(key, name, sent), end=places_end(key), known=self.known, scope=scope_of(key), what=f"playlist {name!r}", head=head,
                kind="place", limit=self.api.most, wrap=self.places(key, name), short_ok=True,
            )  # fmt: skip
        except NotGiven as error:
            yield head
            yield Note(f"playlist {name!r}: metadata only; {error}")

    def _in(self, key: str, name: str, sent: dict) -> Callable[[int, int], tuple]:
        """get(offset, limit) for what is in a playlist, videos too, so that places are Tidal's; its version is asked for again at the end."""
        version, get_items = plain(sent.get("lastUpdated")), self.api.page(f"playlists/{key}/items", f"playlist {name!r}")

        def get(offset: int, limit: int) -> tuple:
            nonlocal version
            items, total = get_items(offset, limit)
            if version is not None and offset and offset + limit >= total:
                version = plain(self.api.get(f"playlists/{key}", f"playlist {name!r}").get("lastUpdated")) or version
            return items, total, version

        return get

    # ---- albums
    def albums(self) -> Iterator:
        wrap = lambda item, position: {"account": self.account, "saved": item}  # noqa: E731
        yield from self.unless_same(
            "favourite albums", self._favourites("albums"), "created", kind="saved_album", wrap=wrap, key=_id_of_item, limit=self.api.most,
            end=lambda total: Complete("collection_item", within="saved", total=total), short_ok=True,
        )  # fmt: skip


def _id_of_item(item: Any) -> Any:
    return ident(dict_of(dict_of(item).get("item")).get("id")) or id(item)


def search(query: str, *, token: Any, endpoint: str | None, account: str | None, limit: int) -> list[dict[str, Any]]:
    """See `tidal.search`."""
    api = Account(token, endpoint=endpoint, account=account)
    try:
        api.user()
        found = api.get("search", f"results for {query[:60]!r}", query=query, types="TRACKS", limit=max(1, min(limit, 50)), offset=0)
    finally:
        api.close()
    hits = []
    for sent in list_of(dict_of(found.get("tracks")).get("items")):
        try:
            row = track(dict_of(sent))
        except PayloadError:
            continue  # a hit without id cannot be chosen
        hits.append(
            {name: row.get(name) for name in ("external_id", "title", "artists", "album", "duration_ms")}
            | {"year": row["said"].get("year"), "cover_url": cover(dict_of(sent.get("album"))), "payload": sent}
        )
    return hits[:limit]
