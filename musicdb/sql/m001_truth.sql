-- Linked, decided, truth and history.

create table track_ids ( -- Identity of every track there ever was; append-only.
  id integer primary key autoincrement, -- equals tracks.id for ever
  track_uid text not null unique, -- random id for links, exports and bookmarks
  origin text, -- what it was made from: platform/external id
  operation_id int, -- operation that made it
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) -- UTC
) strict;
create table artist_ids ( -- Identity of every artist there ever was; append-only.
  id integer primary key autoincrement, -- equals artists.id for ever
  artist_uid text not null unique, -- random id for links and exports
  origin text, -- what it was made from
  operation_id int, -- operation that made it
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) -- UTC
) strict;
create table release_group_ids ( -- Identity of every album there ever was; append-only.
  id integer primary key autoincrement, -- equals release_groups.id for ever
  release_group_uid text not null unique, -- random id for links and exports
  origin text, -- what it was made from
  operation_id int, -- operation that made it
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) -- UTC
) strict;
create table label_ids ( -- Identity of every label there ever was; append-only.
  id integer primary key autoincrement, -- equals labels.id for ever
  label_uid text not null unique, -- random id for links and exports
  origin text, -- what it was made from
  operation_id int, -- operation that made it
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) -- UTC
) strict;
create table genre_ids ( -- Identity of every genre there ever was; append-only.
  id integer primary key autoincrement, -- equals genres.id for ever
  genre_uid text not null unique, -- random id for links and exports
  origin text, -- what it was made from
  operation_id int, -- operation that made it
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) -- UTC
) strict;

create table artists ( -- A person or group.
  id integer primary key references artist_ids(id), -- recorded identity
  name text not null, -- name as shown
  name_norm text not null, -- normalised for matching
  sort_name text, -- name for sorting
  disambiguation text not null default '', -- tells two artists of one name apart
  created_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  updated_at text, -- UTC
  deleted_at text, -- UTC; set = no longer part of the library
  merged_into_id int references artists(id) -- the artist it turned out to be
) strict;
create unique index ux_artists on artists(name_norm, disambiguation) where deleted_at is null and merged_into_id is null;
create index ix_artists_name on artists(name);

create table artist_aliases ( -- Other names of an artist.
  artist_id int not null references artists(id) on delete cascade, -- the artist
  alias text not null, -- other name
  alias_norm text not null, -- normalised for matching
  platform text references platforms(name), -- who uses it
  primary key (artist_id, alias_norm)
) strict, without rowid;
create index ix_artist_alias on artist_aliases(alias_norm);

create table release_groups ( -- An album, single or EP, whatever its editions.
  id integer primary key references release_group_ids(id), -- recorded identity
  title text not null, -- title as shown
  title_norm text not null, -- normalised for matching
  primary_artist_id int references artists(id), -- album artist
  type text not null default 'album' check (type in ('album', 'single', 'ep', 'compilation', 'live', 'mixtape', 'dj_mix', 'remix', 'other')), -- one of nine types
  year int, -- first release
  created_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  updated_at text, -- UTC
  deleted_at text, -- UTC
  merged_into_id int references release_groups(id) -- the album it turned out to be
) strict;
create unique index ux_rg on release_groups(ifnull(primary_artist_id, 0), title_norm, type) where deleted_at is null and merged_into_id is null;
create index ix_rg_title on release_groups(title_norm);
create index ix_rg_artist on release_groups(primary_artist_id);
create index ix_rg_year on release_groups(year);

create table releases ( -- One edition of an album.
  id integer primary key, -- row id; stays for ever
  release_uid text not null unique default (lower(hex(randomblob(8)))), -- random id for links and exports
  origin text, -- what it was made from; empty = by hand
  release_group_id int references release_groups(id), -- the album; may be empty
  title text not null, -- title as shown
  title_norm text not null, -- normalised for matching
  disambiguation text not null default '', -- tells two editions apart that are alike in title, date, country and format
  release_date text, -- ISO date as exact as known
  country text, -- country of release
  format text, -- Vinyl, CD, File, ...
  notes text, -- notes
  created_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  updated_at text, -- UTC
  deleted_at text -- UTC
) strict;
create index ix_rel on releases(release_group_id);
create index ix_rel_title on releases(title_norm);
create unique index ux_rel on releases(release_group_id, title_norm, ifnull(release_date, ''), ifnull(country, ''), ifnull(format, ''), disambiguation) where deleted_at is null;
create index ix_rel_origin on releases(origin) where origin is not null;

