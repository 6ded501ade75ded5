"""Figures: periods, the three actions, the order of submissions, the digest."""

from __future__ import annotations

import hashlib
import unittest

from nhipcau_home import figures, periods, submissions
from nhipcau_home.submissions import Row, Submission
from nhipcau_verify.contracts import indicator_pb as pb
from nhipcau_verify.errors import Reason

from .support import ReasonTest

STRUCTURE = "IAEG-SDGs:SDG(1.8)"
MERGE, REPLACE, DELETE = pb.ACTION_MERGE, pb.ACTION_REPLACE, pb.ACTION_DELETE


def submission(time: int, *rows: Row, name: bytes = b"", provider: str = "moha") -> Submission:
    """A submission published at a time, under an id after it unless another is given."""
    return Submission(provider, name or bytes([time]), STRUCTURE, "", time, time, len(rows), "moha", b"", time, rows)


def row(action: int, value: str = "", period: str = "2024", key: str = "A.F", **attributes: str) -> Row:
    """A row of one dataset."""
    return Row(action, key, period, value, tuple(sorted(attributes.items())))


def left(*items: Submission) -> dict[tuple[str, str], tuple[str, dict[str, str]]]:
    """What holds after submissions, by key and period."""
    current = figures.replay(items).current()
    return {(name[2], period.text): (state.value, dict(state.attributes)) for (name, period), state in current.items()}


class PeriodTest(ReasonTest):
    """Spellings and order."""

    def test_two_spellings_are_one_period(self) -> None:
        for long, short in (("2024-A1", "2024"), ("2024-M07", "2024-07"), ("2024-D031", "2024-01-31"),
                            ("2024-S2", "2024-S2"), ("2024-Q3", "2024-Q3"), ("2024-W31", "2024-W31")):
            self.assertEqual(periods.parse(long), periods.parse(short))
            self.assertEqual(periods.parse(long).text, short)

    def test_the_longer_of_two_that_begin_together_comes_first(self) -> None:
        order = ["2023-12-31", "2024", "2024-S1", "2024-Q1", "2024-01", "2024-W01", "2024-01-01", "2024-02"]
        self.assertEqual([period.text for period in sorted(map(periods.parse, reversed(order)))], order)

    def test_what_is_no_period_is_refused(self) -> None:
        for text in ("", "24", "2024-13", "2024-Q5", "2024-S0", "2023-D366", "2024-W54", "2024-1", "2024-02-30", "٢٠٢٤"):
            self.assert_refused(Reason.MALFORMED, periods.parse, text)


class ActionTest(unittest.TestCase):
    """What actions do, as docs/indicators.md says."""

    def test_merge_leaves_what_is_not_given(self) -> None:
        first = submission(1, row(REPLACE, "1.50", UNIT="P", NOTE="a"))
        self.assertEqual(left(first, submission(2, row(MERGE, "", NOTE="b"))),
                         {("A.F", "2024"): ("1.50", {"UNIT": "P", "NOTE": "b"})})

    def test_replace_leaves_exactly_what_is_given(self) -> None:
        first = submission(1, row(REPLACE, "1.50", UNIT="P"))
        self.assertEqual(left(first, submission(2, row(REPLACE, "2"))), {("A.F", "2024"): ("2", {})})

    def test_delete_takes_named_parts_or_the_whole(self) -> None:
        first = submission(1, row(REPLACE, "1.50", UNIT="P"))
        self.assertEqual(left(first, submission(2, row(DELETE, "-"))), {("A.F", "2024"): ("", {"UNIT": "P"})})
        self.assertEqual(left(first, submission(2, row(DELETE, "-", UNIT="-"))), {})
        self.assertEqual(left(first, submission(2, row(DELETE))), {})

    def test_delete_by_pattern_touches_its_provider_only(self) -> None:
        ours = submission(1, row(REPLACE, "1"), row(REPLACE, "2", key="A.M"), row(REPLACE, "3", "2023"))
        theirs = submission(1, row(REPLACE, "4"), name=b"theirs", provider="moh")
        gone = submission(2, row(DELETE, period="", key=".F"))
        self.assertEqual(left(ours, theirs, gone), {("A.M", "2024"): ("2", {}), ("A.F", "2024"): ("4", {})})

    def test_a_submission_leaves_one_revision_of_an_observation(self) -> None:
        again = submission(2, row(DELETE, period="", key=""), row(REPLACE, "5"))
        revisions = figures.replay([submission(1, row(REPLACE, "1")), again]).revisions
        self.assertEqual([len(states) for states in revisions.values()], [2])

    def test_blocks_say_the_same_as_rows(self) -> None:
        block = pb.SeriesBlock(key="A.F", time_periods=["2023", "2024"], values=["1", ""])
        block.attributes.add(attribute="UNIT", texts=["P"], positions=[1])
        block.attributes.add(attribute="NOTE", texts=["b"], positions=[0, 1])
        by_rows = pb.Dataset(action=REPLACE)
        by_rows.observations.add(key="A.F", time_period="2023", value="1", attributes={"UNIT": "P"})
        by_rows.observations.add(key="A.F", time_period="2024", attributes={"UNIT": "P", "NOTE": "b"})
        self.assertEqual(submissions.rows([pb.Dataset(action=REPLACE, blocks=[block])]), submissions.rows([by_rows]))


class DigestTest(unittest.TestCase):
    """One digest of everything that holds."""

    def test_the_digest_is_over_sorted_lines(self) -> None:
        made = figures.replay([submission(1, row(REPLACE, "2", "2024", UNIT="P", NOTE=""), row(REPLACE, "1.0", "2023"))])
        lines = f"{STRUCTURE}\x1fA.F\x1f2023\x1f1.0\n{STRUCTURE}\x1fA.F\x1f2024\x1f2\x1fUNIT=P\n"
        self.assertEqual(figures.digest(made), (2, hashlib.sha256(lines.encode()).hexdigest()))


if __name__ == "__main__":
    unittest.main()
