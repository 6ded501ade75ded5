//! What is done when a peer speaks: signals, and the status that it sends of the channels with this access point.

use std::sync::Arc;

use jiff::Timestamp;
use nhipcau_domain::{directory::Release, id::AccessPointId};
use prost::Message;

use super::{
    Engine, Error, OutgoingKey, Output,
    channel::{IncomingKey, Phase, START_SHIFT, Serving},
};
use crate::{
    envelope::wire,
    message::{Lane, Recipient},
    receipt::Number,
    signal::{self, IncomingStatus, Kind, OutgoingStatus, ReceiptHead, Run, Signal, StatusStatement},
    store::{
        Tx, held, inbox, issued,
        sent::{self, Head},
    },
};

/// Erased positions that a status may name.
const ERASED: usize = 256;

impl Engine {
    /// A signal from core NATS.
    pub(super) fn signal(
        &mut self,
        now: Timestamp,
        subject_sender: &AccessPointId,
        bytes: &[u8],
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        match Signal::decode(bytes).ok().and_then(|s| s.kind) {
            Some(Kind::Status(status)) => match signal::verify_status(&status, &self.me, &self.release, now) {
                Some((sender, statement)) if sender == *subject_sender && sender != self.me => {
                    self.hear(now, &sender, &statement, &status, tx)
                }
                _ => self.quarantine(now, subject_sender, "bad_status", bytes, tx),
            },
            Some(Kind::Returned(returned)) => self.take_return(now, subject_sender, returned, tx),
            Some(Kind::ReleaseRequest(version)) => {
                if self.release.version() >= version
                    && self.peers.contains_key(subject_sender)
                    && self.peer(subject_sender).may_serve(Serving::Release, time)
                {
                    let release = Kind::Release(self.release.signed_bytes().to_vec());
                    let bytes = Signal { kind: Some(release) }.encode_to_vec();
                    self.outputs.push(Output::Signal { recipient: subject_sender.clone(), bytes });
                }
                Ok(())
            }
            Some(Kind::Release(release)) => match Release::verify(&release, self.release.root(), Some(&self.release)) {
                Ok(release) => {
                    self.branch("release_fetched");
                    self.install(now, Arc::new(release), tx)
                }
                Err(_) => self.quarantine(now, subject_sender, "bad_release", &release, tx),
            },
            // An access point deals with the directory in pieces beside the writer. The engine alone hands out notices
            // that fit one, and it may be asked for those that it no longer has.
            Some(Kind::FileRequest(request)) => {
                self.serve_notices(subject_sender, &request);
                Ok(())
            }
            Some(Kind::FilePiece(piece)) => self.take_notices(now, subject_sender, &piece, tx),
            // Questions and answers of a reconciliation that can be believed are dealt with beside the writer.
            Some(Kind::Inquiry(_) | Kind::Account(_)) | None => {
                self.quarantine(now, subject_sender, "bad_signal", bytes, tx)
            }
        }
    }

    /// Asks a peer for a directory release newer than the own one.
    pub(super) fn request_release(&mut self, peer: &AccessPointId) {
        let bytes = Signal { kind: Some(Kind::ReleaseRequest(self.release.version() + 1)) }.encode_to_vec();
        self.outputs.push(Output::Signal { recipient: peer.clone(), bytes });
        self.branch("release_requested");
    }

    fn hear(
        &mut self,
        now: Timestamp,
        id: &AccessPointId,
        statement: &StatusStatement,
        status: &wire::Status,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let Ok(run) = Run::try_from(statement.run.as_slice()) else { return Ok(()) };
        let start = statement.outgoing.iter().map(|out| out.incarnation >> START_SHIFT).max().unwrap_or(0);
        let peer = self.peer(id);
        // What a process says that a later one has followed is only heard so that it learns of that one.
        let is_present = start >= peer.start;
        let fresh = is_present && statement.echo.as_slice() == self.run;
        let peer = self.peer(id);
        if fresh {
            if peer.run == Some(run) && statement.number <= peer.number {
                return Ok(());
            }
            peer.run = Some(run);
            peer.start = start;
            peer.number = statement.number;
            peer.release = statement.directory_version;
            peer.heard_at = Some(now);
        } else {
            peer.unheard = Some(run);
            peer.status_due(time);
        }
        for outgoing in &statement.outgoing {
            if let Some(lane) = lane_of(outgoing.lane, outgoing.broadcast) {
                let key = (id.clone(), outgoing.broadcast, lane);
                self.hear_sender(now, &key, Speaker { run, fresh, status }, outgoing, tx)?;
            }
        }
        if !fresh {
            return Ok(());
        }
        for incoming in &statement.incoming {
            if let Some(lane) = lane_of(incoming.lane, incoming.broadcast) {
                self.hear_recipient(id, lane, incoming, tx)?;
            }
        }
        if statement.directory_version > self.release.version() {
            self.request_release(id);
        }
        self.hear_notices(id, &statement.notices_digest);
        self.let_waiting_go(id, statement, tx)?;
        self.take_held(now, tx)
    }

