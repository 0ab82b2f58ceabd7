"""What reading an account of a streaming service has in common, whichever it is: lists that stand alone, gaps that are said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from .. import net
from ..errors import LoginNeeded, SourceError, Transient
from ..shapes import Complete, Note, Page


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

    def cursor(self, entity: str) -> str | None:
        return None

    def is_fresh(self, entity: str) -> bool:
        return False


def login_of(platform: str, account: str | None, token: Any, instead: str = "") -> dict[str, Any]:
    """A copy of the login to use: the given one (a dict, or an access token alone), else the stored one. Raises LoginNeeded."""
    from .. import secrets

    found = token if token is not None else secrets.get(platform, account or "")
    found = {"access_token": found} if isinstance(found, str) else found
    command = f"musicdb login {platform}" + (f" --account {account}" if account else "")
    if not isinstance(found, dict) or not isinstance(found.get("access_token"), str) or not found["access_token"].strip():
        raise LoginNeeded(f"nobody is logged in to {platform.title()}: run `{command}`{instead}")
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
    the run: it is said, its checkpoint stays before the first gap, and nothing of it is marked as gone.
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
        return items, total, *version

    pages = net.paged(counting, **options)
    while True:
        try:
            page = next(pages)
        except StopIteration as stop:
            return stop.value, sum(gaps.values())
        first = next((offset for offset, lost in gaps.items() if lost), None)
        if first is not None and page.cursor is not None:
            page = replace(page, cursor=f"{first} {page.cursor.partition(' ')[2]}".rstrip())
        yield page


def items_of(body: Any, key: str, total: str, what: str, platform: str) -> tuple[list, int]:
    """(items, announced total) of an answer. Raises Transient where it is no page: an odd answer must not look like the end."""
    items, count = (body.get(key), body.get(total)) if isinstance(body, dict) else (None, None)
    if not isinstance(items, list) or isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise Transient(f"{platform.title()}'s answer holds no page of {what}: what was read is stored, run the same again later")
    return items, count
