"""python -m tests.resilience [share] [seed]: the campaigns behind the figures, at their full size (share 1) or a part of it (0.02 in CI).

Prints what each found and exits 1 when one falls short. At full size this takes hours; each can be run by itself, see its first line.
"""

from __future__ import annotations

import subprocess
import sys
import time

# module, its count at full size, the least that is worth running, and how the seed is given
CAMPAIGNS = [
    ("kill_import", 1000, 10, False),
    ("kill_diary", 200, 4, False),
    ("twice", 100, 1, False),
    ("undo", 10_000, 200, False),
    ("steps", 500, 50, False),
    ("failing_write", 900, 20, False),
    ("backups", 1000, 30, False),
    ("migrations", 200, 5, False),
    ("rekordbox_write", 200, 4, True),
    ("targets_write", 60, 1, True),
    ("fuzz_files", 250_000, 1000, True),
    ("fuzz_inputs", 250_000, 500, True),
    ("network", 1000, 15, False),
    ("hostile", 400, 40, False),
    ("writers", 600, 10, False),
]


def main(share: float, seed: int) -> int:
    short = []
    for name, full, least, option in CAMPAIGNS:
        count = max(least, round(full * share))
        began = time.perf_counter()
        command = [sys.executable, "-m", f"tests.resilience.{name}", str(count), *(["--seed"] if option else []), str(seed)]
        print("$ python", *command[1:], flush=True)
        if subprocess.run(command).returncode:
            short.append(name)
        print(f"  {time.perf_counter() - began:.0f} s\n", flush=True)
    print("fell short: " + ", ".join(short) if short else f"all {len(CAMPAIGNS)} hold")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
