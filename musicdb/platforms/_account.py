"""What reading an account of a streaming service has in common, whichever it is: lists that stand alone, gaps that are said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from .. import net, secrets
from ..errors import LoginNeeded, SourceError, Transient
from ..shapes import Complete, Note, Page, title


class NotGiven(SourceError):
    """The platform does not give this part (403, 404, 410): the rest is read. .status: what it answered."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


class Nothing:
    """Stands for `known` where there is no database: everything is new."""

    all = False

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.remember = self.notes.__setitem__
        self.recall = self.notes.get

    def playlists(self) -> dict[str, tuple]:
        return {}

    def folders(self) -> dict[str, str]:
        return {}

    def marked(self) -> list[str]:
        return []

    def cursor(self, entity: str) -> str | None:
        return None

    def is_fresh(self, entity: str) -> bool:
        return False


def login_of(platform: str, account: str | None, token: Any, instead: str = "") -> dict[str, Any]:
    """A copy of the login to use: the given one (a dict, or an access token alone), else the stored one. Raises LoginNeeded."""
    found = token if token is not None else secrets.get(platform, account or "")
    found = {"access_token": found} if isinstance(found, str) else found
    command = f"musicdb login {platform}" + (f" --account {account}" if account else "")
    if not isinstance(found, dict) or not isinstance(found.get("access_token"), str) or not found["access_token"].strip():
        raise LoginNeeded(f"nobody is logged in to {title(platform)}: run `{command}`{instead}")
    for name in ("access_token", "refresh_token"):
        if isinstance(found.get(name), str):
            secrets.remember(found[name])
    return dict(found)


def each(parts: Iterable[Callable[[], Iterator]]) -> Iterator:
    """Yield what every part yields. A part that fails is left for the next run and the others go on; the second failure ends the run."""
    failed: Transient | None = None
    for part in parts:
        try:
            yield from part()
        except Transient as error:
            if failed is not None:
                raise
            failed = error
    if failed is not None:
        raise failed


def read_list(
    get: Callable[[int, int], tuple], *, end: Callable[[int], Complete], known: Any, scope: str, what: str, head: Page | None = None,
    **options: Any,
) -> Iterator:  # fmt: skip
    """Yield a list page by page and, where it came whole, its end; return whether it did. options: those of `net.paged`.

    head: the page with the list's own row. It goes out when the list is known to answer, with a checkpoint: a run that stops right
    after it must not take the list for read. A list whose pages may be short (short_ok) and that is short in the end is no error of
    the run: it is said, its checkpoint stays before the first gap, and nothing of it is marked as gone. So is a page of nulls.
    """
    pages = _counted(get, scope=scope, known=known, what=what, **options)
    try:
        page = next(pages)
    except StopIteration as stop:
        page, (total, missing) = None, stop.value
    if head is not None:
        yield replace(head, scope=scope, cursor=known.cursor(scope) or "0")
    if page is not None:
        yield page
        total, missing = yield from pages
    if missing:
        yield Note(f"{what}: {total - missing} of {total} announced items came; nothing was marked as gone: run the same again later")
        return False
    yield replace(end(total), scope=scope)
    return True


def _counted(get: Callable[[int, int], tuple], **options: Any) -> Iterator[Page]:
    """`net.paged`, which also returns how many items are missing, and whose cursor never passes a gap."""
    gaps: dict[int, int] = {}
    last = 0

    def counting(offset: int, limit: int) -> tuple:
        nonlocal last
        items, total, *version = get(offset, limit)
        if offset < last:
            gaps.clear()  # from the start again
        last = offset
        gaps[offset] = 0 if total is None else max(0, min(limit, total - offset) - len(items))
        if any(item is not None for item in items):
            items = [{} if item is None else item for item in items]  # one place that is empty, among others
        elif len(items) > 1:
            gaps[offset] = limit  # a page of nothing but null says nothing
        return items, total, *version

    pages = net.paged(counting, **options)
    while True:
        try:
            page = next(pages)
        except StopIteration as stop:
            return stop.value, min(sum(gaps.values()), stop.value or 0)
        first = next((offset for offset, lost in gaps.items() if lost), None)
        if first is not None and page.cursor is not None:
            page = replace(page, cursor=f"{first} {page.cursor.partition(' ')[2]}".rstrip())
        yield page


def collected(
    get: Callable[[int, int], tuple], *, scope: str, limit: int, key: Callable, what: str, short_ok: bool = False
) -> tuple[list, int]:
    """(items of a list in its order, how many of those announced are missing). For a list of lists, which is not stored page by page."""
    places: dict[int, Any] = {}
    pages = _counted(
        get, kind="", scope=scope, limit=limit, key=key, what=what, short_ok=short_ok, wrap=lambda one, at: places.__setitem__(at, one)
    )
    while True:
        try:
            next(pages)
        except StopIteration as stop:
            total, missing = stop.value
            return [one for at, one in sorted(places.items()) if at < total], missing


