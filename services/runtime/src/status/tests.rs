//! Refusals as clients decode them.

use std::time::Duration;

use nhipcau_messaging::writer::CallError;

use super::*;

fn violation(n: usize, description: &str) -> Violation {
    Violation {
        field: format!("observations[{n}].value"),
        reason: reason::VALUE_NOT_DECIMAL,
        description: description.to_owned(),
    }
}

#[test]
fn every_refusal_carries_reason_domain_and_a_text_for_people() {
    let status: Status = Refusal::access_denied().metadata("resource", "branch").into();
    let details = status.check_error_details().unwrap();
    let info = details.error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason::ACCESS_DENIED, "nhipcau.vn"));
    assert_eq!(info.metadata["resource"], "branch");
    let text = details.localized_message().unwrap();
    assert_eq!(text.locale, "vi-VN");
    assert!(!text.message.is_empty());
}

#[test]
fn a_few_violations_are_listed_with_descriptions() {
    let status: Status = Refusal::invalid([violation(0, "no decimal"), violation(1, "no decimal")]).into();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.check_error_details().unwrap();
    let listed = &details.bad_request().unwrap().field_violations;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[1].field, "observations[1].value");
    assert_eq!((listed[1].reason.as_str(), listed[1].description.as_str()), (reason::VALUE_NOT_DECIMAL, "no decimal"));
    assert_eq!(details.error_info().unwrap().metadata["violationCount"], "2");
}

#[test]
fn ten_thousand_violations_are_counted_and_the_header_stays_small() {
    let all = (0..10_000).map(|n| violation(n, "is not a decimal number, and this takes many words to say"));
    let status: Status = Refusal::invalid(all).into();
    let details = status.check_error_details().unwrap();
    assert_eq!(details.error_info().unwrap().metadata["violationCount"], "10000");
    let listed = details.bad_request().unwrap().field_violations.len();
    assert!((80..=LISTED_VIOLATIONS).contains(&listed), "{listed}");
    assert!(status.details().len() * 4 / 3 < 7_500, "{}", status.details().len());
}

#[test]
fn a_full_queue_is_worth_waiting_for() {
    let status: Status = Refusal::from(CallError::<Refusal>::Busy).into();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let delay = status.get_error_details().retry_info().unwrap().retry_delay;
    assert_eq!(delay, Some(Duration::from_secs(1)));
}

#[test]
fn a_stopped_writer_leaves_the_outcome_unknown() {
    let status: Status = Refusal::from(CallError::<Refusal>::Stopped).into();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, reason::OUTCOME_UNKNOWN);
}

#[test]
fn refused_work_is_answered_with_its_own_reason() {
    let refusal = Refusal::from(CallError::Work(Refusal::access_denied()));
    assert_eq!(refusal.reason(), reason::ACCESS_DENIED);
}

#[test]
fn a_failed_store_tells_the_caller_nothing() {
    let refusal = Refusal::from(nhipcau_messaging::store::Error::Corrupt("secret shape"));
    let status: Status = refusal.into();
    assert_eq!(status.code(), Code::Internal);
    assert!(!format!("{status:?}").contains("secret"));
}
