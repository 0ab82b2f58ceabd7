"""What was done, newest first, and taking it back."""

from __future__ import annotations

from typing import Any

from .. import history
from .base import LABELS, Board, short


class HistoryPanel(Board):
    """The log. `u` undoes the operation at hand, again brings it back; what stands in the way is named."""

    LAYOUT = "cards"

    def __init__(self, db: Any, *, limit: int = 30, track: int | None = None, name: str = ""):
        super().__init__(db, name=name)
        self.limit, self.track = limit, track
        self.everything = self.memory.get("everything", False)
        self.rows: list[Any] = []
        self.press({"do": "refresh"})

    def do_refresh(self) -> None:
        self._show()

    def do_filter(self, name: str) -> None:
        self.everything = self.memory["everything"] = name == "all"
        self._show()

    def do_undo(self, id: int | str) -> None:
        self.soon(
            self._size(id),
            f"take {id} back",
            lambda: history.undo(self.db, id),
            lambda done: self._did(done, "Taken back", "Press r on it to do it again."),
        )

    def do_redo(self, id: int | str) -> None:
        self.soon(self._size(id), f"do {id} again", lambda: history.redo(self.db, id), lambda done: self._did(done, "Done again", ""))

    def _size(self, id: int | str) -> int:
        return next((row["changes"] + row["decisions"] for row in self.rows if row["operation"] == id), 0)

    def _did(self, done: history.Undone, what: str, more: str) -> None:
        self._show()
        self.say(f"{what}: {done.decisions} decisions, {done.rows} rows. {more}".strip(), "good")

    def _show(self) -> None:
        rows = history.log(self.db, limit=self.limit if self.everything else 10 * self.limit, track=self.track, everything=self.everything)
        if not self.everything:  # an import decides nothing: there is nothing of yours to take back
            rows = [row for row in rows if row["state"] != "nothing decided"][: self.limit]
        self.rows = rows
        self.state = {
            "title": "What was done", "heading": f"{len(rows)} newest", "labels": LABELS, "layout": "log",
            "filters": [{"name": "mine", "label": "what I did", "n": "", "on": not self.everything}, {"name": "all", "label": "everything", "n": "", "on": self.everything}],
            "cards": [
                {
                    "id": row["operation"], "tone": "back" if row["state"].startswith("undone") else "",
                    "a": {"lines": [f"{row['type']}: {short(LABELS.get(row['what'], row['what']), 160)}" if row["what"] else row["type"]],
                          "meta": [str(row["at"] or ""), f"by {short(row['actor'], 40)}", f"{row['decisions']} decisions" if row["decisions"] else "", f"{row['changes']} cells" if row["changes"] else "", row["state"]]},
                    "actions": [{"do": "redo", "key": "r", "label": "do it again", "on": "card"}] if row["state"].startswith("undone")
                    else [] if row["state"] else [{"do": "undo", "key": "u", "label": "undo", "on": "card"}],
                }
                for row in rows
            ],
            "actions": [{"do": "refresh", "key": "g", "label": "look again", "on": "all"}],
            "empty": "Nothing was done yet. Decisions, tags and merges appear here and can be taken back.",
        }  # fmt: skip
