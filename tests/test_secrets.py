from __future__ import annotations

import json
import logging
import os
import stat
import sys
import types

import pytest

from musicdb import secrets
from musicdb.errors import BadInput, LoginNeeded
from musicdb.secrets import Secret, scrub

TOKEN = "BQDcanary-1/2+3=%4"


@pytest.fixture(autouse=True)
def place(tmp_path):
    secrets.use(tmp_path / "accounts", keyring=False)
    yield tmp_path / "accounts"
    secrets.use(None)
    secrets._seen.clear()


def test_a_login_comes_back_as_it_was_and_shows_itself_masked():
    secrets.set(
        "spotify", "", {"access_token": TOKEN, "expires_at": 1790000000, "endpoint": "http://127.0.0.1:9/", "nested": {"token": "abcdefgh"}}
    )
    login = secrets.get("spotify")
    assert login == {
        "access_token": TOKEN,
        "expires_at": 1790000000,
        "endpoint": "http://127.0.0.1:9/",
        "nested": {"token": "abcdefgh"},
    }
    assert TOKEN not in repr(login) and "abcdefgh" not in repr(login)
    assert repr(login["endpoint"]) == "'http://127.0.0.1:9/'"  # no secret


def test_nobody_logged_in_is_none():
    assert secrets.get("tidal") is None
    assert secrets.get("tidal", "Anna") is None
    assert secrets.accounts("tidal") == []
    assert secrets.delete("tidal") is False


def test_several_accounts_are_kept_apart_also_by_case():
    for name in ("", "Anna", "anna", "á/../b", "."):
        secrets.set("tidal", name, {"token": f"token of {name}"})
    secrets.set("tidalwave", "x", {"token": "another"})
    assert secrets.accounts("tidal") == sorted(["", "Anna", "anna", "á/../b", "."])
    assert secrets.get("tidal", "á/../b") == {"token": "token of á/../b"}
    names = [p.name.lower() for p in secrets.folder().iterdir()]
    assert len(names) == len(set(names)) == 6
    assert secrets.delete("tidal", "Anna") is True
    assert secrets.get("tidal", "Anna") is None
    assert secrets.get("tidal", "anna") == {"token": "token of anna"}


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_the_file_is_readable_by_its_owner_only_and_becomes_so_again():
    old = os.umask(0)
    try:
        path = secrets.set("discogs", "", {"token": TOKEN})
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(secrets.folder()).st_mode) == 0o700
    os.chmod(path, 0o644)
    secrets.get("discogs")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_failed_write_leaves_the_login_before(monkeypatch):
    secrets.set("discogs", "", {"token": "the one before"})

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        secrets.set("discogs", "", {"token": "the new one"})
    assert secrets.get("discogs") == {"token": "the one before"}
    assert [p.name for p in secrets.folder().iterdir()] == ["discogs.json"]


def test_a_broken_file_asks_for_a_new_login_and_says_nothing_of_its_content():
    path = secrets.set("spotify", "Anna", {"token": TOKEN})
    with open(path, "a") as file:
        file.write("x")
    with pytest.raises(LoginNeeded, match=r"spotify \(Anna\).*musicdb login spotify --account Anna") as caught:
        secrets.get("spotify", "Anna")
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_strange_platform_or_account_is_refused():
    with pytest.raises(BadInput):
        secrets.get("../spotify")
    with pytest.raises(BadInput):
        secrets.get("spotify", "x" * 500)


def test_scrub_takes_out_what_passed_here_in_every_form():
    Secret(TOKEN)
    assert scrub(f"GET /x?token={TOKEN}&y=1") == "GET /x?token=***&y=1"
    assert "canary" not in scrub("BQDcanary-1%2F2%2B3%3D%254 and BQDcanary-1/2%2B3%3D%254")
    assert "canary" not in scrub(json.dumps({"a": TOKEN}))
    assert repr(Secret(TOKEN)) == "Secret('***')"
    assert f"{Secret(TOKEN)}" == TOKEN  # a header needs the real one


@pytest.mark.parametrize(
    "text",
    [
        "{'Authorization': 'Basic eyJhbGciOi.new_token-1'}",
        "Authorization: Bearer eyJhbGciOi.new_token-1",
        "https://api.discogs.com/users/x?token=eyJhbGciOi.new_token-1&page=2",
        "https://x/sessions?sessionId=eyJhbGciOi.new_token-1",
        "Authorization: Discogs token=eyJhbGciOi.new_token-1",
        '{"access_token": "eyJhbGciOi.new_token-1", "expires_in": 3600}',
        "{'refresh_token': 'eyJhbGciOi.new_token-1'}",
        "https://ws.audioscrobbler.com/2.0/?method=x&api_key=eyJhbGciOi.new_token-1&format=json",
        "http://127.0.0.1:8123/callback?code=eyJhbGciOi.new_token-1&state=q",
    ],
)
def test_scrub_knows_a_token_by_its_place_when_nobody_named_it(text):
    assert "new_token" not in scrub(text)
    assert "***" in scrub(text)


def test_scrub_leaves_a_plain_text_alone():
    text = "Spotify answered 503 for liked songs: code 12, a Basic Channel record; the key is Am, token of love"
    assert scrub(text) == text


def test_logs_of_every_library_are_scrubbed(caplog):
    Secret(TOKEN)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("spotipy.client").debug("Sending %s to %s with Headers: %s", "GET", "url", {"Authorization": f"Bearer {TOKEN}"})
        try:
            raise ValueError(f"https://host/?token={TOKEN}")
        except ValueError:
            logging.getLogger("urllib3.connectionpool").exception("failed")
        logging.getLogger("x").info("nothing to hide: %d", 3)
    assert "canary" not in caplog.text
    assert "Bearer ***" in caplog.text and "ValueError" in caplog.text and "nothing to hide: 3" in caplog.text


class Ring:
    """A stand-in for keyring and its backend."""

    priority = 5
    refuses = False

    def __init__(self):
        self.kept = {}

    def get_keyring(self):
        return self

    def set_password(self, service, name, text):
        if self.refuses:
            raise RuntimeError("locked")
        self.kept[service, name] = text

    def get_password(self, service, name):
        return self.kept.get((service, name))

    def delete_password(self, service, name):
        del self.kept[service, name]


@pytest.fixture
def ring(monkeypatch, place):
    ring = Ring()
    module = types.ModuleType("keyring")
    module.get_keyring = ring.get_keyring
    monkeypatch.setitem(sys.modules, "keyring", module)
    secrets.use(place)
    return ring


def test_with_a_real_keyring_no_file_holds_a_token(ring, place):
    assert secrets.set("spotify", "Anna", {"token": TOKEN}) == "the keyring"
    assert secrets.get("spotify", "Anna") == {"token": TOKEN}
    assert secrets.accounts("spotify") == ["Anna"]
    assert all("canary" not in p.read_text() for p in place.iterdir())
    assert secrets.delete("spotify", "Anna") is True
    assert ring.kept == {} and secrets.get("spotify", "Anna") is None


def test_a_keyring_that_refuses_or_keeps_nothing_is_not_used(ring, place):
    ring.refuses = True
    assert secrets.set("spotify", "", {"token": TOKEN}).endswith("spotify.json")
    assert secrets.get("spotify") == {"token": TOKEN}
    ring.refuses, ring.priority = False, 0
    secrets.set("tidal", "", {"token": TOKEN})
    assert ring.kept == {}
