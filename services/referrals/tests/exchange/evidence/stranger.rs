//! Whoever serves neither unit of a branch carries its event to itself and signs itself a receipt: that proves nothing
//! of when the event was received, or of whether it was.

use nhipcau_domain::id::{Purpose, UnitId};
use nhipcau_messaging::{
    SystemEntropy,
    envelope::{ChannelKeys, Content, Place, Sealed, Sender, seal, wire},
    message::{Address, Cause, Header, Lane, MessageId, Recipient, RefusalReason},
    receipt::{Number, Refusal, Statement, issue},
};

use super::*;

/// The events of a branch that somebody has carried to themselves, and what they have signed of them.
struct Forgery {
    evidence: evidence::Evidence,
    by: usize,
}

impl Forgery {
    /// Carries an event to oneself and receipts that, then or refused.
    fn carry(&mut self, world: &World, (side, index): (Side, usize), received: Timestamp, refused: bool) {
        let (me, release) = (point(NAMES[self.by]), world.directory());
        let signing = SigningKey::from_seed(key_id("s-1"), &seed(NAMES[self.by], 1)).unwrap();
        let sender = Sender { access_point: &me, signing: &signing, directory_version: 1 };
        let log = &mut self.evidence.branches[0];
        let told = if side == Side::Origin { &mut log.origin[index] } else { &mut log.recipient[index] };
        let myself = Address { party: party(NAMES[self.by]), unit: Some(UnitId::new("desk").unwrap()) };
        let header = Header {
            message: String::new(),
            contract: contract(),
            contract_minor: 0,
            sender: myself.clone(),
            recipient: Some(myself),
            purpose: Purpose::new("protection").unwrap(),
            legal_basis: String::new(),
            correlation: None,
            kind: String::new(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        };
        let content = Content { header, ordinal: 0, skip: None, parts: vec![told.event.clone()] };
        let place = Place {
            lane: Some(Lane::Messages),
            incarnation: 1,
            sequence: 1,
            base_sequence: 0,
            previous: [0; 32],
            create_time: received,
        };
        let id = MessageId::derive(&[7; 32], &Cause::Timer("carried".to_owned()), 0);
        let to = release.sealing_key(&me, world.now()).unwrap();
        let target = (&me, &to.id, &to.public);
        let (key, wrapped) = ChannelKeys::default().get(sender, target, world.now(), &mut SystemEntropy).unwrap();
        let key = Some((&to.id, &key, &wrapped));
        let sealed = seal(sender, &Recipient::One(me.clone()), place, id, &content, key, &mut SystemEntropy);
        let Sealed { envelope, digest, proof } = sealed.unwrap();
        told.envelope_digest = digest.to_vec();
        told.part_key = proof.unwrap().as_bytes().to_vec();
        let refusal = Refusal { sequence: 1, id, reason: RefusalReason::Invalid, expected: 0 };
        let statement = Statement {
            issuer: me.clone(),
            sender: me.clone(),
            recipient: Recipient::One(me.clone()),
            lane: Lane::Messages,
            incarnation: 1,
            first: 1,
            last: 1,
            head: digest,
            refusals: if refused { vec![refusal] } else { Vec::new() },
            number: Number { series: 1, number: 1 },
            previous: [0; 32],
            receive_time: received,
            directory_version: 1,
        };
        self.evidence.envelopes.push(wire::Envelope { parts: Vec::new(), ..envelope });
        self.evidence.receipts.push(issue(statement, sender).receipt);
    }
}

#[tokio::test]
async fn no_receipt_of_a_stranger_speaks_of_an_event() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    for refused in [false, true] {
        let mut evidence = world.evidence(MOH, &branch).await;
        assert_eq!(found(&world.judge(&evidence, MOH).unwrap()), [("", false); 0]);
        evidence.access_point = NAMES[VWU].to_owned();
        let mut forgery = Forgery { evidence, by: VWU };
        // As if the opening had come a month ago, so that every limit was broken.
        forgery.carry(&world, (Side::Origin, 0), world.now() - SignedDuration::from_hours(30 * 24), refused);
        let account = world.judge(&forgery.evidence, VWU).unwrap();
        let line = &account.branches[0].lines[0];
        assert_eq!((line.delivery, line.doubt), (None, Some(Doubt::NotServed)), "{line:?}");
        assert_eq!(found(&account), [("", false); 0], "its recipient names it, and it was in time");
    }
}

/// An origin keeps from the other side that it has assigned the child, and has a receipt of its own for that.
#[tokio::test]
async fn no_receipt_of_ones_own_hides_what_the_other_side_was_not_told() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    let evidence = world.evidence(MOH, &branch).await;
    let assigned = evidence.branches[0].origin.len() - 1;
    let mut forgery = Forgery { evidence, by: MOH };
    forgery.carry(&world, (Side::Origin, assigned), world.now(), false);
    let account = world.judge(&forgery.evidence, MOH).unwrap();
    let found = found(&account);
    for finding in ["RESPONSIBILITY_GAP", "NOT_ALL_PROVEN"] {
        assert!(found.contains(&(finding, true)), "{found:?}");
    }
}
