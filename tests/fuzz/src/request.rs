//! Requests at the door: the rules of the contract are checked for any message that decodes, at most once a field, and
//! what breaks them is named without its value.

use nhipcau_proto::{
    Validate, accesspoint::v1 as accesspoint, indicator::v1 as indicator, placement::v1 as placement,
    referral::v1 as referral, switchboard::v1 as switchboard, violations,
};
use prost::Message;

/// Everything that may be sent to a service, by number.
const REQUESTS: [fn(&[u8]); 76] = [
    check::<referral::SubmitReferralRequest>,
    check::<referral::OpenBranchRequest>,
    check::<referral::DiscloseBranchRequest>,
    check::<referral::RevokeBranchRequest>,
    check::<referral::CloseBranchRequest>,
    check::<referral::AcknowledgeBranchRequest>,
    check::<referral::AcceptBranchRequest>,
    check::<referral::RejectBranchRequest>,
    check::<referral::RedirectBranchRequest>,
    check::<referral::StartBranchServiceRequest>,
    check::<referral::CompleteBranchRequest>,
    check::<referral::AnswerRevocationRequest>,
    check::<referral::EraseBranchRequest>,
    check::<referral::WithdrawConsentRequest>,
    check::<referral::EnterReferralInErrorRequest>,
    check::<referral::GetReferralRequest>,
    check::<indicator::SubmitRequest>,
    check::<indicator::CommitBulkLoadRequest>,
    check::<indicator::QueryObservationsRequest>,
    check::<accesspoint::ReconcileRequest>,
    check::<referral::HandBackBranchRequest>,
    check::<referral::TakeHandBackRequest>,
    check::<referral::ExplainTimeLimitsRequest>,
    check::<referral::AssignBranchRequest>,
    check::<accesspoint::ListAlarmsRequest>,
    check::<accesspoint::ListChannelsRequest>,
    check::<accesspoint::ListReceiptsRequest>,
    check::<indicator::GetSeriesRequest>,
    check::<indicator::GetSubmissionRequest>,
    check::<indicator::ListRevisionsRequest>,
    check::<indicator::ListSeriesRequest>,
    check::<indicator::UploadChunkRequest>,
    check::<indicator::WatchRequest>,
    check::<placement::AnswerPlacementRequest>,
    check::<placement::AskPlacementRequest>,
    check::<placement::ConfirmPlacementRequest>,
    check::<placement::GetPlacementRequest>,
    check::<placement::ListPlacementsRequest>,
    check::<placement::ReleasePlacementRequest>,
    check::<placement::WithdrawPlacementRequest>,
    check::<referral::BeginUploadRequest>,
    check::<referral::FinishUploadRequest>,
    check::<referral::GetAttachmentChunkRequest>,
    check::<referral::GetUploadRequest>,
    check::<referral::HandOverBranchRequest>,
    check::<referral::HoldCaseRequest>,
    check::<referral::ListReferralsRequest>,
    check::<referral::NoteTelephoneAcknowledgementRequest>,
    check::<referral::RecordWorkRequest>,
    check::<referral::ReleaseHoldRequest>,
    check::<referral::WatchReferralsRequest>,
    check::<referral::WriteUploadRequest>,
    check::<switchboard::AcceptHandoverRequest>,
    check::<switchboard::AddContactNoteRequest>,
    check::<switchboard::AmendContactRequest>,
    check::<switchboard::AskHandBackRequest>,
    check::<switchboard::CancelAlarmRequest>,
    check::<switchboard::CloseContactRequest>,
    check::<switchboard::ContinueHandoverRequest>,
    check::<switchboard::CounselContactRequest>,
    check::<switchboard::DeclineHandoverRequest>,
    check::<switchboard::GetContactRequest>,
    check::<switchboard::GetContactRouteRequest>,
    check::<switchboard::GetHandoverRequest>,
    check::<switchboard::HandBackRequest>,
    check::<switchboard::ListAlarmsRequest>,
    check::<switchboard::ListContactsRequest>,
    check::<switchboard::ListHandoversRequest>,
    check::<switchboard::OfferHandoverRequest>,
    check::<switchboard::OpenTestRequest>,
    check::<switchboard::PressAlarmRequest>,
    check::<switchboard::RecordContactRequest>,
    check::<switchboard::RegisterDeviceRequest>,
    check::<switchboard::RevokeDeviceRequest>,
    check::<switchboard::SendContactRequest>,
    check::<switchboard::WithdrawHandoverRequest>,
];

