-- Derived: only built-in SQL functions, so that any SQLite can read them. Made again at every migration.

create view claims as -- Every platform's value for every field of a track: whose word is what.
select k.track_id, j.key as field, p.platform, j.value, j.type, 'track' as level, p.id as platform_track_id
from track_links as k join platform_tracks as p on p.id = k.platform_track_id, json_each(p.said) as j
where k.status in ('auto', 'confirmed')
union all
select k.track_id, j.key, p.platform, j.value, j.type, 'release', p.id
from track_links as k join platform_tracks as p on p.id = k.platform_track_id
join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id, json_each(r.said) as j
where k.status in ('auto', 'confirmed') and j.key not in ('title', 'artists', 'rating', 'ids', 'duration_ms', 'comment', 'tags')
union all
select k.track_id, c.field, p.platform, json_extract(p.metadata, c.path), json_type(p.metadata, c.path), 'track', p.id
from track_links as k join platform_tracks as p on p.id = k.platform_track_id
join claim_paths as c on c.platform = p.platform and c.level = 'track'
where k.status in ('auto', 'confirmed') and json_extract(p.metadata, c.path) is not null
union all
select k.track_id, c.field, p.platform, json_extract(r.metadata, c.path), json_type(r.metadata, c.path), 'release', p.id
from track_links as k join platform_tracks as p on p.id = k.platform_track_id
join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
join claim_paths as c on c.platform = p.platform and c.level = 'release'
where k.status in ('auto', 'confirmed') and json_extract(r.metadata, c.path) is not null;

create view platform_values as -- One row a track and field: what each platform says, how many values there are, and whose is taken.
select i.id as track_id, v.key as field, (
    select json_group_object(e.key, iif(json_array_length(e.value) = 1, json_extract(e.value, '$[0]'), json(e.value))) from json_each(v.value) as e) as said_by,
  (select count(distinct w.value) from json_each(v.value) as l, json_each(l.value) as w) as n_values,
  (select t.sources ->> v.key from tracks as t where t.id = i.id) as winner
from track_ids as i cross join json_each((
  select json_group_object(field, json(by_platform)) from (
    select field, json_group_object(platform, json(all_values)) as by_platform from (
      select field, platform, json_group_array(distinct value) as all_values
      from ( -- the claims of this track, asked of each part of that view: by track
        select j.key as field, p.platform, j.value
        from track_links as k cross join platform_tracks as p on p.id = k.platform_track_id cross join json_each(p.said) as j
        where k.track_id = i.id and k.status in ('auto', 'confirmed') and j.key not in ('cues', 'beat_grid', 'ids')
        union all
        select j.key, p.platform, j.value
        from track_links as k cross join platform_tracks as p on p.id = k.platform_track_id
        cross join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id cross join json_each(r.said) as j
        where k.track_id = i.id and k.status in ('auto', 'confirmed')
          and j.key not in ('title', 'artists', 'rating', 'ids', 'duration_ms', 'comment', 'tags')
        union all
        select c.field, p.platform, iif(c.level = 'track', json_extract(p.metadata, c.path), json_extract(r.metadata, c.path)) as value
        from track_links as k cross join platform_tracks as p on p.id = k.platform_track_id
        left join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
        cross join claim_paths as c on c.platform = p.platform
        where k.track_id = i.id and k.status in ('auto', 'confirmed') and c.field not in ('cues', 'beat_grid', 'ids') and value is not null)
      group by field, platform)
    group by field))) as v;

create view conflicts as -- Where platforms disagree on a track, as of the last resolve: not by case or a remaster suffix; the heaviest first. Half and double tempo are related.
with said as not materialized (
  select k.track_id, p.platform, p.match_key, p.album, p.duration_ms, p.said as of_track, r.said as of_release
  from track_links as k cross join platform_tracks as p on p.id = k.platform_track_id and p.in_library = 1
  left join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
  where k.status in ('auto', 'confirmed')
)
select d.track_id, t.title, t.artist_credit, d.field, (
    select json_group_object(platform, iif(json_array_length(v) = 1, json_extract(v, '$[0]'), json(v))) from (
      select s.platform, json_group_array(distinct case when d.field = 'album' then s.album when d.field = 'duration_ms' then s.duration_ms
        when d.field in ('title', 'artists', 'rating') then s.of_track ->> d.field else coalesce(s.of_track ->> d.field, s.of_release ->> d.field) end) as v
      from said as s where s.track_id = d.track_id group by s.platform)) as said_by,
  (select count(distinct case d.field when 'album' then lower(s.album) when 'duration_ms' then s.duration_ms
      when 'title' then substr(s.match_key, 1, instr(s.match_key, '|') - 1) when 'artists' then substr(s.match_key, instr(s.match_key, '|') + 1)
      when 'rating' then s.of_track ->> d.field else lower(coalesce(s.of_track ->> d.field, s.of_release ->> d.field)) end)
    from said as s where s.track_id = d.track_id) as n_values,
  iif(w.value = 10, 'half or double', 'differs') as how, t.sources ->> d.field as winner,
  iif((select c.value is not null or c.platform is not null from decisions as c where c.id = (
    select max(id) from decisions where entity = 'track' and entity_key = i.track_uid and field = d.field)), 0, w.value) as weight
from disagreements as d cross join tracks as t on t.id = d.track_id cross join track_ids as i on i.id = t.id
-- What is made once a row stands in json_each.
cross join json_each(json_array(case d.field when 'title' then 90 when 'artists' then 80 when 'year' then 70
  when 'bpm' then iif((select abs(max(s.of_track ->> '$.bpm') * 1.0 / min(s.of_track ->> '$.bpm') - 2) < 0.03 from said as s where s.track_id = d.track_id), 10, 60)
  when 'musical_key' then 60 when 'duration_ms' then 50 when 'rating' then 40 when 'label' then 20 when 'catalogue_number' then 20 else 30 end)) as w
where t.deleted_at is null and t.merged_into_id is null
order by weight desc, d.track_id;

create view why as -- Why each value of a track is what it is: whose, how far that platform is trusted, what was decided, what others say, and why their entries are this track.
select t.id as track_id, v.key as field, v.value, w.value as winner, r.rank,
  case when d.value is null and d.platform is not null then 'follows' when d.value is not null and d.platform is not null then 'locked'
    when d.value is not null then 'fixed' end as decision,
  d.value as decided_value, d.platform as followed, d.decided_by, d.decided_at, d.note, d.operation_id,
  (select json_group_object(c.platform, iif(json_array_length(c.said) = 1, json_extract(c.said, '$[0]'), json(c.said))) from (
    select e.value ->> 'platform' as platform, json_group_array(distinct e.value ->> 'says') as said from json_each(h.value) as e group by 1) as c) as said_by,
  (select json_group_object(c.platform, json(c.said)) from (
    select e.value ->> 'platform' as platform, json_group_array(distinct e.value ->> 'says') as said from json_each(h.value) as e
    where case when v.key in ('genres', 'label') then not exists (
          select 1 from json_each(v.value) as n where lower(replace(n.value, ',', '')) = lower(replace(e.value ->> 'says', ',', '')))
        when v.key in ('featured', 'remixers', 'composers') then lower(e.value ->> 'says') is not (select lower(group_concat(n.value, ', ')) from json_each(v.value) as n)
        when v.key = 'title' then e.value ->> 'says' is not v.value and lower(substr(e.value ->> 'says', 1, length(v.value) + 2)) is not lower(v.value) || ' ('
          and lower(substr(e.value ->> 'says', 1, length(v.value) + 3)) is not lower(v.value) || ' - '
        when v.key = 'artists' then lower(e.value ->> 'says') is not lower(v.value)
        else e.value ->> 'says' is not v.value end
    group by 1) as c) as others,
  (select json_group_array(json_object('platform', e.platform, 'external_id', e.external_id, 'method', k.method, 'confidence', k.confidence,
      'sentences', (select json_group_array(n.value ->> 'sentence') from json_each(k.evidence) as n where n.value ->> 'sentence' is not null)))
    from (select distinct e.value ->> 'platform' is not w.value as later, e.value ->> 'platform' as platform, e.value ->> 'external_id' as external_id,
      e.value ->> 'id' as id, e.value ->> 'link' as link from json_each(h.value) as e order by 1, 4) as e
    join track_links as k on k.id = e.link) as evidence
