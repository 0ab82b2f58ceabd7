"""Discogs' API through python3-discogs-client: the token in a header, connections kept, paced, with limits and in our own words.

The client's own back-off tries a hundred times, it has no timeout and puts the token into the address: its fetcher is replaced.
Only `_get` of the client is used: reading attributes of its objects makes requests that nobody sees.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlencode, urlsplit

from .. import net, secrets
from ..errors import LoginNeeded, MusicdbError, SourceError, Transient

OFFICIAL = "https://api.discogs.com"
TIMEOUT, DEADLINE_S, CAP = (5.0, 30.0), 60.0, 32 << 20
LOW = 10  # requests left in this minute from which on we wait between two
PAGE = 100  # the most that Discogs gives


class NotThere(SourceError):
    """Discogs has nothing at this address (404)."""


class Account:
    """One login. `made` counts requests; `base` is where the API is."""

    def __init__(self, token: Any, *, endpoint: str | None = None, account: str | None = None, progress: net.Progress | None = None,
                 sleep: Callable[[float], object] | None = None):  # fmt: skip
        login = token if isinstance(token, dict) else {"token": token}
        if not isinstance(login.get("token"), str) or not login["token"].strip():
            raise LoginNeeded("Discogs wants a token: run `musicdb login discogs`" + (f" --account {account}" if account else ""))
        self.base = str(endpoint or login.get("endpoint") or OFFICIAL).rstrip("/")
        self.most = PAGE
        self.username: str | None = login.get("username")
        self.account, self.progress, self.sleep = account or "", progress, sleep or net.pause
        self.session = net.requests_session(TIMEOUT, deadline_s=DEADLINE_S, cap=CAP)
        self.fetcher: Any = None  # for pictures
        self.client = _client(self.session, secrets.Secret(login["token"].strip()), self.base)

    @property
    def made(self) -> int:
        return self.session.requests_made

    def ask(self, path: str, what: str, **params: Any) -> dict[str, Any]:
        """Return the JSON object at a path. Waits where Discogs asks for it; raises NotThere, LoginNeeded, RateLimited, Transient."""
        address = f"{self.base}/{path}" + (f"?{urlencode(params)}" if params else "")
        return net.patient(lambda: self._once(address, what), progress=self.progress, what="Discogs", sleep=self.sleep)

    def _once(self, address: str, what: str) -> dict[str, Any]:
        from discogs_client.exceptions import HTTPError, MalformedResponseError

        fetcher = self.client._fetcher
        self._pace(fetcher)
        fetcher.status = fetcher.retry_after = None
        with net.words("discogs", what):
            try:
                body = self.client._get(address)
            except HTTPError as error:
                words = str(error).partition(": ")[2]
                raise self._failure(error.status_code, what, fetcher.retry_after, words) from None
            except (MalformedResponseError, KeyError, TypeError):  # no JSON, or an error that does not say "message"
                if fetcher.status is None or fetcher.status < 400:
                    raise Transient(
                        f"Discogs answered something that is no JSON ({what}): what was read is stored, run the same again later"
                    ) from None
                raise self._failure(fetcher.status, what, fetcher.retry_after) from None
        if not isinstance(body, dict):
            raise Transient(f"Discogs answered something unexpected ({what}): what was read is stored, run the same again later")
        return body

    def _failure(self, status: int, what: str, retry: str | None, words: str = "") -> SourceError:
        if status == 404:
            return NotThere(f"Discogs has no {what} (404)" + (f": {secrets.scrub(words)[:200]}" if words else ""))
        return net.failure(status, platform="discogs", what=what, retry=retry, detail=words, account=self.account)

    def _pace(self, fetcher: Any) -> None:
        """Discogs lets 60 requests a minute pass and says how many are left: near the end, go as fast as new ones come."""
        left, limit = _count(fetcher.rate_limit_remaining), _count(fetcher.rate_limit)
        if left is not None and left < LOW:
            self.sleep(60 / max(1, limit or 60) * (1 if left > 2 else 4))

    def identity(self) -> str:
        """The name of the person whose token it is."""
        name = self.ask("oauth/identity", "the identity").get("username")
        if not isinstance(name, str) or not name:
            raise Transient("Discogs did not say whose token this is: run the same again later")
        return name

    def page(self, path: str, key: str, what: str, **params: Any) -> Callable[[int, int], tuple[list, int]]:
        """Return get(offset, limit) -> (items, announced total) for `net.paged`."""

        def get(offset: int, limit: int) -> tuple[list, int]:
            try:
                body = self.ask(path, what, page=offset // limit + 1, per_page=limit, **params)
            except NotThere:
                if offset:
                    return [], -1  # the list became shorter meanwhile: no total is this, so it is read again from its start
                raise
            items, pages = body.get(key), body.get("pagination")
            total = pages.get("items") if isinstance(pages, dict) else None
            if not isinstance(items, list) or not isinstance(total, int) or isinstance(total, bool) or total < 0:
                raise Transient(f"Discogs' answer holds no page of {what}: what was read is stored, run the same again later")
            size = pages.get("per_page")
            if isinstance(size, int) and 0 < size < limit:
                raise net.PageTooLarge(size)
            return items, total

        return get

    def pictures(self, addresses: list[str]) -> tuple[dict[str, bytes], list[str]]:
        """Return ({address: bytes}, reasons why others did not come)."""
        found, reasons = {}, []
        if addresses and self.fetcher is None:
            from ..net.fetching import Fetcher

            own = {"allow": [urlsplit(self.base).netloc], "rewrite": {OFFICIAL: self.base}} if self.base != OFFICIAL else {}
            self.fetcher = Fetcher(**own)
        for address in addresses:
            try:
                found[address] = self.fetcher.fetch(address).data
            except MusicdbError as error:
                reasons.append(str(error))
        return found, reasons

    def close(self) -> None:
        self.session.close()
        if self.fetcher is not None:
            self.fetcher.close()


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 9 else None


def _client(session: Any, token: str, base: str) -> Any:
    """The real client with our fetcher."""
    import discogs_client
    from discogs_client.fetchers import UserTokenRequestsFetcher

    class Fetcher(UserTokenRequestsFetcher):
        backoff_enabled = False
        rate_limit = rate_limit_used = rate_limit_remaining = status = retry_after = None

        def request(self, method: str, url: str, data: Any, headers: dict[str, str], params: Any = None) -> Any:
            # params holds the token: in an address it would be in every log on the way
            answer = session.request(method, url, data=data, headers={**headers, "Authorization": f"Discogs token={self.user_token}"})
            self.status, self.retry_after = answer.status_code, answer.headers.get("Retry-After")
            return answer

        def fetch(self, *args: Any, **kwargs: Any) -> tuple[bytes, int]:
            content, status = super().fetch(*args, **kwargs)
            # A replay answers with addresses of its own; what is stored does not depend on where it listened.
            return (content if base == OFFICIAL else content.replace(base.encode(), OFFICIAL.encode())), status

    try:
        ours = version("musicdb")
    except PackageNotFoundError:
        ours = "0"
    client = discogs_client.Client(f"musicdb/{ours}", user_token=token)
    client._base_url, client._fetcher = base, Fetcher(token)
    return client
