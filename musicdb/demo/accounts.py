"""What the replayed accounts have in common: a token, lists that are cut into pages, identities that stay the same."""

from __future__ import annotations

import random
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from .replay import Answer, Request

FIRST_DAY = datetime(2021, 10, 4, tzinfo=UTC)


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
