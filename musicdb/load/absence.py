"""The end of a list: what was known and did not come is marked, never deleted. An empty or short answer is not believed."""

from __future__ import annotations

from ..shapes import Complete
from .observations import NOW


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
    if end.within is not None and end.of == "track":
        low, high = _below(end.within)
        known = {have[0] for path, have in run.known.read_files.items() if not have[-1] and (path == end.within or low <= path < high)}
    else:
        in_library = "and in_library = 1" if end.of == "track" else ""
        sql = f"select external_id from {table} where platform = ? and missing_since is null {in_library} {where}"
        known = {r[0] for r in db.execute(sql, [run.platform, *params])}
    seen = w.seen[end.of]
    if end.total is not None and len(seen) < end.total:
        run.report.notes.append(f"only {len(seen)} of {end.total} announced {end.of}s came: nothing was marked as gone; run it again")
        return
    gone = known - seen
    if gone and gone == known and not run.known.all and not _anything_came(run, end):
        place = end.within or run.report.source or run.platform
        text = f"{place} was empty, {len(gone)} {end.of}s were known: none was marked as gone (is the drive there?); --all believes it"
        run.report.notes.append(text)
        return
    with db.atomic():
        if gone:
            run.start()
            db.executemany(f"update {table} set missing_since = {NOW} where platform = ? and external_id = ?", [(run.platform, key) for key in gone])
            run.report.vanished += len(gone)
        _forget_refusals(run, end)


def _anything_came(run, end: Complete) -> bool:
    seen = run.writer.seen[end.of]
    if end.within is None or end.of != "track":
        return bool(seen)
    sql = (
        "select p.external_id from media_files as f cross join platform_tracks as p on p.id = f.platform_track_id "  # the files first
        "where f.path = ? or (f.path >= ? and f.path < ?)"
    )
    return any(r[0] in seen for r in run.db.execute(sql, [end.within, *_below(end.within)]))


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


COPIES = """
select c.instance_id, c.id, c.platform_release_id
from collection_items as c
where c.platform = ? and c.account = ? and c.status = ? and c.removed_at is null
"""


def _complete_copies(run, end: Complete) -> None:
    exported, status = (end.within or "").startswith("export:"), (end.within or "").removeprefix("export:")
    known = run.db.execute(COPIES, [run.platform, run.account, status]).fetchall()
    own = [copy for copy in known if copy[0].startswith("export:") == exported]
    seen = run.writer.seen["collection_item"]
    gone = [(id,) for instance, id, _ in own if instance not in seen]
    if end.total is not None and len(own) - len(gone) < end.total:
        run.report.notes.append(f"only {len(own) - len(gone)} of {end.total} announced {status} copies came: none was marked as gone")
        return
    # What an export told is the same copy that the account tells now.
    releases = {release for instance, _, release in own if instance in seen}
    twice = [] if exported else [(id,) for instance, id, release in known if instance.startswith("export:") and release in releases]
    if gone or twice:
        with run.db.atomic():
            run.start()
            run.db.executemany(f"update collection_items set removed_at = {NOW} where id = ?", gone + twice)
            run.report.vanished += len(gone)


def _below(root: str) -> tuple[str, str]:
    """Bounds of all paths below a folder, for an index."""
    cut = root.rstrip("/\\")
    mark = "\\" if "\\" in root and "/" not in root else "/"
    return cut + mark, cut + chr(ord(mark) + 1)
