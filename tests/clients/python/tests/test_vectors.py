"""The committed vectors hold, are what the generator makes, and the checker sees when one does not hold."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import pathlib
import tempfile
import unittest
from typing import Any

import check_vectors
import make_vectors
from nhipcau_verify.errors import WITHOUT_VECTORS, Reason

VECTORS = check_vectors.load(make_vectors.HERE / "vectors")
GIVEN = check_vectors.Given(
    check_vectors.keyring(VECTORS["keys"]), check_vectors.channels(VECTORS["chain"])
)


def changed(value: Any) -> Any:
    """The same recorded value with its first letter or number replaced."""
    if isinstance(value, list):
        return [changed(value[0]), *value[1:]]
    if isinstance(value, dict):
        return {key: number + 90 for key, number in value.items()}
    if isinstance(value, int):
        return value + 1
    return ("1" if value[0] == "0" else "0") + value[1:]


class VectorTest(unittest.TestCase):
    """Golden vectors."""

    def test_every_committed_vector_holds(self) -> None:
        for kind, cases in VECTORS.items():
            for case in cases:
                with self.subTest(kind=kind, case=case["name"]):
                    self.assertEqual(check_vectors.outcome(kind, case, GIVEN), case.get("expect", "ok"))

    def test_the_generator_makes_the_committed_bytes(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            make_vectors.main([directory])
            self.assertEqual(check_vectors.load(pathlib.Path(directory)), VECTORS)

    def test_every_reason_has_a_vector(self) -> None:
        shown = {case.get("expect") for cases in VECTORS.values() for case in cases}
        self.assertEqual({reason for reason in Reason if reason.value not in shown}, WITHOUT_VECTORS)

    def test_names_are_unique_within_a_kind(self) -> None:
        for kind, cases in VECTORS.items():
            names = [case["name"] for case in cases]
            self.assertEqual(sorted(set(names)), sorted(names), kind)

    def test_a_changed_recorded_value_is_noticed(self) -> None:
        recorded = {
            "keys": ["signing_public", "sealing_public"],
            "pae": ["encoded"],
            "padding": ["content"],
            "envelope": ["digest", "wrap_info", "channel_key", "salt", "prk", "aad", "part_keys", "commitments",
                         "parts", "content_encoding"],
            "chain": ["digests"],
            "receipt": ["digests", "received", "refused", "contradicted", "lost"],
            "status": ["statement", "signature"],
            "return": ["content", "receipts"],
        }
        for kind, fields in recorded.items():
            for field in fields:
                with self.subTest(kind=kind, field=field):
                    whole = next(case for case in VECTORS[kind] if case.get(field))
                    case = copy.deepcopy(whole) | {field: changed(whole[field])}
                    self.assertNotEqual(check_vectors.outcome(kind, case, GIVEN), "ok")

    def test_a_failing_directory_exits_with_an_error(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            document = {"format": 1, "kind": "pae", "cases": [{"name": "wrong", "pieces": [], "encoded": "00"}]}
            pathlib.Path(directory, "pae.json").write_text(json.dumps(document), encoding="utf-8")
            said, complained = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
                self.assertEqual(check_vectors.main([directory]), 1)
            self.assertEqual(said.getvalue(), "0 passed, 1 failed\n")
            self.assertIn("pae wrong", complained.getvalue())

    def test_an_empty_directory_exits_with_an_error(self) -> None:
        with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(check_vectors.main([directory]), 1)

    def test_an_unknown_kind_is_refused(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            document = {"format": 1, "kind": "rumour", "cases": []}
            pathlib.Path(directory, "rumour.json").write_text(json.dumps(document), encoding="utf-8")
            with self.assertRaises(ValueError):
                check_vectors.main([directory])


if __name__ == "__main__":
    unittest.main()
