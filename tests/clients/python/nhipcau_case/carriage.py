"""How the events travelled: envelopes without parts and the receipts that speak of them, each by its own signature.

A receipt speaks of an envelope only along a whole chain from its head. What a key signed at or after its revocation, by
the time in what it signed, proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nhipcau_verify import receipt as receipts
from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.directory import Release
from nhipcau_verify.envelope import Envelope, Kind, read, verify_signed
from nhipcau_verify.errors import Reason, require
from nhipcau_verify.instant import nanoseconds
from nhipcau_verify.keyring import Keyring


@dataclass(frozen=True)
class Delivery:
    """What the other side's receipt says of a message: since when it has it, or why it refused it."""

    time: int
    refused: str | None


@dataclass
class Carriage:
    """What was verified."""

    envelopes: dict[bytes, Envelope] = field(default_factory=dict)
    deliveries: dict[bytes, Delivery] = field(default_factory=dict)
    #: Envelopes that say themselves that their key had been revoked.
    revoked: set[bytes] = field(default_factory=set)
    #: When each access point last signed something here, by its clock.
    last_signed: dict[str, int] = field(default_factory=dict)


def check(envelopes: Iterable[pb.Envelope], said: Iterable[pb.Receipt], release: Release,
          revoked: dict[tuple[str, str], int]) -> Carriage:
    """Verifies every envelope and every receipt under the newest release of a file."""
    keys = Keyring({name: key.public for name, key in release.signing.items()})
    found = Carriage()

    def is_revoked(signer: tuple[str, str], at: int) -> bool:
        """Notes when somebody signed; and whether the key had been revoked then."""
        found.last_signed[signer[0]] = max(at, found.last_signed.get(signer[0], at))
        return signer in revoked and revoked[signer] <= at

    for message in envelopes:
        envelope = read(message)
        require(not envelope.parts, Reason.BAD_EVIDENCE, "an envelope that has its parts")
        require(not envelope.is_public, Reason.BAD_EVIDENCE, "an envelope for everybody")
        verify_signed(envelope, keys, Kind.CHANNEL)
        routing = envelope.routing
        found.envelopes[envelope.digest] = envelope
        if is_revoked((routing.sender, routing.signing_key), nanoseconds(routing.create_time)):
            found.revoked.add(envelope.digest)
    believed = []
    for wire in said:
        receipt = receipts.verify_message(wire, keys)
        statement = receipt.statement
        if not is_revoked((statement.issuer, statement.signing_key), nanoseconds(statement.receive_time)):
            believed.append(statement)
    for statement in sorted(believed, key=lambda item: (item.series, item.number)):
        _hear(statement, found)
    return found


def _hear(statement: pb.ReceiptStatement, found: Carriage) -> None:
    """Notes what a receipt says; the first word that is final stays."""
    refusals = {refusal.sequence: refusal for refusal in statement.refusals}
    for envelope in _covered(statement, found):
        refusal = refusals.get(envelope.routing.sequence)
        if refusal is not None:
            final = refusal.reason != pb.REFUSAL_REASON_NOT_YET and refusal.id == envelope.routing.id
            if not final:
                continue
        reason = None if refusal is None else _name(refusal.reason)
        found.deliveries.setdefault(envelope.digest, Delivery(nanoseconds(statement.receive_time), reason))


def _covered(statement: pb.ReceiptStatement, found: Carriage) -> Iterator[Envelope]:
    """The envelopes that a receipt covers, from its head back as far as none is missing."""
    digest = statement.head_digest
    for sequence in range(statement.last_sequence, statement.first_sequence - 1, -1):
        envelope = found.envelopes.get(digest)
        if envelope is None:
            return
        routing = envelope.routing
        channel = (routing.sender, routing.recipient, routing.lane, routing.sequence)
        if channel != (statement.sender, statement.recipient, statement.lane, sequence):
            return
        yield envelope
        digest = routing.previous_digest


def _name(reason: int) -> str:
    """The name of a refusal; one that is not known is final like most."""
    known = reason in pb.RefusalReason.values()
    name: str = pb.RefusalReason.Name(reason if known else pb.REFUSAL_REASON_INVALID)
    return name.removeprefix("REFUSAL_REASON_")
