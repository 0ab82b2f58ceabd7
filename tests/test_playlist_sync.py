"""Three-way sync of a list: nothing is lost that nobody took out, nothing is guessed, and a second run has nothing to do."""

import random
from collections import Counter

import pytest

from musicdb.playlists import diff, sortkeys, syncing
from musicdb.playlists.diffing import numbered


def changed(rng: random.Random, items: list[str]) -> list[str]:
    now = list(items)
    for _ in range(rng.randrange(5)):
        kind = rng.random()
        if kind < 0.35:
            now.insert(rng.randrange(len(now) + 1), rng.choice("abcdefghxyz"))
        elif kind < 0.7 and now:
            now.pop(rng.randrange(len(now)))
        elif now:
            now.insert(rng.randrange(len(now)), now.pop(rng.randrange(len(now))))
    return now


def cases(n: int, seed: int = 7):
    rng = random.Random(seed)
    for _ in range(n):
        base = [rng.choice("abcdefgh") for _ in range(rng.randrange(14))]
        yield base, changed(rng, base), changed(rng, base)


def keys(items):
    return [key for key, _ in items]


def test_no_item_is_lost_that_neither_side_took_out_in_10000_cases():
    for base, here, there in cases(10_000):
        merged = syncing.merge(base, here, there)
        b, h, t = map(Counter, (base, here, there))
        for key in b | h | t:
            kept, added = min(b[key], h[key], t[key]), max(0, h[key] - b[key], t[key] - b[key])
            now = keys(merged.here).count(key), keys(merged.there).count(key)
            assert min(now) >= kept and max(now) >= kept + added, (base, here, there, key)
            assert min(now) >= kept + added or merged.held or merged.conflicts, (base, here, there, key)


@pytest.mark.parametrize("direction", syncing.DIRECTIONS)
def test_a_second_run_has_nothing_to_do(direction):
    for base, here, there in cases(3000):
        one = syncing.merge(base, here, there, direction)
        collapsed = any(held.why == "collapsed" for held in one.held)
        agreed = base if collapsed else syncing.next_base(base, one.here, one.there, direction, conflict=bool(one.conflicts))
        two = syncing.merge(agreed, keys(one.here), keys(one.there), direction)
        assert (keys(two.here), keys(two.there)) == (keys(one.here), keys(one.there)), (base, here, there)
        assert bool(two.conflicts) == bool(one.conflicts)


def test_two_way_makes_both_sides_equal_unless_a_conflict_is_told():
    for base, here, there in cases(3000):
        merged = syncing.merge(base, here, there)
        assert merged.here == merged.there or merged.conflicts or merged.held


@pytest.mark.parametrize(("direction", "here", "there"), [("import", "abX", "aNb"), ("push", "abX", "aNb"), ("mirror", "abX", "aNb"), ("two_way", "abX", "aNb")])
def test_which_side_a_direction_changes(direction, here, there):
    merged = syncing.merge("ab", here, there, direction)
    want = {"import": ("aNbX", "aNb"), "push": ("abX", "aNbX"), "mirror": ("abX", "abX"), "two_way": ("aNbX", "aNbX")}[direction]
    assert ("".join(keys(merged.here)), "".join(keys(merged.there))) == want


def test_an_import_changes_nothing_there_and_a_push_nothing_here():
    for base, here, there in cases(2000):
        assert keys(syncing.merge(base, here, there, "import").there) == there
        assert keys(syncing.merge(base, here, there, "push").here) == here


def test_an_empty_read_takes_nothing_away():
    merged = syncing.merge("abc", "abc", "", "two_way")
    assert (keys(merged.here), keys(merged.there)) == (list("abc"), [])
    assert {held.why for held in merged.held} == {"collapsed"}


def test_a_list_of_which_half_is_gone_is_not_believed_until_a_person_says_so():
    base = "abcdefghijkl"
    assert keys(syncing.merge(base, base, "abcde", "import").here) == list(base)
    assert keys(syncing.merge(base, base, "abcde", "import", believe=True).here) == list("abcde")


def test_your_own_emptied_list_empties_no_other():
    assert keys(syncing.merge("abc", "", "abc", "push").there) == list("abc")


def test_what_is_missing_for_the_first_time_stays_until_it_was_missing_twice():
    first = syncing.merge("abcd", "abcd", "abd", "import", witness="abcd")
    assert keys(first.here) == list("abcd")
    assert first.held == [(("c", 0), "once", "there")]
    assert keys(syncing.merge("abcd", "abcd", "abd", "import", witness="abd").here) == list("abd")


def test_both_sides_reordered_is_told_and_not_guessed():
    merged = syncing.merge("abcd", "dabc", "bacd")
    assert merged.conflicts
    assert (keys(merged.here), keys(merged.there)) == (list("dabc"), list("bacd"))
    settled = syncing.merge("abcd", "dabc", "bacd", prefer="there")
    assert keys(settled.here) == keys(settled.there) == list("bacd")


def test_one_side_reordered_and_the_other_added():
    merged = syncing.merge("abcd", "dabc", "abXcd")
    assert keys(merged.here) == keys(merged.there) == list("dabXc")


@pytest.mark.parametrize(
    ("base", "here", "there", "direction", "want"),
    [
        ("A", "A", "B", "two_way", ("B", "B", False)),
        ("A", "B", "A", "two_way", ("B", "B", False)),
        ("A", "B", "C", "two_way", ("B", "C", True)),
        ("A", "B", "C", "import", ("B", "C", True)),
        ("A", "A", "C", "push", ("A", "C", False)),
        ("A", "B", "C", "mirror", ("B", "B", False)),
    ],
)
def test_a_name_is_taken_from_the_side_that_changed_it(base, here, there, direction, want):
    assert syncing.value(base, here, there, direction) == want


def test_approved_steps_alone_are_made_and_the_rest_stays():
    rng = random.Random(5)
    for base, here, there in cases(2000, seed=9):
        for now, wanted in ((numbered(here), numbered(there)), (numbered(base), numbered(here))):
            every = {(change.op, change.key) for change in diff(now, wanted)}
            assert syncing.steps(now, wanted, every)[1] == wanted
            some = {one for one in every if rng.random() < 0.5}
            moves, after = syncing.steps(now, wanted, some)
            assert Counter(after) == Counter(now) + Counter(i for op, i in some if op == "add") - Counter(i for op, i in some if op == "remove")
            assert len(moves) <= len(some)


def test_a_second_copy_put_in_front_is_an_addition_and_no_move():
    merged = syncing.merge("hdf", "dhdf", "hzfd")
    assert not merged.conflicts
    assert keys(merged.here) == keys(merged.there) == list("dhzfd")


def test_there_is_room_between_any_two_sort_keys():
    rng = random.Random(3)
    made = sortkeys.spread(None, None, 50)
    for _ in range(5000):
        place = rng.randrange(len(made) + 1)
        made.insert(place, sortkeys.between(made[place - 1] if place else None, made[place] if place < len(made) else None))
    assert made == sorted(set(made))
    assert max(map(len, made)) < 16


def test_a_thousand_items_put_in_front_or_behind_make_no_long_keys():
    front, back = ["V"], ["V"]
    for _ in range(1000):
        front.insert(0, sortkeys.between(None, front[0]))
        back.append(sortkeys.between(back[-1], None))
    assert front == sorted(set(front)) and back == sorted(set(back))
    assert max(len(key) for key in front + back) <= 6
