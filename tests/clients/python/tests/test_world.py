"""A real world of access points: it verifies as it is, and no longer when any piece of evidence is missing or changed."""

from __future__ import annotations

import io
import json
import pathlib
import shutil
import sqlite3
import tempfile
import unittest
from collections.abc import Callable, Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from typing import Any, ClassVar

import verify_demo
from nhipcau_home import report
from nhipcau_home.findings import Findings
from nhipcau_home.home import Home
from nhipcau_home.report import Account

from . import support

#: Tables that are evidence, and of which rows: what else is in them is bound to nothing that was signed.
EVIDENCE = {
    "fence": "1",
    "case_key": "1",
    "outbox": "1",
    "outbox_content": "1",
    "sent": "1",
    "received": "1",
    "receipt_issued": "1",
    "receipt_held": "1",
    "counted": "1",
    "counted_there": "1",
    "promise": "1",
    "indicator_submission": "1",
    "indicator_content": "1",
    "indicator_series": "serial IN (SELECT series FROM indicator_segment)",
    "indicator_segment": "1",
    "indicator_request": "1",
    "referral_branch": "1",
    "referral_event": "1",
    "referral_content": "1",
    # Of an upload no event comes that could witness its request; uploads are no evidence either.
    "referral_request": "referral NOT IN (SELECT upload FROM referral_upload)",
    "referral_change": "1",
    "referral_access": "1",
    "referral_access_head": "1",
}
#: Columns that say something of this access point alone: its clock, its order of work, its callers.
LOCAL = {
    "fence": {"value"},
    "outbox": {"create_time"},
    "sent": {"sign_time"},
    "received": {"receive_time"},
    "indicator_submission": {"submitter", "store_time"},
    "indicator_request": {"request_id", "digest"},
    "referral_event": {"store_time"},
    "referral_content": {"version"},
    "referral_branch": {"create_time"},
}
#: Tables with rows of which nothing follows for others: what waits for its use, what was put aside, orders of one's own,
#: of which the access records are the evidence, and contacts, which travel to nobody.
NO_EVIDENCE = {"meta", "lost_period", "quarantine", "stray", "blob", "blob_chunk", "indicator_upload",
               "indicator_piece", "indicator_waiting", "indicator_named", "referral_acceptance", "referral_hold",
               "referral_inherited", "referral_kept", "referral_succession", "referral_attachment", "referral_upload",
               "referral_upload_chunk", "referral_sending", "referral_sending_chunk", "referral_waking",
               "referral_notice", "switchboard_contact", "switchboard_told", "switchboard_sending", "switchboard_request",
               "switchboard_access", "switchboard_access_head", "switchboard_handover",
               "switchboard_handover_event", "switchboard_handover_part", "switchboard_device", "switchboard_alarm",
               "switchboard_placement", "switchboard_placement_event", "switchboard_waking", "switchboard_notice",
               "switchboard_pseudonym", "switchboard_word", "switchboard_word_notice"}


def setUpModule() -> None:
    """Brings the world, once for all tests."""
    WorldTest.bring()


def tearDownModule() -> None:
    """Closes and removes everything that the tests opened and made."""
    WorldTest.stack.close()


class WorldTest(unittest.TestCase):
    """What all tests of the world share."""

    stack: ClassVar[ExitStack] = ExitStack()
    world: ClassVar[pathlib.Path]
    observed: ClassVar[dict[str, Any]]
    accounts: ClassVar[dict[str, Account]]

    @classmethod
    def bring(cls) -> None:
        """Reads all access points of the world."""
        cls.world = support.world()
        cls.observed = json.loads((cls.world / "observed.json").read_text(encoding="utf-8"))
        findings = Findings()
        cls.accounts = {name: report.account(cls.stack.enter_context(Home(cls.world / name, findings)), findings)
                        for name in verify_demo.ACCESS_POINTS}

    def damaged(self, name: str, part: str, damage: Callable[[pathlib.Path], object]) -> list[str]:
        """What is found when files in one part of an access point's home were changed."""
        findings = Findings()
        with tempfile.TemporaryDirectory() as directory:
            home = pathlib.Path(directory)
            for file in (self.world / name).iterdir():
                (home / file.name).symlink_to(file) if file.name != part else shutil.copytree(file, home / part)
            damage(home)
            try:
                with Home(home, findings) as changed:
                    accounts = {**self.accounts, name: report.account(changed, findings)}
                    document = report.document(list(accounts.values()), self.observed, findings)
            except report.UNREADABLE as error:
                return [f"{name}: {error}"]
            return [*findings.found, *verify_demo.differences("", self.observed, document)]

    def findings(self, name: str, change: Callable[[sqlite3.Connection], object]) -> list[str]:
        """What is found when the store of one access point was changed."""
        return self.damaged(name, "store", lambda home: _in_store(home, change))

    def rows(self, table: str, only_first: bool = False) -> Iterator[tuple[str, int]]:
        """Of every kind of row of a table, at every access point, the first and the last."""
        condition, kinds = EVIDENCE[table], _KINDS.get(table, "NULL")
        for name, account in self.accounts.items():
            if account.home.has_table(table):
                for row in account.home.rows(f"SELECT MIN(rowid), MAX(rowid) FROM {table} WHERE {condition} "
                                             f"GROUP BY {kinds}"):
                    yield from ((name, rowid) for rowid in ({row[0]} if only_first else {row[0], row[1]}))


