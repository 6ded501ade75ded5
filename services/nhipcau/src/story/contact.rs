//! A contact: somebody calls switchboard 111 at night. The ward where it happened has nobody there at that hour, so the
//! health department above it gets the case, and answers for the child once a person there has acknowledged it. Every
//! person in it is invented.

use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::{referral::v1 as pb, switchboard::v1 as switchboard};

use super::{
    acts::{Names, act, asked, expect, origin_view, reads, stands, unit},
    office::Office,
    play::Play,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    contact::{get, record, route, send},
    exit::Failure,
    referral::{self, PURPOSE, Transition},
};

/// References of the people who act, as their own organisations know them.
pub(super) const HOTLINE: &str = "can-bo-111";
const CITY: &str = "can-bo-so-y-te";

/// The service that is needed.
pub(super) const SERVICE: &str = "child-protection";

/// The steps.
pub(super) const STEPS: [&str; 8] = ["record", "route", "send", "arrive", "acknowledge", "read", "start", "complete"];

/// Plays it.
pub(super) async fn play(play: &Play<'_>) -> Result<pb::Referral, Failure> {
    let ([_, moh, _, hanoi], teller) = (play.offices(), play.teller());
    play.later(until_night(play.now(moh)))?;
    let now = play.now(moh);
    let contact = play
        .step("record", async || recorded(play, moh, now, ("VD-0002", commune("00004", "VN-34-2026"))).await)
        .await?;
    teller.say(
        "Nửa đêm, có người gọi 111; Tổng đài ghi lại ngay, mới biết rất ít.",
        "Somebody calls 111 at night; the switchboard writes it down at once, with the little that is known.",
    )?;
    play.step("route", async || {
        let route = route(&contact.name, SERVICE, HOTLINE, &moh.connection).await?;
        expect(route.unit == Some(unit("hanoi", "health")), "the health department to serve at night")?;
        let ward = route.considered.first().map(|considered| considered.verdict());
        expect(ward == Some(switchboard::UnitVerdict::Closed), "nobody to be at the ward")
    })
    .await?;
    teller.say(
        "Giờ này phường Ba Đình không có người trực; Sở Y tế Hà Nội là nơi tiếp nhận.",
        "Nobody is at Ba Đình Ward at this hour; the Health Department of Hà Nội serves.",
    )?;
    let case = play.step("send", async || referred(moh, &sending(play, &contact)).await).await?;
    play.step("arrive", async || stands(moh, &case, pb::BranchState::Received).await).await?;
    teller.say(
        "Cuộc gọi trở thành vụ việc chuyển giao; điều chưa hỏi được ghi là chưa hỏi.",
        "The call has become a transfer; what nobody asked is sent as not asked.",
    )?;
    play.step("acknowledge", async || {
        act(play, hanoi, &case, CITY, Transition::Acknowledge).await?;
        let branch = stands(moh, &case, pb::BranchState::Assigned).await?;
        expect(branch.responsible_side() == pb::Side::Recipient, "the city to answer for the child")?;
        stands(hanoi, &case, pb::BranchState::Assigned).await
    })
    .await?;
    play.step("read", async || reads(hanoi, &case, CITY, true).await).await?;
    play.step("start", async || {
        act(play, hanoi, &case, CITY, Transition::Start).await?;
        stands(moh, &case, pb::BranchState::InService).await
    })
    .await?;
    play.step("complete", async || {
        act(play, hanoi, &case, CITY, Transition::Complete(pb::Outcome::OngoingElsewhere)).await?;
        stands(moh, &case, pb::BranchState::Completed).await
    })
    .await?;
    teller.say(
        "Một cán bộ của Sở nhận trách nhiệm, can thiệp và báo kết quả.",
        "A person at the department takes the child over, acts and reports the outcome.",
    )?;
    origin_view(moh, &case).await
}

/// How long it is until ten past two at night, in Viet Nam.
pub(super) fn until_night(now: Timestamp) -> SignedDuration {
    const DAY: i64 = 24 * 3_600;
    let of_day = now.as_second() + 7 * 3_600;
    SignedDuration::from_secs((2 * 3_600 + 600 - of_day).rem_euclid(DAY))
}

