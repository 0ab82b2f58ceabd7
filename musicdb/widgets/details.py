"""One track with everything that is known of it: cover, values and whose they are, links with their reasons, tags."""

from __future__ import annotations

from typing import Any

from .. import queries, units
from ..web.cells import clock
from .base import LABELS, Board, follow, pool, short, tracks_of
from .differences import values

SHOWN = 12_000


class TrackDetails(Board):
    """The track that a Grid is at (or the one of this id). It reads on a thread of its own, so that moving in the list never waits for it."""

    LAYOUT = "details"

    def __init__(self, db: Any, what: Any = None, *, name: str = ""):
        super().__init__(db, name=name)
        self.what = what
        self._wanted: int | None = None
        follow(what, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the track that the list is at now."""
        at = getattr(self.what, "current", None) if hasattr(self.what, "chosen") else next(iter(tracks_of(self.what)), None)
        self._wanted = at
        pool(self.db, "quick").submit(self._load, at)

    def _load(self, track: int | None) -> None:
        if track != self._wanted:  # the person has moved on
            return
        try:
            found = queries.track(self.db, track) if isinstance(track, int) else None
            state = details(found) if found else {"empty": "Choose a track in the list above: what every platform says of it appears here."}
        except Exception as error:  # on a thread of its own nobody else would hear of it
            self.fail(error)
            return
        with self.lock:
            if track == self._wanted:
                self.state = state


def details(found: dict[str, Any]) -> dict[str, Any]:
    """What the browser shows of `queries.track`; pure."""
    row = found["row"]
    facts = [row["album"], row["year"], f"{row['bpm']:.1f} bpm" if row["bpm"] else None, row["musical_key"] and f"{row['musical_key']} ({units.key_name(row['musical_key'])})",
             row["duration_ms"] and clock(row["duration_ms"]), row["rating"] and "★" * row["rating"]]  # fmt: skip
    links = found["links"]
    return {
        "title": short(row["title"], SHOWN) or "(no observation left)", "version": short(row["version"]), "artists": short(row["artist_credit"], 2000),
        "name": short(row["album"] or row["title"], 80), "cover": row["cover"], "labels": LABELS, "facts": [short(f) for f in facts if f],
        "platforms": list(dict.fromkeys(link["platform"] for link in links if link["status"] in ("auto", "confirmed"))),
        "tags": [f"{t['grp']}: {t['name']}" if t["grp"] else t["name"] for t in found["tags"]],
        "fields": [
            {
                "label": queries.LABELS.get(f["name"], f["name"].replace("_", " ")), "value": shown(f["name"], f["value"]), "whose": f["whose"], "locked": f["decided"],
                "agree": [LABELS.get(p, p) for p in f["agree"]],
                "others": [{"platform": p, "value": values(shown(f["name"], f["value"]), shown(f["name"], v))[1]} for p, v in f["others"]],
            }
            for f in fields(found["fields"])
        ],
        "links": [{"platform": k["platform"], "title": short(k["title"], 200), "status": k["status"], "confidence": k["confidence"], "signs": [short(s) for s in k["signs"]]} for k in links],
    }  # fmt: skip


def fields(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Names as a list are said of the credit, which is what has a value: one row for both."""
    names = next((f for f in found if f["name"] == "artists"), None)
    out = []
    for f in found:
        if f["name"] == "artist_credit" and names:
            others = [
                (p, v) for p, v in names["others"] if shown("artists", v) != shown("artists", f["value"]) and (p, v) not in f["others"]
            ]
            agree = sorted(
                {*f["agree"], *(p for p, v in names["others"] if shown("artists", v) == shown("artists", f["value"]))} - {f["whose"]}
            )
            f = {**f, "others": [*f["others"], *others], "agree": agree}
        if f["name"] != "artists" or not any(one["name"] == "artist_credit" for one in found):
            out.append(f)
    return out


def shown(field: str, value: Any) -> str:
    """A value as people write it: times as m:ss, lists with commas."""
    if value is None:
        return ""
    if field.endswith("_ms") and isinstance(value, int | float) and not isinstance(value, bool):
        return clock(value)
    if field == "bpm" and isinstance(value, int | float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    if isinstance(value, list | tuple):
        return short(", ".join(map(str, value)), 2000)
    return short(value, 2000)
