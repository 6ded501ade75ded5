//! Questions and answers of a reconciliation.

use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::{
    pae,
    reconcile::{AccountStatement, InquiryStatement, verify_account, verify_inquiry},
};
use nhipcau_proto::envelope::v1::{Account, Inquiry, PositionRange};
use prost::Message;
use serde_json::Value;

use crate::{
    given::{Case, Given},
    refusal::Refusal,
};

#[test]
fn questions_and_answers_are_believed_or_ignored() {
    let mut seen = 0;
    for given in Given::both() {
        for case in given.cases_if_any("reconciliation") {
            seen += 1;
            match case.get("inquiry") {
                Some(_) => check_question(&given, case),
                None => check_answer(&given, case),
            }
        }
    }
    assert!(seen > 0);
}

fn check_question(given: &Given, case: &Case) {
    let inquiry = Inquiry::decode(case.bytes("inquiry").as_slice()).unwrap();
    let reader = InquiryStatement::decode(inquiry.statement.as_slice()).unwrap().recipient;
    let reader = AccessPointId::new(reader).unwrap();
    let believed = verify_inquiry(&inquiry, &reader, &given.release, given.now).ok_or(Refusal::Signal);
    if case.judge(believed).is_some() {
        case.compare("statement", hex::encode(&inquiry.statement));
        case.compare("signature", hex::encode(&inquiry.signature));
    }
}

fn check_answer(given: &Given, case: &Case) {
    let account = Account::decode(case.bytes("account").as_slice()).unwrap();
    let reader = AccountStatement::decode(account.statement.as_slice()).unwrap().recipient;
    let reader = AccessPointId::new(reader).unwrap();
    let believed = verify_account(&account, &reader, &given.release, given.now).ok_or(Refusal::Signal);
    let Some((_, statement)) = case.judge(believed) else { return };
    case.compare("statement", hex::encode(&account.statement));
    case.compare("signature", hex::encode(&account.signature));
    let ranges: Vec<_> = statement.accounts.iter().flat_map(|account| &account.ranges).collect();
    assert!(!ranges.is_empty());
    let rows = case.get("rows").unwrap().as_array().unwrap();
    ranges.into_iter().for_each(|range| check_range(range, rows));
}

/// The digest of a range follows from its rows, as the contract says.
fn check_range(range: &PositionRange, rows: &[Value]) {
    let mut bytes = Vec::new();
    let mut count = 0;
    for row in rows {
        let sequence = row[0].as_u64().unwrap();
        if sequence >= range.first_sequence && (range.last_sequence == 0 || sequence <= range.last_sequence) {
            count += 1;
            bytes.extend(sequence.to_le_bytes());
            bytes.extend(hex::decode(row[1].as_str().unwrap()).unwrap());
            bytes.extend(hex::decode(row[2].as_str().unwrap()).unwrap());
        }
    }
    assert_eq!(range.count, count);
    assert_eq!(range.digest, pae::digest_of(&[b"nhipcau/1/positions", &[0; 32], &bytes]));
}
