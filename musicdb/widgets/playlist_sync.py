"""Playlists at the platforms and your own: what a sync would do, step by step, approved by key, carried out exactly so, taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .. import playlists
from ..playlists import reviewing
from ..shapes import title
from .base import LABELS, Board, short

MOST = 400  # steps that the browser holds; the next come when these are decided
ACTIONS = {
    "create": "new list", "folder": "new folder", "link": "link", "rename": "rename", "describe": "describe", "place": "put into a folder", "add": "add",
    "transfer": "move over", "move": "move", "remove": "remove", "delete": "take the whole list away", "unlink": "unlink", "like": "like", "unlike": "take the like off",
    "tag": "tag", "untag": "take the tag off", "rate": "rate", "cues": "set cues",
}  # fmt: skip
SIGNS = {"proposed": "☐", "approved": "☑", "denied": "☒", "done": "✔", "failed": "⚠", "skipped": "–", "running": "…", "verified": "✔"}
DECIDABLE = ("proposed", "approved", "denied")
HISTORY = "history"


class PlaylistSync(Board):
    """`g` compares. `a` approves a step, `r` denies it, `A` approves all that need no look; `Y` does exactly what is approved; `u` takes back.

    to, places: targets that are written ("rekordbox") and where they are, as for `playlists.plan`; without them, what the streaming services have comes to you.
    """

    LAYOUT = "cards"

    def __init__(
        self, db: Any, *, to: Iterable[str] = (), playlists: Iterable[Any] | None = None, places: Mapping[str, str] | None = None, open_targets: Mapping[str, Any] | None = None, name: str = ""
    ):  # fmt: skip
        super().__init__(db, name=name or ",".join(to))
        self.to, self.only, self.places, self.open_targets = tuple(to), None if playlists is None else list(playlists), places, open_targets
        self.plan: int | None = self.memory.get("plan")
        self.list: str | None = None
        self.past = False
        self.focus: int | str | None = None
        self.done: list[tuple[str, Any]] = self.memory.setdefault("done", [])  # ("decided", {step: status before}) or ("applied", plan)
        self.warnings: list[str] = []
        self.press({"do": "refresh"})

    # ---- comparing

    def do_refresh(self) -> None:
        """Show the plan that waits, the newest first."""
        plans = reviewing.plans(self.db)
        if self.plan not in [one.id for one in plans]:
            self.plan = next((one.id for one in plans if one.status in ("proposed", "failed", "running")), None)
        self._show()

    def do_compare(self) -> None:
        """Read the lists and make a new plan; nothing is written to them."""
        options = {"to": self.to, "playlists": self.only, "places": self.places, "open_targets": self.open_targets}
        self.work("compare the playlists", lambda progress: playlists.plan(self.db, **options), self._compared)

    def _compared(self, made: Any) -> None:
        self.past, self.list, self.warnings = False, None, list(made.warnings)
        for old in reviewing.plans(self.db, "proposed"):  # one that nobody has decided anything of is replaced by the new one
            if old.id != made.id and old.proposed == old.steps:
                playlists.dismiss(self.db, old.id)
        self.plan = self.memory["plan"] = made.id
        self._show()
        same = f" {made.settled:,} lists are as they should be." if made.settled else ""
        if not len(made):
            self.say(f"Nothing differs: there is nothing to do.{same}", "good")
        else:
            self.say(f"{len(made):,} steps. Nothing was changed yet: approve with a, or all of them with A.{same}", "good")

    # ---- deciding

    def do_approve(self, id: int) -> None:
        self._decide([int(id)], playlists.approve)

    def do_deny(self, id: int) -> None:
        """No, and a later plan remembers it."""
        self._decide([int(id)], playlists.deny)

    def do_approve_all(self) -> None:
        """All steps shown that need no look of their own."""
        ids = [op.id for op in self._steps() if op.status == "proposed" and not op.needs]
        self._decide(ids, playlists.approve)
        self.say(f"{len(ids):,} approved. Y does them, and nothing else.", "good")

    def _decide(self, ids: list[int], how: Any) -> None:
        if self.plan is None or not ids:
            self.say("There is nothing to decide.")
            return
        steps = self._steps()
        before = {op.id: op.status for op in steps if op.id in set(ids)}
        how(self.db, self.plan, ids)
        self.done.append(("decided", (self.plan, before)))
        del self.done[:-500]
        if len(ids) == 1:  # on to the next that is open
            at = next((n for n, op in enumerate(steps) if op.id == ids[0]), 0)
            self.focus = next((op.id for op in [*steps[at + 1 :], *steps[:at]] if op.status == "proposed" and op.id != ids[0]), ids[0])
        self._show()
        self.focus = None

    # ---- doing

    def do_apply(self) -> None:
        """Carry out exactly the approved steps; a target is backed up first."""
        if self.plan is None:
            self.say("Compare first: press g.")
            return
        plan = self.plan
        self.work(
            "carry out the plan",
            lambda progress: playlists.apply(self.db, plan, open_targets=self.open_targets, progress=progress),
            self._applied,
        )

    def _applied(self, report: Any) -> None:
        self.done.append(("applied", report.plan))
        self._show()
        bad = f", {report.failed:,} failed" if report.failed else ""
        notes = " ".join(report.messages[:2])
        self.say(f"{report.done:,} steps done{bad}. u takes them back. {notes}", "error" if report.failed else "good")

    def do_undo(self, id: int | str | None = None) -> None:
        """The last decision or the last run; in the history, the run at hand."""
        if self.past and isinstance(id, str):
            return self._take_back(int(id.removeprefix("plan ")))
        if not self.done:
            self.say("Nothing to take back here; the history holds every run.")
            return None
        what, which = self.done[-1]
        if what == "applied":
            return self._take_back(which)
        plan, before = which
        for status, back in (("proposed", reviewing.reconsider), ("approved", playlists.approve), ("denied", playlists.deny)):
            ids = [step for step, was in before.items() if was == status]
            if ids:
                back(self.db, plan, ids)
        self.done.pop()
        self.plan, self.focus = plan, next(iter(before))
        self._show()
        self.focus = None
        self.say(f"Taken back: {len(before):,} decided anew.", "good")
        return None

    def _take_back(self, plan: int) -> None:
        def took(said: list[str]) -> None:
            self.done[:] = [one for one in self.done if one != ("applied", plan)]
            self._show()
            self.say(" ".join(said[:3]) or "Taken back.", "good")

        self.work("take the run back", lambda progress: playlists.undo(self.db, plan, open_targets=self.open_targets), took)

    # ---- looking

    def do_filter(self, name: str) -> None:
        """Only the steps of one list, or what was done before."""
        self.past = name == HISTORY and not self.past
        self.list = None if name in (HISTORY, self.list) else name
        self._show()

    def _steps(self) -> list[Any]:
        if self.plan is None:
            return []
        return [op for op in playlists.operations(self.db, self.plan) if self.list in (None, _where(op))]

    def _show(self) -> None:
        self.memory["plan"] = self.plan
        plans = reviewing.plans(self.db)
        every = playlists.operations(self.db, self.plan) if self.plan is not None else []
        counts: dict[str, int] = {}
        for op in every:
            counts[_where(op)] = counts.get(_where(op), 0) + 1
        if self.list not in counts:
            self.list = None
        steps = [op for op in every if self.list in (None, _where(op))]
        approved = sum(op.status == "approved" for op in every)
        runs = [one for one in plans if one.status not in ("proposed", "dismissed")]
        lists = sorted(counts.items(), key=lambda one: -one[1])[:10] if len(counts) > 1 else []
        compare = {"do": "compare", "key": "g", "label": "compare again" if every else "compare", "on": "all", "strong": not every}
        undo = {"do": "undo", "key": "u", "label": "undo", "on": "all", "off": not self.done}
        self.state = {
            "title": "Playlists", "labels": LABELS, "focus": self.focus, "side": 44, "layout": "log" if self.past else "",
            "heading": f"{len(runs)} runs" if self.past else f"{approved:,} of {len(every):,} approved" if every else "nothing compared yet",
            "filters": [{"name": name, "label": short(name, 50), "n": n, "on": name == self.list} for name, n in lists]
            + [{"name": HISTORY, "label": "history", "n": len(runs), "on": self.past}],
            "counts": " ".join(short(one, 120) for one in self.warnings[:1]),
            "cards": [self._run(one) for one in runs[:60]] if self.past else [self._card(op) for op in steps[:MOST]],
            "actions": [] if self.past else [compare, undo] if not every else [
                {"do": "approve", "key": "a", "label": "approve", "on": "card"}, {"do": "deny", "key": "r", "label": "deny", "on": "card"},
                {"do": "approve_all", "key": "A", "label": "approve all", "on": "all", "off": not any(op.status == "proposed" for op in steps)},
                {"do": "apply", "key": "Y", "label": f"apply exactly these {approved:,}", "on": "all", "strong": True, "off": not approved,
                 "ask": f"Carry out {approved:,} approved steps? What is written to is backed up first, and u takes it back."},
                undo, compare,
            ],
            "empty": "Nothing was carried out yet." if self.past else "Press g: your playlists are compared with those of the platforms, and every difference becomes a step to approve.",
        }  # fmt: skip

    def _card(self, op: Any) -> dict[str, Any]:
        decides = op.status in DECIDABLE
        old, new = _said(op.before), _said(op.after)
        what = f"{ACTIONS.get(op.action, op.action)}: {op.title or _where(op)}"
        line = [(f"{SIGNS.get(op.status, '·')} ", False), (short(what, 300), False)]
        if op.action in ("rename", "describe", "move") and (old or new):
            line += [("   ", False), (short(old, 120), False), (" → ", False), (short(new, 120), True)]
        moved = f", out of {short(op.from_list, 80)}" if op.from_list else ""
        card = {
            "id": op.id, "tone": "warn" if op.status == "failed" or op.needs else "back" if op.status == "denied" else "",
            "a": {"lines": [line, *([f"{short(op.list, 120)}{moved}"] if op.title else [])], "chips": [op.target], "meta": ["" if op.status == "proposed" else op.status]},
            "signs": [[short(sign, 240), bool(n)] for n, sign in enumerate([op.reason, op.hold, op.error_message]) if sign],
        }  # fmt: skip
        if op.track_id is not None:
            card["a"] |= {"cover": op.image_id, "name": short(op.title, 80)}
        if not decides:
            card["actions"] = []
        return card

    def _run(self, one: Any) -> dict[str, Any]:
        failed = f", {one.failed:,} failed" if one.failed else ""
        target = ", ".join("your lists" if name == "user" else title(name) for name in str(one.target).split(",") if name)
        return {
            "id": f"plan {one.id}", "tone": "warn" if one.failed else "back" if one.status == "undone" else "",
            "a": {"lines": [f"{target}: {one.done:,} of {one.steps:,} steps done{failed}"], "meta": [str(one.applied_at or one.created_at), one.status]},
            "actions": [{"do": "undo", "key": "u", "label": "take it back", "on": "card"}] if one.status in ("applied", "failed") else [],
        }  # fmt: skip


def _where(op: Any) -> str:
    return str(op.list or "your library")


def _said(value: Any) -> str:
    """What a step's before or after says, in words: a name, a place in the list."""
    found = msgspec.json.decode(value) if isinstance(value, str) and value else value
    if not isinstance(found, dict):
        return "" if found is None else str(found)
    return ", ".join(
        str(one + 1 if key in ("at", "to") else one) for key, one in found.items() if one is not None and key not in ("items", "of")
    )
