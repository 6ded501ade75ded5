//! What the judge of histories finds in doctored stores, and in which column of the table it stands.

use anyhow::{Context as _, Result, ensure};
use nhipcau_sim::checker::{Standing, Violation};

use super::doctored::Doctored;
use crate::report::Row;

/// One thing that is wrong.
struct Wrong {
    /// What is promised of the judge.
    promise: &'static str,
    /// Whose store says something else than it should.
    at: &'static str,
    doctoring: &'static [&'static str],
    is_found: fn(&Violation) -> bool,
    column: fn(&Row) -> usize,
}

const LOST: fn(&Row) -> usize = |row| row.lost;
const DOUBLED: fn(&Row) -> usize = |row| row.doubled;
const MISORDERED: fn(&Row) -> usize = |row| row.misordered;

const WRONG: &[Wrong] = &[
    Wrong {
        promise: "an effect that a receipt states and no service shows is lost",
        at: "hanoi",
        doctoring: &["DELETE FROM referral_event WHERE ordinal = 2"],
        is_found: |v| matches!(v, Violation::ReceiptWithoutEffect { point: 2, .. }),
        column: LOST,
    },
    Wrong {
        promise: "a figure that a subscriber has taken and does not hold is lost",
        at: "moh",
        doctoring: &["DELETE FROM indicator_submission WHERE serial = 2"],
        is_found: |v| matches!(v, Violation::Lost { point: 1, effective: false, .. }),
        column: LOST,
    },
    Wrong {
        promise: "a message that its recipient knows nothing of is lost",
        at: "hanoi",
        doctoring: &[
            "DELETE FROM referral_event WHERE ordinal = 2",
            "DELETE FROM received WHERE sender = 'moh' AND sequence = 2",
        ],
        is_found: |v| matches!(v, Violation::Lost { standing: Standing::Received, effective: false, .. }),
        column: LOST,
    },
    Wrong {
        promise: "a message whose sender waits for its receipt for ever is lost",
        at: "moh",
        doctoring: &["UPDATE outbox SET state = 1 WHERE serial = 12"],
        is_found: |v| matches!(v, Violation::Lost { standing: Standing::Open, effective: true, .. }),
        column: LOST,
    },
    Wrong {
        promise: "a message that its sender has forgotten is not gone with it",
        at: "moh",
        doctoring: &["DELETE FROM outbox WHERE serial = 12"],
        is_found: |v| matches!(v, Violation::Forgotten { point: 1, effective: true, .. }),
        column: LOST,
    },
    Wrong {
        promise: "a refusal of what had its effect is found",
        at: "moh",
        doctoring: &["UPDATE outbox SET state = 3, reason = 7 WHERE serial = 12"],
        is_found: |v| matches!(v, Violation::RefusedAndEffective { point: 2, .. }),
        column: LOST,
    },
    Wrong {
        promise: "an effect at somebody for whom it was not is found",
        at: "moh",
        // Event 11, which moh itself has sent to hanoi.
        doctoring: &[
            "UPDATE received SET sender = 'moh', contract = '', id = X'0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b', content_digest = \
             X'0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b' WHERE sender = 'hanoi'",
        ],
        is_found: |v| matches!(v, Violation::WrongRecipient { point: 1, .. }),
        column: LOST,
    },
    Wrong {
        promise: "an event that stands in a case twice is doubled",
        at: "hanoi",
        doctoring: &[
            "INSERT INTO referral_event (branch, holder, side, ordinal, bytes, message, carried, store_time) \
             SELECT branch, holder, side, 3, bytes, message, carried, 0 FROM referral_event WHERE ordinal = 2",
        ],
        is_found: |v| matches!(v, Violation::Doubled { point: 2, .. }),
        column: DOUBLED,
    },
    Wrong {
        promise: "a figure that is held twice is doubled",
        at: "moh",
        doctoring: &["INSERT INTO indicator_submission SELECT 9, provider, zeroblob(16), structure, dataflow, 9, 9, \
                      observation_count, submitter, access_point, envelope, position, store_time \
                      FROM indicator_submission WHERE serial = 2"],
        is_found: |v| matches!(v, Violation::Doubled { point: 1, .. }),
        column: DOUBLED,
    },
    Wrong {
        promise: "an event that nobody sent is one too many",
        at: "hanoi",
        doctoring: &["UPDATE referral_event SET message = zeroblob(16) WHERE ordinal = 2"],
        is_found: |v| matches!(v, Violation::Invented { point: 2, .. }),
        column: DOUBLED,
    },
    Wrong {
        promise: "an effect of other content than was sent is one too many",
        at: "hanoi",
        doctoring: &["UPDATE received SET content_digest = zeroblob(32) WHERE sender = 'moh' AND sequence = 2"],
        is_found: |v| matches!(v, Violation::Invented { point: 2, .. }),
        column: DOUBLED,
    },
    Wrong {
        promise: "events that were stored in another order than their side's are misordered",
        at: "hanoi",
        doctoring: &["UPDATE referral_event SET rowid = 9 WHERE ordinal = 1"],
        is_found: |v| matches!(v, Violation::OutOfOrder { point: 2, sequence: 1, head: 2, .. }),
        column: MISORDERED,
    },
    Wrong {
        promise: "a log in which a place is left out is misordered",
        at: "hanoi",
        doctoring: &["UPDATE referral_event SET ordinal = 3 WHERE ordinal = 2"],
        is_found: |v| matches!(v, Violation::OutOfOrder { point: 2, sequence: 3, head: 1, .. }),
        column: MISORDERED,
    },
    Wrong {
        promise: "positions that were taken in another order than they were signed are misordered",
        at: "hanoi",
        doctoring: &["UPDATE received SET rowid = 99 WHERE sender = 'moh' AND sequence = 1"],
        is_found: |v| matches!(v, Violation::OutOfOrder { point: 2, sequence: 1, head: 2, .. }),
        column: MISORDERED,
    },
    Wrong {
        promise: "a message of a case that takes effect before an earlier one leaves a gap",
        at: "hanoi",
        // Refused for now.
        doctoring: &["UPDATE received SET outcome = 1, spent = 0 WHERE sender = 'moh' AND sequence = 1"],
        is_found: |v| matches!(v, Violation::Gap { point: 2, .. }),
        column: MISORDERED,
    },
];

