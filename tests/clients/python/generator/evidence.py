"""Vectors of channels, receipts, status and returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.contracts import signal_pb
from nhipcau_verify.envelope import Kind, read
from nhipcau_verify.errors import Reason
from nhipcau_verify.opening import part_keys
from nhipcau_verify.pae import digest, pae
from nhipcau_verify.sealing import seal, serialize
from nhipcau_verify.wire import ZERO_DIGEST

from . import fixture

Case = dict[str, Any]


def link(sequence: int, previous: pb.Envelope | None, incarnation: int = 1, base: int = 0,
         **changes: Any) -> pb.Envelope:
    """An envelope of moh's channel to hanoi that follows another."""
    before = read(previous).digest if previous else ZERO_DIGEST
    position = {"sequence": sequence, "incarnation": incarnation, "base_sequence": base}
    fields: dict[str, Any] = {**position, "previous_digest": before}
    made = fixture.routing(f"link {sequence} {incarnation}", **(fields | changes))
    return fixture.sealed(made, fixture.content(f"event {sequence}".encode(), ordinal=sequence))


def channel() -> list[pb.Envelope]:
    """Three envelopes over two incarnations: the sender started anew after position 2."""
    first = link(1, None)
    second = link(2, first)
    return [first, second, link(3, second, incarnation=2, base=2)]


def hexed(messages: list[Any]) -> list[str]:
    """Serialized, in hexadecimal."""
    return [serialize(message).hex() for message in messages]


def chains() -> Iterator[Case]:
    """Channels."""
    first, second, third = channel()
    yield {"name": "two-incarnations", "expect": "ok", "envelopes": hexed([first, second, third]),
           "digests": [read(envelope).digest.hex() for envelope in (first, second, third)]}

    def wrong(name: str, expect: Reason, *envelopes: pb.Envelope) -> Case:
        return {"name": name, "expect": expect.value, "envelopes": hexed(list(envelopes))}

    yield wrong("begins-late", Reason.SEQUENCE_GAP, second, third)
    yield wrong("missing-position", Reason.SEQUENCE_GAP, first, third)
    yield wrong("repeated-position", Reason.SEQUENCE_GAP, first, second, second)
    yield wrong("another-previous", Reason.WRONG_PREVIOUS, first, link(2, second))
    yield wrong("older-incarnation", Reason.WRONG_INCARNATION, first, second, third, link(4, third, 1, 3))
    yield wrong("new-incarnation-from-another-position", Reason.WRONG_INCARNATION, first, second, link(3, second, 2, 1))
    yield wrong("agreed-position-moves", Reason.WRONG_INCARNATION, first, second, link(3, second, 1, 2))
    yield wrong("another-lane", Reason.MIXED_CHANNEL, first, link(2, first, lane=pb.LANE_BULK))


def receipt(number: int, last: pb.Envelope, first_sequence: int, previous: pb.Receipt | None = None,
            signer: str = "hanoi", **changes: Any) -> pb.Receipt:
    """A receipt of hanoi up to an envelope."""
    head = read(last)
    before = digest("nhipcau/1/receipt-digest", previous.statement, previous.signature) if previous else ZERO_DIGEST
    fields: dict[str, Any] = {
        "format": 1, "issuer": "hanoi", "sender": head.routing.sender, "recipient": head.routing.recipient,
        "lane": head.routing.lane, "incarnation": head.routing.incarnation, "first_sequence": first_sequence,
        "last_sequence": head.routing.sequence, "head_digest": head.digest, "number": number,
        "series": 1, "previous_digest": before, "directory_version": fixture.RELEASE,
        "signing_key": fixture.SIGNING_KEY, "receive_time": Timestamp(seconds=fixture.TIME + number),
    }
    statement = pb.ReceiptStatement(**(fields | changes))
    data = serialize(statement)
    return pb.Receipt(statement=data, signature=fixture.signer(signer).sign(pae("nhipcau/1/receipt", data)))


def refusal(envelope: pb.Envelope, **changes: Any) -> pb.Refusal:
    """A refusal of an envelope."""
    head = read(envelope).routing
    fields: dict[str, Any] = {"sequence": head.sequence, "id": head.id, "reason": pb.REFUSAL_REASON_WRONG_STATE}
    return pb.Refusal(**(fields | changes))


