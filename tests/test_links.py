"""Linking: which signs make two observations one track, which do not, and that a person's decision stands."""

import importlib
import json
import random

import pytest

import musicdb
from musicdb import links
from tests.labelled import pairs_of, scores
from tests.observing import decide, observe, uid


def tracks(db):
    """{platform/external id: track} of all active links."""
    return dict(
        db.execute(
            "select p.platform || '/' || p.external_id, k.track_id "
            "from track_links as k join platform_tracks as p on p.id = k.platform_track_id where k.status in ('auto', 'confirmed')"
        ).fetchall()
    )


def state(db):
    return db.execute("select * from track_links order by id").fetchall(), db.execute("select id, track_uid from track_ids").fetchall()


def one_track(db):
    links.link(db)
    return len(set(tracks(db).values())) == 1


def candidates(db):
    return db.execute("select method, confidence from track_links where status = 'candidate'").fetchall()


# ---------- signs


def test_an_observation_makes_a_track_and_says_why(db):
    observe(db, "local", "a", duration_ms=200_000)
    report = links.link(db)
    assert (report.linked, report.new_tracks, report.written) == ({"new": 1}, 1, 1)
    link = db.one("select auto_track_id, assigned_track_id, track_id, status, method, confidence, evidence from track_links")
    assert [*link.values()][:6] == [1, 1, 1, "auto", "new", 100]
    assert json.loads(link.evidence) == [{"part": "new", "sentence": "Nothing in the library matched, so it made this track."}]
    identity = db.one("select i.origin, o.type, o.status from track_ids as i join operations as o on o.id = i.operation_id")
    assert identity == {"origin": "local/a", "type": "link", "status": "completed"}


@pytest.mark.parametrize(
    "one, other",
    [
        ({"said": {"ids": {"spotify": "X1"}}}, {"platform": "spotify", "external_id": "X1", "title": "Nacht"}),
        ({"said": {"ids": {"spotify": "https://open.spotify.com/track/X1?si=z"}}}, {"external_id": "spotify:track:X1"}),
        ({"said": {"ids": {"mb_recording": "m"}}}, {"platform": "rekordbox", "title": "Other", "said": {"ids": {"mb_recording": "m"}}}),
    ],
)  # fmt: skip
def test_the_same_id_links_whatever_the_title(db, one, other):
    observe(db, "local", "a", **one)
    observe(db, **{"platform": "spotify", "external_id": "9", **other})
    assert one_track(db)


@pytest.mark.parametrize(
    "path, known",
    [
        ("/Music/Ada/Night.mp3", "/Music/Ada/Night.mp3"),
        ("C:/Music/ADA/Night.mp3", "c:\\music\\Ada\\Night.mp3"),
        ("/Music/Bjo\u0308rk.mp3", "/Music/Bj\u00f6rk.mp3"),
    ],
)
def test_the_same_file_links_whatever_the_tags(db, path, known):
    observe(db, "local", "a", path=known, duration_ms=1)
    observe(db, "rekordbox", "9", title="Untitled", artists=(), duration_ms=900_000, said={"path": path})
    assert one_track(db)
    assert db.value("select count(*) from track_links where method = 'path' and confidence = 100") == 1


def test_file_names_that_differ_in_case_only_are_two_files(db):
    observe(db, "local", "a", title="One", path="/m/night.mp3")
    observe(db, "local", "b", title="Two", path="/m/Night.mp3")
    observe(db, "rekordbox", "9", title="Three", said={"path": "/m/NIGHT.mp3"})
    observe(db, "rekordbox", "8", title="Four", said={"path": "/m/Night.mp3"})
    links.link(db)
    found = tracks(db)
    assert found["rekordbox/8"] == found["local/b"] and len(set(found.values())) == 3


def test_the_same_sound_links_a_file_without_tags(db):
    observe(db, "local", "a", audio_hash="h")
    observe(db, "local", "b", title="track01", artists=(), audio_hash="h")
    assert one_track(db)


def test_the_same_sound_under_two_names_waits_for_a_person(db):
    observe(db, "local", "a", audio_hash="h")
    observe(db, "local", "b", title="Daybreak", audio_hash="h")
    assert not one_track(db)
    assert candidates(db) == [("audio", 70)]


@pytest.mark.parametrize("length, same", [(200_000, True), (202_900, True), (203_100, False), (260_000, False)])
def test_the_same_key_links_when_the_lengths_agree(db, length, same):
    observe(db, "local", "a", duration_ms=200_000)
    observe(db, "tidal", "t", artists=["ADA"], duration_ms=length)
    assert one_track(db) is same