create table release_artists ( -- Who is credited on a release.
  release_id int not null references releases(id) on delete cascade, -- the release
  artist_id int not null references artists(id), -- the artist
  role text not null default 'primary', -- primary, producer, mastering, ...
  position int not null default 0, -- order of the credit
  primary key (release_id, artist_id, role, position)
) strict, without rowid;
create index ix_ra_artist on release_artists(artist_id);

create table tracks ( -- The truth: one row a recording, each value with its source. Editing a value here is a decision that stays.
  id integer primary key references track_ids(id), -- recorded identity
  title text, -- title without version; empty = no observation is left
  version text, -- remix, live, edit, ...
  artist_credit text, -- artists as shown
  release_group_id int references release_groups(id), -- album
  duration_ms int, -- length in milliseconds
  year int, -- year of release
  release_date text, -- ISO date as exact as known
  bpm real, -- beats a minute
  musical_key text, -- Camelot key, 8A = A minor
  rating int check (rating between 1 and 5), -- 1-5
  catalogue_number text, -- catalogue number of its release
  comment text, -- comment
  title_norm text, -- normalised for matching
  match_key text, -- normalised title, version and artists
  sources text check (sources is null or json_valid(sources)), -- JSON: field -> platform whose value it is
  created_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  updated_at text, -- UTC
  deleted_at text, -- UTC; set = removed from the library
  merged_into_id int references tracks(id), -- the track it turned out to be
  duration_secs int generated always as (duration_ms / 1000) virtual, -- length in seconds
  is_deleted int generated always as (deleted_at is not null) virtual -- 1 = removed
) strict;
create index ix_track_key on tracks(match_key) where deleted_at is null;
create index ix_track_title on tracks(title_norm);
create index ix_track_rg on tracks(release_group_id);
create index ix_track_artist on tracks(artist_credit, title);
create index ix_track_year on tracks(year, musical_key);
create index ix_track_bpm on tracks(bpm);
create index ix_track_camelot on tracks(musical_key, bpm);
create index ix_track_rating on tracks(rating);
create index ix_track_merged on tracks(merged_into_id) where merged_into_id is not null;

create table track_artists ( -- Who is credited on a track, in which role.
  track_id int not null references tracks(id) on delete cascade, -- the track
  artist_id int not null references artists(id), -- the artist
  role text not null default 'primary', -- primary, featuring, remixer, composer, ...
  position int not null default 0, -- order of the credit
  credited_as text, -- name as credited, where it differs
  join_phrase text, -- text to the next name: " feat. ", " & "
  primary key (track_id, artist_id, role, position)
) strict, without rowid;
create index ix_ta_artist on track_artists(artist_id);

create table title_aliases ( -- Other titles of a track.
  track_id int not null references tracks(id) on delete cascade, -- the track
  alias text not null, -- other title
  alias_norm text not null, -- normalised for matching
  platform text references platforms(name), -- who uses it
  primary key (track_id, alias_norm)
) strict, without rowid;
create index ix_title_alias on title_aliases(alias_norm);

create table release_items ( -- A track's place on a release.
  release_id int not null references releases(id) on delete cascade, -- the release
  disc_no int not null default 1, -- disc, from 1
  track_no int not null, -- place, from 1
  position text, -- as printed: A1, B2
  track_id int not null references tracks(id), -- the track
  primary key (release_id, track_id, disc_no, track_no)
) strict, without rowid;
create index ix_ri_track on release_items(track_id);

create table genres ( -- A genre; parents make a tree.
  id integer primary key references genre_ids(id), -- recorded identity
  name text not null, -- name as shown
  name_norm text not null, -- normalised for matching
  parent_id int references genres(id), -- wider genre, as genre_parents says
  created_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  updated_at text, -- UTC
  deleted_at text, -- UTC
  merged_into_id int references genres(id) -- the genre it turned out to be
) strict;
create unique index ux_genres on genres(name_norm) where deleted_at is null and merged_into_id is null;

