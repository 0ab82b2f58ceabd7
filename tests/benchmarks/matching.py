"""python -m tests.benchmarks.matching [--most N] [--look-up N]: how right and how fast matching is.

Right: iTunes-Amazon pairs and MusicBrainz 20K clusters (MUSICDB_REAL_DATA), each with a threshold chosen on the train part and reported on
the valid part, beside plain rapidfuzz and the confidence formula of another system; how far the confidence can be believed.
Fast: pairing two libraries of 1k, 10k, ... records, beside normalising both sides and comparing all pairs; single look-ups.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from math import sqrt
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz

import musicdb
from musicdb import text
from musicdb.matching import candidates, cluster, compare, prepare
from musicdb.matching.blocking import pairs
from musicdb.matching.clusters import average_link
from musicdb.matching.pairing import key_of, pair

from ..labelled import demo, itunes, musicbrainz, pairs_of, scores
from ..test_matching import PAIRS

Record = dict[str, Any]


# ---------- the others
def plain(record: Record) -> str:
    """Title, artist, album and length in one line."""
    return text.norm(" ".join(str(record.get(name) or "") for name in ("title", "artist", "album", "duration_ms")))


def token_sort(one: Record, other: Record) -> float:
    """Plain rapidfuzz over the whole line: words in order."""
    return fuzz.token_sort_ratio(plain(one), plain(other))


def token_set(one: Record, other: Record) -> float:
    """Plain rapidfuzz over the whole line: words of one within the other count as equal. Of all its ratios the best on song pairs."""
    return fuzz.token_set_ratio(plain(one), plain(other))


def penalties(one: Record, other: Record) -> float:
    """The confidence of the fourth described system: 90 for a match by artist and title, less what differs.

    Up to 40 for the title, where a title within the other with a word like "live" or "remix" counts 0.6; up to 40 for the artist; a point
    for each second beyond the first, up to 60, or 10 where a length is missing.
    """
    a, b = (str(r.get("title") or "").lower() for r in (one, other))
    title = 1.0 if a == b else fuzz.token_set_ratio(a, b) / 100
    if a != b and (a in b or b in a) and any(w in a + b for w in ("live", "remix", "acoustic", "demo", "remaster", "radio edit", "extended")):
        title = 0.6
    artist = fuzz.token_sort_ratio(str(one.get("artist") or "").lower(), str(other.get("artist") or "").lower()) / 100
    lengths = [r.get("duration_ms") for r in (one, other)]
    length = min(60.0, max(0.0, abs(lengths[0] - lengths[1]) / 1000 - 1)) if all(lengths) else 10.0
    return max(0.0, 90 - 40 * (1 - title) - 40 * (1 - artist) - length)


def ours(one: Record, other: Record) -> float:
    return compare(one, other).confidence


# ---------- right
def f1_at(line: float, scored: Sequence[tuple[bool, float]]) -> tuple[float, float, float]:
    return scores({n for n, (_, s) in enumerate(scored) if s >= line}, {n for n, (same, _) in enumerate(scored) if same})


def best_line(scored: Sequence[tuple[bool, float]]) -> float:
    """The threshold of the best F1; the middle of the widest gap around it, so that it does not hang on one pair."""
    values = sorted({s for _, s in scored})
    lines = [0.0, *((a + b) / 2 for a, b in pairwise(values))]
    best = max(f1_at(line, scored)[2] for line in lines)
    good = [line for line in lines if f1_at(line, scored)[2] >= best - 1e-9]
    return good[len(good) // 2]


def song_pairs(real: Path) -> None:
    train, valid = itunes(real, "train"), itunes(real, "valid")
    print(f"\niTunes-Amazon, structured: {len(train)} train pairs, {len(valid)} valid. Published F1 on the test part: 0.912 (Magellan), 0.971")
    print(f"{'':24} {'threshold':>9} {'P':>6} {'R':>6} {'F1':>6}   {'5 folds of both':>15}")
    for name, score in (("musicdb", ours), ("rapidfuzz token set", token_set), ("rapidfuzz token sort", token_sort), ("penalty formula", penalties)):
        on_train, on_valid = ([(same, score(a, b)) for same, a, b in part] for part in (train, valid))
        line = best_line(on_train)
        both = on_train + on_valid
        order = list(range(len(both)))
        random.Random(1).shuffle(order)
        found, true = set(), {n for n, (same, _) in enumerate(both) if same}
        for fold in range(5):
            held = order[fold::5]
            chosen = best_line([both[n] for n in order if n not in set(held)])
            found |= {n for n in held if both[n][1] >= chosen}
        p, r, f = f1_at(line, on_valid)
        print(f"{name:24} {line:9.1f} {p:6.3f} {r:6.3f} {f:6.3f}   {scores(found, true)[2]:15.3f}")
    said = [(same, compare(a, b), a, b) for same, a, b in train + valid]
    right = scores({n for n, (_, c, *_) in enumerate(said) if c.verdict == "same"}, {n for n, (same, *_) in enumerate(said) if same})
    print(f'verdict "same", nothing chosen: P {right[0]:.3f} R {right[1]:.3f} F1 {right[2]:.3f} on both parts. Where it differs from the label:')
    for same, c, a, b in said:
        if same != (c.verdict == "same"):
            print(f"  label {'same' if same else 'different':9} we {c.verdict} {c.confidence:5.1f}  {a['title']} [{a['duration_ms']}] / {b['title']} [{b['duration_ms']}]")


def linked(part: Sequence[tuple[str, Record]], score: Callable[[Record, Record], float], lines: Sequence[float]) -> dict[float, tuple]:
    """{line: (P, R, F1, largest cluster)} of average link."""
    records = [record for _, record in part]
    true = pairs_of([c for c, _ in part])
    ready = [prepare(record) for record in records]
    likeness: dict[int, dict[int, float]] = {n: {} for n in range(len(records))}
    apart: dict[int, set[int]] = {n: set() for n in range(len(records))}
    for i, j in pairs(ready):
        if score is ours:
            found = compare(ready[i], ready[j])
            if found.barred:
                apart[i].add(j)
                apart[j].add(i)
                continue
            value = found.confidence
        else:
            value = score(records[i], records[j])
        likeness[i][j] = likeness[j][i] = value
    out = {}
    for line in lines:
        labels = average_link({n: dict(near) for n, near in likeness.items()}, {n: set(no) for n, no in apart.items()}, line)
        out[line] = (*scores(pairs_of(labels), true), max(map(labels.count, set(labels))))
    return out


def song_clusters(real: Path) -> None:
    train, valid = musicbrainz(real, "train"), musicbrainz(real, "valid")
    print(f"\nMusicBrainz 20K: {len(train)} train records, {len(valid)} valid. Published pairs: P 0.909, R 0.917 (F1 0.913)")
    print(f"{'average link over':24} {'threshold':>9} {'P':>6} {'R':>6} {'F1':>6} {'largest':>8}")
    for name, score, lines in (
        ("musicdb", ours, range(10, 91, 10)), ("rapidfuzz token sort", token_sort, range(50, 91, 4)),
        ("rapidfuzz token set", token_set, range(50, 100, 4)), ("penalty formula", penalties, range(30, 81, 5)),
    ):  # fmt: skip
        on_train = linked(train, score, lines)
        line = max(on_train, key=lambda x: on_train[x][2])
        p, r, f, largest = linked(valid, score, [line])[line]
        print(f"{name:24} {line:9.1f} {p:6.3f} {r:6.3f} {f:6.3f} {largest:8}")
    start = time.perf_counter()
    labels = cluster([record for _, record in valid])
    took = time.perf_counter() - start
    p, r, f = scores(pairs_of(labels), pairs_of([c for c, _ in valid]))
    print(f"{'cluster() as it is':24} {'':9} {p:6.3f} {r:6.3f} {f:6.3f} {max(map(labels.count, set(labels))):8}   {took:.1f} s")


def interval(right: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, right / of
    middle, spread = share + z * z / (2 * of), z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)


def reliability(name: str, judged: Sequence[tuple[float, bool]]) -> None:
    """Print how often pairs of a confidence are the same recording."""
    print(f"\nHow far to believe the confidence: {name}")
    for low, high in ((0, 5), (5, 20), (20, 50), (50, 80), (80, 95), (95, 99), (99, 101)):
        inside = [same for confidence, same in judged if low <= confidence < high]
        if inside:
            below, above = interval(sum(inside), len(inside))
            print(f"  {low:3}-{min(high, 100):<3} {sum(inside):6} of {len(inside):6} the same: {sum(inside) / len(inside):6.3f}  [{below:.3f}, {above:.3f}]")


def judged(labelled: Sequence[tuple[str, Record]]) -> list[tuple[float, bool]]:
    ready = [prepare(record) for _, record in labelled]
    return [(compare(ready[i], ready[j]).confidence, labelled[i][0] == labelled[j][0]) for i, j in sorted(pairs(ready))]


# ---------- fast
def libraries(n: int, seed: int = 3) -> tuple[list[Record], list[Record], list[int]]:
    """(left, right, partner of each left record): a fifth of the left is written otherwise, and a tenth more is not on the right."""
    rng = random.Random(seed)
    syllables = "ka ri mo ten val dor es lin ur fa bel nor sti gra pol wen ash hoth mir jun".split()
    words = ["".join(rng.choices(syllables, k=rng.randrange(1, 4))) for _ in range(max(500, int(40 * n**0.5)))]
    common = list(accumulate(1 / (k + 5) for k in range(len(words))))

    def name(*lengths: int) -> str:
        return " ".join(rng.choices(words, cum_weights=common, k=rng.choice(lengths))).title()

    artists = [name(1, 2, 2, 3) for _ in range(n // 8 + 1)]
    right = [
        {"title": name(1, 2, 2, 3, 3, 4) + rng.choice([""] * 7 + [" (Live)", " (Bob Remix)", " (feat. Ann Delta)"]), "artists": [rng.choice(artists)],
         "duration_ms": rng.randrange(100, 400) * 1000}
        for _ in range(n)
    ]  # fmt: skip

    def otherwise(record: Record) -> Record:
        record = record | {"duration_ms": record["duration_ms"] + rng.randrange(-1500, 1500)}
        title, kind = record["title"], rng.random()
        if kind < 0.1 and len(title) > 2:
            at = rng.randrange(len(title) - 1)
            return record | {"title": title[:at] + title[at + 1] + title[at] + title[at + 2 :]}
        if kind < 0.15:
            return record | {"artists": [record["artists"][0] + " & Guest"]}
        return record | {"title": title + " - 2011 Remaster"} if kind < 0.2 else record

    order = list(range(n))
    rng.shuffle(order)
    left = [otherwise(right[k]) for k in order]
    left += [{"title": name(3), "artists": [rng.choice(artists)], "duration_ms": rng.randrange(100, 400) * 1000} for _ in range(n // 10)]
    return left, right, order


def curve(most: int) -> None:
    print("\nPairing two libraries (seconds); all pairs measured on 100,000 pairs and multiplied")
    print(f"{'records':>8} {'normalise':>10} {'pair':>8} {'ratio':>6} {'P':>7} {'R':>7} {'all pairs: rapidfuzz':>21} {'penalty formula':>16} {'compare':>10}")
    n, before = 1000, None
    while n <= most:
        left, right, order = libraries(n)
        start = time.perf_counter()
        keys = [key_of(record) for record in right]
        for record in left:
            key_of(record)
        normalise = time.perf_counter() - start
        start = time.perf_counter()
        found = pair(left, right)
        took = time.perf_counter() - start
        right_ones = sum(p.left < n and keys[p.right] == keys[order[p.left]] for p in found)
        some, others, whole = left[:316], right[:316], len(left) * len(right) / (316 * 316)
        lines = [plain(r) for r in some], [plain(r) for r in others]
        flat = [{"title": r["title"], "artist": r["artists"][0], "duration_ms": r["duration_ms"]} for r in (*some, *others)]
        ready = [prepare(r) for r in flat]

        def timed(work: Callable[[], object]) -> float:
            start = time.perf_counter()
            work()
            return (time.perf_counter() - start) * whole

        fuzzy = timed(lambda: [fuzz.token_sort_ratio(a, b) for a in lines[0] for b in lines[1]])
        formula = timed(lambda: [penalties(a, b) for a in flat[:316] for b in flat[316:]])
        compared = timed(lambda: [compare(a, b) for a in ready[:316] for b in ready[316:]])
        growth = f"   x{took / before:.1f}" if before else ""
        print(
            f"{n:8} {normalise:10.2f} {took:8.2f} {took / normalise:6.1f} {right_ones / len(found):7.4f} {right_ones / n:7.4f} "
            f"{fuzzy:21.0f} {formula:16.0f} {compared:10.0f}{growth}"
        )
        n, before = n * 10, took


def look_ups(n: int) -> None:
    left, right, order = libraries(n)
    with tempfile.TemporaryDirectory() as folder, musicdb.open(Path(folder) / "music.db") as db:
        with db.atomic(), db.operation("link", mode="batch"):
            db.executemany("insert into track_ids (id, track_uid) values (?, ?)", [(k, str(k)) for k in range(1, n + 1)])
            rows = []
            for k, record in enumerate(right, 1):
                parts, artist = text.split_title(record["title"]), record["artists"][0]
                rows.append((k, parts.base, parts.version, artist, record["duration_ms"], text.norm(parts.base), text.match_key(record["title"], artist)))
            names = "id, title, version, artist_credit, duration_ms, title_norm, match_key"
            db.executemany(f"insert into tracks ({names}) values (?, ?, ?, ?, ?, ?, ?)", rows)
        times, missed, hits, asked = [], [], 0, 0
        for i in random.Random(5).sample(range(len(left)), 2000):
            start = time.perf_counter()
            found = candidates(db, left[i])
            (times if i < n else missed).append(1000 * (time.perf_counter() - start))
            if i < n:
                asked += 1
                hits += any(c.track_id == order[i] + 1 for c in found)
    times, missed = sorted(times + missed), sorted(missed)
    at = lambda values, share: values[int(len(values) * share)]  # noqa: E731
    print(f"\nLook-ups among {n} tracks (ms): p50 {at(times, 0.5):.2f}, p95 {at(times, 0.95):.2f}; of what is not there p95 {at(missed, 0.95):.2f}; found {hits / asked:.4f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--most", type=int, default=100_000, help="records of the largest library that is paired")
    options.add_argument("--look-up", type=int, default=100_000, help="tracks of the library for single look-ups")
    chosen = options.parse_args()
    real = os.environ.get("MUSICDB_REAL_DATA")
    if real:
        song_pairs(Path(real))
        song_clusters(Path(real))
    else:
        print("MUSICDB_REAL_DATA is not set: no public sets")
    table = [(compare(a, b).confidence, verdict == "same") for _, verdict, a, b in PAIRS]
    reliability("the hand-written table", table)
    reliability("the fictional library", judged(demo()))
    if real:
        reliability("iTunes-Amazon, valid (labels are looser than the same recording)", [(ours(a, b), same) for same, a, b in itunes(Path(real), "valid")])
        reliability("MusicBrainz 20K, valid (corrupted on purpose)", judged(musicbrainz(Path(real), "valid")))
    curve(chosen.most)
    look_ups(chosen.look_up)


if __name__ == "__main__":
    main()
