"""ListenBrainz exports. Accounts: test_history_accounts.py."""

from __future__ import annotations

import json
import zipfile

import pytest

from musicdb import load
from musicdb.errors import BadInput, PayloadError, UnknownSource
from musicdb.platforms import _history_files as files
from musicdb.platforms import listenbrainz

AT = 1_600_000_000
MBID = "11111111-1111-4111-8111-111111111111"


def listen(at=AT, title="Nightfall", **more):
    metadata = {"track_name": title, "artist_name": "Ada", "release_name": "Harbour Lights", "additional_info": {}, **more}
    return {"listened_at": at, "track_metadata": metadata}


def lines(*items):
    return "".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in items)


def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name.replace("__", "/").replace("_jsonl", ".jsonl").replace("_json", ".json"), content)
    return path


def plays(db):
    return [tuple(row.values()) for row in db.q("select l.listened_at, t.title from listens as l left join platform_tracks as t "
            "on t.platform = l.platform and t.external_id = l.track_external_id order by 1, 2")]  # fmt: skip


def refusals(db):
    return {row["item"]: row["reason"] for row in db.q("select item, reason from quarantine where resolved_at is null")}


def test_every_form_of_an_export_gives_the_same_plays(db, tmp_path):
    items = [listen(AT + n * 200, f"Tide {n}") for n in range(5)]
    (tmp_path / "a.jsonl").write_text(lines(*items))
    (tmp_path / "b.json").write_text(json.dumps(items, indent=2))
    (tmp_path / "c.json").write_text(json.dumps({"listen_type": "import", "payload": items}))
    (tmp_path / "d.json").write_text(json.dumps({"payload": {"count": 5, "listens": items, "user_id": "ada"}}))
    (tmp_path / "e.jsonl").write_bytes(b"\xef\xbb\xbf" + lines(*items).encode())
    (tmp_path / "f.jsonl").write_bytes(lines(*items).encode("utf-16"))
    archive(tmp_path / "g.zip", listens__2020__9_jsonl=lines(*items), user_json='{"user_id": 1, "username": "ada"}')
    for n, path in enumerate(sorted(tmp_path.glob("?.*"))):
        report = load.run(db, "listenbrainz", path)
        assert (report.listens_new, report.listens_known) == ((5, 0) if n == 0 else (0, 5)), path
    assert len(plays(db)) == 5 and refusals(db) == {}


def test_a_second_import_changes_nothing_and_a_longer_export_adds_what_is_new(db, tmp_path):
    items = [listen(AT + n * 200, f"Tide {n}") for n in range(7)]
    first = archive(tmp_path / "v1.zip", listens__2020__9_jsonl=lines(*items[:5]))
    load.run(db, "listenbrainz", first)
    batches = db.value("select count(*) from import_batches")
    assert load.run(db, "listenbrainz", first).listens_new == 0
    assert db.value("select count(*) from import_batches") == batches
    assert load.run(db, "listenbrainz", archive(tmp_path / "v2.zip", listens__2020__9_jsonl=lines(*items))).listens_new == 2


def test_plays_of_the_same_second_are_kept_and_the_same_play_twice_is_one(db, tmp_path):
    (tmp_path / "a.jsonl").write_text(lines(listen(), listen(title="Slow Tide"), listen()))
    report = load.run(db, "listenbrainz", tmp_path / "a.jsonl")
    assert (report.listens_new, report.listens_known) == (2, 1)


def test_bad_lines_are_refused_one_by_one_with_a_reason(db, tmp_path):
    nan = json.dumps(listen(AT + 1, "x")).replace('"Harbour Lights"', "NaN")
    (tmp_path / "a.jsonl").write_text(
        lines(listen(), '{"listened_at": 16000', nan, "[1, 2]", listen(None), listen(12), listen(AT, ""), listen(AT, "half \ud800"),
              {"listened_at": AT}, listen(float("nan")), listen(AT, "b", artist_name=None), "", listen(AT + 9, "nul \0 inside"))
    )  # fmt: skip
    report = load.run(db, "listenbrainz", tmp_path / "a.jsonl")
    assert report.listens_new == 2 and report.quarantined == 10
    said = " / ".join(refusals(db).values())
    for reason in ("no JSON", "cannot hold", "an object expected", "playing now", "broken clock", "without a title", "half a character",
                   "without track_metadata", "without an artist"):  # fmt: skip
        assert reason in said, reason
    assert db.value("select title from platform_tracks where title like 'nul%'") == "nul  inside"


