"""The reader processes: every job gets an answer, whatever it does."""

import queue
import subprocess
import sys
import time
import zlib

import pytest

from musicdb import worker
from musicdb.errors import PayloadError
from musicdb.worker import Answer, Pool

JOBS = (
    "operator.add",
    "operator.mul",
    "time.sleep",
    "os.abort",
    "os._exit",
    "os.write",
    "os.getpid",
    "sys.exit",
    "ctypes.string_at",
    "builtins.print",
    "builtins.bytes",
    "builtins.bytearray",
    "builtins.chr",
    "builtins.complex",
    "json.loads",
)


@pytest.fixture(scope="module")
def pool():
    with Pool(JOBS, deadline=0.5) as pool:
        pool.call("os.getpid")
        yield pool


def only(pool, function, *args):
    return next(pool.map(function, [args]))


def test_answers_come_in_the_order_of_the_jobs():
    with Pool(JOBS, workers=2) as pool:
        answers = pool.map("operator.add", ((n, 1) for n in range(1000)))
        assert [answer.value for answer in answers] == list(range(1, 1001))


def test_jobs_are_taken_only_as_they_are_needed(pool):
    taken = []
    answers = pool.map("operator.add", (taken.append(n) or (n, 0) for n in range(10_000)))
    next(answers)
    assert len(taken) < 1000
    answers.close()


def test_only_functions_that_the_pool_was_started_with_run(pool):
    with pytest.raises(ValueError, match=r"not os\.system"):
        pool.call("os.system", "echo")


def test_a_function_that_does_not_exist_is_a_reason():
    with Pool(["musicdb.nowhere.read", "os.nothing"]) as pool:
        assert "cannot be loaded" in only(pool, "musicdb.nowhere.read").reason
        assert "cannot be loaded" in only(pool, "os.nothing").reason


@pytest.mark.parametrize(
    ("function", "args", "reason"),
    [
        ("json.loads", ["{"], "JSONDecodeError"),
        ("json.loads", ["[" * 100_000], "RecursionError"),
        ("sys.exit", [3], "SystemExit: 3"),
        ("builtins.bytes", [2 << 30], "more than 512 MB"),
        ("builtins.complex", [1, 2], "complex"),
        ("builtins.chr", [0xD800], "surrogates"),
        ("operator.mul", ["x", 70 << 20], "too large: 73,400,"),
        ("os.abort", [], "ended while reading"),
        ("os._exit", [0], r"ended while reading \(exit code 0\)"),
        ("ctypes.string_at", [0], "ended while reading"),
        ("time.sleep", [60], r"longer than 0\.5 s"),
        ("operator.add", [1 << 70, 1], "cannot be handed to"),
    ],
)
def test_a_job_that_goes_wrong_has_a_reason_and_the_next_one_runs(pool, function, args, reason):
    with pytest.raises(PayloadError, match=reason):
        pool.call(function, *args)
    assert pool.call("operator.add", 1, 2) == 3


def test_the_others_of_a_batch_are_answered_when_one_kills_the_worker():
    with Pool(JOBS, deadline=0.3) as pool:
        seconds = [0, 0, 60, 0, 0, 60, 0]
        assert [answer.ok for answer in pool.map("time.sleep", ((s,) for s in seconds))] == [s == 0 for s in seconds]


def test_what_a_job_prints_breaks_nothing(pool):
    assert pool.call("builtins.print", "x" * 100_000) is None
    assert pool.call("os.write", 1, b"\xff" * 100) == 100


def test_junk_in_the_answer_pipe_ends_the_worker_only():
    with Pool(JOBS, deadline=0.5) as pool:
        answers = [only(pool, "os.write", fd, b"\xff" * 100) for fd in range(3, 9)]
        assert any(not answer.ok for answer in answers)
        assert pool.call("operator.add", 1, 2) == 3


def test_a_large_job_and_a_large_answer_pass(pool):
    assert pool.call("operator.add", b"x" * 20_000_000, b"y") == b"x" * 20_000_000 + b"y"


def test_a_job_over_the_cap_is_refused_and_its_neighbours_run(pool):
    jobs = [(b"a", b"b"), (b"x" * (65 << 20), b"y"), (b"c", b"d")]
    answers = list(pool.map("operator.add", jobs))
    assert [answer.value for answer in answers] == [b"ab", None, b"cd"]
    assert "too large" in answers[1].reason


def test_a_dataclass_comes_back_as_its_type():
    with Pool(["musicdb.worker.Answer"]) as pool:
        assert pool.call("musicdb.worker.Answer", 1, "why", returns=Answer) == Answer(1, "why")


def test_memory_is_watched_where_the_system_sets_no_limit():
    had = worker._peak_memory()  # Linux counts a parent's peak as its child's
    bomb = zlib.compress(bytes(had + (400 << 20)), 1)
    with Pool(["zlib.decompress"], memory=100 << 20, deadline=30) as pool:
        pool.watch_memory = True
        with pytest.raises(PayloadError, match="more than 100 MB"):
            pool.call("zlib.decompress", bomb)
        assert pool.call("zlib.decompress", zlib.compress(b"small")) == b"small"


def test_close_ends_a_busy_worker():
    started = time.monotonic()
    pool = Pool(JOBS, deadline=60)
    with pool:
        pool.call("os.getpid")
        pool._tasks.put((0, "time.sleep", [[60]], 60, None, queue.SimpleQueue()))
        time.sleep(0.1)
    assert time.monotonic() - started < 5
    with pytest.raises(ValueError, match="closed"):
        pool.call("os.getpid")


def test_a_worker_ends_when_its_parent_is_gone():
    code = "from musicdb.worker import Pool; import os\npool = Pool(['os.getpid']); print(pool.call('os.getpid'), flush=True); os._exit(9)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    pid = int(done.stdout)
    for _ in range(100):
        if not alive(pid):
            return
        time.sleep(0.05)
    pytest.fail("still there")


def alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
