"""Charts of rows: a Vega-Lite description that JupyterLab draws by itself, so no library is needed and nobody else is asked.

    charts.bar(db.q("select year, count(*) as tracks from tracks group by year"), "year", "tracks")

Why Vega-Lite: its renderer is part of JupyterLab (offline, light and dark), it is data and no code, and a web page can draw the same
`spec`. matplotlib would be 60 MB for pictures, plotly and bokeh bring a browser library of megabytes into every notebook.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import BadInput

MIME = "application/vnd.vegalite.v5+json"
MOST = 5000  # rows in one chart: more are slow to draw and cannot be read; group them in the query
SIZE = {"width": 560, "height": 260}
ACCENT = "#c2410c"
DAYS = "['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][datum.value]"  # weekday 0 is Monday
_DAY = re.compile(r"\d{4}-\d\d(-\d\d([T ]\d\d:\d\d.*)?)?")


class Chart:
    """A drawing of rows. `spec` is the Vega-Lite description; in a plain terminal the title and the size of the data are shown."""

    def __init__(self, spec: dict[str, Any]):
        self.spec = spec

    def __repr__(self) -> str:
        return f"<chart: {self.spec['description']}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        # Without the menu, whose "Open in Vega Editor" would send the data to another server.
        return {MIME: self.spec, "text/plain": repr(self)}, {MIME: {"embed_options": {"actions": False}}}


def bar(rows: Iterable[Mapping[str, Any]], x: str, y: str, *, color: str | None = None, title: str = "", across: bool = False) -> Chart:
    """Bars: how much (y, a number) of each x. color: a third column, stacked. across: lying, for long names. Raises BadInput."""
    data = _data(rows, x, y, color)
    kind = _kind(data, x, whole=True)
    names = {"field": x, "type": kind, "title": _words(x), "sort": None, "axis": {"labelLimit": 220, "labelOverlap": True}}
    amount = {"field": y, "type": "quantitative", "title": _words(y)}
    size: dict[str, Any] = {"width": 480, "height": {"step": 20}} if across else dict(SIZE)
    encoding = {"y": names, "x": amount} if across else {"x": names, "y": amount}
    return _chart(data, {"type": "bar", "tooltip": True}, encoding, (x, y, color), title, size)


def line(rows: Iterable[Mapping[str, Any]], x: str, y: str, *, color: str | None = None, title: str = "") -> Chart:
    """A line over time or a number; one for each value of color. Raises BadInput."""
    data = _data(rows, x, y, color)
    encoding = {
        "x": {"field": x, "type": _kind(data, x), "title": _words(x)},
        "y": {"field": y, "type": "quantitative", "title": _words(y)},
    }
    return _chart(data, {"type": "line", "tooltip": True, "point": len(data) <= 200}, encoding, (x, y, color), title, dict(SIZE))


def heat(rows: Iterable[Mapping[str, Any]], x: str, y: str, value: str, *, title: str = "") -> Chart:
    """A map of two columns (hour and weekday, tempo and key), coloured by a number. Raises BadInput."""
    data = _data(rows, x, value, y)
    encoding = {
        "x": {"field": x, "type": "ordinal", "title": _words(x), "sort": _order(data, x), "axis": {"labelAngle": 0, "labelOverlap": True}},
        "y": {
            "field": y,
            "type": "ordinal",
            "title": _words(y),
            "sort": _order(data, y),
            "axis": {"labelExpr": DAYS} if y == "weekday" else {},
        },
        "color": {"field": value, "type": "quantitative", "title": _words(value), "scale": {"scheme": "oranges"}},
    }
    return _chart(data, {"type": "rect", "tooltip": True}, encoding, (x, value, None), title, {"width": 560, "height": {"step": 24}})


def _chart(
    data: list[dict[str, Any]],
    mark: dict[str, Any],
    encoding: dict[str, Any],
    names: Sequence[str | None],
    title: str,
    size: dict[str, Any],
) -> Chart:
    x, y, color = names
    if color:
        encoding["color"] = {"field": color, "type": "nominal", "title": _words(color), "sort": None}
    elif "color" not in encoding:
        mark["color"] = ACCENT
    said = title or f"{_words(str(y))} by {_words(str(x))}"
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "description": f"{said}, {len(data)} values", "title": said,
        "data": {"values": data}, "mark": mark, "encoding": encoding, **size,
        "config": {"background": None, "view": {"stroke": None}, "font": "system-ui, sans-serif", "axis": {"labelFontSize": 12, "titleFontSize": 12}},
    }  # fmt: skip
    return Chart(spec)


def _data(rows: Iterable[Mapping[str, Any]], x: str, y: str, other: str | None) -> list[dict[str, Any]]:
    """The columns that are drawn, checked; fields get safe values only."""
    names = [name for name in (x, y, other) if name]
    data = []
    for row in rows:
        missing = [name for name in names if name not in row]
        if missing:
            raise BadInput(f"there is no column {missing[0]!r} to draw; there are {', '.join(map(str, row))}")
        if row[y] is not None and not isinstance(row[y], int | float):
            raise BadInput(f"{y} has to be a number to be drawn, not {str(row[y])[:40]!r}")
        data.append({name: row[name] if isinstance(row[name], int | float | None) else str(row[name])[:200] for name in names})
        if len(data) > MOST:
            raise BadInput(f"a chart of more than {MOST:,} rows cannot be read: group them in the query")
    return data


def _kind(data: list[dict[str, Any]], name: str, whole: bool = False) -> str:
    values = [row[name] for row in data if row[name] is not None]
    if values and all(isinstance(value, int | float) for value in values):
        return "ordinal" if whole else "quantitative"
    return "temporal" if values and not whole and all(_DAY.fullmatch(str(value)) for value in values) else "nominal"


def _order(data: list[dict[str, Any]], name: str) -> str | None:
    """Numbers by size, words as the query ordered them."""
    return "ascending" if all(isinstance(row[name], int | float | None) for row in data) else None


def _words(name: str) -> str:
    return name.replace("_", " ")
