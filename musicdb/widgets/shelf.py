"""The shelf: covers of your records as a wall, one record with its sides and their tracks, conditions and notes that you decide."""

from __future__ import annotations

from typing import Any

from .. import collection, queries
from ..errors import BadInput
from ..web.cells import clock
from .base import LABELS, Steps, short
from .differences import values
from .releases import card as candidate

PAGE = 120  # covers on the wall at a time
STATES = {"linked": "linked by you", "auto": "linked", "waiting": "waits for you", "none": "not linked"}
WORDS = {"owned": "owned", "wanted": "wanted", "for_sale": "for sale", "sold": "sold", "saved": "saved"}


class Shelf(Steps):
    """Enter opens a record. There `f` finds the track that a side is, `a` says so, `r` says that it is not; `b` goes back, `u` takes back.

    What you write of a copy (condition, rating, notes) is a decision: no import overturns it. status: owned, wanted, for_sale, sold, saved.
    """

    LAYOUT = "cards"

    def __init__(self, db: Any, *, status: str = "owned", folder: str | None = None, text: str = "", name: str = ""):
        super().__init__(db, name=name)
        kept = {"status": status, "text": text, "offset": 0, "copy": None} | self.memory
        self.which, self.text, self.offset, self.record = kept["status"], kept["text"], kept["offset"], kept["copy"]
        self.folder = folder
        self.side: int | None = None
        self.focus: Any = None
        self.press({"do": "refresh"})

    # ---- looking

    def do_refresh(self) -> None:
        try:
            self._show()
        except BadInput:  # the record is gone since
            self.record = self.side = None
            self._show()

    def do_filter(self, name: str) -> None:
        """Records of another status."""
        self.which, self.offset, self.record, self.side = name, 0, None, None
        self._show()

    def do_search(self, text: str) -> None:
        self.text, self.offset, self.record, self.side = str(text), 0, None, None
        self._show()

    def do_on(self) -> None:
        self.offset += PAGE
        self._show()

    def do_before(self) -> None:
        self.offset = max(0, self.offset - PAGE)
        self._show()

    def do_open(self, id: str) -> None:
        """One record with its sides."""
        self.record, self.side = str(id), None
        self._show()

    def do_back(self) -> None:
        """From tracks to the record, from the record to the wall."""
        if self.side is not None:
            self.focus, self.side = self.side, None
        else:
            self.focus, self.record = self.record, None
        self._show()
        self.focus = None

    # ---- deciding

    def do_one(self, id: str) -> None:
        """What a platform lists is this record, or the same album."""
        if link := _link(id):
            self._did(collection.accept_release(self.db, link).operation, "One from now on.")

    def do_find(self, id: int) -> None:
        """Tracks that this side may be."""
        if isinstance(id, int):
            self.side = id
            self._show()

    def do_link(self, id: int) -> None:
        """The side is this track."""
        side, self.side = self.side, None
        self.focus = side
        self._did(collection.link_side(self.db, int(side or 0), int(id)).operation, "Linked: this side is that track.")

    def do_unlink(self, id: int) -> None:
        """The side is not the track that it is linked to; or a release is not this record."""
        if link := _link(id):
            self._did(collection.reject_release(self.db, link).operation, "Two: this will not be asked again.")
        elif isinstance(id, int):
            self.focus = id
            self._did(collection.unlink_side(self.db, id).operation, "Taken apart: it is not that track, and is not asked again.")

    def do_edit(self, id: str, field: str, value: str) -> None:
        """What holds of this copy; empty: what the platform says counts again."""
        value = str(value).strip()
        if value:
            self._did(
                collection.edit(self.db, self.record, **{field: value}).operation,
                f"{_label(field)}: {short(value, 80)}. Kept through every import.",
            )
        else:
            self._did(collection.clear(self.db, self.record, field).operation, f"{_label(field)}: what the platform says counts again.")

    def _changed(self) -> None:
        self._show()
        self.focus = None

    # ---- what is shown

    def _show(self) -> None:
        self.memory.update(status=self.which, text=self.text, offset=self.offset, copy=self.record)
        state = self._tracks() if self.side is not None else self._record() if self.record else self._wall()
        back = {"do": "back", "key": "b", "label": "back", "on": "all"}
        undo = {"do": "undo", "key": "u", "label": "undo", "on": "all", "off": not self.done}
        actions = [*state.pop("does"), *([back] if self.record else []), undo]
        self.state = {"title": "Shelf", "labels": LABELS, "focus": self.focus, "actions": actions} | state

    def _wall(self) -> dict[str, Any]:
        rows = collection.copies(self.db, status=self.which, folder=self.folder, text=self.text or None, limit=PAGE + 1, offset=self.offset)
        more = len(rows) > PAGE
        counts = queries.shelf_counts(self.db)
        found = f"{self.offset + 1:,}–{self.offset + min(len(rows), PAGE):,}" if rows else "none"
        return {
            "layout": "tiles", "side": 160, "heading": f"{found} {WORDS.get(self.which, self.which)}", "search": self.text,
            "filters": [{"name": name, "label": WORDS.get(name, name), "n": n, "on": name == self.which} for name, n in counts.items()],
            "cards": [self._tile(row) for row in rows[:PAGE]],
            "does": [
                {"do": "open", "key": "Enter", "label": "open", "on": "card"},
                {"do": "before", "key": "p", "label": "‹ previous", "on": "all", "off": not self.offset}, {"do": "on", "key": "n", "label": "next ›", "on": "all", "off": not more},
            ],
            "empty": "Nothing matches: shorten the search." if self.text else "No records here yet. Import your Discogs collection: notebook 01.",
        }  # fmt: skip

    def _tile(self, row: Any) -> dict[str, Any]:
        marks = " · ".join(str(one) for one in (row.label, row.catalogue_number) if one)
        condition = " / ".join(_grade(row[one]) for one in ("media_condition", "sleeve_condition") if row[one])
        tracks = f"{row.with_file} of {row.sides} as file" if row.sides else ""
        lines = [
            short(row.artists or "unknown", 120),
            short(row.title, 160),
            short(" ".join(str(one) for one in (row.year, marks) if one), 120),
        ]
        return {
            "id": row.copy_key,
            "a": {
                "cover": row.cover,
                "name": short(row.title, 80),
                "lines": lines,
                "chips": [],
                "meta": [one for one in (condition, tracks) if one],
            },
        }

    def _record(self) -> dict[str, Any]:
        row = collection.copy(self.db, self.record)
        tracks = collection.sides(self.db, self.record)
        about = [
            f"{row.artists or 'unknown'} - {row.title}",
            " · ".join(str(one) for one in (row.year, row.label, row.catalogue_number, row.format, row.folder) if one),
        ]
        head = {
            "id": row.copy_key, "actions": [],
            "a": {"cover": row.cover, "name": short(row.title, 80), "lines": [short(one, 300) for one in about], "chips": [row.platform],
                  "meta": [f"decided by you: {', '.join(_label(one).lower() for one in row.edited)}" if row.edited else ""]},
            "fields": [
                {"name": "media_condition", "label": "Record", "value": row.media_condition or "", "options": ["", *collection.CONDITIONS[:8]]},
                {"name": "sleeve_condition", "label": "Sleeve", "value": row.sleeve_condition or "", "options": ["", *collection.CONDITIONS]},
                {"name": "rating", "label": "Rating", "value": str(row.rating or ""), "options": ["", "1", "2", "3", "4", "5"]},
                {"name": "notes", "label": "Notes", "value": row.notes or ""},
            ],
        }  # fmt: skip
        return {
            "side": 72, "heading": short(f"{row.artists or 'unknown'} - {row.title}", 120), "counts": f"{sum(one.track_id is not None for one in tracks)} of {len(tracks)} sides are tracks of yours",
            "cards": [head, *(self._side(one) for one in tracks), *self._near()],
            "does": [{"do": "find", "key": "f", "label": "find its track", "on": "card"}, {"do": "unlink", "key": "r", "label": "not this track", "on": "card"}],
            "empty": "No tracklist yet: import Discogs with your login, and it comes.",
        }  # fmt: skip

    def _near(self) -> list[dict[str, Any]]:
        """Releases elsewhere that may be this record or its album."""
        answers = [
            {"do": "one", "key": "a", "label": "one with it", "on": "card", "strong": True},
            {"do": "unlink", "key": "r", "label": "not", "on": "card"},
        ]
        rows = collection.release_candidates(self.db, copy=self.record, limit=8)
        return [candidate(row) | {"id": f"release/{row.link}", "actions": answers} for row in rows]

    def _side(self, one: Any) -> dict[str, Any]:
        theirs = f"{one.position or one.track_no or ''}  {one.title}"
        have = [name for name, has in (("file", one.has_file), ("rekordbox", one.in_rekordbox), ("stream", one.on_stream)) if has]
        card = {
            "id": one.platform_track_id, "tone": "" if one.track_id is not None else "warn",
            "a": {"lines": [short(theirs, 300)], "chips": [], "meta": [clock(one.duration_ms) if one.duration_ms else "", STATES.get(one.state, one.state)]},
        }  # fmt: skip
        if one.track_id is not None:
            ours = f"{one.track_artists or 'unknown'} - {one.track_title}"
            card["b"] = {"lines": [short(ours, 300)], "chips": have, "meta": []}
        return card

    def _tracks(self) -> dict[str, Any]:
        side = next((one for one in collection.sides(self.db, self.record) if one.platform_track_id == self.side), None)
        found = collection.candidates(self.db, int(self.side or 0))
        name = f"{side.position or ''} {side.title}" if side else ""
        return {
            "side": 56, "heading": short(f"Which track is {name}?", 160), "counts": clock(side.duration_ms) if side and side.duration_ms else "",
            "cards": [
                {"id": one.track_id, "score": one.confidence, "signs": [[short(sign, 160), False] for sign in one.signs[:4]],
                 "a": {"cover": one.cover, "name": short(one.album or one.title, 80), "lines": [values(name, f"{one.artist_credit or 'unknown'} - {one.title}{f' ({one.version})' if one.version else ''}")[1], short(one.album, 160)],
                       "chips": ["file"] if one.has_file else [], "meta": [clock(one.duration_ms) if one.duration_ms else ""]}}
                for one in found
            ],
            "does": [{"do": "link", "key": "a", "label": "this is the track", "on": "card", "strong": True}],
            "empty": "No track of yours is like it. Import the file or the stream first; b goes back.",
        }  # fmt: skip


def _link(id: Any) -> int | None:
    """12 of the card "release/12"."""
    return int(id.removeprefix("release/")) if isinstance(id, str) and id.startswith("release/") else None


def _label(field: str) -> str:
    return {"media_condition": "Record", "sleeve_condition": "Sleeve"}.get(field, field.replace("_", " ").capitalize())


def _grade(condition: str) -> str:
    """ "Very Good Plus (VG+)" -> "VG+"."""
    return condition.rpartition("(")[2].rstrip(")") if "(" in condition else condition
