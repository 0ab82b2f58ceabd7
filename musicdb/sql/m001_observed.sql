-- Observed: what the platforms said, complete. Only `load` writes here; nothing is edited by hand; absence upstream never deletes.

create table platforms ( -- Where knowledge comes from. `local` (files on disk) and `user` (you) are platforms too.
  name text primary key, -- short name used everywhere
  title text not null, -- name for people
  kind text not null check (kind in ('files', 'dj', 'streaming', 'collection', 'history', 'person')), -- files, dj, streaming, collection, history or person; history never makes tracks
  priority int not null default 100, -- trust where no trust row says otherwise; lower is trusted more
  freshness_hours real, -- older than this is stale; empty = never stale
  capabilities text, -- JSON list: what its importer can do
  color text, -- colour of its chip on pages
  enabled int not null default 1 -- 0 hides it from lists
) strict;

create table users ( -- Whose listens, likes and accounts.
  id integer primary key, -- row id
  username text not null collate nocase unique, -- name
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) -- UTC
) strict;

create table config ( -- Settings kept with the library; `musicdb config` shows and sets them.
  key text primary key, -- name of the setting
  value text not null, -- its value as text
  data_type text not null default 'string' check (data_type in ('string', 'int', 'float', 'bool', 'json')), -- how to read the value
  description text, -- what it does
  updated_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) -- UTC
) strict;

create table platform_tracks ( -- One track as one platform knows it, complete, as sent.
  id integer primary key, -- row id
  platform text not null references platforms(name), -- whose word it is
  external_id text not null, -- the platform's own id
  uri text, -- address or URI at the platform
  title text not null, -- title as shown there; for a file without tags its name
  artists text not null default '[]' check (json_valid(artists)), -- JSON list of artist names as credited there
  album text, -- album title as sent
  duration_ms int, -- length in milliseconds
  isrc text, -- international recording code, if sent
  release_date text, -- ISO date as exact as known
  match_key text not null, -- normalised title, version and artists: equal keys are probably the same recording
  release_external_id text, -- the platform's id of its release
  in_library int not null default 1 check (in_library in (0, 1)), -- 0 = known only because it was listened to
  needs_update int not null default 0 check (needs_update in (0, 1)), -- 1 = fetch again at the next import
  first_seen_at text, -- UTC, when it first came
  fetched_at text, -- UTC, when this payload was stored
  missing_since text, -- UTC, since when the platform no longer has it; empty = it is there
  kind text, -- kind of payload, as its importer names it
  rows_version int, -- version of the code that derived these columns
  metadata_hash text, -- hash of the payload and its version: equal = unchanged
  said text check (said is null or json_valid(said)), -- JSON: what it says in canonical names and units
  metadata text check (metadata is null or json_valid(metadata)), -- JSON: the payload as sent
  unique (platform, external_id)
) strict;
create index ix_pt_isrc on platform_tracks(isrc) where isrc is not null;
create index ix_pt_key on platform_tracks(match_key);
create index ix_pt_stale on platform_tracks(platform, fetched_at);
create index ix_pt_release on platform_tracks(platform, release_external_id) where release_external_id is not null;
create index ix_pt_missing on platform_tracks(platform, missing_since) where missing_since is not null;
create index ix_pt_update on platform_tracks(platform) where needs_update = 1;

create table platform_releases ( -- One release (album, record) as one platform knows it.
  id integer primary key, -- row id
  platform text not null references platforms(name), -- whose word it is
  external_id text not null, -- the platform's own id
  title text not null, -- title as sent
  needs_update int not null default 0 check (needs_update in (0, 1)), -- 1 = fetch again at the next import
  first_seen_at text, -- UTC, when it first came
  fetched_at text, -- UTC, when this payload was stored
  missing_since text, -- UTC, since when the platform no longer has it
  kind text, -- kind of payload, as its importer names it
  rows_version int, -- version of the code that derived these columns
  metadata_hash text, -- hash of the payload and its version
  said text check (said is null or json_valid(said)), -- JSON: what it says in canonical names and units
  metadata text check (metadata is null or json_valid(metadata)), -- JSON: the payload as sent
  unique (platform, external_id)
) strict;
create index ix_pr_hash on platform_releases(metadata_hash);

