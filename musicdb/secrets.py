"""Logins of platforms: kept outside the database, and taken out of every text that is written.

A login is a dict: tokens, when they end, and what else its platform needs. It lives in the system's keyring where there is a real
one, else in a file that only its owner can read, in the user's configuration folder.

Every token that passes here is remembered for `scrub`, which takes it out of messages; log records are scrubbed as they are made.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .errors import BadInput, LoginNeeded

SERVICE = "musicdb"
MASK = "***"
SHORTEST = 6  # a shorter text is no token, and taking it out of every message would make them unreadable
# Keys of a login whose value is secret. client_id, endpoint, username and times are not.
_SECRET_KEY = re.compile(r"token(?!_type)|secret|(?:^|_)key$|passw|session|cookie|(?:^|_)code|verifier", re.I)
# Tokens that nobody handed to `Secret`: a client got them anew and put them into an address or a message.
_SHAPES = (
    re.compile(r"(?i)\b(bearer\s+|authorization\W{1,5}basic\s+)[\w.~+/=-]{6,}"),
    re.compile(r"(?i)\b((?:discogs\s+)?token=)[^&\s'\",}]{6,}"),
    re.compile(
        r"(?i)([?&;\s'\"](?:access_token|refresh_token|id_token|api_key|api_sig|sk|sessionid|session_id|client_secret|code_verifier|code)=)"
        r"[^&\s'\"]+"
    ),
    re.compile(
        r"(?i)(['\"](?:access_token|accesstoken|refresh_token|refreshtoken|id_token|token|user_token|api_key|client_secret|sessionid|"
        r"session_key|device_code|devicecode|code_verifier)['\"]\s*:\s*['\"])[^'\"]+"
    ),
)
_seen: set[str] = set()
_lock = threading.Lock()
_place: dict[str, Any] = {"folder": None, "keyring": True, "factory": None}


class Secret(str):
    """A text that shows itself masked, and that `scrub` takes out of every message from now on."""

    __slots__ = ()

    def __new__(cls, value: str) -> Secret:
        remember(value)
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"


def remember(value: str) -> None:
    """Take this text out of every message from now on, also in the forms that an address and JSON give it."""
    if len(value) < SHORTEST:
        return
    with _lock:
        _seen.update({str(value), quote(value, safe=""), quote(value), json.dumps(value)[1:-1]})
    _guard_logs()


def scrub(text: str) -> str:
    """Return the text with every known secret, and what looks like one, replaced by ***."""
    for value in sorted(_seen, key=len, reverse=True):
        if value in text:
            text = text.replace(value, MASK)
    for shape in _SHAPES:
        text = shape.sub(rf"\g<1>{MASK}", text)
    return text


def use(folder: str | os.PathLike[str] | None, *, keyring: bool = True) -> None:
    """Say where logins are kept: a folder (None: the user's configuration folder), and whether the system's keyring may be used."""
    _place["folder"], _place["keyring"] = None if folder is None else Path(folder), keyring


def folder() -> Path:
    """The folder of the login files; not created here."""
    if _place["folder"] is not None:
        return _place["folder"]
    import platformdirs

    return platformdirs.user_config_path("musicdb", appauthor=False) / "accounts"


def get(platform: str, account: str | None = "") -> dict[str, Any] | None:
    """Return the login of an account, tokens as Secret, or None where nobody logged in.

    Raises LoginNeeded where it cannot be read.
    """
    path = _path(platform, account)
    try:
        _private(path)
        found = json.loads(path.read_text(encoding="utf-8"))
        if found.get("stored") == "keyring":
            text = _keyring().get_password(SERVICE, _name(platform, account))
            found = json.loads(text) if text else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, RuntimeError) as error:
        kind = type(error).__name__
        raise LoginNeeded(f"the login of {_said(platform, account)} cannot be read ({kind}): run `{_command(platform, account)}`") from None
    return None if found is None else _marked(found)


def set(platform: str, account: str | None, login: dict[str, Any]) -> str:
    """Keep a login in place of the one before. Returns where it is now, for people: "the keyring" or a path."""
    marked = _marked(login)  # from here on nothing of it is written elsewhere
    path, text = _path(platform, account), json.dumps(marked)
    backend = _keyring() if _place["keyring"] else None
    if backend is not None:
        try:
            backend.set_password(SERVICE, _name(platform, account), text)
        except Exception as error:  # locked, refused, too long for Windows: any backend has its own errors, the file takes all
            logging.getLogger(__name__).info("the keyring did not take the login of %s: %s", platform, type(error).__name__)
        else:
            _write(path, json.dumps({"stored": "keyring"}))
            return "the keyring"
    _write(path, text)
    return str(path)


def delete(platform: str, account: str | None = "") -> bool:
    """Forget a login; False where there was none."""
    path = _path(platform, account)
    try:
        in_keyring = '"keyring"' in path.read_text(encoding="utf-8")[:40]
        path.unlink()
    except FileNotFoundError:
        return False
    backend = _keyring() if in_keyring else None
    if backend is not None:
        backend.delete_password(SERVICE, _name(platform, account))
    return True


def accounts(platform: str) -> list[str]:
    """Names of the accounts of a platform that are logged in; "" is the one without a name."""
    try:
        names = [p.name[: -len(".json")] for p in folder().iterdir() if p.name.endswith(".json")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    from urllib.parse import unquote

    mine = [name.partition("@") for name in names]
    return sorted(unquote(account) for own, _, account in mine if own == platform)


# ---- where it lies


def _path(platform: str, account: str | None) -> Path:
    if not re.fullmatch(r"[a-z0-9_]+", platform):
        raise BadInput(f"{platform!r} is no platform")
    # Upper case is escaped too: on macOS and Windows, Anna and anna would be one file.
    name = "".join(c if re.match(r"[a-z0-9_.-]", c) else quote(c, safe="") if not c.isupper() or ord(c) > 127 else f"%{ord(c):02X}"
                   for c in account or "")  # fmt: skip
    if len(name) > 150:
        raise BadInput(f"the account name is too long: {account[:40]}...")
    return folder() / (f"{platform}@{name}.json" if name else f"{platform}.json")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _private(path: Path) -> None:
    """A file that others can read, after a copy or a restore, becomes private again."""
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _keyring() -> Any:
    """The system's keyring, or None: not installed, or a backend that keeps nothing (or keeps it in the open)."""
    try:
        import keyring
    except ImportError:
        return None
    try:
        backend = keyring.get_keyring()
        good = backend.priority >= 1 and not type(backend).__module__.startswith(
            ("keyring.backends.fail", "keyring.backends.null", "keyrings")
        )
    except (RuntimeError, ImportError, AttributeError, TypeError, OSError):
        return None
    return backend if good else None


def _name(platform: str, account: str | None) -> str:
    return f"{platform}:{account or ''}"


def _said(platform: str, account: str | None) -> str:
    return f"{platform} ({account})" if account else platform


def _command(platform: str, account: str | None) -> str:
    return f"musicdb login {platform}" + (f" --account {account}" if account else "")


def _marked(login: Any, secret: bool = False) -> Any:
    if isinstance(login, dict):
        return {key: _marked(value, secret or bool(_SECRET_KEY.search(str(key)))) for key, value in login.items()}
    if isinstance(login, (list, tuple)):
        return [_marked(value, secret) for value in login]
    return Secret(login) if secret and isinstance(login, str) else login


# ---- logs


def _guard_logs() -> None:
    """Scrub every log record as it is made: a filter on one logger would miss what its children and other libraries say."""
    with _lock:
        before = logging.getLogRecordFactory()
        if _place["factory"] is not None and _is_ours(before):
            return
        _place["factory"] = _scrubbing(before)
        logging.setLogRecordFactory(_place["factory"])


def _is_ours(factory: Any) -> bool:
    return getattr(factory, "scrubs", False)


def _scrubbing(before: Any) -> Any:
    formatter = logging.Formatter()

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        try:
            said = record.getMessage()
        except (TypeError, ValueError, KeyError):  # arguments that do not fit the text: logging reports that itself
            return record
        clean = scrub(said)
        if clean != said:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0]:
            record.exc_text = scrub(formatter.formatException(record.exc_info))
        return record

    make.scrubs = True
    return make
