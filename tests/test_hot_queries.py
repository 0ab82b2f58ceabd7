"""No hot query walks a whole table: the plans of what pages, widgets and imports ask again and again, at a size where it would hurt."""

import pytest

from musicdb.truth import releases

HOT = {
    "an observation by its id": "select id, metadata_hash from platform_tracks where platform = 'spotify' and external_id = 'x'",
    "a batch of observations": "select p.id from json_each('[]') as j cross join platform_tracks as p on p.platform = 'spotify' and p.external_id = j.value",
    "the links of a track": "select platform_track_id from track_links where track_id = 1 and status in ('auto', 'confirmed')",
    "the track of an observation": "select track_id from track_links where platform_track_id = 1 and status in ('auto', 'confirmed')",
    "what waits for review": "select id from track_links where status = 'candidate' order by confidence desc limit 50",
    "the claims of a track": "select * from claims where track_id = 1",
    "the cues of a track": "select * from cues where track_id = 1",
    "a track by match key": "select id from tracks where match_key = 'x' and deleted_at is null",
    "a track by ISRC": "select entity_id from external_ids where scheme = 'isrc' and value = 'x' and entity_type = 'track'",
    "observations by ISRC": "select id from platform_tracks where isrc = 'x'",
    "observations by match key": "select id from platform_tracks where match_key = 'x'",
    "tracks of an artist": "select track_id from track_artists where artist_id = 1",
    "tracks of an album": "select id from tracks where release_group_id = 1",
    "tracks of a genre": "select track_id from track_genres where genre_id = 1",
    "tracks of a tag": "select track_id from track_tags where tag_id = 1",
    "the cover of a track": "select image_id from image_links where track_id = 1 and is_selected = 1",
    "a file by path": "select platform_track_id from media_files where path = 'x'",
    "files below a folder": "select platform_track_id from media_files where path >= '/a/' and path < '/a0'",
    "whether anything is left below a folder": "select p.external_id from media_files as f cross join platform_tracks as p on p.id = f.platform_track_id "
    "where f.path = '/a' or (f.path >= '/a/' and f.path < '/a0')",
    "plays of a page": "select r.source_item from json_each('[]') as j cross join listens_raw as r on r.user_id = 1 and r.listened_at = j.value and r.platform = 'spotify'",
    "a file by its sound": "select platform_track_id from media_files where audio_hash = 'x'",
    "a playlist's places": "select id from platform_playlist_items where platform_playlist_id = 1 and removed_at is null order by position",
    "playlists of a track": "select platform_playlist_id from platform_playlist_items where platform_track_id = 1 and removed_at is null",
    "a month of listens": "select * from listens where listened_at >= '2024-05' and listened_at < '2024-06'",
    "whether plays of a span are known": "select 1 from listens_raw where user_id = 1 and listened_at between '2024' and '2025' and platform = 'spotify' limit 1",
    "artists of a month": "select artist_id, plays from listen_artist_rollup where month >= '2024-05' and month < '2024-06'",
    "months of a track": "select plays from listen_rollup where platform = 'spotify' and track_external_id = 'x'",
    "plays of a track": "select count(*) from listens where platform = 'spotify' and track_external_id = 'x' and duplicate_of_id is null",
    "the newest plays": "select id from listens where user_id = 1 order by listened_at desc limit 50",
    "what changed in a row": "select * from changes where entity = 'tracks' and entity_key = '[1]'",
    "what an operation changed": "select * from changes where operation_id = 1",
    "decisions about a track": "select * from decisions where entity = 'track' and entity_key = 'x' order by id",
    "merges into a track": "select entity_key from decisions where field = 'merged_into' and value = 'x'",
    "pending operations": "select * from operations where status = 'pending' order by priority limit 50",
    "search": "select rowid from tracks_fts where tracks_fts match 'x' limit 50",
    "a page of the library": "select * from library order by id limit 50",
    "a page of tracks by artist": "select * from tracks order by artist_credit, title limit 50",
    "what is due again": "select id from platform_tracks where platform = 'spotify' and needs_update = 1",
    "what is missing": "select id from platform_tracks where platform = 'local' and missing_since is not null",
}
# Small vocabularies, JSON and search functions may be walked; an index walked in order under a limit is no scan of the table.
SMALL = {"platforms", "users", "claim_paths", "c", "j", "s", "tracks_fts", "json_each"}


@pytest.mark.parametrize("what", HOT)
def test_no_hot_query_scans_a_table(db, what):
    plan = [row[3] for row in db.execute("explain query plan " + HOT[what])]
    views = {row[0] for row in db.execute("select name from sqlite_master where type = 'view'")}  # walked as they are made, row by row
    limited = "limit" in HOT[what]
    if "track_id = 1" in HOT[what]:
        assert not any("ix_link_review (status=?)" in step for step in plan), f"{what}: walks all links of a status"
    for step in plan:
        words = step.split()
        if words[0] != "SCAN" or words[1] in SMALL | views or "VIRTUAL TABLE" in step:
            continue
        assert limited and ("USING" in step or "order by id" in HOT[what]), f"{what}: {step}"


def test_the_files_near_a_track_are_found_from_the_track(db):
    # from the other end it is every file of the library, at each decision on one track
    plan = [row[3] for row in db.execute("explain query plan " + releases.NEAR, {"tracks": "[1]", "releases": "[]", "keys": "[]"})]
    assert not any("(platform=?" in step for step in plan), plan
