"""Channels, receipts, status and returns: each refusal stands on its own."""

from __future__ import annotations

import unittest

from generator import evidence, fixture
from nhipcau_verify import channel, receipt, returns, status
from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.contracts import signal_pb
from nhipcau_verify.envelope import Envelope, Kind, verify
from nhipcau_verify.errors import Reason, VerificationError
from nhipcau_verify.sealing import seal, serialize
from tests.support import ReasonTest, keyring

KEYS = keyring()


def sent() -> list[Envelope]:
    """The channel of the vectors, verified."""
    return channel.check_chain(verify(serialize(message), KEYS) for message in evidence.channel())


def verified(*messages: pb.Receipt) -> list[receipt.Receipt]:
    """Verified receipts."""
    return [receipt.verify(serialize(message), KEYS) for message in messages]


class ChannelTest(ReasonTest):
    """Envelopes in a row."""

    def test_an_empty_channel_is_a_channel(self) -> None:
        self.assertEqual(channel.check_chain([]), [])

    def test_every_dropped_or_moved_envelope_is_noticed(self) -> None:
        first, second, third = sent()
        for wrong in ([second], [first, third], [second, first], [first, first], [third, second, first]):
            self.assert_refused(Reason.SEQUENCE_GAP, channel.check_chain, wrong)

    def test_a_replaced_envelope_is_noticed_by_the_next(self) -> None:
        first, second, third = sent()
        other = verify(serialize(evidence.link(2, evidence.channel()[0], directory_version=8)), KEYS)
        self.assertNotEqual(other.digest, second.digest)
        self.assert_refused(Reason.WRONG_PREVIOUS, channel.check_chain, [first, other, third])


class ReceiptTest(ReasonTest):
    """Receipts in a row."""

    def test_no_receipts_cover_nothing(self) -> None:
        self.assertEqual(receipt.check_chain([], sent()).received, [])

    def test_receipts_cover_every_position_once(self) -> None:
        first, second, third = evidence.channel()
        one = evidence.receipt(1, second, 1, refusals=[evidence.refusal(first)])
        coverage = receipt.check_chain(verified(one, evidence.receipt(2, third, 3, one)), sent())
        self.assertEqual(coverage.received, [2, 3])
        self.assertEqual(coverage.refused, {1: pb.REFUSAL_REASON_WRONG_STATE})

    def test_an_unknown_refusal_reason_is_kept(self) -> None:
        first = evidence.channel()[0]
        one = evidence.receipt(1, first, 1, refusals=[evidence.refusal(first, reason=99)])
        self.assertEqual(receipt.check_chain(verified(one), sent()).refused, {1: 99})

    def test_a_dropped_receipt_is_noticed(self) -> None:
        first, second, third = evidence.channel()
        one = evidence.receipt(1, first, 1)
        two = evidence.receipt(2, second, 2, one)
        three = evidence.receipt(3, third, 3, two)
        self.assert_refused(Reason.RECEIPT_GAP, receipt.check_chain, verified(two, three))
        self.assert_refused(Reason.RECEIPT_GAP, receipt.check_chain, verified(one, three))

    def test_a_receipt_follows_the_one_before_it_and_no_other(self) -> None:
        first, second, third = evidence.channel()
        one = evidence.receipt(1, first, 1)
        two = evidence.receipt(2, second, 2, one)
        astray = evidence.receipt(3, third, 3, one)
        self.assert_refused(Reason.WRONG_PREVIOUS, receipt.check_chain, verified(one, two, astray))

    def test_receipts_do_not_go_back_in_incarnation(self) -> None:
        first, second, _ = evidence.channel()
        one = evidence.receipt(1, first, 1, incarnation=2)
        two = evidence.receipt(2, second, 2, one)
        self.assert_refused(Reason.WRONG_INCARNATION, receipt.check_chain, verified(one, two))

    def test_receipts_are_about_the_channel_they_are_held_against(self) -> None:
        other = verify(serialize(evidence.link(1, None, lane=pb.LANE_BULK)), KEYS)
        one = evidence.receipt(1, evidence.channel()[0], 1)
        self.assert_refused(Reason.MIXED_CHANNEL, receipt.check_chain, verified(one), [other])

    def test_a_restored_issuer_does_not_erase_what_it_said(self) -> None:
        first, second, third = evidence.channel()
        one = evidence.receipt(1, first, 1)
        two = evidence.receipt(2, third, 2, one)
        again = evidence.receipt(1, second, 2, one, series=2, refusals=[evidence.refusal(second)])
        coverage = receipt.check_chain(verified(one, two, again), sent())
        self.assertEqual(coverage.received, [1, 2, 3])
        self.assertEqual(coverage.contradicted, [2])

    def test_part_of_the_receipts_is_a_run_and_not_everything(self) -> None:
        first, second, third = evidence.channel()
        one = evidence.receipt(1, first, 1)
        two = evidence.receipt(2, second, 2, one)
        later = evidence.receipt(1, third, 3, two, series=3)
        receipt.check_run(verified(two, later))
        receipt.check_run(verified(one, later))
        self.assert_refused(Reason.RECEIPT_GAP, receipt.check_chain, verified(two, later))
        self.assert_refused(Reason.WRONG_PREVIOUS, receipt.check_chain, verified(one, later))

    def test_a_receipt_for_more_than_the_chain_is_no_lost_one(self) -> None:
        first, second, _ = evidence.channel()
        one = evidence.receipt(1, second, 1)
        self.assert_refused(Reason.WRONG_HEAD, receipt.check_chain, verified(one), sent()[:1])
        self.assertEqual(receipt.check_chain(verified(evidence.receipt(1, first, 1)), sent()).lost, [])

    def test_receipts_of_two_issuers_do_not_mix(self) -> None:
        figures = fixture.content(recipient=None)
        published = fixture.publish_first(figures)
        one = evidence.receipt(1, published, 1)
        two = evidence.receipt(2, published, 2, one, "vwu", issuer="vwu", last_sequence=2)
        self.assert_refused(Reason.MIXED_CHANNEL, receipt.check_chain, verified(one, two))

    def test_no_flipped_bit_passes(self) -> None:
        data = serialize(evidence.receipt(1, evidence.channel()[0], 1))
        for position in range(len(data)):
            changed = bytearray(data)
            changed[position] ^= 1 << position % 8
            with self.subTest(position=position), self.assertRaises(VerificationError):
                receipt.verify(bytes(changed), KEYS)


