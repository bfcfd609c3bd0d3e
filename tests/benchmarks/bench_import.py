"""How long `import moobius` takes, beside the libraries it stands on.

    python -m tests.benchmarks.bench_import [RUNS]

The runs take turns, so that a busy moment of the machine falls on all of them alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

PROGRAMS = {
    "the interpreter": "pass",
    "the libraries": "import aiohttp, websockets",
    "import moobius": "import moobius",
    "all that a service needs": "from moobius import Moobius, MoobiusStorage, MoobiusWand, types",
}
LIMIT_MS = 150.0
LIMIT_ABOVE_LIBRARIES_MS = 60.0


def milliseconds(program: str) -> float:
    """Run a program in a fresh interpreter; return how long it took, start to end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Measure, and print the medians."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for program in PROGRAMS.values():
        milliseconds(program)  # with warm caches, like every run but the first
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(runs):
        for name, program in PROGRAMS.items():
            times[name].append(milliseconds(program))
    medians = {name: statistics.median(values) for name, values in times.items()}
    lines = [f"{name:26} {median:7.1f} ms" for name, median in medians.items()]
    for name in ("import moobius", "all that a service needs"):
        above = medians[name] - medians["the libraries"]
        good = medians[name] < LIMIT_MS and above <= LIMIT_ABOVE_LIBRARIES_MS
        lines.append(
            f"{name}: {above:+.1f} ms against the libraries; "
            f"{'within' if good else 'ABOVE'} {LIMIT_MS:.0f} ms and "
            f"+{LIMIT_ABOVE_LIBRARIES_MS:.0f} ms"
        )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