create table track_genres ( -- Genres of a track, each with who says so.
  track_id int not null references tracks(id) on delete cascade, -- the track
  genre_id int not null references genres(id), -- the genre
  platform text not null references platforms(name), -- who says so
  weight int not null default 100, -- 0-100: how much so
  primary key (track_id, genre_id, platform)
) strict, without rowid;
create index ix_tg_genre on track_genres(genre_id);

create table genre_parents ( -- The tree of genres: what is a kind of what. Rows are yours to change; `resolve` brings genres.parent_id after.
  genre text primary key, -- name of the genre
  parent text -- wider genre; empty = at the top
) strict;
create table genre_rules ( -- What words for a genre mean: "House, Tech" is Tech House. Case, accents, dashes do not matter. Rows are yours to change.
  said text not null, -- word as a platform writes it
  genre text not null default '', -- genre that it means, or one of them; '' = none at all, such as "Other"
  primary key (said, genre)
) strict, without rowid;

create table labels ( -- A record label.
  id integer primary key references label_ids(id), -- recorded identity
  name text not null, -- name as shown
  name_norm text not null, -- normalised for matching
  created_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  updated_at text, -- UTC
  deleted_at text, -- UTC
  merged_into_id int references labels(id) -- the label it turned out to be
) strict;
create unique index ux_labels on labels(name_norm) where deleted_at is null and merged_into_id is null;

create table release_labels ( -- Labels of a release with catalogue numbers.
  release_id int not null references releases(id) on delete cascade, -- the release
  label_id int not null references labels(id), -- the label
  cat_id text not null default '', -- catalogue number
  role text, -- label, distributor, ...
  territory text, -- where
  primary key (release_id, label_id, cat_id)
) strict, without rowid;
create index ix_rl_label on release_labels(label_id);
create index ix_rl_cat on release_labels(cat_id);

create table track_labels ( -- Labels of a track, each with who says so.
  track_id int not null references tracks(id) on delete cascade, -- the track
  label_id int not null references labels(id), -- the label
  platform text not null references platforms(name), -- who says so
  primary key (track_id, label_id, platform)
) strict, without rowid;
create index ix_tl_label on track_labels(label_id);

create table publishers ( -- Who publishes playlists, channels or releases: people and pages at a platform.
  id integer primary key, -- row id
  name text not null, -- name as shown
  platform text not null references platforms(name), -- where
  handle text, -- name there
  created_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  updated_at text, -- UTC
  deleted_at text, -- UTC
  unique (platform, handle)
) strict;
create table release_publishers ( -- Publishers of a release.
  release_id int not null references releases(id) on delete cascade, -- the release
  publisher_id int not null references publishers(id), -- the publisher
  primary key (release_id, publisher_id)
) strict, without rowid;
create index ix_rp_publisher on release_publishers(publisher_id);

create table events ( -- A concert, festival or set.
  id integer primary key, -- row id
  name text not null, -- name
  start_date text, -- ISO date
  end_date text, -- ISO date
  location text, -- where
  description text, -- notes
  created_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  updated_at text, -- UTC
  deleted_at text -- UTC
) strict;
create table event_recordings ( -- Tracks played or recorded at an event, set by set.
  event_id int not null references events(id) on delete cascade, -- the event
  track_id int not null references tracks(id) on delete cascade, -- the track
  stage text not null default '', -- stage, or whose set it was
  position int not null default 0, -- place in the set, from 1; 0 = unknown
  set_time text, -- when in the event: 23:41, or UTC
  platform text not null default 'user' references platforms(name), -- who says so
  primary key (event_id, track_id, stage, position)
) strict, without rowid;
create index ix_er_track on event_recordings(track_id);

create table external_ids ( -- Ids of our entities elsewhere: ISRC, MusicBrainz, Spotify, ...; not unique, an id may be wrong.
  entity_type text not null check (entity_type in ('artist', 'track', 'release', 'release_group', 'publisher', 'event', 'playlist', 'genre', 'label')), -- what kind of entity
  entity_id int not null, -- its id
  scheme text not null, -- isrc, mb_recording, spotify, ...
  value text not null, -- the id
  platform text references platforms(name), -- who says so
  created_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  primary key (entity_type, entity_id, scheme, value)
) strict, without rowid;
create index ix_extid on external_ids(scheme, value);

