//! An alarm key: somebody presses a device with one button at night, and whoever serves at that hour gets a case
//! without a word having been said. Another press turns out to be a mistake, and only a person ends it. A press that
//! somebody recorded and plays again calls nobody. Every person in it is invented.

use nhipcau_domain::alarm::{ANSWER, DeviceId, DeviceKey, Flags, Frame};
use nhipcau_proto::{referral::v1 as pb, switchboard::v1 as switchboard};
use zeroize::Zeroizing;

use super::{
    acts::{Names, act, asked, expect, origin_view, reads, stands, unit},
    contact::{night, until_night},
    office::Office,
    play::Play,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    alarm::{cancel, list, press, register},
    contact::get,
    exit::Failure,
    referral,
};

/// References of the people who act, as their own organisations know them.
const HOTLINE: &str = "can-bo-111";
const CITY: &str = "can-bo-so-y-te";

/// More alarms than the story raises.
const MOST: usize = 10;

/// The steps.
pub(super) const STEPS: [&str; 8] =
    ["register", "press", "arrive", "acknowledge", "read", "replay", "mistake", "cancel"];

/// A device as its maker has it.
struct Device {
    id: DeviceId,
    key: Zeroizing<Vec<u8>>,
}

impl Device {
    /// The bytes of a press.
    fn press(&self, counter: u64) -> Vec<u8> {
        let key = DeviceKey::new(self.key.as_slice().try_into().unwrap_or_default());
        Frame::new(self.id, counter, Flags::ALARM, "").seal(&key)
    }
}

/// Plays it.
pub(super) async fn play(play: &Play<'_>) -> Result<pb::Referral, Failure> {
    let ([_, moh, _, hanoi], teller) = (play.offices(), play.teller());
    play.later(until_night(play.now(moh)))?;
    let now = play.now(moh);
    let (first, second) = play
        .step("register", async || {
            night(play, moh, now).await?;
            Ok((registered(play, moh, "one").await?, registered(play, moh, "two").await?))
        })
        .await?;
    teller.say(
        "Tổng đài 111 ghi hai phím báo động của phường Ba Đình; khóa của mỗi phím chỉ trao một lần.",
        "Switchboard 111 registers two alarm keys at Ba Đình Ward; the key of each is given once.",
    )?;
    play.step("press", async || pressed(moh, &first, 1).await).await?;
    teller.say(
        "Nửa đêm, có người bấm phím, không nói lời nào. Phím chỉ biết là tín hiệu đã đến.",
        "Somebody presses at night, without a word. The device learns that it arrived, and nothing else.",
    )?;
    let case = play
        .step("arrive", async || {
            let alarm = newest(moh, 1, None).await?;
            let case = referred(moh, &alarm).await?;
            stands(moh, &case, pb::BranchState::Received).await?;
            Ok(case)
        })
        .await?;
    play.step("acknowledge", async || {
        act(play, hanoi, &case, CITY, referral::Transition::Acknowledge).await?;
        let branch = stands(moh, &case, pb::BranchState::Assigned).await?;
        expect(branch.responsible_side() == pb::Side::Recipient, "the city to answer for the child")?;
        stands(hanoi, &case, pb::BranchState::Assigned).await
    })
    .await?;
    play.step("read", async || reads(hanoi, &case, CITY, true).await).await?;
    teller.say(
        "Giờ này phường không có người trực; Sở Y tế Hà Nội nhận vụ việc và một cán bộ xác nhận.",
        "Nobody is at the ward at this hour; a person at the Health Department of Hà Nội acknowledges.",
    )?;
    play.step("replay", async || {
        pressed(moh, &first, 1).await?;
        let alarm = newest(moh, 1, Some(HOTLINE)).await?;
        expect(alarm.presses == 1, "the press to count once")
    })
    .await?;
    teller.say(
        "Ai đó ghi lại tín hiệu và phát lại: không có gì xảy ra.",
        "Somebody recorded the press and plays it again: nothing comes of it.",
    )?;
    let (mistaken, needless) = play
        .step("mistake", async || {
            pressed(moh, &second, 1).await?;
            let alarm = newest(moh, 2, None).await?;
            let case = referred(moh, &alarm).await?;
            stands(moh, &case, pb::BranchState::Received).await?;
            Ok((alarm, case))
        })
        .await?;
    play.step("cancel", async || {
        let request = switchboard::CancelAlarmRequest {
            request_id: play.request_id("cancel"),
            name: mistaken.name.clone(),
            etag: mistaken.etag.clone(),
            reason: switchboard::AlarmCancelReason::Mistake.into(),
            acting_person: HOTLINE.to_owned(),
        };
        let ended = cancel(&request, &moh.connection).await?.alarm.unwrap_or_default();
        expect(ended.state() == switchboard::AlarmState::Cancelled, "the alarm to be ended by a person")?;
        let open = list(vec![switchboard::AlarmState::Open.into()], MOST, None, &moh.connection).await?;
        expect(open.len() == 1, "the other alarm to go on")?;
        // The contact and its referral stay: the same person takes the referral back.
        act(play, moh, &needless, HOTLINE, referral::Transition::Revoke(pb::RevocationReason::Other)).await?;
        stands(moh, &needless, pb::BranchState::Revoked).await?;
        stands(hanoi, &needless, pb::BranchState::Revoked).await.map(drop)
    })
    .await?;
    teller.say(
        "Phím thứ hai bị bấm nhầm: một cán bộ gọi lại, hỏi rồi mới kết thúc. Phím không tự tắt báo động được.",
        "The second one was pressed by mistake: a person asked, and ended it. No device ends an alarm.",
    )?;
    origin_view(moh, &case).await
}

async fn registered(play: &Play<'_>, moh: &Office, what: &str) -> Result<Device, Failure> {
    let area = pb::AdminUnitRef {
        code: "00004".to_owned(),
        code_list_version: "VN-34-2026".to_owned(),
        level: pb::AdminLevel::Commune.into(),
    };
    let request = switchboard::RegisterDeviceRequest {
        request_id: play.request_id(what),
        unit: Some(unit("moh", "111")),
        area: Some(area),
        protected: false,
        acting_person: HOTLINE.to_owned(),
    };
    let made = register(&request, &moh.connection).await?;
    Ok(Device { id: made.id, key: made.key })
}

async fn pressed(moh: &Office, device: &Device, counter: u64) -> Result<(), Failure> {
    let answer = press(device.press(counter), &moh.connection).await?;
    expect(answer == ANSWER, "the answer that every press gets")
}

/// The newest of so many alarms.
async fn newest(moh: &Office, count: usize, person: Option<&str>) -> Result<switchboard::Alarm, Failure> {
    let alarms = list(Vec::new(), MOST, person, &moh.connection).await?;
    expect(alarms.len() == count, "each press to raise one alarm")?;
    Ok(alarms.into_iter().next().unwrap_or_default())
}

/// Waits until the referral of an alarm's contact stands.
async fn referred(moh: &Office, alarm: &switchboard::Alarm) -> Result<Names, Failure> {
    let sent = until(moh.name, "the contact of the alarm to become a referral", PATIENCE, async || {
        let contact = get(&alarm.contact, None, &moh.connection).await?;
        Ok(match contact.state() {
            switchboard::ContactState::Referred => Seen::There(contact),
            state => Seen::Instead(state.as_str_name().to_owned()),
        })
    })
    .await?;
    let referral = referral::get(&sent.referral, None, &moh.connection).await?;
    asked(&referral)
}