@pytest.mark.parametrize(
    "at",
    [AT, float(AT) + 0.75, AT * 1000 + 7, AT * 10**6 + 7, AT * 10**9 + 7, str(AT), "2020-09-13T12:26:40Z", "2020-09-13T14:26:40+02:00"],
)
def test_seconds_in_every_unit_are_the_same_time(at):
    assert list(listenbrainz.rows("listen", listen(at)))[1]["listened_at"] == "2020-09-13T12:26:40Z"


def test_what_the_player_sent_goes_before_what_listenbrainz_found():
    mapped = {"recording_mbid": MBID, "release_mbid": MBID.replace("1", "2")}
    track, play = listenbrainz.rows("listen", listen(mbid_mapping=mapped))
    assert track["external_id"] == play["track_external_id"] == MBID and track["said"]["ids"]["mb_recording"] == MBID
    own = {"recording_mbid": "https://musicbrainz.org/recording/" + MBID.replace("1", "3"), "duration": 181, "isrc": "qz-fic-25-00001"}
    track, _ = listenbrainz.rows("listen", listen(mbid_mapping=mapped, additional_info=own))
    assert track["external_id"] == MBID.replace("1", "3") and track["duration_ms"] == 181_000 and track["isrc"] == "QZFIC2500001"


def test_a_track_is_stored_once_and_is_not_in_the_library(db, tmp_path):
    (tmp_path / "a.jsonl").write_text(lines(*(listen(AT + n * 200) for n in range(50))))
    load.run(db, "listenbrainz", tmp_path / "a.jsonl")
    assert db.q("select in_library, kind from platform_tracks") == [{"in_library": 0, "kind": "track"}]
    assert "listened_at" not in db.value("select metadata from platform_tracks")
    assert db.value("select count(*) from tracks") == 0


def test_loved_recordings_of_an_export_get_their_words_from_its_listens(db, tmp_path):
    msid = "22222222-2222-4222-8222-222222222222"
    heard = [listen(AT, "Nightfall", mbid_mapping={"recording_mbid": MBID}), listen(AT + 200, "Slow Tide", recording_msid=msid)]
    said = [
        {"recording_mbid": None, "recording_msid": msid, "score": 1, "created": AT + 500},
        {"recording_mbid": MBID, "recording_msid": None, "score": 1, "created": AT + 400},
        {"recording_mbid": MBID.replace("1", "9"), "recording_msid": None, "score": 1, "created": AT + 600},
        {"recording_mbid": MBID, "recording_msid": None, "score": -1, "created": AT + 700},
        {"recording_mbid": MBID, "recording_msid": None, "score": 0, "created": AT + 800},
    ]
    path = archive(tmp_path / "e.zip", listens__2020__9_jsonl=lines(*heard), feedback_jsonl=lines(*said), user_json='{"username": "ada"}',
                   pinned_recording_jsonl=lines({"recording_mbid": MBID, "blurb_content": "x"}))  # fmt: skip
    report = load.run(db, "listenbrainz", path)
    rows = db.q("select p.external_id as list, p.kind, i.position, t.title, i.added_at from platform_playlist_items as i join platform_playlists as p "
                "on p.id = i.platform_playlist_id join platform_tracks as t on t.id = i.platform_track_id order by 1 desc, 3")  # fmt: skip
    assert [tuple(row.values())[:4] for row in rows] == [
        ("export:loved:ada", "liked", 0, "Nightfall"), ("export:loved:ada", "liked", 1, "Slow Tide"), ("export:hated:ada", "playlist", 0, "Nightfall"),
    ]  # fmt: skip
    assert rows[0]["added_at"] == "2020-09-13T12:33:20Z"
    assert any("have no name" in note for note in report.notes)
    assert {"pinned recordings are not read", "a loved recording without a name: the export has no listen of it"} == set(
        refusals(db).values()
    )
    assert load.run(db, "listenbrainz", path).new == 0


