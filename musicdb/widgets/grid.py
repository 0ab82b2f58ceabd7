"""The list: any table, view or select, a page at a time, with search, filters, order, columns, covers and a selection."""

from __future__ import annotations

import time
from typing import Any

import traitlets

from ..listing import HIDDEN, Asked, Listing
from .base import LABELS, Board, pool, short

LIMIT = 50
QUIET_S = 0.3  # without a key, before the rest of a long list is looked for


class Grid(Board):
    """A list that stays quick at 100,000 rows. `Grid(db)` is the library; else a table, a view or a select.

    `selected` is what was ticked, `current` the row that the person is at (ids of tracks, where the list has them): give the Grid to
    TrackDetails, TruthEditor, Tagger, ImagePicker, and they follow it. Search as you type; `bpm:120..128 key:8A platform:tidal cover:none`
    filters. State (search, order, page, selection) survives running the cell again; `name` keeps two lists of one database apart.
    """

    LAYOUT = "grid"
    selected = traitlets.List()
    current = traitlets.Any(None, allow_none=True)

    def __init__(
        self, db: Any, what: str = "library", *, limit: int = LIMIT, columns: list[str] | None = None, search: str = "", name: str = ""
    ):
        self._held = True  # the browser hears of the list once, with its first page
        super().__init__(db, name=name or what)
        self.list = Listing(db, what)
        self.limit = max(1, min(int(limit), 500))
        known = {
            "query": search,
            "sort": None,
            "desc": False,
            "offset": 0,
            "columns": columns,
            "selected": [],
            "current": None,
        } | self.memory
        self.query, self.sort, self.desc, self.offset = known["query"], known["sort"], known["desc"], known["offset"]
        self.shown = [name for name in known["columns"] or [] if name in self.list.names] or [
            c.name for c in self.list.columns if c.name not in (HIDDEN if self.list.by_id else ())
        ]
        self.selected, self.current = list(known["selected"]), known["current"]
        self._ticked = set(self.selected)
        self.press({"do": "refresh"})
        self._held = False
        self.open()

    def open(self) -> None:
        """Tell the browser of this widget."""
        if not self._held:
            super().open()

    def chosen(self) -> list[Any]:
        """The selected rows, else the one that the person is at."""
        return list(self.selected) or ([] if self.current is None else [self.current])

    # ---- what the browser may ask

    def do_refresh(self) -> None:
        """Search again: rows that came, went or moved since are seen."""
        self._find(fresh=True)

    def _find(self, fresh: bool = False) -> None:
        self.list.find(self.query, self.sort, self.desc, fresh=fresh)
        self.offset = min(self.offset, max(0, (self.list.total - 1) // self.limit * self.limit))
        self._show()
        if self.list.ids is None and self.list.by_id:
            pool(self.db, "settle").submit(self._settle, self.list.asked)
        elif fresh and self.list.wants_copy:
            pool(self.db, "settle").submit(self._keep, self.list.turn)

    def _settle(self, asked: Asked) -> None:
        """Look for the rest of a list of which only one page was read, while keys are answered."""
        try:
            for wait in (0.0, QUIET_S):
                time.sleep(wait)
                if asked is not self.list.asked:  # a letter more was typed meanwhile
                    return
            ids = asked.ids(self.db)
            with self.lock:
                if self.list.settle(asked, ids):
                    self.offset = min(self.offset, max(0, (self.list.total - 1) // self.limit * self.limit))
                    self._show()
        except Exception as error:  # on a thread of its own nobody else would hear of it
            self.fail(error)

    def _keep(self, turn: int) -> None:
        """Read a long view once, while keys are answered."""
        try:
            copy = self.list.read() if turn == self.list.turn else None
            with self.lock:
                self.list.take(turn, copy)
        except Exception as error:  # as above
            self.fail(error)

    def do_page(self, offset: int) -> None:
        self.offset = max(0, min(int(offset), max(0, self.list.total - 1)))
        self._show()

    def do_search(self, text: str) -> None:
        self.query, self.offset = str(text), 0
        self._find()

    def do_sort(self, name: str) -> None:
        """Ascending, then descending, then as it was."""
        if self.sort != name:
            self.sort, self.desc = name, False
        elif not self.desc:
            self.desc = True
        else:
            self.sort, self.desc = None, False
        self.offset = 0
        self._find()

    def do_columns(self, name: str, on: bool) -> None:
        chosen = {*self.shown, name} if on else set(self.shown) - {name}
        self.shown = [c.name for c in self.list.columns if c.name in chosen] or self.shown
        self._show()

    def do_select(self, ids: list[Any], on: bool) -> None:
        ids = [one for one in ids if one is not None]
        if on:
            self.selected = [*self.selected, *(one for one in ids if one not in self._ticked)]
        else:
            gone = set(ids)
            self.selected = [one for one in self.selected if one not in gone]
        self._select()

    def do_all(self) -> None:
        """Select everything that was found, on all pages."""
        self.selected = self.list.keys()
        self._select()
        self.say(f"{len(self.selected):,} rows are selected, on all pages.")

    def do_none(self) -> None:
        self.selected = []
        self._select()

    def do_at(self, id: Any) -> None:
        self.current = id
        self.memory["current"] = id

    def do_open(self, id: Any) -> None:
        self.current = id
        self._show()

    # ---- what is shown

    def _select(self) -> None:
        self._ticked = set(self.selected)
        self._show()

    def refresh(self) -> None:
        """Read the list again, for a script or another screen."""
        self.press({"do": "refresh"})

    def _show(self) -> None:
        page = self.list.page(self.offset, self.limit)
        key = self.list.key
        keys = [row.get(key) if key else None for row in page]
        if self.current is None or (keys and self.current not in keys):
            self.current = keys[0] if keys else None
        columns = [c for c in self.list.columns if c.name in self.shown]
        self.memory.update(
            query=self.query,
            sort=self.sort,
            desc=self.desc,
            offset=self.offset,
            columns=self.shown,
            selected=list(self.selected),
            current=self.current,
        )
        self.state = {
            "title": f"{self.list.what if self.list.is_name else 'rows'}",
            "columns": [{"name": c.name, "label": c.label, "kind": c.kind, "sorts": c.kind not in ("cover", "chips")} for c in columns],
            "choices": [{"name": c.name, "label": c.label, "on": c.name in self.shown} for c in self.list.columns],
            "rows": [
                {"id": id, "name": short(row.get("album") or row.get("title") or "", 80), "on": id in self._ticked, "v": [_plain(row[c.name]) for c in columns]}
                for id, row in zip(keys, page)
            ],
            "offset": self.offset, "limit": self.limit, "total": self.list.total, "sort": self.sort, "desc": self.desc, "query": self.query,
            "selected": len(self.selected), "at": self.current, "labels": LABELS,
            "empty": "Nothing matches. Shorten the search, or press Esc and start again with /." if self.query else "There is nothing here yet. Import something first: notebook 01.",
        }  # fmt: skip


def _plain(value: Any) -> Any:
    """A value as the browser gets it: one line of text, or a number."""
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return short(value) if isinstance(value, str) else value
