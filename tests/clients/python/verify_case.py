#!/usr/bin/env python3
"""Verifies the evidence of one case, a file that `nhipcau evidence` wrote, and says what it proves.

    verify_case.py FILE --fingerprint HEX

needs the fingerprint of the directory's first root, as it was compared out of band, and nothing else. Writes the
document that `nhipcau verify FILE --json` writes, and exits with the same codes: 0 when everything holds and nothing
is found, 2 for a wrong command line, 3 when the file cannot be read, 6 when it does not hold or something is found.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import time

from nhipcau_case import account, bounds
from nhipcau_verify.errors import VerificationError

_UNREADABLE, _DIFFERS = 3, 6


def main(arguments: list[str]) -> int:
    """Reads, verifies, says."""
    parser = argparse.ArgumentParser(prog="verify_case.py", description="Verifies the evidence of one case.")
    parser.add_argument("file", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--fingerprint", type=_fingerprint, required=True, metavar="HEX")
    given = parser.parse_args(arguments)
    try:
        data = given.file.read_bytes()
    except OSError as error:
        return _complain(given.file, error, _UNREADABLE)
    if len(data) > bounds.FILE_BYTES:
        return _complain(given.file, "the file is too large to be evidence", _UNREADABLE)
    try:
        document = account.read(data, given.fingerprint, time.time_ns())
    except VerificationError as error:
        return _complain(given.file, error, _DIFFERS)
    print(json.dumps(document, indent=2, ensure_ascii=False))
    count = document["finding_count"]
    return _complain(given.file, f"{count} findings in the evidence", _DIFFERS) if count else 0


def _complain(file: pathlib.Path, what: object, code: int) -> int:
    print(f"{file}: {what}", file=sys.stderr)
    return code


def _fingerprint(digits: str) -> bytes:
    """64 hexadecimal digits, with spaces as people compare them."""
    value = bytes.fromhex("".join(digits.split()))
    if len(value) != 32:
        raise ValueError("not 32 bytes")
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
