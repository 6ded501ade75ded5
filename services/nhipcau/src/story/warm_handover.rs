//! A warm hand-over: a girl calls switchboard 111 and needs the Women's Union's line. While she waits, 111 offers the
//! contact; whoever answers there takes over, is told what was asked already, and hands it back. When she calls again
//! the line takes over once more, goes on with a contact of its own from what was told, and refers her to her ward.
//! At no moment does nobody answer for her. Every person in it is invented.

use nhipcau_proto::{referral::v1 as pb, switchboard::v1 as switchboard};

use super::{
    acts::{Names, expect, reads_preview, stands as branch_stands, unit},
    contact::{referred, sending},
    office::Office,
    play::Play,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    contact::{Deed, find, get, go_on, handovers, make, offer, record},
    exit::Failure,
    referral::{Given, PURPOSE, example},
};

/// References of the people who act, as their own organisations know them.
const HOTLINE: &str = "can-bo-111";
const LINE: &str = "can-bo-1900969680";
const WARD: &str = "can-bo-phuong";

/// How often a person whose view was out of date looks again.
const LOOKS: usize = 5;
/// More hand-overs than any story makes.
const MOST: usize = 100;

/// The steps.
pub(super) const STEPS: [&str; 12] = [
    "record",
    "offer",
    "hear",
    "accept",
    "read",
    "ask-hand-back",
    "hand-back",
    "offer-again",
    "take-over",
    "continue",
    "refer",
    "arrive",
];

/// Plays it.
pub(super) async fn play(play: &Play<'_>) -> Result<(), Failure> {
    use switchboard::{ContactState as Contact, HandoverState as State};
    let ([_, moh, vwu, hanoi], teller) = (play.offices(), play.teller());
    let call = recording(play, moh);
    let contact =
        play.step("record", async || Ok(record(&call, &moh.connection).await?.contact.unwrap_or_default())).await?;
    let offered = offering(play.request_id("offer"), &contact);
    let uid = play.step("offer", async || Ok(offer(&offered, &moh.connection).await?.0.uid)).await?;
    teller.say(
        "Một em gái gọi 111 và cần đường dây 1900969680; em giữ máy, 111 đề nghị chuyển và vẫn chịu trách nhiệm.",
        "A girl calls 111 and needs the line 1900969680; she waits, 111 offers the contact and still answers for her.",
    )?;
    play.step("hear", async || {
        let offered = stands(vwu, &uid, State::Offered).await?;
        let content = content(vwu, &uid).await?;
        expect(content.preview.is_some() && content.identity.is_none(), "the line to see codes and no name")?;
        let asked = offered.asked().any(|field| field == switchboard::AskedField::FullName);
        expect(asked, "the line to know that the name was asked")
    })
    .await?;
    play.step("accept", async || {
        act(play, vwu, &uid, LINE, Deed::Accept).await?;
        let taken = stands(vwu, &uid, State::Taken).await?;
        expect(taken.answering, "the line to answer for her")?;
        let ours = stands(moh, &uid, State::Taken).await?;
        expect(!ours.answering, "the switchboard to answer no more")?;
        is_in(moh, &contact.name, Contact::HandedOver).await.map(drop)
    })
    .await?;
    play.step("read", async || {
        let content = content(vwu, &uid).await?;
        expect(content.identity.is_some() && content.narrative.is_some(), "nothing to be asked twice")
    })
    .await?;
    teller.say(
        "Người trực đường dây nhận; chỉ khi đó họ tên và câu chuyện mới được gửi, không ai phải hỏi lại em.",
        "A person at the line takes over; only then name and story are sent, and nobody asks her again.",
    )?;
    play.step("ask-hand-back", async || {
        act(play, vwu, &uid, LINE, Deed::AskHandBack(pb::HandBackReason::NotCompetent)).await?;
        until(moh.name, "the line to ask for it", PATIENCE, async || {
            let ours = seen(moh, &uid).await?;
            let is_asked = ours.as_ref().is_some_and(|ours| ours.hand_back_reason != 0);
            Ok(if is_asked { Seen::There(()) } else { Seen::Instead("no request".to_owned()) })
        })
        .await?;
        let theirs = stands(vwu, &uid, State::Taken).await?;
        expect(theirs.answering, "the line to answer until it was taken back")
    })
    .await?;
    let back = play
        .step("hand-back", async || {
            act(play, moh, &uid, HOTLINE, Deed::HandBack).await?;
            let theirs = stands(vwu, &uid, State::HandedBack).await?;
            expect(!theirs.answering, "the line to answer no more")?;
            expect(content(vwu, &uid).await? == pb::ReferralContent::default(), "the line to keep nothing")?;
            is_in(moh, &contact.name, Contact::Open).await
        })
        .await?;
    teller.say(
        "Sau đó đường dây trả lại; 111 tiếp tục chịu trách nhiệm, đường dây xóa nội dung.",
        "Afterwards the line hands it back; 111 answers again, and the line keeps nothing of the content.",
    )?;
    let again = offering(play.request_id("offer-again"), &back);
    let uid = play.step("offer-again", async || Ok(offer(&again, &moh.connection).await?.0.uid)).await?;
    play.step("take-over", async || {
        stands(vwu, &uid, State::Offered).await?;
        act(play, vwu, &uid, LINE, Deed::Accept).await?;
        stands(moh, &uid, State::Taken).await?;
        stands(vwu, &uid, State::Taken).await.map(drop)
    })
    .await?;
    let own = play.step("continue", async || continued(play, vwu, &uid).await).await?;
    teller.say(
        "Em gọi lại và được chuyển lần nữa; đường dây lập cuộc liên hệ của mình từ những gì đã nghe, không nhập lại gì.",
        "She calls again and is handed over once more; the line goes on with a contact of its own, and types nothing anew.",
    )?;
    let case = play.step("refer", async || referred(vwu, &referring(play, &own)).await).await?;
    play.step("arrive", async || arrived(vwu, hanoi, &case).await).await?;
    teller.say(
        "Từ đó đường dây chuyển gửi em đến phường Ba Đình; phường chỉ thấy phần xem trước cho đến khi nhận.",
        "From it the line refers her to Ba Đình Ward, which sees codes alone until it accepts.",
    )
}

