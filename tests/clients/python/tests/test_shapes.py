"""Fields of a wrong shape, one at a time, in statements and control parts that are signed properly."""

from __future__ import annotations

import unittest
from collections.abc import Sequence
from typing import Any

from generator import evidence, fixture
from nhipcau_verify import receipt, reconciliation, status
from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.contracts import reconciliation_pb as pb_reconciliation
from nhipcau_verify.contracts import signal_pb
from nhipcau_verify.envelope import verify
from nhipcau_verify.errors import Reason
from nhipcau_verify.opening import open_envelope, open_with_part_keys
from nhipcau_verify.pae import pae
from nhipcau_verify.sealing import Content, serialize
from tests.support import ReasonTest, keyring

KEYS = keyring()
UUID4 = bytes.fromhex("9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d")


class ShapeTest(ReasonTest):
    """One wrong field each."""

    def test_a_receipt_of_a_wrong_shape_is_refused(self) -> None:
        first = evidence.channel()[0]
        wrong: list[tuple[Reason, dict[str, Any]]] = [
            (Reason.BAD_ROUTING, {"issuer": "all", "recipient": "all"}),
            (Reason.BAD_ROUTING, {"sender": "MOH"}),
            (Reason.BAD_ROUTING, {"lane": 3}),
            (Reason.WRONG_LENGTH, {"previous_digest": b""}),
            (Reason.BAD_STATEMENT, {"series": 0}),
            (Reason.BAD_STATEMENT, {"incarnation": 0}),
            (Reason.BAD_STATEMENT, {"directory_version": 1 << 62}),
            (Reason.BAD_ROUTING, {"signing_key": ""}),
            (Reason.UNKNOWN_SIGNER, {"signing_key": "sign-1999"}),
            (Reason.BAD_ID, {"refusals": [evidence.refusal(first, id=UUID4)]}),
            (Reason.WRONG_REFUSAL, {"refusals": [evidence.refusal(first, sequence=2)]}),
        ]
        for reason, changes in wrong:
            with self.subTest(changes=list(changes)):
                made = evidence.receipt(1, first, 1, **changes)
                self.assert_refused(reason, receipt.verify, serialize(made), KEYS)

    def test_a_status_of_a_wrong_shape_is_refused(self) -> None:
        def incoming(**changes: Any) -> dict[str, Any]:
            return {"incoming": [signal_pb.IncomingStatus(lane=pb.LANE_BULK, **changes)]}

        head = signal_pb.ReceiptHead
        wrong: list[tuple[Reason, dict[str, Any]]] = [
            (Reason.BAD_ROUTING, {"sender": "all"}),
            (Reason.BAD_ROUTING, {"recipient": ""}),
            (Reason.WRONG_LENGTH, incoming(promised_run=bytes(15))),
            (Reason.WRONG_LENGTH, incoming(receipt=head(series=1, number=1))),
            (Reason.WRONG_LENGTH, incoming(receipt=head(digest=bytes(32)))),
            (Reason.BAD_STATEMENT, incoming(receipt=head(series=1))),
            (Reason.BAD_STATEMENT, incoming(promised_incarnation=1 << 62)),
            (Reason.BAD_STATEMENT, incoming(receipt=head(series=1 << 62, number=1, digest=bytes(32)))),
            (Reason.BAD_ROUTING, {"signing_key": ""}),
        ]
        for reason, changes in wrong:
            with self.subTest(changes=list(changes)):
                self.assert_refused(reason, status.verify, serialize(evidence.status(**changes)), KEYS)

    def test_an_answer_counts_its_positions_by_flow_or_not_at_all(self) -> None:
        def flow(count: int, contract: str = "nhipcau.referral.v1", **changes: Any) -> Any:
            return pb_reconciliation.FlowCount(contract=contract, count=count, **changes)

        def account(*flows: Any, numbers: Sequence[int] = (1, 1)) -> bytes:
            positions = [pb_reconciliation.HeldPosition(sequence=at, id=fixture.message_id(str(at)), digest=bytes(32),
                                                        flow=number) for at, number in enumerate(numbers, 1)]
            span = pb_reconciliation.SpanAccount(first_sequence=1, positions=positions, flows=flows)
            statement = serialize(pb_reconciliation.AccountStatement(
                format=1, sender="hanoi", recipient="moh", nonce=bytes(16), accounts=[span],
                signing_key=fixture.SIGNING_KEY))
            signature = fixture.signer("hanoi").sign(pae("nhipcau/1/account", statement))
            return serialize(pb_reconciliation.Account(statement=statement, signature=signature))

        transfers = flow(1, kind="TRANSFER")
        for right in (account(flow(2)), account(numbers=(0, 0)), account(flow(1), transfers, numbers=(2, 1))):
            reconciliation.verify_account(right, KEYS)
        wrong = [
            account(flow(3)), account(), account(flow(2, skipped_count=1)), account(flow(2), numbers=(1, 0)),
            account(transfers, flow(1), numbers=(2, 1)), account(flow(1), flow(1), numbers=(2, 1)),
            account(flow(2, kind="transfer")), account(flow(2, contract="", kind="TRANSFER")),
            account(flow(2, contract="referral")),
            account(flow(2), *(flow(0, f"nhipcau.z.v{at}") for at in range(10, 42))),
        ]
        for number, made in enumerate(wrong):
            with self.subTest(number=number):
                self.assert_refused(Reason.BAD_STATEMENT, reconciliation.verify_account, made, KEYS)

    def test_a_control_part_of_a_wrong_shape_is_refused(self) -> None:
        skipped = fixture.message_id("skipped")
        wrong: list[tuple[Reason, dict[str, Any]]] = [
            (Reason.BAD_CONTROL, {"message": ""}),
            (Reason.BAD_CONTROL, {"kind": "transfer"}),
            (Reason.BAD_CONTROL, {"kind": "A" * 33}),
            (Reason.BAD_ID, {"corrected_id": UUID4}),
            (Reason.WRONG_LENGTH, {"corrected_id": skipped[:-1]}),
            (Reason.WRONG_LENGTH, {"blobs": [pb.Blob(digest=bytes(31))]}),
            (Reason.WRONG_LENGTH, {"skip": pb.Skip(reason=pb.SKIP_REASON_ERASED)}),
            (Reason.BAD_CONTROL, {"skip": pb.Skip(skipped_id=skipped)}),
            (Reason.BAD_CONTROL, {"recipient": pb.Address(party="hanoi", unit="Commune")}),
            (Reason.BAD_CONTROL, {"blobs": [pb.Blob(digest=bytes(32), size_bytes=1 << 62)]}),
        ]
        for reason, changes in wrong:
            with self.subTest(changes=list(changes)):
                self._assert_control_refused(reason, fixture.content(**changes))

    def test_a_message_has_content(self) -> None:
        self._assert_control_refused(Reason.BAD_CONTROL, Content(fixture.control(), ()))

    def test_a_control_part_has_a_digest(self) -> None:
        made = fixture.publish_bare(fixture.control(recipient=None), b"content")
        self.assert_refused(Reason.WRONG_LENGTH, self._open, serialize(made))

    def test_a_part_key_has_32_bytes(self) -> None:
        verified = verify(serialize(fixture.sealed(fixture.routing("key"), fixture.content())), KEYS)
        self.assert_refused(Reason.WRONG_LENGTH, open_with_part_keys, verified, [bytes(16), bytes(16)])

    def test_a_broadcast_has_no_part_keys(self) -> None:
        verified = verify(serialize(fixture.publish_first(fixture.content(recipient=None))), KEYS)
        self.assert_refused(Reason.PART_MISMATCH, open_with_part_keys, verified, [bytes(32), bytes(32)])

    def _assert_control_refused(self, reason: Reason, content: Content) -> None:
        made = fixture.sealed(fixture.routing("shape"), content)
        self.assert_refused(reason, self._open, serialize(made))

    @staticmethod
    def _open(data: bytes) -> None:
        open_envelope(verify(data, KEYS), "hanoi", KEYS)


if __name__ == "__main__":
    unittest.main()
