//! A broker that loses its disk, a store that is put back, and all that operators and auditors ask.

use std::fs;

use anyhow::{Result, ensure};
use nhipcau_proto::{
    accesspoint::v1::{ListAlarmsRequest, access_point_service_client::AccessPointServiceClient},
    referral::v1::{self as pb, BranchState},
};
use nhipcau_tests::{
    process::{output, program},
    wait,
};

use super::{ALL, Case, Story, content::request};

/// What callers ask who are shown no content.
const ASKED: [&[&str]; 7] = [
    &["channels"],
    &["referral", "list"],
    &["referral", "due"],
    &["contact", "list"],
    &["contact", "handovers"],
    &["placement", "list"],
    &["alarm", "list"],
];

impl Story {
    /// All is sent again, past a broker that has lost its disk, and returned to a store that was put back.
    pub(super) async fn comes_back(&mut self) -> Result<()> {
        self.world.kill("hanoi");
        let older = self.world.keep_store("hanoi")?;
        let again = self.submit(request(["moh", "hanoi"], pb::ReferralKind::Transfer)).await?;
        self.world.kill_broker();
        self.world.lose_broker_disk()?;
        self.world.start_broker().await?;
        self.world.provision()?;
        self.start("hanoi").await?;
        self.reaches(&again, BranchState::Received).await?;
        self.act("hanoi", &again, &["acknowledge"])?;
        self.reaches(&again, BranchState::Assigned).await?;
        self.world.kill("hanoi");
        self.world.restore_store("hanoi", &older)?;
        fs::rename(older, self.world.path("copies/hanoi"))?;
        self.start("hanoi").await?;
        self.reaches(&again, BranchState::Assigned).await?;
        // Its own receipts are returned at once; what they speak of, its senders send again.
        let whole = async || self.audit("hanoi").ok().filter(|said| said.status.success()).map(drop);
        wait::until_answered("the evidence of a store that was put back", whole).await
    }

    /// What operators, auditors and callers without content ask.
    pub(super) async fn asks(&mut self, case: &Case) -> Result<()> {
        for name in ALL {
            self.alarms(name).await?;
            for arguments in ASKED {
                for form in [&[][..], &["--json"]] {
                    let said = output(self.world.system(name)?.args(arguments).args(form))?;
                    self.keep(&format!("{arguments:?} of {name}"), said);
                }
            }
            let duty = output(program()?.args(["duty", "show", "--home"]).arg(self.world.path(name)))?;
            self.keep("duty show", duty);
            let doctor = output(program()?.args(["doctor", "--json", "--config"]).arg(self.world.config(name)))?;
            self.keep("doctor", doctor);
            self.pages.push((format!("metrics of {name}"), self.world.metrics(name).await?.into_bytes()));
            let copy = self.world.path(format!("copies/{name}.db"));
            let copied = output(
                program()?.args(["store", "copy", "--config"]).arg(self.world.config(name)).arg("--to").arg(&copy),
            )?;
            ensure!(copied.status.success(), "no copy: {}", String::from_utf8_lossy(&copied.stderr));
            self.keep("store copy", copied);
        }
        let kept = self.world.keep_store("moh")?;
        fs::rename(kept, self.world.path("copies/moh"))?;
        let got = output(self.world.system("moh")?.args(["referral", "get", "--json"]).arg(&case.referral))?;
        ensure!(got.status.success(), "not read: {}", String::from_utf8_lossy(&got.stderr));
        self.keep("referral get", got);
        let compared = output(self.world.system("moh")?.args(["reconcile", "hanoi", "--json"]))?;
        self.keep("reconcile", compared);
        self.verify("moh")?;
        self.verify("hanoi")
    }

    /// What operators are told.
    pub(super) async fn alarms(&mut self, name: &str) -> Result<()> {
        let mut operator = AccessPointServiceClient::new(self.world.channel(name)?);
        let alarms = operator.list_alarms(ListAlarmsRequest::default()).await?.into_inner();
        self.pages.push((format!("alarms of {name}"), format!("{alarms:?}").into_bytes()));
        Ok(())
    }

    pub(super) fn verify(&mut self, name: &str) -> Result<()> {
        let said = self.audit(name)?;
        ensure!(said.status.success(), "{name} does not verify: {}", String::from_utf8_lossy(&said.stdout));
        self.keep(&format!("verify {name}"), said);
        Ok(())
    }

    fn audit(&self, name: &str) -> Result<std::process::Output> {
        output(program()?.args(["verify", "--json"]).arg(self.world.path(name)))
    }
}
