//! An access point that lies with its own key: it signs a position, or a receipt, that it has signed before, with
//! another content. The other side has the first one on disk, so that the second proves the lie and changes nothing.

use std::rc::Rc;

use nhipcau_messaging::{engine::Kind, pae};
use nhipcau_proto::envelope::v1 as pb;
use prost::Message as _;

use super::{Event, World};
use crate::{Point, bus::Delivery, coverage::Fault, injection::Captured};

impl World {
    /// Something that was sent and is on its recipient's disk comes once more, signed anew.
    pub(super) fn fork(&mut self) {
        let Some(Captured { kind: Some(kind), sender, recipient: Some(to), bytes }) = self.enemy.recall() else {
            return;
        };
        let Ok(bundle) = pb::Bundle::decode(&*bytes) else { return };
        let forked = match kind {
            Kind::Lane(_) => self.fork_envelope(sender, to, bundle),
            Kind::Receipts => self.fork_receipt(sender, to),
            Kind::Broadcast => None,
        };
        let Some(bytes) = forked else { return };
        self.coverage.fault(Fault::Forked);
        self.say(format_args!("ap-{sender} signs {kind:?} to ap-{to} twice"));
        // Handed over directly: on the broker it could outlive the disk that makes it harmless.
        self.queue.plan(0, Event::Deliver(to, Delivery { token: u64::MAX, kind, sender, bytes }));
    }

    fn fork_envelope(&mut self, sender: Point, to: Point, mut bundle: pb::Bundle) -> Option<Rc<[u8]>> {
        bundle.envelopes.truncate(1);
        let envelope = bundle.envelopes.first_mut()?;
        let mut routing = pb::Routing::decode(&*envelope.routing).ok()?;
        let [process] = self.running(to)[..] else { return None };
        let node = &mut self.processes.get_mut(&process)?.node;
        if !node.has_position(&routing) {
            return None;
        }
        routing.create_time.as_mut()?.nanos ^= 1;
        envelope.routing = routing.encode_to_vec();
        let key = self.programme.signing_key(sender, key_number(&routing.signing_key)?);
        envelope.signature = key.sign(pae::ENVELOPE, &[&envelope.routing, &envelope.manifest]);
        Some(bundle.encode_to_vec().into())
    }

    /// The last one that it signed: of those before it the recipient need not look at the content.
    fn fork_receipt(&mut self, issuer: Point, to: Point) -> Option<Rc<[u8]>> {
        let mut bundle = pb::Bundle::decode(&**self.enemy.last_receipts(issuer, to)?).ok()?;
        let receipt = bundle.receipts.pop()?;
        let mut statement = pb::ReceiptStatement::decode(&*receipt.statement).ok()?;
        let [process] = self.running(to)[..] else { return None };
        let node = &mut self.processes.get_mut(&process)?.node;
        if !node.has_receipt(&statement) {
            return None;
        }
        statement.receive_time.as_mut()?.nanos ^= 1;
        let key = self.programme.signing_key(issuer, key_number(&statement.signing_key)?);
        let statement = statement.encode_to_vec();
        let signature = key.sign(pae::RECEIPT, &[&statement]);
        bundle.receipts = vec![pb::Receipt { statement, signature }];
        Some(bundle.encode_to_vec().into())
    }
}

impl World {
    /// An access point's last status comes once more, with a promise that it never gave.
    pub(super) fn make_up_promise(&mut self) {
        let (from, to) = (self.prng.index(self.points.len()), self.prng.index(self.points.len()));
        let Some(bytes) = self.enemy.last_signal(from, to).and_then(|bytes| self.with_promise(from, bytes)) else {
            return;
        };
        self.coverage.fault(Fault::PromiseMadeUp);
        self.say(format_args!("ap-{from} makes up a promise to ap-{to}"));
        self.queue.plan(0, Event::Signal { to, from, bytes });
    }

    fn with_promise(&self, from: Point, bytes: &[u8]) -> Option<Rc<[u8]>> {
        let mut signal = pb::Signal::decode(bytes).ok()?;
        let Some(pb::signal::Kind::Status(status)) = &mut signal.kind else { return None };
        let mut statement = pb::StatusStatement::decode(&*status.statement).ok()?;
        let key = self.programme.signing_key(from, key_number(&statement.signing_key)?);
        // The next honest status has at least this number, so that at most one of them is not heard.
        statement.number += 1;
        for incoming in statement.incoming.iter_mut().filter(|incoming| !incoming.broadcast) {
            incoming.promised_incarnation += 1 << 20;
            incoming.promised_run = vec![7; 16];
        }
        status.statement = statement.encode_to_vec();
        status.signature = key.sign(pae::STATUS, &[&status.statement]);
        Some(signal.encode_to_vec().into())
    }
}

/// Which of its keys an access point signed with.
fn key_number(id: &str) -> Option<usize> {
    id.strip_prefix("s-")?.parse().ok()
}
