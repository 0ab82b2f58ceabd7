"""Words that matching knows: what makes another recording, what is only another edition, numbers, titles that everybody uses. Data only."""

from __future__ import annotations

# ---------- versions: another recording (or another mix of it). Word -> the kind it means, so that "Rmx" is a remix.
KINDS = {word: word for word in (
    "remix mix edit dub instrumental acoustic live vip bootleg rework refix reprise flip cover demo acapella karaoke extended unplugged "
    "session mashup medley orchestral slowed sped nightcore rerecorded remake retouch reconstruction revision revisited interpretation "
    "variation outtake alternate stripped symphonic intro outro drumapella megamix minimix rehearsal soundcheck performance redux "
    "reimagined reborn revamp club radio version tribute cut take piano mixed recorded recording part skit interlude"
).split()} | {
    "rmx": "remix", "remixed": "remix", "remixes": "remix", "edits": "edit", "reedit": "edit", "instrumentals": "instrumental",
    "instr": "instrumental", "inst": "instrumental", "acappella": "acapella", "cappella": "acapella", "capella": "acapella", "covered": "cover", "reworked": "rework", "versions": "version",
    "sessions": "session", "alternative": "alternate", "alt": "alternate", "rerecording": "rerecorded", "remade": "remake", "mixes": "mix",
    "concert": "live", "vivo": "live", "concierto": "live", "konzert": "live", "unreleased": "outtake", "karaoké": "karaoke", "ext": "extended",
    "speed": "sped", "xtended": "extended", "dubplate": "dub", "vocal": "vocal", "beatless": "beatless", "directo": "live", "konsert": "live",
    "remiks": "remix", "remezcla": "remix", "chopped": "slowed", "screwed": "slowed",
    **dict.fromkeys("acustico acustica acoustique akustisch akustik акустика アコースティック".split(), "acoustic"),
    **dict.fromkeys("концерт концертная лайв живая ライブ".split(), "live"), **dict.fromkeys("ремикс リミックス".split(), "remix"),
    **dict.fromkeys("инструментал インストゥルメンタル".split(), "instrumental"), **dict.fromkeys("караоке カラオケ".split(), "karaoke"), **dict.fromkeys("versjon versione versao versie versio wersja verzija versiya".split(), "version"), "ambient": "ambient",
}  # fmt: skip
# Kinds that do not, alone, say which: beside another word they add nothing ("Live Version" is "Live", "Extended Mix" is "Extended").
FILLERS = frozenset("version mix recording recorded track the a an at in from on of by de la en and for with dem im inch".split())
LIVE_TOO = frozenset("session performance unplugged soundcheck recording recorded concert".split())  # said beside "live", they are live
# Parts that may be the same recording or not: the length decides.
SOFT = frozenset("mono stereo single radio short edited main amended uncut long lp ep full".split())
# Parts that are the same recording in another edition. Whole words of a closed list; "Remix" is never among them.
EDITIONS = frozenset(
    "remaster remastered remasterizado remastering digital digitally explicit clean dirty uncensored censored bonus deluxe expanded "
    "anniversary special edition version album original official video audio lyric lyrics hd hq 4k track explicita visualizer lp".split()
)

# ---------- titles that half of all albums have: they say little without the album
GENERIC = frozenset(
    "intro outro interlude skit untitled prelude overture theme reprise introduction prologue epilogue finale opening ending credits "
    "silence allegro adagio andante largo presto menuetto menuet minuet scherzo rondo hidden bonus track unknown title instrumental "
    "入口".split()
)
SMALL = frozenset("the a an of and or to in on at for by is my me it de la le el les los der die das und et y".split())

# ---------- numbers
SPELLED = {word: n for n, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)} | {
    word: n for n, word in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1)
}
_TEENS = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
NAMED = {str(n): word for word, n in SPELLED.items() if not word.endswith(("th", "st", "nd", "rd"))} | {str(n): w for n, w in enumerate(_TEENS, 13)}
NAMED |= {str(10 * t + n): ten + NAMED.get(str(n), "") for t, ten in enumerate(_TENS, 2) for n in range(10)}  # without the gap: "twentyone"
HEARD = NAMED | {"2": "to", "4": "for", "u": "you", "r": "are", "ur": "your", "n": "and", "too": "to"}  # "4 U" is "For You"
TRIBUTES = frozenset("tribute karaoke lullaby lullabies".split())  # artists with such a name play others' songs
COUNTERS = frozenset("part number volume".split())  # "Part II" may be called "II"
KEYS, NOTES = frozenset("sharp flat minor".split()), frozenset("abcdefgh")  # "Prelude in C", but not "in C minor"
ROMAN = {word: n for n, word in enumerate("i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx".split(), 1)}
COUNTED = {"pt": "part", "pts": "part", "parts": "part", "vol": "volume", "no": "number", "nr": "number", "num": "number", "op": "opus",
           "ch": "chapter", "var": "variation", "mr": "mister", "dr": "doctor", "st": "saint", "mvt": "movement", "mov": "movement"}  # fmt: skip
COUNTING = frozenset("part volume number opus chapter movement act scene episode book side disc suite symphony sonata phase prelude variation concerto quartet nocturne etude waltz".split())

# ---------- albums that say how they were recorded
LIVE_ALBUM = (
    r"\blive (at|in|from|on|aus|aux?|im|in concert)\b|[(\[:\-–,] ?live\b|\blive[)\]]|\blive$|\b(unplugged|in concert|en vivo|ao vivo|en directo|"
    r"en concierto|en public|dal vivo)\b|\b(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}\b"
)
KARAOKE_ALBUM = r"\bkaraoke\b|\btribute\b|\bin the style of\b|\bmade famous by\b|\bas performed by\b"
COVER_PART = r"\b(in the style of|made famous by|originally (performed|recorded) by|tribute( to)?|as made famous)\b"
