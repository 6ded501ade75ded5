//! Commands of the systems and operators of a run: what they are told is kept, and that they are refused is demanded
//! where they must be.

use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail, ensure};
use nhipcau_tests::process::output;
use serde_json::Value;

use super::Story;

/// How often somebody whose view was out of date looks again.
pub(super) const LOOKS: usize = 5;

impl Story {
    /// A command of a side's own system, which is not refused; whoever looked too early looks again.
    pub(super) fn does(&mut self, side: &str, arguments: &[&str]) -> Result<Value> {
        for _ in 0..LOOKS {
            let done = output(self.world.system(side)?.args(arguments).arg("--json"))?;
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            let answer = serde_json::from_slice(&done.stdout);
            let is_done = done.status.success();
            self.keep(&arguments.join(" "), done);
            if is_done {
                return answer.with_context(|| format!("{arguments:?} answers no JSON"));
            }
            ensure!(said.contains("ETAG_STALE"), "{arguments:?}: {said}");
        }
        bail!("{arguments:?} is always too early")
    }

    /// A command of a side's own system that is refused.
    pub(super) fn may_not(&mut self, side: &str, arguments: &[&str]) -> Result<()> {
        let done = output(self.world.system(side)?.args(arguments).arg("--json"))?;
        ensure!(!done.status.success(), "{arguments:?} was not refused");
        self.keep(&format!("a refusal of {}", arguments.join(" ")), done);
        Ok(())
    }

    /// A command for an operator at home.
    pub(super) fn operates(&mut self, label: &str, command: &mut Command) -> Result<Output> {
        let done = output(command)?;
        self.keep(label, Output { status: done.status, stdout: done.stdout.clone(), stderr: done.stderr.clone() });
        Ok(done)
    }

    /// Keeps what a command wrote.
    pub(crate) fn keep(&mut self, label: &str, said: Output) {
        let both = [said.stdout, b"\n".to_vec(), said.stderr].concat();
        self.outputs.push((label.to_owned(), both));
    }
}

/// The text at a place of an answer.
pub(super) fn told(answer: &Value, pointer: &str) -> Result<String> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no {pointer} in {answer}"))?.to_owned())
}
