#!/usr/bin/env python3
"""Verifies a directory of golden vectors (vectors/ beside this file unless another is named).

Nothing is made anew: every committed byte is parsed, verified and opened, every recorded intermediate value is
derived again and compared, and what must not pass has to fail for the recorded reason.
"""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from nhipcau_verify import alarm, channel, envelope, opening, padding, receipt, reconciliation, returns, seal, status
from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.errors import VerificationError
from nhipcau_verify.keyring import Keyring
from nhipcau_verify.pae import pae

HERE = pathlib.Path(__file__).resolve().parent
LANES = {"messages": pb.LANE_MESSAGES, "bulk": pb.LANE_BULK}
Case = dict[str, Any]


@dataclass(frozen=True)
class Given:
    """What cases refer to: the keys of keys.json and the channels of chain.json by name."""

    keys: Keyring
    channels: dict[str, list[str]]


class Mismatch(Exception):
    """A value that came out other than the vector says."""


def compare(case: Case, field: str, derived: Any) -> None:
    """Compares a recorded value, where there is one, with the derived one."""
    if field in case and case[field] != _hex(derived):
        raise Mismatch(f"{field} differs")


def _hex(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [_hex(item) for item in value]
    return value


def data(case: Case, field: str) -> bytes:
    """A field as bytes."""
    return bytes.fromhex(case[field])


def check_keys(case: Case, _: Given) -> None:
    """Public keys follow from private ones."""
    signing = Ed25519PrivateKey.from_private_bytes(data(case, "signing_seed")).public_key()
    sealing = X25519PrivateKey.from_private_bytes(data(case, "sealing_private")).public_key()
    compare(case, "signing_public", signing.public_bytes_raw())
    compare(case, "sealing_public", sealing.public_bytes_raw())


def check_pae(case: Case, _: Given) -> None:
    """Pieces encode to the recorded bytes."""
    compare(case, "encoded", pae(*map(bytes.fromhex, case["pieces"])))


def check_padding(case: Case, _: Given) -> None:
    """Padding comes off, and goes on again."""
    lane = LANES[case["lane"]]
    content = padding.unpad(data(case, "padded"), lane)
    compare(case, "content", content)
    compare(case, "padded", padding.pad(content, lane))


def check_envelope(case: Case, given: Given) -> None:
    """An envelope verifies and opens, by the values recorded."""
    verified = envelope.verify(data(case, "envelope"), given.keys)
    opened = opening.open_envelope(verified, case["reader"], given.keys)
    compare(case, "digest", verified.digest)
    compare(case, "parts", [opened.control_bytes, *opened.content])
    compare(case, "content_encoding", opening.content_encoding(opened.control, opened.content))
    if not verified.is_public:
        check_intermediate(case, verified, given.keys)


def check_intermediate(case: Case, verified: envelope.Envelope, keys: Keyring) -> None:
    """The values between wrap and parts."""
    key = opening.channel_key(verified, keys)
    parts = opening.part_keys(verified, key)
    compare(case, "wrap_info", seal.wrap_info(verified.routing))
    compare(case, "channel_key", key)
    compare(case, "salt", verified.routing.salt)
    compare(case, "prk", seal.extract(key, verified.routing.salt))
    compare(case, "aad", seal.associated_data(verified.routing_bytes))
    compare(case, "part_keys", [part.key for part in parts])
    compare(case, "commitments", [part.commitment for part in parts])


def verified_channel(envelopes: list[str], keys: Keyring) -> list[envelope.Envelope]:
    """A channel of verified envelopes."""
    return channel.check_chain(envelope.verify(bytes.fromhex(item), keys) for item in envelopes)


def check_chain(case: Case, given: Given) -> None:
    """Envelopes follow each other."""
    compare(case, "digests", [item.digest for item in verified_channel(case["envelopes"], given.keys)])


def check_receipt(case: Case, given: Given) -> None:
    """Receipts follow each other and cover the channel."""
    sent = verified_channel(given.channels[case["chain"]][: case["sent"]], given.keys)
    chain = [receipt.verify(bytes.fromhex(item), given.keys) for item in case["receipts"]]
    coverage = receipt.check_chain(chain, sent)
    compare(case, "digests", [item.digest for item in chain])
    compare(case, "received", coverage.received)
    refused = [{"sequence": sequence, "reason": reason} for sequence, reason in coverage.refused.items()]
    compare(case, "refused", refused)
    compare(case, "contradicted", coverage.contradicted)
    compare(case, "lost", [{"series": series, "number": number} for series, number in coverage.lost])


def check_status(case: Case, given: Given) -> None:
    """A status verifies."""
    verified = status.verify(data(case, "status"), given.keys)
    compare(case, "statement", verified.statement_bytes)
    compare(case, "signature", verified.signature)


def check_return(case: Case, given: Given) -> None:
    """A return opens to envelopes and receipts of the reader."""
    returned = returns.open_return(data(case, "returned"), case["reader"], given.keys)
    compare(case, "content", [item.content and item.content.content for item in returned.envelopes])
    again = [pb.Receipt(statement=item.statement_bytes, signature=item.signature) for item in returned.receipts]
    compare(case, "receipts", [item.SerializeToString() for item in again])


def check_reconciliation(case: Case, given: Given) -> None:
    """A question or an answer verifies, and the ranges of an answer follow from the rows given."""
    if "inquiry" in case:
        verified = reconciliation.verify_inquiry(data(case, "inquiry"), given.keys)
    else:
        verified = reconciliation.verify_account(data(case, "account"), given.keys)
        for item in (item for account in verified.statement.accounts for item in account.ranges):
            check_range(item, case["rows"])
    compare(case, "statement", verified.statement_bytes)
    compare(case, "signature", verified.signature)


def check_range(item: Any, recorded: list[list[Any]]) -> None:
    """A range counts and names the rows that lie in it."""
    last = item.last_sequence or sys.maxsize
    rows = [row for row in recorded if item.first_sequence <= row[0] <= last]
    made = reconciliation.rows_digest((row[0], bytes.fromhex(row[1]), bytes.fromhex(row[2])) for row in rows)
    if (item.count, item.digest) != (len(rows), made):
        raise Mismatch("rows differ")


def check_alarm(case: Case, _: Given) -> None:
    """A press of an alarm key is read, by the key that follows from its party's."""
    frame = alarm.open_frame(data(case, "frame"), data(case, "party_key"))
    compare(case, "device", frame.device)
    compare(case, "device_key", alarm.device_key(data(case, "party_key"), frame.device))
    compare(case, "counter", frame.counter)
    compare(case, "flags", frame.flags)
    compare(case, "area", frame.area)


CHECKS: dict[str, Callable[[Case, Given], None]] = {
    "keys": check_keys,
    "pae": check_pae,
    "padding": check_padding,
    "envelope": check_envelope,
    "chain": check_chain,
    "receipt": check_receipt,
    "status": check_status,
    "return": check_return,
    "reconciliation": check_reconciliation,
    "alarm": check_alarm,
}


def outcome(kind: str, case: Case, given: Given) -> str:
    """"ok", the reason of the failure, or what differs."""
    try:
        CHECKS[kind](case, given)
    except VerificationError as error:
        return error.reason.value
    except Mismatch as error:
        return str(error)
    return "ok"


def load(directory: pathlib.Path) -> dict[str, list[Case]]:
    """All cases by kind."""
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(directory.glob("*.json"))]
    for document in documents:
        if document["format"] != 1 or document["kind"] not in CHECKS:
            raise ValueError(f"unknown vectors of format {document['format']}, kind {document['kind']}")
    return {document["kind"]: document["cases"] for document in documents}


def keyring(cases: list[Case]) -> Keyring:
    """The keys of a directory of vectors."""
    return Keyring(
        signing={(case["name"], case["signing_key"]): data(case, "signing_public") for case in cases},
        sealing={(case["name"], case["sealing_key"]): data(case, "sealing_private") for case in cases},
    )


def channels(cases: list[Case]) -> dict[str, list[str]]:
    """The envelopes of a directory's channels by name."""
    return {case["name"]: case["envelopes"] for case in cases}


def main(arguments: list[str]) -> int:
    """Checks every case and says how many passed."""
    directory = pathlib.Path(arguments[0]) if arguments else HERE / "vectors"
    vectors = load(directory)
    given = Given(keyring(vectors.get("keys", [])), channels(vectors.get("chain", [])))
    passed = failed = 0
    for kind, cases in vectors.items():
        for case in cases:
            expected, got = case.get("expect", "ok"), outcome(kind, case, given)
            if got == expected:
                passed += 1
            else:
                failed += 1
                print(f"{kind} {case['name']}: expected {expected}, got {got}", file=sys.stderr)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