def test_lengths_do_not_drift_along_a_chain(db):
    for n in range(4):
        observe(db, ("local", "tidal", "rekordbox", "itunes")[n], str(n), duration_ms=200_000 + n * 2_000)
    links.link(db)
    assert len(set(tracks(db).values())) == 2


@pytest.mark.parametrize(
    "more, same",
    [
        ({}, False),
        ({"album": "Dusk"}, True),
        ({"isrc": "USRC17607839"}, True),
        ({"album": "Dawn"}, False),
        ({"album": "Dusk (Live)"}, False),
    ],
)
def test_without_a_length_the_same_key_needs_album_or_isrc(db, more, same):
    observe(db, "local", "a", album="DUSK (Deluxe Edition)", isrc="us-rc1-76-07839", duration_ms=200_000)
    observe(db, "spotify", "s", **more)
    assert one_track(db) is same
    assert candidates(db) == ([] if same else [("key", 65)])


@pytest.mark.parametrize("version", ["Dub Mix", "Live", "Radio Edit", "Bob Remix"])
def test_two_versions_are_never_linked_by_isrc_sound_or_id(db, version):
    same = {"isrc": "USRC17607839", "duration_ms": 200_000, "audio_hash": "h", "said": {"ids": {"mb_recording": "m"}}}
    observe(db, "local", "a", **same)
    observe(db, "local", "b", title=f"Nightfall ({version})", **same)
    observe(db, "tidal", "c", isrc="USRC17607839", duration_ms=200_000, said={"version": version, "ids": {"mb_recording": "m"}})
    links.link(db)
    found = tracks(db)
    assert found["local/a"] != found["local/b"] == found["tidal/c"]


def test_one_isrc_on_two_titles_is_two_tracks(db):
    observe(db, "local", "a", isrc="USRC17607839", duration_ms=200_000)
    observe(db, "tidal", "t", title="Daybreak", isrc="USRC17607839", duration_ms=200_000)
    assert not one_track(db)
    assert candidates(db) == [("isrc", 50)]


def test_one_isrc_and_title_link_artists_written_differently(db):
    observe(db, "local", "a", artists=["Ada"], isrc="USRC17607839", duration_ms=200_000)
    observe(db, "tidal", "t", artists=["Ada", "Bob"], isrc="USRC17607839", duration_ms=201_000)
    assert one_track(db)


def test_one_isrc_and_title_of_other_length_are_two_tracks(db):
    observe(db, "local", "a", artists=["Ada"], isrc="USRC17607839", duration_ms=200_000)
    observe(db, "tidal", "t", artists=["Ada", "Bob"], isrc="USRC17607839", duration_ms=290_000)
    assert not one_track(db)


def test_a_word_that_is_no_isrc_is_no_sign(db):
    observe(db, "local", "a", artists=["Ada"], isrc="none", duration_ms=200_000)
    observe(db, "tidal", "t", artists=["Bob"], isrc="none", duration_ms=200_000)
    assert not one_track(db)


@pytest.mark.parametrize("more, same", [({}, False), ({"album": "Dusk"}, True), ({"isrc": "USRC17607839"}, True)])
def test_twice_on_one_platform_is_one_track_only_with_album_or_isrc(db, more, same):
    observe(db, "spotify", "s1", duration_ms=200_000, **more)
    observe(db, "spotify", "s2", duration_ms=200_000, **more)
    assert one_track(db) is same
    assert candidates(db) == ([] if same else [("key", 80)])


def test_a_title_without_an_artist_says_nothing(db):
    observe(db, "local", "a", title="Intro", artists=(), duration_ms=60_000)
    observe(db, "tidal", "t", title="Intro", artists=["Various Artists"], duration_ms=60_000)
    assert not one_track(db)


# ---------- listens


def test_listens_are_linked_but_never_make_a_track(db):
    observe(db, "lastfm", "l", in_library=0)
    observe(db, "lastfm", "m", title="Daybreak", in_library=0)
    observe(db, "local", "a", duration_ms=200_000)
    report = links.link(db)
    assert (report.new_tracks, report.unlinked) == (1, 1)
    assert tracks(db) == {"local/a": 1, "lastfm/l": 1}
    observe(db, "local", "b", title="Daybreak", duration_ms=200_000)
    assert links.link(db).linked == {"new": 1, "key": 1}


