//! The stores of a publisher, a switchboard and a commune after two figures, one case and an answer in it: nothing is
//! wrong there until a statement changes a row.
//!
//! `moha` has published figures 1 and 2 to all; `moh` has sent events 11 and 12 of a case to `hanoi`, which has
//! answered with event 21.

use std::fs;

use anyhow::{Context as _, Result};
use nhipcau_messaging::store::{Error, Store, Tx, Value};
use nhipcau_sim::checker::Violation;
use tempfile::TempDir;

use crate::{histories::Histories, judge, report::Row};

const MEMBERS: [&str; 3] = ["moha", "moh", "hanoi"];
const REFERRALS: &str = include_str!("../../../services/referrals/src/store/schema.sql");
const INDICATORS: &str = include_str!("../../../services/indicators/src/store/schema.sql");

const CASE: [u8; 16] = [7; 16];
const BRANCH: [u8; 16] = [8; 16];

/// Stores, and the judge that has looked at them as often as it was asked to.
pub(super) struct Doctored {
    home: TempDir,
    judge: Histories,
}

impl Doctored {
    /// Stores in which nothing is wrong.
    pub(super) fn made() -> Result<Self> {
        let made = Self { home: tempfile::tempdir()?, judge: Histories::default() };
        for name in MEMBERS {
            fs::create_dir_all(made.home.path().join(name).join("store"))?;
            made.change(name, |tx| match name {
                "moha" => [1, 2].into_iter().try_for_each(|n| hands_over(tx, n, "all")),
                "moh" => {
                    [11, 12].into_iter().try_for_each(|n| hands_over(tx, n, "hanoi"))?;
                    figures(tx)?;
                    takes(tx, 21, ("hanoi", "moh", 1))?;
                    event(tx, 21, (1, 2, 1))
                }
                _ => {
                    hands_over(tx, 21, "moh")?;
                    figures(tx)?;
                    [(11, 1), (12, 2)].into_iter().try_for_each(|(n, at)| {
                        takes(tx, n, ("moh", "hanoi", at))?;
                        event(tx, n, (2, 1, at))
                    })
                }
            })?;
        }
        Ok(made)
    }

    /// Changes rows of a store, which must be there.
    pub(super) fn doctor(&self, name: &str, statements: &[&'static str]) -> Result<()> {
        for statement in statements {
            let mut changed = 0;
            self.change(name, |tx| {
                changed = tx.execute(statement, &[])?;
                Ok(())
            })?;
            anyhow::ensure!(changed > 0, "no row is changed by {statement}");
        }
        Ok(())
    }

    fn change(&self, name: &str, work: impl FnOnce(&mut Tx<'_>) -> Result<(), Error>) -> Result<()> {
        let mut store = Store::open(&self.home.path().join(name).join("store/store.db"))?;
        store.add_tables(REFERRALS)?;
        store.add_tables(INDICATORS)?;
        store.transaction(work).with_context(|| format!("the store of {name}"))
    }

    /// Somebody's store was put back or lived twice.
    pub(super) fn undone(&mut self, point: usize) {
        self.judge.undone(point);
    }

    /// What the judge finds now, and what of it stands in which column.
    pub(super) async fn judged(&mut self) -> Result<(Vec<Violation>, Row)> {
        let found = self.judge.judge_below(self.home.path(), &MEMBERS).await?;
        let mut row = Row::default();
        judge::count(&found, &mut row);
        Ok((found, row))
    }
}

/// Its broadcasts are of statistics, on the lane for bulk; all else is of a case.
fn hands_over(tx: &mut Tx<'_>, n: u8, recipient: &str) -> Result<(), Error> {
    let is_figure = recipient == "all";
    tx.execute(
        "INSERT INTO outbox (id, recipient, lane, serial, contract, kind, correlation, ordinal, draft_digest, state, \
         reason, signed, told, create_time) VALUES ($1, $2, $3, $4, $5, '', $6, 0, $7, $8, 0, 1, 1, 0)",
        &[
            Value::Blob(&[n; 16]),
            recipient.into(),
            if is_figure { 2 } else { 1 }.into(),
            i64::from(n).into(),
            if is_figure { "nhipcau.indicator.v1" } else { "nhipcau.referral.v1" }.into(),
            Value::Blob(if is_figure { &[] } else { &CASE }),
            Value::Blob(&[n; 32]),
            if is_figure { 1 } else { 2 }.into(),
        ],
    )?;
    Ok(())
}

fn takes(tx: &mut Tx<'_>, n: u8, (sender, recipient, sequence): (&str, &str, i64)) -> Result<(), Error> {
    let is_figure = recipient == "all";
    tx.execute(
        "INSERT INTO received (sender, recipient, lane, branch, sequence, incarnation, id, correlation, contract, \
         kind, digest, content_digest, outcome, expected, spent, receive_time) \
         VALUES ($1, $2, $3, 0, $4, 1, $5, $6, $7, '', $8, $8, 0, 0, 1, 0)",
        &[
            sender.into(),
            recipient.into(),
            if is_figure { 2 } else { 1 }.into(),
            sequence.into(),
            Value::Blob(&[n; 16]),
            Value::Blob(if is_figure { &[] } else { &CASE }),
            if is_figure { "nhipcau.indicator.v1" } else { "nhipcau.referral.v1" }.into(),
            Value::Blob(&[n; 32]),
        ],
    )?;
    Ok(())
}

fn figures(tx: &mut Tx<'_>) -> Result<(), Error> {
    for (n, sequence) in [(1, 1), (2, 2)] {
        takes(tx, n, ("moha", "all", sequence))?;
        tx.execute(
            "INSERT INTO indicator_submission (serial, provider, id, structure, dataflow, ordinal, publish_time, \
             observation_count, submitter, access_point, envelope, position, store_time) \
             VALUES ($1, 'moha', $2, '', '', $1, $1, 1, '', 'moha', $2, $1, 0)",
            &[sequence.into(), Value::Blob(&[n; 16])],
        )?;
    }
    Ok(())
}

fn event(tx: &mut Tx<'_>, n: u8, (holder, side, ordinal): (i64, i64, i64)) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_event (branch, holder, side, ordinal, bytes, message, carried, store_time) \
         VALUES ($1, $2, $3, $4, $5, $5, 0, 0)",
        &[Value::Blob(&BRANCH), holder.into(), side.into(), ordinal.into(), Value::Blob(&[n; 16])],
    )?;
    Ok(())
}
