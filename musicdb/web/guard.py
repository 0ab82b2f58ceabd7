"""The guard in front of Datasette: it answers this computer's own pages only.

Without it any web page can read the library through a name that it points at 127.0.0.1 (DNS rebinding), or post a form to a writable
query; and `/\\example.com/` redirects to another site.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def hostname(host: str) -> str | None:
    """'localhost:8001' -> 'localhost', '[::1]:8001' -> '::1'; None for what is no host and port."""
    try:
        parts = urlsplit(f"//{host}")
        if parts.netloc != host or "@" in host or (parts.port is None and host.endswith(":")):
            return None
        return parts.hostname
    except ValueError:
        return None


def refusal(method: str, path: str, headers: Iterable[tuple[bytes, bytes]], allowed: Iterable[str] = ()) -> str | None:
    """Why a request is refused, or None. headers: raw (name, value) pairs as ASGI has them; allowed: further host names."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip())
    hosts = values.get("host", [])
    if len(hosts) != 1 or hostname(hosts[0]) not in LOCAL | {name.lower() for name in allowed}:
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


def wrap(app, allowed: Iterable[str] = ()):
    """An ASGI app that answers 403 where `refusal` has a reason, and asks `app` otherwise."""

    async def guarded(scope, receive, send):
        reason = None
        if scope["type"] == "http":
            reason = refusal(scope["method"], scope["path"], scope["headers"], allowed)
        elif scope["type"] == "websocket":
            reason = "There are no websockets here."
        if reason is None:
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": reason.encode()})

    return guarded