def test_a_listen_that_could_be_two_tracks_waits(db):
    observe(db, "spotify", "s1", duration_ms=200_000, album="Dusk")
    observe(db, "spotify", "s2", duration_ms=200_000, album="Dawn")
    observe(db, "lastfm", "l", in_library=0)
    observe(db, "lastfm", "d", in_library=0, album="Dawn")
    links.link(db)
    found = tracks(db)
    assert "lastfm/l" not in found and found["lastfm/d"] == found["spotify/s2"]


def test_a_history_platform_makes_no_track(db):
    observe(db, "listenbrainz", "l", in_library=1)
    assert links.link(db).new_tracks == 0


# ---------- again


def fill(db):
    for n in range(30):
        observe(db, "local", f"f{n}", title=f"Song {n % 25}", duration_ms=200_000, album=f"A{n}", path=f"/m/{n}.mp3")
        observe(db, "spotify", f"s{n}", title=f"Song {n}", album=f"A{n}")
        observe(db, "lastfm", f"l{n}", title=f"Song {n * 2}", in_library=0)


def test_a_second_run_writes_nothing(db):
    fill(db)
    links.link(db)
    before, changes = state(db), db.conn.total_changes
    report = links.link(db)
    assert (report.written, report.new_tracks, state(db), db.conn.total_changes) == (0, 0, before, changes)


def test_a_listen_that_found_its_track_leads_another_to_it(db):
    observe(db, "local", "a", duration_ms=200_000, said={"ids": {"mb_recording": "m"}})
    observe(db, "lastfm", "early", title="Nacht", in_library=0)
    observe(db, "listenbrainz", "late", title="Nacht", in_library=0, said={"ids": {"mb_recording": "m"}})
    links.link(db)
    assert tracks(db) == {"local/a": 1, "lastfm/early": 1, "listenbrainz/late": 1}
    assert links.link(db).written == 0


@pytest.mark.parametrize("seed", range(12))
def test_a_second_run_writes_nothing_whatever_was_observed(db, seed):
    rng = random.Random(seed)
    for n in range(60):
        said = {"ids": {"mb_recording": rng.choice("mnop")}} if rng.random() < 0.2 else {}
        if rng.random() < 0.3:
            said["path"] = f"/m/{rng.randrange(12)}.mp3"
        platform = rng.choice(["local", "rekordbox", "spotify", "tidal", "lastfm"])
        observe(
            db, platform, str(n), rng.choice(["Night", "Night (Dub Mix)", "Day"]), rng.choice([["Ada"], ["Bob"], []]),
            duration_ms=rng.choice([None, 200_000, 202_000, 204_000, 212_000]), album=rng.choice([None, "Dusk", "Dawn"]),
            isrc=rng.choice([None, "USRC17607839", "USRC17607840"]), in_library=int(platform != "lastfm" and rng.random() < 0.8),
            missing_since=rng.choice([None, None, "2026-01-01T00:00:00Z"]), said=said,
        )  # fmt: skip
    links.link(db)
    before = state(db)
    assert links.link(db).written == 0
    assert state(db) == before
    versions = (
        "select count(distinct p.title like '%Mix%') as n from track_links as k join platform_tracks as p on p.id = k.platform_track_id "
    )
    where = "where k.status = 'auto' and not exists (select 1 from track_links as f where f.track_id = k.track_id and f.method = 'path') "
    assert db.value(f"select max(n) from ({versions} {where} group by k.track_id)") == 1


def test_the_order_of_imports_does_not_change_what_belongs_together(tmp_path):
    groups = []
    for order in (1, -1):
        with musicdb.open(tmp_path / f"{order}.db") as db:
            for platform, external_id, more in [
                ("local", "a", {"duration_ms": 200_000, "album": "Dusk"}),
                ("rekordbox", "r", {"duration_ms": 201_000}),
                ("spotify", "s", {"album": "Dusk"}),
                ("tidal", "t", {"duration_ms": 260_000}),
                ("lastfm", "l", {"in_library": 0, "album": "Dusk"}),
            ][::order]:
                observe(db, platform, external_id, **more)
            links.link(db)
            found = {}
            for key, track in tracks(db).items():
                found.setdefault(track, set()).add(key)
            groups.append(sorted(map(sorted, found.values())))
    assert groups[0] == groups[1] == [["lastfm/l", "local/a", "rekordbox/r", "spotify/s"], ["tidal/t"]]