class StatusTest(ReasonTest):
    """Status signals."""

    def test_a_status_without_channels_verifies(self) -> None:
        message = evidence.status(outgoing=[], incoming=[], echo=b"")
        self.assertEqual(status.verify(serialize(message), KEYS).statement.sender, "hanoi")

    def test_a_head_needs_both_incarnation_and_position(self) -> None:
        half = signal_pb.IncomingStatus(lane=pb.LANE_BULK, head=signal_pb.Head(incarnation=1))
        self.assert_refused(Reason.BAD_STATEMENT, status.verify, serialize(evidence.status(incoming=[half])), KEYS)

    def test_a_status_is_signed_by_whom_it_names(self) -> None:
        self.assert_refused(Reason.BAD_SIGNATURE, status.verify, serialize(evidence.status("vwu")), KEYS)


class ReturnTest(ReasonTest):
    """Returns after a rollback."""

    def test_an_empty_return_opens(self) -> None:
        data = bytes.fromhex(evidence.returned(signal_pb.Return()))
        self.assertEqual(returns.open_return(data, "moh", KEYS), returns.Returned([], []))

    def test_a_broadcast_comes_back_without_part_keys(self) -> None:
        figures = fixture.publish_first(fixture.content(b"figures", recipient=None))
        data = bytes.fromhex(evidence.returned(signal_pb.Return(), figures, recipient="moha"))
        content = returns.open_return(data, "moha", KEYS).envelopes[0].content
        self.assertIsNotNone(content)
        assert content is not None
        self.assertEqual(content.content, (b"figures",))

    def test_a_changed_broadcast_does_not_come_back(self) -> None:
        figures = fixture.publish_first(fixture.content(b"figures", recipient=None))
        figures.parts[1] = b"fakes.."
        data = bytes.fromhex(evidence.returned(signal_pb.Return(), figures, recipient="moha"))
        self.assert_refused(Reason.PART_MISMATCH, returns.open_return, data, "moha", KEYS)

    def test_returned_receipts_follow_each_other(self) -> None:
        answers = [fixture.sealed(fixture.routing("answer", "hanoi", "moh", sequence=at), fixture.content())
                   for at in (1, 2)]
        one, two = (evidence.receipt(1, answer, 1, issuer="moh", signer="moh") for answer in answers)
        data = bytes.fromhex(evidence.returned(signal_pb.Return(receipts=[one, two])))
        self.assert_refused(Reason.RECEIPT_GAP, returns.open_return, data, "moh", KEYS)

    def test_a_return_follows_nothing(self) -> None:
        data = bytes.fromhex(evidence.returned(signal_pb.Return(), previous_digest=fixture.bytes_of("before")))
        self.assert_refused(Reason.BAD_POSITION, returns.open_return, data, "moh", KEYS)

    def test_a_return_has_content(self) -> None:
        made = fixture.routing("return", "hanoi", "moh", incarnation=0, sequence=0, lane=pb.LANE_UNSPECIFIED)
        key = fixture.channel_key("hanoi", "moh")
        bare = seal(made, fixture.skip(), key, fixture.signer("hanoi"), Kind.RETURN)
        data = serialize(signal_pb.Returned(parcel=bare))
        self.assert_refused(Reason.BAD_CONTROL, returns.open_return, data, "moh", KEYS)

    def test_a_return_has_a_parcel(self) -> None:
        data = serialize(signal_pb.Returned(originals=evidence.channel()))
        self.assert_refused(Reason.UNSUPPORTED_FORMAT, returns.open_return, data, "moh", KEYS)

    def test_a_return_for_another_does_not_open(self) -> None:
        data = bytes.fromhex(evidence.returned(signal_pb.Return()))
        self.assert_refused(Reason.WRONG_RECIPIENT, returns.open_return, data, "vwu", KEYS)

    def test_keys_without_parts_are_refused(self) -> None:
        whole = evidence.channel()[0]
        bare = pb.Envelope(routing=whole.routing, manifest=whole.manifest, signature=whole.signature)
        message = signal_pb.Return(keys=[evidence.opened_by(bare, [bytes(32)])])
        data = bytes.fromhex(evidence.returned(message, bare))
        self.assert_refused(Reason.PART_MISMATCH, returns.open_return, data, "moh", KEYS)


if __name__ == "__main__":
    unittest.main()
