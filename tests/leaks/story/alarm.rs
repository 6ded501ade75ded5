//! An alarm key: registered, pressed, sent to whoever serves, ended by a person. A press has no room for a word; bytes
//! that are none have.

use anyhow::{Context as _, Result, ensure};
use nhipcau_proto::{
    referral::v1::BranchState,
    switchboard::v1::{self as switchboard, alarm_service_client::AlarmServiceClient},
};

use super::{PERSON, Story, channel, told};
use crate::{
    canary::{NAME, text},
    refusals::whole,
};

impl Story {
    /// A press that becomes a case, in whose contact what is learned later is written down, and presses that are none.
    pub(super) async fn is_pressed(&mut self) -> Result<()> {
        let key = self.world.path("alarm.key");
        let key = key.to_str().context("a plain path")?.to_owned();
        let device = ["--unit", "moh/111", "--area", "00004@VN-34-2026", "--person", PERSON];
        self.does("moh", &[&["alarm", "register"], device.as_slice(), &[&key]].concat())?;
        self.presses(&key)?;
        let alarms = self.does("moh", &["alarm", "list", "--person", PERSON])?;
        let (name, etag) = (told(&alarms, "/alarms/0/name")?, told(&alarms, "/alarms/0/etag")?);
        let contact = told(&alarms, "/alarms/0/contact")?;
        let referral = self.becomes_referral("moh", &contact).await?;
        let case = self.case(referral, ["moh", "hanoi"]).await?;
        self.reaches(&case, BranchState::Received).await?;
        self.amends(&contact).await?;
        self.act("hanoi", &case, &["acknowledge"])?;
        self.reaches(&case, BranchState::Assigned).await?;

        self.does("moh", &["alarm", "cancel", &name, "--reason", "done", "--etag", &etag, "--person", PERSON])?;
        self.names.extend([name, told(&alarms, "/alarms/0/device")?]);
        let mut alarms = AlarmServiceClient::new(channel(&self.world, "moh", self.door.port)?);
        // As long as a press is, and as long as nothing is.
        for frame in [text("tin").into_bytes(), text("tin").into_bytes()[..39].to_vec(), NAME.as_bytes().to_vec()] {
            let refused = alarms.press_alarm(switchboard::PressAlarmRequest { frame }).await.err();
            self.refused.push(("a press that is none".to_owned(), whole(&refused.context("refused")?)));
        }
        Ok(())
    }

    fn presses(&mut self, key: &str) -> Result<()> {
        let mut press = self.world.system("moh")?;
        press.args(["alarm", "press", "--key", key, "--counter", "1", "--area", "00004"]);
        let done = self.operates("alarm press", &mut press)?;
        ensure!(done.status.success(), "not pressed: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }
}
