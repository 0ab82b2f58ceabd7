"""The guard in front of Datasette: it answers this computer's own pages only, or who brings the token of a shared library.

Without it any web page can read the library through a name that it points at 127.0.0.1 (DNS rebinding), or post a form to a writable
query; and `/\\example.com/` redirects to another site. Every page says what a browser may load for it: nothing but our own.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from . import share

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Datasette writes <style> into its table pages and the editor sets styles; no script stands in a page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin"), (b"cross-origin-opener-policy", b"same-origin"))


def hostname(host: str) -> str | None:
    """'localhost:8001' -> 'localhost', '[::1]:8001' -> '::1'; None for what is no host and port."""
    try:
        parts = urlsplit(f"//{host}")
        if parts.netloc != host or "@" in host or (parts.port is None and host.endswith(":")):
            return None
        return parts.hostname
    except ValueError:
        return None


def refusal(method: str, path: str, headers: Iterable[tuple[bytes, bytes]], allowed: Iterable[str] | None = ()) -> str | None:
    """Why a request is refused, or None. headers: raw (name, value) pairs as ASGI has them; allowed: further host names, None for every one."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip())
    hosts = values.get("host", [])
    host = hostname(hosts[0]) if len(hosts) == 1 else None
    if host is None or (allowed is not None and host not in LOCAL | {name.lower() for name in allowed}):
        return "This library answers only to 127.0.0.1 and localhost."
    if path.startswith("//") or "\\" in path:  # Datasette's own addresses write a backslash as ~5C
        return "This address would lead to another site."
    if method not in SAFE:
        site = values.get("sec-fetch-site")
        if site is not None and (len(site) != 1 or site[0].lower() not in ("same-origin", "none")):
            return "Another site may not change this library."
        origin = values.get("origin")  # browsers that send no Sec-Fetch-Site
        if site is None and origin is not None and (len(origin) != 1 or urlsplit(origin[0]).netloc.lower() != hosts[0].lower()):
            return "Another site may not change this library."
    return None


def wrap(app, allowed: Iterable[str] = (), token: str | None = None, policy: bool = False):
    """An ASGI app that answers 403 where there is a reason, and asks `app` otherwise.

    token: the library is shared: every request must bring it, under any host name, and reads only what `share` allows.
    policy: say what a browser may load (where the templates are ours: Datasette's own hold scripts).
    """

    async def guarded(scope, receive, send):
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        path, query, headers = scope["path"], scope.get("query_string", b""), scope["headers"]
        reason = refusal(scope["method"], path, headers, None if token else allowed)
        if reason is None and token:
            brought, in_address = share.given(query, headers)
            if not share.is_right(brought, token):
                reason = "This library is shared with a token: open the address with ?token=... that its owner gave you."
            elif scope["method"] not in SAFE:
                reason = "A shared library is only read."
            elif in_address:
                place = share.without_token(path, query)
                return await say(send, 303, "", (b"location", place.encode()), (b"set-cookie", share.cookie(token).encode()), (b"cache-control", b"no-store"))
            else:
                reason = share.refusal(path, query)
        if reason is not None:
            return await say(send, 403, reason)

        async def with_headers(message):
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message.get("headers", [])}
                more = [*HEADERS, *([(b"content-security-policy", POLICY.encode())] if policy else [])]
                message = {**message, "headers": [*message.get("headers", []), *(pair for pair in more if pair[0] not in there)]}
            await send(message)

        await app(scope, receive, with_headers)

    return guarded


async def say(send, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    """A short answer of our own."""
    start = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": text.encode()})
