"""Pictures from addresses that platforms name: no address is trusted, every answer is bounded.

A name is resolved here, every address that it has must be a public one, and that very address is dialled: a name that points
elsewhere the next moment (DNS rebinding) changes nothing. The same holds for every redirect.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from ..errors import MusicdbError, PayloadError, Transient
from . import failure, retry_after

CAP = 10 << 20  # bytes of one picture
DEADLINE_S = 30.0  # for one picture, redirects and all
REDIRECTS = 4
AGENT = "musicdb (a personal music database)"
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # how a network without IPv4 shows an IPv4 address
_clock = threading.local()  # .ends: when this thread's picture must be there


@dataclass(frozen=True)
class Fetched:
    """A picture as it came. data is None where the server says that it is unchanged (etag), or error says why there is none."""

    url: str
    data: bytes | None = None
    etag: str | None = None
    unchanged: bool = False
    error: MusicdbError | None = None


def is_public(address: str) -> bool:
    """True for an address on the open internet; private, loopback, link-local, multicast and what embeds such a one is not."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None)
        if inside is not None:
            return is_public(str(inside))
        if ip.sixtofour is not None or ip.teredo is not None:
            return False  # tunnels of old, whose far end is anybody's
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


class _Refused(Exception):
    """The text says which address, and why it is not dialled."""


class _Backend(httpcore.SyncBackend):
    """Dials only what `is_public` allows, or what `allowed` names."""

    def __init__(self, allowed: Collection[str]):
        self.allowed = frozenset(allowed)

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, local_address: Any = None, socket_options: Any = None) -> Any:
        if f"{host}:{port}" in self.allowed:
            addresses = [host]
        else:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError) as error:
                raise httpcore.ConnectError(f"{host} has no address: {error}") from None
            addresses = list(dict.fromkeys(entry[4][0] for entry in found))
            for address in addresses:
                if not is_public(address):
                    raise _Refused(f"{host} is {address}, an address of this computer or its network")
        last: Exception | None = None
        for address in addresses[:4]:
            try:
                return _Stream(super().connect_tcp(address, port, _left(timeout), local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> Any:
        raise _Refused("a picture does not come from a socket file")


class _Stream(httpcore.NetworkStream):
    """A stream whose every step ends with the picture's deadline: a read timeout alone starts anew with every byte."""

    def __init__(self, stream: Any):
        self.stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        return _Stream(self.stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def _left(timeout: float | None) -> float:
    ends = getattr(_clock, "ends", None)
    left = DEADLINE_S if ends is None else ends - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline has passed")
    return left if timeout is None else min(timeout, left)


class _Transport(httpx.BaseTransport):
    """httpx over httpcore's pool with the backend above (httpx itself offers no way to name one)."""

    def __init__(self, allowed: Collection[str]):
        self.pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), max_connections=8, max_keepalive_connections=8, keepalive_expiry=5,
            network_backend=_Backend(allowed),
        )  # fmt: skip

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path)
        inner = httpcore.Request(request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions)
        answer = self.pool.handle_request(inner)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        self.pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response):
        self.answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self.answer.iter_stream()

    def close(self) -> None:
        self.answer.close()


