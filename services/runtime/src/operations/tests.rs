//! The door over a running access point whose broker cannot be reached.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use nhipcau_domain::{
    id::{PartyId, SystemId},
    reason,
};
use nhipcau_messaging::engine::{Alarm, AlarmKind};
use nhipcau_proto::envelope::v1::{Receipt, ReceiptStatement, Refusal as Refused};
use prost::Message as _;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::*;
use crate::{
    access_point::{AccessPoint, Raised, tests::Home},
    caller::Caller,
};

fn call<T>(message: T, role: Role) -> Request<T> {
    call_of("moh", message, role)
}

fn call_of<T>(party: &str, message: T, role: Role) -> Request<T> {
    let mut request = Request::new(message);
    let (party, system) = (PartyId::new(party).unwrap(), SystemId::new("console").unwrap());
    Caller { party, system, roles: [role].into_iter().collect() }.attach(&mut request);
    request
}

fn operate<T>(message: T) -> Request<T> {
    call(message, Role::Operate)
}

fn refusal(status: &Status) -> (Code, String) {
    (status.code(), status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default())
}

#[tokio::test]
async fn nobody_without_the_role_learns_anything_whatever_is_asked() {
    let home = Home::new();
    let door = home.start().await.operations();
    let broken = || pb::ReconcileRequest { peer: "not a name".to_owned(), ..Default::default() };
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Operate) {
        let refused = [
            door.get_access_point(call(Default::default(), role)).await.unwrap_err(),
            door.list_channels(call(Default::default(), role)).await.unwrap_err(),
            door.reconcile(call(broken(), role)).await.unwrap_err(),
            door.list_receipts(call(Default::default(), role)).await.unwrap_err(),
            door.list_alarms(call(Default::default(), role)).await.unwrap_err(),
        ];
        for status in refused {
            assert_eq!(refusal(&status), (Code::PermissionDenied, reason::ROLE_MISSING.to_owned()));
        }
    }
    // Another party, served here or not, has the role for nothing.
    let (guest, role) = ("hanoi", Role::Operate);
    let refused = [
        door.get_access_point(call_of(guest, Default::default(), role)).await.unwrap_err(),
        door.list_channels(call_of(guest, Default::default(), role)).await.unwrap_err(),
        door.reconcile(call_of(guest, broken(), role)).await.unwrap_err(),
        door.list_receipts(call_of(guest, Default::default(), role)).await.unwrap_err(),
        door.list_alarms(call_of(guest, Default::default(), role)).await.unwrap_err(),
    ];
    for status in refused {
        assert_eq!(refusal(&status), (Code::PermissionDenied, reason::ROLE_MISSING.to_owned()));
    }
    let nobody = door.list_channels(Request::new(Default::default())).await.unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);
    let operator = door.reconcile(operate(broken())).await.unwrap_err();
    assert_eq!(refusal(&operator), (Code::InvalidArgument, reason::REQUEST_INVALID.to_owned()));
}

#[tokio::test]
async fn the_access_point_says_how_it_stands() {
    let home = Home::new();
    let running = home.start().await;
    let answer = running.operations().get_access_point(operate(Default::default())).await.unwrap();
    let found = answer.into_inner().access_point.unwrap();
    assert_eq!((found.name.as_str(), found.directory_version), ("accessPoints/moh", 1));
    assert_eq!(found.broker_state(), pb::BrokerState::Disconnected);
    assert_eq!(found.directory_state(), pb::DirectoryState::Current);
    assert_eq!(found.start_time.unwrap().seconds, "2026-11-23T08:00:00Z".parse::<Timestamp>().unwrap().as_second());
    assert!(!found.program_version.is_empty() && found.nats_version.is_empty());
}

async fn channels(door: &Door, peer: &str, page_size: i32, page_token: &str) -> pb::ListChannelsResponse {
    let request = pb::ListChannelsRequest { peer: peer.to_owned(), page_size, page_token: page_token.to_owned() };
    door.list_channels(operate(request)).await.unwrap().into_inner()
}

