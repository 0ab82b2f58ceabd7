"""The commands login and logout: what is asked, what is kept where, and that nothing that was typed is shown."""

from __future__ import annotations

import getpass
import json
import os
import select
import subprocess
import sys
import time
import types
import warnings

import pytest
from click.testing import CliRunner

from musicdb import load, secrets
from musicdb.cli import cli
from musicdb.commands import logins
from musicdb.errors import BadInput, LoginNeeded

TOKEN = "canary-7f3a9c-token"


@pytest.fixture
def plat(monkeypatch):
    """A platform `plat` whose login asks for a token and a name."""
    module = types.ModuleType("musicdb.platforms.plat")
    module.PLATFORM, module.asked = "plat", []

    def login(ask, show, *, endpoint=None, progress=None):
        show(f"Open {endpoint or 'https://plat.example'}/settings and copy the token.")
        module.asked.append(endpoint)
        token = ask("Token:", secret=True)
        if token == "wrong":
            raise LoginNeeded(f"Plat does not know the token {token}")
        if token == "broken":
            raise ValueError(f"https://plat.example/?token={secrets.Secret(TOKEN)}")
        return {"token": token, "username": ask("Name:")}

    module.login = login
    monkeypatch.setattr(load, "available", lambda: ["files", "plat"])
    before = load.module
    monkeypatch.setattr(load, "module", lambda name: module if name == "plat" else before(name))
    return module


def run(*arguments, says=None):
    return CliRunner().invoke(cli, list(arguments), input=says, prog_name="musicdb")


def test_a_login_is_kept_and_what_was_given_is_not_shown(plat):
    result = run("login", "plat", says=f"{TOKEN}\nkestrel\n")
    assert result.exit_code == 0, result.output
    assert secrets.get("plat") == {"token": TOKEN, "username": "kestrel"}
    assert "logged in to Plat as kestrel" in result.stdout and "next: musicdb import plat" in result.stdout
    assert "copy the token" in result.stderr
    assert TOKEN not in result.output


def test_json_says_where_and_not_what(plat):
    result = run("login", "plat", "--account", "Anna", "--json", says=f"{TOKEN}\nanna\n")
    said = json.loads(result.stdout)
    assert said == {"platform": "plat", "account": "Anna", "user": "anna", "kept_in": str(secrets.folder() / "plat@%41nna.json")}
    assert secrets.get("plat", "Anna")["username"] == "anna" and secrets.get("plat") is None


def test_an_endpoint_is_kept_with_the_login_and_hidden_in_the_help(plat):
    assert run("login", "plat", "--endpoint", "http://127.0.0.1:9/plat", says=f"{TOKEN}\nk\n").exit_code == 0
    assert plat.asked == ["http://127.0.0.1:9/plat"]
    assert secrets.get("plat")["endpoint"] == "http://127.0.0.1:9/plat"
    assert "endpoint" not in run("login", "--help").output


def test_a_login_that_fails_changes_nothing(plat):
    run("login", "plat", says=f"{TOKEN}\nkestrel\n")
    for says, words in (("wrong\n", "does not know"), ("", "no answer came"), ("broken\n", "unexpected ValueError")):
        result = run("login", "plat", says=says)
        assert result.exit_code != 0 and words in result.stderr
        assert TOKEN not in result.output
        assert secrets.get("plat")["token"] == TOKEN


def test_logout_forgets_one_account(plat):
    for name in ([], ["--account", "Anna"]):
        run("login", "plat", *name, says=f"{TOKEN}\nk\n")
    assert "logged out of Plat (Anna)" in run("logout", "plat", "--account", "Anna").stdout
    assert secrets.accounts("plat") == [""]
    result = run("logout", "plat", "--account", "Anna")
    assert result.exit_code == 2 and "logged in: the one without a name" in result.stderr
    assert run("logout", "plat").exit_code == 0
    assert list(secrets.folder().iterdir()) == []


def test_without_a_platform_the_accounts_are_listed(plat):
    assert json.loads(run("login", "--json").stdout) == [
        {"platform": "plat", "account": "", "logged_in": False, "user": None, "ends": None, "note": ""}
    ]
    assert "next: musicdb login plat" in run("login").stdout
    run("login", "plat", "--account", "Anna", says=f"{TOKEN}\nk\n")
    assert json.loads(run("login", "--json").stdout) == [
        {"platform": "plat", "account": "Anna", "logged_in": True, "user": "k", "ends": None, "note": ""}
    ]
    assert TOKEN not in run("login").output


@pytest.mark.parametrize("name, words", [("files", "files needs no login; a login is for plat"), ("nope", "there is no platform 'nope'")])
def test_a_platform_without_a_login_is_named(plat, name, words):
    for command in ("login", "logout"):
        result = run(command, name)
        assert result.exit_code == 2 and words in result.stderr


def test_ctrl_c_leaves_the_login_before(plat, monkeypatch):
    def stopped(ask, show, *, endpoint=None, progress=None):
        raise KeyboardInterrupt

    run("login", "plat", says=f"{TOKEN}\nk\n")
    plat.login = stopped
    result = run("login", "plat")
    assert result.exit_code == 130 and "the login is as it was before" in result.stderr
    assert secrets.get("plat")["token"] == TOKEN


def test_a_terminal_that_cannot_hide_is_not_used(monkeypatch):
    def echoing(prompt, stream=None):
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        return TOKEN

    monkeypatch.setattr(getpass, "getpass", echoing)
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(isatty=lambda: True))
    with pytest.raises(BadInput, match="cannot hide"):
        logins._ask("Token:", secret=True)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_a_real_terminal_does_not_echo_a_secret():
    code = "from musicdb.commands import logins; a = logins._ask('Token:', secret=True); print('got', len(a))"
    import pty

    main, other = pty.openpty()
    child = subprocess.Popen([sys.executable, "-c", code], stdin=other, stdout=other, stderr=other, start_new_session=True)
    os.close(other)
    seen, ends, sent = b"", time.monotonic() + 20, False
    while time.monotonic() < ends and b"got 19" not in seen:
        if select.select([main], [], [], 0.1)[0]:
            try:
                seen += os.read(main, 1000)
            except OSError:
                break
        if b"Token:" in seen and not sent:
            time.sleep(0.1)
            os.write(main, TOKEN.encode() + b"\n")
            sent = True
    child.wait(10)
    os.close(main)
    assert b"got 19" in seen and TOKEN.encode() not in seen


def test_a_login_may_only_read_unless_the_person_asks_for_more(plat):
    result = run("login", "plat", "--write", says=f"{TOKEN}\nkestrel\n")
    assert result.exit_code != 0 and "leave --write out" in result.output and not plat.asked
    given = []

    def login(ask, show, *, endpoint=None, progress=None, write=False):
        given.append(write)
        return {"token": ask("Token:", secret=True)}

    plat.login, plat.WRITE_LOGIN = login, "may only read; to write: `musicdb login plat --write`"
    assert "may only read" in run("login", "plat", says=TOKEN).stdout
    assert "may only read" not in run("login", "plat", "--write", says=TOKEN).stdout
    assert given == [False, True]