create table track_attributes ( -- Any further fact of a track, by who says so.
  track_id int not null references tracks(id) on delete cascade, -- the track
  key text not null, -- name of the fact
  platform text not null references platforms(name), -- who says so
  value text not null, -- the fact
  locked int not null default 0 check (locked in (0, 1)), -- 1 = this one wins
  updated_at text, -- UTC
  primary key (track_id, key, platform)
) strict, without rowid;
create index ix_attr_key on track_attributes(key, value);

create table tags ( -- Your own tags, in groups.
  id integer primary key, -- row id
  grp text not null default '', -- group: Energy, Mood, ...
  name text not null, -- name
  description text, -- what it means
  created_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  updated_at text, -- UTC
  deleted_at text, -- UTC
  unique (grp, name)
) strict;
create table tag_rules ( -- An emoji or word in a playlist's name that gives its tracks a tag.
  emoji text primary key, -- emoji or word
  tag_id int not null references tags(id) -- the tag
) strict;
create table track_tags ( -- Tags of a track.
  track_id int not null references tracks(id) on delete cascade, -- the track
  tag_id int not null references tags(id), -- the tag
  platform text not null default 'user' references platforms(name), -- who says so
  primary key (track_id, tag_id, platform)
) strict, without rowid;
create index ix_tt_tag on track_tags(tag_id);

create table image_links ( -- Pictures that could stand for a track, album, release or artist; one is selected.
  id integer primary key, -- row id
  image_id int not null references images(id), -- the picture
  track_id int references tracks(id) on delete cascade, -- of a track, or
  release_group_id int references release_groups(id) on delete cascade, -- of an album, or
  release_id int references releases(id) on delete cascade, -- of a release, or
  artist_id int references artists(id) on delete cascade, -- of an artist
  role text not null default 'cover', -- cover, back, ...
  platform text references platforms(name), -- who brought it
  is_selected int not null default 0 check (is_selected in (0, 1)), -- 1 = this one is shown
  check ((track_id is not null) + (release_group_id is not null) + (release_id is not null) + (artist_id is not null) = 1)
) strict;
create unique index ux_img_track on image_links(track_id) where is_selected = 1 and track_id is not null;
create unique index ux_img_rg on image_links(release_group_id) where is_selected = 1 and release_group_id is not null;
create unique index ux_img_release on image_links(release_id) where is_selected = 1 and release_id is not null;
create unique index ux_img_artist on image_links(artist_id) where is_selected = 1 and artist_id is not null;
create index ix_img_track on image_links(track_id);
create index ix_img_rg on image_links(release_group_id);
create index ix_img_image on image_links(image_id);

create table playlists ( -- Your playlists; a smart one is a query whose result it is.
  id integer primary key, -- row id
  playlist_uid text not null unique default (lower(hex(randomblob(8)))), -- random id for links and exports
  name text not null, -- name
  description text, -- description
  kind text not null default 'playlist' check (kind in ('playlist', 'folder', 'smart')), -- playlist, folder or smart
  parent_id int references playlists(id), -- folder it lies in
  sort_key text, -- place among its siblings
  owner_publisher_id int references publishers(id), -- who made it
  query text, -- SQL of a smart playlist
  created_at text default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  updated_at text, -- UTC
  deleted_at text -- UTC
) strict;
create index ix_pl_name on playlists(name);
create index ix_pl_parent on playlists(parent_id);
create index ix_pl_owner on playlists(owner_publisher_id) where owner_publisher_id is not null;
create table playlist_tags ( -- Tags that a playlist gives its tracks.
  playlist_id int not null references playlists(id) on delete cascade, -- the playlist
  tag_id int not null references tags(id), -- the tag
  origin text not null default 'name', -- name (by rule) or user
  primary key (playlist_id, tag_id)
) strict, without rowid;
create index ix_plt_tag on playlist_tags(tag_id);
create table playlist_items ( -- A place in your playlist: a track or a release; repeats allowed.
  id integer primary key, -- row id
  playlist_id int not null references playlists(id) on delete cascade, -- the playlist
  sort_key text not null, -- fractional key: inserting rewrites no other row
  track_id int references tracks(id), -- a track, or
  release_id int references releases(id), -- a release
  added_at text, -- UTC
  added_by text, -- who
  deleted_at text, -- UTC
  check ((track_id is null) <> (release_id is null))
) strict;
create unique index ux_pitem on playlist_items(playlist_id, sort_key) where deleted_at is null;
create index ix_pitem_list on playlist_items(playlist_id);
create index ix_pitem_track on playlist_items(track_id);
create index ix_pitem_release on playlist_items(release_id) where release_id is not null;

