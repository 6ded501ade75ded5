//! What an access point does when something is full, at its own door: who is turned away, with what to do, and what
//! goes on; and what becomes of calls whose callers do not wait.

use std::{fs, process::Output, time::Duration};

use nhipcau_proto::{
    indicator::v1::{UploadChunkRequest, indicator_service_client::IndicatorServiceClient},
    referral::v1::{self as pb, BranchState, referral_service_client::ReferralServiceClient},
};
use nhipcau_tests::{process::output, wait, world::World};
use rustix::process::Signal;
use tokio::task::JoinSet;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::{
    figures::{Publisher, is_transient, submission},
    referrals::Case,
};

/// Submits a case from a unit to a unit by the command line, without waiting for a better moment.
fn submit(world: &World, from: &str, to: &str) -> Output {
    let (file, party) = (world.path("case.json"), from.split_once('/').unwrap().0);
    let mut template = world.system(party).unwrap();
    let template = output(template.args(["referral", "template", "--kind", "referral", "--from", from, "--to", to]));
    fs::write(&file, template.unwrap().stdout).unwrap();
    let mut submit = world.system(party).unwrap();
    output(submit.args(["referral", "submit", "--json", "--patience", "0"]).arg(file)).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_recipient_fills_its_own_outbox_and_comes_back_to_all_that_was_accepted() {
    let mut world = World::make().unwrap();
    world.configure("moh", "\n[outbox]\nmessages = 2\n").unwrap();
    world.start_broker().await.unwrap();
    world.provision().unwrap();
    for name in ["moh", "hanoi"] {
        world.start_access_point(name).await.unwrap();
    }
    for _ in 0..2 {
        let accepted = submit(&world, "moh/111", "vwu/desk");
        assert!(accepted.status.success(), "{}", said(&accepted));
    }
    let refused = submit(&world, "moh/111", "vwu/desk");
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    assert!(said(&refused).contains("OUTBOX_FULL") && said(&refused).contains("try again after"), "{}", said(&refused));
    let page = world.metrics("moh").await.unwrap();
    assert!(page.contains("nhipcau_alarms_total{kind=\"OUTBOX_FULL\"} 1"), "{page}");
    // Another channel is not affected, in either direction.
    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    case.act(&world, "hanoi", &["acknowledge"]).unwrap();
    case.is(&world, BranchState::Assigned).await.unwrap();
    // The dead one comes back: all that was accepted arrives, and more is accepted.
    world.start_access_point("vwu").await.unwrap();
    let again = wait::until_answered("a third case to be accepted", async || {
        submit(&world, "moh/111", "vwu/desk").status.success().then_some(())
    });
    again.await.unwrap();
    let mut reader = ReferralServiceClient::new(world.channel("vwu").unwrap());
    let request = pb::ListReferralsRequest { parent: "parties/vwu".to_owned(), ..Default::default() };
    let arrived = wait::until_answered("three cases at vwu", async || {
        let held = reader.list_referrals(request.clone()).await.ok()?.into_inner();
        (held.referrals.len() == 3).then_some(())
    });
    arrived.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn little_room_on_the_disk_refuses_what_is_new_and_lets_reading_and_receipts_go_on() {
    let mut world = World::make().unwrap();
    world.start_broker().await.unwrap();
    world.provision().unwrap();
    for name in ["moh", "hanoi"] {
        world.start_access_point(name).await.unwrap();
    }
    let known = Case::submit(&world).unwrap();
    known.is(&world, BranchState::Received).await.unwrap();
    assert!(world.stop("moh").await.unwrap().success());
    let facts = rustix::fs::statvfs(world.path("moh")).unwrap();
    let floor = facts.f_bavail * facts.f_frsize / 1024 * 2;
    world.configure("moh", &format!("\n[store]\nfloor = \"{floor}KiB\"\n")).unwrap();
    world.start_access_point("moh").await.unwrap();
    let refused = wait::until("a submission to be refused", || {
        let answer = submit(&world, "moh/111", "hanoi/00004");
        (!answer.status.success()).then_some(answer)
    });
    let refused = refused.await.unwrap();
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    assert!(said(&refused).contains("DISK_LOW") && said(&refused).contains("try again after"), "{}", said(&refused));
    let mut publisher = IndicatorServiceClient::new(world.channel("moh").unwrap());
    let piece = UploadChunkRequest { parent: "parties/moh".to_owned(), chunk: b"a piece".to_vec() };
    let refused = publisher.upload_chunk(piece).await.unwrap_err();
    let details = refused.get_error_details();
    assert_eq!((refused.code(), details.error_info().unwrap().reason.as_str()), (Code::ResourceExhausted, "DISK_LOW"));
    assert!(details.retry_info().is_some());
    // What is known goes on in both directions, and its receipts are taken; it can be read.
    known.act(&world, "hanoi", &["acknowledge"]).unwrap();
    known.is(&world, BranchState::Assigned).await.unwrap();
    let received = submit(&world, "hanoi/00004", "moh/111");
    assert!(received.status.success(), "{}", said(&received));
    let mut reader = ReferralServiceClient::new(world.channel("moh").unwrap());
    let request = pb::ListReferralsRequest { parent: "parties/moh".to_owned(), ..Default::default() };
    let arrived = wait::until_answered("both cases at moh", async || {
        let held = reader.list_referrals(request.clone()).await.ok()?.into_inner();
        (held.referrals.len() == 2).then_some(())
    });
    arrived.await.unwrap();
    let page = world.metrics("moh").await.unwrap();
    assert!(page.contains("nhipcau_alarms_total{kind=\"DISK_LOW\"} 1"), "{page}");
    assert!(page.contains("nhipcau_disk_free_bytes "), "{page}");
}

/// The process is stopped in the middle of calls, so that deadlines pass while requests are queued anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_deadline_passes_is_carried_out_once_or_not_at_all_and_the_same_request_finds_out() {
    let mut world = World::start(&["moha"]).await.unwrap();
    let mut publisher = Publisher::new(&world).unwrap();
    let (mut unanswered, mut replayed) = (0, 0);
    for round in 0..12_u64 {
        let requests: Vec<_> = (0..16)
            .map(|_| {
                let year = (1900 + publisher.submitted.len()).to_string();
                publisher.submitted.insert(year.clone(), format!("{year}.5"));
                submission(&year, &format!("{year}.5"))
            })
            .collect();
        let mut calls = JoinSet::new();
        for request in &requests {
            let (mut system, mut request) = (publisher.system.clone(), Request::new(request.clone()));
            request.set_timeout(Duration::from_millis(150));
            // The deadline of a call counts from when there is a connection, and that may be what waits.
            let given_up = Duration::from_secs(2);
            calls.spawn(async move {
                let answer = tokio::time::timeout(given_up, system.submit(request)).await;
                answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer"))).map(drop)
            });
        }
        // Each round at another moment of the calls.
        tokio::time::sleep(Duration::from_micros(round * 700)).await;
        world.running("moha").unwrap().signal(Signal::STOP).unwrap();
        for answer in calls.join_all().await {
            match answer {
                Ok(()) => {}
                Err(status) if is_transient(status.code()) => unanswered += 1,
                Err(status) => panic!("{status:?}"),
            }
        }
        world.running("moha").unwrap().signal(Signal::CONT).unwrap();
        for request in requests {
            let again = wait::until_answered("the same request to be answered", async || {
                match publisher.system.submit(request.clone()).await {
                    Err(status) if is_transient(status.code()) => None,
                    answer => Some(answer),
                }
            });
            replayed += u32::from(again.await.unwrap().unwrap().into_inner().replayed);
        }
    }
    assert!(unanswered > 0, "no deadline passed");
    assert!(replayed > 0, "nothing was carried out before its answer was lost");
    publisher.held_by(&world, "moha").await.unwrap();
}