create table platform_playlists ( -- A playlist, folder or smart playlist as one platform has it.
  id integer primary key, -- row id
  platform text not null references platforms(name), -- whose it is
  external_id text not null, -- the platform's own id
  name text not null, -- name as sent
  kind text not null default 'playlist' check (kind in ('playlist', 'folder', 'smart', 'liked')), -- playlist, folder, smart (rules) or liked (favourites)
  description text, -- description as sent
  parent_external_id text, -- folder it lies in
  position int, -- place among its siblings
  owner text, -- owner's name
  owner_id text, -- owner's id at the platform
  account text not null default '', -- which of your accounts shows it
  is_public int check (is_public in (0, 1)), -- 1 = everyone sees it
  collaborative int check (collaborative in (0, 1)), -- 1 = others may change it
  remote_version text, -- snapshot id or etag of its content
  remote_updated_at text, -- UTC, last change there
  fetched_at text, -- UTC, when this payload was stored
  missing_since text, -- UTC, since when the platform no longer has it
  rows_version int, -- version of the code that derived these columns
  metadata_hash text, -- hash of the payload and its version
  metadata text check (metadata is null or json_valid(metadata)), -- JSON: the payload as sent
  is_folder int generated always as (kind = 'folder') virtual, -- 1 = a folder
  unique (platform, external_id)
) strict;

create table platform_playlist_items ( -- A place in a platform's playlist; the same track may come again.
  id integer primary key, -- row id
  platform_playlist_id int not null references platform_playlists(id) on delete cascade, -- the playlist
  position int not null, -- place, from 0
  platform_track_id int not null references platform_tracks(id), -- the track there
  added_at text, -- UTC, when it was added, as the platform says
  first_seen_at text not null, -- UTC, when an import first saw it
  removed_at text, -- UTC, when an import no longer saw it
  gone_reason text check (gone_reason in ('you', 'owner', 'service', 'relinked')), -- who took it out: you, the list's owner, the service; relinked = it has another id now
  replaced_by_id int references platform_playlist_items(id) -- place that stands for it since, where it was relinked
) strict;
create index ix_ppi_replaced on platform_playlist_items(replaced_by_id) where replaced_by_id is not null;
create unique index ux_ppi on platform_playlist_items(platform_playlist_id, position) where removed_at is null;
create index ix_ppi_track on platform_playlist_items(platform_track_id);
create index ix_ppi_list on platform_playlist_items(platform_playlist_id, platform_track_id);

create table media_files ( -- The file behind a track of platform `local`.
  platform_track_id integer primary key references platform_tracks(id) on delete cascade, -- its observation
  path text not null unique, -- full path; bytes that are no UTF-8 are shown as \xNN
  path_hash text not null unique, -- SHA-256 of the path's bytes
  path_bytes blob, -- the exact bytes, only where the name is not UTF-8
  root text, -- folder that was scanned
  size_bytes int, -- size
  mtime_ns int, -- modification time, nanoseconds since 1970
  ctime_ns int, -- change time; catches an edit that put mtime back
  inode int, -- file number
  format text, -- container or codec
  bitrate int, -- bit/s
  sample_rate int, -- Hz
  channels int, -- 1 mono, 2 stereo
  window_hash text, -- xxh3 over two windows of the audio: finds moved files
  audio_hash text, -- over all audio, tags left out: finds duplicates
  file_hash text, -- SHA-256 of the whole file
  download_status text check (download_status in ('pending', 'running', 'done', 'failed')), -- state of the download hook
  download_error text, -- why it failed
  last_scan_at text, -- UTC, when it was last read
  last_verified_at text -- UTC, when its hashes were last computed
) strict;
create index ix_mf_audio on media_files(audio_hash) where audio_hash is not null;
create index ix_mf_window on media_files(window_hash) where window_hash is not null;
create index ix_mf_file on media_files(file_hash) where file_hash is not null;
create index ix_mf_root on media_files(root);

create table images ( -- A picture, known by its content.
  id integer primary key, -- row id
  sha256 text not null unique, -- of the bytes as they came
  platform text references platforms(name), -- who brought it first
  source_url text, -- where it was fetched
  mime_type text not null, -- type of the bytes as they came
  width int, -- pixels as they came
  height int, -- pixels as they came
  dhash text, -- difference hash, 16 hex digits: near-identical pictures differ in few of its 64 bits; empty = made before it was known
  tint text, -- mean colour of each ninth, 54 hex digits: the same drawing in other colours is another picture
  path text, -- file it was read from
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) -- UTC
) strict;

create table image_renditions ( -- The same picture at 60, 120, 300 and 640 pixels, never enlarged.
  image_id int not null references images(id) on delete cascade, -- the picture
  size text not null check (size in ('thumbnail', 'small', 'medium', 'large', 'original')), -- thumbnail 60, small 120, medium 300, large 640
  mime_type text not null, -- image/jpeg
  width int not null, -- pixels
  height int not null, -- pixels
  data blob not null, -- the JPEG
  primary key (image_id, size)
) strict;

