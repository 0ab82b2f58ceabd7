"""Choosing a cover: the pictures that platforms brought, side by side, or one from your own disk."""

from __future__ import annotations

from typing import Any

from .. import images, queries
from .base import LABELS, Steps, follow, short, tracks_of


class ImagePicker(Steps):
    """Pictures for the track that a Grid is at, or for its whole album (the usual case). Enter chooses; `o` takes one from your disk."""

    LAYOUT = "cards"

    def __init__(self, db: Any, what: Any = None, *, album: int | None = None, name: str = ""):
        super().__init__(db, name=name)
        self.what, self.album = what, album
        self.whole = self.memory.get("whole", True)
        follow(what, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the pictures of the track that the list is at now."""
        self.press({"do": "refresh"})

    def target(self) -> dict[str, int] | None:
        """{"track": id} or {"album": id}: what a choice is about; None where nothing is chosen."""
        if self.album is not None:
            return {"album": self.album}
        at = getattr(self.what, "current", None) if hasattr(self.what, "chosen") else next(iter(tracks_of(self.what)), None)
        if not isinstance(at, int):
            return None
        found = queries.track(self.db, at)
        if found is None:
            return None
        album = found["row"]["release_group_id"]
        return {"album": album} if self.whole and album is not None else {"track": found["row"]["id"]}

    def do_refresh(self) -> None:
        self._show()

    def do_filter(self, name: str) -> None:
        """The whole album, or this track only."""
        self.whole = self.memory["whole"] = name == "album"
        self._show()

    def do_choose(self, id: int) -> None:
        target = self.target()
        if target:
            self._did(images.choose(self.db, **target, image=int(id)), "Chosen. It stays, whatever platforms say later.")

    def do_own(self, data: bytes, name: str = "") -> None:
        target = self.target()
        if target:
            _, operation = images.add(self.db, **target, picture=data, show=True)
            self._did(operation, f"{short(name, 80) or 'Your picture'} is stored and chosen.")

    def do_best(self) -> None:
        target = self.target()
        if target:
            tracks = [target["track"]] if "track" in target else queries.tracks_on(self.db, target["album"])
            done = images.choose_all(self.db, tracks, "largest", whole="album" in target, again=True)
            self._did(done.operation, "The largest square picture is chosen.")

    def do_rules(self) -> None:
        target = self.target()
        if target:
            self._did(images.choose(self.db, **target), "The rules choose again: the platform trusted most for covers.")

    def _show(self) -> None:
        target = self.target()
        found = images.candidates(self.db, **target) if target else []
        heading = self._heading(target)
        self.state = {
            "layout": "tiles", "side": 180, "title": "Pictures", "heading": heading, "labels": LABELS, "everywhere": True,
            "filters": [] if self.album is not None else [{"name": "album", "label": "whole album", "n": "", "on": self.whole}, {"name": "track", "label": "this track only", "n": "", "on": not self.whole}],
            "cards": [
                {"id": one["image_id"], "a": {"cover": one["image_id"], "name": heading, "chips": [{"name": p, "won": bool(one["shown"])} for p in one["platforms"]],
                 "meta": [f"{one['width']} × {one['height']}" if one["width"] else "", "shown now" if one["shown"] else "",
                          f"same picture as {one['same_as']}" if one["same_as"] else f"picture {one['image_id']}", one["role"] if one["role"] != "cover" else ""]}}
                for one in found
            ],
            "actions": [
                {"do": "choose", "key": "Enter", "label": "choose", "on": "card", "help": "this picture stands for it"},
                {"do": "own", "key": "o", "label": "from your disk …", "on": "all", "file": "image/jpeg,image/png,image/webp,image/gif", "off": target is None},
                {"do": "best", "key": "l", "label": "largest", "on": "all", "off": target is None, "help": "the largest square picture, then the platform trusted most"},
                {"do": "rules", "key": "c", "label": "let the rules choose", "on": "all", "off": target is None},
                {"do": "undo", "key": "u", "label": "undo", "on": "all", "off": not self.done},
            ],
            "empty": "No platform brought a picture of it. Press o and take one from your disk." if target else "Choose a track in the list above.",
        }  # fmt: skip

    def _heading(self, target: dict[str, int] | None) -> str:
        if not target:
            return ""
        if "album" in target:
            return short(queries.album_title(self.db, target["album"]), 120)
        found = queries.titles(self.db, [target["track"]])
        return short(found[0]["title"], 120) if found else ""