def test_a_later_import_keeps_every_identity(db):
    fill(db)
    links.link(db)
    before = tracks(db)
    for n in range(30):
        observe(db, "tidal", f"t{n}", title=f"Song {n}", duration_ms=200_000)
    links.link(db)
    assert {key: track for key, track in tracks(db).items() if key in before} == before


def test_a_link_that_a_person_confirmed_without_a_decision_row_stays(db):
    one, other = observe(db, "local", "a", duration_ms=1_000), observe(db, "tidal", "t", title="Other", duration_ms=9_000)
    links.link(db)
    db.execute(
        "update track_links set status = 'confirmed', assigned_track_id = 1, track_id = 1 where platform_track_id in (?, ?)", [one, other]
    )
    before = state(db)
    links.link(db)
    assert state(db) == before


# ---------- decisions


@pytest.fixture
def two(db):
    observe(db, "local", "a", duration_ms=200_000)
    observe(db, "tidal", "t", duration_ms=200_000)
    observe(db, "spotify", "s", title="Daybreak")
    links.link(db)
    assert tracks(db) == {"local/a": 1, "tidal/t": 1, "spotify/s": 2}
    return db


def test_a_move_is_honoured_and_taking_it_back_restores_exactly(two):
    before = state(two)
    decide(two, "link", "tidal/t", "track", uid(two, 2))
    assert links.link(two).decided == 1
    assert tracks(two) == {"local/a": 1, "tidal/t": 2, "spotify/s": 2}
    moved = two.one(
        "select auto_track_id, assigned_track_id, track_id, status, decided_by from track_links where assigned_track_id <> auto_track_id"
    )
    assert [*moved.values()] == [1, 2, 2, "confirmed", "me"]
    assert links.link(two).written == 0
    decide(two, "link", "tidal/t", "track", None)
    links.link(two)
    assert state(two) == before


def test_a_rejected_match_gets_its_own_track_and_taking_it_back_restores_the_match(two):
    before = tracks(two)
    decide(two, "link", "tidal/t", f"not:{uid(two, 1)}", 1)
    links.link(two)
    assert tracks(two) == {"local/a": 1, "tidal/t": 3, "spotify/s": 2}
    assert links.link(two).written == 0
    decide(two, "link", "tidal/t", f"not:{uid(two, 1)}", None)
    links.link(two)
    assert tracks(two) == before
    decide(two, "link", "tidal/t", f"not:{uid(two, 1)}", 1)
    links.link(two)
    assert tracks(two) == {"local/a": 1, "tidal/t": 3, "spotify/s": 2}  # the identity it had, not another


def test_an_accepted_candidate_is_the_link_and_taking_it_back_makes_it_wait_again(db):
    observe(db, "local", "a", duration_ms=200_000)
    observe(db, "spotify", "s")
    links.link(db)
    before = state(db)
    assert candidates(db) == [("key", 65)]
    decide(db, "link", "spotify/s", "track", uid(db, 1))
    links.link(db)
    assert tracks(db) == {"local/a": 1, "spotify/s": 1} and candidates(db) == []
    assert links.link(db).written == 0
    decide(db, "link", "spotify/s", "track", None)
    links.link(db)
    assert state(db) == before


def test_the_later_of_accept_and_reject_counts(two):
    decide(two, "link", "tidal/t", f"not:{uid(two, 2)}", 1)
    decide(two, "link", "tidal/t", "track", uid(two, 2))
    links.link(two)
    assert tracks(two)["tidal/t"] == 2
    decide(two, "link", "tidal/t", f"not:{uid(two, 2)}", 1)
    links.link(two)
    assert tracks(two)["tidal/t"] == 1


def test_a_decision_counts_before_the_matcher_saw_the_observation(two):
    decide(two, "link", "rekordbox/9", "track", uid(two, 2))
    observe(two, "rekordbox", "9", duration_ms=200_000)
    links.link(two)
    assert tracks(two)["rekordbox/9"] == 2


def test_a_merge_moves_the_links_and_unmerging_restores_exactly_also_after_an_import(two):
    before = state(two)
    decide(two, "track", uid(two, 2), "merged_into", uid(two, 1))
    links.link(two)
    assert set(tracks(two).values()) == {1}
    assert two.value("select count(*) from track_links where assigned_track_id = 2 and track_id = 1") == 1
    observe(two, "discogs", "d", title="Daybreak", album="Dusk")
    observe(two, "rekordbox", "r", title="Daybreak", said={"ids": {"spotify": "s"}})
    links.link(two)
    assert tracks(two)["rekordbox/r"] == 1
    decide(two, "track", uid(two, 2), "merged_into", None)
    links.link(two)
    assert state(two)[0][: len(before[0])] == before[0]
    assert tracks(two)["rekordbox/r"] == 2


