"""Reads what strangers made in processes that may die: a limit on memory, a deadline for each job, and an answer for every job.

    with worker.Pool(["musicdb.platforms._files_audio.read"]) as pool:
        for answer in pool.map("musicdb.platforms._files_audio.read", ((path,) for path in paths)):
            answer.value if answer.ok else answer.reason

A worker is a fresh Python (no fork, so alike on Linux, macOS and Windows) which runs only the functions that its pool was started
with. Jobs and answers are length-prefixed MessagePack on its pipes: None, bool, numbers up to 64 bit, str, bytes, list, dict, dataclasses.
It serves audio files, pictures and ANLZ files alike; its functions must be pure readers, because a job may run twice.

What a job may do to its worker: raise anything, exit, crash, use up the memory, print, answer 2 GB, never return. It gets an answer
that says so, the others go on. A job that hit the deadline or died with its worker gets one more try, alone in a new worker: a disk may
have been asleep, or a job before it left the memory full.

Limits. Deadline: kept by the parent, which kills the worker. Memory: RLIMIT_AS on Linux and the BSDs. macOS does not enforce that and
Windows has none: there a thread in the worker looks at the peak of resident memory every 20 ms and ends the process over the limit; one
call that takes much memory and never lets go of the interpreter is seen only after it, or by the deadline. Should the parent be killed,
a busy worker ends itself: by SIGALRM where there is one, by the same thread on Windows.
"""

from __future__ import annotations

import gc
import importlib
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from .errors import PayloadError

__all__ = ["DEADLINE", "MAX_ANSWER", "MEMORY", "Answer", "Pool"]

DEADLINE = 2.0  # seconds a job
MEMORY = 512 << 20  # bytes a worker
MAX_ANSWER = 64 << 20  # bytes an answer, and a job
BATCH = 16  # jobs a worker gets at once: it never waits for the parent
START = 30.0  # seconds that Python may take to start
OUT_OF_MEMORY = 86  # exit code of a worker that its watch thread ended

_LENGTH = struct.Struct("<I")
_BOOT = "import sys; sys.path.append(sys.argv[1]); from musicdb.worker import serve; serve()"


@dataclass(slots=True)
class Answer:
    """What came of a job: value, or the reason (for a person) why there is none."""

    value: Any = None
    reason: str | None = None

    @property
    def ok(self) -> bool:
        return self.reason is None


class Pool:
    """A few workers that run `functions` (dotted names). Started when the first job comes, closed by `with` or `close()`."""

    def __init__(self, functions: Sequence[str], *, workers: int = 1, memory: int = MEMORY, deadline: float = DEADLINE, ahead: int = 8):
        self.functions, self.memory, self.deadline = tuple(functions), memory, deadline
        self._workers = [_Worker(self) for _ in range(max(1, workers))]
        self._ahead = max(1, ahead)
        self._tasks: queue.SimpleQueue = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = threading.Event()
        self.watch_memory = not sys.platform.startswith(("linux", "freebsd"))  # where RLIMIT_AS does not do it

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def call(self, function: str, *args: Any, deadline: float | None = None, returns: Any = Any) -> Any:
        """Run one job and return its value (as type `returns`). Raises PayloadError with the reason."""
        answer = next(self.map(function, [args], deadline=deadline, returns=returns))
        if answer.ok:
            return answer.value
        raise PayloadError(answer.reason)

    def map(self, function: str, jobs: Iterable[Sequence[Any]], *, deadline: float | None = None, returns: Any = Any) -> Iterator[Answer]:
        """Yield one Answer for each tuple of arguments, in their order. Takes jobs as they are needed, `ahead` batches a worker."""
        if function not in self.functions:
            raise ValueError(f"this pool runs {', '.join(self.functions)}, not {function}")
        self._start()
        jobs, done, ready = iter(jobs), queue.SimpleQueue(), {}
        sent = taken = 0
        while True:
            while sent - taken < self._ahead * len(self._workers) and (batch := list(islice(jobs, BATCH))):
                self._tasks.put((sent, function, batch, deadline or self.deadline, returns, done))
                sent += 1
            if sent == taken:
                return
            while taken not in ready:
                try:
                    number, answers = done.get(timeout=0.5)  # a wait without end cannot be interrupted on Windows
                except queue.Empty:
                    continue
                ready[number] = answers
            yield from ready.pop(taken)
            taken += 1

    def close(self) -> None:
        """End all workers, the busy ones too."""
        self._closed.set()
        for _ in self._workers:
            self._tasks.put(None)
        for worker in self._workers:
            worker.kill()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _start(self) -> None:
        if self._closed.is_set():
            raise ValueError("this pool is closed")
        if not self._threads:
            self._threads = [threading.Thread(target=self._run, args=(worker,), daemon=True) for worker in self._workers]
            self._threads.append(threading.Thread(target=self._watch, daemon=True))
            for thread in self._threads:
                thread.start()

    def _run(self, worker: _Worker) -> None:
        for number, function, batch, deadline, returns, done in iter(self._tasks.get, None):
            try:
                answers = worker.run(function, batch, deadline, returns)
            except Exception as error:  # a caller that waits must get an answer, whatever broke here
                answers = [Answer(reason=f"the reader process failed: {error!r}")] * len(batch)
            done.put((number, answers))
        worker.end()

    def _watch(self) -> None:
        # Pipes cannot be waited for with a timeout on Windows; killing the process ends the wait everywhere.
        while not self._closed.wait(0.05):
            now = time.monotonic()
            for worker in self._workers:
                if worker.due is not None and now > worker.due:
                    worker.late = True
                    worker.kill()


