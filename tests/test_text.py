"""Normal form, title parts, credits, match key: the rules that text.py writes down, and what holds for any text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicdb.text import Credit, Title, full_title, is_nobody, match_key, norm, repaired, split_credit, split_known, split_title
from musicdb.text.romanise import romanise

ANY = st.text(alphabet=st.characters(exclude_categories=()))  # lone surrogates, NUL and unassigned characters too
SIGNS = st.text(alphabet="aA ()[]{}-–.ft;/&|vs'x1")
WORDS = st.lists(
    st.sampled_from(
        ["Night", "fall", "(", "feat.", "ft", "Dub", "Mix", ")", "[", "]", " - ", "with", "X", "Remix", "Original", "/", "vs.", ";"]
    )
).map(" ".join)
TEXT = ANY | SIGNS | WORDS
VERSIONS = st.sampled_from(["Dub Mix", "Live", "Bob Remix", "Instrumental", "Radio Edit", "VIP", "Album Version Remix", "Acoustic"])


@settings(max_examples=400, deadline=None)
@given(TEXT)
def test_norm_is_idempotent_and_empty_only_for_blank_text(text):
    once = norm(text)
    assert norm(once) == once
    assert once == " ".join(once.split())


@settings(max_examples=300, deadline=None)
@given(TEXT, TEXT, VERSIONS)
def test_a_remix_never_equals_its_original(title, artist, version):
    original = match_key(title, [artist])
    assert match_key(f"{title} ({version})", [artist]) != original
    assert match_key(f"{title} [{version}]", [artist]) != original
    if title.strip():
        assert match_key(f"{title} - {version}", [artist]) != original
        assert match_key(full_title(title, version), [artist]) == match_key(full_title(title, version), [artist])


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_parts_of_any_text_keep_a_base_and_whole_names(text):
    parts = split_title(text)
    assert bool(parts.base) == bool(text.strip())
    assert split_title(text) == parts
    for credit in split_credit(text):
        assert credit.name == credit.name.strip() != ""
    assert match_key(text, [text]).count("|") == 1


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Beyoncé & JAY‐Z", "beyonce and jay z"),
        ("Don’t", "dont"),
        ("Don't", "dont"),
        ("Straße", "strasse"),
        ("Motörhead", "motorhead"),
        ("Motorhead", "motorhead"),
        ("Sigur Rós", "sigur ros"),
        ("Blóðberg", "blodberg"),
        ("Ｆｕｌｌ  width", "full width"),
        ("千本桜 ブギ", "千本桜 ブギ"),
        ("が", "が"),
        ("か", "か"),
        ("!!!", "!!!"),
        ("&", "&"),
        ("  ", ""),
        (None, ""),
    ],
)
def test_norm_of(text, expected):
    assert norm(text) == expected


@pytest.mark.parametrize(
    "title, expected",
    [
        ("Nightfall", Title("Nightfall")),
        ("Nightfall (Dub Mix) [feat. X]", Title("Nightfall", "Dub Mix", ["X"])),
        ("Nightfall - Dub Mix", Title("Nightfall", "Dub Mix")),
        ("Nightfall feat. X (Dub Mix)", Title("Nightfall", "Dub Mix", ["X"])),
        ("Nightfall feat. X Remix", Title("Nightfall", "X Remix")),
        ("Nightfall (with X)", Title("Nightfall", None, ["X"])),
        ("Nightfall (With You)", Title("Nightfall (With You)")),
        ("Nightfall (Original Mix)", Title("Nightfall", None, [], ["Original Mix"])),
        ("Song - Live at Wembley - 2011 Remaster", Title("Song", "Live at Wembley", [], ["2011 Remaster"])),
        ("Song (Dub Mix (Edit))", Title("Song", "Dub Mix Edit")),
        ("Song (Official Remix Video)", Title("Song", "Official Remix Video")),
        ("(I Can't Get No) Satisfaction", Title("(I Can't Get No) Satisfaction")),
        ("Song (Part 2)", Title("Song (Part 2)")),
        ("50 ft Queenie", Title("50 ft Queenie")),
        ("(Dub Mix)", Title("(Dub Mix)")),
        ("夜 [Official Video]", Title("夜", None, [], ["Official Video"])),
        ("", Title("")),
        (None, Title("")),
    ],
)
def test_split_title_of(title, expected):
    assert split_title(title) == expected


@pytest.mark.parametrize("name", ["AC/DC", "Simon & Garfunkel", "Earth, Wind & Fire", "Tyler, The Creator", "Foo (UK)", "Vs", "Craft"])
def test_a_credit_without_an_explicit_sign_stays_whole(name):
    assert split_credit(name) == [Credit(name)]


@pytest.mark.parametrize(
    "credit, expected",
    [
        ("A feat. B", [Credit("A", "primary", " feat. "), Credit("B", "featuring")]),
        ("A (ft. B & C)", [Credit("A", "primary", " (ft. "), Credit("B & C", "featuring", ")")]),
        ("A; B", [Credit("A", "primary", "; "), Credit("B")]),
        ("A / AC/DC", [Credit("A", "primary", " / "), Credit("AC/DC")]),
        ("A vs. B featuring C", [Credit("A", "primary", " vs. "), Credit("B", "primary", " featuring "), Credit("C", "featuring")]),
        ("A pres. B", [Credit("A", "primary", " pres. "), Credit("B")]),
        ("", []),
        (None, []),
    ],
)
def test_split_credit_of(credit, expected):
    assert split_credit(credit) == expected


@pytest.mark.parametrize(
    "one, other",
    [
        (("Nightfall", ["A feat. X"]), ("Nightfall (feat. X)", ["A", "X"])),
        (("Nightfall", "A"), ("Nightfall (Original Mix)", ["A"])),
        (("Nightfall - Bob Remix", ["A", "Bob"]), ("Nightfall (Bob Remix)", ["A"])),
        (("Nightfall (Bob Rmx)", ["A"]), ("Nightfall [Bob Remix]", ["A"])),
        (("Cecilia", ["Simon", "Garfunkel"]), ("Cecilia", "Simon & Garfunkel")),
        (("Ágætis byrjun", ["Sigur Rós"]), ("Agaetis Byrjun", ["sigur ros"])),
        (("Nightfall", ["Various Artists"]), ("Nightfall", ())),
        (("Nightfall", ["B; A"]), ("Nightfall", ["A", "B"])),
        (("Song - 2011 Remaster", ["A"]), ("Song", ["A"])),
    ],
)
def test_equal_keys(one, other):
    assert match_key(*one) == match_key(*other)


@pytest.mark.parametrize(
    "one, other",
    [
        ("Nightfall", "Nightfall (Dub Mix)"),
        ("Nightfall (Dub Mix)", "Nightfall (Club Mix)"),
        ("Nightfall", "Nightfall - Live"),
        ("Nightfall (Live)", "Nightfall (Live at Wembley)"),
        ("Nightfall (Part 1)", "Nightfall (Part 2)"),
        ("か", "が"),
    ],
)
def test_different_keys(one, other):
    assert match_key(one, ["A"]) != match_key(other, ["A"])


def test_a_version_in_its_own_field_counts_as_one_in_the_title():
    assert match_key(full_title("Nightfall", "Dub Mix"), ["A"]) == match_key("Nightfall - Dub Mix", ["A"])
    assert full_title("Nightfall (Dub Mix)", "Dub Mix") == "Nightfall (Dub Mix)"
    assert full_title(None, None) == ""


def test_nobody_is_named_by_various_or_unknown_artists():
    assert [is_nobody(name) for name in ("Various Artists", "unknown artist", "", "Abba", "!!!")] == [True, True, True, False, False]


@pytest.mark.parametrize(
    "one, other",
    [
        ("Song (Live)", "Song - Live Version"),
        ("Song (Extended Mix)", "Song [Extended]"),
        ("Song (Clean)", "Song [Explicit]"),
        ("Song (Clean Version)", "Song"),
        ("Song - Remastered 2009", "Song (2011 Remaster)"),
        ("Song (Remastered Version 2009)", "Song"),
        ("Song (24-Bit Remaster)", "Song"),
        ("Song (Live / Remastered)", "Song (Live)"),
        ("Song (20th Anniversary Edition)", "Song"),
        ("Белая ночь", "Belaya noch"),
        ("カラオケ", "Karaoke"),
    ],
)
def test_editions_and_scripts_share_a_key(one, other):
    assert match_key(one, ["A"]) == match_key(other, ["A"])


@pytest.mark.parametrize("version", ["Clean Remix", "Remaster Dub", "Live Version", "Version", "In the Style of X", "En Vivo", "Explicit Edit"])
def test_an_edition_word_beside_a_version_word_does_not_hide_it(version):
    assert match_key(f"Song ({version})", ["A"]) != match_key("Song", ["A"])


@settings(max_examples=300, deadline=None)
@given(ANY)
def test_romanising_twice_changes_nothing(text):
    once = romanise(norm(text))
    assert romanise(once) == once


@pytest.mark.parametrize(
    "written, latin",
    [("белая ночь", "belaya noch"), ("きっと", "kitto"), ("ちょうちょ", "choucho"), ("방탄", "bangtan"), ("αγάπη", "agapi"), ("灯台", "灯台")],
)
def test_romanise(written, latin):
    assert norm(romanise(norm(written))) == latin


def test_parts_alone_keep_the_first_as_the_title():
    assert split_title("(Intro) [2011 Remaster]") == Title("(Intro)", None, [], ["2011 Remaster"])


@pytest.mark.parametrize(
    "broken, whole",
    [("Ðàçâîäíîé ìîñò", "Разводной мост"), ("JhenÃ© Aiko", "Jhené Aiko"), ("Ágætis byrjun", "Ágætis byrjun"), ("Þá", "Þá"), ("Été", "Été"), ("夜", "夜")],
)
def test_wrong_encodings_are_undone_for_matching(broken, whole):
    assert repaired(broken) == whole
    assert repaired(whole) == whole


def test_a_loose_credit_is_split_where_all_its_names_are_known():
    known = {"ada", "bo", "simon and garfunkel", "simon", "garfunkel", "earth"}
    assert split_known("Ada & Bo", known) == [Credit("Ada", "primary", " & "), Credit("Bo")]
    assert split_known("Ada, Bo feat. Simon and Garfunkel", known) == [
        Credit("Ada", "primary", ", "), Credit("Bo", "primary", " feat. "), Credit("Simon and Garfunkel", "featuring"),
    ]  # fmt: skip
    assert split_known("Simon & Garfunkel", known) == [Credit("Simon & Garfunkel")]
    assert split_known("Earth, Wind & Fire", known) == [Credit("Earth, Wind & Fire")]
    assert split_known(None, known) == split_known("", known) == []


@settings(max_examples=200, deadline=None)
@given(TEXT, st.sets(TEXT))
def test_splitting_by_known_names_loses_no_credit(text, names):
    known = {norm(name) for name in names} | {norm(part) for part in text.replace("&", ",").split(",")}
    assert all(credit.name.strip() for credit in split_known(text, known))
    assert bool(split_known(text, known)) == bool(split_credit(text))