def receipts() -> Iterator[Case]:
    """Receipts of a channel: the first two positions at once, the second of them refused, then the third."""
    first, second, third = channel()
    one = receipt(1, second, 1, refusals=[refusal(second)])
    two = receipt(2, third, 3, one)
    refused = {"sequence": 2, "reason": pb.REFUSAL_REASON_WRONG_STATE}

    def right(name: str, says: Case, *chain: pb.Receipt) -> Case:
        digests = [digest("nhipcau/1/receipt-digest", each.statement, each.signature).hex() for each in chain]
        return {"name": name, "expect": "ok", "chain": "two-incarnations", "sent": 3,
                "receipts": hexed(list(chain)), "digests": digests, "contradicted": [], "lost": []} | says

    def wrong(name: str, expect: Reason, *chain: pb.Receipt, sent: int = 3) -> Case:
        return {"name": name, "expect": expect.value, "chain": "two-incarnations", "sent": sent,
                "receipts": hexed(list(chain))}

    yield right("received-and-refused", {"received": [1, 3], "refused": [refused]}, one, two)
    forged = pb.Receipt(statement=two.statement, signature=one.signature)
    other = refusal(second, id=fixture.message_id("another"))
    outside = refusal(second, sequence=3)
    short, other_one = receipt(1, first, 1), receipt(1, second, 1)
    yield wrong("signature-of-another", Reason.BAD_SIGNATURE, one, forged)
    yield wrong("signed-by-the-sender", Reason.BAD_SIGNATURE, receipt(1, second, 1, signer="moh"))
    yield wrong("issuer-is-not-the-recipient", Reason.BAD_ROUTING, receipt(1, second, 1, issuer="vwu", signer="vwu"))
    again = receipt(1, third, 1, series=2)
    yield right("restored-to-nothing", {"received": [1, 3], "refused": [refused], "contradicted": [2]}, one, two, again)
    partly = receipt(1, third, 3, one, series=4)
    yield right("restored-to-the-first-receipt", {"received": [1, 3], "refused": [refused]}, one, two, partly)

    earlier = receipt(1, third, 2, two, series=5)
    yield right("restored-before-its-last-receipt", {"received": [1, 3], "refused": [refused], "contradicted": [2]},
                one, two, earlier)
    yield right("states-a-position-again", {"received": [1, 3], "refused": [refused], "contradicted": [2]},
                one, receipt(2, third, 2, one))
    not_yet = receipt(1, second, 1, refusals=[refusal(second, reason=pb.REFUSAL_REASON_NOT_YET, expected_ordinal=7)])
    yield right("refused-for-now", {"received": [1, 3], "refused": [refused | {"reason": pb.REFUSAL_REASON_NOT_YET}]},
                not_yet, receipt(2, third, 3, not_yet))
    yield right("taken-after-not-yet", {"received": [1, 2, 3], "refused": []}, not_yet, receipt(2, third, 2, not_yet))
    given_up = receipt(2, link(3, second), 3, one, refusals=[refusal(link(3, second))])
    yield right("of-an-envelope-lost-on-both-sides",
                {"received": [1, 3], "refused": [refused], "lost": [{"series": 1, "number": 2}]},
                one, given_up, receipt(3, third, 3, given_up))
    newer = receipt(1, second, 1, refusals=[refusal(second, reason=99)])
    yield right("refused-for-a-newer-reason", {"received": [1], "refused": [{"sequence": 2, "reason": 99}]}, newer)
    yield wrong("first-receipt-missing", Reason.RECEIPT_GAP, two)
    yield wrong("number-missing", Reason.RECEIPT_GAP, one, receipt(3, third, 3, one))
    yield wrong("another-receipt-before", Reason.WRONG_PREVIOUS, one, receipt(2, third, 3, short))
    yield wrong("first-receipt-follows-something", Reason.WRONG_PREVIOUS, receipt(1, second, 1, one))
    yield wrong("series-goes-back", Reason.RECEIPT_GAP, again, one)
    yield wrong("series-begins-late", Reason.RECEIPT_GAP, one, receipt(2, third, 3, one, series=2))
    yield wrong("series-zero", Reason.BAD_STATEMENT, receipt(1, second, 1, series=0))
    yield wrong("series-leaves-positions-out", Reason.SEQUENCE_GAP, one, receipt(1, third, 3, series=2))
    yield wrong("series-begins-behind-a-gap", Reason.SEQUENCE_GAP, short, receipt(1, third, 3, short, series=2))
    yield wrong("number-too-large", Reason.BAD_STATEMENT, receipt(1, second, 1, series=1 << 62))
    missing = receipt(1, third, 3, other_one, series=2)
    yield wrong("series-follows-a-missing-receipt", Reason.WRONG_PREVIOUS, one, missing)
    yield wrong("position-left-out", Reason.SEQUENCE_GAP, short, receipt(2, third, 3, short))
    yield wrong("first-position-left-out", Reason.SEQUENCE_GAP, receipt(1, second, 2))
    yield wrong("unsupported-receipt-format", Reason.UNSUPPORTED_FORMAT, receipt(1, second, 1, format=2))
    yield wrong("no-receive-time", Reason.BAD_TIME, receipt(1, second, 1, receive_time=None))
    yield wrong("short-head-digest", Reason.WRONG_LENGTH, receipt(1, second, 1, head_digest=bytes(31)))
    yield wrong("positions-backwards", Reason.BAD_STATEMENT, receipt(1, first, 2))
    yield wrong("another-head", Reason.WRONG_HEAD, receipt(1, second, 1, head_digest=fixture.bytes_of("head")))
    yield wrong("another-incarnation", Reason.WRONG_INCARNATION, receipt(1, second, 1, incarnation=2))
    yield wrong("more-than-was-sent", Reason.WRONG_HEAD, one, two, sent=2)
    yield wrong("refuses-another-id", Reason.WRONG_REFUSAL, receipt(1, second, 1, refusals=[other]))
    yield wrong("refuses-outside-its-positions", Reason.WRONG_REFUSAL, receipt(1, second, 1, refusals=[outside]))
    yield wrong("refuses-twice", Reason.WRONG_REFUSAL, receipt(1, second, 1, refusals=[refusal(second)] * 2))
    yield wrong("refuses-in-another-order", Reason.WRONG_REFUSAL,
                receipt(1, second, 1, refusals=[refusal(second), refusal(first)]))
    yield wrong("expects-a-number-too-large", Reason.BAD_STATEMENT,
                receipt(1, second, 1, refusals=[refusal(second, expected_ordinal=1 << 62)]))
    yield wrong("refuses-without-reason", Reason.WRONG_REFUSAL,
                receipt(1, second, 1, refusals=[refusal(second, reason=0)]))


