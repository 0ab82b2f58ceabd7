"""A list for the screens: any table, view or select, searched, filtered, ordered, and read by the page.

A page of many tracks is found before the rest; the rest are ids (800 KB at 100,000), so that turning a page costs the same at any depth.
Any other query is paged by SQLite.
"""

from __future__ import annotations

import re
import sqlite3
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from .connection import Connection
from .db import Database
from .errors import BadInput
from .queries import LABELS

KINDS = {
    "cover": "cover",
    "image_id": "cover",
    "bpm": "bpm",
    "musical_key": "key",
    "rating": "stars",
    "platforms": "chips",
    "platform": "chips",
}
ALIASES = {
    "artist": "artist_credit",
    "artists": "artist_credit",
    "key": "musical_key",
    "length": "duration_ms",
    "platform": "platforms",
    "stars": "rating",
}
HIDDEN = {"id", "release_group_id", "track_uid"}
TRACKS = {"library", "tracks"}
TOKEN = re.compile(r'(-?)(?:(\w+):)?(?:"([^"]*)"|(\S+))')
ON_PLATFORM = "id in (select k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed') where p.platform = ?)"
WITH_TAG = "id in (select m.track_id from track_mytags as m join tags as g on g.id = m.tag_id where g.deleted_at is null and g.name like ?)"
ALIVE = "deleted_at is null and merged_into_id is null and title is not null"
NEAR = "select (select count(*) from tracks) - (select count(*) from tracks where merged_into_id is not null)"
ROOM = "pragma cache_size = -65536"  # a page of the library at 100,000 tracks reads 25 MB all over the file: in the usual 16 every turn reads it anew
KEPT = 200_000  # rows of a view or a select that are kept in memory; a longer one is asked anew for every key
FEW = 2000  # rows of a list of tracks up to which all are looked for at once
SEARCH = "id in (select rowid from tracks_fts where tracks_fts match ?)"
FOUND = "select count(*) from tracks_fts where tracks_fts match ?"


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A search of tracks as SQL: `first` orders by an index where one has the order, `all` sorts; both are select id from `source`."""

    source: str
    where: str
    params: list[Any]
    first: str
    all: str

    def ids(self, db: Database) -> array[int]:
        """Every id in order. One value is read, so that other threads of the kernel go on meanwhile."""
        rows = f"select id from {self.source} {self.where} order by {self.all}"
        return array("q", msgspec.json.decode(db.value(f"select json_group_array(id) from ({rows})", self.params)))

    def some(self, db: Database, offset: int, limit: int) -> list[int]:
        """The ids of one page: what is best of so many is found without sorting all."""
        rows = db.execute(
            f"select id from {self.source} {self.where} order by {self.first} limit ? offset ?", [*self.params, limit, offset]
        )
        return [row[0] for row in rows]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list. kind: text, number, time, bpm, key, stars, chips, cover or moment."""

    name: str
    label: str
    kind: str


def kind_of(name: str) -> str:
    """How a column of this name is shown."""
    if name in KINDS:
        return KINDS[name]
    if name.endswith("_ms"):
        return "time"
    return "moment" if name.endswith(("_at", "_since")) else "text"


def parse(text: str) -> list[tuple[bool, str | None, str]]:
    """[(negated, field or None, value)] of what a person typed; pure.

    `bpm:120..128 -platform:tidal "long winter" night` are two fields and two texts. A word with a colon that names no field stays text.
    """
    return [(bool(no), field, quoted if quoted is not None else bare) for no, field, quoted, bare in _tokens(text)]


def _tokens(text: str) -> Iterable[tuple[str, str | None, str | None, str | None]]:
    return ((m[1], m[2], m[3], m[4]) for m in TOKEN.finditer(text))


