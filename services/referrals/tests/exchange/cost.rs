//! What a referral costs the store of its sender and that of its recipient, by what their writer threads write. These
//! counts do not depend on the disk or on what else the machine does, so that a change can be judged by them.

use std::fs;

use futures_util::future::join_all;
use jiff::SignedDuration;
use nhipcau_messaging::store::steps;
use nhipcau_proto::referral::v1::{self as pb, ReferralKind, referral_service_server::ReferralService as _};

use crate::{deeds::*, world::*};

/// Calls that wait at the same time.
const CALLERS: usize = 64;
/// Rounds of all callers before anything is counted, and rounds that are counted. `NHIPCAU_PRELOADED` and
/// `NHIPCAU_COUNTED` name other numbers, to measure what many cases do.
const PRELOADED: u32 = 2;
const COUNTED: u32 = 2;
/// Bytes that a case may write at its sender and at its recipient.
const BOUNDS: [u64; 2] = [160_000, 120_000];

/// Bytes that a writer thread has given to the system, files and log together, nanoseconds that it has worked, and what
/// its statements have cost.
#[derive(Debug, Clone, Copy)]
struct Spent {
    bytes: u64,
    writes: u64,
    nanoseconds: u64,
    steps: u64,
}

impl World {
    async fn spent(&self, node: usize) -> Spent {
        let handle = self.nodes[node].handle();
        let read = handle.call(|_, _, _| {
            let io = fs::read_to_string("/proc/thread-self/io").unwrap();
            let of = |name| io.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap();
            let worked = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
            let nanoseconds = worked.split(' ').next().unwrap().parse().unwrap();
            Ok::<_, ()>(Spent { bytes: of("wchar:"), writes: of("syscw:"), nanoseconds, steps: steps() })
        });
        read.await.unwrap()
    }

    /// One case of each caller, all of them waiting before the first is begun.
    async fn round(&mut self, callers: usize) {
        self.pass(SignedDuration::from_millis(100));
        let (go, wait) = std::sync::mpsc::channel();
        let handle = self.nodes[MOH].handle();
        let begin = handle.call(move |_, _, _| wait.recv());
        let calls = join_all((0..callers).map(|_| self.nodes[MOH].door.submit_referral(call(case(), "moh"))));
        let started = async { go.send(()).unwrap() };
        let (begun, answers, ()) = futures_util::future::join3(begin, calls, started).await;
        begun.unwrap();
        answers.into_iter().for_each(|answer| drop(answer.unwrap()));
        self.settle().await;
    }
}

/// Four parts, about 4 KiB together.
fn case() -> pb::SubmitReferralRequest {
    let told =
        |bytes: usize| Some(pb::KnownText { value: "ke lai. ".repeat(bytes / 8).trim_end().to_owned(), unknown: 0 });
    let mut request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]);
    request.request_id = uuid::Uuid::now_v7().to_string();
    let content = request.content.as_mut().unwrap();
    let narrative = content.narrative.as_mut().unwrap();
    narrative.condition = told(700);
    narrative.likely_consequences = told(400);
    narrative.family_circumstances = told(700);
    narrative.actions_taken = told(600);
    narrative.request_reason = told(300);
    content.identity.as_mut().unwrap().home_address = told(200);
    content.reporter =
        Some(pb::ReferralReporter { agreed: true, full_name: told(32), address: told(120), ..Default::default() });
    request
}

#[tokio::test]
async fn what_a_referral_writes_is_bounded_at_its_sender_and_at_its_recipient() {
    let rounds = |name, otherwise| std::env::var(name).map_or(otherwise, |rounds| rounds.parse().unwrap());
    let mut world = World::open().await;
    for _ in 0..rounds("NHIPCAU_PRELOADED", PRELOADED) {
        world.round(CALLERS).await;
    }
    let before = [world.spent(MOH).await, world.spent(HANOI).await];
    let counted = rounds("NHIPCAU_COUNTED", COUNTED);
    for _ in 0..counted {
        world.round(CALLERS).await;
    }
    let cases = u64::from(counted) * CALLERS as u64;
    for ((node, before), bound) in [MOH, HANOI].into_iter().zip(before).zip(BOUNDS) {
        let after = world.spent(node).await;
        let bytes = (after.bytes - before.bytes) / cases;
        let (writes, micros) =
            ((after.writes - before.writes) / cases, (after.nanoseconds - before.nanoseconds) / 1000 / cases);
        eprintln!("{} a case: {bytes} bytes in {writes} writes, {micros} µs of its writer", NAMES[node]);
        assert!(bytes < bound, "{}: {bytes} bytes", NAMES[node]);
    }
}

/// Cases one after the other, each with receipts of its own, before what costs more shows.
const MANY: u64 = 300;
const FEW: u64 = 20;

#[tokio::test]
async fn a_referral_costs_the_store_no_more_when_many_have_gone_before_it() {
    let mut world = World::open().await;
    let mut costs = Vec::new();
    for cases in [FEW, FEW, MANY - 3 * FEW, FEW] {
        let before = [world.spent(MOH).await.steps, world.spent(HANOI).await.steps];
        for _ in 0..cases {
            world.round(1).await;
        }
        let after = [world.spent(MOH).await.steps, world.spent(HANOI).await.steps];
        costs.push([(after[0] - before[0]) / cases, (after[1] - before[1]) / cases]);
    }
    eprintln!("hundreds of instructions a case, of sender and recipient: {costs:?}");
    for node in 0..2 {
        let (early, late) = (costs[1][node], costs[3][node]);
        // A server counts nothing here.
        assert!(early > 0 || std::env::var("NHIPCAU_TEST_STORE").is_ok(), "nothing was counted");
        assert!(late * 10 <= early * 12, "{}: {early} and then {late}", NAMES[node]);
    }
}
