"""Fetching the pictures that platforms only name: each address once, a few at a time, decoded where they may do no harm.

A picture that cannot be had is a note beside its address, never a failure. Signed addresses expire, so the bytes are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from .. import images, net
from ..errors import PayloadError, RateLimited
from ..worker import Pool

PREPARE = "musicdb.images.prepare"
WANTED = """
select i.source_url, max(i.etag), max(coalesce(t.platform, r.platform)), max(i.image_id is not null)
from platform_images as i
left join platform_tracks as t on t.id = i.platform_track_id left join platform_releases as r on r.id = i.platform_release_id
where i.source_url is not null and coalesce(t.missing_since, r.missing_since) is null
  and (:platform is null or coalesce(t.platform, r.platform) = :platform)
  and (:again or (i.image_id is null and i.error is null)) and (i.position = 0 or :every)
group by i.source_url order by min(i.id) limit :limit
"""


@dataclass
class Report:
    """What `fetch` did: pictures fetched, unchanged since the last time, failed, and why."""

    fetched: int = 0
    unchanged: int = 0
    failed: int = 0
    notes: list[str] = field(default_factory=list)


def fetch(
    db,
    platform: str | None = None,
    *,
    again: bool = False,
    every: bool = False,
    limit: int = -1,
    allow: Collection[str] = (),
    rewrite: Mapping[str, str] | None = None,
    progress: Callable[[int, int | None, str], object] | None = None,
) -> Report:
    """Fetch pictures that platforms named and nobody fetched yet; then choose covers with `images.select`.

    platform: only its pictures. again: ask for those that are there too (unchanged ones cost no bytes) and try failed ones again.
    every: back covers and further pictures as well. allow, rewrite: as for net.Fetcher, for a replay server. progress(done, total, what).
    """
    wanted = db.execute(WANTED, {"platform": platform, "again": again, "every": every, "limit": limit}).fetchall()
    report = Report()
    if not wanted:
        return report
    whose = {url: name for url, _, name, _ in wanted}
    asked = [(url, etag if have else None) for url, etag, _, have in wanted]
    with Pool([PREPARE], workers=1) as pool:
        for done, answer in enumerate(_in_order(asked, net.fetch_images(asked, allow=allow, rewrite=rewrite)), 1):
            error, image_id = answer.error, None
            if isinstance(error, RateLimited):
                report.notes.append(f"{error}; {len(wanted) - done + 1} pictures wait for the next run")
                break
            if answer.data is not None:
                image_id = images.find(db, images.sha256(answer.data))
                if image_id is None:
                    image_id, error = _store(db, pool, answer, whose[answer.url])
            if error is not None:
                report.failed += 1
                if report.failed <= 3:
                    report.notes.append(str(error))
            elif answer.unchanged:
                report.unchanged += 1
            else:
                report.fetched += 1
            _keep(db, answer.url, image_id, answer.etag, error)
            if progress:
                progress(done, len(wanted), "covers")
    if report.failed > 3:
        report.notes.append(f"{report.failed - 3} more pictures could not be had; column error of table platform_images says why")
    return report


def glance(
    urls: Collection[str], size: str = "thumbnail", *, allow: Collection[str] = (), rewrite: Mapping[str, str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield (address, JPEG of that size) of pictures that are only looked at, as they come; nothing is kept. One that cannot be had is left out."""
    with Pool([PREPARE], workers=1) as pool:
        for answer in net.fetch_images(urls, allow=allow, rewrite=rewrite):
            if answer.data is not None:
                try:
                    prepared = pool.call(PREPARE, answer.data, returns=images.Prepared)
                except PayloadError:
                    continue
                yield answer.url, prepared.renditions[size].data


def _in_order(asked: list, answers: Iterator) -> Iterator:
    """Answers in the order asked, so that the same account gives the same ids; a few are held back at most."""
    held = {}
    for url, _ in asked:
        while url not in held:
            answer = next(answers)
            held[answer.url] = answer
        yield held.pop(url)


def _store(db, pool: Pool, answer, platform: str) -> tuple[int | None, PayloadError | None]:
    try:
        prepared = pool.call(PREPARE, answer.data, returns=images.Prepared)
    except PayloadError as error:
        return None, PayloadError(f"what came from {answer.url.partition('?')[0]} is no picture: {error}")
    with db.atomic():
        return images.insert(db, prepared, platform, answer.url), None


def _keep(db, url: str, image_id: int | None, etag: str | None, error: Exception | None) -> None:
    with db.atomic():
        if error is not None:  # a passing fault is tried again by the next run; what is gone or no picture is not
            reason = str(error) if isinstance(error, PayloadError) else None
            db.execute("update platform_images set error = ? where source_url = ? and error is not ?", [reason, url, reason])
        elif image_id is not None:
            db.execute("update platform_images set image_id = ?, etag = ?, error = null where source_url = ?", [image_id, etag, url])
