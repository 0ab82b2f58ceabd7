"""What changed between two states of a list: right for any lists with repeats, and as few moves as can be."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicdb.playlists import Change, diff, patch

lists = st.lists(st.sampled_from("abcdefg"), max_size=14)


@given(lists, lists)
def test_applying_the_diff_of_two_lists_to_the_first_gives_the_second(a, b):
    assert patch(a, diff(a, b)) == b


@given(lists)
def test_equal_lists_differ_in_nothing(a):
    assert diff(a, a) == []


@given(lists, lists)
def test_only_what_must_go_is_removed_and_only_what_is_new_is_added(a, b):
    changes = diff(a, b)
    for op, one, other in (("remove", a, b), ("add", b, a)):
        assert sum(c.op == op for c in changes) == sum(max(0, one.count(k) - other.count(k)) for k in set(one))


@given(st.permutations(range(7)), st.permutations(range(7)))
def test_moves_are_as_few_as_any_choice_of_items_that_stay_allows(a, b):
    place = {k: i for i, k in enumerate(b)}
    longest = max(n for n in range(8) for some in combinations(a, n) if [place[k] for k in some] == sorted(place[k] for k in some))
    assert len(diff(a, b)) == 7 - longest


@given(lists, lists)
def test_no_step_does_nothing(a, b):
    assert not [c for c in diff(a, b) if c.op == "move" and c.at == c.to]


def test_an_item_put_first_is_one_move():
    assert diff("abcd", "dabc") == [Change("move", "d", 3, 0)]


def test_repeats_are_items_of_their_own():
    assert diff("aba", "ab") == [Change("remove", "a", 2, None)]
    assert diff("ab", "aba") == [Change("add", "a", None, 2)]


def test_a_list_that_has_moved_on_is_not_patched():
    with pytest.raises(ValueError, match="has changed since"):
        patch("xbcd", diff("abcd", "bcd"))
    with pytest.raises(ValueError, match="has changed since"):
        patch("", diff("abc", "abcd"))


def test_long_lists_take_no_square_of_time():
    a = list(range(20_000))
    assert patch(a, diff(a, a[100:] + a[:100])) == a[100:] + a[:100]
    assert len(diff([], a)) == len(diff(a, [])) == 20_000
