//! Messages of a test: what its services send, and what somebody with an access point's keys could put on the bus.

use nhipcau_domain::id::{Purpose, SystemId, UnitId};
use nhipcau_messaging::{
    crypto::sign::SigningKey,
    engine::{Kind, SubmitError},
    envelope::{ChannelKeys, Content, Place, Sealed, Sender, seal, wire},
    message::{Address, Cause, Correlation, Draft, Header, Lane, MessageId, Recipient},
    receipt::{self, Statement, Verified},
    signal::{self, Signal, StatusStatement},
};
use prost::Message;

use super::{MOH, NAMES, NIGHT_DESK, Parcel, VWU, World, contract, key_id, node::Seeded, party, point, seed};

/// What somebody with an access point's signing key could put on the bus.
#[derive(Clone, Copy)]
pub(crate) struct Forgery {
    pub(crate) from: usize,
    /// One recipient, or everybody.
    pub(crate) to: Option<usize>,
    pub(crate) place: Place,
    pub(crate) id: MessageId,
    /// The case that it says it belongs to, and under which number.
    pub(crate) case: Option<(Correlation, u64)>,
    /// Whether the parts are sealed under the key that the envelope carries.
    pub(crate) readable: bool,
}

impl World {
    /// Submits a message of a case.
    pub(crate) fn send(
        &mut self,
        from: usize,
        to: usize,
        request: &str,
        body: &[u8],
    ) -> Result<MessageId, SubmitError> {
        self.send_in(from, to, request, body, Some([7; 16]))
    }

    pub(crate) fn send_in(
        &mut self,
        from: usize,
        to: usize,
        request: &str,
        body: &[u8],
        case: Option<Correlation>,
    ) -> Result<MessageId, SubmitError> {
        self.send_changed(from, to, request, |draft| {
            draft.header.correlation = case;
            draft.parts = vec![body.to_vec()];
        })
    }

    /// Submits a message of a case after a change to it.
    pub(crate) fn send_changed(
        &mut self,
        from: usize,
        to: usize,
        request: &str,
        change: impl FnOnce(&mut Draft),
    ) -> Result<MessageId, SubmitError> {
        let recipient = Recipient::One(point(NAMES[to]));
        let mut draft = draft(from, Some(to), recipient, Lane::Messages, request, b"");
        draft.header.correlation = Some([7; 16]);
        change(&mut draft);
        self.submit(from, draft)
    }

    pub(crate) fn broadcast(&mut self, from: usize, request: &str, body: &[u8]) -> Result<MessageId, SubmitError> {
        self.broadcast_changed(from, request, body, |_| ())
    }

    /// Broadcasts after a change to the draft.
    pub(crate) fn broadcast_changed(
        &mut self,
        from: usize,
        request: &str,
        body: &[u8],
        change: impl FnOnce(&mut Draft),
    ) -> Result<MessageId, SubmitError> {
        let mut draft = draft(from, None, Recipient::All, Lane::Bulk, request, body);
        change(&mut draft);
        self.submit(from, draft)
    }

    /// Submits a message of a case for a unit that only the second release knows.
    pub(crate) fn send_by_night(&mut self, to: usize, request: &str, body: &[u8], case: Correlation) -> MessageId {
        let night = UnitId::new(NIGHT_DESK).unwrap();
        let change = |draft: &mut Draft| {
            draft.header.sender.unit = Some(night);
            draft.header.correlation = Some(case);
            draft.parts = vec![body.to_vec()];
        };
        self.send_changed(MOH, to, request, change).unwrap()
    }

    /// Broadcasts for a unit that only the second release knows.
    pub(crate) fn broadcast_by_night(&mut self, request: &str, body: &[u8]) -> MessageId {
        let night = UnitId::new(NIGHT_DESK).unwrap();
        self.broadcast_changed(MOH, request, body, |draft| draft.header.sender.unit = Some(night)).unwrap()
    }

    /// Submits the first message of a case to each of several recipients, in one call; gives the last answer.
    pub(crate) fn send_to_all(
        &mut self,
        from: usize,
        to: &[usize],
        case: Correlation,
    ) -> Result<MessageId, SubmitError> {
        let now = self.now;
        let drafts = to.iter().map(|to| {
            let recipient = Recipient::One(point(NAMES[*to]));
            let mut draft = draft(from, Some(*to), recipient, Lane::Messages, NAMES[*to], b"to all");
            draft.header.correlation = Some(case);
            draft
        });
        let drafts: Vec<_> = drafts.collect();
        self.group(from, |engine, tx| {
            drafts.into_iter().map(|draft| engine.submit(now, draft, tx)).reduce(|_, last| last).unwrap()
        })
    }

    /// Submits a message of a case and erases the case in one transaction.
    pub(crate) fn send_and_erase(&mut self, from: usize, to: usize, case: Correlation) -> Result<(), SubmitError> {
        let now = self.now;
        let recipient = Recipient::One(point(NAMES[to]));
        let mut draft = draft(from, Some(to), recipient, Lane::Messages, "erased at once", b"erase me");
        draft.header.correlation = Some(case);
        self.group(from, |engine, tx| {
            engine.submit(now, draft, tx)?;
            Ok(engine.erase(&case, tx)?)
        })
    }

