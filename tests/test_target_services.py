from __future__ import annotations

import contextlib

import pytest

from musicdb import links, load, playlists, truth
from musicdb.errors import BadInput, LoginNeeded, MusicdbError, Transient
from musicdb.playlists import applying, diff
from musicdb.playlists.targets import CannotRestore, Step, Target
from musicdb.targets import spotify, tidal

MODULES = {"tidal": tidal, "spotify": spotify}


@pytest.fixture(params=["tidal", "spotify"])
def name(request):
    return request.param


@pytest.fixture
def target(db, replay, name):
    account = getattr(replay, name)
    with contextlib.closing(MODULES[name].open(db, token=account.login(), endpoint=replay.endpoint(name))) as made:
        yield made


def own(target):
    """A list of the person's with a repeat and something that is no music, by its name."""
    want = {"tidal": "With a video", "spotify": "Kitchen"}[target.name]
    state = target.read()
    return next((one for one in state.values() if one.name == want), None) or max(
        (o for o in state.values() if o.writable and o.kind == "playlist"), key=lambda o: len(o.items)
    )


def steps(id, before, after):
    now = list(before)
    for one in diff(before, after):
        was = tuple(now)
        if one.at is not None:
            now.pop(one.at)
        if one.to is not None:
            now.insert(one.to, one.key)
        yield Step(one.op, id, one.key, one.at, one.to, before=was, after=tuple(now))


def writes(replay):
    return [request for request in replay.asked() if request.method not in ("GET",) and "oauth2" not in request.path]


def test_it_reads_what_the_importer_reads(db, replay, target, name):
    assert isinstance(target, Target)
    load.run(db, name, None, token=getattr(replay, name).login(), endpoint=replay.endpoint(name))
    sql = (
        "select p.external_id, (select group_concat(t.external_id) from (select * from platform_playlist_items where platform_playlist_id = p.id "
        "and removed_at is null order by position) as i join platform_tracks as t on t.id = i.platform_track_id) as places from platform_playlists as p where platform = ?"
    )
    observed = {row.external_id: tuple(row.places.split(",")) if row.places else () for row in db.q(sql, [name])}
    assert {key: one.items for key, one in target.read().items()} == observed
    assert any(not one.writable for one in target.read().values()), "a list of somebody else's"


def test_adds_moves_and_removes_are_single_calls_and_nothing_is_rebuilt(replay, target):
    one = own(target)
    items = list(one.items)
    want = [items[2], *items[:2], *items[4:], items[0]]
    todo = list(steps(one.id, one.items, want))
    replay.clear()
    for step in todo:
        assert target.apply(step) == {}
    assert len(writes(replay)) == len(todo)
    assert target.verify({one.id: want}) == []
    assert list(steps(one.id, target.read()[one.id].items, want)) == []
    replay.clear()
    for step in todo[-1:]:
        target.apply(step)
    assert writes(replay) == [], "a step that is done already is not done again"


def test_many_random_changes_come_out_as_they_were_to_be(target):
    import random

    rng = random.Random(3)
    one = own(target)
    pool = list(dict.fromkeys(one.items))
    now = one.items
    for _ in range(12):
        want = rng.choices(pool, k=rng.randrange(1, 9))
        for step in steps(one.id, now, want):
            target.apply(step)
        now = tuple(want)
        assert target.verify({one.id: want}) == []


def test_lists_are_made_renamed_and_deleted(target):
    one = own(target)
    key = target.apply(Step("create", name="Ours", description="by the sea", after=one.items[:3]))["id"]
    state = target.read()
    assert state[key].items == one.items[:3] and state[key].name == "Ours" and state[key].writable
    target.apply(Step("rename", key, name="Theirs"))
    assert target.read()[key].name == "Theirs"
    target.apply(Step("delete", key))
    assert key not in target.read()
    assert target.apply(Step("delete", key)) == {}


def test_likes_are_given_and_taken(target):
    liked = next(one for one in target.read().values() if one.kind == "liked")
    key = liked.items[0]
    target.apply(Step("unlike", liked.id, key))
    assert key not in target.read()[liked.id].items
    target.apply(Step("like", liked.id, key))
    assert target.read()[liked.id].items[0] == key


def test_folders_are_made_and_filled_at_tidal_only(db, replay):
    with contextlib.closing(tidal.open(db, token=replay.tidal.login(), endpoint=replay.endpoint("tidal"))) as target:
        folder = target.apply(Step("folder", name="Winter"))["id"]
        one = target.apply(Step("create", name="Ice", parent=folder))["id"]
        other = own(target)
        target.apply(Step("place", other.id, parent=folder))
        state = target.read()
        assert state[folder].kind == "folder" and state[one].parent == state[other.id].parent == folder
    with contextlib.closing(spotify.open(db, token=replay.spotify.login(), endpoint=replay.endpoint("spotify"))) as target:
        with pytest.raises(BadInput, match="folders cannot be written"):
            target.apply(Step("folder", name="Winter"))