class Listing:
    """A table, view or select, searched, filtered, ordered and read by the page.

    Raises BadInput for what is neither. `key` is the column that tells rows apart ("id" or "track_id"), or None.
    """

    def __init__(self, db: Database, what: str = "library"):
        self.db = db
        self.what = what.strip().rstrip(";")
        self.is_name = re.fullmatch(r"\w+", self.what) is not None
        known = {*db.utils.table_names(), *db.utils.view_names()} if self.is_name else set()
        if self.is_name and self.what not in known:
            raise BadInput(f"there is no table or view {self.what!r}; db.t.<Tab> shows those there are")
        if not self.is_name and not re.match(r"(select|with)\b", self.what, re.I):
            raise BadInput("a list needs a table, a view, or a select")
        self.source = self.what if self.is_name else f"({self.what})"
        names = [d[0] for d in db.execute(f"select * from {self.source} limit 0").description]
        self.columns = [Column(name, LABELS.get(name, name.replace("_", " ")), kind_of(name)) for name in names]
        self.names = set(names)
        self.by_id = self.is_name and self.what in TRACKS
        self.key = "id" if self.by_id else next((name for name in ("track_id", "id") if name in names), None)
        self.ids: array[int] | None = None
        self.total = 0
        self.is_stored = self.is_name and self.what not in db.utils.view_names()
        self.copy: sqlite3.Connection | None = None
        self.turn = 0
        self.of_tracks = {row[1] for row in db.execute("pragma table_info(tracks)")} if self.by_id else set()
        self._where, self._params, self._order, self._fields = "", [], "", set()
        self.asked = self._asked(None, False)

    def find(self, text: str = "", sort: str | None = None, desc: bool = False, *, fresh: bool = True) -> int:
        """Search, filter and order; return how many rows there are. Raises BadInput for a sort column that is not there.

        Of many tracks only the page that is shown is looked for (`ids` is None); `settle` finds the rest and corrects `total`, which
        counts some deleted tracks until then. Of a view or a select the rows are kept (`read`, `take`) until fresh ones are asked for.
        """
        if sort is not None and sort not in self.names:
            raise BadInput(f"no column {sort!r} to sort by")
        before = (self._where, self._params)
        self._where, self._params = self.conditions(text)
        if not self.by_id:
            self._order = f"order by {_quoted(sort)} is null, {_quoted(sort)}{' desc' if desc else ''}" if sort else ""
            if fresh:
                self.turn, self.copy = self.turn + 1, None
            [(self.total,)] = self._ask(f"select count(*) from {self._from} {self._where}", self._params)
            if self.wants_copy and self.total <= FEW:
                self.take(self.turn, self.read())
            return self.total
        self.asked, self.ids = self._asked(sort, desc), None
        if before != (self._where, self._params) or not self.total:
            self.total = self._near()
        if self.total <= FEW:
            self.settle(self.asked, self.asked.ids(self.db))
        return self.total

    @property
    def _from(self) -> str:
        return self.source if self.copy is None else "rows"

    def _ask(self, sql: str, params: list[Any]) -> list[tuple]:
        return [tuple(row) for row in (self.db if self.copy is None else self.copy).execute(sql, params).fetchall()]

    @property
    def wants_copy(self) -> bool:
        """Whether `read` and `take` would make the next keys quicker: a view may cost seconds, and every key would pay them again."""
        return not self.is_stored and self.copy is None

    def read(self) -> sqlite3.Connection | None:
        """The rows of a view or a select in memory; None where they are too many."""
        rows = self.db.execute(f"select * from {self.source} limit {KEPT + 1}").fetchall()
        if len(rows) > KEPT:
            return None
        # Callbacks come on several threads, one at a time; it goes with the last of them that reads it.
        copy = sqlite3.connect(":memory:", check_same_thread=False, factory=Connection)
        copy.execute(f"create table rows ({', '.join(_quoted(c.name) for c in self.columns)})")
        copy.executemany(f"insert into rows values ({', '.join('?' * len(self.columns))})", rows)
        return copy

    def take(self, turn: int, copy: sqlite3.Connection | None) -> None:
        """Ask this from now on, if the list was not made fresh meanwhile."""
        if copy is not None and turn == self.turn:
            self.copy = copy

    def settle(self, asked: Asked, ids: array[int]) -> bool:
        """Take what `asked.ids` found, if that is still what is asked; whether `total` is another now."""
        if asked is not self.asked or self.ids is not None:
            return False
        before, self.ids, self.total = self.total, ids, len(ids)
        return before != self.total

    def _asked(self, sort: str | None, desc: bool) -> Asked:
        where, source, way = self._where, self.source, " desc" if desc else ""
        if self.what == "library" and self.of_tracks >= {sort or "id", *self._fields}:
            # The table alone holds what is asked: half the time of the view.
            source, where = "tracks", f"{where or 'where 1'} and {ALIVE}"
        columns = ["artist_credit", "title"] if sort in (None, "artist_credit") else [sort]
        order = [f"{columns[0]}{way} nulls last", *(f"{one}{way}" for one in (*columns[1:], "id"))]
        slow = ", ".join(f"+{one}" for one in order)  # + keeps SQLite from walking an index and looking up row after row
        return Asked(source, where, self._params, slow if self._where else ", ".join(order), slow)

    def _near(self) -> int:
        if not self._where:
            return self.db.value(NEAR if self.what == "library" else f"select count(*) from {self.source}")
        if self._where == f"where {SEARCH}":
            return self.db.value(FOUND, self._params)
        return self.db.value(f"select count(*) from {self.asked.source} {self.asked.where}", self._params)

    def _rows(self, wanted: list[int]) -> list[dict[str, Any]]:
        asked = msgspec.json.encode(wanted).decode()
        self.db.execute(ROOM)  # of this thread's connection
        found = {row["id"]: row for row in self.db.q(f"select * from {self.source} where id in (select value from json_each(?))", [asked])}
        return [found[one] for one in wanted if one in found]

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Rows from offset on, as dicts. Call `find` first."""
        if self.by_id:
            wanted = self.ids[offset : offset + limit].tolist() if self.ids is not None else self.asked.some(self.db, offset, limit)
            return self._rows(wanted)
        rows = self._ask(f"select * from {self._from} {self._where} {self._order} limit ? offset ?", [*self._params, limit, offset])
        return [dict(zip((c.name for c in self.columns), row)) for row in rows]

    def keys(self, limit: int = 1_000_000) -> list[Any]:
        """The key of every row found."""
        if self.by_id:
            if self.ids is None:
                self.settle(self.asked, self.asked.ids(self.db))
            return self.ids.tolist()[:limit]
        if self.key is None:
            return []
        return [
            row[0] for row in self._ask(f"select {self.key} from {self._from} {self._where} {self._order} limit ?", [*self._params, limit])
        ]

    # ---- what a person typed, as SQL with parameters

    def conditions(self, text: str) -> tuple[str, list[Any]]:
        """("where ...", parameters) for what was typed; ("", []) for nothing."""
        parts, params, free = [], [], []
        self._fields: set[str] = set()
        for no, field, value in parse(text):
            name = ALIASES.get(field or "", field) if ALIASES.get(field or "", field) in self.names else field
            made = self._condition(name, value) if field else None
            if made is None:
                free.append(f"{field}:{value}" if field else value)
                continue
            if _quoted(str(name)) in made[0]:
                self._fields.add(str(name))
            parts.append(f"not coalesce({made[0]}, 0)" if no else made[0])
            params += made[1]
        if free:
            made = self._free(" ".join(free))
            if made:
                parts.append(made[0])
                params += made[1]
        return (f"where {' and '.join(parts)}" if parts else "", params)

    def _condition(self, name: str | None, value: str) -> tuple[str, list[Any]] | None:
        if self.by_id and name == "platforms":
            return ON_PLATFORM, [value]
        if self.by_id and name == "tag":
            return WITH_TAG, [f"{value}%"]
        if name not in self.names:
            return None
        if value in ("none", "any"):
            return f"{_quoted(name)} is {'' if value == 'none' else 'not '}null", []
        if (
            (span := re.fullmatch(r"(-?[\d.]+)\.\.(-?[\d.]+)", value))
            and (ends := [_number(span[1]), _number(span[2])])
            and None not in ends
        ):
            return f"+{_quoted(name)} between ? and ?", ends  # + as in _asked: a span is often a good part of all
        if (than := re.fullmatch(r"([<>]=?)(-?[\d.]+)", value)) and (number := _number(than[2])) is not None:
            return f"+{_quoted(name)} {than[1]} ?", [number]
        if kind_of(name) == "bpm" and (number := _number(value)) is not None:
            return f"abs({_quoted(name)} - ?) < 0.5", [number]
        if kind_of(name) in ("key", "stars"):
            return f"{_quoted(name)} = ? collate nocase", [value]
        return f"{_quoted(name)} like ? escape '\\'", [f"%{_plain(value)}%"]

    def _free(self, text: str) -> tuple[str, list[Any]] | None:
        if self.by_id:
            terms = [word for word in re.findall(r"\w+", text)]
            return (SEARCH, [" ".join(f'"{word}"*' for word in terms)]) if terms else None
        likes = [f"{_quoted(c.name)} like ? escape '\\'" for c in self.columns if c.kind == "text"]
        return (f"({' or '.join(likes)})", [f"%{_plain(text)}%"] * len(likes)) if likes else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
