"""The time machine: what came, what went, who took it out; any past state; real lists over months."""

import json
import re
from collections import Counter
from itertools import pairwise

import pytest

from musicdb import playlists
from musicdb.errors import BadInput
from musicdb.playlists import departures, snapshots, states
from musicdb.playlists.departures import Known

from .playlisting import Service, service

LINE = re.compile(r"^\| \d+ \| \[.*?\]\(https://open\.spotify\.com/track/(\w+)\)")


def went(db, name="tidal/House"):
    return {row.external_id: row.by for row in playlists.history(db, name) if row.what != "added"}


def items(db, name, at=None):
    return [row.external_id or row.title for row in playlists.state(db, name, at)]


# ---------- the oracle


def fewest_moves(before, after):
    """By the plain quadratic table, not by the code that is tested."""
    number = {}
    seen = Counter()
    for place, key in enumerate(after):
        number[key, seen[key]] = place
        seen[key] += 1
    seen = Counter()
    places = []
    for key in before:
        if (key, seen[key]) in number:
            places.append(number[key, seen[key]])
        seen[key] += 1
    longest = []
    for i, one in enumerate(places):
        longest.append(1 + max((longest[j] for j in range(i) if places[j] < one), default=0))
    return len(places) - max(longest, default=0)


@pytest.mark.parametrize("name", ["this_is_yung_lean", "women_of_pop"])
def test_nine_versions_of_a_real_list_are_kept_with_every_item_that_came_went_and_moved(db, real_data, name):
    files = sorted((real_data / "spotify" / "playlist_history" / name).glob("*.md"))
    read = [[m[1] for line in file.read_text("utf-8").splitlines() if (m := LINE.match(line))] for file in files]
    assert len(read) == 9 and all(len(one) > 40 for one in read)
    spotify = Service("spotify")
    for tracks in read:
        spotify.put("list", tracks)
        spotify.read(db)
    ref = playlists.find(db, "spotify/list")
    kept = snapshots.every(db, "spotify", ref.id)
    ids = states.external(db, {item for version in kept for item in version.items})
    distinct = [read[0], *(now for before, now in pairwise(read) if before != now)]
    assert [[ids[item] for item in version.items] for version in kept] == distinct
    numbers = [row[0] for row in db.execute("select id from snapshots order by id")]
    for number, tracks in zip(numbers, read):
        assert items(db, "spotify/list", number) == tracks
    for (one, before), (other, after) in zip(zip(numbers, read), zip(numbers[1:], read[1:])):
        changes = [change for change, _ in playlists.between(db, "spotify/list", one, other)]
        by_op = {op: Counter(change.key for change in changes if change.op == op) for op in ("add", "remove", "move")}
        assert by_op["add"] == Counter(after) - Counter(before)
        assert by_op["remove"] == Counter(before) - Counter(after)
        assert sum(by_op["move"].values()) == fewest_moves(before, after)
    left = Counter()
    for before, after in pairwise(read):
        left += Counter(before) - Counter(after)
    gone = Counter(row.external_id for row in playlists.history(db, "spotify/list") if row.what != "added")
    assert gone == left


# ---------- who took it out


def test_what_you_took_out_is_told_from_what_the_service_dropped_and_what_it_relinked(db):
    tidal = service(db, {"House": list("abcdefgh"), "Techno": list("hxy")})
    tidal.of["c*"] = {"title": "Song c"}  # the same song by another id
    tidal.put("House", ["a", "b", "c*", "d", "f", "g"])  # e: you; h: gone everywhere at once
    tidal.put("Techno", ["x", "y"])
    tidal.read(db)
    assert went(db) == {"c": "relinked", "e": "you", "h": "service"}
    row = next(row for row in playlists.history(db, "tidal/House") if row.external_id == "c" and row.what == "relinked")
    assert row.relinked_to == "c*"


def test_in_another_persons_list_its_owner_took_it_out(db):
    tidal = service(db, {"House": list("abcdef")})
    playlists.create(db, "House")
    playlists.link(db, "House", "tidal/House", is_personal=False)
    tidal.put("House", list("abcde"))
    tidal.read(db)
    assert went(db) == {"f": "owner"}