def refusal(status: int, platform: str, what: str, words: str, retry: str | None, account: str) -> SourceError:
    """The error for a status: NotGiven for a part that is not there, else as `net.failure`, with what to do."""
    detail = f": {secrets.scrub(words)[:120]}" if words else ""
    if status in (403, 404, 410):
        return NotGiven(f"{title(platform)} does not give {what} ({status}{detail})", status)
    if status in (401, 408, 425, 429) or status >= 500:
        return net.failure(status, platform=platform, what=what, retry=retry, detail=words, account=account)
    return SourceError(f"{title(platform)} answered {status} for {what}{detail}; what was read is stored, run the same again later")


def items_of(body: Any, key: str, total: str, what: str, platform: str, offset: int | None = None) -> tuple[list, int]:
    """(items, announced total) of an answer. Raises Transient where it is no page, or another than asked for: it is not the end."""
    items, count = (body.get(key), body.get(total)) if isinstance(body, dict) else (None, None)
    if not isinstance(items, list) or isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise Transient(f"{title(platform)}'s answer holds no page of {what}: what was read is stored, run the same again later")
    told = body.get("offset")
    if offset is not None and isinstance(told, int) and told != offset:
        raise Transient(
            f"{title(platform)} answered with another page of {what} than asked for: what was read is stored, run the same again later"
        )
    return items, count


class Reading:
    """One reading of an account: what `fetch` of every streaming service does the same way."""

    platform = ""

    def __init__(self, api: Any, known: Any, account: str):
        self.api, self.known, self.account = api, known or Nothing(), account
        self.skipped: list[str] = []
        self.unchanged = 0

    def id(self, name: str) -> str:
        """External id of a list that every account has; a second account's has its name with it."""
        return f"{name}:{self.account}" if self.account else name

    def places(self, key: str, name: str, **more: Any) -> Callable[[Any, int], dict]:
        """wrap(item, position) -> payload of kind "place"."""
        return lambda item, position: {"name": f"{name} #{position + 1}", "playlist": key, "position": position, "item": item, **more}

    def one_by_one(self, tracks: Iterable[str], kind: str, *, wanted: bool) -> Iterator:
        """Yield tracks by their ids. wanted: a person asked for just these, so one that is not given is an error; else it is said."""
        for key in tracks:
            if not key.isascii() or not key.isalnum():
                continue  # a local file, or known by its words only
            try:
                sent = self.api.get(f"tracks/{key}", f"track {key}")
            except NotGiven as error:
                if wanted:
                    raise
                yield Note(str(error))
                continue
            yield Page(kind, [sent], renew=True)

    def unless_same(self, what: str, get: Callable, newest: str, head: Page | None = None, **options: Any) -> Iterator:
        """Yield a list, unless it was read lately and is as long, with the same newest item, as then: one request in place of many."""

        def mark(items: list, total: int) -> str:
            return f"{total} {items[0].get(newest) if items and isinstance(items[0], dict) else ''}"

        if self.known.is_fresh(what) and self.known.recall(what) == mark(*get(0, 1)):
            self.skipped.append(what)
            if head is not None:
                yield head
            return
        first: list[str] = []

        def marking(offset: int, limit: int) -> tuple[list, int]:
            items, total = get(offset, limit)
            if offset == 0:
                first[:] = [mark(items, total)]
            return items, total

        whole = yield from read_list(marking, known=self.known, scope=what, what=f"{title(self.platform)}'s {what}", head=head, **options)
        if whole and first:
            self.known.remember(what, first[0])

    def sorted_by_change(self, payloads: list[dict], version: Callable[[dict], str | None]) -> tuple[list[dict], list[dict]]:
        """(unchanged, to be read): unchanged is a playlist whose version is the stored one, and that was read to its end."""
        have, same, changed = self.known.playlists(), [], []
        for payload in payloads:
            key, now = payload["external_id"], version(payload["playlist"])
            as_before = now is not None and have.get(key, (None,))[0] == now and self.known.cursor(scope_of(key)) is None
            (same if as_before else changed).append(payload)
        self.unchanged = len(same)
        return same, changed

    def said(self, *more: str) -> Note:
        words = [f"{self.api.made} requests", *more]
        if self.unchanged:
            words.append(f"{self.unchanged} playlists unchanged")
        words += [f"{name} as when they were read last (--all reads them again)" for name in self.skipped]
        return Note("; ".join(words))


def scope_of(playlist: str) -> str:
    """The name of a playlist's checkpoint."""
    return f"playlist {playlist}"


def places_end(key: str) -> Callable[[int], Complete]:
    """end(total) for `read_list` of what is in a playlist."""
    return lambda total: Complete("playlist_item", within=key, total=total)
