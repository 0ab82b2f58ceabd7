"""Rows of a page made into what it shows: months without plays, cues in lanes, whose each value is. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from . import cells

# The fields of a track in the order people look for them; others follow by name, behind a fold.
FIELDS = """title version artists album year release_date genres bpm musical_key rating duration_ms
label catalogue_number isrc comment""".split()
COLOR = re.compile(r"#[0-9a-fA-F]{6}")
PADS = "ABCDEFGHIJKLMNOP"


def plays(months: list[dict]) -> dict:
    """{n, first, last, top, months: [(month, n)]} with every month between the first and the last; n 0 without plays."""
    if not months:
        return {"n": 0, "first": None, "last": None, "top": 0, "months": []}
    count = {one["month"]: one["n"] for one in months}
    (year, month), (to_year, to_month) = (map(int, months[place]["month"].split("-")) for place in (0, -1))
    names = [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(year * 12 + month - 1, to_year * 12 + to_month)]
    filled = [(name, count.get(name, 0)) for name in names]
    return {"n": sum(count.values()), "first": months[0]["first"], "last": months[-1]["last"], "top": max(count.values()), "months": filled}


def lanes(cues: list[dict], duration_ms: int | None) -> list[dict]:
    """Cues as drawn: one lane an observation, places in 0-1000 of its length, colours only where they are colours."""
    out: dict[int, dict] = {}
    for cue in cues:
        if not isinstance(cue["start_ms"], int | float):
            continue
        lane = out.setdefault(cue["platform_track_id"], {"platform": cue["platform"], "cues": []})
        lane["cues"].append(cue)
    for lane in out.values():
        ends = [cue["start_ms"] + (cue["length_ms"] or 0) for cue in lane["cues"]]
        whole = max([duration_ms or 0, *ends]) or 1
        lane["length_ms"] = whole
        for cue in lane["cues"]:
            pad = cue["num"] if isinstance(cue["num"], int) and 0 <= cue["num"] < len(PADS) else None
            cue["x"], cue["width"] = round(1000 * cue["start_ms"] / whole, 1), round(1000 * (cue["length_ms"] or 0) / whole, 1)
            cue["color"] = cue["color"] if isinstance(cue["color"], str) and COLOR.fullmatch(cue["color"]) else None
            cue["pad"] = PADS[pad] if pad is not None else None
    return [lane for lane in out.values() if lane["cues"]]


def history(changes: list[dict], decisions: list[dict]) -> list[dict]:
    """What happened to a track, newest first: {at, actor, what, old, new, operation_id}."""
    said = {"insert": "made", "delete": "removed", "rekey": "renumbered", "batch": "many at once"}
    out = [
        {"at": c["at"], "actor": c["actor"], "what": c["field"] if c["op"] == "cell" else said.get(c["op"], c["op"]),
         "old": c["old"], "new": c["new"], "operation_id": c["operation_id"], "decided": False}
        for c in changes if c["field"] not in ("updated_at", "sources")
    ]  # fmt: skip
    for d in decisions:
        value = cells.parsed(d["value"]) if d["value"] is not None else None
        if d["value"] is None:
            value = f"follow {cells.PLATFORMS.get(d['platform'], d['platform'])}" if d["platform"] else "let trust decide"
        elif isinstance(value, dict | list):
            value = msgspec.json.encode(value).decode()
        out.append({"at": d["at"], "actor": d["actor"], "what": d["field"], "old": None, "new": value, "operation_id": d["operation_id"],
                    "decided": True, "note": d["note"]})  # fmt: skip
    return sorted(out, key=lambda one: one["at"] or "", reverse=True)[:40]


def united(rows: list[dict]) -> dict:
    """{field: value} of rows of UNITED."""
    return {row["field"]: row["value"] for row in rows}


def fields(row: dict, claims: list[dict], decided: Collection[str] = ()) -> list[dict]:
    """[{name, value, whose, decided, agree: [platform], others: [(platform, value)], by: {platform: [{value, same}]}}]: whose each value is, and who says something else.

    row: the track, with what `united` adds; decided: fields of which a person decided something. Genres and styles are one field; artists are as credited. What is no field of a track has no
    value here, only what the platforms say.
    """
    sources = cells.parsed(row.get("sources") or "{}") or {}
    row = row | {"artists": row.get("artist_credit")}
    decided = {"artists" if name == "artist_credit" else name for name in decided}
    said: dict[str, list[tuple[str, object]]] = {}
    for claim in claims:
        value = claim["value"]
        if claim["type"] in ("array", "object"):
            value = cells.parsed(value)
            parts = value if isinstance(value, list) else [f"{k} {v}" for k, v in (value or {}).items()]
            value = ", ".join(map(str, parts))
        pair = claim["platform"], value
        if pair not in said.setdefault("genres" if claim["field"] == "styles" else claim["field"], []):
            said["genres" if claim["field"] == "styles" else claim["field"]].append(pair)
    names = [name for name in FIELDS if name in said or row.get(name) is not None] + sorted(said.keys() - set(FIELDS))
    out = []
    for name in names:
        value, whose = row.get(name), sources.get(name)
        whose = whose if isinstance(whose, str) else None
        pairs = said.get(name, [])
        agree = sorted({platform for platform, v in pairs if same(name, v, value) and platform != whose})
        others = [(platform, v) for platform, v in pairs if not same(name, v, value)]
        by: dict[str, list] = {}
        for platform, v in pairs:
            by.setdefault(platform, []).append({"value": v, "same": value is None or same(name, v, value)})
        out.append({"name": name, "value": value, "whose": whose, "decided": name in decided or whose == "user", "agree": agree, "others": others, "by": by})
    return out


def same(name: str, a, b) -> bool:
    """Whether two values look the same on a page: 118.27 and 118.3 bpm, or times within a second, are no disagreement to look at. What is
    united of all platforms holds the names of each.
    """
    if isinstance(a, int | float) and isinstance(b, int | float):
        if name == "bpm":
            return round(a, 1) == round(b, 1)
        if name.endswith("_ms"):
            return cells.clock(a) == cells.clock(b)
    if name in ("genres", "label", "artists", "isrc") and isinstance(a, str) and isinstance(b, str):
        mine, theirs = ({part.strip().casefold() for part in re.split(r", | & | feat\. ", text)} for text in (a, b))
        return mine == theirs if name == "artists" else mine <= theirs
    return a == b


def signs(evidence: str | None) -> list[str]:
    """The sentences of a link's evidence, whatever its shape."""
    content = cells.parsed(evidence or "")
    if isinstance(content, dict):
        content = [value if isinstance(value, dict | str) else f"{name}: {value}" for name, value in content.items()]
    if not isinstance(content, list):
        return []
    return [(str(one.get("sentence") or one.get("sign") or one) if isinstance(one, dict) else str(one)).rstrip(".") for one in content]
