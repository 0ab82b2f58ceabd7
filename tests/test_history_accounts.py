"""Accounts of ListenBrainz and Last.fm over loopback: everything comes, once, whatever happens on the way."""

from __future__ import annotations

import json
import logging

import pytest

from musicdb import load, secrets
from musicdb.errors import LoginNeeded, RateLimited, SourceError
from musicdb.platforms import _history_account as accounts
from musicdb.platforms import _lastfm_api, _listenbrainz_api, lastfm, listenbrainz
from tests.scrobble_services import BASE, TOKEN, Service, play, plays

DAY = 86_400
LOGINS = {"listenbrainz": {"token": TOKEN, "user": "ada"}, "lastfm": {"api_key": TOKEN, "user": "ada"}}
BOTH = pytest.mark.parametrize("name", LOGINS)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    """Pages of ten, so that a few plays make many."""
    for module in (_listenbrainz_api, _lastfm_api):
        monkeypatch.setattr(module, "PAGE", 10)


def run(db, name, service, **more):
    return load.run(db, name, endpoint=service.url, token=LOGINS[name], **more)


def stored(db):
    return [tuple(row.values()) for row in db.q("select unixepoch(l.listened_at) as at, t.title from listens as l join platform_tracks as t "
            "on t.platform = l.platform and t.external_id = l.track_external_id order by 1, 2")]  # fmt: skip


def wanted(service):
    return sorted((p["at"], p["title"]) for p in service.plays)


def covered(db):
    state = json.loads(db.value("select cursor from sync_checkpoints where entity = 'listens'"))
    return json.loads(state["cursor"])["covered"]


def content(db):
    tables = ["select user_id, platform, source_item, listened_at, payload from listens_raw order by 4, 3",
              "select platform, track_external_id, listened_at, context from listens order by 3, 2",
              "select p.external_id, i.position, i.platform_track_id from platform_playlist_items as i "
              "join platform_playlists as p on p.id = i.platform_playlist_id where i.removed_at is null order by 1, 2"]  # fmt: skip
    return [[tuple(row.values()) for row in db.q(sql)] for sql in tables]


