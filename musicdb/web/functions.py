"""The SQL functions that queries may use beside SQLite's own; each with an example that a test runs. Made by `connection.register`."""

from __future__ import annotations

from typing import NamedTuple


class Function(NamedTuple):
    """example: SQL of one value; answer: what it gives."""

    example: str
    answer: object
    what: str


FUNCTIONS = [
    Function("match_key('Nightfall (Remastered 2011)', 'Kōji Ōno')", "nightfall|koji ono", "normalised title, version and artists: equal keys are probably one recording"),
    Function("similarity('Hyperballad', 'Hyper-ballad')", 95.7, "how alike two texts are once normalised, 0-100"),
    Function("camelot('Am')", "8A", "any spelling of a key as Camelot"),
    Function("key_name('8A')", "Am", "a Camelot key as musicians write it"),
    Function("compatible_keys('8A')", '["8A","7A","9A","8B"]', "a JSON list of the keys that mix with one: for json_each()"),
    Function("duration(431999)", "7:11", "milliseconds as minutes and seconds"),
]