class Fetcher:
    """Fetches pictures over connections that are kept. allow: "host:port" that may be dialled although it is private (a replay
    server); rewrite: {prefix of an address: prefix to use in its place}. May be used by several threads."""

    def __init__(
        self, *, allow: Collection[str] = (), rewrite: Mapping[str, str] | None = None, cap: int = CAP, deadline_s: float = DEADLINE_S
    ):
        self.cap, self.deadline_s, self.rewrite = cap, deadline_s, dict(rewrite or {})
        headers = {"User-Agent": AGENT, "Accept": "image/*", "Accept-Encoding": "identity"}
        self.client = httpx.Client(
            transport=_Transport(allow), timeout=httpx.Timeout(10, connect=5), headers=headers, follow_redirects=False, trust_env=False
        )

    def fetch(self, url: str, *, etag: str | None = None) -> Fetched:
        """Return the picture. Raises PayloadError (refused, gone, no picture), RateLimited or Transient, with words."""
        shown, target = _shown(url), url
        for old, new in self.rewrite.items():
            if url.startswith(old):
                target = new + url[len(old) :]
                break
        _clock.ends = time.monotonic() + self.deadline_s
        try:
            return self._follow(url, target, etag)
        except _Refused as error:
            raise PayloadError(f"the picture at {shown} is not fetched: {error}") from None
        except (httpx.TimeoutException, httpcore.TimeoutException):
            raise Transient(f"the picture at {shown} did not come in {self.deadline_s:g} s: run the same again") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
            raise PayloadError(f"the picture's address {shown} cannot be used: {type(error).__name__}") from None
        except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise Transient(f"the picture at {shown} did not come whole: {type(error).__name__}; run the same again") from None
        finally:
            _clock.ends = None

    def _follow(self, named: str, url: str, etag: str | None) -> Fetched:
        for _ in range(REDIRECTS + 1):
            parts = urlsplit(url)  # ValueError for a port over 65535, which getaddrinfo would fold into another
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or not parts.hostname.isprintable():
                raise _Refused("it is no web address")
            with self.client.stream("GET", url, headers={"If-None-Match": etag} if etag else {}) as answer:
                if answer.next_request is not None:
                    url = str(answer.next_request.url)
                    continue
                return self._read(named, answer)
        raise _Refused(f"more than {REDIRECTS} redirects")

    def _read(self, url: str, answer: httpx.Response) -> Fetched:
        shown, status = _shown(url), answer.status_code
        if status == 304:
            return Fetched(url, etag=answer.headers.get("etag"), unchanged=True)
        if status == 429:
            raise failure(429, platform="the server", what=f"the picture at {shown}", retry=retry_after(answer.headers.get("retry-after")))
        if status >= 500:
            raise Transient(f"the picture at {shown} did not come: {status}; run the same again later")
        if status != 200:
            raise PayloadError(f"there is no picture at {shown} ({status})")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise PayloadError(f"the picture at {shown} came compressed, which was not asked for")
        if int(answer.headers.get("content-length") or 0) > self.cap:
            raise PayloadError(f"the picture at {shown} is larger than {self.cap >> 20} MB")
        parts, size = [], 0
        for part in answer.iter_raw():
            size += len(part)
            if size > self.cap:
                raise PayloadError(f"the picture at {shown} is larger than {self.cap >> 20} MB")
            parts.append(part)
        if not size:
            raise Transient(f"the picture at {shown} came empty: run the same again")
        return Fetched(url, b"".join(parts), answer.headers.get("etag"))

    def close(self) -> None:
        self.client.close()

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def fetch_image(url: str, *, etag: str | None = None, **options: Any) -> Fetched:
    """Fetch one picture; options as for Fetcher. Raises PayloadError, RateLimited or Transient."""
    with Fetcher(**options) as fetcher:
        return fetcher.fetch(url, etag=etag)


def fetch_images(wanted: Iterable[str | tuple[str, str | None]], *, parallel: int = 4, **options: Any) -> Iterator[Fetched]:
    """Yield a Fetched for every address, or (address, etag), as they come; one that fails carries its error. Few at a time."""
    with Fetcher(**options) as fetcher, ThreadPoolExecutor(parallel, thread_name_prefix="pictures") as pool:
        running: dict[Future, str] = {}
        try:
            for one in wanted:
                url, etag = (one, None) if isinstance(one, str) else one
                running[pool.submit(fetcher.fetch, url, etag=etag)] = url
                if len(running) >= 2 * parallel:
                    yield from _ended(running)
            while running:
                yield from _ended(running)
        finally:
            for job in running:
                job.cancel()


def _ended(running: dict[Future, str]) -> Iterator[Fetched]:
    for job in wait(running, return_when=FIRST_COMPLETED).done:
        url = running.pop(job)
        try:
            yield job.result()
        except MusicdbError as error:
            yield Fetched(url, error=error)


def _shown(url: str) -> str:
    """An address for a message: without its query, which may be signed, and not endless."""
    return url.partition("?")[0][:150]