from tracks as t join track_ids as i on i.id = t.id
-- What is made once a row stands in json_each: as a column of a subquery it would be made again wherever it is named.
cross join json_each(json_object('title', t.title, 'version', t.version, 'duration_ms', t.duration_ms, 'release_date', t.release_date, 'year', t.year,
  'bpm', t.bpm, 'musical_key', t.musical_key, 'rating', t.rating, 'catalogue_number', t.catalogue_number, 'comment', t.comment,
  'artists', t.artist_credit, 'album', (select title from release_groups where id = t.release_group_id),
  'featured', (select json(nullif(json_group_array(name), '[]')) from (select a.name from track_artists as c join artists as a on a.id = c.artist_id
    where c.track_id = t.id and c.role = 'featuring' order by c.position)),
  'remixers', (select json(nullif(json_group_array(name), '[]')) from (select a.name from track_artists as c join artists as a on a.id = c.artist_id
    where c.track_id = t.id and c.role = 'remixer' order by c.position)),
  'composers', (select json(nullif(json_group_array(name), '[]')) from (select a.name from track_artists as c join artists as a on a.id = c.artist_id
    where c.track_id = t.id and c.role = 'composer' order by c.position)),
  'genres', (select json(nullif(json_group_array(name), '[]')) from (
    select distinct g.name from track_genres as x join genres as g on g.id = x.genre_id where x.track_id = t.id order by g.name)),
  'label', (select json(nullif(json_group_array(name), '[]')) from (
    select distinct g.name from track_labels as x join labels as g on g.id = x.label_id where x.track_id = t.id order by g.name)),
  'cover', coalesce((select image_id from image_links where track_id = t.id and is_selected = 1),
    (select image_id from image_links where release_group_id = t.release_group_id and is_selected = 1)))) as v
cross join json_each(json_array(iif(v.key = 'cover', coalesce((select platform from image_links where track_id = t.id and is_selected = 1),
    (select platform from image_links where release_group_id = t.release_group_id and is_selected = 1)),
  json_extract(t.sources, '$.' || v.key)))) as w
cross join json_each(json_array((
  select json_group_array(json_object('platform', p.platform, 'external_id', p.external_id, 'id', p.id, 'link', k.id, 'says', s.atom))
  from track_links as k cross join platform_tracks as p on p.id = k.platform_track_id
  left join platform_releases as o on o.platform = p.platform and o.external_id = p.release_external_id
  join json_tree(case v.key
    when 'genres' then json_array(p.said -> '$.genres', p.said -> '$.styles', o.said -> '$.genres', o.said -> '$.styles')
    when 'cover' then (select json_group_array(i.image_id) from platform_images as i
      where (i.platform_track_id = p.id or i.platform_release_id = o.id) and i.role = 'cover')
    when 'album' then json_array(coalesce(p.said ->> '$.album', p.album, o.said ->> '$.album', o.title))
    when 'title' then json_array(coalesce(p.said ->> '$.title', p.title))
    when 'duration_ms' then json_array(coalesce(p.said ->> '$.duration_ms', p.duration_ms))
    when 'release_date' then json_array(coalesce(p.said ->> '$.release_date', p.release_date, o.said ->> '$.release_date'))
    when 'year' then json_array(coalesce(p.said ->> '$.year', o.said ->> '$.year',
      cast(substr(coalesce(p.said ->> '$.release_date', o.said ->> '$.release_date', p.release_date), 1, 4) as int)))
    when 'artists' then json_array((select group_concat(value, ', ') from json_each(coalesce(p.said -> '$.artists', p.artists))))
    when 'label' then json_array(coalesce(p.said ->> '$.label', o.said ->> '$.label'))
    when 'catalogue_number' then json_array(coalesce(p.said ->> '$.catalogue_number', o.said ->> '$.catalogue_number'))
    else json_array(iif(json_type(p.said, '$.' || v.key) = 'array', (select group_concat(value, ', ') from json_each(p.said, '$.' || v.key)),
      json_extract(p.said, '$.' || v.key))) end) as s
  where k.track_id = t.id and k.status in ('auto', 'confirmed') and s.atom is not null))) as h
left join trust as r on r.field = v.key and r.platform = w.value
left join decisions as d on d.id = (select max(id) from decisions where entity = 'track' and entity_key = i.track_uid and field = v.key)
where v.value is not null or d.value is not null or d.platform is not null or h.value <> '[]';

create view library as -- The library as one reads it: a row a track, with album, cover and where it is.
select t.id,
  coalesce((select i.image_id from image_links as i where i.track_id = t.id and i.is_selected = 1),
    (select i.image_id from image_links as i where i.release_group_id = t.release_group_id and i.is_selected = 1)) as cover,
  t.title, t.version, t.artist_credit, g.title as album, t.year, t.bpm, t.musical_key, t.duration_ms, t.rating,
  (select group_concat(platform, ' ') from (select distinct p.platform from track_links as k
    join platform_tracks as p on p.id = k.platform_track_id
    where k.track_id = t.id and k.status in ('auto', 'confirmed') order by p.platform)) as platforms,
  t.release_group_id, i.track_uid
from tracks as t join track_ids as i on i.id = t.id left join release_groups as g on g.id = t.release_group_id
where t.deleted_at is null and t.merged_into_id is null and t.title is not null;

create view cues as -- Cue points, hot cues and loops of every track, by platform.
select k.track_id, p.platform, json_extract(c.value, '$.type') as type, json_extract(c.value, '$.num') as num,
  json_extract(c.value, '$.start_ms') as start_ms, json_extract(c.value, '$.length_ms') as length_ms,
  json_extract(c.value, '$.name') as name, json_extract(c.value, '$.color') as color, p.id as platform_track_id
from track_links as k join platform_tracks as p on p.id = k.platform_track_id, json_each(p.said, '$.cues') as c
where k.status in ('auto', 'confirmed');

create view playlist_presence as -- On which platforms a track is in a playlist, and since when.
select p.playlist_id, k.track_id, sp.platform, min(i.first_seen_at) as added_at, count(*) as places
from playlist_links as p join platform_playlists as sp on sp.id = p.platform_playlist_id and sp.missing_since is null
join platform_playlist_items as i on i.platform_playlist_id = sp.id and i.removed_at is null
join track_links as k on k.platform_track_id = i.platform_track_id and k.status in ('auto', 'confirmed')
group by p.playlist_id, k.track_id, sp.platform;

