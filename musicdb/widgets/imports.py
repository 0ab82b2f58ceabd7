"""Importing from a notebook: which platforms there are, a path or an account, progress, what came in, what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ipywidgets

from .. import images, links, listens, load, queries, truth
from ..errors import LoginNeeded
from ..shapes import title
from .base import Form, guarded, h, short
from .login import Login

CELL = "padding:1px 12px 1px 0;line-height:1.5"
HINTS = {
    "files": "folder with music, for example ~/Music", "rekordbox": "XML of File > Export Collection in xml format, or empty for the database of this computer",
    "spotify": "the zip that Spotify's privacy page sends, or empty for the account", "discogs": "collection CSV, or empty for the account",
    "tidal": "empty for the account",
}  # fmt: skip


class ImportPanel(Form):
    """Choose a platform, give a path (or nothing: the account, or the usual place), press import. Unchanged things are skipped.

    Accounts are below: an import that needs a login opens the form for it. endpoints: see `Login`.
    """

    def __init__(self, db: Any, *, endpoints: Mapping[str, str] | None = None, name: str = ""):
        names = load.available()
        self.table = ipywidgets.HTML()
        self.platform = ipywidgets.Dropdown(
            options=[(title(name), name) for name in names], description="Platform", layout={"width": "260px"}
        )
        self.source = ipywidgets.Text(description="From", placeholder="", continuous_update=False, layout={"width": "560px"})
        self.account = ipywidgets.Text(description="Account", placeholder="only where you have several", layout={"width": "300px"})
        self.all = ipywidgets.Checkbox(value=False, description="read everything again", indent=False, layout={"width": "200px"})
        self.go = ipywidgets.Button(
            description="import",
            button_style="primary",
            icon="download",
            tooltip="Read the platform and store what it says; nothing is written there",
        )
        self.match = ipywidgets.Button(
            description="link and choose values",
            icon="link",
            tooltip="Link what came in to tracks, choose a value for each field, and covers",
            layout={"width": "200px"},
        )
        self.result = ipywidgets.HTML()
        self.login = Login(db, endpoints=endpoints, then=self._logged_in, name=name)
        self.drawer = ipywidgets.Accordion([self.login], titles=("Accounts: log in and out",), selected_index=None)
        rows = [
            self.table,
            ipywidgets.HBox([self.platform, self.account, self.all]),
            self.source,
            ipywidgets.HBox([self.go, self.match]),
            self.result,
            self.drawer,
        ]
        super().__init__(db, rows, name=name)
        self.reports: list[str] = self.memory.setdefault("reports", [])
        if self.memory.get("platform") in names:
            self.platform.value = self.memory["platform"]
        self.source.value = self.memory.get("source", "")
        self.go.on_click(lambda _: self.start())
        self.match.on_click(lambda _: self.link())
        self.platform.observe(lambda _: self._hint(), "value")
        self._hint()
        self.refresh()

    @guarded
    def _hint(self) -> None:
        last = queries.last_source(self.db, self.platform.value)
        self.source.placeholder = last or HINTS.get(self.platform.value, "a file or folder; empty for the account or the usual place")

    @guarded
    def start(self) -> None:
        """Import from what is filled in, on a thread of its own."""
        name, text = self.platform.value, self.source.value.strip()
        source = text or (queries.last_source(self.db, name) if name == "files" else None)
        self.memory.update(platform=name, source=text)
        path = Path(source).expanduser() if source else None
        options: dict[str, Any] = {"account": self.account.value.strip() or None, "all": self.all.value}
        self.work(f"import {name}", lambda progress: load.run(self.db, name, path, progress=progress, **options), self._came)

    def fail(self, error: BaseException) -> None:
        """As everywhere; where a login is missing, the form for it opens."""
        super().fail(error)
        if isinstance(error, LoginNeeded):
            self.login.want(self.platform.value)
            self.drawer.selected_index = 0
            self.say(f"{error}; or log in here, below.", "error")

    def _logged_in(self, platform: str) -> None:
        self.platform.value = platform

    def _came(self, report: Any) -> None:
        self.reports.append(report.line())
        del self.reports[:-8]
        self.refresh()
        self.say(f"{report.line()}. Next: link and choose values.", "good")

    @guarded
    def link(self) -> None:
        """Link, resolve and choose covers, on a thread of its own."""
        self.work("link and choose values", self._link, self._linked)

    def _link(self, progress: Any) -> tuple[Any, Any, int]:
        done = links.link(self.db, progress), truth.resolve(self.db, progress=progress), images.select(self.db)
        listens.freshen(self.db)
        return done

    def _linked(self, done: tuple[Any, Any, int]) -> None:
        linked, resolved, covers = done
        waiting = queries.waiting(self.db)
        self.refresh()
        self.say(
            f"{sum(linked.linked.values()):,} linked, {linked.new_tracks:,} new tracks, {resolved.tracks:,} looked at, {covers:,} covers. "
            + (f"{waiting:,} links wait for you: notebook 02." if waiting else "Nothing waits for you."), "good",
        )  # fmt: skip

    @guarded
    def refresh(self) -> None:
        """Show the platforms and the last reports again."""
        found = [one for one in queries.platforms(self.db) if one["tracks"]]
        body = "".join(
            f"<tr><th scope='row' style='{CELL};text-align:left'>{h(one['title'])}</th><td style='{CELL};text-align:right'>{one['tracks']:,}</td>"
            f"<td style='{CELL}'>{h(str(one['last_import'] or '')[:16].replace('T', ' '))}</td></tr>" for one in found
        )  # fmt: skip
        head = (
            f"<tr><th scope='col' style='{CELL};text-align:left'>platform</th><th scope='col' style='{CELL}'>tracks seen</th>"
            f"<th scope='col' style='{CELL};text-align:left'>last import (UTC)</th></tr>"
        )
        self.table.value = (
            f"<table style='border-collapse:collapse'>{head}{body}</table>"
            if found
            else "<p>Nothing was imported yet. Choose a platform and press import.</p>"
        )
        refused = queries.refused(self.db)
        lines = [h(short(line, 300)) for line in self.reports[-4:]]
        lines += (
            [f"{len(refused)} things could not be read, first: {h(short(refused[0]['item'], 120))}: {h(short(refused[0]['reason'], 200))}"]
            if refused
            else []
        )
        self.result.value = "<br>".join(lines)