pub(super) async fn run() -> Result<usize> {
    for wrong in WRONG {
        is_found(wrong).await.context(wrong.promise)?;
    }
    each_is_counted().await.context("of several that are lost each is counted")?;
    said_again().await.context("what a publisher that was put back says once more need not be held twice")?;
    Ok(WRONG.len() + 2)
}

/// Nothing is found before, and then what is wrong, which counts.
async fn is_found(wrong: &Wrong) -> Result<()> {
    let mut stores = Doctored::made()?;
    let (before, _) = stores.judged().await?;
    ensure!(before.is_empty(), "in stores as they should be it finds {before:?}");
    stores.doctor(wrong.at, wrong.doctoring)?;
    let (found, row) = stores.judged().await?;
    ensure!(found.iter().any(wrong.is_found), "it finds {found:?}");
    ensure!((wrong.column)(&row) > 0, "another column counts {found:?}");
    Ok(())
}

async fn each_is_counted() -> Result<()> {
    let mut stores = Doctored::made()?;
    stores.doctor("moh", &["UPDATE outbox SET state = 1"])?;
    stores.doctor("moh", &["DELETE FROM indicator_submission"])?;
    let (found, row) = stores.judged().await?;
    ensure!(row.lost == 4, "four are lost, and it finds {found:?}");
    Ok(())
}

async fn said_again() -> Result<()> {
    let mut stores = Doctored::made()?;
    stores.undone(0);
    stores.doctor("moh", &["DELETE FROM indicator_submission WHERE serial = 2"])?;
    let (found, _) = stores.judged().await?;
    ensure!(found.is_empty(), "it finds {found:?}");
    Ok(())
}
