"""Observe: read a platform and store what it says. The only way into the observed tables.

Each page is one transaction: raw payloads, the rows derived from them, the batch record and the cursor; a kill leaves whole pages, and
the next run goes on. What cannot be read goes to `quarantine` with a reason, and the rest goes on. What is gone upstream gets
`missing_since` once a list was read to its end, and is never deleted.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import pkgutil
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

import xxhash
from msgspec.json import decode

from .. import images, platforms
from ..errors import BadInput, DatabaseError, PayloadError
from ..secrets import scrub
from ..shapes import Complete, Note, Page, Refused, Same, title
from ..worker import Pool
from . import absence, lists, plays
from .door import check, encode, name_of
from .known import Known
from .observations import NOW, Writer
from .rederiving import rederive

Progress = Callable[[int, int | None, str], object]  # done, total or None, what is being done
ALIASES = {"local": "files"}
PREPARE = "musicdb.images.prepare"
RENUMBERED = (
    "{n} entries are another song, of another length, in another file than before under the same number. If the collection was numbered anew, what "
    "you said of these tracks is with other songs now (which: table observation_changes). `musicdb migrate --restore --from BACKUP` goes back to a backup of before"
)
# What a row that breaks a table's rules raises; a full disk or a lock is none of these.
ODD = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError, TypeError, ValueError, LookupError, AttributeError)


@dataclass
class Report:
    """What an import did, by counts. `line()` is for people."""

    platform: str
    source: str | None = None
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    returned: int = 0
    vanished: int = 0
    quarantined: int = 0
    playlists: int = 0
    releases: int = 0
    listens_new: int = 0
    listens_known: int = 0
    other_plays: int = 0
    pictures: int = 0
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """All counts, for --json."""
        return asdict(self)

    def line(self) -> str:
        """One line: what is new, changed, gone, refused."""
        parts = [f"{self.new} new", f"{self.changed} changed", f"{self.unchanged} unchanged"]
        names = {"returned": "back again", "vanished": "gone", "playlists": "playlists", "listens_new": "new plays", "other_plays": "podcast and other plays"}
        parts += [f"{getattr(self, k)} {name}" for k, name in names.items() if getattr(self, k)]
        if self.listens_known:
            parts.append(f"{self.listens_known} plays known already")
        if self.quarantined:
            parts.append(f"{self.quarantined} refused (see table quarantine)")
        return f"{self.platform}: " + ", ".join(parts)


def available() -> list[str]:
    """Names of the platform files, without importing them."""
    return sorted(m.name for m in pkgutil.iter_modules(platforms.__path__) if not m.name.startswith("_"))


def module(name: str) -> Any:
    """The platform file of this name. Raises BadInput naming those there are."""
    name = ALIASES.get(name, name)
    if name not in available():
        raise BadInput(f"there is no importer {name!r}; there are {', '.join(available())}")
    return importlib.import_module(f"{platforms.__name__}.{name}")


def user(db, name: str | None) -> int:
    """Id of a user, made when new; the first user when no name is given."""
    if name is None:
        return db.value("select min(id) from users")
    with db.atomic():
        db.execute("insert into users (username) values (?) on conflict (username) do nothing", [name])
    return db.value("select id from users where username = ?", [name])


def run(
    db,
    platform: str,
    source: Any = None,
    *,
    account: str | None = None,
    user: str | None = None,
    all: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Report:
    """Import from a platform: `source` is a path (or paths) for files and exports, None for an account or the standard folder.

    all=True reads everything again. progress(done, total or None, what) is called as it goes. Further options are the platform's own.
    Returns a Report. Raises BadInput for an unusable source, SourceError when a platform cannot be read further; what was read is stored.
    """
    load = Load(db, module(platform), source, account or "", globals()["user"](db, user), all)
    accepted = inspect.signature(load.module.fetch).parameters
    known_options = {"account": account, "all": all, "progress": progress, **options}
    for name in options:
        if name not in accepted and not any(p.kind is p.VAR_KEYWORD for p in accepted.values()):
            raise BadInput(f"import {platform} has no option {name!r}")
    pages = load.module.fetch(source, load.known, **{k: v for k, v in known_options.items() if k in accepted or k in options})
    return load.run(pages, progress)


class Load:
    """One import run."""

    def __init__(self, db, module: Any, source: Any, account: str, user_id: int, all: bool = False):
        self.db, self.module, self.account, self.user_id = db, module, account, user_id
        self.platform = module.PLATFORM
        self.home = db.diary if module.KIND == "history" else "main"  # the file its checkpoints are in
        self.known = Known(db, self.platform, user_id, account, all, self.home)
        self.writer = Writer(db, self.platform, user_id, module.ROWS_VERSION, account, getattr(module, "SHORT", ()))
        self.listed: dict[str, dict[str, set[str]]] = {}  # resumable list -> what it held so far
        self.report = Report(self.platform, None if source is None else str(source))
        self.run_id = secrets.token_hex(8)
        self.seq = 0
        self.operation: int | None = None
        self.refused: set[tuple[str, str]] = set()
        self.open_refusals = {
            (r[0], r[1]) for r in db.execute("select kind, item from quarantine where platform = ? and resolved_at is null", [self.platform])
        }

    def run(self, pages: Iterator[Page | Refused | Complete], progress: Progress | None) -> Report:
        self._prepare()
        done, what, lists_read, relief = 0, None, False, plays.Relief(self.writer)
        try:
            with Pool([PREPARE], workers=2) as pool:  # pictures come from strangers: they are decoded where they may do no harm
                for page in pages:
                    if isinstance(page, Refused):
                        with self.db.atomic():
                            self._refuse(page.kind, page.item, page.reason, page.payload)
                    elif isinstance(page, Complete):
                        absence.complete(self, page)
                        lists_read |= page.of in ("playlist", "playlist_item")
                    elif isinstance(page, Note):
                        self.report.notes.append(page.text)
                    elif isinstance(page, Same):
                        self.writer.counts["listens_known"] += page.n
                    else:
                        collecting = gc.isenabled()
                        gc.disable()  # thousands of small dicts and no cycles: looking for some took a fifth of the time
                        try:
                            self._page(page, pool)
                            relief.page()
                        finally:
                            if collecting:
                                gc.enable()
                        if what != (page.scope or page.kind):
                            what, done = page.scope or page.kind, 0
                        done += page.n + len(page.seen)
                        if progress:
                            progress(done, page.total, what)
            if lists_read:
                with self.db.atomic():
                    self.start()
                    lists.note(self.db, self.platform, self.writer.seen["playlist"], account=self.account, operation=self.operation)
            relief.end()
            self._finish("completed")
        except BaseException as e:
            with suppress(DatabaseError):  # a full disk, a lock: what is told is what stopped the run, not that it could not be noted
                relief.end()
                self._finish("failed", scrub(f"{type(e).__name__}: {e}")[:500])
            raise
        return self.report

    # ---- around the pages

    def _prepare(self) -> None:
        """The platform's row, its claim paths, and rows that a newer version of its code derives again from stored payloads."""
        db, m = self.db, self.module
        if not db.value("select 1 from platforms where name = ?", [self.platform]):
            with db.operation("setup", mode="batch"):
                db.execute("insert into platforms (name, title, kind) values (?, ?, ?)", [self.platform, title(self.platform), m.KIND])
        paths = [(self.platform, level, name, path) for (level, name), path in getattr(m, "CLAIMS", {}).items()]
        missing = [p for p in paths if not db.value("select 1 from claim_paths where platform = ? and level = ? and field = ?", p[:3])]
        if missing:
            with db.operation("setup", mode="batch", platform=self.platform, reason="fields that its importer offers as claims"):
                db.executemany("insert into claim_paths (platform, level, field, path) values (?, ?, ?, ?)", missing)
        seen = f"select max(last_timestamp) from {self.home}.sync_checkpoints where platform = ? and entity = 'rows version'"
        if int(db.value(seen, [self.platform]) or 0) < m.ROWS_VERSION:
            rederive(db, m)

    def start(self) -> None:
        """The operation of this run; made at the first write, so that a run that changes nothing writes one row only."""
        if self.operation is None:
            self.db.execute(
                "update operations set status = 'failed', error_message = 'interrupted' where type = 'import' and platform = ? and status = 'running'",
                [self.platform],
            )
            self.operation = self.db.execute(
                f"insert into operations (type, status, actor, platform, target, started_at) values ('import', 'running', 'musicdb', ?, ?, {NOW})",
                [self.platform, self.report.source],
            ).lastrowid

    def _finish(self, status: str, error: str | None = None) -> None:
        counts, report = self.writer.counts, self.report
        report.new, report.changed, report.returned = counts["new"], counts["changed"], counts["returned"]
        report.listens_new, report.listens_known, report.other_plays = counts["listens_new"], counts["listens_known"], counts["other_plays"]
        report.vanished, report.returned = report.vanished + counts["plays_gone"], report.returned + counts["plays_back"]
        report.playlists, report.releases = len(self.writer.seen["playlist"]), len(self.writer.seen["release"])
        report.quarantined = len(self.refused)
        if counts["others"]:
            report.notes.append(RENUMBERED.format(n=counts["others"]))
        report.unchanged = max(0, len(self.writer.seen["track"]) - report.new - counts["tracks_touched"])
        details = encode({k: v for k, v in report.as_dict().items() if v}).decode()
        with self.db.atomic():
            self.start()
            self.db.execute(
                f"update operations set status = ?, details = ?, error_message = ?, completed_at = {NOW} where id = ?",
                [status, details, error, self.operation],
            )
            for key, value in self.known.notes.items():
                self.checkpoint(f"note:{key}", None, value)
            if status == "completed":
                self.checkpoint("", None)
                self.checkpoint("rows version", None, str(self.module.ROWS_VERSION))  # what is stored needs no second look

    def checkpoint(self, entity: str, cursor: str | None, note: str | None = None) -> None:
        self.db.execute(
            f"insert into {self.home}.sync_checkpoints (user_id, platform, account, entity, cursor, last_timestamp, updated_at) values (?, ?, ?, ?, ?, ?, {NOW}) "
            "on conflict do update set cursor = excluded.cursor, last_timestamp = excluded.last_timestamp, updated_at = excluded.updated_at",
            [self.user_id, self.platform, self.account, entity, cursor, note],
        )

    def _go_on_here(self, page: Page, rows: list) -> None:
        """Keep how far a resumable list was read, and what it held: a later run that goes on must not take the first part for gone."""
        listed = self.listed.setdefault(page.scope, {k: set(v) for k, v in self.known.resumed.items()})
        for row in (r for found, *_ in rows for r in found):
            if row["row"] in ("release", "playlist"):
                listed.setdefault(row["row"], set()).add(row["external_id"])
            elif row["row"] == "collection_item":
                listed.setdefault("collection_item", set()).add(row["instance_id"])
        self.checkpoint(page.scope, encode({"cursor": page.cursor, "seen": {k: sorted(v) for k, v in listed.items()}}).decode())

    def _refuse(self, kind: str, item: str, reason: str, payload: Any) -> None:
        self.refused.add((kind, item))
        if payload is not None:
            try:
                check(payload)
                payload = encode(payload).decode()
            except (PayloadError, TypeError, ValueError, OverflowError, RecursionError):
                payload = encode({"repr": ascii(payload)[:100_000]}).decode()
        item = item.encode("utf-8", "backslashreplace").decode()
        self.db.execute(
            f"insert into quarantine (platform, kind, item, payload, reason, at) values (?, ?, ?, ?, ?, {NOW}) "
            "on conflict (platform, kind, item, reason) do update set resolved_at = null, payload = excluded.payload "
            "where resolved_at is not null or payload is not excluded.payload",
            [self.platform, kind, item, payload, reason.encode("utf-8", "backslashreplace").decode()],
        )

    # ---- one page

    def _page(self, page: Page, pool: Pool) -> None:
        rows, refused, hashes = [], [], xxhash.xxh3_128()
        for payload in page.payloads:
            try:
                check(payload)
                encoded = encode(payload)
                found = list(self.module.rows(page.kind, payload))
            except PayloadError as e:
                refused.append((page.kind, name_of(payload), str(e), payload))
            except UnicodeEncodeError:
                refused.append((page.kind, name_of(payload), "a text in it holds half a character (a lone surrogate)", payload))
            except (KeyError, TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError) as e:
                # rows() promises PayloadError; a payload odd enough to break the promise is still one item, not the whole run
                refused.append((page.kind, name_of(payload), f"unreadable: {type(e).__name__}: {e}", payload))
            else:
                hashes.update(encoded)
                rows.append((found, encoded, payload))
        pictures, bad = self._pictures(page, rows, pool)
        if not (page.n or page.seen):
            return
        w = self.writer
        before = w.counts.total() - w.counts["listens_known"]
        with self.db.atomic():
            file = self.db.diary if page.plays or any(r["row"] == "listen" for found, *_ in rows for r in found) else "main"
            w.batch = batch = cache(lambda: self._batch(page, len(rows) + len(page.plays), page.digest or hashes.hexdigest(), file))
            mark = w.mark()
            try:
                with self.db.atomic():
                    self._store(page, rows, pictures)
            except ODD:
                w.forget(mark)
                batch.cache_clear()
                rows += [(list(self.module.rows(page.kind, p)), encode(p), p) for p in (decode(play[6]) for play in page.plays)]
                rows, odd = self._one_by_one(replace(page, plays=()), rows, pictures)
                refused += odd
            if page.seen:
                w.mark_seen(page.seen)
            for item in (*refused, *bad, *w.refused):
                self._refuse(*item)
            w.refused.clear()
            self._resolve_refusals(page, rows)
            changed = w.counts.total() - w.counts["listens_known"] - before
            # A page that changes nothing leaves no trace, but that its bytes are known.
            if (rows and (changed or page.cursor is not None)) or (page.digest and page.n):
                self.start()
                digest = "null" if refused and page.digest else "sha256"  # what was refused is to be refused again
                self.db.execute(f"update {file}.import_batches set changed = ?, sha256 = {digest} where id = ?", [changed, w.batch()])
            if page.cursor is not None:
                self._go_on_here(page, rows)

    def _store(self, page: Page, rows: list, pictures: list) -> None:
        w = self.writer
        flat: dict[str, list] = defaultdict(list)
        for found, encoded, _ in rows:
            for row in found:
                flat[row["row"]].append((row, encoded, page.kind))
        for entity in ("release", "track", "playlist"):
            w.entities(entity, flat[entity], renew=page.renew)
        w.files([r for r, _, _ in flat["file"]])
        w.items([r for r, _, _ in flat["playlist_item"]])
        plays.tracks(w, page.plays, self.module.rows, page.kind)
        known = plays.store(w, page.plays)
        w.listens([(r, e) for r, e, _ in flat["listen"]])
        if page.digest and known:
            keys = {play[:2] for play in page.plays} | {(r["listened_at"], r.get("source_item") or "") for r, _, _ in flat["listen"]}
            plays.mark_gone(w, page.kind, [play[0] for play in page.plays], keys)
        w.copies([r for r, _, _ in flat["collection_item"]])
        w.values([r for r, _, _ in flat["collection_value"]])
        w.images(self._stored(pictures))

    def _one_by_one(self, page: Page, rows: list, pictures: list) -> tuple[list, list]:
        """A page with a row that the tables refuse (a number too large, a wrong type): its payload is set aside, the others are stored."""
        w, good, odd = self.writer, [], []
        w.batch()
        for item in rows:
            mark = w.mark()
            own = {id(row) for row in item[0]}
            try:
                with self.db.atomic():
                    self._store(page, [item], [p for p in pictures if id(p[0]) in own])
                good.append(item)
            except ODD as e:
                w.forget(mark)
                odd.append((page.kind, name_of(item[2]), f"cannot be stored: {type(e).__name__}: {e}", item[2]))
        return good, odd

    def _batch(self, page: Page, n: int, digest: str, file: str) -> int:
        self.seq += 1
        return self.db.execute(
            f"insert into {file}.import_batches (platform, account, user_id, run, seq, kind, n, sha256, cursor, at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, {NOW})",
            [self.platform, self.account, self.user_id, self.run_id, self.seq, page.kind, n, digest, page.cursor],
        ).lastrowid

    def _resolve_refusals(self, page: Page, rows: list) -> None:
        """What was refused before and could be read now is settled."""
        if not self.open_refusals:
            return
        read = {(page.kind, str(row[key])) for found, *_ in rows for row in found for key in ("path", "external_id") if row.get(key)}
        for row in (row for found, *_ in rows for row in found if row["row"] == "playlist_item"):
            playlist = row["playlist_external_id"]
            read |= {("playlist_item", playlist), ("playlist_item", f"{playlist} #{row['position']}")}
        settled = (self.open_refusals & read) - self.refused
        self.db.executemany(
            f"update quarantine set resolved_at = {NOW} where platform = ? and kind = ? and item = ? and resolved_at is null",
            [(self.platform, *key) for key in settled],
        )

    def _pictures(self, page: Page, rows: list, pool: Pool) -> tuple[list, list]:
        """Decode the page's new pictures outside the transaction: [(row, digest, prepared or None)], refusals."""
        found, new = [], {}
        for row in (r for rs, *_ in rows for r in rs if r["row"] == "image"):
            data = row.get("data") or page.images.get(row.get("url") or "") or page.images.get(row["external_id"])
            digest = images.sha256(data) if data else None
            if digest and digest not in new and images.find(self.db, digest) is None:
                new[digest] = data
            found.append((row, digest))
        answers = dict(zip(new, pool.map(PREPARE, [(data,) for data in new.values()], returns=images.Prepared))) if new else {}
        bad = [("image", row["external_id"], answers[d].reason, None) for row, d in found if d in answers and not answers[d].ok]
        return [(row, d, answers[d].value if d in answers else None) for row, d in found if d not in answers or answers[d].ok], bad

    def _stored(self, pictures: list) -> Iterator[tuple[Any, int | None]]:
        for row, digest, prepared in pictures:
            id = images.find(self.db, digest) if digest else None
            if id is None and prepared:
                id = images.insert(self.db, prepared, self.platform, row.get("url"))
                self.report.pictures += 1
            yield row, id