def test_merges_chain_and_a_circle_has_one_root(two):
    observe(two, "local", "c", title="Third")
    links.link(two)
    decide(two, "track", uid(two, 3), "merged_into", uid(two, 2))
    decide(two, "track", uid(two, 2), "merged_into", uid(two, 1))
    links.link(two)
    assert set(tracks(two).values()) == {1}
    decide(two, "track", uid(two, 1), "merged_into", uid(two, 3))
    links.link(two)
    assert set(tracks(two).values()) == {1}


def test_progress_tells_how_far_it_is(db):
    fill(db)
    told = []
    links.link(db, progress=lambda *what: told.append(what))
    assert told[0] == (0, 90, "linking") and told[-1] == (90, 90, "linking")


def test_the_fictional_library_is_linked_without_a_wrong_link(db):
    from musicdb.demo import answers, views
    from musicdb.demo.library import library

    with db.atomic():
        for f in views.files():
            said = {k: v for k, v in f.tags.items() if v and k not in ("title", "artists")}
            more = {"album": f.tags.get("album"), "isrc": f.tags.get("isrc"), "duration_ms": int(f.seconds * 1000), "path": f"/m/{f.path}"}
            observe(db, "local", f.path, f.tags.get("title") or f.path, f.tags.get("artists", ()), said=said, audio_hash=f.audio, **more)
        for d in views.dj_tracks():
            said = {"path": f"/m/{d.file}" if d.file else d.location}
            more = {"album": d.said.get("Album"), "duration_ms": int(d.seconds) * 1000, "said": said}
            observe(db, "rekordbox", str(d.track_id), d.said["Name"], [d.said.get("Artist", "")], **more)
        for s in views.streams():
            # The account tells length and ISRC; of what was only heard the export does not.
            more = {"duration_ms": int(s.seconds * 1000), "isrc": library().songs[s.song].isrc or None} if s.saved else {}
            observe(db, "spotify", s.uri, s.title, [s.artist], album=s.album, in_library=int(s.saved), **more)
    links.link(db)
    found, songs = tracks(db), {f"{platform}/{item}": song for (platform, item), song in answers.truth().items()}
    by_track = {}
    for key, track in found.items():
        by_track.setdefault(track, set()).add(songs[key])
    assert [names for names in by_track.values() if len(names) > 1] == []
    assert len(by_track) <= 1.05 * len(set(songs.values()))  # and few songs fall apart
    keys = sorted(found)
    precision, recall, _ = scores(pairs_of([found[key] for key in keys]), pairs_of([songs[key] for key in keys]))
    assert precision == 1.0 and recall >= 0.97


# ---------- near words
def waiting(db):
    rows = db.execute("select p.external_id, k.track_id, k.method, k.confidence, k.evidence from track_links as k join platform_tracks as p "
                      "on p.id = k.platform_track_id where k.status = 'candidate' order by p.id, k.confidence desc").fetchall()  # fmt: skip
    return [(one, track, method, confidence, [e["sentence"] for e in json.loads(evidence)]) for one, track, method, confidence, evidence in rows]


def test_a_typing_error_with_the_same_artist_and_length_is_linked_and_says_why(db):
    observe(db, "local", "f", "Wandering Eternally", ["Kelp Division"], duration_ms=200_000)
    observe(db, "tidal", "t", "Wandering Eternaly", ["Kelp Division"], duration_ms=200_500)
    links.link(db)
    assert set(tracks(db).values()) == {1}
    confidence, evidence = db.execute("select confidence, evidence from track_links where method = 'match'").fetchone()
    assert confidence >= 97 and "nearly the same" in evidence


def test_a_short_title_by_an_artist_of_nearly_the_same_name_waits(db):
    observe(db, "local", "f", "Nor", ["Junriash Fa"], duration_ms=295_000)
    observe(db, "tidal", "t", "Nor", ["Junriash Ka"], duration_ms=295_500)
    links.link(db)
    assert len(set(tracks(db).values())) == 2 and [method for _, _, method, *_ in waiting(db)] == ["match"]


