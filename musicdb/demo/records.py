"""The records of the fictional library: invented people, invented labels, invented songs. Data only.

A line at the margin is a record: artist | title | year | type | genre | label | catalogue number | who has it.
Who has it: file formats of the copies on disk, R for Rekordbox, S for Spotify ("flac RS": FLAC files, in both).
Lines below it are its songs, separated by ";". `*4` stands for four that are made up; "artist :: title" on records of
several artists; `[feat. X]`, `(X Remix)`, `(Live at X)` mean what they say; `=code-nn` is a song of another record again.
"""

DUB = """
Kelp Division | Tidewrack | 2011 | album | Dub Techno | Undertow Archive | UNDA014 | flac RS
  Tidewrack ; Nine Fathoms ; Harbour Lights ; Kelp Index ; *7
Kelp Division | Slack Water EP | 2014 | ep | Dub Techno | Undertow Archive | UNDA021 | flac R
  Slack Water ; Slack Water (Dub Mix) ; Slack Water (Halvard Nesse Remix) ; Ebb Table
Kelp Division | Nine Fathoms (Reworks) | 2015 | ep | Dub Techno | Undertow Archive | UNDA025 | mp3 RS
  Nine Fathoms (Dub Mix) ; Nine Fathoms (Grid Orchard Remix) ; Nine Fathoms (波止場ユニット Remix)
  Nine Fathoms (Beatless)
Halvard Nesse | Frostline | 2009 | album | Dub Techno | Nordlys Teknikk | NT 009 | mp3 RS
  Frostline ; Kraftverk Sør ; Bølgeslag ; Islegging ; Tåke ; Pakkis ; Fyrlykt ; Vinterhavn ; Under Null
Halvard Nesse | Bølgeslag EP | 2010 | ep | Minimal Techno | Nordlys Teknikk | NT 012 | mp3 R
  Bølgeslag (Extended Mix) ; Bølgeslag (Kelp Division Remix) ; Skumring ; Skumring (Åpen Versjon)
Sable Meridian | Concrete Lagoon | 2018 | album | Deep House | Terrazzo Club | TZC-031 | m4a RS
  Concrete Lagoon ; Lobby Music [feat. Anouk Vélizy] ; Tile by Tile ; Nightfall ; *7
Sable Meridian | Lobby Music | 2018 | single | Deep House | Terrazzo Club | TZC-029 | mp3 RS
  Lobby Music (Extended Mix) [feat. Anouk Vélizy] ; Lobby Music (Substation Nine Remix) [feat. Anouk Vélizy]
  Lobby Music (Instrumental)
Low Pylon | Transformer Hum | 2016 | album | Techno | Substation Pressings | SSP 07 | flac RS
  Transformer Hum ; 132 kV ; Mains Hum ; Pylon Song ; Nightfall (Dub Mix) ; *6
Low Pylon | 132 kV | 2017 | ep | Techno | Substation Pressings | SSP 09 | mp3 R
  132 kV (HZ/DB Remix) ; 132 kV (Rurik Vale's Blackout Dub) ; Earth Fault
HZ/DB | Loudness War Memorial | 2019 | album | Techno | Substation Pressings | SSP 14 | flac RS
  Loudness War Memorial ; A/B ; Peak/Trough ; 0 dBFS ; *6
Rurik Vale | Peat | 2012 | album | Dub Techno | Undertow Archive | UNDA017 | mp3 RS
  Peat ; Bog Oak ; Will-o'-the-Wisp ; Sphagnum ; *6
Rurik Vale | Peat (Versions) | 2013 | ep | Dub Techno | Undertow Archive | UNDA018 | flac R
  Peat (Version) ; Peat (Kelp Division's Low Water Mix) ; Bog Oak (Live at Tollhouse 3)
Pontoon & Quay | Ferry Timetable | 2020 | album | Deep House | Terrazzo Club | TZC-044 | flac RS
  Departures ; Lower Deck ; Car Deck ; Upper Deck ; Arrivals ; *3
Pontoon & Quay | Lower Deck | 2020 | single | Deep House | Terrazzo Club | TZC-042 | aiff RS
  Lower Deck (12" Mix) ; Lower Deck (Mirja Lundokka Remix)
Grid Orchard | Espalier | 2013 | album | Minimal Techno | Quince | QNC 3 | mp3 RS
  Espalier ; Graft ; Windfall ; Russet ; *6
Grid Orchard vs. Low Pylon | Fence Line | 2015 | ep | Techno | Quince | QNC 6 | flac R
  Fence Line ; Fence Line (Part Two) ; Barbed
Контур Невы | Белая ночь | 2017 | album | Dub Techno | Undertow Archive | UNDA033 | flac RS
  Белая ночь ; Разводной мост ; Гранит ; Набережная (Dub) ; Лёд ; Метель над заливом
波止場ユニット | 灯台 | 2019 | album | Dub Techno | Undertow Archive | UNDA039 | flac RS
  灯台 ; 夜の埠頭 ; 潮待ち (Slow Dub) ; Harbour Lights ; 霧笛 ; 始発
Mirja Lundokka | Sauna Protocol | 2021 | album | Deep House | Terrazzo Club | TZC-051 | m4a RS
  Sauna Protocol ; Löyly ; Kylmä Vesi ; After the Steam [feat. Pontoon & Quay] ; *6
Substation Nine | Night Bus Network | 2008 | album | Techno | Substation Pressings | SSP 02 | mp3 RS
  N1 ; N9 ; N15 ; Depot ; *7
Substation Nine | Night Bus Network (2018 Remaster) | 2018 | album | Techno | Substation Pressings | SSP 02R | S
  =SSP 02-1 ; =SSP 02-2 ; =SSP 02-3 ; =SSP 02-4
DJ Sundial Repair | Tools, Volume 1 | 2022 | ep | Techno | Quince | QNC T1 | wav R
  Locked Groove A ; Locked Groove B ; Locked Groove C
DJ Sundial Repair | Gnomon | 2022 | ep | Techno | Quince | QNC 12 | mp3 RS
  Gnomon ; Meantime ; Equation of Time (Extended Mix) ; <img src=x onerror=alert('gnomon')>
Dr. Fathom | Decompression Stop | 2006 | album | Dub Techno | Undertow Archive | UNDA003 | ogg S
  Decompression Stop ; Nitrogen ; Thermocline ; Bends ; *3
Anouk Vélizy | Façade | 2020 | ep | Deep House | Terrazzo Club | TZC-046 | m4a RS
  Façade ; Entresol ; Façade (Sable Meridian Dub) ; Cour intérieure
Öster & Malm | Frihamnen | 2016 | ep | Minimal Techno | Nordlys Teknikk | NT 021 | flac RS
  Frihamnen ; Magasin 6 ; Frihamnen (Öster's Åtta på Morgonen Mix)
Tollhouse Sound System | Toll | 2004 | album | Dub Techno | Undertow Archive | UNDA001 | R
  Toll ; Barrier Dub ; Exact Change ; *6
Tollhouse Sound System | Exact Change (Remixes) | 2014 | ep | Dub Techno | Undertow Archive | UNDA020 | R
  Exact Change (Kelp Division Remix) ; Exact Change (Dr. Fathom Remix)
  Exact Change (Contains No Samples of Any Bridge, Tunnel, Ferry or Other Publicly Maintained Crossing, Whether Tolled or Free, Recorded Between Dusk and Dawn Mix)
Various Artists | Undertow Archive: Ten Years Below | 2014 | compilation | Dub Techno | Undertow Archive | UNDA022 | mp3 RS
  =UNDA014-2 ; =UNDA017-1 ; =UNDA003-1 ; =UNDA001-3 ; Rurik Vale & Kelp Division :: Below
  Контур Невы :: Нулевой километр ; Halvard Nesse :: Undertow ; Grid Orchard :: Ten Years
  Dr. Fathom feat. Tollhouse Sound System :: Ballast
Various Artists | Night Ferry (Mixed by DJ Sundial Repair) | 2023 | dj_mix | Techno | Quince | QNC 15 | mp3 S
  Pontoon & Quay :: Departures (Mixed) ; Low Pylon :: Pylon Song (Mixed) ; HZ/DB :: A/B (Mixed)
  Mirja Lundokka :: Löyly (Mixed) ; 波止場ユニット :: 夜の埠頭 (Mixed)
Low Pylon & Salt, Moss & Ember | Common Ground | 2022 | single | Techno | Substation Pressings | SSP 22 | flac RS
  Common Ground ; Common Ground (Dub Mix)
"""

