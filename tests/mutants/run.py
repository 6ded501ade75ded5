"""Breaks one promise at a time and demands that its check turns red.

Each NAME.patch beside this file is a head and a unified diff: `Promise:` says what the diff breaks, `Check:` is the
cheapest `cargo test` that must fail then, `Build:` the `cargo build` of the program that it starts, where it starts one.
A check may be faults of a campaign, `… --test faults -- --campaign NAME --runs 1`; those may need root and the tools
that `make faults` asks for. `Store: postgres` has the check keep its stores at a PostgreSQL server of its own.
A new file is picked up by itself. The tree is copied to target/mutants, so that nothing here is touched; all mutants
share one target directory. Ends non-zero when a check stays green (a survivor), or when it cannot be told: a patch that
does not apply or compile, a check that is red or finds no test before anything is broken, a campaign that breaks off
before its last fault, or a check that does not end.

Usage: run.py [NAME ...]
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "mutants"
TREE = WORK / "tree"
FOREIGN = {".git", "target", "node_modules", "__pycache__"}
BUILD_SECONDS = 1800
CHECK_SECONDS = 300
# Long enough for a shell to take away what it has started.
END_SECONDS = 10
AT_SERVER = ["deploy/dev/with-postgres", "env", "NHIPCAU_TEST_STORE=postgres"]
# How many tests passed and failed, or faults of a campaign held and did not.
RESULTS = re.compile(
    r"^(?:test result: .*?(\d+) passed; (\d+) failed|campaign result: (\d+) held, (\d+) broken)", re.MULTILINE
)


class Untold(Exception):
    """Whether the check notices the mutant cannot be told."""


def read(patch: Path) -> dict[str, str]:
    """The head of a patch."""
    head = patch.read_text().split("\n--- ", 1)[0]
    found = dict(re.findall(r"^(Promise|Build|Check|Store): (.+)$", head, re.MULTILINE))
    if not {"Promise", "Check"} <= set(found) or not found["Check"].startswith("cargo test "):
        raise SystemExit(f"{patch.name}: a head of Promise: and Check: cargo test … is missing")
    if found.get("Store", "postgres") != "postgres":
        raise SystemExit(f"{patch.name}: Store: says postgres, or is left out")
    return found


def copy_tree() -> None:
    """Brings the copy to the tree's state and leaves alone what is the same, so that it is not built again."""
    wanted = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in FOREIGN]
        for name in files:
            source = Path(folder) / name
            place = source.relative_to(ROOT)
            wanted.add(place)
            target = TREE / place
            if not target.exists() or target.read_bytes() != source.read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
    for folder, folders, files in os.walk(TREE):
        folders[:] = [name for name in folders if name not in FOREIGN]
        for name in files:
            if (Path(folder) / name).relative_to(TREE) not in wanted:
                (Path(folder) / name).unlink()
    tools = TREE / "target" / "tools"
    tools.parent.mkdir(parents=True, exist_ok=True)
    if not tools.is_symlink():
        tools.symlink_to(ROOT / "target" / "tools")


def run(command: list[str], seconds: int) -> tuple[bool, str]:
    """Runs a command in the copy: whether it succeeded, and all that it printed. It leaves no process behind."""
    # The copy lies inside a clone; git must take it for a tree of its own.
    env = os.environ | {
        "CARGO_TARGET_DIR": str(WORK / "target"),
        "CARGO_INCREMENTAL": "0",
        "GIT_CEILING_DIRECTORIES": str(WORK),
    }
    # Else the program that it names would be asked, and no mutant.
    env.pop("NHIPCAU_BIN", None)
    output = {"text": True, "errors": "replace", "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, cwd=TREE, env=env, start_new_session=True, **output)
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Untold(f"not done after {seconds} s") from None
    finally:
        end(process)
    return process.returncode == 0, said


def end(process: subprocess.Popen) -> None:
    """Ends what a command has started and what is still there of it."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, how)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            pass


def check(head: dict[str, str]) -> bool:
    """Whether the check is green. Builds it first: what does not compile proves nothing."""
    if "Build" in head:
        built, said = run([*shlex.split(head["Build"]), "--locked"], BUILD_SECONDS)
        if not built:
            raise Untold("does not compile\n" + said)
    words = shlex.split(head["Check"])
    built, said = run([*words[:2], "--locked", "--no-run", *words[2:]], BUILD_SECONDS)
    if not built:
        raise Untold("does not compile\n" + said)
    green, said = run([*(AT_SERVER if "Store" in head else []), *words[:2], "--locked", *words[2:]], CHECK_SECONDS)
    if sum(int(number) for found in RESULTS.findall(said) for number in found if number) == 0:
        raise Untold("ran no test and no fault\n" + said)
    return green


def asked(head: dict[str, str]) -> str:
    """A check as a person reads it."""
    return head["Check"] + (" at PostgreSQL" if "Store" in head else "")


def try_mutant(patch: Path, head: dict[str, str]) -> str:
    """Applies a patch, asks the check, and takes the patch away again."""
    applied, said = run(["git", "apply", str(patch)], 60)
    if not applied:
        raise Untold("does not apply\n" + said)
    try:
        return "SURVIVED" if check(head) else "killed"
    finally:
        run(["git", "apply", "--reverse", str(patch)], 60)


def main(names: list[str]) -> int:
    patches = sorted(Path(__file__).parent.glob("*.patch"))
    if unknown := set(names) - {patch.stem for patch in patches}:
        raise SystemExit(f"no such mutant: {', '.join(sorted(unknown))}")
    mutants = [(patch, read(patch)) for patch in patches if not names or patch.stem in names]
    copy_tree()
    for text, head in sorted({asked(head): head for _, head in mutants}.items()):
        try:
            if not check(head):
                raise Untold("is red before anything is broken")
        except Untold as why:
            raise SystemExit(f"{text}: {why}") from None
    rows, bad = [], 0
    for patch, head in mutants:
        began = time.monotonic()
        try:
            outcome = try_mutant(patch, head)
        except Untold as why:
            outcome = "ERROR"
            print(f"{patch.stem}: {why}", file=sys.stderr)
        bad += outcome != "killed"
        rows.append((patch.stem, outcome, f"{time.monotonic() - began:.0f} s", head["Promise"], asked(head)))
        print(f"{outcome:9} {patch.stem}", file=sys.stderr, flush=True)
    print("| mutant | outcome | time | promise | check |\n| --- | --- | --- | --- | --- |")
    for name, outcome, took, promise, text in rows:
        print(f"| {name} | {outcome} | {took} | {promise} | `{text}` |")
    print(f"{len(rows)} mutants, {len(rows) - bad} killed, {bad} not")
    return int(bad > 0 or not rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
