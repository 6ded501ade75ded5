//! BASIC against the contract's own annotations, and the view of a branch in every state.

use std::{collections::BTreeSet, sync::LazyLock};

use nhipcau_domain::referral::{Command, Danger, Outcome, Revocation, State};
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind as FieldKind, MessageDescriptor,
    ReflectMessage as _, Value,
};

use super::{
    fixture::{after, lives, opened, time},
    *,
};

const PERSONAL: i32 = 3;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| DescriptorPool::decode(nhipcau_proto::DESCRIPTORS).unwrap());

fn descriptor(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(&format!("nhipcau.referral.v1.{name}")).unwrap()
}

fn sensitivity(field: &FieldDescriptor) -> i32 {
    let extension = POOL.get_extension_by_name("nhipcau.type.v1.sensitivity").unwrap();
    // An annotation that is missing counts as the highest.
    field.options().get_extension(&extension).as_enum_number().filter(|number| *number > 0).unwrap_or(i32::MAX)
}

/// A message in which every field is set, all the way down.
fn filled(descriptor: &MessageDescriptor) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        let value = match field.kind() {
            FieldKind::Message(inner) => Value::Message(filled(&inner)),
            FieldKind::Enum(values) => Value::EnumNumber(values.values().map(|value| value.number()).max().unwrap()),
            FieldKind::String => Value::String("x".to_owned()),
            FieldKind::Bytes => Value::Bytes(vec![1].into()),
            FieldKind::Bool => Value::Bool(true),
            FieldKind::Int32 => Value::I32(1),
            FieldKind::Int64 => Value::I64(1),
            FieldKind::Uint32 => Value::U32(1),
            FieldKind::Uint64 => Value::U64(1),
            other => panic!("no value for {other:?}"),
        };
        let is_list = field.cardinality() == Cardinality::Repeated;
        message.set_field(&field, if is_list { Value::List(vec![value]) } else { value });
    }
    message
}

/// Every field that is set, by its path, with its sensitivity. What stands in a personal field is not looked into.
fn walk(message: &DynamicMessage, path: &str, found: &mut BTreeSet<(String, i32)>) {
    if !message.descriptor().package_name().starts_with("nhipcau.") {
        return;
    }
    for (field, value) in message.fields() {
        let (path, own) = (format!("{path}.{}", field.name()), sensitivity(&field));
        found.insert((path.clone(), own));
        if own >= PERSONAL {
            continue;
        }
        let values = match value {
            Value::List(values) => values.as_slice(),
            single => std::slice::from_ref(single),
        };
        values.iter().filter_map(Value::as_message).for_each(|inner| walk(inner, &path, found));
    }
}

fn fields(message: &impl prost::Message, name: &str) -> BTreeSet<(String, i32)> {
    let message = DynamicMessage::decode(descriptor(name), message.encode_to_vec().as_slice()).unwrap();
    let mut found = BTreeSet::new();
    walk(&message, name, &mut found);
    found
}

#[test]
fn basic_is_every_field_that_is_not_about_a_person() {
    let everything: pb::Referral = filled(&descriptor("Referral")).transcode_to().unwrap();
    let all = fields(&everything, "Referral");
    assert!(all.iter().any(|(path, own)| path == "Referral.branches.outcome" && *own >= PERSONAL), "{all:?}");
    assert!(all.iter().any(|(path, own)| path.ends_with("vital_interest.danger") && *own >= PERSONAL));
    let impersonal: BTreeSet<_> = all.into_iter().filter(|(_, own)| *own < PERSONAL).collect();
    assert!(impersonal.len() > 30);
    assert_eq!(fields(&basic(everything), "Referral"), impersonal);
}

#[test]
fn a_watched_branch_has_no_field_about_a_person() {
    let everything: pb::Branch = filled(&descriptor("Branch")).transcode_to().unwrap();
    let impersonal: BTreeSet<_> =
        fields(&everything, "Branch").into_iter().filter(|(_, own)| *own < PERSONAL).collect();
    assert_eq!(fields(&basic_branch(everything), "Branch"), impersonal);
}

#[test]
fn an_event_at_rest_has_no_field_about_a_person_in_the_clear() {
    let event = descriptor("ReferralEvent");
    let happened = event.oneofs().find(|oneof| oneof.name() == "event").unwrap();
    let mut personal = BTreeSet::new();
    for field in happened.fields() {
        let FieldKind::Message(inner) = field.kind() else { panic!("an event is a message") };
        let mut everything = filled(&event);
        everything.set_field(&field, Value::Message(filled(&inner)));
        let everything: pb::ReferralEvent = everything.transcode_to().unwrap();
        let (impersonal, about): (BTreeSet<_>, BTreeSet<_>) =
            fields(&everything, "ReferralEvent").into_iter().partition(|(_, own)| *own < PERSONAL);
        personal.extend(about);
        assert_eq!(fields(&nhipcau_domain::referral::impersonal(everything), "ReferralEvent"), impersonal);
    }
    let personal: Vec<_> = personal.iter().map(|(path, _)| path.as_str()).collect();
    let expected =
        ["ReferralEvent.completed.outcome", "ReferralEvent.lawful_basis.vital_interest.danger", "ReferralEvent.salt"];
    assert_eq!(personal, expected);
}

