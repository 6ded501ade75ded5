"""The message classes, generated from the contracts at run time.

Nothing generated is committed: protoc runs over the contracts of this checkout and writes below target/, under a
name taken from the contracts' digest, so that a changed contract is never read with old classes. The directory is
complete before it gets its name, so that several processes may start at once.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[4]
_PROTO = ROOT / "proto"
_PACKAGES = ("type", "envelope", "directory", "indicator", "referral", "accesspoint")
_IMPORTED = ("buf/validate/validate", "google/api/field_behavior", "google/type/date")


def _protoc() -> str:
    """The pinned compiler, or the one named by NHIPCAU_PROTOC."""
    return os.environ.get("NHIPCAU_PROTOC", str(ROOT / "target/tools/protoc/bin/protoc"))


def _files() -> list[pathlib.Path]:
    """What is stored, signed or sent; a verifier calls no service."""
    own = [file for area in _PACKAGES for file in (_PROTO / "nhipcau" / area / "v1").glob("*.proto")
           if not file.stem.endswith("_service")]
    return sorted([*own, *(_PROTO / "third_party" / f"{name}.proto" for name in _IMPORTED)])


def _generate() -> pathlib.Path:
    """The directory of the generated modules; made if it is not there."""
    files = _files()
    mark = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]
    wanted = ROOT / "target/clients/python" / mark
    if wanted.is_dir():
        return wanted
    compiler = _protoc()
    if shutil.which(compiler) is None:
        sys.exit(f"there is no protoc at {compiler}; run 'make setup' first")
    wanted.parent.mkdir(parents=True, exist_ok=True)
    made = pathlib.Path(tempfile.mkdtemp(dir=wanted.parent))
    command = [compiler, f"--proto_path={_PROTO / 'third_party'}", f"--proto_path={_PROTO}", f"--python_out={made}"]
    try:
        subprocess.run([*command, *map(str, files)], check=True)
        made.rename(wanted)
    except OSError:
        if not wanted.is_dir():
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return wanted


sys.path.insert(0, str(_generate()))

#: nhipcau/type/v1/sensitivity.proto
sensitivity_pb: Any = importlib.import_module("nhipcau.type.v1.sensitivity_pb2")
#: nhipcau/envelope/v1/envelope.proto
envelope_pb: Any = importlib.import_module("nhipcau.envelope.v1.envelope_pb2")
#: nhipcau/envelope/v1/signal.proto
signal_pb: Any = importlib.import_module("nhipcau.envelope.v1.signal_pb2")
#: nhipcau/envelope/v1/reconciliation.proto
reconciliation_pb: Any = importlib.import_module("nhipcau.envelope.v1.reconciliation_pb2")
#: nhipcau/directory/v1/release.proto
release_pb: Any = importlib.import_module("nhipcau.directory.v1.release_pb2")
#: nhipcau/directory/v1/bulletin.proto
bulletin_pb: Any = importlib.import_module("nhipcau.directory.v1.bulletin_pb2")
#: nhipcau/directory/v1/participant.proto
participant_pb: Any = importlib.import_module("nhipcau.directory.v1.participant_pb2")
#: nhipcau/indicator/v1/indicator.proto
indicator_pb: Any = importlib.import_module("nhipcau.indicator.v1.indicator_pb2")
#: nhipcau/indicator/v1/indicator_event.proto
indicator_event_pb: Any = importlib.import_module("nhipcau.indicator.v1.indicator_event_pb2")
#: nhipcau/referral/v1/referral.proto
referral_pb: Any = importlib.import_module("nhipcau.referral.v1.referral_pb2")
#: nhipcau/referral/v1/referral_basis.proto
referral_basis_pb: Any = importlib.import_module("nhipcau.referral.v1.referral_basis_pb2")
#: nhipcau/referral/v1/referral_event.proto
referral_event_pb: Any = importlib.import_module("nhipcau.referral.v1.referral_event_pb2")
#: nhipcau/referral/v1/referral_work.proto
referral_work_pb: Any = importlib.import_module("nhipcau.referral.v1.referral_work_pb2")
#: nhipcau/accesspoint/v1/evidence.proto
evidence_pb: Any = importlib.import_module("nhipcau.accesspoint.v1.evidence_pb2")
