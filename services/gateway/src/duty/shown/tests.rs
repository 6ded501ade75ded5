//! What is shown of answers: of one unit alone, and nothing that its branch was not given.

use super::{
    super::{content::tests::content, person::tests::person},
    *,
};

pub(crate) const UNIT: &str = "cua-nam";

pub(crate) fn uid(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

pub(crate) fn name(number: u128) -> Name {
    Name::read("moh", &uid(number), &uid(number + 1)).unwrap()
}

pub(crate) fn unit() -> UnitRef {
    person("cb-17").unit
}

pub(crate) fn named(unit: Option<&pb::UnitRef>) -> String {
    unit.map(|unit| format!("Tổng đài ({}/{})", unit.party, unit.unit)).unwrap_or_default()
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: 1_795_417_200 + seconds, nanos: 0 })
}

/// A hand-over to a unit of Hà Nội, as a reader of the party gets it, FULL.
pub(crate) fn referral(number: u128, unit: &str, state: pb::BranchState) -> pb::Referral {
    let branch = pb::Branch {
        name: format!("parties/moh/referrals/{}/branches/{}", uid(number), uid(number + 1)),
        kind: pb::ReferralKind::Transfer.into(),
        recipient: Some(pb::UnitRef { party: "hanoi".to_owned(), unit: unit.to_owned() }),
        state: state.into(),
        etag: format!("etag-{number}"),
        disclosed_parts: vec![pb::ReferralPart::Preview.into(), pb::ReferralPart::Identity.into()],
        time_limits: vec![pb::TimeLimit {
            rule: "transfer-12h".to_owned(),
            citation: "Decree 56/2017/NĐ-CP art. 26.3".to_owned(),
            acknowledge_due_time: at(1_800),
            due_time: at(43_200),
            ..Default::default()
        }],
        conditions: vec![pb::BranchCondition::Unacknowledged.into()],
        history: vec![pb::HistoryEntry { event: "opened".to_owned(), event_time: at(0), ..Default::default() }],
        ..Default::default()
    };
    pb::Referral {
        name: format!("parties/moh/referrals/{}", uid(number)),
        kind: pb::ReferralKind::Transfer.into(),
        origin: Some(pb::UnitRef { party: "moh".to_owned(), unit: "111".to_owned() }),
        create_time: at(i64::try_from(number).unwrap()),
        branches: vec![branch],
        content: Some(content()),
        ..Default::default()
    }
}

fn opened(referral: &pb::Referral) -> Option<Opened> {
    Opened::of(referral, &name(10), &unit(), &named)
}

#[test]
fn a_list_holds_what_is_for_its_unit_alone() {
    let others = referral(20, "ba-dinh", pb::BranchState::Received);
    let mut foreign = referral(30, UNIT, pb::BranchState::Received);
    foreign.branches[0].recipient.as_mut().unwrap().party = "moh".to_owned();
    let own = referral(10, UNIT, pb::BranchState::Received);
    let waiting = Waiting::of(&[others, own, foreign], &unit(), &named, false);
    let paths: Vec<_> = waiting.new.iter().map(|item| item.path.as_str()).collect();
    assert_eq!(paths, [format!("/duty/moh/{}/{}", uid(10), uid(11))]);
    assert!(waiting.running.is_empty());
}

#[test]
fn what_is_due_first_stands_first_and_what_is_at_its_end_nowhere() {
    let mut late = referral(10, UNIT, pb::BranchState::Received);
    late.branches[0].time_limits[0].acknowledge_due_time = at(3_600);
    let soon = referral(20, UNIT, pb::BranchState::Submitted);
    let running = referral(30, UNIT, pb::BranchState::InService);
    let ended = [pb::BranchState::Relieved, pb::BranchState::Closed, pb::BranchState::EnteredInError];
    let ended = ended.iter().zip(4..).map(|(state, number)| referral(number * 10, UNIT, *state));
    let all: Vec<_> = [late, running, soon].into_iter().chain(ended).collect();
    let waiting = Waiting::of(&all, &unit(), &named, false);
    let due: Vec<_> = waiting.new.iter().map(|item| item.due.as_str()).collect();
    assert_eq!(due, ["14:30 23/11/2026", "15:00 23/11/2026"]);
    assert_eq!(waiting.running.iter().map(|item| item.due.as_str()).collect::<Vec<_>>(), ["02:00 24/11/2026"]);
}

#[test]
fn of_very_many_the_first_are_shown_and_the_others_counted() {
    let state =
        |number: u128| if number.is_multiple_of(2) { pb::BranchState::Received } else { pb::BranchState::Assigned };
    let all: Vec<_> = (0..130).map(|number| referral(number * 10, UNIT, state(number))).collect();
    let waiting = Waiting::of(&all, &unit(), &named, false);
    assert_eq!((waiting.new.len(), waiting.running.len(), waiting.more), (65, 35, 30));
}

#[test]
fn a_branch_of_another_unit_is_not_there() {
    assert!(opened(&referral(10, UNIT, pb::BranchState::Received)).is_some());
    assert!(opened(&referral(10, "ba-dinh", pb::BranchState::Received)).is_none());
    assert!(opened(&referral(20, UNIT, pb::BranchState::Received)).is_none());
}

#[test]
fn what_is_given_is_shown_and_nothing_is_asked_of_what_is_at_its_end() {
    let open = opened(&referral(10, UNIT, pb::BranchState::Received)).unwrap();
    assert_eq!((open.sections.len(), &*open.offered), (4, &[Act::Acknowledge, Act::Redirect][..]));
    let mut ended = referral(10, UNIT, pb::BranchState::Closed);
    (ended.branches[0].kind, ended.content) = (pb::ReferralKind::Notification.into(), None);
    let ended = opened(&ended).unwrap();
    assert!(ended.sections.is_empty() && ended.offered.is_empty(), "{ended:?}");
}

#[test]
fn a_path_that_is_not_exactly_that_of_a_branch_names_none() {
    let written = uid(0xabc);
    assert!(Name::read("moh", &written, &written).is_some());
    let upper = written.to_uppercase();
    for (party, referral) in [("MOH", &*written), ("moh", "x"), ("moh", &*upper), ("moh", &*written.replace('-', ""))] {
        assert_eq!(Name::read(party, referral, &written), None, "{party} {referral}");
    }
}