create view track_lists as -- The lists that each track is in now, yours and those of platforms; one that is linked to yours is yours. A row a place.
select k.track_id, l.kind, iif(p.playlist_id is null, l.platform || '/' || l.external_id, 'user/' || p.playlist_id) as list
from track_links as k join platform_playlist_items as i on i.platform_track_id = k.platform_track_id and i.removed_at is null
join platform_playlists as l on l.id = i.platform_playlist_id and l.missing_since is null
left join playlist_links as p on p.platform_playlist_id = l.id
where k.status in ('auto', 'confirmed')
union all
select t.id, l.kind, 'user/' || l.id
from tracks as t join playlist_items as i on i.track_id = t.id and i.deleted_at is null join playlists as l on l.id = i.playlist_id and l.deleted_at is null
where t.merged_into_id is null
union all
select t.merged_into_id, l.kind, 'user/' || l.id
from tracks as t join playlist_items as i on i.track_id = t.id and i.deleted_at is null join playlists as l on l.id = i.playlist_id and l.deleted_at is null
where t.merged_into_id is not null;

create view playlist_history as -- Every item that is or was in a playlist, yours and theirs: when it came, when it went, and who took it out.
select sp.platform, i.platform_playlist_id, p.playlist_id, sp.name as playlist, i.position, k.track_id, t.title,
  (select group_concat(value, ', ') from json_each(t.artists)) as artists,
  i.platform_track_id, t.external_id, coalesce(i.added_at, i.first_seen_at) as came_at, i.first_seen_at,
  coalesce(i.removed_at, sp.missing_since) as went_at,
  case when i.removed_at is not null then coalesce(i.gone_reason, 'you') when sp.missing_since is not null then 'list' end as went_by,
  r.external_id as relinked_to, i.id as item_id
from platform_playlist_items as i join platform_playlists as sp on sp.id = i.platform_playlist_id
join platform_tracks as t on t.id = i.platform_track_id
left join playlist_links as p on p.platform_playlist_id = sp.id
left join track_links as k on k.platform_track_id = i.platform_track_id and k.status in ('auto', 'confirmed')
left join platform_playlist_items as n on n.id = i.replaced_by_id left join platform_tracks as r on r.id = n.platform_track_id
union all
select 'user', null, i.playlist_id, l.name, null, coalesce(t.id, i.track_id), t.title, t.artist_credit, null, null, i.added_at, i.added_at,
  coalesce(i.deleted_at, l.deleted_at), case when i.deleted_at is not null then 'you' when l.deleted_at is not null then 'list' end, null, i.id
from playlist_items as i join playlists as l on l.id = i.playlist_id
left join tracks as o on o.id = i.track_id left join tracks as t on t.id = coalesce(o.merged_into_id, o.id);

create view liked_tracks as -- Tracks that are liked somewhere, with the services and since when.
select k.track_id, sp.platform, min(coalesce(i.added_at, i.first_seen_at)) as liked_at
from platform_playlists as sp join platform_playlist_items as i on i.platform_playlist_id = sp.id and i.removed_at is null
join track_links as k on k.platform_track_id = i.platform_track_id and k.status in ('auto', 'confirmed')
where sp.kind = 'liked' and sp.missing_since is null
group by k.track_id, sp.platform
union
select coalesce(t.merged_into_id, t.id), l.platform, min(l.liked_at) from track_likes as l join tracks as t on t.id = l.track_id
where l.platform = 'user' and l.is_liked = 1
group by 1;

create view copy_decisions as -- What you said of copies, field by field, as it holds now. What was said of a copy of an export holds for the account's own copy of it.
with heirs as (
  select o.platform || '/' || o.instance_id as was, n.platform || '/' || n.instance_id as copy_key
  from (select platform, instance_id, platform_release_id, status, row_number() over (partition by platform, platform_release_id, status order by added_at, id) as place
    from collection_items where instance_id like 'export:%' and removed_at is not null) as o
  join (select platform, instance_id, platform_release_id, status, row_number() over (partition by platform, platform_release_id, status order by added_at, id) as place
    from collection_items where instance_id not like 'export:%' and removed_at is null) as n
    on n.platform = o.platform and n.platform_release_id = o.platform_release_id and n.status = o.status and n.place = o.place
)
select copy_key, field, value, decided_at, decided_by, note from (
  select coalesce(h.copy_key, d.entity_key) as copy_key, d.field, d.value, d.decided_at, d.decided_by, d.note,
    row_number() over (partition by coalesce(h.copy_key, d.entity_key), d.field order by d.id desc) as place
  from decisions as d left join heirs as h on h.was = d.entity_key
  where d.entity = 'copy'
)
where place = 1 and value is not null;

create view copies as -- Every copy and wish on your shelf: as the platform tells it, and over it what you decided. removed_at set = it is there no more.
with decided as (
  select copy_key as entity_key, json_group_object(field, json(value)) as said,
    (select min(f.decided_at) from decisions as f where f.entity = 'copy' and f.entity_key = copy_key and f.field = 'release') as at
  from copy_decisions group by copy_key
), told as (
  select c.platform || '/' || c.instance_id as copy_key, c.id as collection_item_id, c.platform_release_id, c.platform, c.account, c.status, c.folder,
    c.media_condition, c.sleeve_condition, c.rating, c.notes, c.purchase_date, c.purchase_price, c.currency, c.added_at, c.removed_at, d.said
  from collection_items as c left join decided as d on d.entity_key = c.platform || '/' || c.instance_id
  union all
  select d.entity_key, null, r.id, 'user', '', 'owned', null, null, null, null, null, null, null, null, d.at, null, d.said
  from decided as d join platform_releases as r on r.platform = substr(json_extract(d.said, '$.release'), 1, instr(json_extract(d.said, '$.release'), '/') - 1)
    and r.external_id = substr(json_extract(d.said, '$.release'), instr(json_extract(d.said, '$.release'), '/') + 1)
)
select t.copy_key, t.collection_item_id, t.platform_release_id, l.release_id, e.release_group_id, t.platform, t.account,
  iif(json_type(t.said, '$.status') is null, t.status, json_extract(t.said, '$.status')) as status, r.title,
  (select group_concat(value, ', ') from json_each(r.said, '$.artists')) as artists, json_extract(r.said, '$.year') as year,
  json_extract(r.said, '$.label') as label, json_extract(r.said, '$.catalogue_number') as catalogue_number,
  coalesce(e.format, (select group_concat(value, ', ') from json_each(r.said, '$.formats'))) as format,
  coalesce((select i.image_id from platform_images as i where i.platform_release_id = r.id and i.role = 'cover' and i.image_id is not null order by i.position limit 1),
    (select i.image_id from image_links as i where i.release_group_id = e.release_group_id and i.is_selected = 1)) as cover,
  iif(json_type(t.said, '$.folder') is null, t.folder, json_extract(t.said, '$.folder')) as folder,
  iif(json_type(t.said, '$.media_condition') is null, t.media_condition, json_extract(t.said, '$.media_condition')) as media_condition,
  iif(json_type(t.said, '$.sleeve_condition') is null, t.sleeve_condition, json_extract(t.said, '$.sleeve_condition')) as sleeve_condition,
  iif(json_type(t.said, '$.rating') is null, t.rating, json_extract(t.said, '$.rating')) as rating,
  iif(json_type(t.said, '$.notes') is null, t.notes, json_extract(t.said, '$.notes')) as notes,
  iif(json_type(t.said, '$.purchase_date') is null, t.purchase_date, json_extract(t.said, '$.purchase_date')) as purchase_date,
  iif(json_type(t.said, '$.purchase_price') is null, t.purchase_price, json_extract(t.said, '$.purchase_price')) as purchase_price,
  iif(json_type(t.said, '$.currency') is null, t.currency, json_extract(t.said, '$.currency')) as currency,
  json_extract(t.said, '$.sold_date') as sold_date, json_extract(t.said, '$.sold_price') as sold_price,
  (select v.value from json_each(t.said) as v where v.key like 'value:%' order by v.key desc limit 1) as worth,
  t.added_at, iif(json_type(t.said, '$.status') is null, t.removed_at, null) as removed_at,
  (select json_group_array(v.key) from json_each(t.said) as v where v.key <> 'release') as edited
