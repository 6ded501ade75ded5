//! The last word on a trial: what callers see against what they were answered, the evidence, and the stores at rest.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use nhipcau_sim::checker::Violation;
use nhipcau_tests::process::{output, program};

use crate::{
    cases::{self, Wrong},
    figures,
    report::Row,
    trial::Trial,
};

/// Adds broken promises to the columns of the table.
pub(crate) fn count(found: &[Violation], row: &mut Row) {
    for violation in found {
        match violation {
            Violation::Doubled { .. } | Violation::Invented { .. } | Violation::ConcludedTwice { .. } => {
                row.doubled += 1
            }
            Violation::OutOfOrder { .. } | Violation::Gap { .. } => row.misordered += 1,
            _ => row.lost += 1,
        }
    }
}

/// Judges a trial that has drained, and ends it.
pub(crate) async fn last(trial: &mut Trial, row: &mut Row) -> Result<()> {
    let world = &trial.world;
    for name in trial.members {
        let (lost, doubled) = figures::compare(world.channel(name)?, &trial.record.figures).await?;
        row.lost += lost;
        row.doubled += doubled;
        if lost + doubled > 0 {
            row.broken.push(format!("{name}: {lost} figures missing or others, {doubled} too many"));
        }
    }
    let channels = trial.members.iter().map(|name| Ok((*name, world.channel(name)?)));
    let channels = channels.collect::<Result<BTreeMap<_, _>>>()?;
    for case in &trial.record.cases {
        for side in case.sides {
            let wrong = cases::compare(case, channels[side].clone()).await.context("a case")?;
            let Some(wrong) = wrong else { continue };
            row.broken.push(format!("{side}: a case is not as acknowledged ({wrong:?})"));
            match wrong {
                Wrong::Lost => row.lost += 1,
                Wrong::TooMany => row.doubled += 1,
            }
        }
    }
    for name in trial.members {
        let status = trial.world.stop(name).await?;
        if !status.success() {
            row.broken.push(format!("{name} did not end in order: {status}"));
        }
    }
    let found = trial.histories.judge(&trial.world, trial.members).await?;
    count(&found, row);
    row.broken.extend(found.iter().map(ToString::to_string));
    for name in trial.members {
        let verified = output(program()?.args(["verify", "--json"]).arg(trial.world.path(name)))?;
        if !verified.status.success() {
            let said = String::from_utf8_lossy(&verified.stdout);
            row.broken.push(format!("the evidence of {name} does not hold: {}", said.lines().collect::<String>()));
        }
    }
    Ok(())
}
