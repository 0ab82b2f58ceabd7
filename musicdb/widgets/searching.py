"""Searching a platform for the track at hand, and attaching one hit to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets

from .. import history, queries
from ..images import artwork
from ..links import attaching
from ..web.cells import clock
from .base import LABELS, Board, Form, follow, guarded, short, tracks_of
from .differences import values


class Hits(Board):
    """The hits below the form; their buttons call the form."""

    LAYOUT = "cards"

    def __init__(self, db: Any, form: PlatformSearch):
        super().__init__(db)
        self.form = form

    def do_attach(self, id: str) -> None:
        self.form.attach(id)

    def do_undo(self) -> None:
        self.form.undo()

    def _send_covers(self, ids: list[int], size: str) -> None:
        """Pictures of hits are at the platform: fetched here, as the browser asks nobody else, and sent one by one. Not kept."""
        try:
            wanted = {self.form.covers[one]: one for one in ids if one in self.form.covers}
            for url, jpeg in artwork.glance(wanted, "small", **(self.form.pictures or {})):
                self.send({"do": "covers", "ids": [wanted.pop(url)], "size": size}, [jpeg])
            missing = [one for one in ids if one in {*wanted.values()} or one not in self.form.covers]
            self.send({"do": "covers", "ids": missing, "size": size}, [b""] * len(missing))
        except Exception as error:  # on a thread of its own nobody else would hear of it
            self.fail(error)


class PlatformSearch(Form):
    """Search a platform for the track that a Grid is at; `a` says that a hit is this track, `u` takes it back.

    account: one of several logins. pictures: how covers are fetched, as for `artwork.fetch`.
    """

    def __init__(
        self, db: Any, what: Any = None, *, platform: str | None = None, account: str | None = None,
        pictures: Mapping[str, Any] | None = None, name: str = "",
    ):  # fmt: skip
        self.what, self.account, self.pictures = what, account, pictures
        names = attaching.searchable()
        self.platform = ipywidgets.Dropdown(
            options=names,
            value=platform if platform in names else (names[0] if names else None),
            description="Platform",
            layout={"width": "240px"},
        )
        self.text = ipywidgets.Text(description="Search", continuous_update=False, layout={"width": "480px"})
        self.go = ipywidgets.Button(description="search", icon="search", button_style="primary", layout={"width": "100px"})
        self.hits = Hits(db, self)
        super().__init__(db, [ipywidgets.HBox([self.platform, self.text, self.go]), self.hits], name=name)
        self.found: dict[str, dict[str, Any]] = {}
        self.covers: dict[int, str] = {}  # address of the picture of a hit, by a number that no picture of ours has
        self.done: list[int] = self.memory.setdefault("done", [])
        self.go.on_click(lambda _: self.search())
        follow(what, self.refresh)
        self.refresh()
        self._show()

    def track(self) -> int | None:
        """The track that a hit would be attached to."""
        at = getattr(self.what, "current", None) if hasattr(self.what, "chosen") else next(iter(tracks_of(self.what)), None)
        return at if isinstance(at, int) else None

    @guarded
    def refresh(self) -> None:
        """Fill in what the track at hand is called."""
        track = self.track()
        self.text.value = short(attaching.words(self.db, track), 200) if track else ""

    @guarded
    def search(self) -> None:
        """Ask the platform, on a thread of its own."""
        platform, text = self.platform.value, self.text.value.strip()
        if not text:
            self.say("Write what to search for.", "error")
            return
        self.work(f"search {platform}", lambda progress: attaching.search(platform, text, account=self.account), self._came)

    def _came(self, hits: list[dict[str, Any]]) -> None:
        self.found = {str(one["external_id"]): one for one in hits}
        known = {url: number for number, url in self.covers.items()}
        for one in hits:
            if one.get("cover_url") and one["cover_url"] not in known:
                known[one["cover_url"]] = -len(known) - 1
        self.covers = {number: url for url, number in known.items()}
        self.say(f"{len(hits)} found.", "good")
        self._show()

    @guarded
    def attach(self, id: str) -> None:
        """Fetch the hit and link it to the track, on a thread of its own."""
        track, platform = self.track(), self.platform.value
        if track is None:
            self.say("Choose a track in the list first.", "error")
            return
        self.work(
            f"attach {platform} {id}",
            lambda progress: attaching.attach(
                self.db, platform, id, track, account=self.account, pictures=self.pictures, progress=progress
            ),
            self._attached,
        )

    def _attached(self, done: attaching.Attached) -> None:
        self.done.append(done.operation)
        if hasattr(self.what, "refresh"):
            self.what.refresh()
        self.say(". ".join([f"{short(done.title, 120)} is this track now; u takes it back", *done.notes]), "good")
        self._show()

    @guarded
    def undo(self) -> None:
        """Take the last attachment back."""
        if not self.done:
            self.say("Nothing to take back here.")
            return
        history.undo(self.db, self.done[-1])
        self.done.pop()
        self.say("Taken back.", "good")
        self._show()

    def _show(self) -> None:
        track = self.track()
        mine = next(iter(queries.titles(self.db, [track])), None) if track else None
        version = f" ({mine['version']})" if mine and mine["version"] else ""
        name = f"{mine['artist_credit'] or 'unknown'} - {mine['title']}{version}" if mine else ""
        self.hits.state = {
            "title": "Hits", "labels": LABELS, "side": 64,
            "heading": short(f"{len(self.found)} hit{'s' if len(self.found) > 1 else ''}{f' for {name}' if name else ''}", 160) if self.found else "",
            "cards": [self._card(id, one, name) for id, one in self.found.items()],
            "actions": [
                {"do": "attach", "key": "a", "label": "this is the track", "on": "card", "strong": True},
                {"do": "undo", "key": "u", "label": "undo", "on": "all", "off": not self.done},
            ],
            "empty": "Press search. A hit that you attach is fetched, stored and linked to the track at hand.",
        }  # fmt: skip

    def _card(self, id: str, one: dict[str, Any], name: str) -> dict[str, Any]:
        theirs = short(f"{', '.join(map(str, one.get('artists') or [])) or 'unknown'} - {one.get('title')}", 300)
        cover = next((number for number, url in self.covers.items() if url == one.get("cover_url")), None)
        more = short(" ".join(str(one[k]) for k in ("album", "year") if one.get(k)), 200)
        length = clock(one["duration_ms"]) if one.get("duration_ms") else ""
        side = {
            "cover": cover, "name": short(one.get("album") or one.get("title") or "", 80), "lines": [values(name, theirs)[1], more],
            "chips": [self.platform.value], "meta": [length, f"id {short(id, 40)}"],
        }  # fmt: skip
        return {"id": id, "a": side}
