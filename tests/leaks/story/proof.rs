//! Files of evidence of both sides, and their verification; of one that was altered too.

use std::fs;

use anyhow::{Result, ensure};
use nhipcau_tests::process::program;

use super::{Case, Story, told};
use crate::canary::text;

impl Story {
    /// A file of each side of each case.
    pub(super) fn proves(&mut self, cases: &[&Case]) -> Result<()> {
        let endpoints = serde_json::from_slice(&fs::read(self.world.path("endpoints.json"))?)?;
        let fingerprint = told(&endpoints, "/fingerprint")?;
        let altered = self.world.path("altered.evidence");
        for (number, case) in cases.iter().enumerate() {
            for side in case.sides {
                let file = self.world.path(format!("evidence/{number}-{side}"));
                let mut make = program()?;
                make.args(["evidence", "--json", &case.referral, "--home"]).arg(self.world.path(side));
                let made = self.operates("evidence", make.arg("--out").arg(&file))?;
                ensure!(made.status.success(), "no evidence: {}", String::from_utf8_lossy(&made.stderr));
                fs::write(&altered, [fs::read(&file)?, text("sửa").into_bytes()].concat())?;
                for (form, is_whole) in [("--json", true), ("", true), ("--json", false)] {
                    let mut verify = program()?;
                    verify.arg("verify").args(Some(form).filter(|form| !form.is_empty()));
                    verify.args(["--fingerprint", &fingerprint]).arg(if is_whole { &file } else { &altered });
                    let said = self.operates("verify", &mut verify)?;
                    // Something may be on its way; what nobody can read is refused.
                    let is_read = said.status.success() || said.status.code() == Some(6) && !said.stdout.is_empty();
                    ensure!(is_read == is_whole, "{form}: {}", String::from_utf8_lossy(&said.stderr));
                }
            }
        }
        Ok(())
    }
}
