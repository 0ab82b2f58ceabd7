"""What platforms said is read as tracks and as releases by one reader: a wrong field is not said, the others are."""

from __future__ import annotations

import pytest

from musicdb.truth import editions, pick

READERS = pytest.mark.parametrize("read", [pick.decode, editions.decode], ids=["track", "release"])


@READERS
@pytest.mark.parametrize("said", [None, "", "null", "[]", "7", '"x"', "{}"])
def test_what_is_no_object_says_nothing(read, said):
    assert read(said) == read(None)


@READERS
def test_one_wrong_field_does_not_silence_the_others(read):
    found = read('{"title": "Peat", "year": "last", "label": 7, "album": "Low", "artists": ["Moss", 3], "new": {"a": 1}, "ids": null}')
    assert (found.title, found.album, found.year, found.label, found.artists, found.ids) == ("Peat", "Low", None, None, None, None)