#[tokio::test]
async fn channels_are_listed_in_pages_of_one_list() {
    let home = Home::new();
    let running = home.start().await;
    let door = running.operations();
    let all = channels(&door, "", 0, "").await;
    let names: Vec<_> = all.channels.iter().map(|c| c.name.trim_start_matches("accessPoints/moh/channels/")).collect();
    assert_eq!(names, ["out-all-all", "out-m-moh", "out-b-moh", "in-m-moh", "in-b-moh", "in-all-moh"]);
    assert!(all.next_page_token.is_empty());
    let (mut paged, mut token) = (Vec::new(), String::new());
    for size in [2, 2, 2] {
        let page = channels(&door, "", size, &token).await;
        paged.extend(page.channels);
        token = page.next_page_token;
    }
    assert!(token.is_empty());
    assert_eq!(paged, all.channels);
    assert_eq!(channels(&door, "moh", 0, "").await.channels.len(), 5);

    let token = channels(&door, "", 2, "").await.next_page_token;
    let other = pb::ListChannelsRequest { peer: "moh".to_owned(), page_token: token.clone(), ..Default::default() };
    let filter = door.list_channels(operate(other)).await.unwrap_err();
    let list = pb::ListAlarmsRequest { page_token: token, ..Default::default() };
    let list = door.list_alarms(operate(list)).await.unwrap_err();
    for status in [filter, list] {
        assert_eq!(refusal(&status), (Code::InvalidArgument, reason::PAGE_TOKEN_INVALID.to_owned()));
    }
}

/// A receipt as the store keeps it; what it states matters only where it is shown.
fn receipt(number: u64) -> Vec<u8> {
    let refusals = vec![Refused::default(); usize::from(number == 1)];
    let statement = ReceiptStatement { lane: 1, number, refusals, ..Default::default() }.encode_to_vec();
    Receipt { statement, signature: vec![1; 64] }.encode_to_vec()
}

async fn keep_receipts(running: &AccessPoint) {
    let issued = "INSERT INTO receipt_issued (sender, recipient, lane, series, number, first_sequence, last_sequence, \
                  digest, receipt, receive_time) VALUES ($1, 'moh', 1, 1, $2, $3, $4, x'00', $5, $6)";
    let held = "INSERT INTO receipt_held (issuer, recipient, lane, series, number, first_sequence, last_sequence, \
                digest, receipt, receive_time) VALUES ($1, 'vwu', 1, 1, $2, $3, $4, x'00', $5, $6)";
    let keep = move |tx: &mut Tx<'_>, _: &mut Submitter<'_>, _| {
        for number in 1..=4_u64 {
            for (sql, peer) in [(issued, "vwu"), (issued, "hanoi"), (held, "vwu")] {
                // Two of each share a moment.
                let (receipt, n) = (receipt(number), number.into());
                tx.execute(sql, &[peer.into(), n, n, n, (&receipt).into(), (number / 2).into()])?;
            }
        }
        Ok::<_, store::Error>(())
    };
    running.handle().call(keep).await.unwrap();
}

async fn receipts(door: &Door, request: pb::ListReceiptsRequest) -> pb::ListReceiptsResponse {
    door.list_receipts(operate(request)).await.unwrap().into_inner()
}