# ---------- whole accounts
@BOTH
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 95])
def test_every_play_comes_once(db, name, count):
    with Service(plays(count)) as service:
        report = run(db, name, service)
        assert stored(db) == wanted(service) and report.listens_new == count
        assert len(service.log) <= 1 + (count // 9 + 1) + 2  # the count, pages that share a second, the loved lists


@BOTH
def test_a_second_run_asks_little_and_changes_nothing(db, name):
    with Service(plays(95, step=DAY), loved=plays(3)) as service:
        run(db, name, service)
        before, asked = content(db), len(service.log)
        batches = db.value("select count(*) from import_batches")
        report = run(db, name, service)
        assert report.listens_new == 0 and content(db) == before
        assert len(service.log) - asked <= 1 + 2 + 2
        assert db.value("select count(*) from import_batches") == batches


@BOTH
def test_new_plays_come_and_nothing_old_is_read_again(db, name):
    with Service(plays(95, step=DAY)) as service:
        run(db, name, service)
        asked = len(service.log)
        service.plays += [play(BASE + 95 * DAY + n * 300) for n in range(15)]
        report = run(db, name, service)
        assert report.listens_new == 15 and stored(db) == wanted(service)
        assert len(service.log) - asked <= 1 + 4 + 2


@BOTH
def test_plays_of_one_second_on_the_edge_of_a_page_all_come(db, name):
    listened = plays(30)
    listened += [play(listened[20]["at"], n) for n in range(5)]  # the tenth from the newest and four beside it
    with Service(listened) as service:
        run(db, name, service)
        assert stored(db) == wanted(service)


@BOTH
def test_more_plays_in_a_second_than_a_page_holds_are_said_to_be_out_of_reach(db, name):
    with Service(plays(12) + [play(BASE + 2000, n) for n in range(25)]) as service:
        report = run(db, name, service)
        assert any("of one second" in note for note in report.notes)
        assert {at for at, _ in stored(db)} == {at for at, _ in wanted(service)}


@BOTH
def test_late_plays_of_the_last_two_weeks_come_by_themselves(db, name):
    with Service(plays(95, step=DAY // 4)) as service:
        run(db, name, service)
        service.plays.append(play(service.plays[-1]["at"] - 5 * DAY - 7, 1))
        assert run(db, name, service).listens_new == 1
        assert stored(db) == wanted(service)


@BOTH
def test_old_plays_that_were_added_later_are_noticed_by_the_count(db, name):
    with Service(plays(95, step=DAY)) as service:
        run(db, name, service)
        service.plays += [play(BASE - n * DAY - 5) for n in range(3)] + [play(BASE + 10 * DAY + 50)]
        report = run(db, name, service)
        assert stored(db) == wanted(service) and report.listens_new == 4
        assert any("older than two weeks" in note for note in report.notes)


@BOTH
def test_what_is_gone_there_stays_here(db, name):
    with Service(plays(40, step=DAY)) as service:
        run(db, name, service)
        before = stored(db)
        del service.plays[5:25]
        run(db, name, service)
        run(db, name, service, all=True)
        assert stored(db) == before


# ---------- stops on the way
@BOTH
def test_stopped_at_any_request_it_goes_on_in_both_directions(tmp_path, name, no_waiting):
    import musicdb

    with Service(plays(60, step=DAY // 2), loved=[play(BASE + n, n) for n in range(5)]) as service:
        with musicdb.open(tmp_path / "whole.db") as db:
            run(db, name, service)
            whole, requests = content(db), len(service.log)
        for stop in range(1, requests + 1):
            service.log.clear()
            with musicdb.open(tmp_path / f"{stop}.db") as db:
                service.faults = dict.fromkeys(range(stop, 999), "500")
                with pytest.raises(SourceError):
                    run(db, name, service)
                service.faults = {}
                run(db, name, service)
                assert content(db) == whole, f"stopped at request {stop}"


@BOTH
def test_a_stopped_run_and_new_plays_leave_no_gap(db, name, no_waiting):
    with Service(plays(60, step=DAY // 2)) as service:
        service.faults = dict.fromkeys(range(4, 999), "500")
        with pytest.raises(SourceError):
            run(db, name, service)
        first = covered(db)
        assert len(first) == 1 and first[0][0] > BASE
        service.plays += [play(BASE + 60 * DAY + n * 300) for n in range(25)]
        service.log.clear()
        service.faults = dict.fromkeys(range(3, 999), "500")  # one page of the new ones, and again it stops
        with pytest.raises(SourceError):
            run(db, name, service)
        assert len(covered(db)) == 2
        service.faults = {}
        run(db, name, service)
        assert stored(db) == wanted(service)
        assert len(covered(db)) == 1 and covered(db)[0][0] == 0


@BOTH
@pytest.mark.parametrize("fault", ["500", "html", "html 200", "blank", "cut", "empty", "short", "429 long", "401", "redirect"])
def test_a_fault_is_never_the_end_of_the_list(db, name, fault, no_waiting):
    with Service(plays(40, step=DAY), loved=plays(5)) as service:
        service.faults = dict.fromkeys(range(3, 999), fault)
        with pytest.raises(SourceError) as failed:
            run(db, name, service)
        assert TOKEN not in str(failed.value) and len(str(failed.value)) > 20
        state = db.value("select cursor from sync_checkpoints where entity = 'listens'")
        assert state is None or covered(db)[-1][0] > 0, "the oldest play is not reached"
        service.faults = {}
        run(db, name, service)
        assert stored(db) == wanted(service)


@BOTH
def test_it_waits_when_asked_to(db, name, no_waiting):
    with Service(plays(25)) as service:
        service.faults = {2: "429", 4: "500"}
        run(db, name, service)
        assert stored(db) == wanted(service) and sum(no_waiting) >= 2


@BOTH
def test_a_long_wait_stops_with_when_to_go_on(db, name, no_waiting):
    with Service(plays(25)) as service:
        service.faults = {3: "429 long"}
        with pytest.raises(RateLimited, match="run the same again"):
            run(db, name, service)
        service.faults = {}
        run(db, name, service)
        assert stored(db) == wanted(service)


# ---------- loved tracks
@BOTH
def test_loved_tracks_are_a_list_that_grows_at_its_end(db, name, monkeypatch):
    monkeypatch.setattr(_listenbrainz_api, "LOVED_PAGE", 2)
    monkeypatch.setattr(_lastfm_api, "LOVED_PAGE", 2)
    titles = "select t.title from platform_playlist_items as i join platform_tracks as t on t.id = i.platform_track_id join platform_playlists as p " \
             "on p.id = i.platform_playlist_id where i.removed_at is null and p.kind = 'liked' order by i.position"  # fmt: skip
    with Service(plays(3), loved=[play(BASE + n, n) for n in range(5)]) as service:
        run(db, name, service)
        assert [r["title"] for r in db.q(titles)] == [f"Tide {n}" for n in range(5)]
        service.loved.append(play(BASE + 9, 9))
        first_seen = db.q("select id, platform_track_id from platform_playlist_items order by id")
        run(db, name, service)
        assert [r["title"] for r in db.q(titles)] == ["Tide 0", "Tide 1", "Tide 2", "Tide 3", "Tide 4", "Tide 9"]
        assert db.q("select id, platform_track_id from platform_playlist_items order by id")[:5] == first_seen
        service.loved.clear()
        run(db, name, service)
        assert db.q(titles) == []
        assert db.value("select count(*) from tracks") == 0 and db.value("select count(*) from platform_tracks where in_library") == 0


def test_hated_recordings_are_a_list_of_their_own(db):
    with Service(plays(1), loved=[play(BASE), play(BASE + 1) | {"score": -1}]) as service:
        run(db, "listenbrainz", service)
        kinds = {r["external_id"]: r["kind"] for r in db.q("select external_id, kind from platform_playlists")}
        assert kinds == {"loved:ada": "liked", "hated:ada": "playlist"}


# ---------- accounts, users, exports
def test_what_plays_now_is_no_scrobble(db):
    with Service(plays(25)) as service:
        service.playing = True
        report = run(db, "lastfm", service)
        assert stored(db) == wanted(service) and report.quarantined == 0


@BOTH
def test_two_accounts_have_checkpoints_of_their_own(db, name):
    with Service(plays(25)) as service:
        run(db, name, service, account="one", user="Ada")
        run(db, name, service, account="two", user="Bea")
        assert db.value("select count(*) from listens") == 50
        assert db.value("select count(*) from sync_checkpoints where entity = 'listens'") == 2


def test_the_account_and_its_export_are_one_diary(db, tmp_path):
    with Service(plays(25)) as service:
        run(db, "lastfm", service)
        file = tmp_path / "scrobbles.csv"
        lines = [f"{p['at']},{p['artist']},{p['album']},{p['title']}" for p in service.plays]
        file.write_text("\n".join(["uts,artist,album,track", *lines]))
        report = load.run(db, "lastfm", file)
        assert report.listens_new == 0 and report.listens_known == 25


@BOTH
def test_without_a_login_it_says_how_to_get_one(db, name):
    with pytest.raises(LoginNeeded, match=f"musicdb login {name}"):
        load.run(db, name)


@pytest.mark.parametrize("module, answers", [(listenbrainz, [TOKEN]), (lastfm, [TOKEN, "ada"])])
def test_login_tries_what_it_was_given(module, answers):
    said, asked = [], []

    def ask(prompt, secret=False):
        asked.append((prompt, secret))
        return f" {answers[len(asked) - 1]} "

    with Service(plays(3)) as service:
        login = module.login(ask, said.append, endpoint=service.url)
        assert login["user"] == "ada" and TOKEN in login.values() and login["endpoint"] == service.url
        assert asked[0][1] is True and TOKEN not in " ".join(said) and TOKEN not in repr(login)
        asked.clear()
        answers = ["wrong-" + answer for answer in answers]
        with pytest.raises(LoginNeeded):
            module.login(ask, said.append, endpoint=service.url)


def test_a_stored_login_is_used_and_goes_nowhere_else(db, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    with Service(plays(25)) as service:
        for name, login in LOGINS.items():
            secrets.set(name, "", login | {"endpoint": service.url})
            load.run(db, name)
        service.faults = dict.fromkeys(range(len(service.log) + 1, 999), "401")
        with pytest.raises(LoginNeeded) as failed:
            load.run(db, "lastfm")
    everything = caplog.text + str(failed.value) + "".join(capsys.readouterr()) + "\n".join(db.conn.iterdump())
    assert TOKEN not in everything


# ---------- stretches of time
@pytest.mark.parametrize(
    "stretches, new, expected",
    [
        ([], (5, 9), [(5, 9)]),
        ([(5, 9)], (10, 12), [(5, 12)]),
        ([(5, 9)], (11, 12), [(11, 12), (5, 9)]),
        ([(20, 30), (5, 9)], (8, 25), [(5, 30)]),
        ([(20, 30), (5, 9)], (0, 2), [(20, 30), (5, 9), (0, 2)]),
    ],
)
def test_stretches_that_touch_are_one(stretches, new, expected):
    assert accounts.merged(stretches, new) == expected


def test_a_state_of_another_version_means_to_read_everything():
    for stored in (None, "", "{}", "[]", '{"covered": 7}', '{"covered": [[1]]}', "not json"):
        assert accounts._state(stored) == ([], None, None)
