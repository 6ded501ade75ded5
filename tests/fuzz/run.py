"""Fuzzes every reader of foreign bytes for a bounded time and prints what came of it.

Builds the targets of this directory by cargo-fuzz with the pinned compiler, coverage without a sanitizer: the program
holds no unsafe code of its own. Each target begins with its seeds and with `corpus`, works in target/fuzz/corpus, and
runs alone. Ends non-zero when a target finds something, or does not run; what was found lies in target/fuzz/found.

Usage: run.py [--seconds N] [--jobs N] [--keep] [TARGET ...]
  --keep copies the smallest inputs that together reach what was reached into `corpus`, a few a target.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "target" / "fuzz"
TRIPLE = "x86_64-unknown-linux-gnu"
# What an input may cost: seconds, mebibytes of memory, bytes of input.
LIMITS = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=4096"]
KEPT_FILES, KEPT_BYTES = 24, 2048


def build() -> None:
    """Builds all targets beside the ordinary build, so that neither makes the other build again."""
    env = os.environ | {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
    seeds = ["cargo", "run", "--quiet", "--locked", "--package", "nhipcau-fuzz", "--example", "seeds", "--"]
    subprocess.run([*seeds, str(WORK / "seeds")], cwd=ROOT, check=True)
    options = ["--fuzz-dir", str(HERE), "--target-dir", str(WORK), "--sanitizer", "none", "--features", "fuzzer"]
    subprocess.run([ROOT / "target/tools/cargo-fuzz", "build", *options], cwd=ROOT, env=env, check=True)


def targets() -> list[str]:
    """The targets by name."""
    return sorted(path.stem for path in (HERE / "targets").glob("*.rs"))


def begin(name: str, seconds: int) -> tuple[subprocess.Popen, Path]:
    """Starts a target. What it says goes to a file."""
    corpus, found = WORK / "corpus" / name, WORK / "found" / name
    shutil.rmtree(found, ignore_errors=True)
    for directory in (corpus, found):
        directory.mkdir(parents=True, exist_ok=True)
    given = [path for path in (WORK / "seeds" / name, HERE / "corpus" / name) if path.is_dir()]
    log = WORK / f"{name}.log"
    command = [WORK / TRIPLE / "release" / name, corpus, *given, f"-max_total_time={seconds}", "-print_final_stats=1"]
    command += [f"-artifact_prefix={found}/", "-close_fd_mask=1", *LIMITS]
    return subprocess.Popen(command, cwd=WORK, stdout=subprocess.DEVNULL, stderr=log.open("wb")), log


def row(name: str, code: int, log: Path) -> list[str]:
    """What a target said at its end, as a row of the table."""
    said = log.read_text(errors="replace")
    stat = {key: int(value) for key, value in re.findall(r"^stat::(\w+):\s+(\d+)$", said, re.MULTILINE)}
    reached = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/(\S+)", said)
    cov, features, files, size = reached[-1] if reached else ("0", "0", "0", "0b")
    executed = stat.get("number_of_executed_units", 0)
    slowest = stat.get("slowest_unit_time_sec", 0)
    finding = "" if code == 0 and executed else f"code {code}"
    rate = stat.get("average_exec_per_sec", 0)
    return [name, f"{executed:,}", f"{rate:,}", cov, features, f"{files}/{size}", f"{slowest} s", finding or "none"]


def keep(name: str) -> None:
    """Copies the smallest inputs that reach most into the repository's corpus."""
    merged = WORK / "merged" / name
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir(parents=True)
    given = [path for path in (WORK / "seeds" / name, WORK / "corpus" / name) if path.is_dir()]
    command = [WORK / TRIPLE / "release" / name, "-merge=1", merged, *given, "-max_len=2048", "-close_fd_mask=1"]
    subprocess.run(command, cwd=WORK, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kept = HERE / "corpus" / name
    kept.mkdir(parents=True, exist_ok=True)
    # One in so many, from small to large: all sizes, and so many depths, are there.
    files = [path for path in sorted(merged.iterdir(), key=lambda path: path.stat().st_size)
             if path.stat().st_size <= KEPT_BYTES]
    step = max(1, -(-len(files) // KEPT_FILES))
    for path in files[::step]:
        shutil.copy(path, kept / path.name[:16])


def table(rows: list[list[str]]) -> None:
    """Prints rows under a head."""
    head = ["target", "executions", "per second", "edges", "features", "corpus", "slowest", "findings"]
    print(" | ".join(["", *head, ""]).strip())
    print("|" + " --- |" * len(head))
    for cells in rows:
        print(" | ".join(["", *cells, ""]).strip())


def main() -> int:
    """Builds, runs, and tells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*", metavar="TARGET")
    given = parser.parse_args()
    if unknown := set(given.names) - set(targets()):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    build()
    waiting, running, rows = given.names or targets(), [], []
    while waiting or running:
        while waiting and len(running) < given.jobs:
            name = waiting.pop(0)
            running.append((name, *begin(name, given.seconds)))
        for entry in [entry for entry in running if entry[1].poll() is not None]:
            running.remove(entry)
            name, process, log = entry
            rows.append(row(name, process.returncode, log))
            print(f"{name}: done", file=sys.stderr)
            if given.keep:
                keep(name)
        time.sleep(0.1)
    table(sorted(rows))
    broken = [cells[0] for cells in rows if cells[-1] != "none"]
    for name in broken:
        print(f"\n{name}: {WORK / f'{name}.log'} says what broke. To repeat a finding:")
        for path in sorted((WORK / "found" / name).iterdir()):
            print(f"  {WORK / TRIPLE / 'release' / name} {path}")
        print(f"Mend it, and put the input into {HERE.relative_to(ROOT)}/corpus/{name}, where every test run tries it.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