    /// The peer speaks of a channel in which it sends: promises, and receipts that it or this side lacks.
    fn hear_sender(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        speaker: Speaker<'_>,
        said: &OutgoingStatus,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let Speaker { run, fresh, status } = speaker;
        let Some(channel) = self.incoming.get_mut(key) else { return Ok(()) };
        if said.incarnation >= 1 << 62 {
            return Ok(());
        }
        if !key.1 {
            let proposed = said.opening || fresh;
            let mut changed = false;
            if proposed && said.incarnation > channel.promised {
                channel.promised = said.incarnation;
                channel.promised_run = run.to_vec();
                channel.proposal = status.encode_to_vec();
                channel.base = None;
                changed = true;
            }
            if fresh && !said.opening && said.incarnation == channel.promised && channel.base.is_none() {
                channel.base = Some(said.base_sequence);
                changed = true;
            }
            if changed {
                let promise = inbox::Promise {
                    incarnation: channel.promised,
                    run: channel.promised_run.clone(),
                    base: channel.base,
                    proposal: channel.proposal.clone(),
                };
                inbox::set_promise(tx, self.channel(key), &promise)?;
                self.clear_window(key, tx)?;
                self.branch("promised");
            }
            if said.opening {
                self.peer(&key.0).status_due(time);
            }
        }
        if !fresh {
            return Ok(());
        }
        let theirs = number_of(said.receipt.as_ref());
        self.expect(key, from_wire(said.head.as_ref()).unwrap_or_default().sequence);
        let Some(channel) = self.incoming.get_mut(key) else { return Ok(()) };
        channel.announced = from_wire(said.head.as_ref()).unwrap_or_default();
        channel.erased = said.erased_sequences.iter().take(ERASED).copied().collect();
        let (mine, head) = (channel.receipt.0, channel.head);
        if mine >= theirs {
            channel.synced = true;
        }
        if mine <= theirs {
            channel.next = None;
        }
        let restate_from = if mine >= theirs { channel.restate_from.take() } else { None };
        if let Some(from) = restate_from {
            issued::owe(tx, self.channel(key), None)?;
            self.restate(key, from, tx)?;
        }
        if mine > theirs && self.peer(&key.0).may_serve(Serving::Receipts(key.2, key.1), time) {
            self.repeat_receipts(now, key, theirs, tx)?;
        }
        if let (true, Some(to)) = (key.1, from_wire(said.rewind.as_ref()).filter(|_| said.rewind.is_some()))
            && head != to
        {
            // A position that this side does not hold either: everything is walked again, and no id has a second
            // effect.
            let held = inbox::at(tx, self.channel(key), to.sequence)? == Some(to);
            self.rewind(key, if held { to } else { Head::default() }, tx)?;
        }
        let concluded = mine == theirs && said.receipted_sequence < head.sequence;
        if !key.1
            && concluded
            && !said.opening
            && self.peer(&key.0).may_seldom(Serving::Restatement(key.2, key.1), time)
        {
            self.restate(key, said.receipted_sequence + 1, tx)?;
        }
        if key.1 {
            self.peer(&key.0).strays_due(time);
        }
        if said.return_from > 0
            && said.return_from <= head.sequence
            && self.peer(&key.0).may_often(Serving::Returns(key.2, key.1), time)
        {
            self.peer(&key.0).returns.insert((key.2, key.1), said.return_from);
        }
        self.prove_promise(key, said.incarnation);
        Ok(())
    }

