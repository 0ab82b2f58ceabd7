"""The library to browse: search, facets with counts, order and pages, all of it at 100,000 tracks in milliseconds.

The tracks stand in a fixed order (artist, title); a facet's value is the set of their places as one big integer, so that "House, on file,
124-128 bpm" is an `&` and its counts are `bit_count`. Made once after a write (`warm`), never stored. `sql` is the same question for a database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress, islice

import msgspec

from .reading import Reader
from .walls import words

SIZE = 50
SHOWN = 12  # values of a facet before "more"
LIVE = "t.deleted_at is null and t.merged_into_id is null and t.title is not null"
TRACKS = f"""
select t.id, t.title, t.year, t.bpm, t.musical_key, t.rating
from tracks as t
where {LIVE}
order by t.artist_credit is null, t.artist_credit, t.title, t.id
"""
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
LINKS = "select track_id, platform_track_id from track_links where status in ('auto', 'confirmed')"
SHELF = """
select distinct p.id
from copies as c
join platform_releases as r on r.id = c.platform_release_id
join platform_tracks as p on p.platform = r.platform and p.release_external_id = r.external_id
where c.status in ('owned', 'for_sale') and c.removed_at is null
"""
OWNED = {"file": "As a file", "rekordbox": "In Rekordbox", "record": "On a record", "stream": "On a stream", "liked": "Liked", "nofile": "Not as a file"}
FACETS = {"platform": "Platform", "owned": "Where it is", "genre": "Genre", "tag": "Tag", "key": "Key", "decade": "Decade", "year": "Year", "rating": "Stars"}
SORTS = {"": "Artist", "title": "Title", "year": "Year", "bpm": "BPM", "key": "Key", "rating": "Stars", "added": "Newest"}

ON = "id in (select k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed') where {})"
RECORD = ON.format("p.id in (" + " ".join(SHELF.split()) + ")")
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
SQL_ORDER = {
    "": "artist_credit is null, artist_credit, title, id", "title": "title collate nocase, id", "year": "year is null, year desc, id",
    "bpm": "bpm is null, bpm, id", "key": "musical_key is null, cast(musical_key as int), musical_key, id", "rating": "rating is null, rating desc, id",
    "added": "id desc",
}  # fmt: skip


@dataclass
class Index:
    """The tracks in order, and for each facet: value -> set of places."""

    ids: list[int]
    columns: list[tuple]  # (title, year, bpm, key, rating) by place
    places: dict[int, int]
    facets: dict[str, dict[str, int]]
    orders: dict[str, list[int]] = field(default_factory=dict)
    tallies: dict[str, list[tuple[str, int]]] = field(default_factory=dict)

    @cached_property
    def everything(self) -> int:
        return (1 << len(self.ids)) - 1

    def tally(self, facet: str) -> list[tuple[str, int]]:
        """How many tracks have each value."""
        if facet not in self.tallies:
            self.tallies[facet] = [(value, places.bit_count()) for value, places in self.facets[facet].items()]
        return self.tallies[facet]

    def order(self, sort: str) -> list[int]:
        """The places in another order; what has no value comes last."""
        if sort not in self.orders:
            c, ids = self.columns, self.ids
            keys = {
                "title": lambda i: (lower(c[i][0]), ids[i]),
                "year": lambda i: (c[i][1] is None, -(c[i][1] or 0), ids[i]),
                "bpm": lambda i: (c[i][2] is None, c[i][2] or 0, ids[i]),
                "key": lambda i: (c[i][3] is None, int(c[i][3][:-1]) if c[i][3] and c[i][3][:-1].isdigit() else 0, c[i][3] or "", ids[i]),
                "rating": lambda i: (c[i][4] is None, -(c[i][4] or 0), ids[i]),
                "added": lambda i: -ids[i],
            }
            self.orders[sort] = sorted(range(len(ids)), key=keys[sort])
        return self.orders[sort]


def lower(text: str) -> str:
    """As `collate nocase` sees it: ASCII letters only."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def bits(places: Iterable[int], n: int) -> int:
    """A set of places as one integer."""
    made = bytearray((n >> 3) + 1)
    for place in places:
        made[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(made, "little")


def flags(found: int, n: int) -> bytes:
    """A byte for each place: 1 = in the set."""
    return bytes(reversed(f"{found:0{n}b}".encode().translate(bytes.maketrans(b"01", b"\0\1")))) if n else b""


def build(conn) -> Index:
    """Read the library once. About a second at 100,000 tracks and 600,000 observations."""
    ids, columns = [], []
    for id, *rest in conn.execute(TRACKS):
        ids.append(id)
        columns.append(tuple(rest))
    n, places = len(ids), {id: place for place, id in enumerate(ids)}
    sets: dict[str, dict[str, list[int]]] = {name: {} for name in FACETS}
    for place, (_, year, _, key, rating) in enumerate(columns):
        for name, value in (("year", year), ("decade", None if year is None else year // 10 * 10), ("key", key), ("rating", rating)):
            if value is not None:
                sets[name].setdefault(str(value), []).append(place)
    # Over narrow indexes alone: reading 600,000 wide rows for a word each would take seconds.
    platform = dict(conn.execute("select id, platform from platform_tracks indexed by sqlite_autoindex_platform_tracks_1"))
    missing = {row[0] for row in conn.execute("select id from platform_tracks where missing_since is not null")}
    shelf = {row[0] for row in conn.execute(SHELF)}
    owned = {"local": "file", "rekordbox": "rekordbox", "spotify": "stream", "tidal": "stream"}
    for track, observed in conn.execute(LINKS):
        place, name = places.get(track), platform.get(observed)
        if place is None or name is None:
            continue
        sets["platform"].setdefault(name, []).append(place)
        if name in owned and observed not in missing:
            sets["owned"].setdefault(owned[name], []).append(place)
        if observed in shelf:
            sets["owned"].setdefault("record", []).append(place)
    sets["owned"]["liked"] = [places[row[0]] for row in conn.execute("select track_id from liked_tracks") if row[0] in places]
    for facet, sql in (
        ("genre", "select track_id, genre_id from track_genres"),
        ("tag", "select m.track_id, g.name from track_mytags as m join tags as g on g.id = m.tag_id where g.deleted_at is null"),
    ):
        for track, value in conn.execute(sql):
            if track in places:
                sets[facet].setdefault(value, []).append(places[track])
    facets = {name: {value: bits(found, n) for value, found in values.items()} for name, values in sets.items()}
    wider: dict[str, int] = {}
    for genre, ancestor in conn.execute("select genre_id, ancestor from genre_ancestors"):
        wider[ancestor] = wider.get(ancestor, 0) | facets["genre"].get(genre, 0)
    facets["genre"] = {name: found for name, found in wider.items() if found}
    facets["owned"]["nofile"] = ((1 << n) - 1) & ~facets["owned"].get("file", 0)
    return Index(ids, columns, places, facets)


@dataclass
class Asked:
    """What a visitor asks of the library, read from an address."""

    q: str = ""
    chosen: list[tuple[str, str]] = field(default_factory=list)  # (facet, value)
    spans: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)  # bpm, years: (from, to)
    sort: str = ""
    desc: bool = False
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
        column = 2 if name == "bpm" else 1
        low, high = low if low is not None else float("-inf"), high if high is not None else float("inf")
        found &= bits((place for place, row in enumerate(index.columns) if row[column] is not None and low <= row[column] <= high), len(index.ids))
    if typed := words(want.q):
        hits = msgspec.json.decode(read.conn.execute("select json_group_array(rowid) from tracks_fts where tracks_fts match ?", [typed]).fetchone()[0])
        found &= bits(filter(lambda place: place is not None, map(index.places.get, hits)), len(index.ids))
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
    text = f"select id, cover, title, version, artist_credit, album, year, bpm, musical_key, duration_ms, rating, platforms, release_group_id\nfrom library\n{glue}order by {SQL_ORDER[want.sort]}\nlimit {SIZE} offset {want.offset}"
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
        if rows:
            out.append({"name": name, "title": title, "values": rows if name in ("key", "decade", "owned") else rows[:SHOWN], "rest": rows[SHOWN:60] if name not in ("key", "decade", "owned") else []})
    return out


def browse(read: Reader, index: Index, want: Asked) -> dict:
    """{total, rows, facets, next, previous, asked}: a page of the library."""
    found = matching(read, index, want)
    total, n = found.bit_count(), len(index.ids)
    order: Sequence[int] = index.order(want.sort) if want.sort else range(n)
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
