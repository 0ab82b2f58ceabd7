"""A server on 127.0.0.1 that speaks as much of Spotify, Tidal and Discogs as their clients ask, for the fictional person's accounts.

    with Replay() as replay:
        load.run(db, "spotify", endpoint=replay.endpoint("spotify"), token=replay.spotify.login())
        replay.log                                    # every request, for counting
        replay.fault(429, "me/tracks", n=2, retry_after=3)   # tests: the second request for liked songs

Standard library only; nothing leaves this computer. Each account answers below its own path: /spotify, /tidal, /discogs.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .accounts import PICTURES, Answer, Request, picture, slug
from .discogs_account import DiscogsAccount
from .spotify_account import SpotifyAccount
from .tidal_account import TidalAccount

HTML = b"<!doctype html><title>Sorry</title><h1>Something went wrong</h1>\n"
OFFSETS = {"offset": "0", "page": "1"}  # what a fault "repeat" sets back
LISTS = ("items", "releases", "wants", "results", "listens", "folders")  # keys under which platforms put a page


@dataclass
class Fault:
    """What goes wrong, with the n-th request (and `times` - 1 after it) whose "platform/path?query" matches `path`."""

    kind: int | str
    path: re.Pattern[str]
    n: int
    times: int
    options: dict[str, Any]
    met: int = 0

    def now(self, address: str) -> bool:
        if not self.path.search(address):
            return False
        self.met += 1
        return self.n <= self.met < self.n + self.times


class Replay:
    """The server. log: every Request with its status, in order. accounts: what answers, by the first part of the path."""

    def __init__(self) -> None:
        self.spotify, self.tidal, self.discogs = SpotifyAccount(), TidalAccount(), DiscogsAccount()
        self.accounts: dict[str, Any] = {"spotify": self.spotify, "tidal": self.tidal, "discogs": self.discogs, "images": Pictures()}
        self.log: list[tuple[Request, int]] = []
        self.faults: list[Fault] = []
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.replay = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), name="replay", daemon=True)
        self.thread.start()

    def endpoint(self, platform: str) -> str:
        """The address to give a client in place of the platform's own: no slash at the end."""
        return f"{self.url}/{platform}"

    def pictures(self) -> dict[str, Any]:
        """allow and rewrite for `net.Fetcher` and `artwork.fetch`: where the pictures that the accounts name really are."""
        rewrite = {PICTURES: self.endpoint("images"), "https://resources.tidal.com": self.endpoint("tidal")}
        return {"allow": [urlsplit(self.url).netloc], "rewrite": rewrite | {"https://api.discogs.com": self.endpoint("discogs")}}

    def add(self, name: str, answer: Callable[[Request], Answer | Any]) -> None:
        """Let a function answer below /name: it returns an Answer, or what is to be sent as JSON."""
        self.accounts[name] = answer

    def fault(self, kind: int | str, path: str = "", *, n: int = 1, times: int = 1, **options: Any) -> Fault:
        """Let something go wrong, at request number n (from 1) of those whose address matches `path`, a regular expression.

        A number: that status, in the platform's own words (retry_after=, words=). html, html200 (a page in place of JSON), empty
        (200 and nothing), text (body=: any 200), cut (half of the JSON), truncated (the connection ends within the body), reset
        (it ends at once), stall (seconds=), drip, drip_head (a byte each `pause` seconds), huge (mb=), bomb (gzip, mb=), redirect
        (to=), repeat (the first page again), short (a page that lost half), nulls (all items null), act (do=: called before).
        """
        made = Fault(kind, re.compile(path), n, times, options)
        self.faults.append(made)
        return made

    def asked(self, path: str = "") -> list[Request]:
        """The requests whose "platform/path?query" matches a regular expression."""
        return [request for request, _ in self.log if re.search(path, address(request))]

    def clear(self) -> None:
        """Forget the log and the faults."""
        self.log.clear()
        self.faults.clear()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self) -> Replay:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[Answer, Fault | None]:
        """What to say to a request, and what shall go wrong on the way."""
        parts = urlsplit(target)
        platform, _, path = unquote(parts.path).lstrip("/").partition("/")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        with self.lock:
            request = Request(
                len(self.log) + 1, platform, method, path.strip("/"), query, {k.lower(): v for k, v in headers.items()},
                _fields(body, headers), self.endpoint(platform),
            )  # fmt: skip
            self.log.append((request, 0))
            place, fault = len(self.log) - 1, None
            for one in self.faults:
                if one.now(address(request)) and fault is None:
                    fault = one
            answer = self._answer(request, fault)
            self.log[place] = (request, answer.status)
        return answer, fault

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        kind = fault.kind if fault else None
        if kind == "act":
            fault.options["do"]()
        if kind == "repeat":
            query = {**request.query, **{k: v for k, v in OFFSETS.items() if k in request.query}}
            request = Request(**{**vars(request), "query": query})
        account = self.accounts.get(request.platform)
        if account is None:
            return Answer({"message": f"nothing at /{request.platform}"}, 404)
        if isinstance(kind, int):
            return _refusal(account, kind, fault.options)
        found = account.answer(request) if hasattr(account, "answer") else account(request)
        found = found if isinstance(found, Answer) else Answer(found)
        if kind in ("short", "nulls"):
            _spoil(found.payload, kind)
        return found


