"""Writing plays, raw and canonical, many at a time: within the caller's transaction. Used by `load` and by `listens.add`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from ..schema import NOW, PUT_OFF
from ..shapes import Play

RAW = """
insert into listens_raw (id, user_id, platform, source_item, listened_at, import_batch_id, ingested_at, payload)
values (?, ?, ?, ?, ?, ?, ?, ?)
"""
LISTEN = """
insert into listens (raw_id, user_id, platform, track_external_id, listened_at, utc_offset_min, ms_played, context)
values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (user_id, platform, listened_at, track_external_id) do nothing
"""
KEPT = 20_000
BETWEEN = "select 1 from listens_raw where user_id = ? and listened_at between ? and ? and platform = ? limit 1"
HAVE = """
select r.listened_at, r.source_item
from json_each(?) as j
cross join listens_raw as r on r.user_id = ? and r.listened_at = j.value and r.platform = ?
"""


def store(writer: Any, plays: Sequence[Play]) -> bool:
    """Store plays: the same (user, time, source, item) twice is one play. Counts listens_new, listens_known and other_plays.

    Returns whether some of them, of the same page sent anew say, were known.
    """
    if not plays:
        return False
    db, platform, user_id, counts = writer.db, writer.platform, writer.user_id, writer.counts
    have = _have(writer, [play[0] for play in plays])
    id = db.value("select max(id) from listens_raw") or 0
    now, batch, raw, music = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), None, [], []
    for at, item, track, played_ms, offset, context, payload in plays:
        key = (at, item)
        if key in have:
            continue
        if batch is None:
            batch = writer.batch()
        have.add(key)
        id += 1
        raw.append((id, user_id, platform, item, at, batch, now, payload))
        if track is not None:
            music.append((id, user_id, platform, track, at, offset, played_ms, context))
    met = len(raw) < len(plays)
    counts["listens_known"] += len(plays) - len(raw)
    if not raw:
        return met
    db.executemany(RAW, raw)
    new = db.executemany(LISTEN, music).rowcount if music else 0
    counts["listens_new"] += new
    counts["listens_known"] += len(music) - new  # the same track at the same second, under another name of the item
    counts["other_plays"] += len(raw) - len(music)
    return met


def _have(writer: Any, times: list[str]) -> set[tuple[str, str]]:
    """(time, item) of plays of these moments that are stored. Not of their span: Spotify's older files are in no order."""
    if not writer.db.value(BETWEEN, [writer.user_id, min(times), max(times), writer.platform]):
        return set()
    return set(writer.db.execute(HAVE, [msgspec.json.encode(sorted(set(times))).decode(), writer.user_id, writer.platform]))


SLACK = timedelta(hours=12)  # plays are in the order of their ends; and the two ends of a page are not looked at
WITHIN = """
select r.listened_at, r.source_item, l.id, l.missing_since, b.id
from listens_raw as r
join {file}.import_batches as b on b.id = r.import_batch_id and b.kind = ? and b.account = ?
join listens as l on l.raw_id = r.id
where r.user_id = ? and r.listened_at > ? and r.listened_at < ? and r.platform = ?
"""


def mark_gone(writer: Any, kind: str, times: Sequence[str], keys: set[tuple[str, str]]) -> None:
    """Mark plays that this page of a newer export should have and has not, and unmark those that are back. Counts gone and back.

    times: of its plays, in the order of the file: a page in order of time has all plays of its span. Nothing is marked where most of what is
    known of that span is not in it: that is another account's export.
    """
    moments = [datetime.fromisoformat(at) for at in times]
    if len(moments) < 2 or any(after < before - SLACK for before, after in pairwise(moments)):
        return
    low, high = (at.strftime("%Y-%m-%dT%H:%M:%SZ") for at in (min(moments) + SLACK, max(moments) - SLACK))
    known = writer.db.execute(
        WITHIN.format(file=writer.db.diary), [kind, writer.account, writer.user_id, low, high, writer.platform]
    ).fetchall()
    gone = [(id,) for at, item, id, missing, _ in known if (at, item) not in keys and missing is None]
    back = [(id,) for at, item, id, missing, _ in known if (at, item) in keys and missing is not None]
    if gone and 2 * sum((at, item) in keys for at, item, *_ in known) >= len(known):
        writer.db.executemany(f"update listens set missing_since = {NOW} where id = ?", gone)
        # The page that brought them is looked at again should it come back.
        writer.db.executemany(f"update {writer.db.diary}.import_batches set sha256 = null where id = ?", {(r[4],) for r in known if (r[2],) in gone})
        writer.counts["plays_gone"] += len(gone)
    writer.db.executemany("update listens set missing_since = null where id = ?", back)
    writer.counts["plays_back"] += len(back)


class Relief:
    """A long import does without the one index whose entries come in no order, and makes it again at its end (or `open` does).

    With a page of it written anew for every other play, a million plays took twice as long.
    """

    INDEX, BULK = PUT_OFF, 20_000

    def __init__(self, writer: Any):
        self.writer, self.made, self.share = writer, None, self.BULK

    def page(self) -> None:
        """After each page: drop the index where this run has brought many plays, and most of those there are."""
        new, db = self.writer.counts["listens_new"], self.writer.db
        if self.made or new < self.share:
            return
        self.share = new * 2
        if (db.value("select count(*) from listens") or 0) > 3 * new:
            return
        with db.atomic():
            self.made = db.value(f"select sql from {db.diary}.sqlite_master where name = ?", [self.INDEX])
            db.execute(f"drop index if exists {db.diary}.{self.INDEX}")

    def end(self) -> None:
        """Make it again."""
        if self.made:
            db, (_, _, rest) = self.writer.db, self.made.partition(self.INDEX)
            with db.atomic():
                db.execute(f"create index if not exists {db.diary}.{self.INDEX}{rest}")
            self.made = None


def tracks(writer: Any, plays: Iterable[Play], rows: Callable[[str, Any], Iterable], kind: str) -> None:
    """Store what plays say of tracks that are not known yet."""
    if len(writer.ids) > KEPT:  # years of listening know a hundred thousand tracks; what is forgotten is looked up again
        writer.ids.clear()
    first = {play[2]: play[6] for play in plays if play[2] is not None and ("track", play[2]) not in writer.ids}
    writer.look_up("track", first)
    new = [(row, text.encode(), kind) for id, text in first.items() if ("track", id) not in writer.ids
           for row in rows(kind, msgspec.json.decode(text)) if row["row"] == "track"]  # fmt: skip
    writer.entities("track", new)