create table operations ( -- What was done, by whom, with what result; also plans that wait for approval.
  id integer primary key, -- row id
  parent_id int references operations(id), -- plan it is part of
  type text not null, -- import, link, resolve, take, merge, sync, ...
  status text not null check (status in ('planned', 'pending', 'running', 'completed', 'failed', 'skipped')), -- state
  actor text, -- who
  action text, -- add, remove, update, move
  platform text, -- platform it concerns
  target text, -- where it writes
  playlist_id int, -- playlist it concerns
  track_id int, -- track it concerns
  priority int, -- order of execution
  reason text, -- why, as a sentence
  details text check (details is null or json_valid(details)), -- JSON: counts and parameters
  error_message text, -- why it failed
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  started_at text, -- UTC
  completed_at text -- UTC
) strict;
create index ix_op_status on operations(status, priority);
create index ix_op_type on operations(type, created_at);
create index ix_op_parent on operations(parent_id);
create index ix_op_undoes on operations(json_extract(details, '$.undoes')) where type in ('undo', 'redo') and status = 'completed';

create table snapshots ( -- The state of playlists at a time.
  id integer primary key, -- row id
  platform text not null references platforms(name), -- whose playlists
  scope text not null, -- all, or one playlist
  operation_id int references operations(id), -- operation that took it
  playlist_count int, -- playlists in it
  track_count int, -- items in it
  data text not null check (json_valid(data)), -- JSON: the state
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) -- UTC
) strict;
create index ix_snap on snapshots(platform, created_at);
create index ix_snap_op on snapshots(operation_id);

create table playlist_versions ( -- A playlist as it was from one snapshot to its next version. Only what changed is stored.
  id integer primary key, -- row id
  snapshot_id int not null references snapshots(id), -- snapshot that saw it first
  platform text not null references platforms(name), -- whose playlist; user = yours
  list_id int not null, -- row of platform_playlists, or of playlists where it is yours
  name text not null, -- name then
  description text, -- description then
  kind text not null, -- playlist, folder, smart or liked
  parent text, -- folder it lay in
  is_gone int not null default 0 check (is_gone in (0, 1)), -- 1 = it was not there any more
  is_full int not null check (is_full in (0, 1)), -- 1 = items holds all of them; 0 = the steps from the version before
  items text not null check (json_valid(items)), -- JSON: rows of platform_tracks (yours: track ids, releases negative), or steps [at, to, item]
  n int not null, -- items in it
  hash text not null, -- of all of it: equal = unchanged
  seen int not null default 1 -- reads that saw it so, up to 2: what was missing once is not believed yet
) strict;
create index ix_plv_list on playlist_versions(platform, list_id, id);
create index ix_plv_snapshot on playlist_versions(snapshot_id);

