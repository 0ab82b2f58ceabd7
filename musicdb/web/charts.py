"""Charts drawn on the server, as SVG in a template: no script, no font, no request to anywhere. Every bar leads to the rows behind it.

datasette-dashboards loads Vega and Leaflet into the page and cannot stand under a policy without inline script; these are six shapes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from itertools import combinations

from ..units import key_name
from .index import Index
from .reading import Reader

WIDE, HIGH = 1000, 220
CHARTS_S = 20.0
MONTHS = "select substr(day, 1, 7) as month, sum(plays) as n from listening_by_hour group by 1 order by 1"
WEEK = """
select cast(strftime('%w', day) as int) as weekday, hour, sum(plays) as n
from listening_by_hour
group by 1, 2
"""
GROWTH = """
select substr(at, 1, 7) as month, count(*) as n
from (
  select k.track_id, min(i.added_at) as at
  from platform_playlist_items as i
  join track_links as k on k.platform_track_id = i.platform_track_id and k.status in ('auto', 'confirmed')
  where i.added_at is not null
  group by k.track_id
)
group by month
order by month
"""
DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def bars(values: Sequence[dict], width: int = WIDE, height: int = HIGH) -> list[dict]:
    """Bars from [{label, n, args}]: the same with x, y, w, h in a box of width x height; the tallest fills it."""
    top, step = max((one["n"] for one in values), default=0) or 1, width / max(len(values), 1)
    out = []
    for place, one in enumerate(values):
        h = round(height * one["n"] / top, 2)
        out.append({**one, "x": round(place * step, 2), "y": round(height - h, 2), "w": round(max(step - (2 if step > 6 else 0.5), 0.5), 2), "h": h})
    return out


def months(rows: Iterable[dict]) -> list[dict]:
    """A bar a month, those without anything included; [] without rows."""
    count = {row["month"]: row["n"] for row in rows if row["month"] and len(row["month"]) == 7}
    if not count:
        return []
    first, last = (int(name[:4]) * 12 + int(name[5:]) - 1 for name in (min(count), max(count)))
    names = [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(first, last + 1)][-600:]
    return [{"label": name, "n": count.get(name, 0), "args": {}} for name in names]


def years(values: Sequence[dict], width: int = WIDE) -> list[dict]:
    """Where to write years below bars of months: [{x, label}], at most ten."""
    starts = [(place, one["label"][:4]) for place, one in enumerate(values) if place == 0 or one["label"].endswith("-01")]
    keep = max(1, math.ceil(len(starts) / 10))
    return [{"x": round(place * width / len(values), 1), "label": label} for place, label in starts[::keep]]


def tempos(index: Index) -> list[dict]:
    """Tracks by two beats a minute."""
    count: dict[int, int] = {}
    for bpm in index.tempos[0]:
        if 40 <= bpm < 220:
            count[int(bpm // 2 * 2)] = count.get(int(bpm // 2 * 2), 0) + 1
    if not count:
        return []
    return [{"label": f"{low}-{low + 2} bpm", "n": count.get(low, 0), "args": {"bpm_from": low, "bpm_to": low + 1.999}} for low in range(min(count), max(count) + 2, 2)]


def wheel(index: Index, radius: int = 200) -> list[dict]:
    """The Camelot wheel: 24 segments, majors outside; how many tracks are in each key, from 0 to 4 in shade."""
    count = {key: places.bit_count() for key, places in index.facets["key"].items()}
    top, out = max(count.values(), default=0) or 1, []
    for number in range(1, 13):
        for letter, inner, outer in (("A", 0.38, 0.68), ("B", 0.7, 1.0)):
            a, b = (math.tau * (number - 0.5 + side - 3) / 12 for side in (0, 1))
            points = [(r * radius * math.cos(t), r * radius * math.sin(t)) for r, t in ((inner, a), (outer, a), (outer, b), (inner, b))]
            (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
            path = f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}A{outer * radius:.1f} {outer * radius:.1f} 0 0 1 {x2:.1f} {y2:.1f}L{x3:.1f} {y3:.1f}A{inner * radius:.1f} {inner * radius:.1f} 0 0 0 {x0:.1f} {y0:.1f}Z"
            name, middle, r = f"{number}{letter}", (a + b) / 2, (inner + outer) / 2 * radius
            n = count.get(name, 0)
            out.append({"label": name, "musical": key_name(name), "n": n, "shade": math.ceil(4 * n / top), "path": path, "args": {"key": name},
                        "x": round(r * math.cos(middle), 1), "y": round(r * math.sin(middle), 1)})  # fmt: skip
    return out


def genres(index: Index, most: int = 12) -> dict:
    """{decades, rows: [{label, cells: [{n, shade, args}]}]}: the most frequent genres by decade."""
    decades = sorted(index.facets["decade"], key=int)[-9:]
    names = sorted(index.facets["genre"], key=lambda name: -index.facets["genre"][name].bit_count())[:most]
    counts = {name: [(index.facets["genre"][name] & index.facets["decade"][decade]).bit_count() for decade in decades] for name in names}
    top = max((n for row in counts.values() for n in row), default=0) or 1
    rows = [{"label": name, "cells": [{"n": n, "shade": math.ceil(4 * n / top), "args": {"genre": name, "decade": decade}} for decade, n in zip(decades, row, strict=True)]}
            for name, row in counts.items()]  # fmt: skip
    return {"decades": decades, "rows": rows}


def overlap(index: Index, most: int = 14) -> dict:
    """An UpSet: {platforms, sets: [{n, on: [platform], args}]}: how many tracks are on exactly these platforms, the largest sets first."""
    by_size = sorted(index.facets["platform"].items(), key=lambda pair: -pair[1].bit_count())[:6]
    names, sets = [name for name, _ in by_size], []
    for size in range(1, len(names) + 1):
        for on in combinations(names, size):
            found = index.everything
            for name, places in by_size:
                found &= places if name in on else ~places
            if n := found.bit_count():
                sets.append({"label": " + ".join(on), "n": n, "on": list(on), "args": {"platform": list(on), "not": [name for name in names if name not in on]}})
    sets.sort(key=lambda one: -one["n"])
    totals = {name: places.bit_count() for name, places in by_size}
    return {"platforms": [{"name": name, "n": totals[name]} for name in names], "sets": bars(sets[:most], WIDE, 140)}


def week(rows: Iterable[dict]) -> list[dict]:
    """Seven rows of 24 hours: how much was played, from 0 to 4 in shade; [] where nothing was."""
    count = {(row["weekday"], row["hour"]): row["n"] for row in rows}
    top = max(count.values(), default=0)
    return [{"label": DAYS[day], "cells": [{"n": count.get((day, hour), 0), "shade": math.ceil(4 * count.get((day, hour), 0) / top)} for hour in range(24)]}
            for day in (1, 2, 3, 4, 5, 6, 0)] if top else []  # fmt: skip


def every(read: Reader, index: Index) -> dict:
    """All charts of the page; those of listening only for the owner. They read the whole library, once after a write."""
    read.until = time.monotonic() + CHARTS_S
    growth, total = months(read.rows("Tracks by the month they first came into a playlist", GROWTH)), 0
    for one in growth:
        total += one["n"]
        one["n"], one["new"] = total, one["n"]
    page = {"growth": bars(growth), "growth_years": years(growth), "tempos": bars(tempos(index)), "wheel": wheel(index), "genres": genres(index), "overlap": overlap(index)}
    if not read.shared:
        plays = months(read.rows("Plays by month", MONTHS))
        page |= {"plays": bars(plays), "plays_years": years(plays), "week": week(read.rows("Plays by hour of the week", WEEK))}
    return page
