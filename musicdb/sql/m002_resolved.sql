create table resolved ( -- Of what each track was resolved: where nothing of it changed, `resolve` need not look again.
  track_id integer primary key references tracks(id) on delete cascade, -- the track
  inputs int not null -- hash of observations, decisions, merges and trust
) strict;
create table disagreements ( -- Fields of each track in which platforms say what is not the same; derived, read by the view conflicts.
  track_id int not null references tracks(id) on delete cascade, -- the track
  field text not null, -- title, year, bpm, ...
  primary key (track_id, field)
) strict, without rowid;
create table release_files ( -- Which release each tagged file belongs to; a choice once made stays.
  platform_track_id integer primary key references platform_tracks(id) on delete cascade, -- the file as observed
  album_key text not null, -- what its tags say it belongs to: files with the same are one release
  release_id int not null references releases(id) -- the release
) strict;
create index ix_rf_key on release_files(album_key);
create index ix_rf_release on release_files(release_id);
