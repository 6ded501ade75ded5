//! Receipts: a statement that is believed is within its bounds, names what it covers, and is the same when it is issued
//! again.

use nhipcau_messaging::{
    envelope::{Sender, wire},
    message::{Cause, Lane, MessageId, Recipient, RefusalReason},
    pae,
    receipt::{Number, REFUSALS_LIMIT, Refusal, Statement, issue, verify},
};
use nhipcau_sim::directory::access_point;
use prost::Message as _;

use crate::programme::{ME, PEER, now, release, signing_key};

/// See the head of this file.
pub fn property(bytes: &[u8]) {
    let Ok(receipt) = wire::Receipt::decode(bytes) else { return };
    for receipt in [receipt.clone(), signed(receipt)] {
        for own in [false, true] {
            holds(receipt.clone(), own);
        }
    }
}

fn holds(receipt: wire::Receipt, own: bool) {
    let Ok(verified) = verify(receipt.clone(), release(), now(), own) else { return };
    let s = &verified.statement;
    assert!(s.first <= s.last && s.last - s.first < REFUSALS_LIMIT as u64 && s.refusals.len() <= REFUSALS_LIMIT);
    assert!(s.refusals.iter().all(|refusal| (s.first..=s.last).contains(&refusal.sequence)));
    assert!(s.refusals.windows(2).all(|pair| pair[0].sequence < pair[1].sequence), "each position once");

    let mut other = receipt;
    *other.statement.last_mut().expect("a statement has bytes") ^= 1;
    assert!(verify(other, release(), now(), own).is_err(), "a signature holds for one statement");

    if s.issuer == access_point(PEER) && s.directory_version == 1 {
        let signing = signing_key(PEER);
        let issuer = access_point(PEER);
        let again = issue(s.clone(), Sender { access_point: &issuer, signing: &signing, directory_version: 1 });
        let again = verify(again.receipt, release(), now(), own).expect("what was issued is believed");
        assert_eq!(again.statement, *s);
    }
}

/// The same as the peer could have signed it.
pub(crate) fn signed(mut receipt: wire::Receipt) -> wire::Receipt {
    receipt.signature = signing_key(PEER).sign(pae::RECEIPT, &[&receipt.statement]);
    receipt
}

/// One that says received, and one that refuses.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let (issuer, signing) = (access_point(PEER), signing_key(PEER));
    let id = MessageId::derive(&[7; 32], &Cause::Timer("refused".to_owned()), 0);
    let refusals = vec![
        Refusal { sequence: 2, id, reason: RefusalReason::NotYet, expected: 3 },
        Refusal { sequence: 4, id, reason: RefusalReason::Invalid, expected: 0 },
    ];
    let statement = Statement {
        issuer: issuer.clone(),
        sender: access_point(ME),
        recipient: Recipient::One(issuer.clone()),
        lane: Lane::Messages,
        incarnation: 1,
        first: 1,
        last: 5,
        head: [3; 32],
        refusals: Vec::new(),
        number: Number { series: 1, number: 1 },
        previous: [0; 32],
        receive_time: now(),
        directory_version: 1,
    };
    let signer = Sender { access_point: &issuer, signing: &signing, directory_version: 1 };
    let both = [statement.clone(), Statement { refusals, ..statement }];
    both.map(|statement| issue(statement, signer).receipt.encode_to_vec()).to_vec()
}