FOLK = """
The Larkspur Almanac | Planting by the Moon | 2010 | album | Indie Folk | Thistle & Thorn | TT-0010 | mp3 S
  Planting by the Moon ; First Frost ; Harbour Lights ; A Short History of Rain ; *7
The Larkspur Almanac | Leap Year | 2016 | album | Indie Folk | Thistle & Thorn | TT-0044 | m4a S
  Leap Year ; Thirty Days Hath ; Nightfall ; The 29th ; *7
The Larkspur Almanac | Live at the Corn Exchange | 2017 | live | Indie Folk | Thistle & Thorn | TT-0047 | opus S
  First Frost (Live at the Corn Exchange) ; Leap Year (Live at the Corn Exchange)
  A Short History of Rain (Live at the Corn Exchange) ; Nightfall (Live at the Corn Exchange)
Wren & Tallow | Candle Hours | 2008 | album | Folk | Hearthside | HRT 08 | mp3 S
  Candle Hours ; Tallow ; The Wren's Complaint ; Wick ; *7
Wren & Tallow | Snuffer | 2012 | album | Folk | Hearthside | HRT 19 | S
  Snuffer ; Small Flame [feat. Maggie Thornapple] ; *7
Salt, Moss & Ember | Three Kinds of Weather | 2013 | album | Indie Rock | Thistle & Thorn | TT-0029 | flac S
  Salt ; Moss ; Ember ; Three Kinds of Weather ; *6
Salt, Moss & Ember | Ember (Acoustic) | 2014 | single | Indie Rock | Thistle & Thorn | TT-0031 | m4a S
  Ember (Acoustic) ; Ember (Demo)
Saint Bramble | Hedgerow Saints | 2015 | album | Indie Rock | Paper Boat | PB 15 | mp3 S
  Hedgerow Saints ; Patron of Lost Gloves ; Blackthorn Winter ; *7
Saint Bramble | Blackthorn Winter (Low Pylon Remix) | 2016 | single | Techno | Paper Boat | PB 15R | mp3 RS
  Blackthorn Winter (Low Pylon Remix)
Ida Holmqvist-Reyes | Två hem / Dos casas | 2019 | album | Indie Folk | Paper Boat | PB 22 | flac S
  Två hem ; Dos casas ; Señal ; Mañana, kanske ; Brev från Göteborg ; Tvättstugan ; Lluvia en Malmö ; Postkort ; El tren de las seis
Paper Lighthouse Keepers | Fold Along the Line | 2011 | album | Indie Rock | Paper Boat | PB 06 | mp3 S
  Fold Along the Line ; Keeper's Log ; Harbour Lights (Reprise) ; *7
Doña Celeste Ibarra | Canciones del patio | 1998 | album | Folk | Discos Azahar | AZ 98 | ogg S
  El patio ; La higuera ; Canción del aljibe ; Niña de la noria
  Los limones ; Agua de mayo ; Persianas ; Nana sin nombre ; El último autobús
Łukasz Wierzbnik | Ścieżki | 2014 | album | Folk | Hearthside | HRT 27 | mp3 S
  Ścieżki ; Źródło ; Cień i światło ; Żuraw ; Mgła ; Ptaki nad Sanem ; Kołysanka
月見草楽団 | 夕凪 | 2017 | album | Indie Folk | Paper Boat | PB 19 | m4a S
  夕凪 ; 帰り道 ; 縁側 ; 花火のあと [feat. Ida Holmqvist-Reyes] ; 手紙 ; 雨宿り
Quiet Cartographers | Here Be Dragons, Probably | 2018 | album | Indie Rock | Paper Boat | PB 20 | S
  Here Be Dragons, Probably ; Contour Interval ; Legend ; Scale 1:25,000 ; *7
Quiet Cartographers | Magnetic North | 2021 | album | Indie Rock | Paper Boat | PB 27 | S
  Magnetic North ; Declination ; Legend (Part II) ; *7
Bellwether Street Choir | Rounds | 2009 | album | Folk | Hearthside | HRT 11 | S
  Round for Four Kettles ; Bell, Weather, Street ; *6
Maggie Thornapple | Kitchen Recordings | 2005 | album | Folk | Hearthside | HRT 02 | mp3
  Kitchen Table ; Small Flame (Demo) ; Thornapple Blues ; *6
The Understudies' Understudy | Opening Night | 2020 | album | Indie Rock | Thistle & Thorn | TT-0061 | S
  Opening Night ; Break a Leg ; Prompt Corner ; House Lights ; *6
Élise Marchaterre | Marée basse | 2016 | album | Indie Folk | Discos Azahar | AZ 16 | flac S
  Marée basse ; Où va l'été ; Sel ; Pêcheur d'étoiles ; Le phare éteint ; Coquillages ; Brise-lames
Owl Parliament No. 5 | Hansard | 2007 | album | Indie Rock | Thistle & Thorn | TT-0003 | mp3 S
  Order, Order ; Division Bell Rehearsal ; Hansard ; Prorogued ; *6
Hüttenkäse | Brotzeit | 2013 | ep | Indie Rock | Paper Boat | PB 11 | wma S
  Brotzeit
Sigrún Vatnsdal | Jökulhlaup | 2018 | album | Indie Folk | Nordlys Teknikk | NT 027 | flac S
  Jökulhlaup ; Þögn ; Ævintýri ; Öldur ; Steypiregn ; Köld slóð ; Mýri
Tom Pardoe and the Weathervanes | Cockerel | 2003 | album | Folk | Hearthside | HRT 01 | S
  Cockerel ; North by North ; Vane ; *5
The Tin Roof Ramblers | Bootleg, Vol. 2 | 2002 | live | Folk |  | BOOT-2 | wv
  Tin Roof (Live)
Various Artists | Songs for a Flooded Valley | 2021 | compilation | Indie Folk | Hearthside | HRT 40 | S
  =TT-0010-4 ; =HRT 08-3 ; =PB 15-3 ; Maggie Thornapple :: Water in the Kitchen
  Bellwether Street Choir :: Sandbag Round ; Salt, Moss & Ember feat. Wren :: High Street, Low Tide
  Tom Pardoe and the Weathervanes :: Valley
  Élise Marchaterre & Ida Holmqvist-Reyes :: L'eau / El agua / Vattnet
Hearthside House Band | Advent Calendar | 2011 | album | Folk | Hearthside | HRT 17 | S
  Door 1 ; Door 2 ; Door 3 ; Door 24 ; *3
Wren | Solo, Sort Of | 2022 | ep | Folk | Hearthside | HRT 44 | S
  Solo, Sort Of ; Nightfall ; *2
"""

# Words for the songs behind `*n`. Each combination is used once.
DUB_FIRST = """Low Deep Outer Inner Grey Slow Copper Static Salt Night Sodium Iron Tidal Hollow Paper Northern Damp Silent Second
Ferric Lunar Opal Drift Cargo Signal""".split()
DUB_LAST = """Channel Basin Relay Current Shelf Array Chamber Depot Lagoon Circuit Breaker Horizon Viaduct Beacon Delay Carrier
Reservoir Index Sounding Ballast Corridor Interval""".split()
FOLK_FIRST = """Willow Lantern Copper Winter Orchard River Sparrow Chapel Apple Rowan Candle Window Meadow Harvest Feather Barley
Cellar Kettle Ribbon Clover Gravel Juniper""".split()
FOLK_LAST = """Waltz Road Letter Song Hymn Season Lane Hill Morning Ghost Promise Quarrel Weather Dance Dream Gate Lullaby Almanac
Supper Fire Door Stair""".split()
