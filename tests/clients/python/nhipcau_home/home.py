"""The directory of one access point: configuration, keys, signed directory and a copy of the store.

The store is copied before it is opened, write-ahead log included, so that nothing here ever changes evidence.
"""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import sqlite3
import tempfile
import tomllib
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from nhipcau_verify.directory import Directory, load
from nhipcau_verify.errors import Reason, VerificationError, require
from nhipcau_verify.keyring import Keyring
from nhipcau_verify.rest import open_body, unwrap_case_key

from .findings import Findings

#: The case of what belongs to no case.
NO_CASE = bytes(16)
_SCHEMA_VERSION = 19
_DEFAULTS = {"store": ("path", "store/store.db"), "keys": ("directory", "keys"), "directory": ("path", "directory")}


@dataclass(frozen=True)
class Paths:
    """Where an access point keeps what."""

    store: pathlib.Path
    keys: pathlib.Path
    kek: pathlib.Path
    directory: pathlib.Path


class Home:
    """An access point that was stopped. To be closed after use."""

    def __init__(self, path: pathlib.Path, findings: Findings) -> None:
        """Reads everything; a finding is made of what does not verify."""
        document = tomllib.loads((path / "nhipcau.toml").read_text(encoding="utf-8"))
        paths = _paths(path, document)
        self.name: str = document["access_point"]["name"]
        self.directory: Directory = _directory(paths.directory, document["directory"]["fingerprint"])
        self.keys = Keyring(self.directory.signing_keys(), _sealing_keys(self.name, paths.keys / "sealing"))
        self._keks = dict(_key(file, "nhipcau-kek/1") for file in _files(paths.kek, "key"))
        self._copy = tempfile.TemporaryDirectory(prefix="nhipcau-verify-")
        self.store = _open_copy(paths.store, pathlib.Path(self._copy.name))
        self._check(paths, findings)
        self._case_keys = self._unwrap_case_keys(findings)

    def __enter__(self) -> Home:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.store.close()
        self._copy.cleanup()

    def rows(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        """The rows of a query."""
        return self.store.execute(sql, parameters).fetchall()

    def has_table(self, name: str) -> bool:
        """Whether the store has a table; services bring their own."""
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name))

    def erased_cases(self) -> frozenset[bytes]:
        """Cases whose content was erased here, or of which an envelope is older than the retention; ids, digests and what services keep in the clear are left of them."""
        return frozenset(row[0] for row in self.rows(
            "SELECT correlation FROM received WHERE erased IS NOT NULL AND correlation <> x'' "
            "UNION SELECT correlation FROM sent WHERE erased IS NOT NULL AND correlation <> x''"))

    def wake(self, case: bytes, table: str, row: bytes, stored: bytes) -> bytes:
        """Opens a body at rest by the key of its case."""
        key = self._case_keys.get(case or NO_CASE)
        if key is None:
            raise VerificationError(Reason.NOT_AT_REST, f"a body of {table} has no case key")
        return open_body(key, table, row, stored)

    def _unwrap_case_keys(self, findings: Findings) -> dict[bytes, bytes]:
        keys = {}
        for row in self.rows("SELECT correlation, kek, wrapped FROM case_key"):
            where = f"{self.name} case_key {row['correlation'].hex()}"
            with findings.at(where):
                require(row["kek"] in self._keks, Reason.NOT_AT_REST, "its key-encryption key is missing")
                keys[row["correlation"]] = unwrap_case_key(self._keks[row["kek"]], row["correlation"], row["wrapped"])
        return keys

    def _check(self, paths: Paths, findings: Findings) -> None:
        sound = [row[0] for row in self.rows("PRAGMA integrity_check")]
        findings.expect(sound == ["ok"], self.name, "the store is damaged")
        version = self.rows("PRAGMA user_version")[0][0]
        findings.expect(version == _SCHEMA_VERSION, self.name, f"the store has schema version {version}")
        fences = self.rows("SELECT value FROM fence")
        findings.expect(len(fences) == 1, self.name, "the store does not have one fence")
        own = {name: key for name, key in self.directory.newest.sealing.items() if name[0] == self.name}
        findings.expect(bool(own), self.name, "the directory has no sealing key of this access point")
        for name, private in self.keys.sealing.items():
            public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
            fits = name not in own or own[name].public == public
            findings.expect(fits, f"{self.name} sealing key {name[1]}", "is not the one in the directory")
        self._check_attachments(paths.directory / "attachments", findings)

    def _check_attachments(self, directory: pathlib.Path, findings: Findings) -> None:
        for wire in self.directory.newest.message.attachments:
            where = f"{self.name} attachment {wire.name}"
            file = directory / wire.name
            if findings.expect(file.parent == directory and file.is_file(), where, "is missing"):
                data = file.read_bytes()
                same = len(data) == wire.size_bytes and hashlib.sha256(data).digest() == wire.digest
                findings.expect(same, where, "is not the file that the release names")


def _paths(home: pathlib.Path, document: dict[str, Any]) -> Paths:
    def at(section: str, key: str, default: str) -> pathlib.Path:
        return home / str(document.get(section, {}).get(key, default))

    found = {section: at(section, key, default) for section, (key, default) in _DEFAULTS.items()}
    return Paths(found["store"], found["keys"], at("keys", "kek", "kek"), found["directory"])


def _directory(path: pathlib.Path, fingerprint: str) -> Directory:
    releases = [file.read_bytes() for file in _files(path / "releases", "release")]
    revoked = _files(path / "revocations", "revocation")
    # What came over the bus is named by its SHA-256.
    by_hand, heard = ([file.read_bytes() for file in revoked if (len(file.stem) == 64) is over_bus]
                      for over_bus in (False, True))
    announced = [file.read_bytes() for file in _files(path / "bulletins", "bulletin")]
    return load(bytes.fromhex(fingerprint), releases, by_hand, heard, announced)


def _sealing_keys(name: str, path: pathlib.Path) -> dict[tuple[str, str], bytes]:
    read = (_key(file, "nhipcau-sealing/1") for file in _files(path, "key"))
    return {(name, key_id): private for key_id, private in read}


def _key(file: pathlib.Path, kind: str) -> tuple[str, bytes]:
    """A key file is one line: kind, id, 32 bytes in hexadecimal."""
    found, key_id, digits = file.read_text(encoding="ascii").split()
    require(found == kind and len(digits) == 64, Reason.MALFORMED, f"{file.name} holds no key of kind {kind}")
    return key_id, bytes.fromhex(digits)


def _files(directory: pathlib.Path, extension: str) -> list[pathlib.Path]:
    return sorted(directory.glob(f"*.{extension}")) if directory.is_dir() else []


def _open_copy(store: pathlib.Path, directory: pathlib.Path) -> sqlite3.Connection:
    for suffix in ("", "-wal"):
        file = store.with_name(store.name + suffix)
        if not suffix or file.exists():
            shutil.copyfile(file, directory / file.name)
    connection = sqlite3.connect(directory / store.name)
    connection.execute("PRAGMA query_only = ON")
    connection.row_factory = sqlite3.Row
    return connection
