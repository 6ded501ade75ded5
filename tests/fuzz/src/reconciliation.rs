//! Questions and answers of a reconciliation: what is believed is its signer's, for its reader, and bounded.

use nhipcau_messaging::{
    message::{Cause, Lane, MessageId},
    pae,
    reconcile::{
        AccountStatement, InquiryStatement, POSITIONS, RANGES, SPANS, Span, sign_account, sign_inquiry, verify_account,
        verify_inquiry,
    },
    signal::{Kind, Signal},
};
use nhipcau_proto::envelope::v1::{FlowCount, HeldPosition, PositionRange, SpanAccount};
use nhipcau_sim::directory::access_point;
use prost::Message as _;

use crate::programme::{ME, PEER, now, release, signing_key};

/// As it is, and as its sender could have signed it.
pub fn property(bytes: &[u8]) {
    let me = access_point(ME);
    match Signal::decode(bytes).ok().and_then(|signal| signal.kind) {
        Some(Kind::Inquiry(mut inquiry)) => {
            assert!(
                verify_inquiry(&inquiry, &me, release(), now()).is_none_or(|(sender, _)| sender == access_point(PEER))
            );
            inquiry.signature = signing_key(PEER).sign(pae::INQUIRY, &[&inquiry.statement]);
            let Some((sender, statement)) = verify_inquiry(&inquiry, &me, release(), now()) else { return };
            assert_eq!(sender, access_point(PEER));
            assert!((1..=SPANS).contains(&statement.spans.len()));
            let Some(Kind::Inquiry(again)) = sign_inquiry(&statement, &signing_key(PEER)).kind else {
                panic!("an inquiry")
            };
            assert_eq!(verify_inquiry(&again, &me, release(), now()), Some((sender, statement)));
        }
        Some(Kind::Account(mut account)) => {
            assert!(
                verify_account(&account, &me, release(), now()).is_none_or(|(sender, _)| sender == access_point(PEER))
            );
            account.signature = signing_key(PEER).sign(pae::ACCOUNT, &[&account.statement]);
            let Some((sender, statement)) = verify_account(&account, &me, release(), now()) else { return };
            assert_eq!(sender, access_point(PEER));
            assert!((1..=SPANS).contains(&statement.accounts.len()));
            let fits = |span: &SpanAccount| span.positions.len() <= POSITIONS && span.ranges.len() as u64 <= RANGES;
            assert!(statement.accounts.iter().all(fits));
            let Some(Kind::Account(again)) = sign_account(&statement, &signing_key(PEER)).kind else {
                panic!("an account")
            };
            assert_eq!(verify_account(&again, &me, release(), now()), Some((sender, statement)));
        }
        _ => {}
    }
}

/// A question and two answers.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let (sender, recipient) = (access_point(PEER).to_string(), access_point(ME).to_string());
    let signing = signing_key(PEER);
    let span = Span { lane: Lane::Messages.number(), first_sequence: 1, last_sequence: 9, ..Default::default() };
    let inquiry = InquiryStatement {
        format: 1,
        sender: sender.clone(),
        recipient: recipient.clone(),
        signing_key: signing.id().to_string(),
        nonce: vec![1; 16],
        spans: vec![span],
    };
    let id = MessageId::derive(&[7; 32], &Cause::Timer("held".to_owned()), 0).0.to_vec();
    let positions = vec![HeldPosition { sequence: 2, id, digest: vec![6; 32], flow: 1, ..Default::default() }];
    let range = |first, last| PositionRange {
        first_sequence: first,
        last_sequence: last,
        count: 3,
        digest: vec![8; 32],
        ..Default::default()
    };
    let flow = |count, skipped_count| FlowCount {
        contract: "nhipcau.referral.v1".to_owned(),
        kind: "TRANSFER".to_owned(),
        count,
        skipped_count,
    };
    let flows = vec![flow(1, 0)];
    let listed = SpanAccount { first_sequence: 1, last_sequence: 9, positions, flows, ..Default::default() };
    let divided = SpanAccount {
        first_sequence: 1,
        last_sequence: 9,
        ranges: vec![range(1, 4), range(5, 9)],
        skipped_count: 2,
        flows: vec![flow(6, 2)],
        ..Default::default()
    };
    let account = |accounts| AccountStatement {
        format: 1,
        sender: sender.clone(),
        recipient: recipient.clone(),
        signing_key: signing.id().to_string(),
        nonce: vec![1; 16],
        accounts,
    };
    let signals = [
        sign_inquiry(&inquiry, &signing),
        sign_account(&account(vec![listed]), &signing),
        sign_account(&account(vec![divided]), &signing),
    ];
    signals.iter().map(Signal::encode_to_vec).collect()
}
