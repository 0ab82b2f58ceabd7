"""Writing what platforms said: one batch of typed rows into the observed tables, within the caller's transaction. Used by `load` only.

Unchanged rows are not touched at all: a second import writes nothing. Nothing is ever replaced or deleted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import xxhash

from .. import text
from ..shapes import Row
from . import plays
from .door import clean, encode

NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
TRACK = (
    "platform external_id uri title artists album duration_ms isrc release_date match_key release_external_id in_library kind rows_version "
    "metadata_hash said metadata"
).split()
# Under the same number another song, of another length, in another file: numbers that a program gave anew.
OTHERS = """
select count(*) from json_each(?) as j cross join platform_tracks as p on p.id = j.value ->> 0
where p.match_key <> j.value ->> 1 and abs(p.duration_ms - (j.value ->> 2)) > 2000 and p.said ->> 'path' <> j.value ->> 3 ->> 'path'
"""
RELEASE = "platform external_id title kind rows_version metadata_hash said metadata".split()
PLAYLIST = (
    "platform external_id name kind description parent_external_id position owner owner_id account is_public collaborative remote_version "
    "remote_updated_at rows_version metadata_hash metadata"
).split()
FILE = (
    "platform_track_id path path_hash path_bytes root size_bytes mtime_ns ctime_ns inode format bitrate sample_rate channels window_hash "
    "audio_hash file_hash"
).split()
COPY = (
    "platform instance_id platform_release_id account status folder media_condition sleeve_condition rating purchase_date purchase_price "
    "currency notes added_at metadata"
).split()

# A like of a later day than the one that is known: it was taken back and given again meanwhile. What it was until then stays.
LIKED_AGAIN = """
insert into platform_playlist_items (platform_playlist_id, position, platform_track_id, added_at, first_seen_at, removed_at)
select i.platform_playlist_id, abs(i.position), i.platform_track_id, i.added_at, i.first_seen_at, ?
from platform_playlist_items as i join platform_playlists as l on l.id = i.platform_playlist_id
where i.id = ? and i.added_at < substr(?, 1, length(i.added_at)) and l.kind = 'liked'
"""

VALUE = """
insert into collection_values (platform, account, day, minimum, median, maximum, currency)
values (:platform, :account, :day, :minimum, :median, :maximum, :currency)
on conflict do update set minimum = excluded.minimum, median = excluded.median, maximum = excluded.maximum, currency = excluded.currency
where (minimum, median, maximum, currency) is not (excluded.minimum, excluded.median, excluded.maximum, excluded.currency)
"""


class Writer:
    """Writes rows of one platform in one run; knows what was seen."""

    def __init__(self, db, platform: str, user_id: int, rows_version: int, account: str = "", short: Sequence[str] = ()):
        self.db, self.platform, self.user_id, self.rows_version, self.account = db, platform, user_id, rows_version, account
        self.short = tuple(short)  # payload kinds that say less than others, shortest first
        self.ranks: dict[tuple[str, str], int] = {}  # (entity, external id) -> how full a form of it came in this run
        self.counts: Counter[str] = Counter()
        self.seen: dict[str, set[str]] = {"track": set(), "release": set(), "playlist": set(), "collection_item": set()}
        self.places: Counter[str] = Counter()  # playlist -> items seen
        self.refused: list[tuple[str, str, str, Any]] = []  # kind, item, reason, payload
        self.batch: Callable[[], int] = int  # makes the record of the running batch at its first write
        self.ids: dict[tuple[str, str], int] = {}  # (entity, external id) -> row id, of this run
        self.added: list[tuple[str, str]] = []  # what was newly seen since the last mark

    def mark(self) -> Counter[str]:
        """Where `forget` goes back to when the transaction is rolled back."""
        self.added.clear()
        return self.counts.copy()

    def forget(self, mark: Counter[str]) -> None:
        """Forget what was counted and seen since the mark."""
        self.counts = mark
        for entity, key in self.added:
            self.seen[entity].discard(key)
            self.ids.pop((entity, key), None)
            self.ranks.pop((entity, key), None)
        self.refused.clear()

    # ---- tracks, releases, playlists

    def _columns(self, row: Row, payload: bytes, kind: str, digest: str) -> tuple:
        said = encode(row.get("said") or {}).decode()
        head = (self.platform, row["external_id"])
        tail = (row.get("kind", kind), self.rows_version, digest)
        match row["row"]:
            case "track":
                artists = row.get("artists") or []
                title = clean(row["title"])
                version = (row.get("said") or {}).get("version")  # Tidal and some tags keep it apart from the title
                return (
                    *head, row.get("uri"), title, encode(artists).decode(), clean(row.get("album")), row.get("duration_ms"), row.get("isrc"),
                    row.get("release_date"), text.match_key(text.full_title(title, version), artists), row.get("release_external_id"), int(row.get("in_library", True)),
                    *tail, said, payload.decode(),
                )  # fmt: skip
            case "release":
                return (*head, clean(row["title"]), *tail, said, payload.decode())
            case _:
                flags = (None if row.get(k) is None else int(row[k]) for k in ("is_public", "collaborative"))
                return (
                    *head, clean(row["name"]), row.get("kind", "playlist"), clean(row.get("description")), row.get("parent_external_id"),
                    row.get("position"), clean(row.get("owner")), row.get("owner_id"), self.account, *flags, row.get("remote_version"),
                    row.get("remote_updated_at"), *tail[1:], payload.decode(),
                )  # fmt: skip

    def _rank(self, kind: str | None) -> int:
        return self.short.index(kind) if kind in self.short else len(self.short)

    def entities(self, entity: str, rows: Sequence[tuple[Row, bytes, str]], renew: bool = False) -> None:
        """Store tracks, releases or playlists: (row, encoded payload, payload kind). The first of the fullest rows of an id in a run counts.

        renew: these were asked for one by one; also what is unchanged was fetched now.
        """
        table, names = f"platform_{entity}s", {"track": TRACK, "release": RELEASE, "playlist": PLAYLIST}[entity]
        seen = self.seen[entity]
        fresh: dict[str, tuple[Row, bytes, str]] = {}
        for item in rows:
            key = item[0]["external_id"]
            if item[0].get("in_library", True):
                rank, other = self._rank(item[0].get("kind", item[2])), fresh.get(key)
                if key in seen and self.ranks.get((entity, key), -1 if self.short else rank) >= rank:
                    continue
                if other is None or not other[0].get("in_library", True) or self._rank(other[0].get("kind", other[2])) < rank:
                    fresh[key] = item
            elif (entity, key) not in self.ids and key not in fresh:
                fresh[key] = item
        if not fresh:
            return
        known = self._known(table, fresh)
        insert, update, old, again = [], [], [], []
        for key, (row, payload, kind) in fresh.items():
            in_library, kind = row.get("in_library", True), row.get("kind", kind)
            self.added.append((entity, key))
            if in_library:
                seen.add(key)
                if self.short:
                    self.ranks[entity, key] = self._rank(kind)
            have, fuller = known.get(key), False
            if have:
                self.ids[entity, key] = have[0]
                if not in_library:
                    continue  # a play says less than the library: it never overwrites it
                if self.short and entity != "playlist" and kind != have[4]:
                    if self._rank(kind) < self._rank(have[4]):
                        continue  # a list's short form never overwrites what was fetched whole
                    fuller = self._rank(kind) > self._rank(have[4])
            if "metadata" in row:
                payload = encode(row["metadata"])
            digest = xxhash.xxh3_128_hexdigest(encode(row["stable"]) if "stable" in row else payload)
            if have and have[1] == digest and have[2] is None and have[3] and not fuller:
                if renew:
                    again.append((payload.decode(), have[0]))
                continue  # unchanged: nothing is derived, nothing is written
            columns = self._columns(row, payload, kind, digest)
            if not have:
                insert.append(columns)
            else:
                update.append((*columns[2:], have[0]))
                if have[1] != digest and not fuller:  # to say more is not to say otherwise
                    old.append((key, have[0], columns))
                what = "returned" if have[2] is not None else f"{entity}s_detailed" if fuller else "changed"
                self.counts[what] += 1
                self.counts["tracks_touched"] += entity == "track" and what != "tracks_detailed" and row.get("in_library", True)
        if old:
            if entity == "track":
                now = [(id, *(columns[TRACK.index(name)] for name in ("match_key", "duration_ms", "said"))) for _, id, columns in old]
                self.counts["others"] += self.db.value(OTHERS, [encode(now).decode()])
            self.db.executemany(
                "insert into observation_changes (at, import_batch_id, entity, platform, external_id, old, new) "
                f"select {NOW}, ?, ?, ?, ?, metadata, ? from {table} where id = ?",
                [(self.batch(), entity, self.platform, key, columns[-1], id) for key, id, columns in old],
            )
        if update:
            sets = ", ".join(f"{n} = ?" for n in names[2:])
            flag = "" if entity == "playlist" else ", needs_update = 0"
            self.db.executemany(f"update {table} set {sets}, fetched_at = {NOW}, missing_since = null{flag} where id = ?", update)
        if again and entity != "playlist":
            self.db.executemany(f"update {table} set metadata = ?, fetched_at = {NOW}, needs_update = 0 where id = ?", again)
        if insert:
            first = "" if entity == "playlist" else ", first_seen_at"
            marks = ", ".join("?" * len(names))
            # on conflict: another process may have stored it since we looked
            self.db.executemany(
                f"insert into {table} ({', '.join(names)}, fetched_at{first}) values ({marks}, {NOW}{first and ', ' + NOW}) "
                "on conflict (platform, external_id) do nothing",
                insert,
            )
            self.counts["new" if entity == "track" else f"{entity}s_new"] += len(insert)

    def derived(self, row: Row) -> dict[str, Any]:
        """The columns that come from code, not from the payload: what a newer version may say better."""
        columns = dict(zip(TRACK if row["row"] == "track" else RELEASE, self._columns(row, b"null", row.get("kind", ""), "")))
        return {k: v for k, v in columns.items() if k not in ("platform", "external_id", "in_library", "kind", "metadata_hash", "metadata")}

    def rewrite(self, entity: str, values: Sequence[tuple[int, dict[str, Any] | None]]) -> None:
        """Write derived columns of stored observations: (row id, columns or None to mark it as looked at)."""
        for id, columns in values:
            columns = columns or {"rows_version": self.rows_version}
            sets = ", ".join(f"{c} = ?" for c in columns)
            self.db.execute(f"update platform_{entity}s set {sets} where id = ?", [*columns.values(), id])

    def _known(self, table: str, keys: Iterable[str]) -> dict[str, tuple]:
        in_library = "p.in_library" if table == "platform_tracks" else "1"
        sql = (
            f"select p.external_id, p.id, p.metadata_hash, p.missing_since, {in_library}, p.kind from json_each(?) as j "
            # cross join: the keys first, else SQLite walks all of the platform and the keys for each of its rows
            f"cross join {table} as p on p.platform = ? and p.external_id = j.value"
        )
        return {r[0]: r[1:] for r in self.db.execute(sql, [encode(list(keys)).decode(), self.platform])}

    def look_up(self, entity: str, keys: Iterable[str]) -> None:
        """Fetch the row ids of many observations at once, for `id_of`."""
        missing = [key for key in keys if (entity, key) not in self.ids]
        if missing:
            self.ids.update({(entity, key): have[0] for key, have in self._known(f"platform_{entity}s", missing).items()})

    def id_of(self, entity: str, key: str) -> int | None:
        """Row id of an observation by its external id, or None."""
        if (entity, key) not in self.ids:
            found = self.db.value(f"select id from platform_{entity}s where platform = ? and external_id = ?", [self.platform, key])
            if found is None:
                return None
            self.ids[entity, key] = found
        return self.ids[entity, key]

    def mark_seen(self, keys: Sequence[str]) -> None:
        """Tracks that are there unchanged; one that was missing has come back."""
        self.seen["track"].update(keys)
        if not self.db.value("select 1 from platform_tracks where platform = ? and missing_since is not null", [self.platform]):
            return
        back = [
            r[0]
            for r in self.db.execute(
                "select p.id from platform_tracks as p where p.platform = ? and p.missing_since is not null "
                "and p.external_id in (select value from json_each(?))",
                [self.platform, encode(list(keys)).decode()],
            )
        ]
        if back:
            with self.db.atomic():
                self.db.executemany("update platform_tracks set missing_since = null where id = ?", [(i,) for i in back])
            self.counts.update(returned=len(back), tracks_touched=len(back))

    # ---- files

    def files(self, rows: Sequence[Row]) -> None:
        """Store the files behind tracks; a path taken over from another track is freed first."""
        values = []
        self.look_up("track", [row["external_id"] for row in rows])
        for row in rows:
            raw = row.get("path_bytes") or row["path"].encode()
            columns = (row.get(c) for c in FILE[4:])
            values.append((self.id_of("track", row["external_id"]), row["path"], _sha256(raw), row.get("path_bytes"), *columns))
        if not values:
            return
        self.db.execute(
            "update media_files set path = path || char(0) || platform_track_id, path_hash = path_hash || platform_track_id "
            "where platform_track_id in (select f.platform_track_id from json_each(?) as j "
            "cross join media_files as f on f.path = json_extract(j.value, '$[0]') where f.platform_track_id <> json_extract(j.value, '$[1]'))",
            [encode([[v[1], v[0]] for v in values]).decode()],
        )

        def new(column: str) -> str:  # a scan without full hashes keeps those of the same audio
            keep = f"coalesce(excluded.{column}, case when excluded.window_hash is window_hash then {column} end)"
            return keep if column in ("audio_hash", "file_hash") else f"excluded.{column}"

        self.db.executemany(
            f"insert into media_files ({', '.join(FILE)}, last_scan_at, last_verified_at) values ({', '.join('?' * len(FILE))}, {NOW}, "
            f"case when ?{len(FILE)} is not null then {NOW} end) on conflict (platform_track_id) do update set "
            f"{', '.join(f'{c} = {new(c)}' for c in FILE[1:])}, last_scan_at = excluded.last_scan_at, "
            "last_verified_at = coalesce(excluded.last_verified_at, last_verified_at) "
            f"where {' or '.join(f'{c} is not {new(c)}' for c in FILE[1:])}",
            values,
        )

    # ---- playlist items

    def items(self, rows: Sequence[Row]) -> None:
        """Store places of playlists. A row follows its track when the list is reordered, so `first_seen_at` stays true."""
        by_list: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_list[row["playlist_external_id"]].append(row)
        self.look_up("playlist", by_list)
        self.look_up("track", [row["track_external_id"] for row in rows if row["track_external_id"] is not None])
        for playlist, items in by_list.items():
            list_id = self.id_of("playlist", playlist)
            if list_id is None:
                self.refused.append(("playlist_item", playlist, "places of a playlist that was not sent", None))
                continue
            self.places[playlist] += len(items)
            want = {}
            for row in items:
                if row["track_external_id"] is None:
                    want[row["position"]] = (None, None)  # no music stands here now
                    continue
                track_id = self.id_of("track", row["track_external_id"])
                if track_id is None:
                    place = f"{playlist} #{row['position']}"
                    self.refused.append(("playlist_item", place, f"its track {row['track_external_id']} was not sent or was refused", dict(row)))
                    continue
                want[row["position"]] = (track_id, row.get("added_at"))
            now = self.db.execute(
                "select position, id, platform_track_id, added_at from platform_playlist_items where platform_playlist_id = ? and removed_at is null "
                "and (position < 0 or position in (select value from json_each(?)))",
                [list_id, encode(list(want)).decode()],
            ).fetchall()
            free: dict[int, list[int]] = defaultdict(list)
            keep = set()
            for position, id, track_id, added_at in now:
                if want.get(position, (None,))[0] == track_id:
                    keep.add(position)
                    if want[position][1] != added_at:
                        self.db.execute(LIKED_AGAIN, [want[position][1], id, want[position][1]])
                        self.db.execute("update platform_playlist_items set added_at = ? where id = ?", [want[position][1], id])
                        self.counts["items_changed"] += 1
                else:
                    free[track_id].append(id)
            todo = [(p, t, a) for p, (t, a) in want.items() if p not in keep and t is not None]
            if not todo and not free:
                continue
            # A shorter list: the track may still stand further down, where its row would be given up at the end.
            later = self.db.execute(
                "select platform_track_id, id from platform_playlist_items where platform_playlist_id = ? and removed_at is null "
                "and position > ? and platform_track_id in (select value from json_each(?)) order by position",
                [list_id, max(want), encode([t for _, t, _ in todo]).decode()],
            ).fetchall()
            short = Counter(t for _, t, _ in todo) - Counter({t: len(ids) for t, ids in free.items()})
            for track_id, id in later:
                if short[track_id] > 0:
                    short[track_id] -= 1
                    free[track_id].append(id)
            # Out of the way first: two rows may not stand at one place even for a moment.
            self.db.executemany("update platform_playlist_items set position = -id where id = ?", [(i,) for ids in free.values() for i in ids])
            moved, new = [], []
            for position, track_id, added_at in todo:
                if free[track_id]:
                    moved.append((position, added_at, free[track_id].pop(0)))
                else:
                    new.append((list_id, position, track_id, added_at))
            self.db.executemany(LIKED_AGAIN, [(added_at, id, added_at) for _, added_at, id in moved if added_at])
            self.db.executemany("update platform_playlist_items set position = ?, added_at = ? where id = ?", moved)
            self.db.executemany(
                "insert into platform_playlist_items (platform_playlist_id, position, platform_track_id, added_at, first_seen_at) "
                f"values (?, ?, ?, ?, {NOW})",
                new,
            )
            self.counts["items_moved"] += len(moved)
            self.counts["items_new"] += len(new)

    # ---- listens

    def listens(self, rows: Sequence[tuple[Row, bytes]]) -> None:
        """Store plays, raw and canonical: the same (user, time, source, item) twice is one play."""
        plays.store(self, [
            (row["listened_at"], row.get("source_item") or "", row.get("track_external_id") or None, row.get("ms_played"),
             row.get("utc_offset_min"), encode(row["context"]).decode() if row.get("context") else None, payload.decode())
            for row, payload in rows
        ])  # fmt: skip

    # ---- pictures and copies

    def images(self, rows: Sequence[tuple[Row, int | None]]) -> None:
        """Store which observation brought which picture: (row, image id or None when it is not fetched yet)."""
        rows = list(rows)
        for of in ("track", "release"):
            self.look_up(of, [row["external_id"] for row, _ in rows if row["of"] == of])
        for row, image_id in rows:
            of = row["of"]
            id = self.id_of(of, row["external_id"])
            column = f"platform_{of}_id"
            self.db.execute(
                f"insert into platform_images ({column}, image_id, role, position, source_url) values (?, ?, ?, ?, ?) "
                f"on conflict ({column}, role, position) where {column} is not null do update set image_id = coalesce(excluded.image_id, "
                "case when source_url is excluded.source_url then image_id end), source_url = excluded.source_url "
                "where (excluded.image_id is not null and image_id is not excluded.image_id) or source_url is not excluded.source_url",
                [id, image_id, row.get("role", "cover"), row.get("position", 0), row.get("url")],
            )

    def copies(self, rows: Sequence[Row]) -> None:
        """Store copies on the shelf and wishes."""
        sets = ", ".join(f"{c} = excluded.{c}" for c in COPY[2:])
        differs = " or ".join(f"{c} is not excluded.{c}" for c in COPY[2:])
        for row in rows:
            release_id = self.id_of("release", row["release_external_id"])
            self.seen["collection_item"].add(row["instance_id"])
            metadata = encode(row["metadata"]).decode() if "metadata" in row else None
            self.db.execute(
                f"insert into collection_items ({', '.join(COPY)}) values ({', '.join('?' * len(COPY))}) on conflict (platform, instance_id) "
                f"do update set {sets}, removed_at = null where {differs} or removed_at is not null",
                [self.platform, row["instance_id"], release_id, self.account, *(row.get(c) for c in COPY[4:-1]), metadata],
            )

    def values(self, rows: Sequence[Row]) -> None:
        """Store what a collection is thought to be worth on a day; a later answer of the day counts."""
        for row in rows:
            self.db.execute(VALUE, {"platform": self.platform, "account": self.account} | row)


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