create table plans ( -- What a sync would do, kept until you approve it row by row.
  id integer primary key, -- row id
  kind text not null default 'sync', -- sync, likes, tags, restore, files
  target text not null default '', -- what it writes, for people: rekordbox, tidal, ... several with commas
  status text not null default 'proposed' check (status in ('proposed', 'running', 'applied', 'failed', 'undone', 'dismissed')), -- where it stands
  reason text, -- what it is for
  details text check (details is null or json_valid(details)), -- JSON: options, warnings, backups
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  applied_at text, -- UTC, when it was last carried out
  operation_id int references operations(id) -- operation of the log that changed your own lists, for undo
) strict;
create index ix_plans_operation on plans(operation_id);
create table plan_lists ( -- The lists that a plan touches, as they were when it was made: if one moved on, the plan stops.
  id integer primary key, -- row id
  plan_id int not null references plans(id) on delete cascade, -- the plan
  target text not null, -- where the list is: user (yours), rekordbox, tidal, ...
  place text not null default '', -- which database, folder or account there
  external_id text, -- its id there; empty = it is made by this plan
  playlist_id int, -- yours that belongs to it
  link_id int, -- link that is synced
  name text not null, -- name, for people
  before text not null check (json_valid(before)), -- JSON: items when the plan was made (tracks by uid, at a platform by its ids)
  after text not null check (json_valid(after)), -- JSON: items when all of it is done
  head text check (head is null or json_valid(head)), -- JSON: name, description, folder and version when the plan was made
  base text check (base is null or json_valid(base)) -- JSON: what both sides agreed on, for the next base
) strict;
create index ix_plan_lists on plan_lists(plan_id);
create table plan_operations ( -- One step of a plan: approved or denied by you, carried out in order of priority.
  id integer primary key, -- row id
  plan_id int not null references plans(id) on delete cascade, -- the plan
  plan_list_id int references plan_lists(id) on delete cascade, -- list it changes
  from_list_id int references plan_lists(id) on delete cascade, -- list that the item is taken out of, where it moves between two
  priority int not null default 50, -- order: small first; additions before removals
  action text not null, -- create, folder, rename, describe, place, add, remove, move, transfer, relink, delete, link, like, tag, untag, ...
  item text, -- the item: track uid, or id there
  nth int not null default 0, -- which of equal items, from 0
  track_id int references track_ids(id), -- the track, where it is known
  title text, -- what to call it
  before text check (before is null or json_valid(before)), -- JSON: what it was
  after text check (after is null or json_valid(after)), -- JSON: what it shall be
  reason text not null, -- why, as a sentence
  hold text, -- why it is not to be approved together with others, or not at all yet
  needs text not null default '' check (needs in ('', 'look', 'first')), -- look = approve it by its number; first = something else must be done first
  status text not null default 'proposed' check (status in ('proposed', 'approved', 'denied', 'running', 'done', 'failed', 'skipped', 'undone')), -- where it stands
  result text check (result is null or json_valid(result)), -- JSON: what came of it
  error_message text, -- why it failed or was skipped
  decided_by text, -- who approved or denied
  decided_at text, -- UTC
  started_at text, -- UTC
  completed_at text -- UTC
) strict;
create index ix_plan_ops on plan_operations(plan_id, status, priority);
create index ix_plan_ops_list on plan_operations(plan_list_id);
create index ix_plan_ops_from on plan_operations(from_list_id);
create index ix_plan_ops_track on plan_operations(track_id);

create table track_links ( -- Which track an observation is: the matcher's proposal, and decisions over it.
  id integer primary key, -- row id
  platform_track_id int not null references platform_tracks(id), -- the observation
  auto_track_id int references track_ids(id), -- what the matcher says
  assigned_track_id int references track_ids(id), -- after decisions about this link
  track_id int references track_ids(id), -- after merges: the track to use
  status text not null check (status in ('auto', 'confirmed', 'candidate', 'rejected')), -- auto and confirmed count, candidate waits, rejected never comes again
  method text not null, -- which sign: id, path, audio, key, isrc, new, person, ...
  confidence int not null check (confidence between 0 and 100), -- 0-100
  evidence text check (evidence is null or json_valid(evidence)), -- JSON: the signs, each with a sentence
  decided_by text, -- who, for a person's link
  decided_at text -- UTC
) strict;
create unique index ux_link_active on track_links(platform_track_id) where status in ('auto', 'confirmed');
create unique index ux_link_pair on track_links(platform_track_id, assigned_track_id);
create index ix_link_track on track_links(track_id, status);
create index ix_link_assigned on track_links(assigned_track_id);
create index ix_link_auto on track_links(auto_track_id);
create index ix_link_review on track_links(status, confidence);

create table release_links ( -- Which release or album an observed release is.
  id integer primary key, -- row id
  platform_release_id int not null references platform_releases(id), -- the observation
  release_id int references releases(id), -- the release
  release_group_id int references release_groups(id), -- the album
  status text not null check (status in ('auto', 'confirmed', 'candidate', 'rejected')), -- as for tracks
  method text not null, -- which sign
  confidence int not null check (confidence between 0 and 100), -- 0-100
  evidence text check (evidence is null or json_valid(evidence)), -- JSON: the signs
  metadata_hash text, -- of the observation, when the release was last derived from it
  decided_by text, -- who
  decided_at text -- UTC
) strict;
create unique index ux_rlink_active on release_links(platform_release_id) where status in ('auto', 'confirmed');
create index ix_rlink_release on release_links(release_id);
create index ix_rlink_group on release_links(release_group_id);