#: Between them these have every kind of row: one publishes, one is on both sides of a referral.
_ENOUGH = ("moha", "hanoi")
#: What makes rows of a table differ in kind.
_KINDS = {
    "outbox": "recipient, lane, state, contract",
    "outbox_content": "(SELECT recipient || lane FROM outbox o WHERE o.serial = outbox_content.serial)",
    "sent": "recipient, lane",
    "received": "sender, recipient, lane, outcome",
    "receipt_issued": "sender, recipient, lane, series",
    "receipt_held": "issuer, recipient, lane, series",
    "counted": "sender",
    "counted_there": "recipient",
    "promise": "sender, lane",
    "referral_branch": "holder",
    "referral_event": "branch, holder, side, sealed IS NULL",
    "referral_content": "owner, part",
    "referral_request": "system, referral, branch",
    "referral_change": "party, branch, side",
}


class WholeTest(WorldTest):
    """The world as it is."""

    def test_everything_verifies_and_is_what_was_observed(self) -> None:
        for name in verify_demo.ACCESS_POINTS:
            self.assertEqual(self.findings(name, lambda _: None), [])

    def test_every_table_is_evidence_or_known_to_be_none(self) -> None:
        for account in self.accounts.values():
            tables = {row[0] for row in account.home.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
            self.assertEqual(tables - EVIDENCE.keys() - NO_EVIDENCE, set())

    def test_every_kind_of_evidence_is_there(self) -> None:
        for table in EVIDENCE:
            with self.subTest(table=table):
                self.assertTrue(list(self.rows(table)), "the world has no row of it")


class ProgramTest(WorldTest):
    """The program that a person runs."""

    def verified(self, observed: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
        """Exit code, report and what is said of differences, when this was observed."""
        with tempfile.TemporaryDirectory() as directory:
            world = pathlib.Path(directory)
            for name in verify_demo.ACCESS_POINTS:
                (world / name).symlink_to(self.world / name)
            (world / "observed.json").write_text(json.dumps(observed), encoding="utf-8")
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
                code = verify_demo.main([directory])
            return code, json.loads((world / "report.json").read_text(encoding="utf-8")), said.getvalue()

    def test_the_report_has_every_value_that_was_observed(self) -> None:
        code, document, said = self.verified(self.observed)
        self.assertEqual((code, said), (0, ""))
        self.assertEqual(list(verify_demo.differences("", self.observed, document)), [])

    def test_every_other_value_is_named(self) -> None:
        other = json.loads(json.dumps(self.observed))
        other["observations"]["held"]["moh"]["count"] += 1
        other["referral"]["timeline"][3]["state"] = "CLOSED"
        other["referral"]["timeline"].pop()
        other["receipts"]["verified"] -= 1
        code, _, said = self.verified(other)
        self.assertEqual(code, 1)
        for path in ("observations.held.moh.count", "referral.timeline:", "referral.timeline[3].state", "receipts.verified"):
            self.assertIn(path, said)

    def test_times_are_compared_as_instants(self) -> None:
        same = verify_demo.differences("", {"time": "2026-11-23T08:00:00.50Z"}, {"time": "2026-11-23T08:00:00.5Z"})
        self.assertEqual(list(same), [])
        other = verify_demo.differences("", {"time": "2026-11-23T08:00:00.5Z"}, {"time": "2026-11-23T08:00:00.05Z"})
        self.assertEqual(len(list(other)), 1)

    def test_a_world_without_a_home_is_a_difference(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            findings = Findings()
            report.recompute(pathlib.Path(directory), ["moh"], {}, findings)
            self.assertEqual(len(findings.found), 1)


class MissingTest(WorldTest):
    """Evidence that was taken away."""

    def test_no_row_can_be_deleted(self) -> None:
        for table in EVIDENCE:
            for name, rowid in self.rows(table):
                with self.subTest(access_point=name, table=table, rowid=rowid):
                    self.assertTrue(self.findings(name, _delete(table, rowid)))

    def test_no_table_can_be_emptied(self) -> None:
        for table, condition in EVIDENCE.items():
            for name in sorted({name for name, _ in self.rows(table)}):
                with self.subTest(access_point=name, table=table):
                    found = self.findings(name, lambda store: store.execute(f"DELETE FROM {table} WHERE {condition}"))
                    self.assertTrue(found)


class ChangedTest(WorldTest):
    """Evidence that was changed."""

    def test_no_column_can_be_changed(self) -> None:
        for table in EVIDENCE:
            for name, rowid in self.rows(table, only_first=True):
                if name not in _ENOUGH:
                    continue
                row = self.accounts[name].home.rows(f"SELECT * FROM {table} WHERE rowid = ?", rowid)[0]
                for column in set(row.keys()) - LOCAL.get(table, set()):
                    if row[column] is not None:
                        with self.subTest(access_point=name, table=table, rowid=rowid, column=column):
                            self.assertTrue(self.findings(name, _set(table, rowid, column, row[column])))

    def test_nothing_that_events_sealed_can_be_taken_away_or_moved(self) -> None:
        sealed = [row[0] for row in self.accounts["hanoi"].home.rows(
            "SELECT rowid FROM referral_event WHERE sealed IS NOT NULL")]
        self.assertGreater(len(sealed), 1)
        other = "(SELECT o.sealed FROM referral_event o WHERE o.sealed <> referral_event.sealed)"
        for rowid in sealed:
            for change in ("digest = NULL", "sealed = NULL", "digest = NULL, sealed = NULL", f"sealed = {other}"):
                with self.subTest(rowid=rowid, change=change):
                    self.assertTrue(self.findings("hanoi", lambda store: _one(store.execute(
                        f"UPDATE referral_event SET {change} WHERE rowid = ?", (rowid,)))))

    def test_no_file_can_be_changed(self) -> None:
        for name in verify_demo.ACCESS_POINTS:
            home = self.world / name
            for file in (*home.glob("directory/**/*.*"), *home.glob("kek/*"), *home.glob("keys/sealing/*")):
                path = file.relative_to(home)
                with self.subTest(access_point=name, file=path.name):
                    self.assertTrue(self.damaged(name, path.parts[0], lambda copy: _flip(copy / path)))

    def test_a_store_that_lost_its_end_is_found(self) -> None:
        for name in verify_demo.ACCESS_POINTS:
            for kept in (0.0, 0.5, 0.9):
                with self.subTest(access_point=name, kept=kept):
                    self.assertTrue(self.damaged(name, "store", lambda copy: _cut(copy / "store", kept)))

    def test_no_file_can_be_taken_away(self) -> None:
        for name in verify_demo.ACCESS_POINTS:
            home = self.world / name
            for file in (*home.glob("directory/releases/*"), *home.glob("directory/attachments/*"), *home.glob("kek/*")):
                path = file.relative_to(home)
                with self.subTest(access_point=name, file=path.name):
                    self.assertTrue(self.damaged(name, path.parts[0], lambda copy: (copy / path).unlink()))


def _delete(table: str, rowid: int) -> Callable[[sqlite3.Connection], None]:
    return lambda store: _one(store.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,)))


def _set(table: str, rowid: int, column: str, value: Any) -> Callable[[sqlite3.Connection], None]:
    """Gives a column another value: the nearest that the table's own constraints allow."""
    def change(store: sqlite3.Connection) -> None:
        update = f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?"
        if store.execute(update, (_changed(value, 1), rowid)).rowcount == 0:
            _one(store.execute(update, (_changed(value, 1_000_003), rowid)))

    return change


def _in_store(home: pathlib.Path, change: Callable[[sqlite3.Connection], object]) -> None:
    connection = sqlite3.connect(home / "store/store.db")
    with connection:
        change(connection)
    connection.close()


def _cut(store: pathlib.Path, kept: float) -> None:
    """Cuts the file that holds the newest pages: the write-ahead log where there is one."""
    log = store / "store.db-wal"
    file = log if log.exists() and log.stat().st_size else store / "store.db"
    with file.open("r+b") as opened:
        opened.truncate(int(file.stat().st_size * kept))


def _flip(file: pathlib.Path) -> None:
    data = bytearray(file.read_bytes())
    # In a key file of one line the last digits are the key's.
    data[-3] ^= 1
    file.write_bytes(data)


def _one(cursor: sqlite3.Cursor) -> None:
    if cursor.rowcount != 1:
        raise ValueError(f"{cursor.rowcount} rows were changed instead of one")


def _changed(value: Any, by: int) -> Any:
    """Another value of the same type: a flipped bit, another number, another text."""
    if isinstance(value, bytes):
        middle = len(value) // 2
        return value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1:] if value else b"\1"
    if isinstance(value, int):
        return value + by
    return value[:-1] + ("y" if value.endswith("x") else "x")


if __name__ == "__main__":
    unittest.main()