class _Worker:
    """One process at a time and the thread's side of its pipes."""

    def __init__(self, pool: Pool):
        self.pool, self.process, self.lock = pool, None, threading.Lock()
        self.due: float | None = None  # monotonic time at which the running job is too late
        self.late = False

    def run(self, function: str, batch: list, deadline: float, returns: Any) -> list[Answer]:
        """Answers of a batch; the job at which a worker died gets a second try alone."""
        answers: list[Answer] = []
        while len(answers) < len(batch) and not self.pool._closed.is_set():
            got, reason = self._attempt(function, batch[len(answers) :], deadline, returns)
            answers += got
            if reason is not None and len(answers) < len(batch):
                got, reason = self._attempt(function, [batch[len(answers)]], deadline, returns)
                answers += got or [Answer(reason=reason)]
        return answers + [Answer(reason="stopped")] * (len(batch) - len(answers))

    def _attempt(self, function, jobs, deadline, returns) -> tuple[list[Answer], str | None]:
        """Answers until the worker died, and the reason of its death or None."""
        import msgspec

        answers: list[Answer] = []
        try:
            frame = msgspec.msgpack.encode((function, deadline, [list(args) for args in jobs]))
        except (TypeError, ValueError, OverflowError, UnicodeEncodeError) as error:  # one of them cannot be sent at all
            return [Answer(reason=f"cannot be handed to the reader process: {error}")] * len(jobs), None
        if len(frame) > MAX_ANSWER:
            if len(jobs) == 1:
                return [Answer(reason=f"too large for the reader process: {len(frame):,} bytes")], None
            return self._attempt(function, jobs[:1], deadline, returns)
        try:
            process = self._ready()
            self._until(deadline)
            process.stdin.write(_LENGTH.pack(len(frame)) + frame)
            process.stdin.flush()
            decode = msgspec.msgpack.Decoder(tuple[bool, msgspec.Raw]).decode
            for _ in jobs:
                ok, raw = decode(_receive(process.stdout))
                value = msgspec.msgpack.decode(raw, type=returns if ok else str)
                answers.append(Answer(value) if ok else Answer(reason=value))
                self._until(deadline)
            self.due = None
            return answers, None
        except (OSError, ValueError, EOFError, msgspec.MsgspecError):
            return answers, self._obituary(deadline)

    def _until(self, seconds: float) -> None:
        self.due = time.monotonic() + seconds

    def _ready(self) -> subprocess.Popen:
        """The running process, or a new one that has said hello."""
        if self.process is not None and self.process.poll() is None:
            return self.process
        self.end()
        command = [sys.executable, "-P", "-c", _BOOT, str(Path(__file__).parents[1])]
        with self.lock:
            if self.pool._closed.is_set():
                raise EOFError("closed")
            self.late = False
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        import msgspec

        self._until(START)
        hello = msgspec.msgpack.encode((self.pool.functions, self.pool.memory, self.pool.watch_memory))
        self.process.stdin.write(_LENGTH.pack(len(hello)) + hello)
        self.process.stdin.flush()
        _receive(self.process.stdout)
        return self.process

    def _obituary(self, deadline: float) -> str:
        """Clear away the dead process; why it died."""
        self.due = None
        process = self.end()
        if self.late:
            return f"reading took longer than {deadline:g} s"
        code = process.returncode if process else None
        if code == OUT_OF_MEMORY:
            return _too_much(self.pool.memory)
        return f"the reader process ended while reading (exit code {code})"

    def kill(self) -> None:
        """End the process, from any thread; the one that reads its pipe then sees the end of it."""
        with self.lock:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def end(self) -> subprocess.Popen | None:
        """End the process and close the pipes; only the thread that uses them may."""
        self.kill()
        process, self.process = self.process, None
        for pipe in (process.stdin, process.stdout) if process else ():
            try:
                pipe.close()
            except OSError:  # what was still in the buffer has nobody to go to
                continue
        return process