from told as t join platform_releases as r on r.id = t.platform_release_id
left join release_links as l on l.platform_release_id = r.id and l.status in ('auto', 'confirmed') left join releases as e on e.id = l.release_id;

create view record_sides as -- The tracks of every observed release with their place on it (A1), and which track of yours each is.
select r.id as platform_release_id, l.release_id, p.id as platform_track_id, p.external_id, json_extract(p.said, '$.position') as position,
  json_extract(p.said, '$.disc_no') as disc_no, json_extract(p.said, '$.track_no') as track_no, p.title,
  (select group_concat(value, ', ') from json_each(p.artists)) as artists, p.duration_ms,
  case k.status when 'confirmed' then 'linked' when 'auto' then 'auto' else iif(
    exists (select 1 from track_links as w where w.platform_track_id = p.id and w.status = 'candidate'), 'waiting', 'none') end as state,
  k.track_id, (select count(*) from track_links as w where w.platform_track_id = p.id and w.status = 'candidate') as waiting, p.missing_since
from platform_releases as r join platform_tracks as p on p.platform = r.platform and p.release_external_id = r.external_id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
left join release_links as l on l.platform_release_id = r.id and l.status in ('auto', 'confirmed');

create view owned_everywhere as -- Where each track is: side of a record, file, Rekordbox, streaming.
with shelf as (
  select r.platform, r.external_id, coalesce(min(c.catalogue_number), r.title) as name
  from copies as c join platform_releases as r on r.id = c.platform_release_id
  where c.status in ('owned', 'for_sale') and c.removed_at is null
  group by r.id
)
select t.id as track_id, t.title, t.artist_credit,
  max(p.platform = 'local' and p.missing_since is null) as has_file, max(p.platform = 'rekordbox' and p.missing_since is null) as in_rekordbox,
  max(s.external_id is not null) as on_record,
  max(p.platform = 'spotify' and p.missing_since is null) as on_spotify, max(p.platform = 'tidal' and p.missing_since is null) as on_tidal,
  count(distinct p.platform) as platforms, max(p.platform in ('spotify', 'tidal') and p.missing_since is null) as on_stream,
  group_concat(distinct iif(s.external_id is null, null, ltrim(coalesce(json_extract(p.said, '$.position'), '') || ' ' || s.name))) as sides,
  min(iif(p.missing_since is null, f.path, null)) as file
from tracks as t join track_links as k on k.track_id = t.id and k.status in ('auto', 'confirmed')
join platform_tracks as p on p.id = k.platform_track_id
left join shelf as s on s.platform = p.platform and s.external_id = p.release_external_id
left join media_files as f on f.platform_track_id = p.id
where t.deleted_at is null and t.merged_into_id is null
group by t.id;

create view rip_list as -- To rip: on a record that you own, and not as a file; what is in most playlists first.
with listed as (select track_id, count(distinct list) as lists from track_lists where kind <> 'liked' group by track_id)
select o.track_id, o.title, o.artist_credit, o.sides, o.on_stream, o.in_rekordbox, coalesce(l.lists, 0) as in_playlists
from owned_everywhere as o left join listed as l on l.track_id = o.track_id
where o.on_record = 1 and o.has_file = 0 and o.title is not null
order by in_playlists desc, o.artist_credit, o.title;

create view buy_list as -- To buy: liked, in a playlist or on your wantlist, and neither on a record nor as a file; what is in most playlists first.
with wanted as (
  select distinct k.track_id from copies as c join platform_releases as r on r.id = c.platform_release_id
  join platform_tracks as p on p.platform = r.platform and p.release_external_id = r.external_id
  join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
  where c.status = 'wanted' and c.removed_at is null
), listed as (
  select track_id, count(distinct iif(kind <> 'liked', list, null)) as in_playlists, max(kind = 'liked') as liked from track_lists group by track_id
)
select o.track_id, o.title, o.artist_credit, coalesce(n.in_playlists, 0) as in_playlists, coalesce(n.liked, 0) as liked, w.track_id is not null as wanted,
  o.on_spotify, o.on_tidal
from owned_everywhere as o left join listed as n on n.track_id = o.track_id left join wanted as w on w.track_id = o.track_id
where o.has_file = 0 and o.on_record = 0 and o.title is not null and (n.track_id is not null or w.track_id is not null)
order by in_playlists desc, liked desc, o.artist_credit, o.title;

create view dig_list as -- To dig for: records that you want and do not own, with how many of their tracks are in playlists and how many you have as files.
select c.copy_key, c.platform_release_id, c.title, c.artists, c.label, c.catalogue_number, c.year, c.format, c.cover, c.notes,
  count(distinct p.id) as tracks_on_it, count(distinct iif(k.track_id in (select l.track_id from track_lists as l), k.track_id, null)) as in_playlists,
  count(distinct iif(exists (select 1 from track_links as o join media_files as f on f.platform_track_id = o.platform_track_id
    where o.track_id = k.track_id and o.status in ('auto', 'confirmed')), k.track_id, null)) as with_file, c.added_at
from copies as c join platform_releases as r on r.id = c.platform_release_id
left join platform_tracks as p on p.platform = r.platform and p.release_external_id = r.external_id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where c.status = 'wanted' and c.removed_at is null and not exists (
  select 1 from copies as own where own.platform_release_id = c.platform_release_id and own.status = 'owned' and own.removed_at is null)
group by c.copy_key
order by in_playlists desc, c.added_at;

create view copy_prices as -- Every price that is known of a copy, with its day: paid, sold, its value as you set it, and what Discogs asked at least.
select c.copy_key, c.title, c.artists, coalesce(c.purchase_date, substr(c.added_at, 1, 10)) as day, c.purchase_price as price, c.currency, 'paid' as what
from copies as c where c.purchase_price is not null
union all
select c.copy_key, c.title, c.artists, coalesce(c.sold_date, substr(d.decided_at, 1, 10)), c.sold_price, c.currency, 'sold'
from copies as c left join copy_decisions as d on d.copy_key = c.copy_key and d.field = 'sold_price'
where c.sold_price is not null
union all
select c.copy_key, c.title, c.artists, substr(d.field, 7), json_extract(d.value, '$'), c.currency, 'value'
from copy_decisions as d join copies as c on c.copy_key = d.copy_key
where d.field like 'value:%' and json_type(d.value) in ('real', 'integer')
union all
select c.copy_key, c.title, c.artists, substr(r.fetched_at, 1, 10), json_extract(r.metadata, '$.lowest_price'), null, 'asked'
from copies as c join platform_releases as r on r.id = c.platform_release_id
where r.platform = 'discogs' and json_extract(r.metadata, '$.lowest_price') is not null;

