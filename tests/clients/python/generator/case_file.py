"""Evidence of one made-up case, for tests: a directory of two parties, both logs of a branch, envelopes, receipts, and
the file that one of the access points makes of it. Whoever writes here may write what no access point would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from nhipcau_home import branch_log
from nhipcau_home.transitions import ORIGIN, RECIPIENT
from nhipcau_verify.contracts import envelope_pb, referral_event_pb, referral_pb, release_pb
from nhipcau_verify.contracts import evidence_pb as pb
from nhipcau_verify.envelope import read
from nhipcau_verify.pae import pae
from nhipcau_verify.seal import extract, part_key
from nhipcau_verify.wire import ZERO_DIGEST

from . import fixture, releases

#: 2025-01-01T00:00:00Z: no machine's clock is before it.
TIME = 1_735_689_600
MINUTE, HOUR, DAY = 60, 3_600, 86_400
CONTRACT = branch_log.CONTRACT
CASE, REFERRAL, BRANCH = (fixture.bytes_of(name, 16) for name in ("case", "referral", "branch"))
UNITS = {ORIGIN: {"party": "moh", "unit": "111"}, RECIPIENT: {"party": "hanoi", "unit": "desk"}}
HOSTS = {ORIGIN: "moh", RECIPIENT: "hanoi"}
OTHER = {ORIGIN: RECIPIENT, RECIPIENT: ORIGIN}
_SIDES = {ORIGIN: referral_pb.SIDE_ORIGIN, RECIPIENT: referral_pb.SIDE_RECIPIENT}


def at(seconds: float) -> Timestamp:
    """A time after the beginning."""
    return Timestamp(seconds=TIME + int(seconds), nanos=round(seconds % 1 * 1e9))


def release(hosts: dict[str, str] | None = None, version: int = 1, **changes: Any) -> release_pb.Release:
    """A release in which these access points serve the two units."""
    made = release_pb.Release(format=1, programme="nhipcau", version=version)
    made.issue_time.CopyFrom(at(-DAY))
    made.expire_time.CopyFrom(at(365 * DAY))
    made.root.CopyFrom(releases.release().root)
    made.contracts.add(contract=CONTRACT)
    for side, unit in UNITS.items():
        party = made.parties.add(party=unit["party"])
        party.names.vi = party.names.en = unit["party"]
        party.validity.start_time.CopyFrom(at(-DAY))
        party.hostings.add(access_point=(hosts or HOSTS)[side], contracts=[CONTRACT])
        desk = made.units.add(**unit)
        desk.names.vi = desk.names.en = unit["unit"]
        desk.validity.start_time.CopyFrom(at(-DAY))
    for name in ("hanoi", "moh", "vwu"):
        point = made.access_points.add(access_point=name, operator_party="moh", parties=["hanoi", "moh"])
        for keys, key_id, public in (
            (point.signing_keys, fixture.SIGNING_KEY, fixture.signer(name).public_key().public_bytes_raw()),
            (point.sealing_keys, fixture.SEALING_KEY, fixture.sealing_public(name)),
        ):
            key = keys.add(key_id=key_id, public_key=public)
            key.start_time.CopyFrom(at(-DAY))
            key.expire_time.CopyFrom(at(31 * DAY))
    made.MergeFrom(release_pb.Release(**changes))
    return made


def file(evidence: pb.Evidence, maker: str) -> bytes:
    """A file as an access point signs it."""
    data = evidence.SerializeToString(deterministic=True)
    signature = fixture.signer(maker).sign(pae("nhipcau/1/evidence", data))
    made = pb.EvidenceFile(evidence=data, signing_key=fixture.SIGNING_KEY, signature=signature)
    return bytes(made.SerializeToString())


class CaseFile:
    """Both logs of a branch and how they travelled, event by event."""

    def __init__(self, **opening: Any) -> None:
        """Begins with nothing; `opening` is what every first event says."""
        self.logs: dict[str, list[branch_log.Event]] = {ORIGIN: [], RECIPIENT: []}
        self.sent: dict[str, list[envelope_pb.Envelope]] = {ORIGIN: [], RECIPIENT: []}
        self.receipts: list[envelope_pb.Receipt] = []
        self.made_from = opening

    def write(self, side: str, name: str, seconds: float, seen: int | None = None, person: str = "", body: Any = None,
              **fields: Any) -> CaseFile:
        """Appends an event whose writer had stored `seen` events of the other side, all of them unless it is given, and
        seals it in the next envelope of its access point."""
        own, other = self.logs[side], self.logs[OTHER[side]]
        message = referral_event_pb.ReferralEvent(
            case_uid=CASE, referral_uid=REFERRAL, branch_uid=BRANCH, side=_SIDES[side], owner=UNITS[side],
            counterpart=UNITS[OTHER[side]], ordinal=len(own) + 1, event_time=at(seconds),
            previous_digest=own[-1].digest if own else ZERO_DIGEST, actor={"system": "desk", "person": person},
            **fields)
        part = getattr(message, name)
        part.SetInParent()
        if body:
            part.MergeFrom(type(part)(**body))
        if message.HasField("completed") or message.lawful_basis.HasField("vital_interest"):
            message.salt = fixture.bytes_of(f"salt of {side} {len(own)}")
        known = len(other) if seen is None else seen
        if known:
            message.seen.ordinal, message.seen.digest = known, other[known - 1].digest
        own.append(branch_log.read(b"", message.SerializeToString(deterministic=True)))
        self._send(side, own[-1].data, seconds)
        return self

    def receive(self, side: str, seconds: float, first: int = 1, last: int | None = None, number: int = 0,
                refusals: Sequence[tuple[int, int]] = (), **changes: Any) -> CaseFile:
        """A receipt of the other side for positions that a side has sent; `refusals` are positions with reasons."""
        sent = self.sent[side]
        head = last or len(sent)
        statement = envelope_pb.ReceiptStatement(
            format=1, issuer=HOSTS[OTHER[side]], sender=HOSTS[side], recipient=HOSTS[OTHER[side]],
            lane=envelope_pb.LANE_MESSAGES, incarnation=1, first_sequence=first, last_sequence=head,
            head_digest=read(sent[head - 1]).digest, series=1, number=number or len(self.receipts) + 1,
            previous_digest=ZERO_DIGEST, receive_time=at(seconds), directory_version=1, signing_key=fixture.SIGNING_KEY)
        for sequence, reason in refusals:
            statement.refusals.add(sequence=sequence, id=read(sent[sequence - 1]).routing.id, reason=reason)
        statement.MergeFrom(envelope_pb.ReceiptStatement(**changes))
        data = statement.SerializeToString(deterministic=True)
        signature = fixture.signer(statement.issuer).sign(pae("nhipcau/1/receipt", data))
        self.receipts.append(envelope_pb.Receipt(statement=data, signature=signature))
        return self

    def evidence(self, maker: str, seconds: float, signed: Sequence[bytes] = (), holder: str = ORIGIN) -> pb.Evidence:
        """What an access point tells of it, all that it can."""
        made = pb.Evidence(format=1, case_uid=CASE, access_point=maker, make_time=at(seconds), receipts=self.receipts)
        made.releases.extend(signed or [releases.signed(release())])
        made.envelopes.extend(bare(envelope) for side in OTHER for envelope in self.sent[side])
        branch = made.branches.add(branch_uid=BRANCH, holder=_SIDES[holder])
        branch.origin.extend(self._told(ORIGIN))
        branch.recipient.extend(self._told(RECIPIENT))
        return made

    def _told(self, side: str) -> Iterator[pb.EvidenceEvent]:
        for event, sealed in zip(self.logs[side], self.sent[side], strict=True):
            envelope = read(sealed)
            told = pb.EvidenceEvent(event=event.masked, envelope_digest=envelope.digest)
            if event.masked != event.data:
                told.digest = event.digest
            else:
                key = fixture.channel_key(envelope.routing.sender, envelope.routing.recipient)
                told.part_key = part_key(extract(key, envelope.routing.salt), envelope.routing_bytes, 1).key
            yield told

    def _send(self, side: str, event: bytes, seconds: float) -> None:
        sent = self.sent[side]
        before = read(sent[-1]).digest if sent else ZERO_DIGEST
        made = fixture.routing(f"{side} {len(sent)}", HOSTS[side], HOSTS[OTHER[side]], sequence=len(sent) + 1,
                               previous_digest=before, directory_version=1)
        made.create_time.CopyFrom(at(seconds))
        sent.append(fixture.sealed(made, fixture.content(event, correlation=CASE, ordinal=len(sent) + 1)))


def bare(envelope: envelope_pb.Envelope) -> envelope_pb.Envelope:
    """An envelope without its parts."""
    return envelope_pb.Envelope(routing=envelope.routing, manifest=envelope.manifest, signature=envelope.signature)


def fingerprint() -> bytes:
    """Of the first root."""
    return releases.fingerprint(release())

