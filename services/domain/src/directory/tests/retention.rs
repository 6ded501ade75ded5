//! Retention classes of a release: what does not hold together is named at its place.

use nhipcau_proto::directory::v1 as pb;

use super::*;
use crate::{
    referral::{Part, PartSet, State},
    retention::classes,
};

fn class() -> pb::RetentionClass {
    pb::RetentionClass {
        retention_class: "service-record".into(),
        contract: referral().to_string(),
        parties: vec!["hanoi".into()],
        state_from: "in_service".into(),
        parts: vec!["narrative".into()],
        keep_days: 30,
        legal_source: "Article 1 of an example".into(),
        note: "example, to be confirmed".into(),
        validity: Some(pb::Validity {
            start_time: Some(prost_types::Timestamp { seconds: day(0).as_second(), nanos: 0 }),
            expire_time: None,
        }),
    }
}

#[test]
fn a_class_binds_whom_it_names_and_nobody_else() {
    let ceremony = ceremony();
    let everybody = pb::RetentionClass { retention_class: "all".into(), parties: Vec::new(), ..class() };
    let release =
        ceremony.release(&programme(&ceremony.root).with(|wire| wire.retention_classes = vec![class(), everybody]));
    let of = |name: &str| classes(&release, referral().as_str(), &PartyId::new(name).unwrap());
    let ids = |name: &str| of(name).into_iter().map(|class| class.id.into_string()).collect::<Vec<_>>();
    assert_eq!(ids("hanoi"), ["service-record", "all"]);
    assert_eq!(ids("vwu"), ["all"]);
    let read = of("hanoi").remove(0);
    assert_eq!((read.from, read.parts, read.days), (State::InService, PartSet::of(&[Part::Narrative]), 30));
    assert!(classes(&release, "nhipcau.indicator.v1", &party("hanoi")).is_empty());
}

#[test]
fn what_this_build_does_not_know_keeps_nothing() {
    let ceremony = ceremony();
    let newer = pb::RetentionClass { state_from: "supervised".into(), ..class() };
    let part = pb::RetentionClass { retention_class: "b".into(), parts: vec!["drawing".into()], ..class() };
    let release = ceremony.release(&programme(&ceremony.root).with(|wire| wire.retention_classes = vec![newer, part]));
    let read = classes(&release, referral().as_str(), &party("hanoi"));
    assert_eq!(read.iter().map(|class| class.parts).collect::<Vec<_>>(), [PartSet::EMPTY]);
}

#[test]
fn a_class_that_does_not_hold_together_is_named_at_its_place() {
    let with = |change: fn(&mut pb::RetentionClass)| {
        let mut class = class();
        change(&mut class);
        problems_of(|wire| wire.retention_classes.push(class))
    };
    let at = |field: &str, problem| only(&format!("retention_classes[0].{field}"), problem);
    assert_eq!(with(|it| it.retention_class = "Hồ sơ".into()), at("retention_class", Problem::Syntax));
    assert_eq!(with(|it| it.contract = "nhipcau.other.v1".into()), at("contract", Problem::Unresolved));
    assert_eq!(with(|it| it.parties.push("nobody".into())), at("parties[1]", Problem::Unresolved));
    assert_eq!(with(|it| it.parties.push("hanoi".into())), at("parties[1]", Problem::Repeated));
    assert_eq!(with(|it| it.state_from.clear()), at("state_from", Problem::Syntax));
    assert_eq!(with(|it| it.parts.clear()), at("parts", Problem::Missing));
    assert_eq!(with(|it| it.parts.push("narrative".into())), at("parts[1]", Problem::Repeated));
    for days in [0, 36_526] {
        let mut class = class();
        class.keep_days = days;
        assert_eq!(problems_of(|wire| wire.retention_classes.push(class)), at("keep_days", Problem::Range));
    }
    assert_eq!(with(|it| it.legal_source = "\u{202e}1".into()), at("legal_source", Problem::Syntax));
    assert_eq!(with(|it| it.validity = None), at("validity", Problem::Missing));
    let twice = problems_of(|wire| wire.retention_classes = vec![class(), class()]);
    assert_eq!(twice, only("retention_classes[1].retention_class", Problem::Repeated));
}
