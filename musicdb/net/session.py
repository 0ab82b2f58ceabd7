"""A requests.Session with a timeout, a deadline for the whole answer, a size cap, and no way to another host."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ReadTimeoutError

CHUNK = 64 << 10
_now = threading.local()  # .ends: when the answer that this thread waits for must be there


class TooLarge(requests.RequestException):
    """The answer is larger than anything that was asked for."""


class OtherHost(requests.RequestException):
    """The server sent us to another host, where the login does not belong."""


class _Watched:
    """Ends a server that sends its head a byte at a time: the read timeout starts anew with every byte, this clock does not."""

    def getresponse(self) -> Any:
        ends = getattr(_now, "ends", None)
        if ends is None or self.sock is None:
            return super().getresponse()
        fired = threading.Event()
        clock = threading.Timer(max(0.01, ends - time.monotonic()), _hang_up, [self.sock, fired])
        clock.daemon = True
        clock.start()
        try:
            answer = super().getresponse()
        finally:
            clock.cancel()
        if fired.is_set():  # half a head looks like a whole one
            answer.close()
            raise TimeoutError("the deadline has passed")
        return answer


def _hang_up(sock: socket.socket, fired: threading.Event) -> None:
    fired.set()
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it ended by itself in that moment


class _Connection(_Watched, HTTPConnection):
    pass


class _SecureConnection(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Adapter(HTTPAdapter):
    """Sends a request, reads the whole answer within the limits, and hands it on as if it had been read already."""

    def __init__(self, timeout: tuple[float, float], deadline_s: float, cap: int, rewrite: dict[str, str], **kwargs: Any):
        self.timeout, self.deadline_s, self.cap, self.rewrite = timeout, deadline_s, cap, rewrite
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def send(self, request: Any, stream: bool = False, timeout: Any = None, **kwargs: Any) -> Any:
        for old, new in self.rewrite.items():
            if request.url.startswith(old):
                request.url = new + request.url[len(old) :]
        ends = _now.ends = time.monotonic() + self.deadline_s
        try:
            response = super().send(request, stream=True, timeout=timeout or self.timeout, **kwargs)
            response._content = self._body(response, ends)
            response._content_consumed = True
            return response
        except requests.ConnectionError as error:
            if time.monotonic() >= ends:
                raise requests.ReadTimeout(f"no whole answer in {self.deadline_s:g} s") from error
            raise
        finally:
            _now.ends = None

    def _body(self, response: Any, ends: float) -> bytes:
        parts, size = [], 0
        try:
            while part := response.raw.read1(CHUNK, decode_content=True):
                size += len(part)
                parts.append(part)
                if size > self.cap:
                    response.close()
                    raise TooLarge(f"the answer is larger than {self.cap >> 20} MB")
                if time.monotonic() > ends:
                    response.close()
                    raise requests.ReadTimeout(f"no whole answer in {self.deadline_s:g} s")
        except requests.RequestException:
            raise
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error) from None
        except (HTTPError, OSError) as error:
            raise requests.ConnectionError(error) from None
        return b"".join(parts)


class Session(requests.Session):
    """requests_made: how many requests were sent. Follows redirects on the same host only."""

    def __init__(self) -> None:
        super().__init__()
        self.requests_made = 0
        self.trust_env = False

    def send(self, request: Any, **kwargs: Any) -> Any:
        self.requests_made += 1
        return super().send(request, **kwargs)

    def get_redirect_target(self, resp: Any) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            host = urlsplit(requests.compat.urljoin(resp.url, target)).netloc
            if host != urlsplit(resp.url).netloc:
                raise OtherHost(f"{urlsplit(resp.url).hostname} redirects to {host}, which was not asked for")
        return target


def make(
    timeout: tuple[float, float], deadline_s: float, cap: int, retry: Any, rewrite: dict[str, str], proxies: dict[str, str]
) -> Session:
    """See `net.requests_session`."""
    session = Session()
    session.proxies.update(proxies)
    adapter = Adapter(timeout, deadline_s, cap, rewrite, max_retries=retry)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
