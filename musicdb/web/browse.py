"""The library to browse: search, facets with counts, order and pages, all of it at 100,000 tracks in milliseconds (`index`).

`sql` is the same question for a database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice

from .index import ORDER, SHELF, Index, bits, flags, numbers
from .reading import Reader
from .walls import words

SIZE = 50
SHOWN, MOST = 12, 60  # values of a facet before "more", and with it
FIRST = {"key": 24, "decade": 24, "owned": 24, "year": 6}
ROWS = """
select t.id, coalesce(
    (select i.image_id from image_links as i where i.track_id = t.id and i.is_selected = 1),
    (select i.image_id from image_links as i where i.release_group_id = t.release_group_id and i.is_selected = 1)) as cover,
  t.title, t.version, t.artist_credit, g.title as album, t.year, t.bpm, t.musical_key, t.duration_ms, t.rating, t.release_group_id
from json_each(:ids) as j
cross join tracks as t on t.id = j.value
left join release_groups as g on g.id = t.release_group_id
order by j.key
"""
OWNED = {"file": "As a file", "rekordbox": "In Rekordbox", "record": "On a record", "stream": "On a stream", "liked": "Liked", "nofile": "Not as a file"}
FACETS = {"platform": "Platform", "owned": "Where it is", "genre": "Genre", "tag": "Tag", "key": "Key", "decade": "Decade", "year": "Year", "rating": "Stars"}
SORTS = {"": "Artist", "title": "Title", "year": "Year", "bpm": "BPM", "key": "Key", "rating": "Stars", "added": "Newest"}

ON = "id in (select k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed') where {})"
RECORD = ON.format("p.id in (" + " ".join(SHELF.replace("json_group_array(distinct p.id)", "p.id").split()) + ")")
SQL = {  # the same conditions for a database; :x is replaced by the parameter's own name
    "platform": ON.format("p.platform = :x"),
    "not": ON.format("p.platform = :x").replace("id in", "id not in", 1),
    "genre": "id in (select r.track_id from track_genres as r join genre_ancestors as a on a.genre_id = r.genre_id where a.ancestor = :x)",
    "tag": "id in (select m.track_id from track_mytags as m join tags as g on g.id = m.tag_id where g.deleted_at is null and g.name = :x)",
    "key": "musical_key = :x",
    "year": "year = cast(:x as int)",
    "decade": "year / 10 * 10 = cast(:x as int)",
    "rating": "rating = cast(:x as int)",
}
SQL_OWNED = {
    "file": ON.format("p.platform = 'local' and p.missing_since is null"),
    "rekordbox": ON.format("p.platform = 'rekordbox' and p.missing_since is null"),
    "stream": ON.format("p.platform in ('spotify', 'tidal') and p.missing_since is null"),
    "liked": "id in (select track_id from liked_tracks)",
    "record": RECORD,
    "nofile": "id not in (select k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed') "
    "where p.platform = 'local' and p.missing_since is null)",
}

@dataclass
class Asked:
    """What a visitor asks of the library, read from an address."""

    q: str = ""
    chosen: list[tuple[str, str]] = field(default_factory=list)  # (facet, value)
    spans: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)  # bpm, years: (from, to)
    sort: str = ""
    view: str = "list"
    offset: int = 0


def asked(args) -> Asked:
    """An address's arguments; what is no number or no name of ours is left out."""

    def number(name: str) -> float | None:
        try:
            value = float(args.get(name) or "")
        except ValueError:
            return None
        return value if abs(value) < 1e9 else None

    found = Asked(q=(args.get("q") or "")[:200])
    for name in FACETS:
        found.chosen += [(name, value[:200]) for value in args.getlist(name)[:8] if value]
    found.chosen += [("not", value[:200]) for value in args.getlist("not")[:8] if value]
    for name in ("bpm", "years"):
        low, high = number(f"{name}_from"), number(f"{name}_to")
        if low is not None or high is not None:
            found.spans[name] = (low, high)
    found.sort = args.get("sort") if args.get("sort") in SORTS else ""
    found.view = "grid" if args.get("view") == "grid" else "list"
    found.offset = int(min(max(number("offset") or 0, 0), 10_000_000))
    return found


def matching(read: Reader, index: Index, want: Asked) -> int:
    """The set of places that answer."""
    found = index.everything
    for name, value in want.chosen:
        found &= ~index.facets["platform"].get(value, 0) if name == "not" else index.facets[name].get(value, 0)
    for name, (low, high) in want.spans.items():
        found &= index.between(name, low, high)
    if typed := words(want.q):
        hits = numbers(read.conn.execute("select json_group_array(rowid) from tracks_fts where tracks_fts match ?", [typed]).fetchone()[0])
        found &= bits(map(index.places.get, hits), len(index.ids))
    return found


