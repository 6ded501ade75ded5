//! The checks generated from the rules in the contracts: they find what is broken at any depth, name field and rule,
//! and never the value.

use nhipcau_proto::{
    Violation,
    referral::v1::{ReferralEvent, UnitRef},
    violations,
};

use crate::contracts::pool;

#[path = "../../proto/build/oneof.rs"]
mod oneof;

fn violation(field: &str, rule: &str) -> Violation {
    Violation { field: field.to_owned(), rule: rule.to_owned() }
}

fn unit(party: &str, unit: &str) -> UnitRef {
    UnitRef { party: party.to_owned(), unit: unit.to_owned() }
}

#[test]
fn a_message_that_keeps_its_rules_has_no_violations() {
    assert_eq!(violations(&unit("moh", "111")), []);
}

#[test]
fn every_broken_rule_is_listed_with_its_field() {
    let found = violations(&unit("Trần Thị Bình", ""));
    assert_eq!(found, [violation("party", "string.pattern"), violation("unit", "string.pattern")]);
}

#[test]
fn a_rule_broken_inside_is_named_by_its_path() {
    let event = ReferralEvent { owner: Some(unit("moh", "?")), ..Default::default() };
    let found = violations(&event);
    assert!(found.contains(&violation("owner.unit", "string.pattern")), "{found:?}");
    assert!(found.contains(&violation("counterpart", "required")), "{found:?}");
}

#[test]
fn a_violation_never_repeats_the_value() {
    let found = violations(&unit("Trần Thị Bình", "111"));
    assert!(!format!("{found:?}").contains("Bình"), "{found:?}");
}

#[test]
fn the_rules_of_a_member_of_a_oneof_are_checked() {
    let (pool, descriptors) = pool::encoded(
        "message Event {
          oneof what_happened {
            Opened case_opened = 1;
            Closed closed = 2;
            string note = 3;
          }
        }
        message Opened { string name = 1 [(buf.validate.field).string = {min_len: 1}]; }
        message Closed { string name = 1; }",
    );
    let out = tempfile::tempdir().unwrap();
    prost_protovalidate_build::Builder::new()
        .file_descriptor_set_bytes(oneof::hide(&pool, &descriptors).unwrap())
        .out_dir(out.path())
        .fail_on_runtime_only(true)
        .compile()
        .unwrap();
    let generated = std::fs::read_to_string(out.path().join("validate_impl.rs")).unwrap();
    let restored = oneof::restore(&pool, &generated).unwrap();

    let variant = "if let Some(nhipcau::red::v1::event::WhatHappened::CaseOpened(inner)) = &self.what_happened {";
    assert!(restored.contains(variant), "{restored}");
    assert!(restored.contains("prepend_field_path(\"case_opened\")"), "{restored}");
    assert!(!restored.contains("WhatHappened::Closed"), "a message without rules has no check to call");
}

#[test]
fn a_rule_that_cannot_be_generated_fails_the_build() {
    let body = "message Event { oneof kind { string note = 1 [(buf.validate.field).string = {min_len: 1}]; } }";
    let (pool, descriptors) = pool::encoded(body);
    let refused = prost_protovalidate_build::Builder::new()
        .file_descriptor_set_bytes(oneof::hide(&pool, &descriptors).unwrap())
        .out_dir(tempfile::tempdir().unwrap().path())
        .fail_on_runtime_only(true)
        .compile();
    assert!(refused.is_err());
}
