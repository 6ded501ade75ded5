//! What a caller is told, what is repeated, and what a profile must be.

use std::{cell::Cell, fs, os::unix::fs::PermissionsExt as _, path::Path};

use tonic::Code as Grpc;
use tonic_types::{ErrorDetails, StatusExt as _};

use super::*;
use crate::exit::Code;

fn refusal(code: Grpc, reason: &str, change: impl FnOnce(&mut ErrorDetails)) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, "nhipcau.vn", [("violationCount".to_owned(), "12".to_owned())]);
    details.set_localized_message("vi-VN", "Dữ liệu không hợp lệ.");
    change(&mut details);
    Status::with_error_details(code, "the request breaks its contract", details)
}

fn profile(directory: &Path) -> PathBuf {
    let mut params = rcgen::CertificateParams::default();
    let name = "nhipcau://moha/statistics".try_into().unwrap();
    params.subject_alt_names = vec![rcgen::SanType::URI(name)];
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    fs::write(directory.join("cert.pem"), &certificate).unwrap();
    fs::write(directory.join("ca.pem"), certificate).unwrap();
    fs::write(directory.join("key.pem"), key.serialize_pem()).unwrap();
    fs::set_permissions(directory.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let path = directory.join("profile.toml");
    let text = "endpoint = \"https://localhost:1\"\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
                root_certificates = \"ca.pem\"\n[directory]\npath = \"d\"\nfingerprint = \"00\"\n";
    fs::write(&path, text).unwrap();
    path
}

fn connection(patience: Duration) -> Connection {
    let directory = tempfile::tempdir().unwrap();
    Options::new(profile(directory.path()), patience).connect().unwrap()
}

#[test]
fn a_person_reads_reason_text_every_violation_and_when_to_try_again() {
    let refused = Refused::from(refusal(Grpc::InvalidArgument, "REQUEST_INVALID", |details| {
        details.set_retry_info(Some(Duration::from_secs(3)));
        details.add_bad_request_violation("observations[2].value", "not a decimal");
    }));
    let text = refused.to_string();
    for part in [
        "REQUEST_INVALID: the request breaks its contract",
        "Dữ liệu không hợp lệ.",
        "observations[2].value: ",
        "not a decimal",
        "… and 11 more violations",
        "try again after 3 s, with the same request id",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert_eq!(Failure::from(refused).code(), Code::Refused);
}

#[test]
fn exit_codes_tell_silence_refusal_and_fault_apart() {
    let code = |grpc| Failure::from(Refused::from(refusal(grpc, "REASON", |_| {}))).code();
    assert_eq!(code(Grpc::Unavailable), Code::Unavailable);
    assert_eq!(code(Grpc::DeadlineExceeded), Code::Unavailable);
    assert_eq!(code(Grpc::PermissionDenied), Code::Refused);
    assert_eq!(code(Grpc::Aborted), Code::Refused);
    assert_eq!(code(Grpc::Internal), Code::Failed);
    assert_eq!(Failure::from(Refused::from(Status::unknown("h2"))).code(), Code::Unavailable);
}

#[tokio::test]
async fn a_call_is_repeated_unchanged_where_the_answer_says_so() {
    let connection = connection(Duration::from_secs(30));
    let calls = Cell::new(0);
    let answer = connection
        .call(&"the same id", async |request| {
            assert_eq!(request.into_inner(), "the same id");
            calls.set(calls.get() + 1);
            if calls.get() < 3 {
                let again = |details: &mut ErrorDetails| {
                    details.set_retry_info(Some(Duration::from_millis(10)));
                };
                return Err(refusal(Grpc::ResourceExhausted, "TOO_MANY_CALLS", again));
            }
            Ok(Response::new(calls.get()))
        })
        .await;
    assert_eq!(answer.unwrap(), 3);
}

#[tokio::test]
async fn a_call_whose_answer_does_not_say_so_is_made_once() {
    let connection = connection(Duration::from_secs(30));
    for code in [Grpc::DeadlineExceeded, Grpc::FailedPrecondition, Grpc::Internal, Grpc::Aborted] {
        let calls = Cell::new(0);
        let answer = connection
            .call(&(), async |_| {
                calls.set(calls.get() + 1);
                Err::<Response<()>, _>(refusal(code, "REASON", |_| {}))
            })
            .await;
        assert_eq!((calls.get(), answer.unwrap_err().reason()), (1, "REASON"));
    }
}

#[tokio::test]
async fn a_boundless_wait_neither_ends_in_a_panic_nor_outlasts_patience() {
    let boundless = |_: Request<()>| async {
        let wait = |details: &mut ErrorDetails| _ = details.set_retry_info(Some(Duration::MAX));
        Err::<Response<()>, _>(refusal(Grpc::Unavailable, "REASON", wait))
    };
    let patient = connection(Duration::from_secs(30));
    assert_eq!(patient.call(&(), boundless).await.unwrap_err().reason(), "REASON");
    let endless = connection(Duration::from_secs(u64::MAX));
    assert!(tokio::time::timeout(Duration::from_millis(10), endless.call(&(), boundless)).await.is_err(), "it waits");
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_said_so_when_patience_ends() {
    let connection = connection(Duration::ZERO);
    let request = nhipcau_proto::accesspoint::v1::GetAccessPointRequest {};
    let answer = connection.call(&request, async |request| connection.access_point().get_access_point(request).await);
    let failure = Failure::from(answer.await.unwrap_err());
    assert_eq!(failure.code(), Code::Unavailable);
    assert!(failure.to_string().starts_with("nobody answered"), "{failure}");
}

#[tokio::test]
async fn a_profile_names_its_system_by_the_certificate_and_its_files_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let connection = Options::new(profile(directory.path()), Duration::ZERO).connect().unwrap();
    assert_eq!(connection.profile().system().to_string(), "moha/statistics");
    assert_eq!(connection.profile().parent(), "parties/moha");
    assert_eq!(connection.profile().directory().unwrap().path, directory.path().join("d"));
}

#[tokio::test]
async fn a_profile_with_an_open_key_an_unknown_word_or_no_tls_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = profile(directory.path());
    let read = || Options::new(&path, Duration::ZERO).connect().map(|_| ()).unwrap_err().code();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("password = \"x\"\n{text}")).unwrap();
    assert_eq!(read(), Code::Configuration);
    fs::write(&path, text.replace("https://", "http://")).unwrap();
    assert_eq!(read(), Code::Configuration);
    fs::write(&path, &text).unwrap();
    fs::set_permissions(directory.path().join("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(read(), Code::Configuration);
}

#[test]
fn a_message_that_is_read_from_json_is_the_one_that_was_written() {
    let branch = nhipcau_proto::referral::v1::Branch {
        name: "parties/moh/referrals/x/branches/y".to_owned(),
        state: nhipcau_proto::referral::v1::BranchState::InService as i32,
        ..Default::default()
    };
    let json = document::write(&branch).unwrap();
    assert_eq!(json["state"], "BRANCH_STATE_IN_SERVICE");
    assert_eq!(document::read::<nhipcau_proto::referral::v1::Branch>(&json.to_string()).unwrap(), branch);
}

#[test]
fn a_file_with_an_unknown_field_is_refused_without_its_content() {
    let faulty = "{\"name\": \"x\",\n \"secretName\": \"Trần\"}";
    let error = document::read::<nhipcau_proto::referral::v1::Branch>(faulty).unwrap_err().to_string();
    assert!(error.contains("line 2") && !error.contains("Trần"), "{error}");
}
