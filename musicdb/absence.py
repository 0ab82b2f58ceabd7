"""The end of a list: what was known and did not come is marked, never deleted. An empty or short answer is not believed."""

from __future__ import annotations

from .observations import NOW
from .shapes import Complete


def complete(run, end: Complete) -> None:
    """Mark what is gone. Refuses to believe an empty or short answer: absence must be shown, not assumed."""
    w, db = run.writer, run.db
    for entity, keys in run.known.resumed.items():
        w.seen[entity] |= keys
    if end.scope is not None:
        with db.atomic():
            run.start()
            run.checkpoint(end.scope, None)
        run.listed.pop(end.scope, None)
    if end.of == "playlist_item":
        _complete_items(run, end)
        return
    if end.of == "collection_item":
        _complete_copies(run, end)
        return
    table = f"platform_{end.of}s"
    where, params = "", []
    if end.of == "playlist":
        where, params = f"and account = ? and external_id {'like' if end.within else 'not like'} 'export:%'", [run.account]
    elif end.within is not None:
        root = end.within
        where = "and id in (select platform_track_id from media_files where path = ? or (path >= ? and path < ?))"
        params = [root, *_below(root)]
    in_library = "and in_library = 1" if end.of == "track" else ""
    known = db.execute(
        f"select external_id, id from {table} where platform = ? and missing_since is null {in_library} {where}", [run.platform, *params]
    ).fetchall()
    seen = w.seen[end.of]
    if end.total is not None and len(seen) < end.total:
        run.report.notes.append(f"only {len(seen)} of {end.total} announced {end.of}s came: nothing was marked as gone; run it again")
        return
    gone = [id for key, id in known if key not in seen]
    if gone and len(gone) == len(known) and not seen:
        place = end.within or run.report.source or run.platform
        run.report.notes.append(f"{place} was empty, {len(gone)} {end.of}s were known: none was marked as gone (is the drive there?)")
        return
    with db.atomic():
        if gone:
            run.start()
            db.executemany(f"update {table} set missing_since = {NOW} where id = ?", [(i,) for i in gone])
            run.report.vanished += len(gone)
        _forget_refusals(run, end)


def _forget_refusals(run, end: Complete) -> None:
    """Refused items below a completely read root that were not met again are gone too."""
    if end.of != "track" or end.within is None:
        return
    low, high = _below(end.within)
    gone = [k for k in run.open_refusals - run.refused if k[1] == end.within or low <= k[1] < high]
    run.db.executemany(
        f"update quarantine set resolved_at = {NOW} where platform = ? and kind = ? and item = ? and resolved_at is null",
        [(run.platform, *key) for key in gone],
    )


def _complete_items(run, end: Complete) -> None:
    w, db = run.writer, run.db
    n = w.places[end.within] if end.total is None else end.total
    list_id = w.id_of("playlist", end.within)
    where = "platform_playlist_id = ? and removed_at is null and (position < 0 or position >= ?)"
    if db.value(f"select 1 from platform_playlist_items where {where}", [list_id, n]):
        with db.atomic():
            run.start()
            cursor = db.execute(
                f"update platform_playlist_items set removed_at = {NOW}, position = abs(position) where {where}", [list_id, n]
            )
            w.counts["items_removed"] += cursor.rowcount


def _complete_copies(run, end: Complete) -> None:
    key = (run.platform, run.account, end.within)
    known = run.db.execute(
        "select instance_id, id from collection_items where platform = ? and account = ? and status = ? and removed_at is null", key
    ).fetchall()
    seen = run.writer.seen["collection_item"]
    gone = [(id,) for instance, id in known if instance not in seen]
    if end.total is not None and len(known) - len(gone) < end.total:
        run.report.notes.append(f"only {len(known) - len(gone)} of {end.total} announced {end.within} copies came: none was marked as gone")
    elif gone:
        with run.db.atomic():
            run.start()
            run.db.executemany(f"update collection_items set removed_at = {NOW} where id = ?", gone)
            run.report.vanished += len(gone)



def _below(root: str) -> tuple[str, str]:
    """Bounds of all paths below a folder, for an index."""
    cut = root.rstrip("/\\")
    mark = "\\" if "\\" in root and "/" not in root else "/"
    return cut + mark, cut + chr(ord(mark) + 1)
