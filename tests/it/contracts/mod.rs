//! What every contract must say: sensitivity, field behaviour, comments, request ids; and what none may say: where
//! a shelter is. Each rule is shown to find what it is for.

mod location;
pub(crate) mod pool;
mod rules;

use prost_reflect::DescriptorPool;

/// Findings about a contract with one broken thing, written without its frame.
fn findings(rule: fn(&DescriptorPool) -> Vec<String>, body: &str) -> Vec<String> {
    rule(&pool::with(body))
}

#[test]
fn every_field_states_its_sensitivity() {
    assert_eq!(rules::without_sensitivity(&pool::ours()), Vec::<String>::new());
}

#[test]
fn a_field_without_sensitivity_is_found() {
    let body = "message Person { string full_name = 1; }";
    let expected = "nhipcau.red.v1.Person.full_name states no sensitivity";
    assert_eq!(findings(rules::without_sensitivity, body), [expected]);
}

#[test]
fn every_field_that_a_caller_can_send_states_its_behavior() {
    assert_eq!(rules::without_behavior(&pool::ours()), Vec::<String>::new());
}

#[test]
fn a_nested_request_field_without_behavior_is_found() {
    let body = "service S { rpc GetThing(GetThingRequest) returns (GetThingResponse); }
        message GetThingRequest { Filter filter = 1 [(google.api.field_behavior) = OPTIONAL]; }
        message Filter { string text = 1; }
        message GetThingResponse { string ignored = 1; }";
    let expected = "nhipcau.red.v1.Filter.text can be sent and states no field_behavior";
    assert_eq!(findings(rules::without_behavior, body), [expected]);
}

#[test]
fn every_required_field_has_a_rule_that_requires_it() {
    assert_eq!(rules::required_without_rule(&pool::ours()), Vec::<String>::new());
}

#[test]
fn a_required_field_without_a_rule_is_found() {
    let body = "service S { rpc GetThing(GetThingRequest) returns (GetThingResponse); }
        message GetThingRequest { string name = 1 [(google.api.field_behavior) = REQUIRED]; }
        message GetThingResponse {}";
    let expected = "nhipcau.red.v1.GetThingRequest.name is REQUIRED and no rule enforces it";
    assert_eq!(findings(rules::required_without_rule, body), [expected]);
}

#[test]
fn every_mutation_requires_a_request_id() {
    assert_eq!(rules::mutations_without_request_id(&pool::ours()), Vec::<String>::new());
}

#[test]
fn a_mutation_without_a_required_request_id_is_found() {
    let body = "service S {
          rpc CreateThing(CreateThingRequest) returns (CreateThingResponse);
          rpc CloseThing(CloseThingRequest) returns (CloseThingResponse);
          rpc GetThing(GetThingRequest) returns (GetThingResponse);
        }
        message CreateThingRequest { string request_id = 1; }
        message CreateThingResponse {}
        message CloseThingRequest {}
        message CloseThingResponse {}
        message GetThingRequest {}
        message GetThingResponse {}";
    let expected =
        ["nhipcau.red.v1.S.CreateThing requires no request_id", "nhipcau.red.v1.S.CloseThing requires no request_id"];
    assert_eq!(findings(rules::mutations_without_request_id, body), expected);
}

#[test]
fn everything_is_commented() {
    assert_eq!(rules::without_comment(&pool::ours()), Vec::<String>::new());
}

#[test]
fn a_missing_comment_is_found() {
    let body = "// A thing.
        message Thing {
          string name = 1;
          // Which.
          oneof which {
            // One.
            string one = 2;
          }
        }
        // Kinds.
        enum Kind { KIND_UNSPECIFIED = 0; }
        service S {}";
    let expected = [
        "nhipcau.red.v1.Thing.name has no comment",
        "nhipcau.red.v1.Kind.KIND_UNSPECIFIED has no comment",
        "nhipcau.red.v1.S has no comment",
    ];
    assert_eq!(findings(rules::without_comment, body), expected);
}

#[test]
fn no_contract_carries_an_untyped_payload() {
    assert_eq!(rules::untyped(&pool::ours()), Vec::<String>::new());
}

#[test]
fn an_untyped_payload_is_found() {
    let body = "message Event { google.protobuf.Any payload = 1; }";
    assert_eq!(findings(rules::untyped, body), ["nhipcau.red.v1.Event.payload is an Any"]);
}

#[test]
fn every_file_names_its_package_for_other_languages() {
    assert_eq!(rules::without_language_options(&pool::ours()), Vec::<String>::new());
}

#[test]
fn a_file_without_language_options_is_found() {
    let expected = "nhipcau/red/v1/red.proto lacks java_package, csharp_namespace, go_package, java_multiple_files";
    assert_eq!(findings(rules::without_language_options, ""), [expected]);
}

#[test]
fn no_contract_can_say_where_a_shelter_is() {
    assert_eq!(location::revealing(&pool::ours()), Vec::<String>::new());
}

#[test]
fn a_shelter_location_is_found_however_it_is_spelled() {
    let body = "message Shelter { string name = 1; Place place = 2; }
        message Place { string street_address = 1; }
        message Stay { string safe_house_address = 1; Shelter host = 2; string state = 3; }
        message Desk { double latitude = 1; string geo_hash = 2; }";
    let expected = [
        "nhipcau.red.v1.Shelter.place.street_address says where a shelter is",
        "nhipcau.red.v1.Stay.safe_house_address says where a shelter is",
        "nhipcau.red.v1.Desk.latitude is a coordinate",
        "nhipcau.red.v1.Desk.geo_hash is a coordinate",
    ];
    assert_eq!(findings(location::revealing, body), expected);
}

#[test]
fn no_contract_has_a_place_for_a_pseudonym() {
    assert_eq!(rules::linking(&pool::ours()), Vec::<String>::new());
}

#[test]
fn a_field_for_a_pseudonym_is_found() {
    let body = "message Contact { bytes caller_pseudonym = 1; message Earlier { string phone_hash = 1; } }
        message Offered { repeated bytes link_keys = 1; uint32 linked_contacts = 2; string area = 3; }";
    let expected = [
        "nhipcau.red.v1.Contact.caller_pseudonym could say that two contacts are of one person",
        "nhipcau.red.v1.Contact.Earlier.phone_hash could say that two contacts are of one person",
        "nhipcau.red.v1.Offered.link_keys could say that two contacts are of one person",
    ];
    let mut found = findings(rules::linking, body);
    found.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
}
