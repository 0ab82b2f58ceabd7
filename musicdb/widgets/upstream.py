"""What platforms say differently since the last import: row by row, follow it or keep what is there."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from .. import history, queries
from ..truth import upstream
from .base import LABELS, Board, short
from .details import shown
from .differences import values

PAGE = 60


class UpstreamChanges(Board):
    """`a` follows the platform in what changed, `r` keeps what is there; neither is asked again."""

    LAYOUT = "cards"

    def __init__(self, db: Any, *, platform: str | None = None, name: str = ""):
        super().__init__(db, name=name)
        self.platform = platform or self.memory.get("platform")
        self.done: list[tuple[int, int | None]] = self.memory.setdefault("done", [])  # change, and the operation that decided something
        self.press({"do": "refresh"})

    def do_refresh(self) -> None:
        self._show()

    def do_filter(self, name: str) -> None:
        self.platform = self.memory["platform"] = None if name == self.platform else name
        self._show()

    def do_accept(self, id: int) -> None:
        n = upstream.accept(self.db, int(id), by="me")
        self._did(int(id), n, f"{n} fields follow it now; u takes it back." if n else "Seen. Nothing of it is for you to decide.")

    def do_keep(self, id: int) -> None:
        upstream.accept(self.db, int(id), fields=[], by="me")
        self._did(int(id), 0, "What is there stays; u takes it back.")

    def do_undo(self) -> None:
        if not self.done:
            self.say("Nothing to take back here.")
            return
        id, operation = self.done[-1]
        if operation is not None:
            history.undo(self.db, operation)
        upstream.ask_again(self.db, id)
        self.done.pop()
        self._show()
        self.say("Taken back: it waits for you again.", "good")

    def _did(self, id: int, decided: int, text: str) -> None:
        self.done.append((id, queries.last_operation(self.db, "accept") if decided else None))
        self.say(text, "good")
        self._show()

    def _show(self) -> None:
        rows = upstream.changes(self.db, self.platform, limit=PAGE)
        every = queries.upstream_counts(self.db)
        theirs = queries.covers_there(self.db, [row["id"] for row in rows])
        ours = {one["id"]: one for one in queries.titles(self.db, [row["track_id"] for row in rows if row["track_id"]])}
        cards = []
        for id, some in groupby(rows, key=lambda row: row["id"]):
            fields = list(some)
            first = fields[0]
            mine = ours.get(first["track_id"])
            name = short(first["title"], 80)
            card = {
                "id": id,
                "a": {"cover": theirs.get(id), "name": f"{name} there", "lines": [short(first["title"], 200), *(_line(row) for row in fields[:8])], "chips": [first["platform"]], "meta": [str(first["at"])]},
            }  # fmt: skip
            if mine:
                line = short(f"{mine['artist_credit'] or 'unknown'} - {mine['title']}", 300)
                card["b"] = {
                    "cover": mine["cover"],
                    "name": name,
                    "lines": [line],
                    "chips": [{"name": "your library", "won": True}],
                    "meta": [],
                }
            cards.append(card)
        self.state = {
            "title": "What platforms say differently", "heading": f"{sum(every.values())} waiting", "labels": LABELS, "side": 56,
            "filters": [{"name": p, "label": LABELS.get(p, p), "n": n, "on": p == self.platform} for p, n in every.items()],
            "cards": cards,
            "actions": [
                {"do": "accept", "key": "a", "label": "follow it", "on": "card", "takes": True, "strong": True},
                {"do": "keep", "key": "r", "label": "keep what is there", "on": "card", "takes": True},
                {"do": "undo", "key": "u", "label": "undo", "on": "all", "off": not self.done},
            ],
            "empty": "No platform changed its word since the last time. Import again to see what is new there.",
        }  # fmt: skip


def _line(row: Any) -> list[tuple[str, bool]]:
    old, new = values(shown(row["field"], row["old"]) or "nothing", shown(row["field"], row["new"]) or "nothing")
    now = shown(row["field"], row["now"])
    return [
        (f"{queries.LABELS.get(row['field'], row['field'].replace('_', ' '))}: ", False),
        *old,
        (" → ", False),
        *new,
        (f"   (here: {short(now, 120) or 'nothing'})", False),
    ]
