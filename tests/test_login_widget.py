"""The login screen by clicks, against the recorded accounts: every way of logging in, several accounts, stopping, ends, out again."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

import musicdb
from musicdb import secrets
from musicdb.widgets import login as login_screen

from .test_canary import Listening
from .test_widgets import eventually, press


@pytest.fixture
def screen(db, replay):
    for name in ("listenbrainz", "lastfm"):
        replay.accounts[name] = Listening(name)
        replay.accounts[name].token = f"replay-{name}-token-1"
    made = musicdb.Login(db, endpoints={name: replay.endpoint(name) for name in replay.accounts})
    yield made
    made.cancel()
    made.wait(10)


def asked(screen):
    """The question that is open, once there is one."""
    eventually(lambda: screen.state["step"] and screen.state["step"]["prompt"])
    return screen.state["step"]


def answer(screen, text):
    step = asked(screen)
    press(screen, "answer", number=step["n"], text=text)
    eventually(lambda: not screen.state["step"] or screen.state["step"]["n"] > step["n"])
    return step


def row(screen, platform, account=""):
    return next(one for one in screen.state["rows"] if (one["platform"], one["account"]) == (platform, account))


def test_a_device_code_is_shown_and_waited_for_beside_the_callback(screen, replay):
    replay.tidal.pending = 1
    begun = time.monotonic()
    press(screen, "log_in", platform="tidal")
    assert time.monotonic() - begun < 0.5, "the callback does not wait"
    eventually(lambda: screen.state["step"]["lines"])
    assert "https://link.tidal.com/KELPX" in screen.state["step"]["lines"][0] and screen.state["step"]["prompt"] is None
    assert screen.status["busy"]
    assert screen.wait(20).user == "kestrel@example.org"
    assert screen.state["step"] is None and row(screen, "tidal")["who"] == "kestrel@example.org"
    assert "Logged in to Tidal as kestrel@example.org" in screen.said and screen.status["level"] == "good"
    assert secrets.get("tidal")["access_token"] == replay.tidal.token


def test_waiting_can_be_cancelled_and_leaves_the_login_before(screen, replay):
    secrets.set("tidal", "", replay.tidal.login())
    replay.tidal.pending = 10_000
    press(screen, "log_in", platform="tidal")
    eventually(lambda: screen.state["step"]["lines"])
    press(screen, "log_in", platform="discogs")
    assert "A login is going on" in screen.said
    press(screen, "cancel")
    screen.wait(10)
    assert "cancelled; it is as it was before" in screen.said and screen.state["step"] is None
    assert secrets.get("tidal")["access_token"] == replay.tidal.token


@pytest.mark.parametrize("paste", [False, True])
def test_spotify_by_the_browser_that_comes_back_or_by_its_pasted_address(screen, replay, paste):
    press(screen, "log_in", platform="spotify")
    assert asked(screen)["prompt"] == "Spotify Client ID: "
    answer(screen, "client-of-a-person")
    address = next(word for line in asked(screen)["lines"] for word in line.split() if "/authorize?" in word)
    if paste:
        opener = urllib.request.build_opener(type("Stay", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None}))
        with pytest.raises(urllib.error.HTTPError) as moved:
            opener.open(address)
        with moved.value as stays:
            answer(screen, stays.headers["Location"])
    else:
        urllib.request.urlopen(address).close()  # nothing is pressed: the browser's coming back is enough
    assert screen.wait(20).user == "Kestrel Lodin"
    assert row(screen, "spotify") == {
        "platform": "spotify",
        "title": "Spotify",
        "account": "",
        "in": True,
        "writes": True,
        "who": "Kestrel Lodin",
        "note": "",
    }


@pytest.mark.parametrize("write", [False, True])
def test_a_login_may_write_only_where_that_was_ticked(screen, replay, write):
    press(screen, "log_in", platform="spotify", **({"write": True} if write else {}))
    answer(screen, "client-of-a-person")
    address = next(word for line in asked(screen)["lines"] for word in line.split() if "/authorize?" in word)
    screen.cancel()
    screen.wait(10)
    assert ("playlist-modify-private" in address) is write
    assert [row(screen, name)["writes"] for name in ("spotify", "discogs")] == [True, False]


@pytest.mark.parametrize(
    "name, answers, user", [("discogs", (), "kestrel.lodin"), ("listenbrainz", (), "kestrel"), ("lastfm", ("kestrel",), "kestrel")]
)
def test_a_token_is_typed_into_a_masked_field_and_is_in_no_state(screen, replay, name, answers, user):
    token, states = replay.accounts[name].token, []
    screen.observe(lambda change: states.append(json.dumps(change["new"])), ["state", "status"])
    press(screen, "log_in", platform=name, account="Anna")
    assert answer(screen, token)["secret"] is True
    for text in answers:
        assert answer(screen, text)["secret"] is False
    assert screen.wait(20).user == user
    assert token in secrets.get(name, "Anna").values() and secrets.accounts(name) == ["Anna"]
    assert row(screen, name, "Anna")["who"] == user
    assert states and not [state for state in states if token in state] and token not in json.dumps(screen.get_state(), default=str)


def test_a_token_that_is_refused_is_said_masked_and_nothing_changes(screen, replay):
    press(screen, "log_in", platform="discogs")
    answer(screen, "wrong-token-12345")
    screen.wait(10)
    assert screen.status["level"] == "error" and "does not accept" in screen.said and "wrong-token" not in screen.said
    assert secrets.accounts("discogs") == [] and screen.state["step"] is None


def test_several_accounts_of_one_platform_and_out_again(screen, replay):
    for account in ("", "Anna"):
        press(screen, "log_in", platform="discogs", account=account)
        answer(screen, replay.discogs.token)
        screen.wait(10)
    assert [one["account"] for one in screen.state["rows"] if one["platform"] == "discogs"] == ["", "Anna"]
    press(screen, "log_out", platform="discogs", account="Anna")
    assert secrets.accounts("discogs") == [""] and "Logged out of Discogs (Anna)" in screen.said
    press(screen, "log_out", platform="discogs", account="Anna")
    assert "nobody is logged in" in screen.said and screen.status["level"] == "error"


@pytest.mark.parametrize("days, words", [(170, "ends on"), (200, "ended on"), (1, "")])
def test_the_end_of_a_login_is_told_ahead(screen, replay, days, words):
    since = datetime.now(UTC) - timedelta(days=days)
    secrets.set("spotify", "", replay.spotify.login() | {"authorized_at": f"{since:%Y-%m-%dT%H:%M:%SZ}"})
    press(screen, "refresh")
    note = row(screen, "spotify")["note"]
    assert (words in note and "log in again" in note) if words else note == ""


def test_a_question_that_nobody_answers_ends(screen, monkeypatch):
    monkeypatch.setattr(login_screen, "PATIENCE_S", 0.2)
    press(screen, "log_in", platform="discogs")
    screen.wait(10)
    assert "nobody answered" in screen.said and secrets.accounts("discogs") == []


def test_a_cell_that_is_run_again_ends_the_login_before(screen, db):
    press(screen, "log_in", platform="discogs")
    asked(screen)
    musicdb.Login(db)
    screen.wait(10)
    assert "cancelled" in screen.said


def test_an_import_without_a_login_opens_the_form_and_goes_on_after_it(db, replay):
    panel = musicdb.ImportPanel(db, endpoints={"discogs": replay.endpoint("discogs")})
    panel.platform.value = "discogs"
    panel.go.click()
    panel.wait(20)
    assert "nobody is logged in to Discogs" in panel.said and "here, below" in panel.said
    assert panel.drawer.selected_index == 0 and panel.login.state["wanted"] == "discogs"
    press(panel.login, "log_in", platform="discogs")
    answer(panel.login, replay.discogs.token)
    panel.login.wait(20)
    panel.go.click()
    panel.wait(60)
    assert panel.line.status["level"] == "good", panel.said
    assert db.value("select count(*) from collection_items") > 0
