create table resolved ( -- Of what each track was resolved: where nothing of it changed, `resolve` need not look again.
  track_id integer primary key references tracks(id) on delete cascade, -- the track
  inputs int not null -- hash of observations, decisions, merges and trust
) strict;
