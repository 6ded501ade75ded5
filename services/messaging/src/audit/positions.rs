//! The positions of one channel: what lies there, whose it is, and what stands before it.

use jiff::Timestamp;
use prost::Message;

use super::{Fault, Place, Scribe};
use crate::{
    engine::RestError,
    envelope::{self, Proof, Trust, Verified, wire},
    message::Recipient,
    pae::{self, Digest},
    store::{
        Error, Tx,
        evidence::{self as rows, Position, Side},
    },
};

/// The row of a channel's case keys that belongs to no case.
const NO_CASE: [u8; 16] = [0; 16];

/// What is known of a channel's positions.
#[derive(Default)]
pub(super) struct Channel {
    /// What each row says, in order.
    pub(super) rows: Vec<Row>,
    /// The envelopes without their bytes; as many as rows where each was verified.
    pub(super) verified: Vec<Verified>,
}

/// What a row says of its position.
pub(super) struct Row {
    pub(super) sequence: u64,
    pub(super) incarnation: u64,
    pub(super) digest: Digest,
    pub(super) outcome: i64,
}

impl Channel {
    /// The row of a position.
    pub(super) fn at(&self, sequence: u64) -> Option<&Row> {
        let index = self.rows.binary_search_by_key(&sequence, |row| row.sequence).ok()?;
        self.rows.get(index)
    }
}

/// Checks every position.
pub(super) fn check(scribe: &mut Scribe<'_>, tx: &mut Tx<'_>) -> Result<Channel, Error> {
    let mut channel = Channel::default();
    let (mut next, mut before) = (1, [0; 32]);
    loop {
        let page = rows::positions(tx, scribe.channel, next - 1)?;
        if page.is_empty() {
            return Ok(channel);
        }
        for position in page {
            let follows = position.sequence == next;
            if !follows {
                scribe.find(Place::Positions(next, position.sequence - 1), Fault::Missing);
            }
            let verified = verify(scribe, &position, tx)?;
            if let Some(verified) = &verified
                && follows
                && verified.routing.previous != before
            {
                scribe.find(here(&position), Fault::WrongPrevious);
            }
            next = position.sequence + 1;
            before = position.digest;
            channel.verified.extend(verified);
            let Position { sequence, incarnation, digest, outcome, .. } = position;
            channel.rows.push(Row { sequence, incarnation, digest, outcome });
        }
    }
}

fn here(position: &Position) -> Place {
    Place::Positions(position.sequence, position.sequence)
}

/// The envelope at a position, verified; without its bytes, which are needed no more.
fn verify(scribe: &mut Scribe<'_>, position: &Position, tx: &mut Tx<'_>) -> Result<Option<Verified>, Error> {
    let counts = &mut scribe.report.counts;
    match scribe.channel.side {
        Side::Sent => counts.sent += 1,
        Side::Received => counts.received += 1,
    }
    let Some((bytes, is_erased)) = bytes(scribe, position, tx)? else { return Ok(None) };
    let Ok(envelope) = wire::Envelope::decode(bytes.as_slice()) else {
        scribe.find(here(position), Fault::Envelope(envelope::Rejected::Malformed));
        return Ok(None);
    };
    // A key revoked since is believed for what was accepted before.
    let trust = Trust { erased: is_erased, revoked: true };
    let checked = envelope::verify(envelope, pae::ENVELOPE, scribe.auditor.release, Timestamp::MAX, trust);
    let mut verified = match checked {
        Ok(verified) => verified,
        Err(rejected) => {
            scribe.find(here(position), Fault::Envelope(rejected));
            return Ok(None);
        }
    };
    let counts = &mut scribe.report.counts;
    counts.envelopes += 1;
    counts.erased += u64::from(is_erased);
    let is_proof = |kept: &Vec<u8>| Proof::from_slice(kept).is_some_and(|proof| is_erased || proof.opens(&verified));
    if !is_the_rows(scribe, position, &verified) || !position.proof.as_ref().is_none_or(is_proof) {
        scribe.find(here(position), Fault::RowDiffers);
        return Ok(None);
    }
    verified.envelope = wire::Envelope::default();
    Ok(Some(verified))
}

fn is_the_rows(scribe: &Scribe<'_>, position: &Position, verified: &Verified) -> bool {
    let (channel, r) = (scribe.channel, &verified.routing);
    let sender = match channel.side {
        Side::Sent => scribe.auditor.me.as_str(),
        Side::Received => channel.sender.as_str(),
    };
    r.sender.as_str() == sender
        && r.recipient.as_str() == channel.recipient
        && r.lane.is_some_and(|lane| i64::from(lane.number()) == channel.lane)
        && (r.sequence, r.incarnation, r.id) == (position.sequence, position.incarnation, position.id)
        && verified.digest == position.digest
}

/// The bytes of an envelope, and whether its parts were erased.
fn bytes(scribe: &mut Scribe<'_>, p: &Position, tx: &mut Tx<'_>) -> Result<Option<(Vec<u8>, bool)>, Error> {
    let Some(stored) = &p.envelope else {
        scribe.report.counts.unopened += u64::from(p.erased.is_none());
        return Ok(p.erased.clone().map(|bytes| (bytes, true)));
    };
    if scribe.channel.recipient == Recipient::All.as_str() {
        return Ok(Some((stored.clone(), false)));
    }
    let kek = rows::kek_of(tx, p.correlation.as_ref().unwrap_or(&NO_CASE))?;
    if kek.as_ref().is_some_and(|kek| !scribe.auditor.keks.contains(kek)) {
        scribe.report.counts.unopened += 1;
        return Ok(None);
    }
    let (table, row): (&str, &[u8]) = match scribe.channel.side {
        Side::Sent => ("sent", &p.id.0),
        Side::Received => ("received", &p.digest),
    };
    let opened = scribe.auditor.keys.wake(p.correlation.as_ref(), table, row, Some(stored), tx);
    match opened {
        Ok(Some(bytes)) => Ok(Some((bytes, false))),
        Ok(None) | Err(RestError::Key(_)) => {
            scribe.find(here(p), Fault::Unopenable);
            Ok(None)
        }
        Err(RestError::Store(error)) => Err(error),
    }
}
