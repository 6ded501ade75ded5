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
_PACKAGES = ("nhipcau/type/v1", "nhipcau/envelope/v1")


def _protoc() -> str:
    """The pinned compiler, or the one named by NHIPCAU_PROTOC."""
    return os.environ.get("NHIPCAU_PROTOC", str(ROOT / "target/tools/protoc/bin/protoc"))


def _generate() -> pathlib.Path:
    """The directory of the generated modules; made if it is not there."""
    files = sorted(file for package in _PACKAGES for file in (_PROTO / package).glob("*.proto"))
    mark = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]
    wanted = ROOT / "target/clients/python" / mark
    if wanted.is_dir():
        return wanted
    compiler = _protoc()
    if shutil.which(compiler) is None:
        sys.exit(f"there is no protoc at {compiler}; run 'make setup' first")
    wanted.parent.mkdir(parents=True, exist_ok=True)
    made = pathlib.Path(tempfile.mkdtemp(dir=wanted.parent))
    command = [compiler, f"--proto_path={_PROTO}", f"--proto_path={_PROTO / 'third_party'}", f"--python_out={made}"]
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

#: nhipcau/envelope/v1/envelope.proto
envelope_pb: Any = importlib.import_module("nhipcau.envelope.v1.envelope_pb2")
#: nhipcau/envelope/v1/signal.proto
signal_pb: Any = importlib.import_module("nhipcau.envelope.v1.signal_pb2")