/// How each hand-over of the story stands at each side, without times and ids.
pub(super) async fn ends(play: &Play<'_>) -> Result<Vec<String>, Failure> {
    let mut ends = Vec::new();
    for office in play.offices() {
        for handover in handovers(MOST, &[], &office.connection).await?.handovers {
            let unit = handover.recipient.clone().unwrap_or_default();
            let answers = if handover.answering { "answers" } else { "does not answer" };
            let (party, state) = (office.name, handover.state().as_str_name());
            ends.push(format!("hand-over to {}/{}: {state}, {party} {answers}", unit.party, unit.unit));
        }
    }
    Ok(ends)
}

/// What is recorded when she calls.
fn recording(play: &Play<'_>, moh: &Office) -> switchboard::RecordContactRequest {
    let invented = example(pb::ReferralKind::Referral, unit("moh", "111"), unit("vwu", "desk"), play.now(moh));
    let content = invented.content.unwrap_or_default();
    let preview = content.preview.unwrap_or_default();
    switchboard::RecordContactRequest {
        request_id: play.request_id("record"),
        unit: Some(unit("moh", "111")),
        reception: preview.reception,
        details: Some(switchboard::ContactDetails {
            subject: preview.subject,
            incident_area: preview.incident_area,
            criteria: preview.criteria,
            service_types: preview.service_types,
            response_timeframe: preview.response_timeframe,
            age_group: preview.age_group,
            sex: preview.sex,
            identity: content.identity,
            narrative: content.narrative,
            ..switchboard::ContactDetails::default()
        }),
        acting_person: HOTLINE.to_owned(),
        validate_only: false,
    }
}

/// What is offered.
fn offering(request_id: String, contact: &switchboard::Contact) -> switchboard::OfferHandoverRequest {
    let citation = "Nghị định 56/2017/NĐ-CP, điều 26".to_owned();
    let statutory_duty = Some(pb::StatutoryDuty { citation });
    switchboard::OfferHandoverRequest {
        request_id,
        name: contact.name.clone(),
        etag: contact.etag.clone(),
        acting_person: HOTLINE.to_owned(),
        validate_only: false,
        recipient: Some(unit("vwu", "1900969680")),
        purpose: PURPOSE.to_owned(),
        lawful_basis: Some(pb::LawfulBasis { statutory_duty, ..pb::LawfulBasis::default() }),
        waiting: true,
    }
}

fn name(office: &Office, uid: &str) -> String {
    format!("parties/{}/handovers/{uid}", office.name)
}

