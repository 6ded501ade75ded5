#!/usr/bin/env python3
"""Writes the golden vectors to a directory (vectors/ beside this file unless another is named).

The bytes are the same at every run. The committed vectors are for ever: a difference in a committed file means
that the wire format changed, which version 1 may not.
"""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Iterable
from typing import Any

from generator import envelopes, evidence, fixture, refused_envelopes
from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.errors import Reason
from nhipcau_verify.padding import pad
from nhipcau_verify.pae import pae, piece

HERE = pathlib.Path(__file__).resolve().parent
Case = dict[str, Any]


def keys() -> list[Case]:
    """Key pairs of every access point."""
    return [
        {
            "name": access_point,
            "signing_key": fixture.SIGNING_KEY,
            "signing_seed": fixture.signer(access_point).private_bytes_raw().hex(),
            "signing_public": fixture.signer(access_point).public_key().public_bytes_raw().hex(),
            "sealing_key": fixture.SEALING_KEY,
            "sealing_private": fixture.sealing_private(access_point).hex(),
            "sealing_public": fixture.sealing_public(access_point).hex(),
        }
        for access_point in fixture.ACCESS_POINTS
    ]


def pae_cases() -> list[Case]:
    """Lists of pieces that careless encodings would confuse."""
    lists: list[tuple[str, list[bytes | str | int]]] = [
        ("nothing", []),
        ("empty-piece", [""]),
        ("two-empty-pieces", ["", ""]),
        ("one-piece", ["test"]),
        ("split-early", ["a", "bc"]),
        ("split-late", ["ab", "c"]),
        ("text-is-utf-8", ["nhịp cầu"]),
        ("number-is-decimal", ["nhipcau/1/part", bytes(32), 10]),
        ("piece-that-looks-encoded", [pae("a")]),
        ("long-piece", [bytes(300)]),
    ]
    return [
        {"name": name, "expect": "ok", "pieces": [piece(item).hex() for item in pieces], "encoded": pae(*pieces).hex()}
        for name, pieces in lists
    ]


def padding_cases() -> list[Case]:
    """Contents at the edges of buckets, and paddings that are none."""
    whole = [
        {"name": f"content-of-{length}", "expect": "ok", "lane": "messages", "content": (b"\x80" * length).hex(),
         "padded": pad(b"\x80" * length, pb.LANE_MESSAGES).hex()}
        for length in (0, 1, 255, 256)
    ]
    wrong = [
        ("only-zeros", Reason.BAD_PADDING, bytes(256)),
        ("no-zeros-behind", Reason.BAD_PADDING, b"\x80" + bytes(254) + b"\x01"),
        ("below-a-bucket", Reason.WRONG_BUCKET, b"\x80" + bytes(254)),
        ("above-a-bucket", Reason.WRONG_BUCKET, b"\x80" + bytes(256)),
        ("larger-than-needed", Reason.WRONG_BUCKET, b"\x80" + bytes(1_535)),
        ("nothing-at-all", Reason.WRONG_BUCKET, b""),
    ]
    return whole + [
        {"name": name, "expect": expect.value, "lane": "messages", "padded": padded.hex()}
        for name, expect, padded in wrong
    ]


def write(directory: pathlib.Path, kind: str, cases: Iterable[Case]) -> None:
    """Writes one file."""
    document = {"format": 1, "kind": kind, "cases": list(cases)}
    text = json.dumps(document, ensure_ascii=False, indent=1)
    (directory / f"{kind}.json").write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Writes all files."""
    directory = pathlib.Path(arguments[0]) if arguments else HERE / "vectors"
    directory.mkdir(parents=True, exist_ok=True)
    write(directory, "keys", keys())
    write(directory, "pae", pae_cases())
    write(directory, "padding", padding_cases())
    write(directory, "envelope", [*envelopes.cases(), *refused_envelopes.cases()])
    write(directory, "chain", evidence.chains())
    write(directory, "receipt", evidence.receipts())
    write(directory, "status", evidence.statuses())
    write(directory, "return", evidence.returns())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