create table platform_images ( -- Which observation brought which picture.
  id integer primary key, -- row id
  platform_track_id int references platform_tracks(id) on delete cascade, -- the track there, or
  platform_release_id int references platform_releases(id) on delete cascade, -- the release there
  image_id int references images(id), -- the picture; empty = not fetched yet
  role text not null default 'cover', -- cover, back, artist, ...
  position int not null default 0, -- 0 = the platform's first choice
  source_url text, -- where the platform has it
  etag text, -- version of the picture there
  error text, -- why it could not be fetched
  check ((platform_track_id is null) <> (platform_release_id is null))
) strict;
create unique index ux_pi_track on platform_images(platform_track_id, role, position) where platform_track_id is not null;
create unique index ux_pi_release on platform_images(platform_release_id, role, position) where platform_release_id is not null;
create index ix_pi_image on platform_images(image_id);
create index ix_pi_url on platform_images(source_url) where source_url is not null;

create table collection_items ( -- A copy on the shelf, or a wish; one release can be owned twice.
  id integer primary key, -- row id
  platform_release_id int not null references platform_releases(id), -- the release
  status text not null check (status in ('owned', 'wanted', 'for_sale', 'sold', 'saved')), -- owned, wanted, for_sale, sold, or saved at a streaming service
  platform text not null references platforms(name), -- whose word it is
  account text not null default '', -- which of your accounts
  instance_id text not null, -- the platform's id of this copy
  folder text, -- folder there
  media_condition text, -- Goldmine grade of the record
  sleeve_condition text, -- Goldmine grade of the sleeve
  rating int check (rating between 1 and 5), -- 1-5 as given there
  purchase_date text, -- ISO date
  purchase_price real, -- price paid
  currency text, -- ISO 4217
  notes text, -- your notes there
  metadata text check (metadata is null or json_valid(metadata)), -- JSON: the copy as sent
  added_at text, -- UTC, as the platform says
  removed_at text, -- UTC, when an import no longer saw it
  unique (platform, instance_id)
) strict;
create index ix_ci_release on collection_items(platform_release_id);

create table collection_values ( -- What a platform thinks your whole collection is worth, a row a day on which it was asked.
  platform text not null references platforms(name), -- whose word it is
  account text not null default '', -- which of your accounts
  day text not null, -- 2024-05-12
  minimum real, -- if all were sold for the least
  median real, -- if all were sold for the usual
  maximum real, -- if all were sold for the most
  currency text, -- ISO 4217
  primary key (platform, account, day)
) strict, without rowid;

create table import_batches ( -- One page of an import, stored in one transaction with its rows and its cursor.
  id integer primary key, -- row id
  platform text not null, -- who was read
  account text not null default '', -- which account
  user_id int, -- whose listening it is
  run text not null, -- id of the import run
  seq int not null, -- number within the run
  kind text, -- kind of payload
  n int not null, -- payloads in it
  changed int not null default 0, -- rows that were new or different
  sha256 text, -- of the payload hashes
  cursor text, -- where to go on
  at text not null, -- UTC
  unique (platform, run, seq)
) strict;

create table observation_changes ( -- What a platform said before and says now.
  id integer primary key, -- row id
  at text not null, -- UTC
  import_batch_id int, -- batch that brought it
  entity text not null, -- track, release or playlist
  platform text not null, -- who said it
  external_id text not null, -- of what
  old text, -- JSON: before
  new text, -- JSON: now
  accepted_at text -- UTC, when a person took it into the truth
) strict;
create index ix_oc on observation_changes(platform, entity, external_id, id);

create table quarantine ( -- What could not be read, with the reason; nothing is dropped silently.
  id integer primary key, -- row id
  platform text not null, -- where it came from
  kind text not null, -- what it should have been
  item text not null default '', -- path or id
  payload text, -- JSON: as it came, where it could be kept
  reason text not null, -- why it was refused
  at text not null, -- UTC
  resolved_at text, -- UTC, when a later import could read it
  unique (platform, kind, item, reason)
) strict;

create table sync_checkpoints ( -- How far a source was read.
  user_id int not null, -- for whom: users.id, which may lie in another file
  platform text not null, -- which platform
  account text not null default '', -- which account
  entity text not null, -- which list
  last_timestamp text, -- UTC, newest item seen
  cursor text, -- where to go on
  updated_at text, -- UTC, last successful read
  primary key (user_id, platform, account, entity)
) strict, without rowid;

create table listens_raw ( -- Every play as a service reported it; never changed.
  id integer primary key, -- row id
  user_id int not null references users(id), -- who listened
  platform text not null, -- who says so
  source_item text not null default '', -- the service's id of what was played
  listened_at text not null, -- UTC start of the play
  import_batch_id int, -- batch that brought it
  ingested_at text not null, -- UTC
  payload text not null check (json_valid(payload)), -- JSON as sent
  unique (user_id, listened_at, platform, source_item)
) strict;

