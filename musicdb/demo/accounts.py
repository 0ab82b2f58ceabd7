"""What the replayed accounts have in common: a token, lists that are cut into pages, identities that stay the same."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from . import covers
from .library import library

PICTURES = "https://pictures.invalid"  # where Spotify's covers are said to be: stored payloads do not depend on the server's port
FIRST_DAY = datetime(2021, 10, 4, tzinfo=UTC)


@dataclass(frozen=True)
class Request:
    """What was asked. path is below the platform's own and has no slash in front; header names are lower case."""

    n: int
    platform: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    base: str  # this server's address for the platform


@dataclass
class Answer:
    """payload: something for JSON, or bytes as they are."""

    payload: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    type: str = "application/json"


class Account:
    """lists: path -> items, which a test may replace or change while they are read; token: what a request must show."""

    name = ""

    def __init__(self) -> None:
        self.token = f"replay-{self.name}-access-token-1"
        self.refresh_token = f"replay-{self.name}-refresh-token-1"
        self.lists: dict[str, list[Any]] = {}
        self.checks_token = True

    def expire(self) -> None:
        """From now on only a token that was refreshed is good."""
        self.token = next_number(self.token)

    def refreshed(self) -> dict[str, Any]:
        """The answer of the token address: a new pair, as platforms that rotate their refresh tokens do."""
        self.token, self.refresh_token = next_number(self.token), next_number(self.refresh_token)
        return {"access_token": self.token, "refresh_token": self.refresh_token, "token_type": "Bearer", "expires_in": 3600}

    def error(self, status: int, words: str) -> dict[str, Any]:
        return {"error": {"status": status, "message": words}}

    def refuse(self, status: int, words: str) -> Answer:
        return Answer(self.error(status, words), status)


def next_number(token: str) -> str:
    """'abc-1' -> 'abc-2'"""
    return re.sub(r"\d+$", lambda found: str(int(found[0]) + 1), token)


def number(request: Request, name: str, default: int) -> int:
    try:
        return int(request.query.get(name, default))
    except ValueError:
        return -1


def ident(seed: str, alphabet: str, length: int) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=length))


def uid(seed: str) -> str:
    return str(uuid.UUID(bytes=random.Random(f"uuid {seed}").randbytes(16), version=4))


def day(seed: str, span: int = 1000) -> datetime:
    """A moment in the three years of the fictional listener."""
    rng = random.Random(f"day {seed}")
    return FIRST_DAY + timedelta(days=rng.randrange(span), seconds=rng.randrange(86400))


def slug(code: str) -> str:
    """A record's code as it stands in the address of its picture."""
    return re.sub(r"[^a-z0-9]", "", code.lower())


@cache
def picture(code: str) -> bytes:
    record = library().records[code]
    artist = "" if record.artist == "Various Artists" else record.artist
    return covers.draw(record.code, record.title, artist, kind=record.kind, size=640)
