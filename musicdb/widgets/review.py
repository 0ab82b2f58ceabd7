"""The review of links by keyboard: what a platform says above, your track below, why they may be one between them."""

from __future__ import annotations

from typing import Any

from .. import history, queries
from ..links import review
from ..web.cells import clock
from .base import LABELS, Board, short
from .differences import values

WINDOW = 25  # cards that the browser holds, so that a key is answered before the kernel has
REFILL = 10  # fewer cards than this are filled up from the queue
LONGEST_STACK = 500
FILTERS = 5  # groups that have a button; the rest comes with the next cards


class LinkReview(Board):
    """Links that wait for you, the most played first. `a` same, `r` different, `n` a track of its own, `l` later, `A` the whole group, `u` undo.

    Every answer is a decision that stays; running the cell again goes on where you were.
    """

    LAYOUT = "cards"

    def __init__(self, db: Any, *, platform: str | None = None, name: str = ""):
        super().__init__(db, name=name or platform or "")
        self.platform = platform
        self.group: str | None = self.memory.get("group")
        self.done: list[tuple[int, str, int, Any]] = self.memory.setdefault("done", [])  # operation, what, how many, of which link
        self.counts: dict[str, int] = self.memory.setdefault("counts", {"accepted": 0, "rejected": 0, "new": 0, "later": 0})
        self.explained: int | None = None
        self.focus: int | None = None
        self.rows: list[Any] = []
        self.groups: list[Any] = []
        self._asked: int | None = None
        self.press({"do": "refresh"})

    # ---- answers

    def do_accept(self, id: int) -> None:
        """The two are one recording."""
        self._answer("accepted", review.accept(self.db, int(id), whole=True), 1)

    def do_reject(self, id: int) -> None:
        """They are not, and it is not asked again."""
        self._answer("rejected", review.reject(self.db, int(id)), 1)

    def do_new(self, id: int) -> None:
        """What the platform says is a track of its own."""
        self._answer("new", review.new_track(self.db, int(id)), 1)

    def do_later(self, id: int) -> None:
        """Not now."""
        self._answer("later", review.later(self.db, int(id)), 1)

    def do_accept_group(self, id: int) -> None:
        """Every link that waits for the same reason as this one."""
        groups = review.groups(self.db, platform=self.platform)
        mine = next((group for group in groups if int(id) in group["links"]), None)
        if mine is None:
            self._show()
            self.say("This one is answered already.")
            return
        links, n, reason = list(mine["links"]), mine["waiting"], mine["reason"]

        def done(answer: review.Reviewed) -> None:
            self._asked = int(id)
            self._answer("accepted", answer, n)
            self.say(f"{n:,} accepted: {reason}. u takes all of them back.", "good")

        self.soon(n, f"accept {n:,} links", lambda: review.accept(self.db, links, whole=True), done)

    def do_undo(self) -> None:
        if not self.done:
            self.say("Nothing to take back in this review; HistoryPanel shows everything.")
            return
        operation, what, n, id = self.done[-1]

        def back(_: Any) -> None:
            self.done.pop()
            self.counts[what] = max(0, self.counts[what] - n)
            self.focus = id
            self._show()
            self.focus = None
            self.say(f"Taken back: {n} {what}.", "good")

        self.soon(n, f"take {n:,} {what} back", lambda: history.undo(self.db, operation), back)

    def _answer(self, what: str, done: review.Reviewed, n: int) -> None:
        if done.operation is not None:
            self.done.append((done.operation, what, n, self._asked))
            del self.done[:-LONGEST_STACK]
            self.counts[what] += n
        self._show(read=done.operation is None or n > 1 or not self._settled(done))
        self.say(" ".join(done.notes[:1]) if done.operation is not None else "That was answered so already.")

    def _settled(self, done: review.Reviewed) -> bool:
        """Whether nothing but the answered link changed in what is shown; then the queue need not be read again for every key."""
        mine = next((row for row in self.rows if row["id"] == self._asked), None)
        if mine is None or len(self.rows) <= REFILL:
            return False
        self.rows = [row for row in self.rows if row is not mine]
        touched = set(done.tracks)
        for group in self.groups:
            if mine["id"] in group["links"]:
                group["links"].remove(mine["id"])
                group["waiting"] -= 1
        self.groups = [group for group in self.groups if group["waiting"]]
        return not any(
            row["track_id"] in touched or row["own_track_id"] in touched or row["platform_track_id"] == mine["platform_track_id"]
            for row in self.rows
        )

    def press(self, content: dict[str, Any], buffers: list[Any] | None = None) -> None:
        self._asked = content.get("id")
        super().press(content, buffers)

    # ---- looking

    def do_refresh(self) -> None:
        self._show()

    def do_filter(self, name: str) -> None:
        """Only the links of one group; again: all."""
        self.group = self.memory["group"] = None if name == self.group else name
        self._show()

    def do_why(self, id: int) -> None:
        """Everything that speaks for it and against it, and what an answer would do."""
        self.explained = None if self.explained == id else int(id)
        self._show()

    def _show(self, read: bool = True) -> None:
        if read:
            self.groups = list(review.groups(self.db, platform=self.platform))
            if self.group is not None and not any(group["reason"] == self.group for group in self.groups):
                self.group = self.memory["group"] = None
            self.rows = list(review.waiting(self.db, platform=self.platform, reason=self.group, limit=WINDOW))
        groups, rows = self.groups, self.rows
        total = sum(group["waiting"] for group in groups)
        off = 0 if rows else queries.put_off(self.db)
        self.state = {
            "title": "Links that wait for you", "heading": f"{total:,} waiting", "labels": LABELS, "side": 56, "focus": self.focus,
            "filters": [{"name": g["reason"], "label": short(g["reason"], 80), "n": g["waiting"], "on": g["reason"] == self.group} for g in groups[:FILTERS]],
            "counts": " · ".join(f"{what} {n}" for what, n in self.counts.items() if n or what in ("accepted", "rejected")),
            "cards": [self._card(row) for row in rows],
            "actions": [
                {"do": "accept", "key": "a", "label": "same", "on": "card", "takes": True, "strong": True},
                {"do": "reject", "key": "r", "label": "different", "on": "card", "takes": True},
                {"do": "new", "key": "n", "label": "new track", "on": "card", "takes": True},
                {"do": "later", "key": "l", "label": "later", "on": "card", "takes": True},
                {"do": "accept_group", "key": "A", "label": "same for its whole group", "on": "card"},
                {"do": "why", "key": "w", "label": "why", "on": "card"},
                {"do": "undo", "key": "u", "label": "undo", "on": "all", "off": not self.done},
            ],
            "empty": f"Nothing waits for you{f'; {off} were put off' if off else ''}. Next: 03-truth, where you choose between what platforms say.",
        }  # fmt: skip

    def _card(self, row: Any) -> dict[str, Any]:
        version = f" ({row['our_version']})" if row["our_version"] else ""
        theirs = [f"{row['their_artists'] or 'unknown'} - {row['their_title']}", row["their_album"] or ""]
        ours = [f"{row['our_artists'] or 'unknown'} - {row['our_title']}{version}", row["our_album"] or ""]
        pairs = [values(short(a, 600), short(b, 600)) for a, b in zip(theirs, ours)]
        lengths = [clock(row[which]) if row[which] else "length unknown" for which in ("their_duration_ms", "our_duration_ms")]
        times = values(*lengths)
        card = {
            "id": row["id"], "score": row["confidence"],
            "a": {"cover": row["their_cover"], "name": short(row["their_album"] or row["their_title"], 80), "lines": [pair[0] for pair in pairs], "chips": [row["platform"]], "meta": [times[0]]},
            "b": {"cover": row["our_cover"], "name": short(row["our_album"] or row["our_title"] or "", 80), "lines": [pair[1] for pair in pairs], "chips": [{"name": "your library", "won": True}], "meta": [times[1]]},
            "signs": [[short(sign, 160), False] for sign in row["signs"][:5]],
        }  # fmt: skip
        if row["id"] == self.explained:
            card["more"] = [f"for: {', '.join(row['same']) or 'nothing'}", f"against: {', '.join(row['against']) or 'nothing'}", *(short(sign, 300) for sign in row["signs"]),
                            f"{row['plays']} plays, {row['playlists']} places in playlists{', owned' if row['owned'] else ''}; found by {row['method']}",
                            f"Accepting moves it from its own track, with {row['with_others']} other observations." if row["own_track_id"] else "It has no track yet."]  # fmt: skip
        return card