#[test]
fn what_holds_only_basic_has_no_personal_field_beside_it() {
    for name in ["ListReferralsResponse", "WatchReferralsResponse"] {
        let personal: Vec<_> = descriptor(name).fields().filter(|field| sensitivity(field) >= PERSONAL).collect();
        assert!(personal.is_empty(), "{personal:?}");
    }
}

#[test]
fn a_branch_is_shown_as_the_rules_read_it_in_every_state() {
    let mut states = BTreeSet::new();
    for life in lives() {
        let (view, shown) = (life.view(), branch(&life, time(90)));
        states.insert(view.state);
        assert_eq!(shown.state, view.state.to_wire());
        assert_eq!(shown.etag, view.etag());
        assert_eq!(shown.responsible_side, view.responsible().to_wire());
        assert_eq!(shown.outcome, 0, "how a service ended is for FULL");
        assert_eq!(shown.history.len(), view.history.len());
        assert_eq!(shown.name, format!("{}/branches/{}", name(&life), shown.uid));
        assert_eq!(shown.conditions.len(), view.conditions(time(90)).len());
        assert_eq!(shown.rejection_code != 0, view.state == State::Rejected);
        assert_eq!(shown.redirect_reason != 0, view.state == State::Redirected);
        assert_eq!(shown.advised_unit.is_some(), view.state == State::Redirected);
        assert_eq!(shown.revocation_reason != 0, view.state == State::Revoked);
        assert!(fields(&shown, "Branch").iter().all(|(_, own)| *own < PERSONAL));
    }
    assert_eq!(states.len(), State::ALL.len());
}

#[test]
fn full_adds_content_outcome_and_danger() {
    let closed = lives().into_iter().find(|life| life.view().state == State::Closed).unwrap();
    let identity = pb::ReferralIdentity { salt: vec![1; 32], ..Default::default() };
    let pieces = [Piece::new(Part::Identity, identity.encode_to_vec()), Piece::new(Part::Unrecognized(9), vec![1])];
    let shown = full(std::slice::from_ref(&closed), Some(content(&pieces)), Vec::new(), time(90)).unwrap();
    assert_eq!(shown.content.unwrap().identity.unwrap(), identity);
    assert_eq!(shown.branches[0].outcome, Outcome::Resolved.to_wire());
    assert_eq!(shown.lawful_basis.unwrap().vital_interest.unwrap().danger, Danger::Life.to_wire());
    let basic = referral(&[closed], time(90)).unwrap();
    assert_eq!(basic.content, None);
    assert_eq!(basic.lawful_basis.unwrap().vital_interest.unwrap().danger, 0);
}

#[test]
fn a_superseded_event_is_shown_as_such() {
    let base = opened(0);
    let accepted = after(base.clone(), &[(Side::Recipient, Command::Accept)]);
    let mut crossed = after(base, &[(Side::Origin, Command::Revoke { reason: Revocation::Safety })]);
    crossed.record(accepted.log(Side::Recipient).at(1).unwrap().clone()).unwrap();
    let shown = branch(&crossed, time(90));
    assert_eq!(shown.state, State::Revoked.to_wire());
    let told: Vec<_> = shown.history.iter().map(|entry| (entry.event.as_str(), entry.superseded)).collect();
    assert_eq!(told, [("opened", false), ("revoked", false), ("accepted", true)]);
}

#[test]
fn the_etag_of_a_referral_changes_with_any_branch_and_with_no_order() {
    let (first, second) = (opened(0), opened(1));
    let both = [first.clone(), second.clone()];
    assert_eq!(etag(&both), etag(&[second.clone(), first.clone()]));
    let accepted = after(second, &[(Side::Recipient, Command::Accept)]);
    assert_ne!(etag(&both), etag(&[first.clone(), accepted]));
    assert_ne!(etag(&both), etag(&[first]));
}

#[test]
fn a_referral_without_a_branch_to_show_is_not_shown() {
    assert_eq!(referral(&[], time(0)), None);
    let both = [opened(5), opened(1)];
    let shown = referral(&both, time(9)).unwrap();
    assert_eq!(shown.create_time, Some(write_time(time(1))));
    assert_eq!(shown.name, format!("parties/moh/referrals/{}", Uuid::from_u128(2)));
    assert_eq!(shown.branches.len(), 2);
}
