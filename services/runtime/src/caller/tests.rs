//! Callers of every kind at the rules, without TLS around them.

use rcgen::{CertificateParams, KeyPair, SanType};
use tonic_types::StatusExt as _;

use super::*;

fn leaf(uris: &[&str]) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(vec!["desk.example".to_owned()]).unwrap();
    params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

fn systems(roles: &[Role]) -> Systems {
    [("moh/hotline".parse().unwrap(), roles.iter().copied().collect())].into_iter().collect()
}

fn identify(systems: &Systems, uris: &[&str]) -> Result<Caller, Unidentified> {
    Shown::by(Some(&leaf(uris))).0.and_then(|name| systems.caller(&name))
}

fn request(roles: &[Role]) -> Request<()> {
    let mut request = Request::new(());
    identify(&systems(roles), &["nhipcau://moh/hotline"]).unwrap().attach(&mut request);
    request
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

#[test]
fn a_named_certificate_is_a_caller_with_the_roles_of_the_configuration() {
    let caller = identify(&systems(&[Role::Submit]), &["nhipcau://moh/hotline"]).unwrap();
    assert_eq!(caller.name().to_string(), "moh/hotline");
    assert!(caller.require(Role::Submit).is_ok());
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Submit) {
        let refused = caller.require(role).unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, reason::ROLE_MISSING));
    }
}

#[test]
fn a_call_without_a_certificate_is_refused() {
    let refused = permit(&Request::new(()), Role::Submit).unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, reason::CERTIFICATE_MISSING));
}

#[test]
fn a_certificate_must_carry_exactly_one_well_formed_name() {
    let known = systems(&[Role::Submit]);
    for uris in [
        &[] as &[&str],
        &["spiffe://moh/hotline"],
        &["nhipcau://moh"],
        &["nhipcau://moh/hotline/extra"],
        &["nhipcau://MOH/hotline"],
        &["nhipcau://moh/hotline", "nhipcau://moh/statistics"],
    ] {
        assert_eq!(identify(&known, uris), Err(Unidentified::NoName), "{uris:?}");
    }
}

#[test]
fn a_system_that_the_configuration_does_not_name_may_do_nothing() {
    let unknown = identify(&systems(&Role::ALL), &["nhipcau://moh/other"]);
    assert_eq!(unknown, Err(Unidentified::UnknownSystem));
    let refused: Status = Refusal::from(Unidentified::UnknownSystem).into();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, reason::SYSTEM_UNKNOWN));
}

#[test]
fn content_and_decisions_need_an_acting_person() {
    for role in [Role::ReadContent, Role::Decide] {
        let mut request = request(&Role::ALL);
        let refused = permit(&request, role).unwrap_err();
        assert_eq!(reason(&refused), reason::ACTING_PERSON_MISSING);
        request.metadata_mut().insert(ACTING_PERSON, "staff-17".parse().unwrap());
        assert_eq!(permit(&request, role).unwrap().person.unwrap().as_str(), "staff-17");
    }
    let request = request(&Role::ALL);
    assert!(permit(&request, Role::Submit).unwrap().person.is_none());
    let named = permit_for(&request, Role::Decide, "staff-18").unwrap();
    assert_eq!(named.person.unwrap().as_str(), "staff-18");
    assert!(permit_for(&request, Role::Submit, "not opaque").is_err());
}

#[test]
fn a_missing_role_is_refused_before_a_missing_person() {
    let refused = permit(&request(&[Role::Submit]), Role::Decide).unwrap_err();
    assert_eq!(reason(&refused), reason::ROLE_MISSING);
}

#[test]
fn a_reference_that_is_not_opaque_is_refused_and_never_shown() {
    for text in ["", "Nguyễn Thị A", "a b", &"x".repeat(65)] {
        let refused: Status = ActingPerson::new(text).unwrap_err().into();
        assert!(text.is_empty() || !format!("{refused:?}").contains(text));
    }
    let mut request = request(&Role::ALL);
    request.metadata_mut().insert(ACTING_PERSON, "one".parse().unwrap());
    request.metadata_mut().append(ACTING_PERSON, "two".parse().unwrap());
    assert!(permit(&request, Role::Decide).is_err());
    assert_eq!(format!("{:?}", ActingPerson::new("staff-17").unwrap()), "ActingPerson(…)");
}