@pytest.mark.parametrize("name, content, hint", [
    ("maloja.json", '{"maloja": {"export_time": 1}, "scrobbles": []}', "musicdb import maloja"),
    ("koito.json", '{"version": "1", "exported_at": "x", "user": "a", "listens": []}', "musicdb import koito"),
    ("endsong_0.json", '[{"ts": "2020-01-01T00:00:00Z", "ms_played": 1}]', "musicdb import spotify"),
    ("recent.json", '[{"track": [{"artist": {"#text": "a"}, "date": {"uts": "1"}}]}]', "musicdb import lastfm"),
    ("letter.json", '{"dear": "Ada"}', "give the zip"),
    ("nothing.json", "", "give the zip"),
])  # fmt: skip
def test_a_file_of_another_kind_names_its_importer(db, tmp_path, name, content, hint):
    (tmp_path / name).write_text(content)
    with pytest.raises(UnknownSource, match=hint):
        load.run(db, "listenbrainz", tmp_path / name)
    assert refusals(db) == {}


def test_a_file_that_breaks_off_gives_what_stands_before_and_says_so(db, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([listen(AT + n) for n in range(3)])[:-60])
    assert load.run(db, "listenbrainz", tmp_path / "a.json").listens_new == 2
    assert "cut off" in refusals(db)["a.json"]
    with pytest.raises(BadInput, match="does not exist"):
        load.run(db, "listenbrainz", tmp_path / "none.zip")


def test_a_bomb_is_not_unpacked(db, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "RATIO_FROM", 1 << 20)
    path = archive(tmp_path / "e.zip", listens__1_jsonl=lines(listen()), listens__2_jsonl=lines(listen(AT, "x" * (3 << 20))))
    assert load.run(db, "listenbrainz", path).listens_new == 1
    assert "would unpack" in refusals(db)["listens/2.jsonl"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_json_is_the_same_in_chunks_of_any_size(tmp_path, monkeypatch, size):
    monkeypatch.setattr(files, "CHUNK", size)
    document = {"a": [1, 22, 333], "b": {"c": [1]}, "lovedtracks": {"track": [{"é": "\u2028,"}, -1.5e3], "n": 7}, "z": None, "e": []}
    (tmp_path / "a.json").write_text("\ufeff" + json.dumps(document, indent=1, ensure_ascii=False), "utf-8")
    member = files.members(tmp_path / "a.json", "", (".json",))[0][0]
    assert list(files.json_items(member)) == [
        ("a", 1), ("a", 22), ("a", 333), ("b", {"c": [1]}), ("track", {"é": "\u2028,"}), ("track", -1500.0), ("n", 7), ("z", None),
    ]  # fmt: skip


def test_what_is_remembered_of_a_track_changes_nothing():
    one = [list(listenbrainz.rows("listen", listen(AT + n, f"Tide {n % 3}"))) for n in range(9)]
    one[0][0]["title"] = "changed by the reader"
    assert [rows[0]["title"] for rows in one[3:6]] == ["Tide 0", "Tide 1", "Tide 2"]
    for _ in range(2):
        with pytest.raises(PayloadError):
            list(listenbrainz.rows("listen", listen(AT, "")))


def test_real_exports_import_whole(db, real_data):
    folder = real_data / "scrobbles"
    counts = {path: load.run(db, "listenbrainz", folder / path) for path in (
        "listenbrainz/listenbrainz_listens.jsonl", "listenbrainz/valid_import.json", "koito/listenbrainz_shoko1_123456789.zip")}  # fmt: skip
    assert [(r.listens_new, r.quarantined) for r in counts.values()] == [(2, 0), (2, 0), (19, 0)]
