//! Areas: a caller names the ward by a name that is no more. Where it was split a person says which part is meant, and
//! nothing is guessed; where it became part of one ward whole, that ward serves. Every person in it is invented.

use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::{referral::v1 as pb, switchboard::v1 as switchboard};

use super::{
    acts::{expect, origin_view, stands, unit},
    contact::{HOTLINE, SERVICE, commune, recorded, referred, sending},
    play::Play,
};
use crate::{
    contact::{amend, route, send},
    exit::Failure,
};

/// The list of areas before the reform of 2025.
const BEFORE: &str = "VN-63";
/// A ward of that list whose parts belong to two wards now.
const SPLIT: &str = "00016";
/// A ward of that list that belongs to one ward as a whole now.
const WHOLE: &str = "00013";
/// The list in force.
const NOW: &str = "VN-34-2026";

/// The steps.
pub(super) const STEPS: [&str; 8] = ["record", "ask", "refuse", "choose", "route", "send", "arrive", "whole"];

/// Plays it.
pub(super) async fn play(play: &Play<'_>) -> Result<pb::Referral, Failure> {
    let ([_, moh, ..], teller) = (play.offices(), play.teller());
    play.later(until_office_hours(play.now(moh)))?;
    let now = play.now(moh);
    let place = |code, list| Some(commune(code, list));
    let call = async |number| recorded(play, moh, now, (number, commune(SPLIT, BEFORE))).await;
    let contact = play.step("record", async || call("VD-0003").await).await?;
    play.step("ask", async || {
        let route = route(&contact.name, SERVICE, HOTLINE, &moh.connection).await?;
        let is_question = route.question() == switchboard::RouteQuestion::AreaSplit && route.unit.is_none();
        expect(is_question, "nobody to be chosen where the area was split")?;
        let parts: Vec<_> = route.candidate_areas.iter().map(|area| area.code.as_str()).collect();
        expect(parts == ["00004", "00008"], "both wards to be named into which it was split")
    })
    .await?;
    play.step("refuse", async || match send(&sending(play, &contact), &moh.connection).await {
        Err(refused) if refused.reason() == nhipcau_domain::reason::AREA_SPLIT => Ok(()),
        Err(refused) => Err(refused.into()),
        Ok(_) => expect(false, "nothing to be sent to a ward that was guessed"),
    })
    .await?;
    teller.say(
        "Người gọi nêu tên phường cũ, nay đã chia về hai phường; hệ thống không đoán mà hỏi cán bộ.",
        "The caller names a ward that was split between two; nothing is guessed, a person is asked.",
    )?;
    let amended = play
        .step("choose", async || {
            let details = switchboard::ContactDetails { incident_area: place("00004", NOW), ..Default::default() };
            let request = switchboard::AmendContactRequest {
                request_id: play.request_id("amend"),
                name: contact.name.clone(),
                etag: contact.etag.clone(),
                acting_person: HOTLINE.to_owned(),
                details: Some(details),
                ..Default::default()
            };
            Ok(amend(&request, &moh.connection).await?.contact.unwrap_or_default())
        })
        .await?;
    play.step("route", async || {
        let route = route(&amended.name, SERVICE, HOTLINE, &moh.connection).await?;
        expect(route.unit == Some(unit("hanoi", "00004")), "Ba Đình Ward to serve in office hours")
    })
    .await?;
    let case = play.step("send", async || referred(moh, &sending(play, &amended)).await).await?;
    play.step("arrive", async || stands(moh, &case, pb::BranchState::Received).await).await?;
    teller.say(
        "Cán bộ hỏi thêm và xác định phường Ba Đình; vụ việc được chuyển tới đó.",
        "The counsellor asks and finds out that it is Ba Đình Ward, which gets the case.",
    )?;
    play.step("whole", async || {
        let other = recorded(play, moh, now, ("VD-0004", commune(WHOLE, BEFORE))).await?;
        let route = route(&other.name, SERVICE, HOTLINE, &moh.connection).await?;
        expect(route.unit == Some(unit("hanoi", "00004")), "the ward to serve that took over the whole one")
    })
    .await?;
    teller.say(
        "Một phường cũ khác nhập trọn vào Ba Đình: không phải hỏi ai.",
        "Another ward of old went to Ba Đình as a whole: nobody has to be asked.",
    )?;
    origin_view(moh, &case).await
}

/// How long it is until ten past nine in the morning of a weekday, in Viet Nam.
fn until_office_hours(now: Timestamp) -> SignedDuration {
    const DAY: i64 = 24 * 3_600;
    let local = now.as_second() + 7 * 3_600;
    let mut wait = (9 * 3_600 + 600 - local).rem_euclid(DAY);
    // The first day of 1970 was a Thursday.
    while ((local + wait).div_euclid(DAY) + 3).rem_euclid(7) > 4 {
        wait += DAY;
    }
    SignedDuration::from_secs(wait)
}
