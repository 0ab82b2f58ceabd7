"""A track that is two recordings: its entries side by side, those that leave, what would change, and taking it back."""

from __future__ import annotations

from typing import Any

from .. import queries
from ..errors import BadInput
from ..truth import merging
from ..web.cells import clock
from .base import LABELS, Steps, follow, short, tracks_of
from .details import shown
from .differences import values


class TrackSplit(Steps):
    """The entries of the track that a Grid is at. `x` marks what is another recording, `p` says what would change, `S` gives it a track of its own."""

    LAYOUT = "cards"

    def __init__(self, db: Any, what: Any = None, *, name: str = ""):
        super().__init__(db, name=name)
        self.what = what
        self.track: int | None = None
        self.leaving: set[int] = set()
        self.focus: int | None = None
        follow(what, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the track that the list is at now."""
        self.press({"do": "refresh"})

    def do_refresh(self) -> None:
        at = getattr(self.what, "current", None) if hasattr(self.what, "chosen") else next(iter(tracks_of(self.what)), None)
        track = at if isinstance(at, int) else None
        if track != self.track:
            kept = self.memory.get("leaving")
            self.track, self.leaving = track, set(kept[1]) if kept and kept[0] == track else set()
        self._show()

    def do_mark(self, id: int) -> None:
        """This entry is another recording; again: it is not."""
        self.leaving ^= {int(id)}
        self.focus = int(id)
        self._show()

    def do_preview(self) -> None:
        """What each of the two tracks would be, field by field."""
        seen = merging.split(self.db, self._track(), sorted(self.leaving), preview=True)
        self.focus = 0
        self._show([self._change(row) for row in seen.conflicts] or ["No value changes: both say the same of everything."])
        self.say("Nothing was changed: this is what would be. S does it.")

    def do_split(self) -> None:
        """Give the marked entries a track of their own."""
        done = merging.split(self.db, self._track(), sorted(self.leaving))
        n, self.leaving = len(self.leaving), set()
        self._did(
            done.operation,
            f"{n} {'entry has' if n == 1 else 'entries have'} a track of {'its' if n == 1 else 'their'} own now, number {done.into}.",
        )

    def _track(self) -> int:
        if self.track is None:
            raise BadInput("choose a track in the list first")
        if not self.leaving:
            raise BadInput("mark with x what is another recording")
        return self.track

    def _changed(self) -> None:
        self._show()
        if hasattr(self.what, "refresh"):
            self.what.refresh()

    def _change(self, row: Any) -> str:
        now, stays, leaves = (shown(row["field"], row[which]) or "nothing" for which in ("now", "stays", "leaves"))
        kept = f"stays {short(now, 80)}" if now == stays else f"{short(now, 80)} becomes {short(stays, 80)}"
        return f"{queries.LABELS.get(row['field'], row['field'].replace('_', ' '))}: {kept}; the new track has {short(leaves, 80)}"

    def _show(self, preview: list[str] | None = None) -> None:
        found = queries.entries(self.db, self.track) if self.track is not None else []
        self.leaving &= {one["id"] for one in found}
        self.memory["leaving"] = (self.track, set(self.leaving))
        mine = next(iter(queries.titles(self.db, [self.track])), None) if self.track is not None else None
        name = f"{mine['artist_credit'] or 'unknown'} - {mine['title']}" if mine else ""
        off = not self.leaving or len(self.leaving) == len(found)
        self.state = {
            "title": "Entries of one track", "heading": short(name, 160), "labels": LABELS, "side": 56, "focus": self.focus,
            "counts": f"{len(self.leaving)} of {len(found)} leave" if found else "",
            "cards": [*([{"id": 0, "a": {"lines": ["What would change", *preview]}, "actions": []}] if preview else []), *(self._card(one, name) for one in found)],
            "actions": [
                {"do": "mark", "key": "x", "label": "another recording", "on": "card"},
                {"do": "preview", "key": "p", "label": "what would change", "on": "all", "off": off},
                {"do": "split", "key": "S", "label": "split off", "on": "all", "strong": True, "off": off},
                {"do": "undo", "key": "u", "label": "undo", "on": "all", "off": not self.done},
            ],
            "empty": "Choose a track in the list above: what each platform has of it appears here." if self.track is None else "No platform has an entry of this track.",
        }  # fmt: skip
        self.focus = None

    def _card(self, one: dict[str, Any], name: str) -> dict[str, Any]:
        theirs = f"{', '.join(map(str, one['artists'])) or 'unknown'} - {one['title'] or ''}"
        leaves = one["id"] in self.leaving
        return {
            "id": one["id"], "score": one["confidence"], "tone": "warn" if leaves else "",
            "a": {"cover": one["cover"], "name": short(one["album"] or one["title"], 80), "lines": [values(name, short(theirs, 400))[1], short(one["album"], 200)],
                  "chips": [one["platform"], *([{"name": "leaves", "won": True}] if leaves else [])], "meta": [clock(one["duration_ms"]) if one["duration_ms"] else ""]},
            "signs": [[short(sign, 160), False] for sign in one["signs"][:4]],
        }  # fmt: skip