/// A commune by its code in a list.
pub(super) fn commune(code: &str, list: &str) -> pb::AdminUnitRef {
    let (code, code_list_version) = (code.to_owned(), list.to_owned());
    pb::AdminUnitRef { code, level: pb::AdminLevel::Commune.into(), code_list_version }
}

/// Writes down a call by its number with what is known: the area, who is concerned, and one criterion of risk.
pub(super) async fn recorded(
    play: &Play<'_>,
    moh: &Office,
    now: Timestamp,
    (number, area): (&str, pb::AdminUnitRef),
) -> Result<switchboard::Contact, Failure> {
    let details = switchboard::ContactDetails {
        subject: pb::CaseSubject::AtRisk.into(),
        incident_area: Some(area),
        criteria: vec![pb::RiskCriterion {
            criterion: pb::RiskCriterionCode::PerpetratorAccess.into(),
            level: pb::RiskLevel::High.into(),
        }],
        ..switchboard::ContactDetails::default()
    };
    let request = switchboard::RecordContactRequest {
        request_id: play.request_id("record"),
        unit: Some(unit("moh", "111")),
        reception: Some(pb::Reception {
            report_number: number.to_owned(),
            channel: pb::ReportChannel::Phone.into(),
            report_time: Some(prost_types::Timestamp { seconds: now.as_second(), nanos: 0 }),
            officer: HOTLINE.to_owned(),
        }),
        details: Some(details),
        acting_person: HOTLINE.to_owned(),
        validate_only: false,
    };
    night(play, moh, now).await?;
    Ok(record(&request, &moh.connection).await?.contact.unwrap_or_default())
}

/// Waits until it is that time at the switchboard: a process sees the new time a moment after it was set.
pub(super) async fn night(play: &Play<'_>, moh: &Office, now: Timestamp) -> Result<(), Failure> {
    let trial = switchboard::RecordContactRequest {
        request_id: play.request_id("night"),
        unit: Some(unit("moh", "111")),
        reception: Some(pb::Reception {
            channel: pb::ReportChannel::Phone.into(),
            report_time: Some(prost_types::Timestamp { seconds: now.as_second(), nanos: 0 }),
            ..pb::Reception::default()
        }),
        acting_person: HOTLINE.to_owned(),
        validate_only: true,
        ..switchboard::RecordContactRequest::default()
    };
    until(moh.name, "the night", PATIENCE, async || match record(&trial, &moh.connection).await {
        Ok(_) => Ok(Seen::There(())),
        Err(refused) if refused.reason() == nhipcau_domain::reason::REQUEST_INVALID => {
            Ok(Seen::Instead("another time".to_owned()))
        }
        Err(refused) => Err(refused.into()),
    })
    .await
}

/// What is asked to have a contact handed over to whoever serves.
pub(super) fn sending(play: &Play<'_>, contact: &switchboard::Contact) -> switchboard::SendContactRequest {
    let citation = "Nghị định 56/2017/NĐ-CP, điều 26".to_owned();
    let statutory_duty = Some(pb::StatutoryDuty { citation });
    switchboard::SendContactRequest {
        request_id: play.request_id("send"),
        name: contact.name.clone(),
        etag: contact.etag.clone(),
        acting_person: HOTLINE.to_owned(),
        validate_only: false,
        kind: pb::ReferralKind::Transfer.into(),
        purpose: PURPOSE.to_owned(),
        lawful_basis: Some(pb::LawfulBasis { statutory_duty, ..pb::LawfulBasis::default() }),
        service: SERVICE.to_owned(),
        recipients: Vec::new(),
    }
}

/// Sends the contact and waits until the referral stands.
pub(super) async fn referred(office: &Office, request: &switchboard::SendContactRequest) -> Result<Names, Failure> {
    send(request, &office.connection).await?;
    let sent = until(office.name, "the contact to become a referral", PATIENCE, async || {
        let sent = get(&request.name, None, &office.connection).await?;
        Ok(match sent.state() {
            switchboard::ContactState::Referred => Seen::There(sent),
            state => Seen::Instead(state.as_str_name().to_owned()),
        })
    })
    .await?;
    let referral = referral::get(&sent.referral, None, &office.connection).await?;
    asked(&referral)
}
