"""Tags on the selection: a field that completes, groups as rows of buttons, everything for many tracks at once."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import ipywidgets

from .. import history, tags
from .base import Form, follow, guarded, h, short, tracks_of

QUICK = 20  # tracks are tagged in the time in which one is decided about
SHOWN = 60  # buttons of one group; the field finds the others


class Tagger(Form):
    """Your own tags on what a Grid has selected. Type "Energy: peak" and press Enter: the tag and its group are made where they are new."""

    def __init__(self, db: Any, what: Any = None, *, name: str = ""):
        self.what = what
        self.head = ipywidgets.HTML()
        self.field = ipywidgets.Combobox(
            placeholder="Energy: peak", description="Tag", ensure_option=False, continuous_update=False, layout={"width": "360px"}
        )
        self.put = ipywidgets.Button(
            description="put on", icon="plus", tooltip="Put this tag on the selected tracks", layout={"width": "110px"}
        )
        self.back = ipywidgets.Button(
            description="undo", icon="undo", tooltip="Take the last change of tags back", layout={"width": "90px"}
        )
        self.groups = ipywidgets.VBox()
        super().__init__(db, [self.head, ipywidgets.HBox([self.field, self.put, self.back]), self.groups], name=name)
        self.done: list[int] = self.memory.setdefault("done", [])
        self.field.value = self.memory.get("text", "")
        self.put.on_click(lambda _: self.add())
        self.back.on_click(lambda _: self.undo())
        self.field.observe(lambda change: self._typed(change["new"]), "value")
        follow(what, self.refresh)
        self.refresh()

    def tracks(self) -> list[int]:
        """The tracks that a tag would go on."""
        return [one for one in tracks_of(self.what) if isinstance(one, int)]

    @guarded
    def _typed(self, text: str) -> None:
        self.memory["text"] = text

    @guarded
    def add(self, text: str | None = None) -> None:
        """Put a tag on the selection."""
        text = self.field.value if text is None else text
        chosen = self.tracks()
        if not chosen:
            self.say("Select tracks in the list first (space or x).", "error")
            return

        def added(done: tuple[int | None, int]) -> None:
            self._done(done[0], f"{text.strip()} is on {done[1]:,} more tracks." if done[1] else "All of them have it already.")
            self.field.value = ""

        self.soon(len(chosen) // QUICK, f"tag {len(chosen):,} tracks", lambda: tags.add(self.db, chosen, text), added)

    @guarded
    def toggle(self, tag: int) -> None:
        """Take the tag off where all of the selection have it, else put it on the rest."""
        chosen = self.tracks()
        row = next((one for one in tags.every(self.db) if one["id"] == tag), None)
        if not chosen or row is None:
            self.say("Select tracks in the list first (space or x).", "error")
            return
        have = {one["id"]: one["tracks"] for one in tags.of(self.db, chosen)}.get(tag, 0)
        text = f"{row['grp']}/{row['name']}" if row["grp"] else row["name"]
        off, name = have == len(chosen), tags.shown(row["grp"], row["name"])
        self.soon(
            len(chosen) // QUICK,
            f"{name} {'off' if off else 'on'} {len(chosen):,} tracks",
            lambda: tags.remove(self.db, chosen, tag) if off else tags.add(self.db, chosen, text),
            lambda done: self._done(done[0], f"{name}: {'off' if off else 'on'} {done[1]:,} tracks."),
        )

    @guarded
    def undo(self) -> None:
        """Take the last change of tags made here back."""
        if not self.done:
            self.say("Nothing to take back here.")
            return
        operation = self.done[-1]

        def back(_: Any) -> None:
            self.done.pop()
            self._show()
            self.say("Taken back.", "good")

        self.soon(len(self.tracks()) // QUICK, "take the last tags back", lambda: history.undo(self.db, operation), back)

    def _done(self, operation: int | None, text: str) -> None:
        if operation is not None:
            self.done.append(operation)
        self.say(text, "good" if operation is not None else "")
        self._show()

    @guarded
    def refresh(self) -> None:
        """Show the tags of the selection as it is now."""
        self._show()

    def _show(self) -> None:
        chosen = self.tracks()
        have = {one["id"]: one["tracks"] for one in tags.of(self.db, chosen)} if chosen else {}
        every = tags.every(self.db)
        self.head.value = (
            f"<b>{len(chosen):,} track{'' if len(chosen) == 1 else 's'}</b> selected"
            if chosen
            else "No track is selected: tick some in the list above."
        )
        self.field.options = [tags.shown(one["grp"], one["name"]) for one in every][:2000]
        self.back.disabled = not self.done
        shape = tuple((one["id"], one["grp"], one["name"], have.get(one["id"], 0), len(chosen)) for one in every)
        if shape == getattr(self, "_shape", None):
            return
        self._shape = shape
        old = [button for row in self.groups.children for button in getattr(row, "children", ())]
        self.groups.children = [
            self._group(group, list(some), have, len(chosen)) for group, some in groupby(every, key=lambda one: one["grp"])
        ]
        for widget in old:  # a widget that is no longer shown would stay in the kernel for ever
            widget.close()

    def _group(self, group: str, some: list[dict], have: dict[int, int], n: int) -> ipywidgets.HBox:
        label = ipywidgets.HTML(f"<span>{h(short(group, 60)) or 'no group'}</span>", layout={"width": "110px"})
        return ipywidgets.HBox(
            [label, *(self._button(one, have.get(one["id"], 0), n) for one in some[:SHOWN])], layout={"flex_flow": "row wrap"}
        )

    def _button(self, tag: dict, have: int, n: int) -> ipywidgets.Button:
        """Filled: all have it; half: some do. The count says it in words too."""
        text = short(tag["name"], 40) + (f"  {have}/{n}" if 0 < have < n else "  ✓" if have and have == n else "")
        style = "primary" if have and have == n else "info" if have else ""
        button = ipywidgets.Button(
            description=text, button_style=style, layout={"width": "auto"}, tooltip=f"on {tag['tracks']:,} tracks of the library"
        )
        button.on_click(lambda _, id=tag["id"]: self.toggle(id))
        return button
