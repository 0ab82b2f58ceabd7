"""What a Spotify account holds, list by list: liked songs, playlists, top tracks and artists, saved albums, recent plays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ..errors import PayloadError, Transient
from ..shapes import Complete, Note, Page
from ..units import utc
from ._account import NotGiven, Reading, collected, each, items_of, places_end, read_list, scope_of
from ._spotify_client import PLATFORM, Account, login_ends
from ._spotify_rows import dict_of, list_of, picture, plain, track, track_of

PAGE = 50  # the most that Spotify gives
SPANS = {"short_term": "four weeks", "medium_term": "six months", "long_term": "year"}
WARN = timedelta(days=30)


def fetch(known: Any, *, account: str | None, progress: Any, endpoint: str | None, token: Any, tracks: Sequence[str] = ()) -> Iterator:
    """Yield all of an account; see `spotify.fetch`."""
    api = Account(token, endpoint=endpoint, account=account, progress=progress)
    try:
        run = _Run(api, known, account or "")
        if tracks:
            yield from run.one_by_one(tracks, "spotify_track", wanted=True)
            return
        yield from run.warning()
        yield from run.one_by_one(run.known.marked(), "spotify_track", wanted=False)
        yield from each([run.lists, run.albums, run.plays])
        yield run.said(*(["audio features are not available to this app, and are not asked for again"] if run.refused else []))
    finally:
        api.close()


class _Run(Reading):
    platform = PLATFORM

    def __init__(self, api: Account, known: Any, account: str):
        super().__init__(api, known, account)
        self.features = self.known.all or self.known.recall("audio features") is None
        self.refused = False  # audio features, in this run
        self.way = ""  # "items" or "tracks": where this app finds what is in a playlist

    def warning(self) -> Iterator[Note]:
        """Say ahead when the login will end."""
        ends = login_ends(self.api.login)
        if ends and timedelta() < datetime.fromisoformat(ends) - datetime.now(UTC) < WARN:
            yield Note(f"the Spotify login is good for six months, until about {ends[:10]}: run `{self.api.command}`")

    # ---- lists of tracks
    def lists(self) -> Iterator:
        """Yield liked songs, top tracks and playlists, and what is gone of them."""
        artists, notes = self.artists()
        yield from notes
        liked = {"external_id": self.id("liked"), "name": "Liked Songs", "kind": "liked", "artists": artists}
        parts = [partial(self.liked, liked), *(partial(self.top, span) for span in SPANS)]
        same, changed = self.playlists()
        if same:
            yield Page("list", same)
        yield from each(parts + [partial(self.playlist, payload) for payload in changed])
        yield Complete("playlist")

    def artists(self) -> tuple[dict[str, Any], list[Note]]:
        """({"followed": [artist as sent], "top": {span: [...]}}, notes); they stand in the payload of the list of liked songs."""
        found, notes = {}, []
        try:
            followed, after = [], {}
            while True:
                body = dict_of(self.api.get("me/following", "followed artists", type="artist", limit=PAGE, **after).get("artists"))
                items, total = items_of(body, "items", "total", "followed artists", PLATFORM)
                followed += items
                last = dict_of(body.get("cursors")).get("after")
                if not last or not items or after.get("after") == last:
                    break
                after = {"after": last}
            if len(followed) < total:
                notes.append(Note(f"followed artists: {len(followed)} of {total} came: run the same again later"))
            found["followed"] = followed
        except NotGiven as error:
            notes.append(Note(str(error)))
        try:
            found["top"] = {span: self.api.page("me/top/artists", "top artists", time_range=span)(0, PAGE)[0] for span in SPANS}
        except NotGiven as error:
            notes.append(Note(str(error)))
        return found, notes

    def _places(self, key: str, name: str, **more: Any) -> Callable[[Any, int], dict]:
        return lambda item, position: {"name": f"{name} #{position + 1}", "playlist": key, "position": position, "item": item, **more}

    def liked(self, head: dict[str, Any]) -> Iterator:
        key, get = head["external_id"], self.with_features(self.api.page("me/tracks", "liked songs"))
        yield from self.unless_same(
            "liked songs", get, "added_at", head=Page("list", [head]), end=places_end(key), kind="place", wrap=self.places(key, "liked songs"),
            key=_added, limit=PAGE,
        )  # fmt: skip

    def top(self, span: str) -> Iterator:
        key, name = self.id(f"top:{span}"), f"Top tracks of the last {SPANS[span]}"
        head = Page("list", [{"external_id": key, "name": name, "kind": "smart"}])
        get = self.with_features(self.api.page("me/top/tracks", "top tracks", time_range=span))
        try:
            yield from read_list(
                get, end=places_end(key), known=self.known, scope=f"top tracks {span}", what="Spotify's top tracks", head=head,
                kind="place", limit=PAGE, wrap=self.places(key, name, listened=True),
            )  # fmt: skip
        except NotGiven as error:
            yield head
            yield Note(str(error))

    def playlists(self) -> tuple[list[dict], list[dict]]:
        """(unchanged, to be read) payloads of kind "list"."""
        sent, missing = collected(
            self.api.page("me/playlists", "playlists"), scope="playlists", limit=PAGE, key=_id_of, what="Spotify's playlists"
        )
        if missing:
            raise Transient(f"{missing} of the announced playlists did not come; nothing was marked as gone: run the same again later")
        payloads = [
            {"external_id": key, "position": at, "playlist": one} for at, one in enumerate(sent) if (key := plain(dict_of(one).get("id")))
        ]
        return self.sorted_by_change(payloads, lambda one: plain(one.get("snapshot_id")))

    def playlist(self, payload: dict[str, Any]) -> Iterator:
        key, sent = payload["external_id"], payload["playlist"]
        name, head = plain(sent.get("name")) or key, Page("list", [payload])
        try:
            yield from read_list(
                self.with_features(self._in(key, name, sent)), end=places_end(key), known=self.known, scope=scope_of(key),
                what=f"playlist {name!r}", head=head, kind="place", limit=PAGE, wrap=self.places(key, name),
            )  # fmt: skip
        except NotGiven as error:
            yield head
            whose = plain(dict_of(sent.get("owner")).get("display_name"))
            why = "Spotify shows what is in it to its owner only" if error.status == 403 else "Spotify no longer has it"
            yield Note(f"playlist {name!r}{f' of {whose}' if whose else ''}: metadata only; {why} ({error.status})")

    def _in(self, key: str, name: str, sent: dict) -> Callable[[int, int], tuple]:
        """get(offset, limit) for what is in a playlist; its version is asked for again with the last page, for it may change on the way."""
        version = plain(sent.get("snapshot_id"))
        told = "items" if isinstance(sent.get("items"), dict) else "tracks"

        def get(offset: int, limit: int) -> tuple:
            nonlocal version
            items, total = self._page_in(key, name, told, offset, limit)
            if version is not None and offset and offset + limit >= total:
                version = plain(self.api.get(f"playlists/{key}", f"playlist {name!r}", fields="snapshot_id").get("snapshot_id")) or version
            return items, total, version

        return get

    def _page_in(self, key: str, name: str, told: str, offset: int, limit: int) -> tuple[list, int]:
        ways = [self.way] if self.way else [told, "tracks" if told == "items" else "items"]
        for way in ways:
            get = self.api.page(f"playlists/{key}/{way}", f"playlist {name!r}", additional_types="track,episode")
            try:
                found = get(offset, limit)
            except NotGiven:
                if way == ways[-1]:
                    raise
                continue
            self.way = way
            return found
        raise AssertionError("one way returns or raises")

    def with_features(self, get: Callable[[int, int], tuple]) -> Callable[[int, int], tuple]:
        """The same, with audio features put into the tracks where this app may still have them. Refused once is never asked again."""

        def got(offset: int, limit: int) -> tuple:
            items, *rest = get(offset, limit)
            tracks = {t["id"]: t for item in items if (t := track_of(item)) and plain(t.get("id")) and not t.get("is_local")}
            if self.features and tracks and limit > 1:
                try:
                    body = self.api.get("audio-features", "audio features", ids=",".join(tracks))
                except NotGiven:
                    self.features, self.refused = False, True
                    self.known.remember("audio features", "not available to this app")
                else:
                    for one in list_of(body.get("audio_features")):
                        if dict_of(one).get("id") in tracks:
                            tracks[one["id"]]["audio_features"] = one
            return items, *rest

        return got

    # ---- albums and plays
    def albums(self) -> Iterator:
        wrap = lambda item, position: {"account": self.account, "saved": item}  # noqa: E731
        yield from self.unless_same(
            "saved albums", self.api.page("me/albums", "saved albums"), "added_at", kind="saved_album", wrap=wrap, limit=PAGE,
            end=lambda total: Complete("collection_item", within="saved", total=total), key=lambda item: _id_of(dict_of(item).get("album")),
        )  # fmt: skip

    def plays(self) -> Iterator:
        """Yield the last plays; Spotify keeps 50, so it is read in every run."""
        before, newest, last = {}, None, self.known.recall("plays") or ""
        for _ in range(20):
            try:
                body = self.api.get("me/player/recently-played", "recent plays", limit=PAGE, **before)
            except NotGiven as error:
                yield Note(str(error))
                return
            items, _ = items_of({**body, "total": 0}, "items", "total", "recent plays", PLATFORM)
            if items:
                yield Page("recent", items)
            times = sorted(at for item in items if (at := plain(dict_of(item).get("played_at"))))
            if _cut(body, times):
                yield Note("Spotify's recent plays: the answer ends before its own cursors do; the next run reads them again")
                return
            newest = newest or (times[-1] if times else None)
            cursor = dict_of(body.get("cursors")).get("before")
            if not times or not cursor or not body.get("next") or times[0] <= last or before.get("before") == cursor:
                break
            before = {"before": cursor}
        if newest:
            self.known.remember("plays", newest)


def _cut(body: dict[str, Any], times: list[str]) -> bool:
    """Whether plays are missing at an end of the answer: the list announces no total, but its cursors are the times of its first and
    last play in milliseconds. What is missing between the two cannot be seen."""
    cursors = dict_of(body.get("cursors"))
    ends = [at for name in ("before", "after") if (at := utc(plain(cursors.get(name))))]
    shown = [at for one in times if (at := utc(one))]
    return any(not shown or not min(shown) <= at <= max(shown) for at in ends)


def _id_of(one: Any) -> Any:
    return dict_of(one).get("id") or id(one)


def _added(item: Any) -> Any:
    """Identity of a liked song: a repeat means that the list moved while it was read."""
    t = track_of(item)
    return (plain(t.get("id")) or plain(t.get("uri")) if t else None) or id(item)


def search(query: str, *, token: Any, endpoint: str | None, account: str | None, limit: int) -> list[dict[str, Any]]:
    """See `spotify.search`."""
    api = Account(token, endpoint=endpoint, account=account)
    try:
        found = api.get("search", f"results for {query[:60]!r}", q=query, type="track", limit=max(1, min(limit, PAGE)))
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
            | {"year": row["said"].get("year"), "cover_url": picture(dict_of(sent.get("album")).get("images")), "payload": sent}
        )
    return hits[:limit]
