"""Spotify's login by PKCE: the browser comes back to a small server on this computer, or its address is pasted."""

from __future__ import annotations

import secrets as random_text
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .. import net, secrets
from ..errors import LoginNeeded, MusicdbError
from ._spotify_client import NEEDED, PLATFORM, WRITES, Account, auth, exchanged

STEPS = """\
Spotify lets a person's own app read their music. Once:
  1. open https://developer.spotify.com/dashboard and log in (the app's owner needs Premium)
  2. Create app; any name; as redirect URI enter exactly  http://127.0.0.1/callback  ; tick Web API; Save
  3. Settings: copy the Client ID
  4. to let others use it: User Management, at most five people"""
DONE = b"<!doctype html><meta charset=utf-8><title>musicdb</title><p>Spotify has answered. Close this page and go back to musicdb.</p>"
GRACE_S = 2.0  # between the browser's arrival and the person's key


def login(
    ask: Callable[..., str], show: Callable[[str], object], *, endpoint: str | None = None, progress: net.Progress | None = None, write: bool = False
) -> dict[str, Any]:
    """Return the login to keep; see `shapes` for ask, show, progress and write. Raises LoginNeeded where it did not come to one."""
    show(STEPS)
    client_id = ask("Spotify Client ID: ").strip()
    if not client_id:
        raise LoginNeeded("no Client ID given: nothing was changed")
    with _Callback() as callback:
        session = net.requests_session()
        try:
            flow = auth(client_id, callback.address, (endpoint or "").rstrip("/"), session, write=write)
            flow.state = random_text.token_urlsafe(16)
            what = "read your music, and to write playlists and likes by plans that you approve" if write else "read your music"
            show(f"Open this address in a browser on this computer, and allow musicdb to {what}:\n" + flow.get_authorize_url())
            show("Is the browser on another computer? Its last page will not open there: paste that page's address here.")
            pasted = ask("Press Enter when the browser says that Spotify has answered (or paste the address): ", until=callback.came.is_set).strip()
            code = _code(pasted or callback.wait(GRACE_S, progress), flow.state)
            secrets.remember(code)
            holder = _Last(session)
            exchanged(holder, lambda: flow.get_access_token(code, check_cache=False), "musicdb login spotify", text=True)
            found = dict(flow.cache_handler.get_cached_token())
        finally:
            session.close()
    kept = {
        name: found[name] for name in ("access_token", "refresh_token", "expires_at", "expires_in", "token_type", "scope") if name in found
    }
    kept |= {"client_id": client_id, "authorized_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    kept |= {"scope": kept.get("scope") or " ".join([*NEEDED, *(WRITES if write else ())])}
    for name in ("access_token", "refresh_token"):
        secrets.remember(str(kept.get(name) or ""))
    return kept | ({"endpoint": endpoint} if endpoint else {}) | _name(kept, endpoint, show)


def _name(kept: dict[str, Any], endpoint: str | None, show: Callable[[str], object]) -> dict[str, str]:
    """Whose login it is; that this is not told is no failure of the login."""
    api = Account(kept, endpoint=endpoint)
    try:
        me = api.get("me", "your profile")
    except LoginNeeded:
        raise
    except MusicdbError as error:
        show(f"{error} (in development mode only people listed under User Management may use an app)")
        return {}
    finally:
        api.close()
    name = me.get("display_name") or me.get("id")
    return {"username": str(name)} if name else {}


def _code(answer: str, state: str) -> str:
    """The code in the address that the browser was sent to. Raises LoginNeeded."""
    asked = parse_qs(urlsplit(answer).query)
    if not answer:
        raise LoginNeeded("Spotify has not answered: open the address, press Agree, and then Enter here; run `musicdb login spotify` again")
    if "error" in asked:
        raise LoginNeeded(f"Spotify says {asked['error'][0][:60]!r}: nothing was changed; run `musicdb login spotify` to try again")
    if "code" not in asked:
        raise LoginNeeded(
            f"that is not the address the browser ended at (it begins http://127.0.0.1): run `musicdb login {PLATFORM}` again"
        )
    if asked.get("state") != [state]:
        raise LoginNeeded("that address is from another login: run `musicdb login spotify` again and use the newest one")
    return asked["code"][0]


class _Last:
    """Holds the last answer of a session, for its status."""

    def __init__(self, session: Any):
        self.last: Any = None
        session.hooks["response"].append(lambda response, **_: setattr(self, "last", response))


class _Callback:
    """A server on a free port of 127.0.0.1 that hears the browser come back. .address is what Spotify sends it to."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.path = ""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = self.path.startswith("/callback?")
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                if found:
                    self.wfile.write(DONE)
                    server.path = self.path
                    server.came.set()

            def log_message(self, *args: object) -> None:
                """Says nothing: the address holds a code."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/callback"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.1,), name="spotify login", daemon=True)

    def __enter__(self) -> _Callback:
        self.thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def wait(self, seconds: float, progress: net.Progress | None = None) -> str:
        """The address that the browser came to, or ''."""
        ends = time.monotonic() + seconds
        while not self.came.wait(0.05) and time.monotonic() < ends:
            if progress:
                progress(0, None, "waiting for the browser")
        return f"http://127.0.0.1{self.path}" if self.came.is_set() else ""
