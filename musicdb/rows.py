"""Rows of a result: dicts in Python, a table where they are printed or shown in a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .db import Database


# Of a table in a notebook, which sets all text to the right and knows no chips; in colours of the theme, light or dark.
STYLE = (
    "<style>table.mdb-rows.mdb-rows :is(th,td){text-align:left}table.mdb-rows.mdb-rows .r{text-align:right;font-variant-numeric:tabular-nums}"
    "table.mdb-rows .chip{border:1px solid;border-left-width:4px;border-radius:4px;padding:0 5px;font-size:.85em;white-space:nowrap}"
    "table.mdb-rows .chip.won{font-weight:600}table.mdb-rows .said{display:inline-block;margin:1px 10px 1px 0}</style>"
)


class Row(dict):
    """One result row: a dict whose columns can also be read as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no column {name!r}; there are {', '.join(self)}") from None


class Rows(list):
    """Result rows. A list of dicts in Python, a table in a notebook, covers as thumbnails where a row has one."""

    SHOWN = 50

    def __init__(self, rows: Iterable[Row], columns: Sequence[str] = (), db: Database | None = None, table: str | None = None):
        super().__init__(rows)
        self.columns = list(columns)
        self._db, self._table = db, table

    def __repr__(self) -> str:
        if not self:
            return "(no rows)"
        cells = [[_short(row[c]) for c in self.columns] for row in self[: self.SHOWN]]
        widths = [max(len(c), *(len(row[i]) for row in cells)) for i, c in enumerate(self.columns)]
        lines = ["  ".join(value.ljust(w) for value, w in zip(row, widths)).rstrip() for row in ([*self.columns], *cells)]
        return "\n".join(lines + ([f"... {len(self) - self.SHOWN} more"] if len(self) > self.SHOWN else []))

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>No rows: {html.escape(', '.join(self.columns))}</p>" if self.columns else "<p>No rows.</p>"
        shown = self[: self.SHOWN]
        side = {c: " class='r'" if _numbers([row[c] for row in shown]) else "" for c in self.columns}
        head = "".join(f"<th scope='col'{side[c]}>{html.escape(c)}</th>" for c in self.columns)
        from .web import serve

        served = serve.address(self._db.path) if self._db else None  # ids lead to the pages, where somebody serves them
        body = "".join("<tr>" + "".join(f"<td{side[c]}>{self._cell(c, row, served)}</td>" for c in self.columns) + "</tr>" for row in shown)
        more = f"<p>{len(self) - self.SHOWN} more rows</p>" if len(self) > self.SHOWN else ""
        return f"{STYLE}<table class='mdb-rows'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"

    def _cell(self, column: str, row: Row, served: str | None) -> str:
        from .web import cells

        value = row[column]
        if column in ("cover", "image_id") and isinstance(value, int) and self._db:
            data = self._db.value("select data from image_renditions where image_id = ? and size = 'thumbnail'", [value])
            if data:
                value = data
        if isinstance(value, bytes) and value[:3] == b"\xff\xd8\xff":
            import base64

            alt = html.escape(f"Cover of {row.get('album') or row.get('title') or 'this row'}", quote=True)
            return f'<img width="48" alt="{alt}" src="data:image/jpeg;base64,{base64.b64encode(value).decode()}">'
        text = cells.look(column, value) or html.escape(_short(value, 120))
        page = cells.page_of(column, row, self._table) if served else None
        return f'<a href="{served}/{page[0]}/{page[1]}">{text}</a>' if page else str(text)


def _numbers(values: list[Any]) -> bool:
    return {type(one) for one in values if one is not None} in ({int}, {float}, {int, float})


def _short(value: object, limit: int = 40) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    line = " ".join(str(value).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
