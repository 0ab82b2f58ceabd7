"""The three workflows of playlists on the command line: check, plan and apply, inspect; each within a second of work."""

import json

import pytest
from click.testing import CliRunner

from musicdb import playlists
from musicdb.cli import cli
from musicdb.links import link
from musicdb.truth import resolve

from .playlisting import service


@pytest.fixture
def run(db):
    def call(*arguments, code=0):
        result = CliRunner().invoke(cli, [*map(str, arguments), "--db", str(db.path)], prog_name="musicdb")
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.output

    return call


@pytest.fixture
def tidal(db):
    made = service(db, {"House Italo 🇮🇹": list("abcdefghijkl"), "Minimal": list("mn")})
    playlists.approve(db, playlists.plan(db).id)
    playlists.apply(db, 1)
    return made


def later(db, tidal):
    tidal.put("House Italo 🇮🇹", list("bacdefghijkxyz"))
    for _ in range(2):
        tidal.read(db)
    link(db)
    resolve(db)


def test_the_daily_check_says_what_changed_and_what_to_do(db, tidal, run):
    assert "No changes." in run("sync", "--check")
    later(db, tidal)
    told = run("sync")
    assert "Playlists: 2 tracked\nTracks: 14 tracked" in told
    assert "+ 3 tracks new in 'House Italo 🇮🇹'" in told
    assert "- 1 track removed in 'House Italo 🇮🇹'" in told
    assert "musicdb sync --plan" in told
    assert 'musicdb download --playlist "House Italo 🇮🇹"' in told


def test_plan_approve_deny_apply_undo(db, tidal, run):
    later(db, tidal)
    told = run("sync", "--plan")
    assert "next: musicdb sync --approve 2" in told and "new in Tidal since" in told
    steps = json.loads(run("sync", "--show", 2, "--json"))["steps"]
    removal = next(step["id"] for step in steps if step["action"] == "remove")
    run("sync", "--approve", 2)
    assert "1 steps denied" in run("sync", "--deny", 2, "--step", removal)
    assert "nothing was written" in run("sync", "--apply", 2, "--dry-run")
    assert "plan 2: 4 done" in run("sync", "--apply", 2)
    assert "".join(row.title[-1] for row in playlists.state(db, 1)) == "bacdefghijkxyzl"
    assert "taken back" in run("sync", "--undo", 2)
    assert "".join(row.title[-1] for row in playlists.state(db, 1)) == "abcdefghijkl"
    assert "plan 2 was undone" in run("sync", "--apply", 2, code=2)


def test_inspect_shows_one_list(db, tidal, run):
    later(db, tidal)
    told = run("inspect", "--playlist", "House Italo 🇮🇹")
    for line in ("Playlist: House Italo 🇮🇹", "tidal id: House Italo 🇮🇹 (import)", "Tracks: 12", "  In tidal: 14", "  Downloaded: 0", "  Missing: 12", "Recent changes:", 'Removed by you: "Band - Song l" (tidal)'):
        assert line in told


def test_status_names_lists_platforms_and_plans_that_wait(db, tidal, run):
    later(db, tidal)
    run("sync", "--plan")
    told = run("status")
    assert "Playlists: 2 yours, 14 tracks in them" in told and "plan 2 (user) waits: 5 proposed" in told
    assert json.loads(run("status", "--json"))["lists"][0]["missing"] == 12


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("sync", "--apply", 9), "there is no plan 9"),
        (("sync", "--check", "--plan", "--apply", 1), "at a time"),
        (("sync", "--plan", "--to", "nowhere"), "there is no target 'nowhere'"),
        (("sync", "--plan", "--to", "rekordbox", "--place", "x"), "TARGET=PATH"),
        (("inspect", "--playlist", "House Itallo"), "did you mean 'House Italo"),
        (("playlists", "show", "tidal/none"), "has no playlist 'none'"),
        (("playlists", "show", "Minimal", "--at", "1999"), "no snapshot of user is as old as 1999"),
        (("playlists", "smart", "x", "--is", "wish"), "is no source"),
        (("playlists", "rules", "🔥"), "a rule wants"),
        (("playlists", "link", "Minimal", "tidal/Minimal"), "is linked to tidal's Minimal already"),
        (("playlists", "unlink", "Minimal", "spotify"), "is not linked to spotify"),
    ],
)
def test_misuse_is_one_message_with_the_next_step(tidal, run, arguments, says):
    assert says in run(*arguments, code=2)


def test_the_past_of_a_list_is_shown_compared_restored_and_exported(db, tidal, run):
    first = db.value("select max(id) from snapshots where platform = 'user'")
    playlists.remove(db, "Minimal", [0])
    assert "2 items" in run("playlists", "show", "Minimal", "--at", first)
    assert "- Band - Song m" in run("playlists", "diff", "Minimal", first)
    assert run("playlists", "show", "Minimal", "--csv").splitlines()[1].startswith("1,Song n,Band")
    assert "removed  you" in run("playlists", "history", "Minimal")
    assert "nothing was written" in run("playlists", "restore", "Minimal", "--at", first, "--dry-run")
    assert "take it back: musicdb undo" in run("playlists", "restore", "Minimal", "--at", first)
    assert len(playlists.state(db, "Minimal")) == 2
    run("undo")
    assert len(playlists.state(db, "Minimal")) == 1


def test_smart_lists_rules_and_likes(db, tidal, run):
    assert "Fresh: 2 tracks" in run("playlists", "smart", "Fresh", "--is", "library | sort title | first 2")
    assert "Fresh: 3 tracks" in run("playlists", "smart", "Fresh", "--sql", "select id from tracks limit 3")
    assert "nothing was written" in run("playlists", "smart", "Other", "--is", "playlist Minimal", "--dry-run")
    assert "Fresh: 3 tracks, 0 changes" in run("playlists", "smart")
    assert "Italo" in run("playlists", "rules", "🇮🇹", "Genre: Italo")
    assert db.value("select count(*) from track_mytags") == 12
    assert "0 likes" in run("playlists", "likes", "--dry-run")
    run("playlists", "direct", "Minimal", "tidal", "two_way")
    run("playlists", "unlink", "Minimal", "tidal")
    assert "sync" in run("playlists", "plans")


def test_a_cell_that_a_spreadsheet_would_run_is_quoted(db, run):
    db.execute("insert into track_ids (id, track_uid, created_at) values (1, 'x', '2024')")
    db.execute("insert into tracks (id, title) values (1, '=1+1')")
    playlists.create(db, "L", [1])
    assert "'=1+1" in run("playlists", "show", "L", "--csv")
