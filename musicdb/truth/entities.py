"""Artists, labels, genres and albums by name: found, or made with a recorded identity that stays theirs.

An identity remembers what it was made from (its origin), so a rebuild gives the same ids to the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import text
from . import merged

if TYPE_CHECKING:
    from ..db import Database


ARTIST_NOW = "ifnull((select ifnull(a.merged_into_id, a.id) from artists as a where a.id = primary_artist_id), 0)"


OWN = "not exists (select 1 from artists as a where a.id = primary_artist_id and a.merged_into_id is not null)"
# What tracks, and what releases, show now, where the name leads to it straight: most of what they will show.
OF_TRACKS = {
    "artists": "id in (select artist_id from track_artists where track_id in (select value from json_each(?1)) union select g.primary_artist_id "
    "from tracks as t join release_groups as g on g.id = t.release_group_id where t.id in (select value from json_each(?1))) and disambiguation = ''",
    "labels": "id in (select label_id from track_labels where track_id in (select value from json_each(?1)))",
    "genres": "id in (select genre_id from track_genres where track_id in (select value from json_each(?1)))",
    "release_groups": f"id in (select release_group_id from tracks where id in (select value from json_each(?1))) and {OWN}",
}
OF_RELEASES = {
    "artists": "id in (select artist_id from release_artists where release_id in (select value from json_each(?1)) union select g.primary_artist_id "
    "from releases as r join release_groups as g on g.id = r.release_group_id where r.id in (select value from json_each(?1))) and disambiguation = ''",
    "labels": "id in (select label_id from release_labels where release_id in (select value from json_each(?1)))",
    "release_groups": f"id in (select release_group_id from releases where id in (select value from json_each(?1))) and {OWN}",
}


class Entities:
    """One table of things known by a key; `fresh` holds the rows to insert.

    table: artists, labels, genres or release_groups. shown_by: load at once what these (a JSON list of ids) show, as `shown` tells; None:
    everything.
    """

    def __init__(self, db: Database, table: str, *, shown_by: str | None, shown: dict[str, str] = OF_TRACKS):
        self.db, self.table = db, table
        self.kind = table.removesuffix("s")
        self.known: dict[tuple, int | None] = {}
        self.name: dict[int, str] = {}  # as shown
        self.fresh: list[tuple] = []
        self.identities: list[tuple[int, str, str]] = []  # id, uid, origin: those that did not exist yet
        self._asked: dict[tuple, int] = {}  # as written: most names come many times
        self._complete = shown_by is None
        self._next: int | None = None
        self._free: dict[str, int] = {}
        if shown_by is None:
            self._load("", [])
        else:
            self._load(f"where {shown[table]} and deleted_at is null and merged_into_id is null", [shown_by])

    def _load(self, where: str, params: list) -> None:
        groups = self.table == "release_groups"
        shown, norm = ("title", "title_norm") if groups else ("name", "name_norm")
        key = f"{ARTIST_NOW}, title_norm, type" if groups else norm
        plain = "disambiguation <> ''" if self.table == "artists" else "id"  # of several of one name, the one without a note comes first
        own = f"ifnull(primary_artist_id, 0) <> {ARTIST_NOW}" if groups else "id is null"  # albums of an artist that was merged come after its own
        order = f"{own}, deleted_at is not null, merged_into_id is not null, {plain}, id"
        sql = f"select id, {shown}, merged_into_id, {key} from {self.table} {where} order by {order}"
        for id, name, into, *rest in self.db.execute(sql, params).fetchall():
            if tuple(rest) in self.known:
                continue
            seen = {id}
            while into is not None and into not in seen:  # merged: follow to the one that it is now
                id = into
                seen.add(id)
                name, into = self.db.execute(f"select {shown}, merged_into_id from {self.table} where id = ?", [id]).fetchone()
            self.known[tuple(rest)] = id
            self.name[id] = name

    def _find(self, key: tuple) -> int | None:
        found = self.known.get(key)
        if found is None and not self._complete and key not in self.known:
            by = "ifnull(primary_artist_id, 0) = ? and title_norm = ? and type = ?" if self.table == "release_groups" else "name_norm = ?"
            self._load(f"where {by} and deleted_at is null and merged_into_id is null", list(key))  # by index
            if key not in self.known:
                self._load(f"where {by}", list(key))
            if key not in self.known and self.table == "release_groups" and key[0]:
                family = ", ".join(str(one) for one, root in merged.roots(self.db, [key[0]], "artist").items() if root == key[0])  # that are this one now
                self._load(f"where primary_artist_id in ({family}) and title_norm = ? and type = ?", list(key[1:]))
            found = self.known.setdefault(key, None)
        if found is None and self.table == "artists":
            found = self.db.value("select artist_id from artist_aliases where alias_norm = ?", list(key)) if self._aliases() else None
            if found is not None:
                self.known[key] = found
        return found

    def _aliases(self) -> bool:
        if not hasattr(self, "_has_aliases"):
            self._has_aliases = self.db.value("select 1 from artist_aliases limit 1") is not None
        return self._has_aliases

    def _identity(self, origin: str) -> int:
        if self._next is None:
            ids, kind = f"{self.kind}_ids", self.kind
            self._next = (self.db.value("select seq from sqlite_sequence where name = ?", [ids]) or 0) + 1
            free = f"select origin, id from {ids} where origin is not null and id not in (select id from {self.table}) order by id desc"
            self._free = dict(self.db.execute(free).fetchall()) if kind else {}
        id = self._free.pop(origin, None)
        if id is None:
            id, self._next = self._next, self._next + 1
            self.identities.append((id, self.db.new_uid(), origin))
        return id

    def get(self, name: str, *, artist: int | None = None, type: str | None = None) -> int | None:
        """Id of the artist, label or genre of this name, or of the album of this title, artist and type; None for blank names."""
        asked = (name, artist, type)
        if (found := self._asked.get(asked)) is not None:
            return found
        norm = text.norm(name)
        if not norm:
            return None
        key = (artist or 0, norm, type) if self.table == "release_groups" else (norm,)
        found = self._find(key)
        if found is None:
            # ids of artists are for ever, so an album's origin may name its artist by id
            found = self._identity("/".join(map(str, key)))
            more = {"release_groups": (artist, type), "artists": (text.sort_name(name),)}.get(self.table, ())
            self.fresh.append((found, name.strip(), norm, *more))
            self.known[key] = found
            self.name[found] = name.strip()
        self._asked[asked] = found
        return found

    def write(self, operation: int) -> int:
        """Insert what is new; return how many."""
        ids = f"{self.kind}_ids"
        rows = [(*identity, operation) for identity in self.identities]
        self.db.executemany(f"insert into {ids} (id, {self.kind}_uid, origin, operation_id) values (?, ?, ?, ?)", rows)
        names = {"release_groups": "id, title, title_norm, primary_artist_id, type", "artists": "id, name, name_norm, sort_name"}
        names = names.get(self.table, "id, name, name_norm")
        marks = ", ".join("?" * (names.count(",") + 1))
        self.db.executemany(f"insert into {self.table} ({names}) values ({marks})", self.fresh)
        return len(self.fresh)
