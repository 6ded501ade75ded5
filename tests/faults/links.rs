//! Networks that part: nothing goes through, or only one way, or now and then.

use anyhow::Result;

use crate::{
    campaign::{Fault, PLAIN, Setting},
    trial::Trial,
};

const LINKED: Setting = Setting { linked: true, ..PLAIN };

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "partition",
        about: "an access point and the broker do not reach each other for some seconds",
        setting: LINKED,
        runs: 3,
        selected: 1,
        strike: |trial| Box::pin(apart(trial, false, false)),
    },
    Fault {
        name: "partition-one-way-up",
        about: "the broker does not hear an access point, which hears the broker",
        setting: LINKED,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(apart(trial, false, true)),
    },
    Fault {
        name: "partition-one-way-down",
        about: "an access point does not hear the broker, which hears it",
        setting: LINKED,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(apart(trial, true, false)),
    },
    Fault {
        name: "partition-flapping",
        about: "every link comes and goes several times a second, and connections break",
        setting: LINKED,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(flapping(trial)),
    },
];

async fn apart(trial: &mut Trial, up: bool, down: bool) -> Result<()> {
    trial.pause(0, 1000).await;
    let name = trial.any_member();
    let is_cut = trial.rng.chance(500);
    trial.links[name].let_through(up, down);
    trial.pause(2000, 6000).await;
    if is_cut {
        trial.links[name].cut();
    }
    trial.links[name].let_through(true, true);
    Ok(())
}

async fn flapping(trial: &mut Trial) -> Result<()> {
    for _ in 0..25 {
        let name = trial.any_member();
        let (up, down) = (trial.rng.chance(400), trial.rng.chance(400));
        trial.links[name].let_through(up, down);
        if trial.rng.chance(300) {
            trial.links[name].cut();
        }
        trial.pause(50, 400).await;
    }
    for link in trial.links.values() {
        link.let_through(true, true);
    }
    Ok(())
}
