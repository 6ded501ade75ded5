"""Breaks one promise at a time and demands that its check turns red.

Each NAME.patch beside this file is a head and a unified diff: `Promise:` says what the diff breaks, `Check:` is the
cheapest `cargo test` that must fail then, `Build:` the `cargo build` of the program that it starts, where it starts one.
A new file is picked up by itself. The tree is copied to target/mutants, so that nothing here is touched; all mutants
share one target directory. Ends non-zero when a check stays green (a survivor), or when it cannot be told: a patch that
does not apply or compile, a check that is red or finds no test before anything is broken, or one that does not end.

Usage: run.py [NAME ...]
"""

import os
import re
import shlex
import shutil
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


class Untold(Exception):
    """Whether the check notices the mutant cannot be told."""


def read(patch: Path) -> dict[str, str]:
    """The head of a patch."""
    head = patch.read_text().split("\n--- ", 1)[0]
    found = dict(re.findall(r"^(Promise|Build|Check): (.+)$", head, re.MULTILINE))
    if not {"Promise", "Check"} <= set(found) or not found["Check"].startswith("cargo test "):
        raise SystemExit(f"{patch.name}: a head of Promise: and Check: cargo test … is missing")
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
    """Runs a command in the copy: whether it succeeded, and all that it printed."""
    # The copy lies inside a clone; git must take it for a tree of its own.
    env = os.environ | {
        "CARGO_TARGET_DIR": str(WORK / "target"),
        "CARGO_INCREMENTAL": "0",
        "GIT_CEILING_DIRECTORIES": str(WORK),
    }
    try:
        done = subprocess.run(
            command, cwd=TREE, env=env, timeout=seconds, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except subprocess.TimeoutExpired:
        raise Untold(f"not done after {seconds} s") from None
    return done.returncode == 0, done.stdout


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
    green, said = run([*words[:2], "--locked", *words[2:]], CHECK_SECONDS)
    ran = sum(int(n) + int(m) for n, m in re.findall(r"^test result: .*?(\d+) passed; (\d+) failed", said, re.MULTILINE))
    if ran == 0:
        raise Untold("ran no test\n" + said)
    return green


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
    for text, head in sorted({head["Check"]: head for _, head in mutants}.items()):
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
        rows.append((patch.stem, outcome, f"{time.monotonic() - began:.0f} s", head["Promise"], head["Check"]))
        print(f"{outcome:9} {patch.stem}", file=sys.stderr, flush=True)
    print("| mutant | outcome | time | promise | check |\n| --- | --- | --- | --- | --- |")
    for name, outcome, took, promise, text in rows:
        print(f"| {name} | {outcome} | {took} | {promise} | `{text}` |")
    print(f"{len(rows)} mutants, {len(rows) - bad} killed, {bad} not")
    return int(bad > 0 or not rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
