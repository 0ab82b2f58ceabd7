"""Decisions about links as a file that another database can read: JSON lines, found again by platform ids, ISRC and text.

    matchfile.write(db, "matches.jsonl")      # every accepted link, rejected link and merge
    matchfile.read(db, "matches.jsonl")       # the same links in a rebuilt database, or in another person's

It holds no path of a file and no listening. An id is believed where it means the same everywhere (a streaming service, Discogs); an id that
only one computer gave (a file, Rekordbox) must be borne out by title and artists, ISRC or the audio. What cannot be found is kept in
`quarantine` and tried again at the next read. A decision that a person made here stands.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .. import text
from ..errors import BadInput, UnknownSource
from ..matching.signs import SAME_MS, clean_isrc
from ..truth import deriving, merged
from . import MAKES_TRACKS, Decided, review
from .matchlines import OBSERVED, Line, Observation, Track, lines

if TYPE_CHECKING:
    from ..db import Database, Operation

HEAD = {"musicdb": "matches", "version": 1}
KIND = "match"  # of the rows in quarantine
LOCAL_IDS = ("files", "dj")  # kinds of platforms whose ids mean something on one computer only


OF_TRACK = "select platform_track_id from track_links where assigned_track_id = ? and status in ('auto', 'confirmed')"


@dataclass
class Report:
    """What `read` did. decided: {decision: how many were new}; unchanged: decided so already; yours: sentences, where a decision here
    says something else and stands; missing: sentences, of what was not found and is kept for later.
    """

    operation: int | None = None
    decided: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    yours: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def write(db: Database, path: str | Path) -> int:
    """Write the decisions to a file, UTF-8, one JSON object a line; return how many. The file is there whole or not at all."""
    path = Path(path).expanduser()
    content, n = dumped(db)
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}") from error
    return n


def dumped(db: Database) -> tuple[bytes, int]:
    """(the file's content, how many decisions it holds)."""
    found = [msgspec.json.encode(line) for line in lines(db)]
    return b"\n".join([msgspec.json.encode(HEAD), *found]) + b"\n", len(found)


# ---------- in


def read(db: Database, source: str | Path | Iterable[bytes] | None = None, *, by: str | None = None) -> Report:
    """Take over the decisions of a file as one operation, and those that an earlier read could not find a place for.

    source: a path, lines, or None for the earlier ones alone. What is decided already changes nothing. Raises UnknownSource for a file that
    is none of ours, BadInput for one that cannot be read or that has a broken line, and then takes nothing.
    """
    raw, name = _opened(source)
    found = _parsed(raw, name)
    asked: dict[str, Line] = {_item(line): line for line in (*_kept(db), *found)}
    report = Report()
    missing: dict[str, tuple[Line, str]] = {}
    with db.atomic():
        try:
            with db.operation("import matches", actor=by or "me", reason=f"decisions from {name or 'an earlier file'}") as op:
                reader = _Reader(db, report, op, by)
                for item, line in asked.items():
                    try:
                        reader.take(line)
                    except _NotFound as why:
                        missing[item] = (line, str(why))
                if not reader.keys:
                    raise _Nothing
                deriving.follow(db, reader.keys)
                report.operation = op.id
                op.details = {"decided": report.decided, "missing": len(missing)}
        except _Nothing:
            pass  # the operation is taken back: nothing was decided
        if missing or asked:
            _keep(db, missing, asked)
    report.missing = [why for _, why in missing.values()]
    return report


def _opened(source: str | Path | Iterable[bytes] | None) -> tuple[Iterable[bytes], str]:
    if source is None:
        return [], ""
    if not isinstance(source, str | Path):
        return source, ""
    path = Path(source).expanduser()
    try:
        return path.read_bytes().splitlines(), path.name
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error


def _parsed(raw: Iterable[bytes], name: str) -> list[Line]:
    decoder = msgspec.json.Decoder(Line)
    found: list[Line] = []
    head = False
    for number, one in enumerate(raw, 1):
        if not (one := one.removeprefix(b"\xef\xbb\xbf").strip()):
            continue
        if not head:
            head = True
            try:
                said = msgspec.json.decode(one)
            except (msgspec.DecodeError, UnicodeDecodeError):
                said = None
            if not isinstance(said, dict) or said.get("musicdb") != HEAD["musicdb"]:
                raise UnknownSource(f"{name or 'this'} is no file of matches; `musicdb export matches FILE` writes one")
            if said.get("version") != HEAD["version"]:
                raise UnknownSource(f"{name or 'this'} was written by a newer musicdb (version {said.get('version')}); upgrade musicdb")
            continue
        try:
            line = decoder.decode(one)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadInput(f"{name or 'line'}:{number}: {error}; nothing was taken from it") from error
        if (line.observation is None) if line.decision != "merge" else (line.into is None):
            raise BadInput(f"{name or 'line'}:{number}: {line.decision} lacks its {'into' if line.decision == 'merge' else 'observation'}")
        found.append(line)
    return found


class _Nothing(Exception):
    """All was decided so before."""


class _NotFound(Exception):
    """What a line is about is not in this database, or not clearly."""


class _Reader:
    """Finds what the lines are about, and decides it: one after the other, because what a track is may follow from the line before."""

    def __init__(self, db: Database, report: Report, op: Operation, by: str | None):
        self.db, self.report, self.op, self.by = db, report, op, by
        self.kinds = dict(db.execute("select name, kind from platforms").fetchall())
        self.merged_here = merged.into(db)  # before
        self.keys: list[deriving.Key] = []

    def take(self, line: Line) -> None:
        """Find both sides and decide. Raises _NotFound."""
        if line.decision == "merge":
            self._merge(line)
            return
        one, key = self.observation(line.observation)
        uid, track = self.track(line.track, one, makes=line.decision == "accept")
        if track is None and not (line.track.observations or line.track.also):
            uid, track = self._own(one, key) or (uid, None)
        before = Decided(self.db, [one])
        choice, refused = before.chosen.get(one), track is not None and self._refused(before, one, track)
        same = choice is not None and track is not None and self.root(choice.track) == self.root(track)
        if line.decision == "accept":
            if same:
                self.report.unchanged += 1
            elif choice or refused:
                self.report.yours.append(f"{line.observation}: here it {'is another track' if choice else 'was told apart from this one'}")
            else:
                if track is None:
                    sql = "insert into track_ids (track_uid, origin, operation_id) values (?, 'matches', ?)"
                    track = int(self.db.execute(sql, [uid, self.op.id]).lastrowid or 0)
                merges = review.taken_along(self.db, [(one, self.root(track), False)], [])
                self._decide(line, [("link", key, "track", _json(uid)), *merges], one, key, track)
        elif refused:
            self.report.unchanged += 1
        elif same:
            self.report.yours.append(f"{line.observation}: here it was accepted as {line.track}")
        else:
            self._decide(line, [("link", key, f"not:{uid}", "1")], one, key, track)

    def _decide(self, line: Line, rows: list[review.Decision], one: int | None, key: str, *tracks: int | None) -> None:
        """Write decisions of one line; links follow at once, values at the end."""
        self.db.executemany(review.INSERT, [(*row, line.note, self.by or line.by, self.op.id) for row in rows])
        self.keys += [row[:3] for row in rows]
        near = [track for track in tracks if track is not None]
        if one is not None and (was := self.db.value(review.ACTIVE, [one])) is not None:
            near.append(was)
        family = {track for pair in merged.into(self.db, near).items() for track in pair}.union(near)
        Decided(self.db, [] if one is None else [one], family).apply(self.db)
        if one is not None and self._makes(one):
            review.give_own(self.db, self.op, [(one, key, None)])
        self.report.decided[line.decision] = self.report.decided.get(line.decision, 0) + 1

    def _merge(self, line: Line) -> None:
        (one_uid, one), (_, into) = self.track(line.track), self.track(line.into)
        if one == into or self.root(one) == self.root(into):
            self.report.unchanged += 1
        elif one in self.merged_here:
            self.report.yours.append(f"{line.track}: here it was merged into another")
        else:
            parts = [part for (part,) in self.db.execute(OF_TRACK, [one])]
            before = Decided(self.db, parts)
            if any(self._refused(before, part, into) for part in parts):
                self.report.yours.append(f"{line.track}: here a part of it was told apart from {line.into}")
                return
            uid = self.db.value("select track_uid from track_ids where id = ?", [self.root(into)])
            self._decide(line, [("track", one_uid, "merged_into", _json(uid))], None, "", one, into)

    def root(self, track: int) -> int:
        """The track that this one is after merges."""
        return merged.roots(self.db, [track]).get(track, track)

    def _refused(self, before: Decided, one: int, track: int) -> bool:
        """Whether it was decided here that this observation is not that track, or what is that track now."""
        return review.told_apart(self.db, before.rejected.get(one, ()), track)

    def _own(self, one: int, key: str) -> tuple[str, int] | None:
        """(uid, id) of the track that an observation made here and still is."""
        sql = """
        select i.track_uid, i.id from track_links as k join track_ids as i on i.id = k.assigned_track_id and i.id = k.track_id
        where k.platform_track_id = ? and k.status in ('auto', 'confirmed') and i.origin = ?
        """
        return self.db.execute(sql, [one, key]).fetchone()

    # ---- observations

    def observation(self, told: Observation) -> tuple[int, str]:
        """(id, key) of the observation that is told of. Raises _NotFound."""
        found = self.observed(told)
        if not found:
            raise _NotFound(f"{told}: {told.platform} has nothing here that is it")
        if len(found) > 1:
            raise _NotFound(f"{told}: {len(found)} of {told.platform} could be it")
        return found[0][9], f"{found[0][0]}/{found[0][1]}"

    def observed(self, told: Observation) -> list[tuple]:
        exact = self._rows("p.platform = ? and p.external_id = ?", told.platform, told.id)
        if exact and (self.kinds.get(told.platform) not in LOCAL_IDS or self._alike(exact[0], told)):
            return exact
        ways: list[tuple[str, list[Any], Callable[[tuple], bool]]] = []
        if told.audio:
            ways.append(("f.audio_hash = ? and p.platform = ?", [told.audio, told.platform], lambda row: True))
        if isrc := clean_isrc(told.isrc):
            ways.append(("p.isrc = ? and p.platform = ?", [isrc, told.platform], lambda row: row[10] == told.key))
        near = lambda row: bool(told.duration_ms and row[6]) and abs(row[6] - told.duration_ms) <= SAME_MS  # noqa: E731
        if not told.key.startswith("|") and not told.key.endswith("|"):
            ways.append(("p.match_key = ? and p.platform = ?", [told.key, told.platform], near))
        for where, values, fits in ways:
            if found := [row for row in self._rows(where, *values) if fits(row)]:
                same_album = [row for row in found if told.album and row[5] and text.norm(row[5]) == text.norm(told.album)]
                return same_album or found
        return []

    def _rows(self, where: str, *values: Any) -> list[tuple]:
        return self.db.execute(OBSERVED.format(where=where), values).fetchall()

    def _alike(self, row: tuple, told: Observation) -> bool:
        isrc = clean_isrc(told.isrc)
        return row[10] == told.key or bool(isrc and isrc == row[7]) or bool(told.audio and told.audio == row[8])

    # ---- tracks

    def track(self, told: Track, but: int | None = None, *, makes: bool = False) -> tuple[str, int | None]:
        """(uid, id) of the track that is told of. Raises _NotFound.

        but: an observation that does not count, because the line is about where it belongs. makes: for one that a person made there and
        that is not here, id is None instead.
        """
        own = self.db.value("select id from track_ids where track_uid = ?", [told.uid])
        if own is not None and (told.decided or self._is(own, told)):
            return told.uid, own
        if told.decided and makes:
            return told.uid, None
        best = (self._votes(told.observations, but) or self._votes(told.also, but) or self._by_text(told)).most_common(2)
        if not best:
            raise _NotFound(f"{told} is not here")
        if len(best) == 2 and best[0][1] == best[1][1]:
            raise _NotFound(f"{told}: tracks {best[0][0]} and {best[1][0]} could be it")
        return self.db.value("select track_uid from track_ids where id = ?", [best[0][0]]), best[0][0]

    def _votes(self, told: list[Observation], but: int | None) -> Counter[int]:
        """The tracks that these observations are here."""
        votes: Counter[int] = Counter()
        for one in told:
            for row in self.observed(one)[:1]:
                if row[9] != but and (track := self.db.value(review.ACTIVE, [row[9]])) is not None:
                    votes[track] += 1
        return votes

    def _is(self, track: int, told: Track) -> bool:
        """Whether a track here that has the uid is the one that is told of: in two libraries a uid can be given twice."""
        root = self.root(track)
        if told.key == self.db.value("select match_key from tracks where id = ?", [root]):
            return True
        sql = "select 1 from track_links where (track_id = ? or assigned_track_id = ? or auto_track_id = ?) and platform_track_id = ?"
        return any(
            self.db.value(sql, [root, track, track, row[9]]) for one in (*told.observations, *told.also) for row in self.observed(one)
        )

    def _by_text(self, told: Track) -> Counter[int]:
        if told.key.startswith("|") or told.key.endswith("|"):
            return Counter()
        rows = self.db.execute(
            "select id, duration_ms from tracks where match_key = ? and deleted_at is null and merged_into_id is null", [told.key]
        ).fetchall()
        sql = "select 1 from external_ids where entity_type = 'track' and entity_id = ? and scheme = 'isrc' and value = ?"
        isrcs = [isrc for one in told.isrcs if (isrc := clean_isrc(one))]
        by_isrc = [id for id, _ in rows if any(self.db.value(sql, [id, isrc]) for isrc in isrcs)]
        near = [id for id, duration in rows if duration and told.duration_ms and abs(duration - told.duration_ms) <= SAME_MS]
        return Counter(by_isrc or near)

    def _makes(self, one: int) -> bool:
        sql = "select p.platform, p.in_library = 1 and p.missing_since is null from platform_tracks as p where p.id = ?"
        platform, there = self.db.execute(sql, [one]).fetchone()
        return bool(there) and self.kinds.get(platform) in MAKES_TRACKS


# ---------- what was not found
def _item(line: Line) -> str:
    told = line.observation or line.into
    about = [
        line.decision,
        line.track.uid,
        told.id if isinstance(told, Observation) else told.uid if told else "",
        getattr(told, "platform", ""),
    ]
    return hashlib.sha256(msgspec.json.encode(about)).hexdigest()[:20]


def _kept(db: Database) -> list[Line]:
    rows = db.execute("select payload from quarantine where platform = 'user' and kind = ? and resolved_at is null order by id", [KIND])
    return [msgspec.json.decode(payload, type=Line) for (payload,) in rows.fetchall()]


def _keep(db: Database, missing: dict[str, tuple[Line, str]], asked: Iterable[str]) -> None:
    """Keep what was not found, and close what now was."""
    have = {item: (id, reason, resolved) for id, item, reason, resolved in db.execute(
        "select id, item, reason, resolved_at from quarantine where platform = 'user' and kind = ?", [KIND])}  # fmt: skip
    now = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
    for item in asked:
        id, reason, resolved = have.get(item, (None, None, None))
        if item in missing:
            line, why = missing[item]
            if id is None:
                sql = f"insert into quarantine (platform, kind, item, payload, reason, at) values ('user', ?, ?, ?, ?, {now})"
                db.execute(sql, [KIND, item, _json(line), why])
            elif reason != why or resolved is not None:
                db.execute("update quarantine set reason = ?, resolved_at = null where id = ?", [why, id])
        elif id is not None and resolved is None:
            db.execute(f"update quarantine set resolved_at = {now} where id = ?", [id])


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
