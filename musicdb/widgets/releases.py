"""The review of releases: what a platform lists above, the release or album of yours that it may be below, why between them."""

from __future__ import annotations

from typing import Any

from .. import collection
from .base import LABELS, Steps, short
from .differences import values

SHOWN = 40  # cards at a time
WORDS = {"release": "that pressing", "release group": "the same album, another pressing"}


class ReleaseReview(Steps):
    """`a` one, `r` not, `w` why, `u` undo. A question is about that very pressing, or about the album: then both pressings stay.

    Answers are decisions: no import overturns them. level: only "release" or "release group".
    """

    LAYOUT = "cards"

    def __init__(self, db: Any, *, level: str | None = None, name: str = ""):
        super().__init__(db, name=name)
        self.level: str | None = self.memory.get("level", level)
        self.explained: int | None = None
        self.press({"do": "refresh"})

    def do_refresh(self) -> None:
        self._show()

    def do_filter(self, name: str) -> None:
        """Only one level; again: both."""
        self.level = self.memory["level"] = None if name == self.level else name
        self._show()

    def do_accept(self, id: int) -> None:
        """They are one."""
        self._did(collection.accept_release(self.db, int(id)).operation, "One from now on.")

    def do_reject(self, id: int) -> None:
        """They are not, and it is not asked again."""
        self._did(collection.reject_release(self.db, int(id)).operation, "Two: this will not be asked again.")

    def do_why(self, id: int) -> None:
        """Everything that speaks for it and against it."""
        self.explained = None if self.explained == id else int(id)
        self._show()

    def _show(self) -> None:
        every = collection.release_candidates(self.db)
        rows = [row for row in every if self.level in (None, row.level)]
        self.state = {
            "title": "Releases that may be one", "heading": f"{len(rows):,} waiting", "labels": LABELS, "side": 72, "focus": None,
            "filters": [{"name": level, "label": WORDS[level], "n": n, "on": level == self.level}
                        for level in collection.LEVELS if (n := sum(row.level == level for row in every))],
            "cards": [card(row, self.explained) for row in rows[:SHOWN]],
            "actions": [
                {"do": "accept", "key": "a", "label": "one", "on": "card", "takes": True, "strong": True},
                {"do": "reject", "key": "r", "label": "not", "on": "card", "takes": True},
                {"do": "why", "key": "w", "label": "why", "on": "card"},
                {"do": "undo", "key": "u", "label": "undo", "on": "all", "off": not self.done},
            ],
            "empty": "No release waits for you: what is known is joined, or as you decided.",
        }  # fmt: skip


def card(row: Any, explained: int | None = None) -> dict[str, Any]:
    """A candidate as a card: what the platform lists (a), what it may be (b), the first signs, or with `explained` all."""
    theirs = [f"{row.artists or 'unknown'} - {row.title}", _facts(row.date, row.formats, row.label, row.catalogue_number)]
    ours = [f"{row.their_artist or 'unknown'} - {row.release}", _facts(row.their_date, row.format, row.their_labels)]
    pairs = [values(short(one, 400), short(other, 400)) for one, other in zip(theirs, ours)]
    platform = row.observed.partition("/")[0]
    found = {
        "id": row.link, "score": row.confidence, "signs": [[short(sign, 160), False] for sign in row.signs[:5]],
        "a": {"cover": row.cover, "name": short(row.title, 80), "lines": [pair[0] for pair in pairs], "chips": [platform], "meta": []},
        "b": {"cover": row.their_cover, "name": short(row.release or "", 80), "lines": [pair[1] for pair in pairs],
              "chips": [(row.origin or "").partition("/")[0]] if row.origin else [], "meta": [f"may be {WORDS[row.level]}"]},
    }  # fmt: skip
    if row.link == explained:
        found["more"] = [short(sign, 300) for sign in row.signs]
    return found


def _facts(*facts: Any) -> str:
    return " · ".join(str(one) for one in facts if one)
