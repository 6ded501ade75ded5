//! Vectors of reconciliation: questions, answers, and the digests of ranges.

use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::{
    crypto::sign::SigningKey,
    message::Lane,
    reconcile::{AccountStatement, InquiryStatement, Span, account, sign_account, sign_inquiry},
    signal::{Kind, Signal},
    store::{Error, Store, Tx},
};
use prost::Message;
use serde_json::{Value, json};

use crate::{
    Result,
    maker::{Maker, bytes_of, case_of, hexed, id_of},
};

/// Positions that `hanoi` holds: more than an answer names one by one.
const HELD: u64 = 300;

/// The cases of `reconciliation.json`: `moh` asks what `hanoi` holds of its messages, and `hanoi` answers.
pub(crate) fn cases(maker: &Maker) -> Result<Vec<Value>> {
    let (asker, asked) = (maker.sender("moh")?, maker.sender("hanoi")?);
    let seconds = maker.now.as_second();
    let begin = prost_types::Timestamp { seconds, nanos: 500_000_000 };
    let lane = Lane::Messages.number();
    let open = Span { lane, first_sequence: 1, ..Span::default() };
    let dated = Span { sent_by_asked: true, start_time: Some(begin), ..open };
    let few = Span { last_sequence: 2, ..open };
    let inquiry = InquiryStatement {
        format: 1,
        sender: "moh".to_owned(),
        recipient: "hanoi".to_owned(),
        signing_key: asker.signing.id().to_string(),
        nonce: case_of("nonce of moh").to_vec(),
        spans: vec![open, dated, few],
    };
    let mut store = held(HELD)?;
    let (me, peer) = (AccessPointId::new("hanoi")?, AccessPointId::new("moh")?);
    let answers = |tx: &mut Tx<'_>| inquiry.spans.iter().map(|span| account(&me, &peer, span, tx)).collect();
    let accounts = store.transaction::<_, Error>(answers)?;
    let answer = AccountStatement {
        format: 1,
        sender: "hanoi".to_owned(),
        recipient: "moh".to_owned(),
        signing_key: asked.signing.id().to_string(),
        nonce: inquiry.nonce.clone(),
        accounts,
    };
    let rows: Vec<_> = (1..=HELD).map(|n| json!([n, hex::encode(id(n)), hex::encode(digest(n))])).collect();
    let too_many = InquiryStatement { spans: vec![open; 17], ..inquiry.clone() };
    Ok(vec![
        question("question", "ok", &inquiry, asker.signing)?,
        question("question-signed-by-another", "bad-signature", &inquiry, asked.signing)?,
        question("too-many-spans", "bad-statement", &too_many, asker.signing)?,
        with_rows(reply("answer", "ok", &answer, asked.signing)?, rows),
        reply("answer-signed-by-another", "bad-signature", &answer, asker.signing)?,
    ])
}

fn id(sequence: u64) -> [u8; 16] {
    id_of(&format!("message {sequence}")).0
}

fn digest(sequence: u64) -> [u8; 32] {
    bytes_of(&format!("envelope {sequence}"))
}

/// The store of `hanoi` with so many positions of messages from `moh`.
fn held(count: u64) -> Result<Store> {
    let mut store = Store::in_memory()?;
    let row = "INSERT INTO received (sender, recipient, lane, branch, sequence, incarnation, id, correlation, \
               contract, kind, digest, content_digest, outcome, expected, spent, receive_time) \
               VALUES ('moh', 'hanoi', 1, 0, $1, 1, $2, x'', '', '', $3, x'', 0, 0, 1, 0)";
    let insert = |n: u64, tx: &mut Tx<'_>| tx.execute(row, &[n.into(), (&id(n)).into(), (&digest(n)).into()]).map(drop);
    store.transaction(|tx| (1..=count).try_for_each(|n| insert(n, tx)))?;
    Ok(store)
}

fn question(name: &str, expect: &str, statement: &InquiryStatement, signing: &SigningKey) -> Result<Value> {
    let Signal { kind: Some(Kind::Inquiry(inquiry)) } = sign_inquiry(statement, signing) else {
        return Err("a signed question is a question".into());
    };
    Ok(json!({
        "name": name, "expect": expect, "inquiry": hexed(&inquiry),
        "statement": hex::encode(statement.encode_to_vec()), "signature": hex::encode(&inquiry.signature),
    }))
}

fn reply(name: &str, expect: &str, statement: &AccountStatement, signing: &SigningKey) -> Result<Value> {
    let Signal { kind: Some(Kind::Account(account)) } = sign_account(statement, signing) else {
        return Err("a signed answer is an answer".into());
    };
    Ok(json!({
        "name": name, "expect": expect, "account": hexed(&account),
        "statement": hex::encode(statement.encode_to_vec()), "signature": hex::encode(&account.signature),
    }))
}

fn with_rows(mut case: Value, rows: Vec<Value>) -> Value {
    if let Some(case) = case.as_object_mut() {
        case.insert("rows".to_owned(), Value::Array(rows));
    }
    case
}
