"""Two tracks that may be one recording: side by side, what a merge would unite, and taking it back."""

from __future__ import annotations

from typing import Any

from ..errors import BadInput
from ..links import duplicates
from ..web.cells import clock
from .base import LABELS, Steps, short
from .differences import values


class DuplicateReview(Steps):
    """`a` same: the second becomes part of the first (`s`: the first of the second); `r` different recordings; `p` what would be united."""

    LAYOUT = "cards"

    def __init__(self, db: Any, *, limit: int = 200, name: str = ""):
        super().__init__(db, name=name)
        self.limit = limit
        self.counts: dict[str, int] = self.memory.setdefault("counts", {"merged": 0, "apart": 0})
        self.previews: dict[str, list[str]] = {}
        self.press({"do": "refresh"})

    def do_refresh(self) -> None:
        """Look again for pairs."""
        self.at = None
        self.pairs = {f"{row['a']['id']}-{row['b']['id']}": row for row in duplicates.pairs(self.db, limit=self.limit)}
        self._show()

    def do_merge(self, id: str) -> None:
        self._merge(id, first=True)

    def do_merge_other(self, id: str) -> None:
        self._merge(id, first=False)

    def _merge(self, id: str, first: bool) -> None:
        pair = self._pair(id)
        a, b = (pair["a"]["id"], pair["b"]["id"]) if first else (pair["b"]["id"], pair["a"]["id"])
        done = duplicates.unite(self.db, a, b)
        self.counts["merged"] += 1
        self._did(done.operation, f"One track now. {' '.join(done.notes[:1])}".rstrip())

    def do_apart(self, id: str) -> None:
        pair = self._pair(id)
        operation = duplicates.apart(self.db, pair["a"]["id"], pair["b"]["id"])
        self.counts["apart"] += 1
        self._did(operation, "Two different recordings: this pair will not be asked again.")

    def do_preview(self, id: str) -> None:
        """What each side brings, and where they disagree."""
        pair = self._pair(id)
        seen = duplicates.unite(self.db, pair["a"]["id"], pair["b"]["id"], preview=True)
        lines = [
            f"{row['what']}: {list(row.values())[1]} and {list(row.values())[2]}" for row in seen.unites if any(list(row.values())[1:])
        ]
        lines += [
            f"{row['field']}: " + ", ".join(f"{short(v, 80)}" for k, v in row.items() if k != "field" and v is not None)
            for row in seen.conflicts
        ]
        self.previews[id] = lines or ["Nothing else hangs on them."]
        self.at = id
        self._show()
        self.say("Nothing was changed: this is what would be united.")

    def _pair(self, id: str) -> Any:
        if id not in self.pairs:
            self.do_refresh()
        if id not in self.pairs:
            raise BadInput("This pair is decided already.")
        return self.pairs[id]

    def _show(self) -> None:
        self.state = {
            "title": "Pairs that may be one recording", "heading": f"{len(self.pairs)} pairs", "labels": LABELS, "side": 56, "focus": self.at,
            "counts": f"merged {self.counts['merged']} · told apart {self.counts['apart']}",
            "cards": [self._card(id, row) for id, row in list(self.pairs.items())[:40]],
            "actions": [
                {"do": "merge", "key": "a", "label": "same", "on": "card", "takes": True, "strong": True, "help": "same recording: merge into the first"},
                {"do": "merge_other", "key": "s", "label": "same, keep the second", "on": "card", "takes": True},
                {"do": "apart", "key": "r", "label": "different", "on": "card", "takes": True},
                {"do": "preview", "key": "p", "label": "what would be united", "on": "card"},
                {"do": "undo", "key": "u", "label": "undo", "on": "all", "off": not self.done},
                {"do": "refresh", "key": "g", "label": "look again", "on": "all"},
            ],
            "empty": "No two tracks look like one recording. After the next import there may be some.",
        }  # fmt: skip

    def _card(self, id: str, row: Any) -> dict[str, Any]:
        a, b = row["a"], row["b"]
        one, two = side(a), side(b)
        for n, (x, y) in enumerate(zip(one["lines"], two["lines"])):
            one["lines"][n], two["lines"][n] = values(x, y)
        card = {
            "id": id,
            "a": one,
            "b": two,
            "score": row["confidence"],
            "signs": [[short(s["sentence"], 200), False] for s in row["evidence"][:6]],
        }
        return card | ({"more": self.previews[id]} if id in self.previews else {})


def side(row: Any) -> dict[str, Any]:
    """One side of a pair: cover, "artists - title (version)", album; length and platforms beside."""
    version = f" ({row['version']})" if row.get("version") else ""
    title = f"{row.get('artist_credit') or 'unknown'} - {row.get('title') or ''}{version}"
    album = " ".join([row.get("album") or "", f"({row['year']})" if row.get("year") else ""]).strip()
    return {
        "cover": row.get("cover"), "name": short(row.get("album") or row.get("title") or "", 80), "lines": [short(title, 400), short(album, 400)],
        "chips": (row.get("platforms") or "").split(), "meta": [clock(row["duration_ms"]) if row.get("duration_ms") else ""],
    }  # fmt: skip
