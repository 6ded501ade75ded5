"""Submissions of figures, read from the signed broadcasts that published them.

A large submission travels in pieces before the event that names them by digest. The same submission may have been
published twice, by a publisher that was restored in between; then the earlier publication counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from nhipcau_verify.contracts import indicator_event_pb as event_pb
from nhipcau_verify.contracts import indicator_pb as pb
from nhipcau_verify.errors import Reason, require
from nhipcau_verify.instant import microseconds
from nhipcau_verify.wire import parse

from .channels import Position
from .findings import Findings

CONTRACT = "nhipcau.indicator.v1"
_EVENT = "nhipcau.indicator.v1.IndicatorEvent"
_PIECE = "nhipcau.indicator.v1.Chunk"


@dataclass(frozen=True)
class Row:
    """What a dataset says of one observation, or in a deletion of several. An empty value is none."""

    action: int
    key: str
    period: str
    value: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Submission:
    """A published submission."""

    provider: str
    id: bytes
    structure: str
    dataflow: str
    ordinal: int
    publish_time: int
    observation_count: int
    access_point: str
    envelope: bytes
    position: int
    rows: tuple[Row, ...]

    @property
    def order(self) -> tuple[int, bytes]:
        """Submissions of a provider and structure apply in this order, whatever the order of their arrival."""
        return self.publish_time, self.id


def read(positions: Iterable[Position], where: str, findings: Findings) -> list[Submission]:
    """The submissions in broadcasts of one access point, in the order in which they apply."""
    bodies = [(position, position.opened.control.message, position.opened.content[0]) for position in positions
              if position.opened is not None and position.opened.control.contract == CONTRACT
              and len(position.opened.content) == 1]
    pieces = {hashlib.sha256(body).digest(): body for _, message, body in bodies if message == _PIECE}
    found: dict[tuple[str, bytes], Submission] = {}
    for position, message, body in bodies:
        if message != _EVENT:
            continue
        with findings.at(f"{where} position {position.sequence}"):
            submission = _submission(position, parse(event_pb.IndicatorEvent, body), pieces)
            known = found.get((submission.provider, submission.id))
            if known is None or submission.publish_time < known.publish_time:
                found[submission.provider, submission.id] = submission
    return sorted(found.values(), key=lambda item: (item.provider, item.structure, item.order))


def _submission(position: Position, event: Any, pieces: dict[bytes, bytes]) -> Submission:
    require(event.WhichOneof("event") == "submission_published", Reason.MALFORMED, "an event of another kind")
    published = event.submission_published
    provider, name = published.data_provider, published.submission
    prefix = f"parties/{provider}/submissions/"
    require(name.startswith(prefix), Reason.MALFORMED, "a submission of another provider")
    assert position.opened is not None
    require(position.opened.control.sender.party == provider, Reason.MALFORMED, "published in another party's name")
    missing = [digest for digest in published.chunks if digest not in pieces]
    require(not missing, Reason.PART_MISMATCH, f"{len(missing)} pieces of a submission are missing")
    datasets = list(published.datasets)
    for digest in published.chunks:
        datasets.extend(parse(pb.Chunk, pieces[digest]).datasets)
    routing = position.envelope.routing
    return Submission(
        provider, bytes.fromhex(name[len(prefix):].replace("-", "")), published.structure, published.dataflow,
        published.ordinal, microseconds(published.publish_time), published.observation_count, routing.sender,
        routing.id, routing.sequence, rows(datasets),
    )


def rows(datasets: Iterable[Any]) -> tuple[Row, ...]:
    """The rows of datasets in the order in which they apply."""
    return tuple(row for dataset in datasets for row in _dataset(dataset))


def _dataset(dataset: Any) -> Iterator[Row]:
    require(dataset.action in (pb.ACTION_MERGE, pb.ACTION_REPLACE, pb.ACTION_DELETE), Reason.MALFORMED, "no action")
    for item in dataset.observations:
        value = item.value if item.HasField("value") else ""
        yield Row(dataset.action, item.key, item.time_period, value, tuple(sorted(item.attributes.items())))
    for block in dataset.blocks:
        for at, period in enumerate(block.time_periods):
            value = block.values[at] if block.values else ""
            yield Row(dataset.action, block.key, period, value, tuple(sorted(_attributes(block, at))))


def _attributes(block: Any, at: int) -> Iterator[tuple[str, str]]:
    for column in block.attributes:
        position = column.positions[0] if len(column.positions) == 1 else column.positions[at]
        if position:
            yield column.attribute, column.texts[position - 1]