#[tokio::test]
async fn receipts_are_listed_newest_first_and_each_once() {
    let home = Home::new();
    let running = home.start().await;
    keep_receipts(&running).await;
    let door = running.operations();
    let all = receipts(&door, Default::default()).await;
    assert_eq!(all.receipts.len(), 12);
    assert!(all.receipts.is_sorted_by(|a, b| a.number / 2 >= b.number / 2));
    for size in [1, 2, 5, 11] {
        let (mut paged, mut page_token) = (Vec::new(), String::new());
        loop {
            let page = receipts(&door, pb::ListReceiptsRequest { page_size: size, page_token, ..Default::default() });
            let page = page.await;
            paged.extend(page.receipts);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(paged, all.receipts, "in pages of {size}");
    }
    let outgoing = pb::ListReceiptsRequest { direction: pb::ChannelDirection::Outgoing.into(), ..Default::default() };
    let outgoing = receipts(&door, outgoing).await.receipts;
    assert!(outgoing.len() == 4 && outgoing.iter().all(|r| r.issuer == "vwu" && r.sender == "moh"));
    let hanoi = pb::ListReceiptsRequest { peer: "hanoi".to_owned(), ..Default::default() };
    let hanoi = receipts(&door, hanoi).await.receipts;
    assert!(hanoi.len() == 4 && hanoi.iter().all(|r| r.issuer == "moh" && r.sender == "hanoi"));
    assert_eq!(hanoi.last().unwrap().refused_count, 1);
    assert_eq!(hanoi[0].signed_receipt, receipt(4));
    let unknown = pb::ListReceiptsRequest { direction: 9, ..Default::default() };
    let unknown = door.list_receipts(operate(unknown)).await.unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
}

fn copy_files(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

async fn lost_periods(door: &Door, role: Role) -> Vec<pb::LostPeriod> {
    let listed = door.list_lost_periods(call_of("hanoi", pb::ListLostPeriodsRequest {}, role)).await;
    listed.unwrap().into_inner().lost_periods
}

#[tokio::test]
async fn every_system_is_told_of_which_time_a_store_that_was_put_back_has_no_memory() {
    let home = Home::new();
    let patience = Duration::from_secs(10);
    home.start().await.stop(patience).await.unwrap();
    let store = home.config.store.path.parent().unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_files(store, copy.path());
    let running = home.start().await;
    assert_eq!(lost_periods(&running.operations(), Role::ReadMetadata).await, []);
    running.stop(patience).await.unwrap();
    std::fs::remove_dir_all(store).unwrap();
    std::fs::create_dir(store).unwrap();
    copy_files(copy.path(), store);
    let running = home.start().await;
    let door = running.operations();
    let deadline = Instant::now() + patience;
    let told = Alarm { kind: AlarmKind::RolledBack, peer: None };
    while !running.alarms().newest().iter().any(|raised| raised.alarm == told) {
        assert!(Instant::now() < deadline, "nothing was found out");
        tokio::task::yield_now().await;
    }
    let lost = lost_periods(&door, Role::Submit).await;
    assert_eq!(lost, [pb::LostPeriod { start_time: None, end_time: Some(encode::time(door.started)) }]);
    let nobody = door.list_lost_periods(Request::new(pb::ListLostPeriodsRequest {})).await.unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);
}

#[test]
fn alarms_are_listed_newest_first_in_pages() {
    let raised = |number| Raised {
        number,
        time: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(number).unwrap()),
        alarm: Alarm { kind: AlarmKind::RolledBack, peer: None },
    };
    let newest: Vec<_> = [3, 2, 1].map(raised).into();
    let page = |page_token: String| {
        let request = pb::ListAlarmsRequest { page_size: 2, page_token, active_only: true };
        encode::alarms("accessPoints/moh", &newest, &request).unwrap()
    };
    let first = page(String::new());
    let second = page(first.next_page_token.clone());
    let names: Vec<_> = first.alarms.iter().chain(&second.alarms).map(|alarm| alarm.name.as_str()).collect();
    assert_eq!(names, [3, 2, 1].map(|number| format!("accessPoints/moh/alarms/{number}")));
    assert_eq!(first.alarms[0].reason, "ROLLED_BACK");
    assert!(second.next_page_token.is_empty());
}

#[tokio::test]
async fn who_cannot_be_compared_with_is_said_before_anybody_is_asked() {
    let home = Home::new();
    let running = home.start().await;
    let door = running.operations();
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let base = || pb::ReconcileRequest { peer: "moh".to_owned(), ..Default::default() };
    for (request, code, reason) in [
        (base(), Code::FailedPrecondition, reason::PEER_UNKNOWN),
        (pb::ReconcileRequest { peer: "nobody".to_owned(), ..base() }, Code::FailedPrecondition, reason::PEER_UNKNOWN),
        (
            pb::ReconcileRequest { start_time: at(5), end_time: at(5), ..base() },
            Code::InvalidArgument,
            reason::PERIOD_EMPTY,
        ),
        // A name that is none, however it is written: the contract refuses it before anybody is looked up.
        (
            pb::ReconcileRequest { contract: "referral".to_owned(), ..base() },
            Code::InvalidArgument,
            reason::REQUEST_INVALID,
        ),
        (
            pb::ReconcileRequest { kind: "transfer".to_owned(), ..base() },
            Code::InvalidArgument,
            reason::REQUEST_INVALID,
        ),
        (pb::ReconcileRequest { lane: 7, ..base() }, Code::InvalidArgument, reason::REQUEST_INVALID),
        (pb::ReconcileRequest { start_time: at(i64::MAX), ..base() }, Code::InvalidArgument, reason::REQUEST_INVALID),
    ] {
        let refused = door.reconcile(operate(request)).await.unwrap_err();
        assert_eq!(refusal(&refused), (code, reason.to_owned()));
    }
}

#[test]
fn a_peer_that_does_not_count_by_flow_is_not_worth_asking_again() {
    let refused = Status::from(reconciliation::refused(nhipcau_messaging::reconcile::Error::NotCounted));
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::FLOW_NOT_COUNTED.to_owned()));
    assert!(refused.get_error_details().retry_info().is_none());
}

#[test]
fn a_silent_peer_is_worth_asking_again() {
    let silent = Status::from(reconciliation::refused(nhipcau_messaging::reconcile::Error::Silent));
    assert_eq!(refusal(&silent), (Code::Unavailable, reason::PEER_SILENT.to_owned()));
    assert!(silent.get_error_details().retry_info().is_some());
}