create view shelf_value as -- Your shelf month by month: copies with a known price that you had at its end, what you paid for them, and what they were worth.
with known as (
  select p.copy_key, p.day, p.price, coalesce(p.currency, '') as currency, p.what from copy_prices as p join copies as c on c.copy_key = p.copy_key
  where p.what <> 'asked' and p.day is not null and c.status in ('owned', 'for_sale', 'sold') and c.removed_at is null
), months as (
  select distinct substr(day, 1, 7) as month, currency from known
), priced as (
  select m.month, m.currency, k.copy_key, k.what, k.price,
    row_number() over (partition by m.month, m.currency, k.copy_key order by k.day desc, k.what = 'sold' desc, k.what desc) as place,
    max(k.what = 'sold') over (partition by m.month, m.currency, k.copy_key) as gone,
    sum(iif(k.what = 'paid', k.price, 0)) over (partition by m.month, m.currency, k.copy_key) as paid
  from months as m join known as k on k.currency = m.currency and substr(k.day, 1, 7) <= m.month
)
select month, currency, count(iif(gone, null, 1)) as copies_owned, round(sum(iif(gone, 0, paid)), 2) as paid, round(sum(iif(gone, 0, price)), 2) as worth,
  round(sum(iif(gone and what = 'sold', price, 0)), 2) as sold
from priced
where place = 1
group by month, currency
order by month, currency;

create view played_at as -- What was played at each event, in order: the track as it is after merges.
select e.id as event_id, e.name as event, e.start_date, e.location, r.stage, r.position, r.set_time, coalesce(t.merged_into_id, t.id) as track_id,
  coalesce(m.title, t.title) as title, coalesce(m.version, t.version) as version, coalesce(m.artist_credit, t.artist_credit) as artist_credit, r.platform
from event_recordings as r join events as e on e.id = r.event_id join tracks as t on t.id = r.track_id left join tracks as m on m.id = t.merged_into_id
where e.deleted_at is null
order by e.start_date, e.id, r.stage, r.position, r.set_time;

create view review_queue as -- Links that wait for a person: best first. Not those that were put off, nor of observations that a person has linked.
select k.id, k.confidence, k.method, p.platform, p.title as their_title, p.artists as their_artists, p.album as their_album,
  p.duration_ms as their_duration_ms, t.id as track_id, t.title as our_title, t.version as our_version, t.artist_credit as our_artists,
  t.duration_ms as our_duration_ms, k.evidence, p.id as platform_track_id
from track_links as k join platform_tracks as p on p.id = k.platform_track_id join track_ids as i on i.id = k.assigned_track_id
left join tracks as t on t.id = k.track_id
where k.status = 'candidate' and (t.id is null or (t.title is not null and t.deleted_at is null))
and p.platform || '/' || p.external_id not in (select entity_key from ignored_heard)
and not exists (select 1 from track_links as a where a.platform_track_id = k.platform_track_id
  and (a.status = 'confirmed' or (a.status = 'auto' and a.track_id = k.track_id)))
and coalesce((select d.value from decisions as d where d.entity = 'link' and d.entity_key = p.platform || '/' || p.external_id
  and d.field = 'later:' || i.track_uid order by d.id desc limit 1), 'null') = 'null';