def status(signer: str = "hanoi", **changes: Any) -> signal_pb.Status:
    """A status of hanoi for moh."""
    head = read(channel()[2])
    incoming = signal_pb.IncomingStatus(
        lane=pb.LANE_MESSAGES,
        head=signal_pb.Head(incarnation=2, sequence=3, digest=head.digest),
        promised_incarnation=2,
        promised_run=fixture.bytes_of("run of moh", 16),
        receipt=signal_pb.ReceiptHead(series=1, number=2, digest=fixture.bytes_of("receipt 2")),
    )
    outgoing = signal_pb.OutgoingStatus(lane=pb.LANE_BULK, opening=True, head=signal_pb.Head(), return_from=1)
    fields: dict[str, Any] = {
        "format": 1, "sender": "hanoi", "recipient": "moh", "create_time": Timestamp(seconds=fixture.TIME),
        "run": fixture.bytes_of("run of hanoi", 16),
        "echo": fixture.bytes_of("run of moh", 16), "number": 5, "directory_version": fixture.RELEASE,
        "signing_key": fixture.SIGNING_KEY,
        "contracts": [signal_pb.ContractSupport(contract="nhipcau.referral.v1", minor=2)],
        "outgoing": [outgoing], "incoming": [incoming],
    }
    statement = signal_pb.StatusStatement(**(fields | changes))
    data = serialize(statement)
    return signal_pb.Status(statement=data, signature=fixture.signer(signer).sign(pae("nhipcau/1/status", data)))


def statuses() -> Iterator[Case]:
    """Status signals."""
    good = status()
    yield {"name": "status", "expect": "ok", "status": serialize(good).hex(), "statement": good.statement.hex(),
           "signature": good.signature.hex()}
    headless = signal_pb.IncomingStatus(lane=pb.LANE_BULK, head=signal_pb.Head(incarnation=1, sequence=1))
    for name, expect, message in (
        ("signed-by-another", Reason.BAD_SIGNATURE, status("moh")),
        ("unsupported-status-format", Reason.UNSUPPORTED_FORMAT, status(format=2)),
        ("short-echo", Reason.WRONG_LENGTH, status(echo=bytes(15))),
        ("no-status-time", Reason.BAD_TIME, status(create_time=None)),
        ("short-run", Reason.WRONG_LENGTH, status(run=bytes(15))),
        ("head-without-digest", Reason.WRONG_LENGTH, status(incoming=[headless])),
        ("number-too-large-in-status", Reason.BAD_STATEMENT, status(number=1 << 62)),
        ("rewinds-a-sealed-channel", Reason.BAD_STATEMENT,
         status(outgoing=[signal_pb.OutgoingStatus(lane=pb.LANE_BULK, rewind=signal_pb.Head())])),
        ("no-contract-in-status", Reason.BAD_STATEMENT, status(contracts=[signal_pb.ContractSupport()])),
        ("unspecified-lane-in-status", Reason.BAD_ROUTING, status(outgoing=[signal_pb.OutgoingStatus()])),
    ):
        yield {"name": name, "expect": expect.value, "status": serialize(message).hex()}