create table playlist_links ( -- Which playlist elsewhere belongs to which of yours, and which way it syncs.
  id integer primary key, -- row id
  playlist_id int not null references playlists(id), -- yours
  platform text not null references platforms(name), -- where
  place text not null default '', -- which database, folder or account there; empty = the usual one
  external_id text not null, -- theirs, by its id there: names may be taken twice
  platform_playlist_id int references platform_playlists(id), -- theirs as an import saw it; empty = not imported yet
  direction text not null check (direction in ('import', 'export', 'push', 'mirror', 'two_way')), -- import: theirs to yours; push (export): yours to theirs; mirror: theirs becomes as yours; two_way
  is_personal int not null default 1 check (is_personal in (0, 1)), -- 1 = your own list there, so what goes was taken out by you
  enabled int not null default 1 check (enabled in (0, 1)), -- 0 = paused
  base_snapshot_id int references snapshots(id), -- state both sides agreed on
  last_synced_at text, -- UTC
  unique (playlist_id, platform, place),
  unique (platform, place, external_id)
) strict;
create index ix_pll_theirs on playlist_links(platform_playlist_id);
create index ix_pll_snap on playlist_links(base_snapshot_id);

create table decisions ( -- What a person decided; append-only, the latest counts, undo is a new row.
  id integer primary key, -- row id
  entity text not null, -- track, link, artist, ...
  entity_key text not null, -- uid, or platform/external id for a link
  field text not null, -- field, merged_into, track, not:uid
  value text check (value is null or json_valid(value)), -- JSON value; empty with a platform = follow that platform; both empty = cleared
  platform text, -- platform it follows or came from
  note text, -- why
  decided_by text not null, -- who
  decided_at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), -- UTC
  operation_id int references operations(id) -- operation it was part of
) strict;
create index ix_decisions on decisions(entity, entity_key, field, id);
create index ix_dec_merge on decisions(value, entity_key) where field = 'merged_into';
create index ix_dec_op on decisions(operation_id);

create table trust ( -- Whose value is taken, per field; lower rank is trusted more.
  field text not null, -- title, year, cover, ...
  platform text not null references platforms(name), -- who
  rank int not null, -- 1 = first
  primary key (field, platform)
) strict, without rowid;

create table claim_paths ( -- Further fields to read from stored payloads: one row makes a field of `claims`.
  platform text not null references platforms(name), -- whose payload
  level text not null default 'track' check (level in ('track', 'release')), -- track or release
  field text not null, -- name of the field
  path text not null check (json_extract('{}', path) is null and instr(path, '[*]') = 0), -- JSON path
  primary key (platform, level, field)
) strict, without rowid;

create table track_likes ( -- Likes per service.
  track_id int not null references track_ids(id), -- the track
  platform text not null references platforms(name), -- the service
  is_liked int not null check (is_liked in (0, 1)), -- 1 = liked
  liked_at text, -- UTC
  last_synced_at text, -- UTC
  primary key (track_id, platform)
) strict, without rowid;
create index ix_likes on track_likes(platform, is_liked);

create table track_metrics ( -- Numbers over time: popularity, play counts, ratings.
  track_id int not null references track_ids(id), -- the track
  platform text not null references platforms(name), -- who says so
  metric text not null, -- popularity, play_count, ...
  collected_at text not null, -- UTC
  value real not null, -- the number
  primary key (track_id, platform, metric, collected_at)
) strict, without rowid;

create table changes ( -- The undo ledger: every changed cell of the truth, old and new.
  id integer primary key, -- row id
  at text not null, -- UTC
  operation_id int, -- operation it was part of; empty = a direct edit
  actor text, -- who; unknown for a direct edit
  op text not null check (op in ('cell', 'insert', 'delete', 'rekey', 'batch')), -- kind of change
  entity text not null, -- table
  entity_key text not null, -- JSON list: primary key
  field text, -- column
  old, -- value before, of its own type
  new -- value after, of its own type
);
create index ix_ch on changes(entity, entity_key, field, id);
create index ix_ch_op on changes(operation_id);

create table current_operation ( -- Context for the triggers; set and cleared in one transaction, so always empty when read.
  one integer primary key check (one = 1), -- a single row
  operation_id int, -- running operation
  actor text, -- who
  mode text not null default 'row' check (mode in ('row', 'batch')) -- row: every cell is logged; batch: one summary
) strict;