create view stale as -- Observations that are due to be fetched again.
select p.id as platform_track_id, p.platform, p.external_id, p.title, p.fetched_at, p.needs_update, s.freshness_hours
from platform_tracks as p join platforms as s on s.name = p.platform
where p.needs_update = 1 or (s.freshness_hours is not null
  and max(coalesce(p.fetched_at, ''), coalesce((select max(c.updated_at) from sync_checkpoints as c where c.platform = p.platform), ''))
    < strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-' || s.freshness_hours || ' hours'));

create view missing_files as -- Files that were there and are gone, with the track they were.
select f.path, p.missing_since, k.track_id, t.title, t.artist_credit, f.size_bytes, p.id as platform_track_id
from media_files as f join platform_tracks as p on p.id = f.platform_track_id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed') left join tracks as t on t.id = k.track_id
where p.missing_since is not null;

create view orphan_files as -- Files that no playlist of any platform uses.
select f.path, k.track_id, t.title, t.artist_credit, f.size_bytes, p.id as platform_track_id
from media_files as f join platform_tracks as p on p.id = f.platform_track_id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed') left join tracks as t on t.id = k.track_id
where p.missing_since is null
and not exists (select 1 from track_links as o join platform_playlist_items as i on i.platform_track_id = o.platform_track_id
  where o.track_id = k.track_id and o.status in ('auto', 'confirmed') and i.removed_at is null)
and not exists (select 1 from platform_playlist_items as i where i.platform_track_id = p.id and i.removed_at is null)
and not exists (select 1 from playlist_items as i join playlists as l on l.id = i.playlist_id and l.deleted_at is null
  where i.track_id in (select k.track_id union all select m.id from tracks as m where m.merged_into_id = k.track_id) and i.deleted_at is null);

create view ignored_heard as -- What was heard and need not be matched, as you said: by platform/id there.
select d.entity_key, d.decided_at, d.decided_by, d.note from decisions as d
where d.entity = 'heard' and d.field = 'ignored' and d.value = 'true'
and d.id = (select max(l.id) from decisions as l where l.entity = 'heard' and l.entity_key = d.entity_key and l.field = 'ignored');

create view listening as -- The diary with the track each play was, where it is known.
select l.id, l.listened_at, k.track_id, p.title, p.artists, p.album, l.platform, l.ms_played, l.user_id,
  case when k.id is not null then 'matched'
    when l.platform || '/' || l.track_external_id in (select entity_key from ignored_heard) then 'ignored'
    when exists (select 1 from track_links as c where c.platform_track_id = p.id and c.status = 'candidate') then 'ambiguous' else 'unmatched' end as enrich_status,
  k.confidence as match_confidence, k.method as match_reason,
  coalesce(k.decided_at, (select max(created_at) from operations where type = 'link' and status = 'completed')) as last_enriched_at,
  l.utc_offset_min, l.context,
  p.id as platform_track_id
from listens as l left join platform_tracks as p on p.platform = l.platform and p.external_id = l.track_external_id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where l.duplicate_of_id is null;

create view listened_unmatched as -- What was played and has no track here yet, most played first: to be matched by hand, ignored, or got. `listens.enriching` decides.
select p.title, p.artists, p.album, sum(m.plays) as plays, max(m.last_at) as last_at, min(m.first_at) as first_at,
  case when p.platform || '/' || p.external_id in (select entity_key from ignored_heard) then 'ignored'
    when exists (select 1 from track_links as c where c.platform_track_id = p.id and c.status = 'candidate') then 'ambiguous' else 'unmatched' end as enrich_status,
  p.platform, p.external_id, p.id as platform_track_id
from listening_by_track as m
join platform_tracks as p on p.platform = m.platform and p.external_id = m.track_external_id
where not exists (select 1 from track_links as k where k.platform_track_id = p.id and k.status in ('auto', 'confirmed'))
group by p.id;

create view listen_artists as -- Artists of each play.
select l.id as listen_id, a.artist_id, a.role, a.position
from listens as l join platform_tracks as p on p.platform = l.platform and p.external_id = l.track_external_id
join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
join track_artists as a on a.track_id = k.track_id;

create view listen_genres as -- Genres of each play.
select l.id as listen_id, g.genre_id, g.platform, g.weight
from listens as l join platform_tracks as p on p.platform = l.platform and p.external_id = l.track_external_id
join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
join track_genres as g on g.track_id = k.track_id;

create view listen_candidates as -- Tracks that a play might have been.
select l.id as listen_id, k.track_id, k.confidence, k.method, k.evidence
from listens as l join platform_tracks as p on p.platform = l.platform and p.external_id = l.track_external_id
join track_links as k on k.platform_track_id = p.id and k.status = 'candidate';

create view attributes as -- Every further fact of a track, by who says so: what you set, and what platforms say that is no field of `tracks`. Numbers are numbers.
with stored as not materialized (
  select track_id, key, platform, locked, updated_at,
    iif(length(value) < 16 and value not glob '*[eE]*' and json_valid(value) and json_type(value) in ('integer', 'real'), json_extract(value, '$'), +value) as value
  from track_attributes
)
select a.track_id, a.key, a.platform, a.value, a.locked, 'set' as level, a.updated_at
from stored as a cross join tracks as t on t.id = a.track_id
where t.merged_into_id is null and (a.locked = 1 or not exists (select 1 from tracks as m cross join track_attributes as o on o.track_id = m.id
  where m.merged_into_id = a.track_id and o.key = a.key and o.platform = a.platform and o.locked = 1))
union all -- What was said of tracks that were merged into it, where it has no word of its own: a locked one, then the newest.
select t.merged_into_id, a.key, a.platform, a.value, a.locked, 'set', a.updated_at
from tracks as t cross join stored as a on a.track_id = t.id
where t.merged_into_id is not null and not exists (select 1 from track_attributes as o
    where o.track_id = t.merged_into_id and o.key = a.key and o.platform = a.platform and o.locked >= a.locked)
  and not exists (select 1 from tracks as m cross join track_attributes as o on o.track_id = m.id where m.merged_into_id = t.merged_into_id
    and o.key = a.key and o.platform = a.platform and (o.locked, coalesce(o.updated_at, ''), m.id) > (a.locked, coalesce(a.updated_at, ''), t.id))
union all
select c.track_id, c.field, c.platform, c.value, 0, c.level, null
from claims as c
where c.type not in ('array', 'object', 'null') and c.field not in ('title', 'version', 'album', 'album_type', 'duration_ms', 'release_date',
  'release_date_precision', 'year', 'bpm', 'musical_key', 'rating', 'catalogue_number', 'comment', 'label', 'isrc', 'cover', 'path');

create view attribute_winners as -- The fact that counts, of each track and key: a locked one, then yours, then by `trust` for the key, then by platform.
select track_id, key, platform, value, locked from (
  select a.track_id, a.key, a.platform, a.value, a.locked, row_number() over (
      partition by a.track_id, a.key order by a.locked desc, a.platform <> 'user', r.rank is null, r.rank, s.priority,
        case a.level when 'set' then 0 when 'track' then 1 else 2 end, a.updated_at desc) as place
  from attributes as a join platforms as s on s.name = a.platform left join trust as r on r.field = a.key and r.platform = a.platform)
where place = 1;

create view genre_ancestors as -- Every genre with all wider ones, itself at distance 0: to ask for House is to ask for all that has House here.
with recursive up as (
  select id as genre_id, name as genre, id as ancestor_id, name as ancestor, parent_id, 0 as distance from genres where merged_into_id is null and deleted_at is null
  union all
  select u.genre_id, u.genre, g.id, g.name, g.parent_id, u.distance + 1 from up as u join genres as g on g.id = u.parent_id where u.distance < 12
)
select genre_id, genre, ancestor_id, ancestor, distance from up;

create view genre_tree as -- The genres of your library as a tree: how many tracks have each, and how many with all that is below it.
with recursive down as (
  select id, name, parent_id, 0 as depth, name as path from genres
  where parent_id is null and merged_into_id is null and deleted_at is null
  union all
  select g.id, g.name, g.parent_id, d.depth + 1, d.path || ' > ' || g.name from down as d join genres as g on g.parent_id = d.id
  where g.merged_into_id is null and g.deleted_at is null and d.depth < 12
)
select d.id, d.path, d.depth, d.name, d.parent_id,
  (select count(distinct t.track_id) from track_genres as t where t.genre_id = d.id) as tracks,
  (select count(distinct t.track_id) from genre_ancestors as a join track_genres as t on t.genre_id = a.genre_id where a.ancestor_id = d.id) as tracks_below
from down as d
order by d.path;

create view unmapped_genres as -- Genres in use without a place in the tree: give each a parent (genre_parents), or say what it means (genre_rules).
select g.id, g.name, count(distinct t.track_id) as tracks, group_concat(distinct t.platform) as platforms
from genres as g join track_genres as t on t.genre_id = g.id
where g.parent_id is null and g.merged_into_id is null and g.deleted_at is null
  and not exists (select 1 from genre_parents as p where p.genre = g.name)
group by g.id
order by tracks desc, g.name;

create view poor_covers as -- Tracks without a cover, or with one under 300 pixels: the shortest side, 0 = none.
select t.id as track_id, t.title, t.artist_credit, g.title as album, m.id as image_id, ifnull(min(m.width, m.height), 0) as side
from tracks as t left join release_groups as g on g.id = t.release_group_id
left join images as m on m.id = coalesce((select i.image_id from image_links as i where i.track_id = t.id and i.is_selected = 1),
  (select i.image_id from image_links as i where i.release_group_id = t.release_group_id and i.is_selected = 1))
where t.deleted_at is null and t.merged_into_id is null and t.title is not null and ifnull(min(m.width, m.height), 0) < 300;

create view latest_metrics as -- The newest value of each number.
select track_id, platform, metric, value, max(collected_at) as collected_at from track_metrics group by track_id, platform, metric;

create view track_mytags as -- Tags of each track: its own, those its playlists give, and those of tracks that were merged into it.
select distinct track_id, tag_id from (
  select track_id, tag_id from track_tags
  union all
  select i.track_id, t.tag_id from playlist_items as i join playlist_tags as t on t.playlist_id = i.playlist_id
  join playlists as p on p.id = i.playlist_id and p.deleted_at is null
  where i.deleted_at is null and i.track_id is not null
  union all
  select m.merged_into_id, t.tag_id from tracks as m join track_tags as t on t.track_id = m.id where m.merged_into_id is not null
  union all
  select m.merged_into_id, t.tag_id from tracks as m join playlist_items as i on i.track_id = m.id and i.deleted_at is null
  join playlist_tags as t on t.playlist_id = i.playlist_id join playlists as p on p.id = i.playlist_id and p.deleted_at is null
  where m.merged_into_id is not null
);

create view local_tracks as -- Files with what their tags say.
select p.id, f.path, p.title, p.artists, p.album, p.duration_ms, f.format, f.bitrate, f.sample_rate, f.size_bytes,
  json_extract(p.said, '$.year') as year, json_extract(p.said, '$.bpm') as bpm, json_extract(p.said, '$.musical_key') as musical_key,
  json_extract(p.said, '$.genres') as genres, json_extract(p.said, '$.label') as label,
  json_extract(p.said, '$.catalogue_number') as catalogue_number, p.isrc, json_extract(p.said, '$.rating') as rating,
  json_extract(p.said, '$.comment') as comment, p.missing_since, k.track_id
from platform_tracks as p join media_files as f on f.platform_track_id = p.id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where p.platform = 'local';

create view spotify_tracks as -- What Spotify says, property by property.
select p.id, p.external_id, p.title, p.artists, p.album, p.duration_ms, p.isrc,
  json_extract(p.metadata, '$.popularity') as popularity, json_extract(p.metadata, '$.explicit') as explicit,
  json_extract(p.metadata, '$.preview_url') as preview_url, json_extract(p.metadata, '$.album.album_type') as album_type,
  coalesce(json_extract(p.metadata, '$.album.release_date'), p.release_date) as release_date,
  json_extract(p.metadata, '$.album.total_tracks') as total_tracks,
  coalesce(json_extract(p.metadata, '$.available_markets'), json_extract(p.metadata, '$.album.available_markets')) as available_markets,
  coalesce(json_extract(p.metadata, '$.external_urls.spotify'), 'https://open.spotify.com/track/' || p.external_id) as external_url,
  json_extract(p.metadata, '$.external_urls') as external_urls,
  json_extract(p.metadata, '$.audio_features.danceability') as danceability, json_extract(p.metadata, '$.audio_features.energy') as energy,
  json_extract(p.metadata, '$.audio_features.key') as "key", json_extract(p.metadata, '$.audio_features.loudness') as loudness,
  json_extract(p.metadata, '$.audio_features.mode') as mode, json_extract(p.metadata, '$.audio_features.speechiness') as speechiness,
  json_extract(p.metadata, '$.audio_features.acousticness') as acousticness,
  json_extract(p.metadata, '$.audio_features.instrumentalness') as instrumentalness,
  json_extract(p.metadata, '$.audio_features.liveness') as liveness, json_extract(p.metadata, '$.audio_features.valence') as valence,
  json_extract(p.metadata, '$.audio_features.tempo') as tempo, json_extract(p.metadata, '$.audio_features.time_signature') as time_signature,
  p.in_library, p.missing_since, k.track_id
from platform_tracks as p left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where p.platform = 'spotify';

create view tidal_tracks as -- What Tidal says, property by property.
select p.id, p.external_id, p.title, json_extract(p.metadata, '$.version') as version, p.artists, p.album, p.duration_ms, p.isrc,
  json_extract(p.metadata, '$.trackNumber') as track_no, json_extract(p.metadata, '$.volumeNumber') as disc_no,
  json_extract(p.metadata, '$.audioQuality') as audio_quality, json_extract(p.metadata, '$.popularity') as popularity,
  json_extract(p.metadata, '$.explicit') as explicit, json_extract(p.metadata, '$.bpm') as bpm,
  json_extract(p.said, '$.musical_key') as musical_key, json_extract(p.metadata, '$.allowStreaming') as can_stream,
  coalesce(json_extract(p.metadata, '$.streamStartDate'), p.release_date) as release_date, json_extract(p.metadata, '$.url') as url,
  json_extract(p.metadata, '$.copyright') as copyright, p.missing_since, k.track_id
from platform_tracks as p left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where p.platform = 'tidal';

create view discogs_releases as -- What Discogs says of each release, with your copies.
select r.id, coalesce(json_extract(r.metadata, '$.id'), r.external_id) as discogs_release_id,
  nullif(json_extract(r.metadata, '$.master_id'), 0) as discogs_master_id, r.title, json_extract(r.said, '$.artists') as artists,
  nullif(json_extract(r.metadata, '$.year'), 0) as year, json_extract(r.said, '$.formats') as formats, json_extract(r.said, '$.label') as label,
  json_extract(r.said, '$.catalogue_number') as catalogue_number, json_extract(r.metadata, '$.country') as country,
  json_extract(r.metadata, '$.notes') as notes, c.status, c.folder, c.media_condition, c.sleeve_condition, c.notes as own_notes,
  json_extract(r.said, '$.genres') as genres, json_extract(r.said, '$.styles') as styles,
  json_extract(r.metadata, '$.extraartists') as credits,
  (select json_extract(i.value, '$.uri') from json_each(r.metadata, '$.images') as i where json_extract(i.value, '$.type') = 'primary' limit 1) as primary_image,
  (select json_group_array(json_extract(i.value, '$.uri')) from json_each(r.metadata, '$.images') as i
    where json_extract(i.value, '$.type') = 'secondary') as secondary_images,
  json_extract(r.metadata, '$.identifiers') as identifiers, json_extract(r.metadata, '$.tracklist') as tracklist, r.missing_since
from platform_releases as r left join collection_items as c on c.platform_release_id = r.id and c.removed_at is null
where r.platform = 'discogs';

create view rekordbox_tracks as -- What Rekordbox says, property by property.
select p.id, p.external_id, p.title, p.artists, p.album, p.duration_ms, json_extract(p.said, '$.rating') as rating,
  json_extract(p.said, '$.bpm') as bpm, json_extract(p.said, '$.musical_key') as musical_key,
  json_array_length(p.said, '$.cues') as cue_count, json_extract(p.said, '$.cues') as cue_points, json_extract(p.said, '$.beat_grid') as beat_grid,
  json_extract(p.said, '$.play_count') as play_count, json_extract(p.said, '$.comment') as comment, json_extract(p.said, '$.color') as color_tag,
  json_extract(p.said, '$.tags') as mytags, json_extract(p.said, '$.added_at') as added_at, json_extract(p.said, '$.last_played_at') as last_played_at,
  json_extract(p.said, '$.genres') as genres, json_extract(p.said, '$.label') as label, json_extract(p.said, '$.year') as year,
  json_extract(p.said, '$.path') as path, p.missing_since, k.track_id
from platform_tracks as p left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where p.platform = 'rekordbox';

create view listening_by_month as -- Plays of each service's tracks by month, always as the diary is now: rollups, and what they lack counted from the plays.
select r.user_id, r.month, r.platform, r.track_external_id, r.plays, r.ms_played, r.skips, r.first_at, r.last_at
from listen_rollup as r
where not exists (select 1 from listen_stale as s where s.user_id = r.user_id and s.month = r.month)
union all
select l.user_id, s.month, l.platform, l.track_external_id, 1, coalesce(l.ms_played, 0), coalesce(json_extract(l.context, '$.skipped') = 1, 0),
  l.listened_at, l.listened_at
from listen_stale as s
cross join listens as l on l.user_id = s.user_id and l.listened_at >= s.month and l.listened_at < s.month || '~'
where l.duplicate_of_id is null and l.id <= (select max(last_id) from listen_counted)
union all
select l.user_id, substr(l.listened_at, 1, 7), l.platform, l.track_external_id, 1, coalesce(l.ms_played, 0),
  coalesce(json_extract(l.context, '$.skipped') = 1, 0), l.listened_at, l.listened_at
from listens as l
where l.duplicate_of_id is null and l.id > (select coalesce(max(last_id), 0) from listen_counted);

create view listening_by_track as -- Plays of each service's tracks in all, to be added up, always as the diary is now: totals, and what they lack from the plays.
select t.user_id, t.platform, t.track_external_id, t.plays, t.ms_played, t.skips, t.first_at, t.last_at
from listen_totals as t
where not exists (select 1 from listen_stale)
union all
select m.user_id, m.platform, m.track_external_id, m.plays, m.ms_played, m.skips, m.first_at, m.last_at
from listening_by_month as m
where exists (select 1 from listen_stale)
union all
select l.user_id, l.platform, l.track_external_id, 1, coalesce(l.ms_played, 0), coalesce(json_extract(l.context, '$.skipped') = 1, 0),
  l.listened_at, l.listened_at
from listens as l
where l.duplicate_of_id is null and l.id > (select coalesce(max(last_id), 0) from listen_counted) and not exists (select 1 from listen_stale);

create view listening_by_hour as -- Plays of each hour, always as the diary is now; of the place where it is known, else UTC.
select h.user_id, h.day, h.hour, h.is_local, h.plays, h.ms_played
from listen_hours as h
where not exists (select 1 from listen_stale as s where s.user_id = h.user_id and s.month = h.month)
union all
select l.user_id, date(l.listened_at, coalesce(l.utc_offset_min, 0) || ' minutes'),
  cast(strftime('%H', l.listened_at, coalesce(l.utc_offset_min, 0) || ' minutes') as int), l.utc_offset_min is not null, 1, coalesce(l.ms_played, 0)
from listen_stale as s
cross join listens as l on l.user_id = s.user_id and l.listened_at >= s.month and l.listened_at < s.month || '~'
where l.duplicate_of_id is null and l.id <= (select max(last_id) from listen_counted)
union all
select l.user_id, date(l.listened_at, coalesce(l.utc_offset_min, 0) || ' minutes'),
  cast(strftime('%H', l.listened_at, coalesce(l.utc_offset_min, 0) || ' minutes') as int), l.utc_offset_min is not null, 1, coalesce(l.ms_played, 0)
from listens as l
where l.duplicate_of_id is null and l.id > (select coalesce(max(last_id), 0) from listen_counted);

create view latest_likes as -- What is liked where, by track.
select l.track_id, t.title, t.artist_credit, l.platform, l.is_liked, l.liked_at, l.last_synced_at
from track_likes as l join tracks as t on t.id = l.track_id
where t.deleted_at is null and t.merged_into_id is null
union all -- yours; those of services are told anew of the track that it was merged into
select t.id, t.title, t.artist_credit, l.platform, l.is_liked, l.liked_at, l.last_synced_at
from track_likes as l join tracks as m on m.id = l.track_id join tracks as t on t.id = m.merged_into_id
where l.platform = 'user' and t.deleted_at is null and not exists (select 1 from track_likes as o where o.track_id = t.id and o.platform = 'user');

create view likes_over_time as -- Every stretch of time in which a track was liked at a service: since when, until when (empty = still), and who took it back.
select coalesce(t.merged_into_id, t.id) as track_id, r.title, r.artist_credit, l.platform, l.account,
  coalesce((select min(o.added_at) from platform_playlist_items as o where o.replaced_by_id = i.id), i.added_at, i.first_seen_at) as liked_at,
  coalesce(i.removed_at, l.missing_since) as unliked_at,
  case when i.removed_at is not null then coalesce(i.gone_reason, 'you') when l.missing_since is not null then 'list' end as unliked_by,
  l.fetched_at as last_synced_at, i.platform_track_id
from platform_playlists as l
join platform_playlist_items as i on i.platform_playlist_id = l.id and i.replaced_by_id is null
join track_links as k on k.platform_track_id = i.platform_track_id and k.status in ('auto', 'confirmed')
join tracks as t on t.id = k.track_id
join tracks as r on r.id = coalesce(t.merged_into_id, t.id)
where l.kind = 'liked' and (i.added_at is not null or not exists ( -- an export without dates beside the account
  select 1 from platform_playlist_items as o join platform_playlists as m on m.id = o.platform_playlist_id and m.kind = 'liked'
  where o.platform_track_id = i.platform_track_id and o.added_at is not null and o.id <> i.id))
union all
select coalesce(t.merged_into_id, t.id), r.title, r.artist_credit, l.platform, '', l.liked_at, case when l.is_liked = 0 then l.last_synced_at end,
  case when l.is_liked = 0 then 'you' end, l.last_synced_at, null
from track_likes as l join tracks as t on t.id = l.track_id join tracks as r on r.id = coalesce(t.merged_into_id, t.id)
where l.platform = 'user';

create view metrics_over_time as -- Popularity, play counts and ratings by service and time; a merged track's under the one it turned out to be.
select coalesce(t.merged_into_id, t.id) as track_id, r.title, r.artist_credit, m.platform, m.metric, m.collected_at, m.value,
  m.value - lag(m.value) over (partition by coalesce(t.merged_into_id, t.id), m.platform, m.metric order by m.collected_at) as change
from track_metrics as m join tracks as t on t.id = m.track_id join tracks as r on r.id = coalesce(t.merged_into_id, t.id);

create view listening_by_user as -- How much each person listened, and since when.
select u.id as user_id, u.username, (select count(*) from listens as l where l.user_id = u.id and l.duplicate_of_id is null) as plays,
  (select min(l.listened_at) from listens as l where l.user_id = u.id) as first_at,
  (select max(l.listened_at) from listens as l where l.user_id = u.id) as last_at
from users as u;

create view listened_not_owned as -- What you listen to and have neither as a file nor on a record, most played first.
select k.track_id, coalesce(t.title, p.title) as title, coalesce(t.artist_credit, p.artists) as artist_credit, p.album, sum(m.plays) as plays,
  max(m.last_at) as last_at, m.user_id, group_concat(distinct m.platform) as platforms
from (select user_id, platform, track_external_id, sum(plays) as plays, max(last_at) as last_at from listening_by_track group by 1, 2, 3) as m
join platform_tracks as p on p.platform = m.platform and p.external_id = m.track_external_id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
left join tracks as t on t.id = k.track_id
where k.track_id is null or k.track_id not in (
  select f.track_id from platform_tracks as o join track_links as f on f.platform_track_id = o.id and f.status in ('auto', 'confirmed')
  where o.platform = 'local' and o.id not in (select id from platform_tracks where platform = 'local' and missing_since is not null)
  union all
  select f.track_id from collection_items as c join platform_releases as r on r.id = c.platform_release_id
  join platform_tracks as o on o.platform = r.platform and o.release_external_id = r.external_id
  join track_links as f on f.platform_track_id = o.id and f.status in ('auto', 'confirmed')
  where c.status = 'owned' and c.removed_at is null)
group by m.user_id, coalesce('t' || k.track_id, 'p' || p.id)
order by plays desc;