def test_a_near_title_without_a_length_waits_with_its_evidence(db):
    observe(db, "local", "f", "Wandering Eternally", ["Kelp Division"], album="Dusk")
    observe(db, "tidal", "t", "Wandering Eternaly", ["Kelp Division"], album="Dusk")
    links.link(db)
    assert tracks(db) == {"tidal/t": 1, "local/f": 2}
    [(one, track, method, confidence, sentences)] = waiting(db)
    assert (one, track, method) == ("f", 1, "match") and confidence > 80
    assert "The albums are the same." in sentences and "The artists are the same." in sentences


def test_another_version_is_not_even_a_candidate(db):
    observe(db, "local", "f", "Nightfall", ["Kelp"], duration_ms=200_000)
    observe(db, "tidal", "t", "Nightfall (Dub Mix)", ["Kelp"], duration_ms=200_000)
    observe(db, "spotify", "s", "Nightfall - Live", ["Kelp"], duration_ms=200_000)
    links.link(db)
    assert len(set(tracks(db).values())) == 3 and waiting(db) == []


def test_a_file_named_artist_and_title_finds_its_track(db):
    observe(db, "spotify", "s", "Copper Rain", ["Ada Lumen"], duration_ms=200_000)
    observe(db, "local", "f", "Ada Lumen - Copper Rain", [], duration_ms=200_300)
    links.link(db)
    assert set(tracks(db).values()) == {1}


def test_what_was_refused_is_not_proposed_again_by_its_words(db):
    observe(db, "local", "f", "Wandering Eternally", ["Kelp Division"], album="Dusk")
    observe(db, "tidal", "t", "Wandering Eternaly", ["Kelp Division"], album="Dusk")
    links.link(db)
    decide(db, "link", "local/f", f"not:{uid(db, 1)}", 1)
    links.link(db)
    assert waiting(db) == []
    assert links.link(db).written == 0


# ---------- imported again: only what is new is read
def imported(db, at, *args, **more):
    return observe(db, *args, fetched_at=at, **more)


def many(db, rng, numbers, at):
    for n in numbers:
        platform = rng.choice(["local", "rekordbox", "spotify", "tidal", "lastfm"])
        said = {"ids": {"mb_recording": f"m{rng.randrange(25)}"}} if rng.random() < 0.15 else {}
        if platform == "rekordbox":
            said["path"] = f"/m/{rng.choice([*range(60), *range(100, 112)])}.mp3"
        title = f"{rng.choice(['Copper', 'Silver', 'Glass'])} {rng.choice(['Rain', 'Wire', 'Harbour'])}{rng.choice(['', '', ' (Dub Mix)'])}"
        imported(db, at, platform, str(n), title, [rng.choice(["Ada Lumen", "Kelp Division"])], said=said,
                 path=f"/M/{n}.mp3" if platform == "local" else None, audio_hash=f"h{n % 50}" if platform == "local" else None,
                 duration_ms=rng.choice([None, 200_000, 230_000, 260_000]), album=rng.choice([None, "Dusk", "Dawn"]),
                 isrc=rng.choice([None, None, f"USRC176078{rng.randrange(10, 60)}"]), in_library=int(platform != "lastfm"))  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("resolved", [True, False])
def test_reading_only_what_is_needed_links_as_reading_everything(tmp_path, monkeypatch, seed, resolved):
    found = []
    for small in (10_000, 0):
        monkeypatch.setattr("musicdb.links.reading.SMALL", small)
        monkeypatch.setattr("musicdb.links.reading.SHARE", 0 if small == 0 else 1)
        rng = random.Random(seed)
        with musicdb.open(tmp_path / f"{small}.db", uid=iter(map(str, range(10_000))).__next__) as db:
            many(db, rng, range(60), "2020-01-01T00:00:00Z")
            links.link(db)
            if resolved:
                musicdb.truth.resolve(db)
            many(db, rng, range(100, 112), "2999-01-01T00:00:00Z")
            links.link(db)
            found.append((tracks(db), db.execute("select platform_track_id, track_id, method from track_links where method <> 'match'").fetchall()))
    assert found[0][0] == found[1][0]
    assert sorted(found[0][1]) == sorted(found[1][1])


