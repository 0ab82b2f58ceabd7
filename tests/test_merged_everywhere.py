"""What hangs on a track that was merged is seen with the one that it turned out to be: in every list, view and number."""

import pytest

from musicdb import history, links, truth
from musicdb.exports import playlists
from musicdb.playlists import blocks, editing, overview, smart
from musicdb.truth import merging

from .observing import observe


@pytest.fixture
def listed(db):
    """Track 1 without a file in your list "Friday" and liked by you; it was merged into track 2, which has a file."""
    observe(db, "spotify", "a", "Peat", in_library=1)
    observe(db, "local", "b", "Turf", path="/m/b.mp3")
    links.link(db)
    truth.resolve(db)
    editing.create(db, "Friday", [1])
    db.execute("insert into track_likes (track_id, platform, is_liked, liked_at) values (1, 'user', 1, '2024-01-01T00:00:00Z')")
    merging.merge(db, 2, [1])
    return db


def test_a_file_whose_track_a_list_holds_under_an_old_id_is_no_orphan(listed):
    assert listed.q("select path from orphan_files") == []
    editing.delete(listed, "Friday")
    assert [row.path for row in listed.q("select path from orphan_files")] == ["/m/b.mp3"]


def test_lists_count_the_file_and_each_track_once_and_only_those_of_lists_that_are_there(listed):
    editing.create(listed, "Both", [1, 2])
    status = overview.status(listed)
    assert status["tracks"] == 1 and [(one.name, one.files, one.missing) for one in status["lists"]] == [("Both", 2, 0), ("Friday", 1, 0)]
    assert (overview.inspect(listed, "Friday")["files"], overview.inspect(listed, "Friday")["missing"]) == (1, 0)
    for name in ("Both", "Friday"):
        editing.delete(listed, name)
    assert overview.status(listed)["tracks"] == 0


def test_history_likes_and_smart_lists_name_the_track_that_it_is_now(listed):
    assert [(row.track_id, row.title) for row in listed.q("select track_id, title from playlist_history where platform = 'user'")] == [(2, "Peat")]
    assert [row.track_id for row in listed.q("select track_id from liked_tracks")] == [2]
    assert [row.track_id for row in listed.q("select track_id from latest_likes")] == [2]
    assert smart.result(listed, blocks.not_in(blocks.library(), "Friday")) == []
    history.undo(listed)
    assert [row.track_id for row in listed.q("select track_id from liked_tracks")] == [1]


def test_lists_in_a_file_written_before_or_after_the_merge_are_those_that_are_here(listed, tmp_path):
    playlists.write(listed, tmp_path / "after.json")
    assert playlists.read(listed, tmp_path / "after.json").operation is None
    history.undo(listed)
    playlists.write(listed, tmp_path / "before.json")
    merging.merge(listed, 2, [1])
    assert playlists.read(listed, tmp_path / "before.json").operation is None