create table listens ( -- The diary: plays of music, one row a play and service.
  id integer primary key, -- row id
  raw_id int not null unique references listens_raw(id), -- as reported
  user_id int not null references users(id), -- who listened
  platform text not null, -- who says so
  track_external_id text not null, -- that service's track: platform_tracks (platform, external_id)
  listened_at text not null, -- UTC start of the play
  utc_offset_min int, -- minutes east of UTC where it was played, if known
  ms_played int, -- milliseconds played, if known
  position_ms int, -- where in the track it began, if known
  context text check (context is null or json_valid(context)), -- JSON: reason, skipped, shuffle, offline, ...
  duplicate_of_id int references listens(id), -- the same play as told by another service
  duplicate_reason text, -- why it is the same play
  missing_since text, -- UTC, since when a newer export of the service no longer has it; it was heard all the same
  unique (user_id, platform, listened_at, track_external_id)
) strict;
create index ix_l_time on listens(user_id, listened_at);
create index ix_l_when on listens(listened_at);
create index ix_l_track on listens(platform, track_external_id, listened_at) where duplicate_of_id is null;

create table listen_rollup ( -- Plays of each track by month, without duplicates: years are counted at once. Kept by `listens.rollups`; read `listening_by_month`.
  platform text not null, -- who says so
  track_external_id text not null, -- that service's track
  month text not null, -- 2024-05, UTC
  user_id int not null references users(id), -- who listened
  plays int not null, -- how often
  ms_played int not null, -- milliseconds played in all, where known
  skips int not null, -- plays that were skipped
  first_at text not null, -- UTC start of the first play in the month
  last_at text not null, -- UTC start of the last play in the month
  primary key (platform, track_external_id, month, user_id)
) strict, without rowid;
create index ix_lr_month on listen_rollup(month, user_id, platform, track_external_id, plays, ms_played, skips, first_at, last_at);

create table listen_totals ( -- Plays of each track in all, without duplicates. Kept by `listens.rollups`; read `listening_by_track`.
  platform text not null, -- who says so
  track_external_id text not null, -- that service's track
  user_id int not null references users(id), -- who listened
  plays int not null, -- how often
  ms_played int not null, -- milliseconds played in all, where known
  skips int not null, -- plays that were skipped
  first_at text not null, -- UTC start of the first play
  last_at text not null, -- UTC start of the last play
  primary key (platform, track_external_id, user_id)
) strict, without rowid;

create table listen_hours ( -- Plays of each hour, without duplicates: streaks, days, hours of the week. Kept by `listens.rollups`; read `listening_by_hour`.
  user_id int not null references users(id), -- who listened
  month text not null, -- 2024-05, UTC
  day text not null, -- 2024-05-12
  hour int not null, -- 0-23
  is_local int not null, -- 1 = day and hour are those of the place, 0 = UTC, the place is not known
  plays int not null, -- how often
  ms_played int not null, -- milliseconds played in all, where known
  primary key (user_id, month, day, hour, is_local)
) strict, without rowid;

create table listen_heard ( -- What each service's track that was played is in the library, as the rollups have it; told again where links changed.
  platform text not null, -- who says so
  track_external_id text not null, -- that service's track
  platform_track_id int not null, -- its observation
  track_id int, -- the track; empty = not in the library
  artists text not null, -- JSON list of [artist, its name where it is none of yours]
  primary key (platform, track_external_id)
) strict, without rowid;

create table listen_artist_rollup ( -- Plays of each artist by month, without duplicates. Kept by `listens.rollups`.
  month text not null, -- 2024-05, UTC
  user_id int not null references users(id), -- who listened
  artist_id int not null, -- the artist; 0 = none of yours
  artist text not null, -- name as the service has it, where it is none of yours
  plays int not null, -- how often
  ms_played int not null, -- milliseconds played in all, where known
  first_at text not null, -- UTC start of the first play in the month
  last_at text not null, -- UTC start of the last play in the month
  primary key (month, user_id, artist_id, artist)
) strict, without rowid;

create table listen_stale ( -- Months of which a play was changed since: until their rollups are made again they are counted from the plays.
  user_id int not null, -- who listened
  month text not null, -- 2024-05, UTC
  primary key (user_id, month)
) strict, without rowid;

create table listen_counted ( -- How far the rollups go; later plays are counted one by one.
  one integer primary key check (one = 1), -- a single row
  last_id int not null, -- plays up to this id are in the rollups
  library text -- what the library was then: its newest operation, change and track
) strict;