def test_a_listen_that_found_nothing_finds_a_track_that_comes_later(db, monkeypatch):
    monkeypatch.setattr("musicdb.links.reading.SMALL", 0)
    monkeypatch.setattr("musicdb.links.reading.SHARE", 0)
    imported(db, "2020-01-01T00:00:00Z", "local", "a", title="Daybreak", duration_ms=200_000)
    imported(db, "2020-01-01T00:00:00Z", "lastfm", "l", in_library=0)
    links.link(db)
    musicdb.truth.resolve(db)
    assert "lastfm/l" not in tracks(db)
    imported(db, "2999-01-01T00:00:00Z", "local", "b", duration_ms=200_000)
    links.link(db)
    assert tracks(db)["lastfm/l"] == tracks(db)["local/b"]


# ---------- new evidence
def again(db, external_id, **row):
    """Import an observation anew with other content."""
    sets = ", ".join(f"{name} = ?" for name in row)
    db.execute(f"update platform_tracks set {sets}, fetched_at = '2999-01-01T00:00:00Z' where external_id = ?", [*row.values(), external_id])


def link_of(db, external_id):
    sql = "select k.status, k.track_id, k.confidence from track_links as k join platform_tracks as p on p.id = k.platform_track_id"
    return db.execute(f"{sql} where p.external_id = ? order by k.id", [external_id]).fetchall()


def test_new_evidence_raises_an_automatic_link(db):
    observe(db, "local", "a", duration_ms=200_000, isrc="USRC17607839")
    observe(db, "tidal", "t", duration_ms=201_000)
    links.link(db)
    [(_, track, before)] = link_of(db, "t") if link_of(db, "t")[0][2] < 100 else link_of(db, "a")
    again(db, "a", isrc="USRC17607839", duration_ms=201_000)
    again(db, "t", isrc="USRC17607839")
    report = links.link(db)
    [(status, now, after)] = link_of(db, "t") if link_of(db, "t")[0][2] < 100 else link_of(db, "a")
    assert (status, now, report.changed) == ("auto", track, 1) and after > before
    assert links.link(db).written == 0


def test_new_evidence_lowers_an_automatic_link_and_a_remix_leaves_its_original(db):
    observe(db, "spotify", "s", duration_ms=200_000)
    observe(db, "local", "a", duration_ms=200_000)
    links.link(db)
    assert link_of(db, "a") == [("auto", 1, 92)]
    again(db, "a", duration_ms=205_000)
    links.link(db)
    assert link_of(db, "a") == [("auto", 1, 55)]
    again(db, "a", title="Nightfall (Dub Mix)", match_key="nightfall dub mix|ada")
    links.link(db)
    assert link_of(db, "a") == [("auto", 2, 100)]
    assert links.link(db).written == 0


def test_new_evidence_never_touches_what_a_person_said(db):
    observe(db, "spotify", "s", duration_ms=200_000)
    observe(db, "local", "a", duration_ms=200_000)
    links.link(db)
    decide(db, "link", "local/a", "track", uid(db, 1))
    links.link(db)
    before = state(db)
    again(db, "a", title="Nightfall (Dub Mix)", match_key="nightfall dub mix|ada")
    links.link(db)
    assert state(db) == before


# ---------- merges are proposed, never made
@pytest.fixture
def bridge(db):
    """Two tracks, and an observation that is surely both."""
    observe(db, "local", "a", "Copper Rain", ["Ada Lumen"], duration_ms=200_000, said={"ids": {"mb_recording": "m"}})
    observe(db, "tidal", "t", "Kupferregen", ["Ada Lumen"], duration_ms=280_000, isrc="USRC17607839")
    links.link(db)
    assert set(tracks(db).values()) == {1, 2}
    observe(db, "rekordbox", "r", "Kupferregen", ["Ada Lumen"], duration_ms=280_000, isrc="USRC17607839", said={"ids": {"mb_recording": "m"}})
    links.link(db)
    return db


def test_an_observation_of_two_tracks_proposes_that_they_are_one(bridge):
    assert len(set(tracks(bridge).values())) == 2
    proposed = bridge.one("select p.platform, k.track_id, k.method from track_links as k join platform_tracks as p on p.id = k.platform_track_id "
                          "where k.status = 'candidate' and k.method = 'merge'")  # fmt: skip
    assert proposed.platform == "rekordbox" and proposed.track_id != tracks(bridge)["rekordbox/r"]
    assert links.link(bridge).written == 0


def test_accepting_a_proposed_merge_makes_one_track(bridge):
    one = bridge.value("select id from track_links where method = 'merge'")
    links.accept(bridge, one)
    assert len(set(tracks(bridge).values())) == 1
    assert links.link(bridge).written == 0