    fn submit(&mut self, from: usize, draft: Draft) -> Result<MessageId, SubmitError> {
        let now = self.now;
        self.group(from, |engine, tx| engine.submit(now, draft, tx))
    }

    /// Makes an envelope with the body `forged` and a true signature.
    pub(crate) fn forge(&mut self, forgery: &Forgery) -> Sealed {
        self.forge_changed(forgery, |_| ())
    }

    /// The same, with a header of its own.
    pub(crate) fn forge_changed(&mut self, forgery: &Forgery, change: impl FnOnce(&mut Header)) -> Sealed {
        self.token += 1;
        let entropy = &mut Seeded(self.token);
        let Forgery { from, to, place, id, case, readable } = *forgery;
        let (me, signing) = (point(NAMES[from]), signing(from));
        let sender = Sender { access_point: &me, signing: &signing, directory_version: 1 };
        let Draft { mut header, parts, .. } = draft(from, to, Recipient::All, Lane::Messages, "", b"forged");
        header.correlation = case.map(|(case, _)| case);
        change(&mut header);
        let content = Content { header, ordinal: case.map_or(0, |(_, number)| number), skip: None, parts };
        let Some(to) = to else {
            return seal(sender, &Recipient::All, place, id, &content, None, entropy).unwrap();
        };
        let peer = point(NAMES[to]);
        let sealing = self.releases[0].sealing_key(&peer, self.now).unwrap();
        let to = (&peer, &sealing.id, &sealing.public);
        let (mut key, wrapped) = ChannelKeys::default().get(sender, to, self.now, entropy).unwrap();
        if !readable {
            key = ChannelKeys::default().get(sender, to, self.now, entropy).unwrap().0;
        }
        let key = Some((&sealing.id, &key, &wrapped));
        seal(sender, &Recipient::One(peer.clone()), place, id, &content, key, entropy).unwrap()
    }

    /// The last status that one access point sent another.
    pub(crate) fn last_status(&self, from: usize, to: usize) -> StatusStatement {
        let between = self.seen.iter().rev().filter(|p| p.from == from && p.to == to);
        between.filter_map(read_status).next().unwrap().1
    }
}

/// The status in a parcel: as it was signed, and what it states.
fn read_status(parcel: &Parcel) -> Option<(Vec<u8>, StatusStatement)> {
    let signal = Signal::decode(parcel.bytes.as_slice()).ok().filter(|_| parcel.signal)?;
    let signal::Kind::Status(status) = signal.kind? else { return None };
    let statement = StatusStatement::decode(status.statement.as_slice()).ok()?;
    Some((status.encode_to_vec(), statement))
}

/// A bundle of these envelopes on its way.
pub(crate) fn bundle(kind: Kind, from: usize, to: usize, envelopes: Vec<wire::Envelope>) -> Parcel {
    let bytes = wire::Bundle { envelopes, receipts: Vec::new() }.encode_to_vec();
    Parcel { kind, from, to, bytes, signal: false }
}

/// A receipt with a true signature.
pub(crate) fn receipt(from: usize, statement: Statement) -> Verified {
    let (me, signing) = (point(NAMES[from]), signing(from));
    receipt::issue(statement, Sender { access_point: &me, signing: &signing, directory_version: 1 })
}

/// Receipts on their way.
pub(crate) fn receipts(from: usize, to: usize, receipts: Vec<wire::Receipt>) -> Parcel {
    let bytes = wire::Bundle { envelopes: Vec::new(), receipts }.encode_to_vec();
    Parcel { kind: Kind::Receipts, from, to, bytes, signal: false }
}

/// A status with a true signature on its way.
pub(crate) fn status(from: usize, to: usize, statement: &StatusStatement) -> Parcel {
    let (me, signing) = (point(NAMES[from]), signing(from));
    let signer = Sender { access_point: &me, signing: &signing, directory_version: 1 };
    let bytes = signal::sign_status(statement, signer).encode_to_vec();
    Parcel { kind: Kind::Receipts, from, to, bytes, signal: true }
}

pub(crate) fn signing(node: usize) -> SigningKey {
    SigningKey::from_seed(key_id("s-1"), &seed(NAMES[node], 1)).unwrap()
}

/// What the first access point sends the second, in a case.
pub(super) fn to_the_union(body: &[u8]) -> Draft {
    let mut draft = draft(MOH, Some(VWU), Recipient::One(point(NAMES[VWU])), Lane::Messages, "", body);
    draft.header.correlation = Some([9; 16]);
    draft
}

fn draft(from: usize, to: Option<usize>, recipient: Recipient, lane: Lane, request: &str, body: &[u8]) -> Draft {
    let address = |node: usize| Address { party: party(NAMES[node]), unit: None };
    Draft {
        header: Header {
            message: "nhipcau.referral.v1.ReferralEvent".to_owned(),
            contract: contract(),
            contract_minor: 0,
            sender: address(from),
            recipient: to.map(address),
            purpose: Purpose::new("protection").unwrap(),
            legal_basis: String::new(),
            correlation: None,
            kind: String::new(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        },
        recipient,
        lane,
        parts: vec![body.to_vec()],
        cause: Cause::Request { system: SystemId::new("desk").unwrap(), request_id: request.to_owned() },
        ordinal: 0,
    }
}
