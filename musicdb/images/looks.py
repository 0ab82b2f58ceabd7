"""How stored pictures look: filling it in where it is not known yet, and which of them are nearly the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..db import Row, Rows
from ..worker import Pool
from . import alike

if TYPE_CHECKING:
    from ..db import Database

SIGNATURE = "musicdb.images.alike.signature"
AT_ONCE = 200  # pictures a transaction
UNKNOWN = """
select m.id, r.data
from images as m
join image_renditions as r on r.image_id = m.id and r.size = 'small'
where (m.dhash is null or m.tint is null) and m.id > ?
order by m.id
limit ?
"""
# The one that stands for a group comes first: the largest, of these the one that came first.
ALL = "select id, dhash, tint, width, height, platform from images where dhash <> '' order by ifnull(width, 0) * ifnull(height, 0) desc, id"
COLUMNS = "image_id width height platform same".split()


def fill(db: Database, progress: Callable[[int, int | None, str], object] | None = None) -> tuple[int, int]:
    """Note how pictures look that were stored before that was known. Returns (done, could not be read: those are like no other).

    Pictures are decoded in a worker process, from our own small renditions; it can be stopped at any time.
    """
    total = db.value("select count(*) from images where dhash is null or tint is null")
    done = failed = last = 0
    if not total:
        return 0, 0
    with Pool([SIGNATURE]) as pool:
        while rows := db.execute(UNKNOWN, [last, AT_ONCE]).fetchall():
            last = rows[-1][0]
            answers = list(pool.map(SIGNATURE, [(data,) for _, data in rows], returns=tuple[str, str]))
            with db.atomic():
                looks = [answer.value if answer.reason is None else ("", "") for answer in answers]  # '' = looked at, and no picture to anyone
                db.executemany("update images set dhash = ?, tint = ? where id = ?", [(*look, id) for (id, _), look in zip(rows, looks, strict=True)])
            n = sum(look[0] != "" for look in looks)
            done, failed = done + n, failed + len(rows) - n
            if progress:
                progress(done + failed, total, "pictures")
    return done, failed


def same(db: Database) -> Rows:
    """Groups of pictures that look the same, the largest group first: image_id (the largest of the group), width, height, platform, same (the
    ids of the others, each like that one).
    """
    rows = {row[0]: row[1:] for row in db.execute(ALL)}
    looks = {id: look for id, row in rows.items() if (look := alike.Look.of(*row[:4])) is not None}
    groups = sorted(alike.groups(looks).items(), key=lambda group: (-len(group[1]), group[0]))
    found = [Row(zip(COLUMNS, [id, rows[id][2], rows[id][3], rows[id][4], others])) for id, others in groups]
    return Rows(found, COLUMNS, db)
