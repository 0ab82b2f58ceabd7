"""No token is written anywhere but where logins are kept: imports, good and broken, then a search through everything left behind.

The accounts get tokens with a word of their own. Searched for it: the database with its journal, the log of every library at DEBUG, the SQL
log, messages and whole tracebacks, reports, progress, standard output, every file below the test's folders.
"""

from __future__ import annotations

import logging
import traceback
import urllib.request
from urllib.parse import quote

import pytest
from click.testing import CliRunner

import musicdb
from musicdb import load, secrets
from musicdb.cli import cli
from musicdb.demo.replay import Answer, Replay, Request
from musicdb.errors import SourceError

CANARY = "cAnArY"
FAULTS = [401, 403, 429, 500, "html", "cut", "truncated", "reset", "redirect", ("text", '{"error": "a string"}'), ("text", "[]")]
PLATFORMS = [name for name in load.available() if hasattr(load.module(name), "login")]


class Listening:
    """A ListenBrainz or Last.fm account with three plays, as far as an import asks; refuses every other token."""

    def __init__(self, name: str):
        self.name, self.token, self.refresh_token = name, "", ""

    def login(self) -> dict:
        return {"token" if self.name == "listenbrainz" else "api_key": self.token, "user": "kestrel"}

    def answer(self, request: Request) -> Answer | dict:
        shown = {request.query.get("api_key"), (request.headers.get("authorization") or "").removeprefix("Token ")}
        if self.token not in shown:
            return Answer(self.error(401, f"Invalid token {shown}"), 401)
        return self.listenbrainz(request) if self.name == "listenbrainz" else self.lastfm(request)

    def error(self, status: int, words: str) -> dict:
        return (
            {"error": 10 if status == 401 else 29 if status == 429 else 11, "message": words}
            if self.name == "lastfm"
            else {"code": status, "error": words}
        )

    def listenbrainz(self, request: Request) -> dict:
        if request.path.endswith("validate-token"):
            return {"valid": True, "user_name": "kestrel"}
        if request.path.endswith("get-feedback"):
            return {"feedback": [], "total_count": 0, "count": 0, "offset": 0}
        before = int(request.query.get("max_ts", 2_000_000_000))
        plays = [{"listened_at": at, "track_metadata": {"artist_name": "Wren", "track_name": f"Song {at}"}} for at in TIMES if at < before]
        return {
            "payload": {
                "count": len(TIMES) if "listen-count" in request.path else len(plays),
                "listens": plays,
                "oldest_listen_ts": TIMES[-1],
            }
        }

    def lastfm(self, request: Request) -> dict:
        method = request.query.get("method", "").lower()
        about = {"user": "kestrel", "page": "1", "perPage": "200", "totalPages": "1", "total": str(len(TIMES))}
        if method == "user.getinfo":
            return {"user": {"name": "kestrel", "playcount": str(len(TIMES))}}
        if method == "user.getlovedtracks":
            return {"lovedtracks": {"track": [], "@attr": about | {"total": "0", "totalPages": "0"}}}
        plays = [
            {
                "name": f"Song {at}",
                "mbid": "",
                "url": "",
                "artist": {"#text": "Wren", "mbid": ""},
                "album": {"#text": "", "mbid": ""},
                "date": {"uts": str(at)},
            }
            for at in TIMES
            if at <= int(request.query.get("to", TIMES[0]))
        ]
        return {"recenttracks": {"track": plays, "@attr": about | {"total": str(len(plays))}}}


TIMES = (1_700_000_300, 1_700_000_200, 1_700_000_100)
REPLAYED = [name for name in PLATFORMS if name in ("spotify", "tidal", "discogs", "listenbrainz", "lastfm")]


def mark(replay: Replay) -> None:
    """Give every account tokens that can be searched for; `+/=` so that forms for addresses differ from the plain one."""
    for name in REPLAYED:
        account = replay.accounts.setdefault(name, Listening(name))
        account.token, account.refresh_token = f"{CANARY}-{name}+/=access-1", f"{CANARY}-{name}+/=refresh-1"
        if hasattr(account, "session_id"):
            account.session_id = f"{CANARY}-{name}-session"