def test_whose_list_it_is_shows_by_its_owner(db):
    tidal = service(db, {"House": list("abc"), "Techno": list("de"), "Label": list("xyz")})
    for name, owner in (("House", "me"), ("Techno", "me"), ("Label", "label")):
        tidal.lists[name]["owner"] = owner
    tidal.read(db)
    playlists.apply(db, approved(db, playlists.plan(db).id))
    tidal.put("House", list("ab"), owner="me")
    tidal.put("Label", list("xy"), owner="label")
    for _ in range(2):
        tidal.read(db)
    assert (went(db), went(db, "tidal/Label")) == ({"c": "you"}, {"z": "owner"})
    reasons = {op.list.name: op.reason for op in playlists.plan(db).operations}
    assert reasons["House"].startswith("you removed it in Tidal") and reasons["Label"].startswith("its owner removed it in Tidal")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Known(1, None, "k", 1000, True), Known(1, None, "j", None, True), True),
        (Known(None, "X", "k", None, True), Known(None, "X", "j", None, True), True),
        (Known(None, None, "k", 200_000, True), Known(None, None, "k", 201_000, True), True),
        (Known(None, None, "k", 200_000, True), Known(None, None, "k", 260_000, True), False),
        (Known(None, None, "k", None, True), None, False),
    ],
)
def test_when_two_ids_are_one_song(one, other, same):
    assert departures.is_same(one, other) is same


def test_a_song_that_can_no_longer_be_played_was_dropped_by_the_service():
    known = {1: Known(None, None, "a", None, False), 2: Known(None, None, "b", None, True)}
    assert departures.reasons([1, 2, 3], [3], known) == [(1, "service", None), (2, "you", None)]


# ---------- past states


def test_an_import_that_changes_nothing_stores_no_version(db):
    tidal = service(db, {"House": list("abc"), "Techno": list("de")})
    before = db.value("select count(*) from playlist_versions")
    for _ in range(3):
        tidal.read(db)
    assert db.value("select count(*) from playlist_versions") == before == 2
    assert db.value("select count(*) from snapshots") == 4


def test_a_change_stores_its_steps_not_the_list(db):
    names = [f"t{n}" for n in range(200)]
    tidal = service(db, {"House": names}, linked=False)
    tidal.put("House", ["new", *names[:-1]])
    tidal.read(db)
    rows = db.q("select is_full, length(items) as n from playlist_versions order by id")
    assert [row.is_full for row in rows] == [1, 0]
    assert rows[1].n < 40


def test_any_past_state_can_be_shown_compared_and_restored(db):
    tidal = service(db, {"House": list("abcd")})
    playlists.apply(db, approved(db, playlists.plan(db).id))
    songs = {row.title: row.track_id for row in playlists.state(db, "House")}
    then = playlists.snapshot(db, "user")[0]
    playlists.move(db, "House", 0, 3)
    playlists.remove(db, "House", [0])
    assert [row.title for row in playlists.state(db, "House")] == ["Song c", "Song d", "Song a"]
    assert [row.title for row in playlists.state(db, "House", then)] == [f"Song {x}" for x in "abcd"]
    assert {c.op for c, _ in playlists.between(db, "House", then)} == {"move", "remove"} or {c.op for c, _ in playlists.between(db, "House", then)} == {"remove", "move"}
    done = playlists.restore(db, "House", then)
    assert [row.track_id for row in playlists.state(db, "House")] == [songs[f"Song {x}"] for x in "abcd"]
    from musicdb import history

    history.undo(db, done.operation)
    assert [row.title for row in playlists.state(db, "House")] == ["Song c", "Song d", "Song a"]
    assert tidal.lists["House"]["tracks"] == list("abcd")


def test_a_platforms_past_state_comes_back_by_a_plan(db):
    tidal = service(db, {"House": list("abcdef")})
    first = db.value("select min(id) from snapshots")
    tidal.put("House", list("acdefx"))
    tidal.read(db)
    done = playlists.restore(db, "tidal/House", first)
    assert [(row.action, row.item) for row in playlists.operations(db, done.plan)] == [("add", "b"), ("remove", "x")]
    assert items(db, "tidal/House") == list("acdefx")


@pytest.mark.parametrize(("at", "text"), [("1999", "no snapshot of tidal is as old"), ("soon", "is no time"), (9999, "there is no snapshot 9999")])
def test_a_time_that_nothing_is_known_of_is_told(db, at, text):
    service(db, {"House": list("abc")})
    with pytest.raises(BadInput, match=text):
        playlists.state(db, "tidal/House", at)


def test_a_list_that_vanished_is_gone_in_the_history_and_its_past_stays(db):
    tidal = service(db, {"House": list("abc"), "Techno": list("de")})
    first = db.value("select max(id) from snapshots")
    del tidal.lists["House"]
    tidal.read(db)
    assert items(db, "tidal/House", first) == list("abc")
    with pytest.raises(BadInput, match="was not there"):
        playlists.state(db, "tidal/House", db.value("select max(id) from snapshots"))