/// A hand-over as an office sees it; none while it has not arrived, which is answered as what one may not see.
async fn seen(office: &Office, uid: &str) -> Result<Option<switchboard::Handover>, Failure> {
    match find(&name(office, uid), None, &office.connection).await {
        Ok(handover) => Ok(Some(handover)),
        Err(refused) if refused.reason() == nhipcau_domain::reason::ACCESS_DENIED => Ok(None),
        Err(refused) => Err(refused.into()),
    }
}

/// What a person at the line was told.
async fn content(office: &Office, uid: &str) -> Result<pb::ReferralContent, Failure> {
    let handover = find(&name(office, uid), Some(LINE), &office.connection).await?;
    Ok(handover.content.unwrap_or_default())
}

/// Waits until a hand-over stands in a state at an office.
async fn stands(
    office: &Office,
    uid: &str,
    state: switchboard::HandoverState,
) -> Result<switchboard::Handover, Failure> {
    let what = format!("the hand-over to become {}", state.as_str_name());
    until(office.name, &what, PATIENCE, async || {
        Ok(match seen(office, uid).await? {
            Some(handover) if handover.state() == state => Seen::There(handover),
            Some(handover) => Seen::Instead(handover.state().as_str_name().to_owned()),
            None => Seen::Instead("nothing".to_owned()),
        })
    })
    .await
}

/// The contact; fails unless it stands in a state.
async fn is_in(moh: &Office, contact: &str, state: switchboard::ContactState) -> Result<switchboard::Contact, Failure> {
    let contact = get(contact, None, &moh.connection).await?;
    expect(contact.state() == state, &format!("the contact to be {}", state.as_str_name()))?;
    Ok(contact)
}

/// A person at the line goes on with a contact of its own, and reads there what was told.
async fn continued(play: &Play<'_>, vwu: &Office, uid: &str) -> Result<switchboard::Contact, Failure> {
    let given = given(play, vwu, uid, LINE, 1).await?;
    let contact = go_on(given, &vwu.connection).await?.contact.unwrap_or_default();
    let theirs = find(&name(vwu, uid), None, &vwu.connection).await?;
    let is_named = contact.handover == theirs.name && theirs.own_contact == contact.name;
    expect(is_named, "the contact and the hand-over to name each other")?;
    let known = get(&contact.name, Some(LINE), &vwu.connection).await?.details.unwrap_or_default();
    expect(known.identity.is_some() && known.narrative.is_some(), "nothing to be typed again")?;
    Ok(contact)
}

/// What is asked for her ward.
fn referring(play: &Play<'_>, own: &switchboard::Contact) -> switchboard::SendContactRequest {
    switchboard::SendContactRequest {
        kind: pb::ReferralKind::Referral.into(),
        acting_person: LINE.to_owned(),
        ..sending(play, own)
    }
}

/// Waits until the referral has arrived at the ward, which reads what it may.
async fn arrived(vwu: &Office, hanoi: &Office, case: &Names) -> Result<(), Failure> {
    let branch = branch_stands(vwu, case, pb::BranchState::Received).await?;
    expect(branch.recipient == Some(unit("hanoi", "00004")), "her ward to be asked")?;
    reads_preview(hanoi, case, WARD).await
}

/// A person acts on a hand-over as it stands; whose view was out of date looks again.
async fn act(play: &Play<'_>, office: &Office, uid: &str, person: &str, deed: Deed) -> Result<(), Failure> {
    for look in 1.. {
        let given = given(play, office, uid, person, look).await?;
        match make(deed.clone(), given, &office.connection).await {
            Err(refused) if refused.reason() == nhipcau_domain::reason::ETAG_STALE && look < LOOKS => {}
            Err(refused) => return Err(refused.into()),
            Ok(_) => break,
        }
    }
    Ok(())
}

/// What a person asks of a hand-over as it stands: the same when the step is done again.
async fn given(play: &Play<'_>, office: &Office, uid: &str, person: &str, look: usize) -> Result<Given, Failure> {
    let request_id = play.request_id(&format!("{} {person} {look}", office.name));
    let given = match play.asked(&request_id) {
        Some(given) => given,
        None => {
            let etag = find(&name(office, uid), None, &office.connection).await?.etag;
            let (name, person) = (name(office, uid), person.to_owned());
            Given { name, etag, person, request_id, validate_only: false }
        }
    };
    play.ask(&given);
    Ok(given)
}