def test_a_rejected_merge_is_not_proposed_again(bridge):
    links.reject(bridge, bridge.value("select id from track_links where method = 'merge'"))
    assert len(set(tracks(bridge).values())) == 2
    links.link(bridge)
    assert not links.waiting(bridge)


def test_tracks_that_a_person_told_apart_are_not_proposed_as_one(db):
    from musicdb.links import duplicates

    observe(db, "local", "a", "Copper Rain", ["Ada Lumen"], duration_ms=200_000, said={"ids": {"mb_recording": "m"}})
    observe(db, "tidal", "t", "Kupferregen", ["Ada Lumen"], duration_ms=280_000, isrc="USRC17607839")
    links.link(db)
    duplicates.apart(db, 1, 2)
    observe(db, "rekordbox", "r", "Kupferregen", ["Ada Lumen"], duration_ms=280_000, isrc="USRC17607839", said={"ids": {"mb_recording": "m"}})
    links.link(db)
    assert candidates(db) == []


def test_what_a_person_told_apart_stays_so_when_one_of_them_is_merged_into_a_third(db):
    from musicdb.links import duplicates
    from musicdb.truth import merging

    for n, length in enumerate((200_000, 240_000, 280_000)):
        observe(db, "local", f"{n}.mp3", "Copper Rain", ["Ada Lumen"], duration_ms=length, isrc="USRC17607839")
    links.link(db)
    musicdb.truth.resolve(db)

    def asked():
        return {(row.a["id"], row.b["id"]) for row in duplicates.pairs(db, least=0)}

    assert asked() == {(1, 2), (1, 3), (2, 3)}
    duplicates.apart(db, 1, 2)
    assert asked() == {(1, 3), (2, 3)}
    merging.merge(db, 3, 2)
    assert asked() == set()


def test_tracks_under_two_names_of_one_artist_may_be_one(db):
    from musicdb.links import aliases, duplicates

    observe(db, "local", "a", "Copper Rain", ["Björk"], duration_ms=200_000, isrc="USRC17607839")
    observe(db, "tidal", "t", "Copper Rain", ["Guðmundsdóttir"], duration_ms=206_000, isrc="USRC17607839")
    links.link(db)
    musicdb.truth.resolve(db)
    before = duplicates.pairs(db, least=0)[0].confidence
    aliases.keep_alias(db, "artist", db.value("select id from artists where name = 'Björk'"), "Guðmundsdóttir")
    assert before < 50 < 80 < duplicates.pairs(db)[0].confidence


# ---------- aliases
def test_a_kept_alias_of_an_artist_links_what_uses_it(db):
    observe(db, "local", "a", artists=["Björk"], duration_ms=200_000)
    links.link(db)
    musicdb.truth.resolve(db)
    artist = db.value("select id from artists where name = 'Björk'")
    observe(db, "tidal", "t", artists=["Guðmundsdóttir"], duration_ms=200_000)
    links.link(db)
    assert len(set(tracks(db).values())) == 2
    links_of = importlib.import_module("musicdb.links.aliases")
    links_of.keep_alias(db, "artist", artist, "Guðmundsdóttir")
    observe(db, "spotify", "s", artists=["Guðmundsdóttir"], album="Dusk", duration_ms=200_400)
    links.link(db)
    assert tracks(db)["spotify/s"] in {tracks(db)["local/a"], tracks(db)["tidal/t"]}
    observe(db, "rekordbox", "r", "Daybreak", ["Björk"], duration_ms=100_000)
    observe(db, "lastfm", "l", "Daybreak", ["Guðmundsdóttir"], in_library=0)
    links.link(db)
    assert tracks(db)["lastfm/l"] == tracks(db)["rekordbox/r"]


def test_a_kept_alias_of_a_title_links_what_uses_it(db):
    observe(db, "local", "a", "Hidden Place", ["Ada"], duration_ms=200_000)
    links.link(db)
    musicdb.truth.resolve(db)
    importlib.import_module("musicdb.links.aliases").keep_alias(db, "title", 1, "Versteck")
    observe(db, "tidal", "t", "Versteck", ["Ada"], duration_ms=200_000)
    observe(db, "spotify", "d", "Versteck (Dub Mix)", ["Ada"], duration_ms=200_000)
    links.link(db)
    assert tracks(db)["tidal/t"] == 1 and tracks(db)["spotify/d"] != 1