def sql(want: Asked) -> tuple[str, dict[str, str | float]]:
    """The same question as SQL with named parameters, for the page's own and for curious hands."""
    where, params = [], {}
    if typed := words(want.q):
        where.append("id in (select rowid from tracks_fts where tracks_fts match :q)")
        params["q"] = typed
    for place, (name, value) in enumerate(want.chosen, 1):
        if name == "owned":
            where.append(SQL_OWNED.get(value, "0"))
        else:
            params[f"p{place}"] = value
            where.append(SQL[name].replace(":x", f":p{place}"))
    for name, ends in want.spans.items():
        for end, sign, word in zip(ends, (">=", "<="), ("from", "to"), strict=True):
            if end is not None:
                where.append(f"{'bpm' if name == 'bpm' else 'year'} {sign} cast(:{name}_{word} as real)")
                params[f"{name}_{word}"] = end
    glue = "where " + "\n  and ".join(where) + "\n" if where else ""
    text = f"select id, cover, title, version, artist_credit, album, year, bpm, musical_key, duration_ms, rating, platforms, release_group_id\nfrom library\n{glue}order by {ORDER[want.sort]}\nlimit {SIZE} offset {want.offset}"
    return text, params


def counts(index: Index, found: int, want: Asked) -> list[dict]:
    """[{name, title, values: [{value, count, chosen}], more}]: each facet's values among what was found, most frequent first."""
    out, everything = [], found == index.everything
    for name, title in FACETS.items():
        chosen = {value for facet, value in want.chosen if facet == name}
        tally = index.tally(name) if everything else [(value, (places & found).bit_count()) for value, places in index.facets[name].items()]
        values = sorted(((value, n) for value, n in tally if n or value in chosen), key=lambda pair: (pair[0] not in chosen, -pair[1], pair[0]))
        if name in ("key", "decade"):
            values.sort(key=lambda pair: (int(pair[0].rstrip("AB") or 0) if pair[0].rstrip("AB").isdigit() else 0, pair[0]))
        rows = [{"value": value, "label": OWNED.get(value, value) if name == "owned" else value, "count": n, "chosen": value in chosen} for value, n in values]
        first = FIRST.get(name, SHOWN)
        if rows:
            out.append({"name": name, "title": title, "values": rows[:first], "rest": rows[first : max(first, MOST)]})
    return out


def browse(read: Reader, index: Index, want: Asked) -> dict:
    """{total, rows, facets, next, previous, asked}: a page of the library."""
    found = matching(read, index, want)
    total, n = found.bit_count(), len(index.ids)
    order: Sequence[int] = index.order(read.conn, want.sort) if want.sort else range(n)
    if total < n:
        here = flags(found, n)
        order = list(islice(compress(order, map(here.__getitem__, order) if want.sort else here), want.offset, want.offset + SIZE))
    else:
        order = order[want.offset : want.offset + SIZE]
    wanted = [index.ids[place] for place in order]
    text, params = sql(want)
    rows = read.rows("The tracks", ROWS, ids="[" + ",".join(map(str, wanted)) + "]")
    for row in rows:  # the index knows already who has what: six look-ups a track less
        place = index.places[row["id"]]
        row["platforms"] = " ".join(name for name, places in sorted(index.facets["platform"].items()) if places >> place & 1)
    read.asked = [{"what": "The tracks", "sql": text, "params": params}]
    return {
        "total": total,
        "rows": rows,
        "facets": counts(index, found, want),
        "offset": want.offset,
        "next": want.offset + SIZE if want.offset + SIZE < total else None,
        "previous": max(want.offset - SIZE, 0) if want.offset else None,
    }


def chosen(want: Asked) -> Mapping[str, list[str]]:
    """The arguments of the address again, without the page: {name: [values]}."""
    out: dict[str, list[str]] = {"q": [want.q]} if want.q else {}
    for name, value in want.chosen:
        out.setdefault(name, []).append(value)
    for name, ends in want.spans.items():
        for end, word in zip(ends, ("from", "to"), strict=True):
            if end is not None:
                out[f"{name}_{word}"] = [f"{end:g}"]
    if want.sort:
        out["sort"] = [want.sort]
    if want.view != "list":
        out["view"] = [want.view]
    return out
