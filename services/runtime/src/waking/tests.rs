//! Notices of several books are one order: none is passed over and none told for another.

use std::collections::BTreeSet;

use nhipcau_domain::referral::PersonRef;
use nhipcau_messaging::store::Store;

use super::{notices::page, *};

const ONE: Book = crate::book!(b"one", "one_waking", "one_notice", "thing", "1 = 1");
const OTHER: Book = crate::book!(b"other", "other_waking", "other_notice", "matter", "1 = 1");
const TABLES: &str = "CREATE TABLE IF NOT EXISTS one_waking (thing BLOB PRIMARY KEY, due_time INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS one_notice (notice BLOB PRIMARY KEY, thing BLOB NOT NULL, step INTEGER NOT NULL,
    party TEXT NOT NULL, unit TEXT NOT NULL, person TEXT NOT NULL, tell_time INTEGER NOT NULL, sent_time INTEGER);
    CREATE TABLE IF NOT EXISTS other_waking (matter BLOB PRIMARY KEY, due_time INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS other_notice (notice BLOB PRIMARY KEY, matter BLOB NOT NULL, step INTEGER NOT NULL,
    party TEXT NOT NULL, unit TEXT NOT NULL, person TEXT NOT NULL, tell_time INTEGER NOT NULL, sent_time INTEGER);";

fn pending(id: u128) -> Pending {
    let unit = UnitRef { party: "vwu".parse().unwrap(), unit: "desk".parse().unwrap() };
    Pending { id: Uuid::from_u128(id), unit, person: PersonRef::new("tn-3").unwrap() }
}

#[test]
fn of_two_books_every_notice_is_read_once_and_in_order() {
    let mut store = Store::in_memory().unwrap();
    store.add_tables(TABLES).unwrap();
    let tried = store.transaction(|tx| {
        for id in 0..600_u64 {
            let (book, time) = (if id % 3 == 0 { &ONE } else { &OTHER }, id / 7);
            let time = Timestamp::from_second(i64::try_from(time).unwrap()).unwrap();
            book.add(tx, Uuid::from_u64_pair(0, id), 1, &pending(id.into()), time)?;
        }
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let found = page(&[&ONE, &OTHER], tx, after)?;
            read.extend(found.pending.into_iter().map(|pending| pending.id.as_u128()));
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(read, (0..600).collect::<Vec<_>>());
        // What is taken of one book is taken of no other.
        ONE.sent(tx, Uuid::from_u128(1), Timestamp::UNIX_EPOCH)?;
        OTHER.sent(tx, Uuid::from_u128(4), Timestamp::UNIX_EPOCH)?;
        let left: BTreeSet<_> =
            page(&[&ONE, &OTHER], tx, None)?.pending.into_iter().map(|it| it.id.as_u128()).collect();
        assert!(left.contains(&1) && !left.contains(&4));
        Ok::<_, Error>(())
    });
    tried.unwrap();
}