def test_a_list_that_another_program_changed_meanwhile_is_left_alone(replay, target, name):
    one = own(target)
    account = getattr(replay, name)
    items = account.lists[f"playlists/{one.id}"]
    items.pop()
    account.change(next(p for p in account.lists["me/playlists"] if p["id"] == one.id) if name == "spotify" else one.id)
    left = len(items)
    (step,) = list(steps(one.id, one.items, [*one.items, one.items[0]]))
    with pytest.raises(Transient, match="changed by another program"):
        target.apply(step)
    assert len(items) == left


@pytest.mark.parametrize("steps_before", [0, 1])
def test_a_change_that_leaves_as_many_tracks_is_seen_too(replay, target, name, steps_before):
    one = own(target)
    items = list(one.items)
    todo = list(steps(one.id, items, [items[1], *items[:1], *items[2:], items[0]]))
    for step in todo[:steps_before]:
        target.apply(step)
    account = getattr(replay, name)
    there = account.lists[f"playlists/{one.id}"]
    there[-1], there[-2] = there[-2], there[-1]
    account.change(next(p for p in account.lists["me/playlists"] if p["id"] == one.id) if name == "spotify" else one.id)
    before = list(there)
    with pytest.raises(Transient, match="changed by another program"):
        target.apply(todo[steps_before])
    assert there == before


def test_what_fails_is_an_error_of_ours_and_a_wait_is_waited(replay, target, no_waiting):
    one = own(target)
    (step,) = list(steps(one.id, one.items, [*one.items, one.items[0]]))
    replay.fault(429, "playlists/[^/]+/(items|tracks)", times=1, retry_after=2)
    target.apply(step)
    assert target.verify({one.id: step.after}) == [] and no_waiting
    (step,) = list(steps(one.id, step.after, step.after[:-1]))
    replay.fault(500, f"playlists/{one.id}", times=9)
    with pytest.raises(MusicdbError):
        target.apply(step)
    with pytest.raises(CannotRestore):
        target.restore({})


def test_where_spotify_takes_out_all_equal_items_those_that_were_to_stay_come_back(db, replay):
    replay.spotify.positions = False
    with contextlib.closing(spotify.open(db, token=replay.spotify.login(), endpoint=replay.endpoint("spotify"))) as target:
        one = own(target)
        a, b, c = dict.fromkeys(one.items[:3])
        key = target.apply(Step("create", name="Repeats", after=(a, b, a, c, a)))["id"]
        target.apply(Step("remove", key, a, at=2, before=(a, b, a, c, a), after=(a, b, c, a)))
        assert target.verify({key: (a, b, c, a)}) == []


def test_an_app_of_the_older_age_is_written_to_as_well(db, replay):
    replay.spotify.shape = "2025"
    with contextlib.closing(spotify.open(db, token=replay.spotify.login(), endpoint=replay.endpoint("spotify"))) as target:
        one = own(target)
        (step,) = list(steps(one.id, one.items, [*one.items, one.items[0]]))
        target.apply(step)
        assert target.verify({one.id: step.after}) == []


def test_a_login_that_may_only_read_is_not_written_with(db, replay):
    login = replay.spotify.login()
    login["scope"] = login["scope"].replace("playlist-modify-private ", "")
    with pytest.raises(LoginNeeded, match=r"may only read \(scope playlist-modify-private is missing\), and nothing was written: run `musicdb login spotify --write`"):
        spotify.open(db, token=login, endpoint=replay.endpoint("spotify"))


def test_your_list_is_planned_approved_written_and_taken_back(db, replay, target, name):
    load.run(db, name, None, token=getattr(replay, name).login(), endpoint=replay.endpoint(name))
    links.link(db)
    truth.resolve(db)
    sql = "select k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id where p.platform = ? and p.external_id = ?"
    tracks = [db.value(sql, [name, key]) for key in own(target).items[:4]]
    with db.operation("test"):
        id = db.execute("insert into playlists (name) values ('Mine alone')").lastrowid
        for n, one in enumerate(tracks):
            db.execute("insert into playlist_items (playlist_id, sort_key, track_id) values (?, ?, ?)", [id, f"{n:04d}", one])
    before = {key: one.items for key, one in target.read().items()}
    made = playlists.plan(db, to=[name], playlists=["Mine alone"], open_targets={name: target})
    playlists.approve(db, made.id)
    assert applying.apply(db, made.id, open_targets={name: target}).failed == 0
    assert any(one.name == "Mine alone" and len(one.items) == 4 for one in target.read().values())
    assert playlists.plan(db, to=[name], playlists=["Mine alone"], open_targets={name: target}).operations == []
    playlists.undo(db, made.id, open_targets={name: target})
    assert {key: one.items for key, one in target.read().items()} == before