@pytest.fixture
def surroundings(tmp_path, monkeypatch, caplog):
    """A home, a log at DEBUG, everything below tmp_path."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "TMPDIR"):
        (tmp_path / name.lower()).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path / "home")
    secrets.use(tmp_path / "logins", keyring=False)
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).disabled = False
    yield tmp_path
    secrets.use(None)


def traces(folder, caplog, capfd, *texts: str) -> list[str]:
    """Where the canary was seen: files (names and content) outside the folder of logins, the log, what was printed, texts."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and "logins" not in path.parts:
            data = path.read_bytes()
            if CANARY.encode() in data or CANARY.encode("utf-16-le") in data or CANARY in path.name:
                found.append(str(path.relative_to(folder)))
    printed = "".join(capfd.readouterr())
    for name, text in (("log", caplog.text), ("printed", printed), *enumerate(texts)):
        if CANARY in text:
            at = text.index(CANARY)
            found.append(f"{name}: ...{text[max(0, at - 200) : at + 60]}...")
    return found


def run(db, replay, name, **options):
    """Import from a replayed account with its stored login; returns all that was said, and the error if there was one."""
    said = []
    try:
        report = load.run(db, name, progress=lambda done, total, what: said.append(str(what)), **options)
        said += [repr(report), str(report.as_dict()), report.line()]
    except SourceError as error:
        said += ["".join(traceback.format_exception(error)), repr(error), str(error)]
    return said


def test_every_platform_with_a_login_is_searched_here():
    assert REPLAYED == PLATFORMS


def test_the_search_finds_a_canary(surroundings, caplog, capfd):
    (surroundings / "x.db").write_bytes(b"\0" + CANARY.encode())
    assert traces(surroundings, caplog, capfd, f"a {CANARY}") == ["x.db", f"0: ...a {CANARY}..."]


def test_the_log_hides_a_token_that_a_library_says(surroundings, caplog, capfd):
    secrets.set("discogs", "", {"token": f"{CANARY}+/=1"})
    logging.getLogger("urllib3.connectionpool").debug('%s "GET %s" 200', "https://api.discogs.com", f"/x?token={quote(f'{CANARY}+/=1')}")
    logging.getLogger("discogs_client").warning({"token": f"{CANARY}+/=1"})
    assert traces(surroundings, caplog, capfd) == []
    assert "***" in caplog.text


@pytest.mark.parametrize("name", REPLAYED)
def test_an_import_writes_no_token(surroundings, caplog, capfd, replay, name):
    mark(replay)
    secrets.set(name, "", {**replay.accounts[name].login(), "endpoint": replay.endpoint(name)})
    statements = []
    with musicdb.open(surroundings / "music.db", log_sql=statements.append) as db:
        said = run(db, replay, name)
        assert replay.asked(name), "the account was not asked"
        assert db.value("select count(*) from platform_tracks where platform = ?", [name]) > 0, said
        assert traces(surroundings, caplog, capfd, *said, *statements) == []
    assert traces(surroundings, caplog, capfd) == []


@pytest.mark.parametrize("name", REPLAYED)
def test_a_token_that_was_refreshed_is_hidden_as_well_and_kept(surroundings, caplog, capfd, replay, name):
    if name not in ("spotify", "tidal"):
        pytest.skip(f"a token of {name} does not end")
    mark(replay)
    account = replay.accounts[name]
    login = {**account.login(), "endpoint": replay.endpoint(name), "expires_at": 1 if name == "spotify" else "2020-01-01T00:00:00Z"}
    secrets.set(name, "", login)
    account.expire()
    with musicdb.open(surroundings / "music.db") as db:
        said = run(db, replay, name)
        assert db.value("select count(*) from platform_tracks where platform = ?", [name]) > 0, said
    assert traces(surroundings, caplog, capfd, *said) == []
    kept = secrets.get(name)
    assert kept["access_token"] == account.token and kept["refresh_token"] == account.refresh_token


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("name", REPLAYED)
def test_a_failure_writes_no_token(surroundings, caplog, capfd, replay, no_waiting, name, fault, n):
    mark(replay)
    secrets.set(name, "", {**replay.accounts[name].login(), "endpoint": replay.endpoint(name)})
    kind, options = fault if isinstance(fault, tuple) else (fault, {})
    options = {"body": options} if kind == "text" else {"to": "http://127.0.0.1:9/x"} if kind == "redirect" else {"retry_after": 9999}
    replay.fault(kind, f"^{name}/", n=n, times=99, **options)
    with musicdb.open(surroundings / "music.db") as db:
        said = run(db, replay, name)
        said += [str(row) for row in db.q("select * from operations") + db.q("select * from quarantine")]
    assert traces(surroundings, caplog, capfd, *said) == []


