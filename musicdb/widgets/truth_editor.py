"""The merge screen: a row a field, a column a platform; choose, see what would change, apply exactly that, take it back."""

from __future__ import annotations

import re
from typing import Any

from .. import history, queries, units
from ..errors import BadInput
from ..truth import editing
from ..truth.editing import Edit
from .base import LABELS, Board, follow, short, tracks_of
from .details import shown
from .differences import values

LISTED = 8  # changes that are written out below the sheet


class TruthEditor(Board):
    """One track or a selection. Enter takes the value at hand, `t` everything of its platform, `e` an own value, `x` locks; `A` applies."""

    LAYOUT = "matrix"

    def __init__(self, db: Any, what: Any = None, *, name: str = ""):
        super().__init__(db, name=name)
        self.what = what
        self.tracks: list[int] = []
        self.edits: dict[str, Edit] = {}
        self.approved: Any = None
        self.done: list[int] = self.memory.setdefault("done", [])
        follow(what, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is selected now; choices that were not applied stay while the selection is the same."""
        self.press({"do": "refresh"})

    def do_refresh(self) -> None:
        now = [one for one in tracks_of(self.what) if isinstance(one, int)]
        if now != self.tracks:
            self.tracks = now
            kept = self.memory.get("edits")
            self.edits = dict(kept[1]) if kept and kept[0] == now else {}
        self._show()

    # ---- choices

    def do_pick(self, field: str, platform: str | None = None) -> None:
        """Take this platform's value; choosing it again takes the choice back."""
        edit = Edit(field, "take", platform)
        self._choose(None if self.edits.get(field) == edit else edit, field)

    def do_take_all(self, field: str | None = None, platform: str | None = None) -> None:
        """Every field of which this platform says something else than what is there."""
        for line in editing.sheet(self.db, self.tracks).lines:
            said = line.said.get(str(platform), {})
            if any(_same(line.field, said[one], line.now.get(one)) is False for one in said):
                self.edits[line.field] = Edit(line.field, "take", platform)
        self._choose(None, None)

    def do_own(self, field: str, text: str) -> None:
        """A value of one's own; empty takes the choice back."""
        text = text.strip()
        self._choose(Edit(field, "decide", value=read(field, text)) if text else None, field)

    def do_lock(self, field: str, platform: str | None = None) -> None:
        """Lock the value that is there, or unlock it."""
        line = next(one for one in editing.sheet(self.db, self.tracks, [field]).lines)
        edit = Edit(field, "unlock" if line.decided else "lock")
        self._choose(None if self.edits.get(field) == edit else edit, field)

    def do_clear(self, field: str, platform: str | None = None) -> None:
        """Leave the field to the rules again."""
        self._choose(Edit(field, "clear"), field)

    def do_drop(self) -> None:
        """Forget the choices that were not applied."""
        self.edits.clear()
        self._choose(None, None)

    def _choose(self, edit: Edit | None, field: str | None) -> None:
        before = dict(self.edits)
        if field is not None:
            self.edits.pop(field, None)
        if edit is not None:
            self.edits[edit.field] = edit
        try:
            self._show()
        except BadInput:
            self.edits = before
            self._show()
            raise

    # ---- doing

    def do_apply(self) -> None:
        """Do exactly what the preview shows, as one operation."""
        if not self.edits:
            self.say("Nothing is chosen yet: Enter takes the value at hand.")
            return
        tracks, edits, approved = list(self.tracks), [*self.edits.values()], self.approved
        self.soon(len(tracks), f"apply to {len(tracks):,} tracks", lambda: self._apply(tracks, edits, approved), self._applied)

    def _apply(self, tracks: list[int], edits: list[Edit], approved: Any) -> Any:
        try:
            return editing.apply(self.db, tracks, edits, approved=approved)
        except editing.Changed:
            with self.lock:
                self._show()
            raise

    def _applied(self, done: Any) -> None:
        self.edits.clear()
        if done.operation is not None:
            self.done.append(done.operation)
        self._show()
        self._tell_list()
        self.say(f"{len(done.rows):,} values changed, {done.decided:,} decisions kept. u takes it back. {' '.join(done.notes[:2])}", "good")

    def do_undo(self) -> None:
        if not self.done:
            self.say("Nothing to take back here; HistoryPanel shows everything.")
            return
        operation = self.done[-1]
        self.soon(len(self.tracks), "take the last back", lambda: history.undo(self.db, operation), self._undone)

    def _undone(self, done: Any) -> None:
        self.done.pop()
        self._show()
        self._tell_list()
        self.say(f"Taken back: {done.decisions:,} decisions.", "good")

    def _tell_list(self) -> None:
        if hasattr(self.what, "refresh"):
            self.what.refresh()

    # ---- what is shown

    def _show(self) -> None:
        self.memory["edits"] = (self.tracks, dict(self.edits))
        actions = [
            {"do": "apply", "key": "A", "label": "apply", "strong": True, "off": not self.edits},
            {"do": "drop", "label": "forget choices", "off": not self.edits},
            {"do": "undo", "key": "u", "label": "undo last", "off": not self.done},
        ]
        if not self.tracks:
            self.approved = None
            self.state = {
                "fields": [],
                "platforms": [],
                "actions": actions,
                "empty": "Select one track or several in the list above; what each platform says of them appears here side by side.",
            }
            return
        sheet = editing.sheet(self.db, self.tracks)
        seen = editing.preview(self.db, self.tracks, [*self.edits.values()]) if self.edits else None
        self.approved = seen.rows if seen else None
        n = len(self.tracks)
        titles = queries.titles(self.db, self.tracks[:1])
        first = f"{titles[0]['artist_credit'] or 'unknown'} - {titles[0]['title']}" if titles else f"track {self.tracks[0]}"
        self._first = short(first, 80)
        self.state = {
            "title": "What each platform says", "labels": LABELS, "actions": actions,
            "heading": short(first, 160) if n == 1 else f"{n:,} tracks selected",
            "hint": f"preview: {len(seen.rows):,} changes" if seen else "nothing chosen yet",
            "platforms": [{"name": p, "label": LABELS.get(p, p)} for p in sheet.platforms],
            "fields": [self._field(line, n) for line in sheet.lines],
            "plan": self._plan(seen, n) if seen else [],
        }  # fmt: skip

    def _field(self, line: editing.Line, n: int) -> dict[str, Any]:
        kind = "cover" if line.field == "cover" else "text"
        now = _one(line.field, line.now, n)
        edit = self.edits.get(line.field)
        said = {}
        for platform, values_said in line.said.items():
            value = _one(line.field, values_said, n)
            same = all(_same(line.field, value_, line.now.get(track)) for track, value_ in values_said.items()) and len(values_said) == n
            parts = value if kind == "cover" else values(str(now or ""), str(value))[1]
            said[platform] = {
                "value": parts,
                "same": same,
                "picked": edit is not None and edit.what == "take" and edit.platform == platform,
            }
        own = None
        if edit is not None:
            own = shown(line.field, edit.value) if edit.what == "decide" else None
        return {
            "name": line.field, "label": queries.LABELS.get(line.field, line.field.replace("_", " ")), "kind": kind, "alt": self._first,
            "now": {"value": now if kind == "cover" else str(now or ""), "whose": next(iter(sorted(line.whose))) if len(line.whose) == 1 else None, "locked": line.decided == n and n > 0},
            "said": said, "own": own,
        }  # fmt: skip

    def _plan(self, seen: Any, n: int) -> list[dict[str, Any]]:
        titles = {one["id"]: one["title"] for one in queries.titles(self.db, [row["track"] for row in seen.rows[:LISTED]])} if n > 1 else {}
        lines = []
        for row in seen.rows[:LISTED]:
            old, new = shown(row["field"], row["old"]) or "empty", shown(row["field"], row["new"]) or "empty"
            what = f"{short(titles.get(row['track'], ''), 60)} {row['field']}:" if n > 1 else f"{row['field']}:"
            one, two = ("the picture that is there", "the chosen one") if row["field"] == "cover" else values(old, new)
            lines.append({"what": what, "old": one, "new": two})
        if len(seen.rows) > LISTED:
            lines.append({"what": f"and {len(seen.rows) - LISTED:,} more", "old": "", "new": ""})
        waiting = [edit for edit in self.edits.values() if not any(row["field"] in (edit.field, "artist_credit") for row in seen.rows)]
        lines += [{"what": f"{edit.field}: {_words(edit)}, no value changes", "old": "", "new": ""} for edit in waiting]
        return lines + [{"what": note, "old": "", "new": ""} for note in seen.notes[:4]]


def _words(edit: Edit) -> str:
    return {
        "take": f"follows {LABELS.get(edit.platform or '', edit.platform)}",
        "decide": "yours",
        "lock": "locked",
        "unlock": "unlocked",
        "clear": "left to the rules",
    }[edit.what]


def _one(field: str, found: dict[int, Any], n: int) -> Any:
    """The value that all have, or how many there are."""
    different = {shown(field, value) if field != "cover" else value for value in found.values()}
    if field == "cover":
        return next(iter(different)) if len(different) == 1 else None
    if len(different) == 1:
        value = different.pop()
        return value if len(found) == n else f"{value} ({len(found)} of {n})"
    return f"{len(different)} different values"


def _same(field: str, said: Any, now: Any) -> bool:
    if field == "artists" and isinstance(said, list):
        return shown(field, said) == shown(field, now) or all(str(name) in str(now or "") for name in said)
    if isinstance(said, list) and isinstance(now, list):
        return sorted(map(str, said)) == sorted(map(str, now))
    return shown(field, said) == shown(field, now)


def read(field: str, text: str) -> Any:
    """What a person typed, as the field wants it. Raises BadInput with what it wants."""
    if field in ("year", "rating"):
        if not re.fullmatch(r"\d+", text):
            raise BadInput(f"{field} is a whole number, not {text!r}")
        return int(text)
    if field == "bpm":
        value = units.bpm(text)
        if value is None:
            raise BadInput(f"bpm is a number such as 128 or 128.5, not {text!r}")
        return value
    if field in ("genres", "artists", "label") and field != "label":
        return [part.strip() for part in re.split(r"[;,]" if field == "genres" else ";", text) if part.strip()]
    return [text] if field == "label" else text
