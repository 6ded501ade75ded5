//! Two access points compare what they hold, by the engine's own questions and answers: signed, encoded, and verified
//! by whoever reads them, as they are on the bus. And what the stores hold, read row by row, to compare the answers
//! with.

use jiff::Timestamp;
use nhipcau_domain::directory::Release;
use nhipcau_messaging::{
    crypto::sign::SigningKey,
    message::{Lane, MessageId},
    reconcile::{
        AccountStatement, Comparison, InquiryStatement, Query, Reconciled, SPANS, account, sign_account, sign_inquiry,
        verify_account, verify_inquiry,
    },
    signal::{Kind, Signal},
    store::{self, Store},
};
use prost::Message as _;

use crate::{
    Point, directory,
    history::{Disk, Places},
};

/// Format of questions and answers.
const FORMAT: u32 = 1;

/// One side: its store, what the checker knows of that, and what it signs with.
pub struct Side<'s> {
    /// Its access point.
    pub point: Point,
    /// Its store.
    pub store: &'s mut Store,
    /// What came to the store.
    pub disk: &'s Disk,
    /// Its key.
    pub key: SigningKey,
}

/// Compares every channel of two access points as the first of them asks.
///
/// # Errors
/// Why nothing was compared, in words.
pub fn compare(
    asking: &mut Side<'_>,
    asked: &mut Side<'_>,
    query: &Query,
    (release, now): (&Release, Timestamp),
) -> Result<Vec<Reconciled>, String> {
    let (me, peer) = (directory::access_point(asking.point), directory::access_point(asked.point));
    let prepared = asking.store.transaction(|tx| Comparison::of_pair(&me, &peer, query, tx));
    let mut channels = prepared.map_err(|error| error.to_string())?;
    loop {
        if channels.iter().all(|channel| channel.next().is_none()) {
            return Ok(channels.into_iter().map(Comparison::result).collect());
        }
        let open = channels.iter_mut().filter_map(|channel| Some((*channel.next()?, channel)));
        let (spans, open): (Vec<_>, Vec<_>) = open.take(SPANS).unzip();
        let inquiry = InquiryStatement {
            format: FORMAT,
            sender: me.to_string(),
            recipient: peer.to_string(),
            signing_key: asking.key.id().to_string(),
            nonce: vec![7; 16],
            spans,
        };
        let Some(Kind::Inquiry(inquiry)) = over_the_bus(&sign_inquiry(&inquiry, &asking.key)) else {
            return Err("a question does not arrive as one".to_owned());
        };
        let believed = verify_inquiry(&inquiry, &peer, release, now).filter(|(from, _)| *from == me);
        let (_, inquiry) = believed.ok_or("a question is not believed")?;
        let read = asked.store.transaction(|tx| {
            inquiry.spans.iter().map(|span| account(&peer, &me, span, tx)).collect::<Result<Vec<_>, store::Error>>()
        });
        let answer = AccountStatement {
            format: FORMAT,
            sender: peer.to_string(),
            recipient: me.to_string(),
            signing_key: asked.key.id().to_string(),
            nonce: inquiry.nonce,
            accounts: read.map_err(|error| error.to_string())?,
        };
        let Some(Kind::Account(answer)) = over_the_bus(&sign_account(&answer, &asked.key)) else {
            return Err("an answer does not arrive as one".to_owned());
        };
        let believed = verify_account(&answer, &me, release, now).filter(|(from, _)| *from == peer);
        let (_, answer) = believed.ok_or("an answer is not believed")?;
        for (channel, account) in open.into_iter().zip(&answer.accounts) {
            let heard = asking.store.transaction(|tx| channel.hear(account, tx));
            heard.map_err(|error| error.to_string())?;
        }
    }
}

fn over_the_bus(signal: &Signal) -> Option<Kind> {
    Signal::decode(signal.encode_to_vec().as_slice()).ok()?.kind
}

/// What a store has signed for an access point, or for all.
///
/// # Errors
/// [`store::Error`] when it cannot be read.
pub fn signed(store: &mut Store, to: Option<Point>, lane: Lane) -> Result<Places, store::Error> {
    let sql = "SELECT sequence, incarnation, id FROM sent WHERE recipient = $1 AND lane = $2";
    let to = recipient(to);
    store.transaction(|tx| {
        let rows = tx.query(sql, &[to.as_str().into(), lane.number().into()], |row| {
            Ok((row.number(0)?, (row.number(1)?, MessageId(row.array(2)?))))
        });
        Ok(rows?.into_iter().collect())
    })
}

/// What a store has taken of a channel, as it stands in it now.
///
/// # Errors
/// [`store::Error`] when it cannot be read.
pub fn taken(store: &mut Store, from: Point, to: Option<Point>, lane: Lane) -> Result<Places, store::Error> {
    let sql = "SELECT sequence, incarnation, id FROM received WHERE sender = $1 AND recipient = $2 AND lane = $3 \
               AND branch = 0";
    let (from, to) = (directory::access_point(from), recipient(to));
    store.transaction(|tx| {
        let rows = tx.query(sql, &[from.as_str().into(), to.as_str().into(), lane.number().into()], |row| {
            Ok((row.number(0)?, (row.number(1)?, MessageId(row.array(2)?))))
        });
        Ok(rows?.into_iter().collect())
    })
}

/// The stretches of a channel of which the sender's store holds a receipt of an access point.
///
/// # Errors
/// [`store::Error`] when it cannot be read.
pub fn receipted(
    store: &mut Store,
    issuer: Point,
    to: Option<Point>,
    lane: Lane,
) -> Result<Vec<(u64, u64)>, store::Error> {
    let sql =
        "SELECT first_sequence, last_sequence FROM receipt_held WHERE issuer = $1 AND recipient = $2 AND lane = $3";
    let (issuer, to) = (directory::access_point(issuer), recipient(to));
    store.transaction(|tx| {
        tx.query(sql, &[issuer.as_str().into(), to.as_str().into(), lane.number().into()], |row| {
            Ok((row.number(0)?, row.number(1)?))
        })
    })
}

fn recipient(to: Option<Point>) -> String {
    to.map_or_else(|| "all".to_owned(), |to| directory::access_point(to).to_string())
}