def test_a_year_of_daily_snapshots_costs_less_than_three_times_one_and_its_changes(db):
    tidal = service(db, {f"list {n}": [f"t{n}-{i}" for i in range(100)] for n in range(12)}, linked=False)
    one = db.value("select sum(length(items)) from playlist_versions")
    changed = 0
    for day in range(40):
        name = f"list {day % 12}"
        tracks = tidal.lists[name]["tracks"]
        tidal.put(name, [f"t{(day + 1) % 12}-{day}", *tracks[:50], *tracks[51:]])
        tidal.read(db)
        changed += 2
    size = db.value("select sum(length(items) + length(name) + 60) from playlist_versions") + db.value("select sum(length(data) + 40) from snapshots")
    assert size < 3 * (one + changed * 20)


def approved(db, plan):
    playlists.approve(db, plan)
    return plan


def test_the_view_says_when_each_item_came_and_went(db):
    tidal = service(db, {"House": list("abcd")})
    tidal.put("House", list("abd"))
    tidal.read(db)
    rows = {row.external_id: row for row in db.q("select * from playlist_history where platform = 'tidal'")}
    assert rows["a"].went_at is None and rows["a"].came_at
    assert rows["c"].went_at and rows["c"].went_by == "you"
    assert json.loads(json.dumps(rows["c"]))["playlist"] == "House"


# ---------- all lists at once


def events(before, after, **options):
    def state(lists):
        return {id: playlists.Listing(*one) if isinstance(one, tuple) else playlists.Listing(id, one) for id, one in lists.items()}

    return [(e.kind, e.list, e.key, e.other) for e in playlists.compare(state(before), state(after), **options)]


@pytest.mark.parametrize(
    ("before", "after", "want"),
    [
        ({}, {"A": "ab"}, [("list_added", "A", None, None)]),
        ({"A": "ab"}, {}, [("list_removed", "A", None, None)]),
        ({"A": ("x", "a")}, {"A": ("y", "a")}, [("list_renamed", "A", None, None)]),
        ({"A": ("x", "a", "old")}, {"A": ("x", "a", "new")}, [("list_described", "A", None, None)]),
        ({"A": ("x", "a", None, 1)}, {"A": ("x", "a", None, 2)}, [("list_filed", "A", None, None)]),
        ({"A": "abc"}, {"A": "cab"}, [("item_moved", "A", "c", None)]),
        ({"A": "abc", "B": "x"}, {"A": "ac", "B": "xb"}, [("item_moved_to", "B", "b", "A")]),
        ({"A": "abc", "B": "x"}, {"A": "abc", "B": "xb"}, [("item_copied", "B", "b", "A")]),
        ({"A": "ab"}, {"A": "aab"}, [("item_added", "A", "a", None)]),
        ({"A": "aab"}, {"A": "ab"}, [("item_removed", "A", "a", None)]),
    ],
)
def test_each_kind_of_change_is_one_event(before, after, want):
    assert events(before, after) == want


def test_a_relinked_song_is_neither_removed_nor_added():
    assert events({"A": "abc"}, {"A": "aBc"}, same=lambda old, new: old.lower() == new.lower()) == [("item_relinked", "A", "B", None)]


def test_a_song_of_which_something_else_changed_is_told_where_it_stands():
    assert events({"A": "ab", "B": "c"}, {"A": "ab", "B": "c"}, changed={"b"}) == [("item_changed", "A", "b", None)]


def test_what_changed_in_all_lists_of_a_platform(db):
    tidal = service(db, {"House": list("abcd"), "Techno": list("mn"), "Old": ["x"]})
    first = db.value("select max(id) from snapshots")
    tidal.put("House", list("abd"), description="new words")
    tidal.lists["House"]["name"] = "Houses"
    tidal.put("Techno", list("mnc"))
    tidal.put("New", ["x"])
    del tidal.lists["Old"]
    tidal.of["m"] = {"isrc": "DEAAA0000001"}
    tidal.read(db)
    found = {(e["kind"], e["list"], e["title"], e["other"]) for e in playlists.changes(db, "tidal", first)}
    assert {kind for kind, *_ in found} >= {"list_added", "list_removed", "list_renamed", "list_described", "item_moved_to"}
    assert ("item_moved_to", "Techno", "Band - Song c", "Houses") in found
