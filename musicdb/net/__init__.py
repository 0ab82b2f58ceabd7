"""The one door for bytes from outside: patience, paging, sessions with limits, and failures in the words of `musicdb.errors`.

    items = patient(lambda: get(...), progress=progress, what="Spotify")
    total = yield from paged(get, kind="saved_track", scope="me/tracks", limit=50, known=known)

Nothing here knows a platform.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

from ..errors import LoginNeeded, RateLimited, SourceError, Transient
from ..secrets import scrub
from ..shapes import Page, title

Progress = Callable[[int, int | None, str], object]
LONGEST_WAIT_S = 300.0
RESTARTS = 3


class PageTooLarge(Exception):
    """Raised by a `get` for `paged` when the server takes only smaller pages; `limit` is what it takes."""

    def __init__(self, limit: int):
        super().__init__(f"at most {limit} items a page")
        self.limit = limit


# ---- patience


def patient(
    call: Callable[[], Any], *, progress: Progress | None = None, what: str = "", tries: int = 4, cap_s: float = LONGEST_WAIT_S,
    sleep: Callable[[float], object] | None = None,
) -> Any:  # fmt: skip
    """Return call(), tried again after RateLimited (as long as it says) and Transient (1, 2, 4 s).

    progress gets a countdown: (seconds waited, seconds in all, "waiting 12 s for Spotify"). All waits of one call together last at
    most cap_s; a longer one raises RateLimited with when to go on. LoginNeeded and everything else is raised at once.
    """
    waited = 0.0
    for attempt in range(1, tries + 1):
        try:
            return call()
        except RateLimited as error:
            wait = max(0.0, float(error.wait_s))
            if waited + wait > cap_s:
                raise RateLimited(_later(what, wait), wait) from None
            if attempt == tries:
                raise
        except Transient:
            if attempt == tries:
                raise
            wait = float(2 ** (attempt - 1))
            if waited + wait > cap_s:
                raise
        _count_down(wait, what, progress, sleep or pause)
        waited += wait
    raise AssertionError("the last try returns or raises")


def pause(seconds: float) -> None:
    """Sleep. A name of its own, so that a test can do without."""
    time.sleep(seconds)


def _later(what: str, wait: float) -> str:
    at = time.strftime("%H:%M", time.localtime(time.time() + wait + 59))
    long = f"{wait / 3600:.1f} hours" if wait >= 5400 else f"{wait / 60:.0f} minutes" if wait >= 90 else f"{wait:.0f} s"
    return f"{what or 'the platform'} asks to wait {long}: what was read is stored; run the same again after {at}, it goes on from there"


def _count_down(wait: float, what: str, progress: Progress | None, sleep: Callable[[float], object]) -> None:
    left = wait
    while left > 0:
        if progress:
            progress(int(wait - left), int(wait + 0.999), f"waiting {left:.0f} s for {what or 'the platform'}")
        step = min(1.0, left)
        sleep(step)
        left -= step


def retry_after(value: str | None, default: float = 30.0) -> float:
    """Seconds that a Retry-After header asks for: a number or an HTTP date; `default` where it says nothing usable."""
    if value is None:
        return default
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return default
    return max(0.0, seconds) if seconds == seconds and seconds >= 0 else default


def failure(
    status: int, *, platform: str, what: str = "", retry: str | float | None = None, detail: str = "", account: str = ""
) -> SourceError:
    """Return the error for an HTTP status: platform "spotify", what "liked songs", retry: the Retry-After header, detail: its words."""
    name = title(platform)
    of = f" for {what}" if what else ""
    if status == 401:
        command = f"musicdb login {platform}" + (f" --account {account}" if account else "")
        return LoginNeeded(f"{name} no longer accepts the login (401{of}): run `{command}`")
    if status == 429:
        wait = retry_after(str(retry)) if retry is not None else 30.0
        return RateLimited(f"{name} asks to wait {wait:.0f} s (429{of}): what was read is stored, run the same again later", wait)
    said = f": {scrub(str(detail))[:200]}" if detail else ""
    if status >= 500 or status in (408, 425):
        return Transient(f"{name} answered {status}{of}{said}: what was read is stored, run the same again later")
    return SourceError(f"{name} answered {status}{of}{said}")


@contextmanager
def words(platform: str, what: str = "") -> Iterator[None]:
    """Turn what `requests` and a JSON reader raise inside into Transient: no answer, a broken one, one that is no JSON.

    Clients' own exceptions are caught by the platform, inside.
    """
    import requests

    name, of = title(platform), f" ({what})" if what else ""
    again = "what was read is stored, run the same again"
    try:
        yield
    except requests.exceptions.JSONDecodeError:
        raise Transient(f"{name} answered something that is no JSON{of}: {again} later") from None
    except requests.Timeout:
        raise Transient(f"{name} did not answer in time{of}: {again}") from None
    except requests.RequestException as error:
        # The text of the cause holds the address, and an address may hold a token: name the kind only.
        raise Transient(f"no usable answer from {name}{of}: {_kind(error)}; is the network there? {again}") from None
    except ValueError as error:
        raise Transient(f"{name} answered something unreadable{of}: {scrub(str(error))[:120]}; {again} later") from None


def _kind(error: BaseException) -> str:
    text = scrub(str(error))
    return text if type(error).__module__.startswith("musicdb") else type(error).__name__


# ---- pages


def paged(
    get: Callable[[int, int], tuple], *, kind: str, scope: str, limit: int, known: Any = None,
    wrap: Callable[[Any, int], Any] | None = None, key: Callable[[Any], Hashable] | None = None, short_ok: bool = False,
    what: str = "",
) -> Iterator[Page]:  # fmt: skip
    """Yield a Page for every page of a list, from where known.cursor(scope) stopped; return the total that the server announced.

        total = yield from paged(...)
        yield Complete("playlist_item", within=id, total=total, scope=scope)

    get(offset, limit) -> (items, total or None[, version]); it does its own waiting (`patient`) and may raise PageTooLarge. Offsets
    are multiples of the limit; without a total the list ends at the first empty page.
    wrap(item, position) -> payload, position being the server's, from 0; left out: the item as sent. None items are places too.
    key(item): identity of an item, where a list cannot hold it twice: a repeat means that the list moved under the reader.
    short_ok: a page may be shorter than asked for, but not empty, before the end (the server leaves out what it may not play).

    Starts again when total or version change on the way, asks again for a page that is too short, both a few times; then raises
    Transient naming what is missing. Its pages are stored by then and the cursor stands before the gap: nothing may be marked as gone.
    """
    name = what or scope
    offset, mark = _resume(known, scope, limit)
    for _ in range(RESTARTS + 1):
        missing, keys, moved, hold, end = 0, set(), False, None, offset
        while True:
            try:
                items, mark_now, limit = _page(get, offset, limit, short_ok)
            except PageTooLarge as refusal:
                if not 0 < refusal.limit < limit:
                    raise Transient(f"{name}: the server refuses pages of {limit} items; run the same again later") from None
                limit = refusal.limit
                offset = offset // limit * limit
                continue
            if mark is not None and mark_now != mark:
                moved = True  # what stands at an offset is no longer what stood there when the pages before were read
                break
            mark = mark_now
            total = mark[0]
            lost = _lost(items, total, offset, limit, short_ok)
            if lost and hold is None:
                hold = offset
            missing += lost
            new = [key(item) for item in items if item is not None] if key else []
            if len(keys | set(new)) < len(keys) + len(new):
                moved, hold = True, 0
            keys.update(new)
            after = offset + max(limit, len(items))
            if items:
                end = offset + len(items)
                payloads = [wrap(item, offset + place) for place, item in enumerate(items)] if wrap else list(items)
                yield Page(kind, payloads, scope=scope, cursor=_cursor(after if hold is None else hold, mark), total=total)
            if moved or (after >= total if total is not None else not items):
                break
            offset = after
        if not moved:
            break
        offset, mark = 0, None
    else:
        raise Transient(f"{name} changed again and again while it was read; what came is stored: run the same again later")
    if missing:
        raise Transient(f"{name}: {total - missing} of {total} announced items came; nothing was marked as gone: run the same again")
    return end if total is None else total


def _page(get: Callable[[int, int], tuple], offset: int, limit: int, short_ok: bool) -> tuple[list, tuple, int]:
    """(items, (total, version), limit); a page shorter than it must be is asked for twice more."""
    for _ in range(3):
        items, total, *version = get(offset, limit)
        if not _lost(items, total, offset, limit, short_ok):
            break
    return items, (total, str(version[0]) if version and version[0] is not None else ""), limit


def _lost(items: list, total: int | None, offset: int, limit: int, short_ok: bool) -> int:
    owed = 0 if total is None else max(0, min(limit, total - offset))
    return 0 if short_ok and items else max(0, owed - len(items))


def _cursor(offset: int, mark: tuple[int | None, str]) -> str:
    return f"{offset} {'' if mark[0] is None else mark[0]} {mark[1]}".rstrip()


def _resume(known: Any, scope: str, limit: int) -> tuple[int, tuple[int | None, str] | None]:
    """(offset, (total, version) of the list at that time or None) from the stored cursor."""
    first, _, rest = ((known.cursor(scope) if known is not None else None) or "").partition(" ")
    if not first.isdigit():
        return 0, None
    total, _, version = rest.partition(" ")
    offset = int(first)
    if not total.isdigit():
        return offset // limit * limit, None
    # Everything was stored but not called complete: the last page is asked for again, for beyond it some servers say 404.
    return min(offset, max(0, int(total) - 1)) // limit * limit, (int(total), version)


# ---- sessions for the clients that use `requests`


def requests_session(
    timeout: tuple[float, float] = (5.0, 30.0), *, deadline_s: float = 120.0, cap: int = 64 << 20, retry: Any = 0,
    rewrite: Mapping[str, str] | None = None, proxies: Mapping[str, str] | None = None,
) -> Any:  # fmt: skip
    """Return a requests.Session for tidalapi, spotipy or discogs_client that cannot hang, fill the memory or go elsewhere.

    timeout: (connect, read) seconds where the caller gives none; deadline_s: for a whole answer; cap: bytes of a decoded body.
    retry: urllib3's Retry, or 0. rewrite: {prefix of an address: prefix to use in its place}, for addresses that a client has
    built in. Neither proxies nor passwords are taken from the environment or ~/.netrc. A redirect to another host is refused.
    session.requests_made counts. Raises TooLarge, OtherHost and requests.Timeout, all of them requests.RequestException.
    """
    from . import session as _session

    return _session.make(timeout, deadline_s, cap, retry, dict(rewrite or {}), dict(proxies or {}))


# ---- pictures


def fetch_image(url: str, **options: Any) -> Any:
    """Fetch a picture within limits, from public addresses only. See `fetching.Fetcher` for options, `fetching.Fetched` for what comes."""
    from . import fetching

    return fetching.fetch_image(url, **options)


def fetch_images(wanted: Iterable[str | tuple[str, str | None]], **options: Any) -> Iterator[Any]:
    """Fetch several pictures, a few at a time, as `fetching.fetch_images` does."""
    from . import fetching

    return fetching.fetch_images(wanted, **options)