def opened_by(envelope: pb.Envelope, part_keys: Sequence[bytes]) -> signal_pb.ReturnedKeys:
    """What opens an envelope that is given back."""
    return signal_pb.ReturnedKeys(digest=read(envelope).digest, part_keys=part_keys)


def returned(message: signal_pb.Return, *originals: pb.Envelope, sign_as: Kind = Kind.RETURN, recipient: str = "moh",
             purpose: str = "return", **changes: Any) -> str:
    """A return of hanoi to an access point whose store was rolled back."""
    nowhere = {"incarnation": 0, "sequence": 0, "lane": pb.LANE_UNSPECIFIED}
    made = fixture.routing("return", "hanoi", recipient, **(nowhere | changes))
    content = fixture.content(
        serialize(message), message="nhipcau.envelope.v1.Return", contract="nhipcau.envelope.v1",
        sender=pb.Address(party="hanoi"), recipient=pb.Address(party=recipient), purpose=purpose,
        correlation=b"", ordinal=0,
    )
    parcel = seal(made, content, fixture.channel_key("hanoi", recipient), fixture.signer("hanoi"), sign_as)
    return serialize(signal_pb.Returned(parcel=parcel, originals=originals)).hex()


def returns() -> Iterator[Case]:
    """Returns: one envelope with its part keys, one whose content was erased, one receipt of the reader."""
    first, second, _ = channel()
    keys = [single.key for single in part_keys(read(first), fixture.channel_key("moh", "hanoi"))]
    erased = pb.Envelope(routing=second.routing, manifest=second.manifest, signature=second.signature)
    answer = fixture.sealed(fixture.routing("answer", "hanoi", "moh"), fixture.content())
    issued = receipt(1, answer, 1, issuer="moh", signer="moh")
    whole = signal_pb.Return(keys=[opened_by(first, keys)], receipts=[issued])
    yield {"name": "kept-and-erased", "expect": "ok", "reader": "moh", "returned": returned(whole, first, erased),
           "content": [[part.hex() for part in fixture.content(b"event 1").plain()[1:]], None],
           "receipts": hexed([issued])}

    def wrong(name: str, expect: Reason, message: signal_pb.Return, *originals: pb.Envelope, **changes: Any) -> Case:
        given_back = returned(message, *originals, **changes)
        return {"name": name, "expect": expect.value, "reader": "moh", "returned": given_back}

    swapped = signal_pb.Return(keys=[opened_by(first, keys[::-1])])
    missing = signal_pb.Return(keys=[opened_by(first, keys[:1])])
    of_another = signal_pb.Return(keys=[opened_by(second, keys)])
    forged = pb.Envelope(routing=first.routing, manifest=first.manifest, parts=first.parts, signature=second.signature)
    not_issued = signal_pb.Return(receipts=[receipt(1, second, 1)])
    yield wrong("signed-as-a-channel-envelope", Reason.BAD_SIGNATURE, whole, sign_as=Kind.CHANNEL)
    yield wrong("return-with-a-position", Reason.BAD_POSITION, whole, sequence=1)
    yield wrong("return-on-a-lane", Reason.BAD_POSITION, whole, lane=pb.LANE_BULK)
    yield wrong("return-for-another-purpose", Reason.BAD_CONTROL, whole, purpose="restoration")
    yield wrong("wrong-part-key", Reason.OPEN_FAILED, swapped, first)
    yield wrong("missing-part-key", Reason.PART_MISMATCH, missing, first)
    yield wrong("keys-of-another-envelope", Reason.PART_MISMATCH, of_another, first)
    yield wrong("envelope-of-another", Reason.NOT_THE_READERS, signal_pb.Return(), answer)
    yield wrong("forged-returned-envelope", Reason.BAD_SIGNATURE, signal_pb.Return(keys=[opened_by(forged, keys)]), forged)
    yield wrong("receipt-of-another", Reason.NOT_THE_READERS, not_issued)
