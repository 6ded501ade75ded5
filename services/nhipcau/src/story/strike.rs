//! One process of the sandbox is killed in the middle of a step, and started again.

use std::time::Duration;

use nhipcau_messaging::pae;
use tokio::{sync::Mutex, time::sleep};

use crate::{
    exit::{Code, Failure},
    sandbox::{Everything, MEMBERS, World},
};

/// Longest time into a step.
const LATEST_MILLIS: u64 = 400;

/// Which process is killed and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    step: &'static str,
    member: usize,
    delay: Duration,
}

impl When {
    /// Reads the name of a step, or `random`; what is left open comes from the seed.
    ///
    /// # Errors
    /// When the story has no such step.
    pub(super) fn read(text: &str, steps: &[&'static str], seed: u64) -> Result<Self, Failure> {
        let digest = pae::sha256(&seed.to_le_bytes());
        let [first, second, third, ..] = digest.map(usize::from);
        let step = match text {
            "random" => steps.get(first % steps.len().max(1)),
            name => steps.iter().find(|step| **step == name),
        };
        let Some(step) = step else {
            let text = format!("the story has no step `{text}`; it has {}", steps.join(", "));
            return Err(Failure::because(Code::Usage, text));
        };
        let delay = Duration::from_millis(LATEST_MILLIS * third as u64 / 255);
        Ok(Self { step, member: second % MEMBERS.len(), delay })
    }

    /// The step and the process.
    pub(super) fn said(self) -> [&'static str; 2] {
        [self.step, MEMBERS.get(self.member).map_or("", |member| member.name)]
    }
}

/// Everything that runs, and what is to be killed.
#[derive(Debug)]
pub(crate) struct Strike<'w> {
    world: &'w World,
    everything: Mutex<Everything>,
    when: Option<When>,
}

impl<'w> Strike<'w> {
    pub(super) fn new(world: &'w World, everything: Everything, when: Option<When>) -> Self {
        Self { world, everything: Mutex::new(everything), when }
    }

    /// The sandbox.
    pub(super) const fn world(&self) -> &World {
        self.world
    }

    /// Whether this is the step.
    pub(super) fn is_at(&self, step: &str) -> bool {
        self.when.is_some_and(|when| when.step == step)
    }

    /// Strikes if this is the step: kills the process a moment into it and starts it again.
    pub(super) async fn at(&self, step: &str) -> Result<(), Failure> {
        let Some(when) = self.when.filter(|when| when.step == step) else { return Ok(()) };
        sleep(when.delay).await;
        Ok(self.everything.lock().await.restart(self.world, when.member).await?)
    }

    /// Has an access point read its directory anew; not while it is being started again, when it does so by itself.
    pub(super) async fn reload(&self, name: &str) -> Result<(), Failure> {
        Ok(self.everything.lock().await.reload(name)?)
    }

    /// Ends everything in order.
    pub(super) async fn end(self) -> std::io::Result<()> {
        self.everything.into_inner().stop().await
    }
}
