"""Promises: what an access point told a sender about the incarnation it accepts from then on. Both have to have agreed
on one for each lane before anything is signed, so that after a common start there is one for each pair.

A promise is working state, and evidence of one thing: that an older process of the sender was superseded. That rests
on the sender's own signature, so the proposal is verified and must be what was promised.
"""

from __future__ import annotations

import sqlite3

from nhipcau_verify import status
from nhipcau_verify.channel import ChannelName
from nhipcau_verify.errors import Reason, require

from .channels import Channels
from .findings import Findings
from .home import Home


def check(home: Home, accepted: Channels, findings: Findings) -> frozenset[ChannelName]:
    """Checks table `promise` against the proposals in it and the positions that were accepted. Gives the channels that
    something was promised on."""
    rows = {(row["sender"], row["recipient"], row["lane"]): row for row in home.rows("SELECT * FROM promise")}
    for channel, row in rows.items():
        with findings.at(f"{home.name} promise to {channel[0]}, lane {channel[2]}"):
            _check_proposal(home, row)
    for (sender, recipient, lane), positions in accepted.items():
        if recipient != home.name or sender == home.name or not positions:
            continue
        where = f"{home.name} promise to {sender}, lane {lane}"
        given = rows.get((sender, recipient, lane))
        if findings.expect(given is not None, where, "is missing, and positions were accepted") and given is not None:
            last = positions[-1].envelope.routing
            findings.expect(last.incarnation <= given["incarnation"], where, "is lower than what was accepted")
            bases = {position.envelope.routing.base_sequence for position in positions
                     if position.envelope.routing.incarnation == given["incarnation"]}
            findings.expect(bases <= {given["base_sequence"]}, where, "names another base than the envelopes")
    for channel, row in rows.items():
        heads = [position.sequence for position in accepted.get(channel, [])]
        agreed = row["base_sequence"] is None or row["base_sequence"] <= max(heads, default=0)
        findings.expect(agreed, f"{home.name} promise to {channel[0]}, lane {channel[2]}", "names a base beyond its head")
    return frozenset(rows)


def _check_proposal(home: Home, row: sqlite3.Row) -> None:
    if not row["proposal"]:
        # Learned from an envelope, which speaks for itself.
        return
    proposed = status.verify(row["proposal"], home.keys).statement
    signer = (proposed.sender, proposed.signing_key)
    home.directory.check_signer(signer, proposed.directory_version, proposed.create_time)
    named = (proposed.sender, proposed.recipient, proposed.run) == (row["sender"], home.name, row["run"])
    require(named, Reason.NOT_THE_READERS, "was proposed by another, to another or in another run")
    offered = [channel.incarnation for channel in proposed.outgoing
               if channel.lane == row["lane"] and not channel.broadcast]
    require(offered == [row["incarnation"]], Reason.WRONG_INCARNATION, "is not what was proposed")