    /// The peer speaks of a channel in which this side sends.
    fn hear_recipient(
        &mut self,
        id: &AccessPointId,
        lane: Lane,
        said: &IncomingStatus,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let recipient = if said.broadcast { Recipient::All } else { Recipient::One(id.clone()) };
        let theirs = number_of(said.receipt.as_ref());
        let (mine, _, _) = held::last(tx, id, &recipient, lane)?;
        if mine > theirs && self.peer(id).may_often(Serving::ReceiptReturns(lane, said.broadcast), time) {
            // The peer's store was rolled back: it gets the receipts that it has forgotten.
            self.peer(id).receipt_returns.insert((lane, said.broadcast), theirs);
        }
        let Some(head) = from_wire(said.head.as_ref()) else { return Ok(()) };
        let next = said.next_receipt.as_ref();
        let next = next.and_then(|next| Some((number_of(Some(next)), next.digest.as_slice().try_into().ok()?)));
        if said.broadcast {
            self.peer(id).next = next;
            return self.serve_subscriber(id, lane, head, tx);
        }
        let own_run = said.promised_run.as_slice() == self.run;
        let key = (recipient, lane);
        let Some(out) = self.outgoing.get_mut(&key) else { return Ok(()) };
        if head.sequence < out.receipted && out.theirs != head.sequence {
            // Rolled back: it has to know which contents it will not get back.
            self.peers.entry(id.clone()).and_modify(|peer| peer.status_due(time));
        }
        out.theirs = head.sequence;
        out.next = next;
        match out.phase {
            Phase::Open if said.promised_incarnation > out.incarnation && !own_run => {
                self.hear_promise_to_another(id, &key, said, tx)
            }
            Phase::Open => {
                if mine == theirs && self.peer(id).may_often(Serving::Unconcluded(lane), time) {
                    self.find_unconcluded(&key, head, tx)?;
                }
                self.hear_head(&key, head, theirs, tx)
            }
            Phase::Opening if said.promised_incarnation == out.incarnation && own_run => {
                self.try_open(&key, head, theirs, tx)
            }
            Phase::Opening => {
                let is_higher = said.promised_incarnation >= out.incarnation;
                if is_higher && self.proves_a_later_start(id, said) { Err(Error::Superseded) } else { Ok(()) }
            }
        }
    }

    /// The peer has promised a higher incarnation to another run. An own signature proves that another process of this
    /// access point has started since; the peer's bare word only makes them agree anew.
    fn hear_promise_to_another(
        &mut self,
        id: &AccessPointId,
        key: &OutgoingKey,
        said: &IncomingStatus,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        if self.proves_a_later_start(id, said) {
            return Err(Error::Superseded);
        }
        self.branch("unproven_promise");
        self.reopen(key, tx)?;
        self.peer(id).status_due(time);
        Ok(())
    }

    /// All receipts are here, and yet a message that the peer has accepted waits for one: it spoke of a history that
    /// this store did not hold then. The peer is asked to state its position again.
    fn find_unconcluded(&mut self, key: &OutgoingKey, theirs: Head, tx: &mut Tx<'_>) -> Result<(), Error> {
        let Some(out) = self.outgoing.get_mut(key) else { return Ok(()) };
        if let Some(first) = sent::first_open(tx, &key.0, key.1)?
            && first <= out.receipted.min(theirs.sequence)
        {
            out.receipted = first - 1;
            self.branch("unconcluded_found");
            if let Recipient::One(peer) = &key.0 {
                let time = self.time;
                self.peer(peer).status_due(time);
            }
        }
        Ok(())
    }

    /// Whether the peer shows an own signature of a later start than this one.
    fn proves_a_later_start(&self, id: &AccessPointId, said: &IncomingStatus) -> bool {
        let proposal = wire::Status::decode(said.proposal.as_slice()).ok();
        let statement = proposal.and_then(|status| signal::verify_own(&status, &self.me, id, &self.release));
        statement.is_some_and(|statement| {
            statement.run.as_slice() != self.run
                && statement.outgoing.iter().any(|o| !o.broadcast && o.incarnation >> START_SHIFT > self.start)
        })
    }
}

/// Whose status is being heard.
#[derive(Clone, Copy)]
struct Speaker<'s> {
    run: Run,
    /// Whether it echoes this process.
    fresh: bool,
    status: &'s wire::Status,
}

fn lane_of(number: i32, broadcast: bool) -> Option<Lane> {
    Lane::from_number(i64::from(number)).filter(|lane| !broadcast || *lane == Lane::Bulk)
}

fn from_wire(head: Option<&wire::Head>) -> Option<Head> {
    let head = head?;
    if head.sequence == 0 {
        return Some(Head::default());
    }
    let digest = head.digest.as_slice().try_into().ok()?;
    (head.sequence < 1 << 62).then_some(Head { incarnation: head.incarnation, sequence: head.sequence, digest })
}

fn number_of(head: Option<&ReceiptHead>) -> Number {
    head.map(|h| Number { series: h.series.min(1 << 61), number: h.number.min(1 << 61) }).unwrap_or_default()
}