def _too_much(memory: int) -> str:
    return f"reading needs more than {memory >> 20} MB of memory"


def _receive(pipe) -> bytes:
    """One frame. Raises EOFError at the end, ValueError where the length cannot be."""
    head = pipe.read(4)
    if len(head) < 4:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    if length > MAX_ANSWER + 64:
        raise ValueError(f"a frame of {length:,} bytes")
    body = pipe.read(length)
    if len(body) < length:
        raise EOFError
    return body


# ---------- the worker's side
def serve() -> None:
    """Answer jobs until the parent closes the pipe. What `python -c` in a worker runs."""
    import msgspec

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    jobs, answers = _own_pipes()
    names, memory, watched = msgspec.msgpack.decode(_receive(jobs))
    functions = {name: _load(name) for name in names}  # imports are no part of the first job's time
    running = _limit(memory, watched)
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # a job makes many small objects and leaves no cycles to speak of
    encode = msgspec.msgpack.encode
    answers.write(_LENGTH.pack(1) + encode(True))
    while True:
        try:
            name, deadline, batch = msgspec.msgpack.decode(_receive(jobs))
        except EOFError:
            return
        for args in batch:
            running(deadline + 10)  # longer than the parent allows: this is for when the parent is gone
            body = _run(functions, name, args, memory)
            _write(answers, _LENGTH.pack(len(body)) + body)
        running(None)


def _run(functions: dict, name: str, args: list, memory: int) -> bytes:
    """The encoded answer (ok, value or reason) of one job."""
    import msgspec

    try:
        function = functions[name]
        if isinstance(function, str):
            raise PayloadError(function)
        body = msgspec.msgpack.encode((True, function(*args)))
        if len(body) <= MAX_ANSWER:
            return body
        reason = f"what was read is too large: {len(body):,} bytes"
    except PayloadError as error:
        reason = str(error)
    except MemoryError:
        reason = _too_much(memory)
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: a reader does not end its worker
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
    return msgspec.msgpack.encode((False, reason[:500].encode("utf-8", "backslashreplace").decode()))


def _load(name: str) -> Any:
    """The function of a dotted name, or the reason why there is none."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        return f"{name} cannot be loaded: {error}"


def _own_pipes():
    """Binary pipes from and to the parent; descriptors 0 and 1 become the null device, so that a stray print breaks nothing."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(0, os.O_BINARY)
        msvcrt.setmode(1, os.O_BINARY)
    pipes = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return pipes


def _write(pipe, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[pipe.write(view) :]


def _limit(memory: int, watched: bool):
    """Set the limits; returns the function that is told how many seconds the running job has at most (None: no job)."""
    if not watched:
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    ends = [float("inf")]
    alarm = getattr(signal, "alarm", None)

    def running(seconds: float | None) -> None:
        ends[0] = float("inf") if seconds is None else time.monotonic() + seconds
        if alarm:
            alarm(int(seconds or 0))  # its default action ends the process, even within C code

    if watched or not alarm:
        most = _peak_memory() + memory  # some systems count what the parent had when it started us

        def watch() -> None:
            while True:
                time.sleep(0.02)
                if watched and _peak_memory() > most:
                    os._exit(OUT_OF_MEMORY)
                if time.monotonic() > ends[0]:
                    os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
    return running


def _peak_memory() -> int:
    """The most memory that this process ever had: committed bytes on Windows, resident ones elsewhere."""
    if sys.platform != "win32":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    import ctypes

    counters = (ctypes.c_size_t * 10)()  # PROCESS_MEMORY_COUNTERS: two 32-bit numbers, then eight of pointer size
    kernel = ctypes.WinDLL("kernel32")
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    kernel.K32GetProcessMemoryInfo.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
    size = 8 + 8 * ctypes.sizeof(ctypes.c_size_t)
    if not kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(counters), size):
        return 0
    return counters[8 // ctypes.sizeof(ctypes.c_size_t) + 7]  # PeakPagefileUsage