def address(request: Request) -> str:
    """The request as one text: "spotify/v1/me/tracks?limit=50&offset=0"."""
    query = "&".join(f"{k}={v}" for k, v in request.query.items())
    return f"{request.platform}/{request.path}" + (f"?{query}" if query else "")


def _fields(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    if not body:
        return {}
    text = body.decode("utf-8", "replace")
    if "json" in (headers.get("Content-Type") or ""):
        found = json.loads(text)
        return found if isinstance(found, dict) else {"": found}
    return dict(parse_qsl(text, keep_blank_values=True))


def _refusal(account: Any, status: int, options: dict[str, Any]) -> Answer:
    words = options.get("words", {401: "The access token expired", 429: "API rate limit exceeded"}.get(status, "Service unavailable"))
    payload = account.error(status, words) if hasattr(account, "error") else {"error": words}
    headers = {"Retry-After": str(options["retry_after"])} if "retry_after" in options else {}
    return Answer(payload, status, headers)


def _spoil(payload: Any, kind: str) -> None:
    for key, value in payload.items() if isinstance(payload, dict) else ():
        if key in LISTS and isinstance(value, list):
            payload[key] = [None] * len(value) if kind == "nulls" else value[: len(value) // 2]
        elif isinstance(value, dict):
            _spoil(value, kind)


class Pictures:
    """/images/CODE.jpg, drawn when first asked for; also CODE/SIZE/name.jpg."""

    def answer(self, request: Request) -> Answer:
        from .library import library

        code = request.path.partition("/")[0].removesuffix(".jpg")
        record = next((r for r in library().records.values() if slug(r.code) == code), None)
        if record is None:
            return Answer({"message": "no such picture"}, 404)
        tag = f'"{code}"'
        if request.headers.get("if-none-match") == tag:
            return Answer(b"", 304, {"ETag": tag})
        return Answer(picture(record.code), 200, {"ETag": tag}, "image/jpeg")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    replay: Replay

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news; a fault of this server is answered as 500 by the handler."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one piece: two would wait for each other 40 ms

    def do_GET(self) -> None:
        replay: Replay = self.server.replay
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer, fault = replay.answer(self.command, self.path, self.headers, body)
        except Exception as error:  # a request that this server did not foresee: the client's test must see it, not hang
            answer, fault = Answer({"message": f"replay: {type(error).__name__}: {error}"}, 500), None
        data = answer.payload if isinstance(answer.payload, bytes) else json.dumps(answer.payload, ensure_ascii=False).encode()
        self._send(answer, data, fault)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def log_message(self, *args: Any) -> None:
        """Says nothing on standard error."""

    def _send(self, answer: Answer, data: bytes, fault: Fault | None) -> None:
        kind, options = (fault.kind, fault.options) if fault else (None, {})
        status, length = answer.status, None
        headers = {"Content-Type": answer.type, **answer.headers}
        if kind in ("html", "html200"):
            status, data, headers["Content-Type"] = 200 if kind == "html200" else options.get("status", 502), HTML, "text/html"
        elif kind == "empty":
            data = b""
        elif kind == "text":
            data = options["body"].encode() if isinstance(options["body"], str) else options["body"]
        elif kind == "cut":
            data = data[: len(data) // 2]
        elif kind == "redirect":
            status, data, headers["Location"] = options.get("status", 302), b"", options["to"]
        elif kind == "truncated":
            data, length = data[: len(data) // 2], len(data)
        elif kind == "bomb":
            data, headers["Content-Encoding"] = gzip.compress(bytes(options.get("mb", 100) << 20), 1), "gzip"
        elif kind == "huge":
            length = options.get("mb", 300) << 20
        elif kind == "stall":
            self.server.replay.closing.wait(options.get("seconds", 30))
        if kind in ("reset", "stall"):
            return self._hang_up()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        head, self._headers_buffer = b"".join([*self._headers_buffer, b"\r\n"]), []
        if kind == "drip_head":
            self._drip(head, options)
        else:
            self.wfile.write(head)
        if self.command == "HEAD" or status == 304:
            data = b""
        if kind == "drip":
            self._drip(data, options)
        elif kind == "huge":
            for _ in range(options.get("mb", 300)):
                self.wfile.write(b" " * (1 << 20))
        else:
            self.wfile.write(data)
        self.wfile.flush()
        self.close_connection = self.close_connection or kind in ("truncated", "drip", "drip_head", "huge")

    def _drip(self, data: bytes, options: dict[str, Any]) -> None:
        for place in range(len(data)):
            self.wfile.write(data[place : place + 1])
            self.wfile.flush()
            if self.server.replay.closing.wait(options.get("pause", 0.2)):
                return

    def _hang_up(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0))
        self.close_connection = True