@pytest.mark.parametrize("name", REPLAYED)
def test_the_command_line_says_no_token(surroundings, caplog, capfd, replay, name, monkeypatch):
    mark(replay)
    secrets.set(name, "", {**replay.accounts[name].login(), "endpoint": replay.endpoint(name)})
    monkeypatch.setenv("MUSICDB_LOG_SQL", str(surroundings / "sql.log"))
    replay.fault(401, f"^{name}/", n=2, times=99)
    database = ["--db", str(surroundings / "music.db")]
    results = [
        CliRunner().invoke(cli, [*words, *database])
        for words in (["import", name, "--no-link"], ["login"], ["logout", name], ["import", name])
    ]
    assert "musicdb login" in results[0].output and "musicdb login" in results[3].output
    assert traces(surroundings, caplog, capfd, *[r.output + r.stderr for r in results]) == []
    assert not (surroundings / "logins").exists() or not list((surroundings / "logins").glob(f"{name}*"))


def test_a_login_by_the_command_line_is_used_by_the_next_import(surroundings, caplog, capfd, replay):
    if "discogs" not in PLATFORMS:
        pytest.skip("there is no platform discogs")
    mark(replay)
    database = ["--db", str(surroundings / "music.db")]
    login = CliRunner().invoke(cli, ["login", "discogs", "--endpoint", replay.endpoint("discogs")], input=f"{replay.discogs.token}\n")
    assert login.exit_code == 0 and "logged in to Discogs as kestrel.lodin" in login.output
    refused = CliRunner().invoke(
        cli, ["login", "discogs", "--account", "x", "--endpoint", replay.endpoint("discogs")], input=f"{CANARY}-wrong\n"
    )
    assert refused.exit_code == 1 and "does not accept" in refused.output
    done = CliRunner().invoke(cli, ["import", "discogs", "--no-link", "--json", *database])
    assert done.exit_code == 0, done.output
    assert secrets.accounts("discogs") == [""]
    assert traces(surroundings, caplog, capfd, login.output, refused.output, done.output) == []


@pytest.mark.parametrize("name", REPLAYED)
def test_the_login_screen_says_no_token_to_the_browser_or_a_saved_notebook(surroundings, caplog, capfd, replay, name):
    """Typed, accepted, refused: neither what goes to the browser nor the state that a notebook is saved with holds it."""
    import ipywidgets

    from .test_login_widget import answer, asked, press

    mark(replay)
    if name == "spotify":
        replay.spotify.code = f"{CANARY}-code"
    sent = []
    with musicdb.open(surroundings / "music.db") as db:
        screen = musicdb.Login(db, endpoints={one: replay.endpoint(one) for one in (name, "discogs")})
        screen.observe(lambda change: sent.append(repr(change)), ["state", "status"])
        press(screen, "log_in", platform=name)
        if name in ("discogs", "listenbrainz", "lastfm"):
            answer(screen, replay.accounts[name].token)
        if name == "lastfm":
            answer(screen, "kestrel")
        if name == "spotify":
            answer(screen, "client-of-a-person")
            address = next(word for line in asked(screen)["lines"] for word in line.split() if "/authorize?" in word)
            urllib.request.urlopen(address).close()
        assert screen.wait(20), screen.said
        press(screen, "log_in", platform="discogs")
        answer(screen, f"{CANARY}-wrong+/=")
        screen.wait(20)
        saved = str(ipywidgets.Widget.get_manager_state(drop_defaults=False))
        assert "Logged in" in str(sent) and traces(surroundings, caplog, capfd, *sent, saved, str(screen.get_state())) == []
    assert secrets.accounts(name) == [""]