/// The first byte says which request the rest is.
pub fn property(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    REQUESTS[usize::from(*kind) % REQUESTS.len()](bytes);
}

fn check<M: Message + Validate + Default + PartialEq>(bytes: &[u8]) {
    let Ok(request) = M::decode(bytes) else { return };
    let found = violations(&request);
    for violation in &found {
        let is_path = |c: char| c.is_ascii_alphanumeric() || "_.[]\"".contains(c);
        assert!(violation.field.chars().all(is_path), "a field is named by its path: {}", violation.field);
    }
    let again = M::decode(request.encode_to_vec().as_slice()).expect("what was written is read");
    assert!(violations(&again) == found, "the rules do not depend on the encoding");
}

const ID: &str = "8ff0f5f0-4b5e-4d2e-9a39-0d6f6c1d2e3f";

/// Requests with what a caller gives.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let content = |number: usize| {
        let parts = crate::part::seeds();
        parts[number][1..].to_vec()
    };
    let unit = |party: &str, unit: &str| referral::UnitRef { party: party.to_owned(), unit: unit.to_owned() };
    let submit = referral::SubmitReferralRequest {
        request_id: ID.to_owned(),
        origin: Some(unit("moh", "111")),
        recipients: vec![unit("hanoi", "00004")],
        kind: referral::ReferralKind::Transfer.into(),
        purpose: "protection".to_owned(),
        lawful_basis: Some(referral::LawfulBasis {
            statutory_duty: Some(referral::StatutoryDuty { citation: "điều 26".to_owned() }),
            ..Default::default()
        }),
        content: Some(referral::ReferralContent {
            preview: referral::ReferralPreview::decode(content(0).as_slice()).ok(),
            identity: referral::ReferralIdentity::decode(content(1).as_slice()).ok(),
            narrative: referral::ReferralNarrative::decode(content(2).as_slice()).ok(),
            reporter: referral::ReferralReporter::decode(content(3).as_slice()).ok(),
        }),
        acting_person: "can-bo-01".to_owned(),
        ..Default::default()
    };
    let reject = referral::RejectBranchRequest {
        request_id: ID.to_owned(),
        name: format!("parties/moh/referrals/{ID}/branches/{ID}"),
        etag: "1-2".to_owned(),
        acting_person: "can-bo-01".to_owned(),
        code: referral::RejectionCode::NoCapacity.into(),
        ..Default::default()
    };
    let figures = indicator::SubmitRequest {
        submission: indicator::Submission::decode(crate::submission::seeds()[0].as_slice()).ok(),
        ..Default::default()
    };
    let bodies = [(0u8, submit.encode_to_vec()), (7, reject.encode_to_vec()), (16, figures.encode_to_vec())];
    bodies.into_iter().map(|(number, body)| [vec![number], body].concat()).collect()
}

#[cfg(test)]
mod tests {
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_request_of_the_contracts_is_among_them() {
        let files = FileDescriptorSet::decode(nhipcau_proto::DESCRIPTORS).unwrap().file;
        let methods = files.iter().flat_map(|file| &file.service).flat_map(|service| &service.method);
        let requests: std::collections::BTreeSet<_> = methods.map(|method| method.input_type()).collect();
        // Their contract has no rule.
        let unruled = ["GetAccessPointRequest", "ListLostPeriodsRequest"];
        let is_ruled = |name: &&&str| !unruled.iter().any(|unruled| name.ends_with(unruled));
        assert_eq!(requests.iter().filter(is_ruled).count(), REQUESTS.len(), "{requests:?}");
    }
}
