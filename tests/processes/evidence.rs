//! What the commands for operators and auditors say of a world with a case and figures, as scripts read it: one JSON
//! document on standard output, progress on standard error, and an exit code that tells when something is missing.

use std::{fs, process::Output};

use nhipcau_messaging::store::Store;
use nhipcau_proto::referral::v1::BranchState;
use nhipcau_tests::{
    process::{output, program},
    wait,
    world::World,
};
use serde_json::Value;

use crate::{figures::Publisher, referrals::Case};

const ALL: [&str; 3] = ["moha", "moh", "hanoi"];

/// Runs `nhipcau verify` over the files of an access point.
fn verify(world: &World, name: &str) -> Output {
    output(program().unwrap().args(["verify", "--json"]).arg(world.path(name))).unwrap()
}

fn called(world: &World, name: &str, arguments: &[&str]) -> Output {
    output(world.system(name).unwrap().args(arguments).arg("--json")).unwrap()
}

/// What a command that takes its time wrote: it also told people of its work.
fn told(said: &Output, keys: &[&str]) -> (Value, Option<i32>) {
    assert!(!said.stderr.is_empty(), "nobody was told of the work");
    document(said, keys)
}

/// The one document that a command wrote, and its exit code.
fn document(said: &Output, keys: &[&str]) -> (Value, Option<i32>) {
    let text = || String::from_utf8_lossy(&said.stderr).into_owned();
    let document: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", text()));
    let mut found: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
    let mut keys = keys.to_vec();
    found.sort_unstable();
    keys.sort_unstable();
    assert_eq!(found, keys);
    (document, said.status.code())
}

const VERIFIED: [&str; 16] = [
    "access_point",
    "directory_version",
    "channels",
    "sent",
    "received",
    "envelopes_verified",
    "envelopes_erased",
    "unopened",
    "receipts_issued",
    "receipts_held",
    "access_records",
    "access_head",
    "contact_access_records",
    "contact_access_head",
    "difference_count",
    "differences",
];
const COMPARED: [&str; 3] = ["peer", "difference_count", "channels"];

const PROVEN: [&str; 10] = [
    "case",
    "access_point",
    "make_time",
    "directory_version",
    "directory_time",
    "branches",
    "findings",
    "access_records",
    "access_head",
    "finding_count",
];

/// What an access point wrote into a file beside its process is believed by the fingerprint alone, and only unchanged.
fn a_file_proves_the_case(world: &World, name: &str, referral: &str) {
    let (home, file) = (world.path(name), world.path(format!("{name}.evidence")));
    let make = || {
        output(program().unwrap().args(["evidence", referral, "--json", "--home"]).arg(&home).arg("--out").arg(&file))
    };
    let (written, code) = document(&make().unwrap(), &["case", "file", "bytes", "digest"]);
    assert_eq!((code, written["bytes"].as_u64()), (Some(0), Some(fs::metadata(&file).unwrap().len())));
    assert_eq!(make().unwrap().status.code(), Some(3), "no file is written over");
    let unknown = ["evidence", "00000000-0000-4000-8000-000000000000", "--home"];
    let unknown = output(program().unwrap().args(unknown).arg(&home).arg("--out").arg(world.path("none")));
    assert_eq!(unknown.unwrap().status.code(), Some(2), "of an unknown case there is nothing");

    let config = fs::read_to_string(home.join("nhipcau.toml")).unwrap();
    let named = config.lines().find_map(|line| line.trim().strip_prefix("fingerprint = "));
    let fingerprint = named.unwrap().trim_matches('"').to_owned();
    let verify = |fingerprint: &str| {
        output(program().unwrap().args(["verify", "--json", "--fingerprint", fingerprint]).arg(&file)).unwrap()
    };
    let (proven, code) = document(&verify(&fingerprint), &PROVEN);
    assert_eq!((code, proven["finding_count"].as_u64()), (Some(0), Some(0)), "{proven}");
    assert_eq!(proven["branches"][0]["state"], "ASSIGNED", "{proven}");
    let responsible = proven["branches"][0]["responsible"].as_array().unwrap();
    assert_eq!(responsible.len(), 2, "the switchboard, and then the commune: {proven}");
    assert!(proven["branches"][0]["events"].as_array().unwrap().iter().all(|event| event["standing"] != "TOLD"));
    assert_eq!(verify(&"00".repeat(32)).status.code(), Some(6), "under another directory it proves nothing");
    let bare = output(program().unwrap().arg("verify").arg(&file)).unwrap();
    assert_eq!(bare.status.code(), Some(2), "nor without one");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_eq!(verify(&fingerprint).status.code(), Some(6), "nor changed");
}

/// The flow of TRANSFERs between an access point and its peer: sent and held in each direction, and the differences.
fn transfers(world: &World, name: &str, peer: &str, kind: &str) -> (Vec<(u64, u64)>, u64, Option<i32>) {
    let asked = ["reconcile", peer, "--contract", "nhipcau.referral.v1", "--kind", kind];
    let (compared, code) = told(&called(world, name, &asked), &COMPARED);
    let channels = compared["channels"].as_array().unwrap();
    let flows = channels.iter().flat_map(|channel| channel["flows"].as_array().unwrap());
    let number = |value: &Value| value.as_u64().unwrap();
    let counted = |flowed: &Value| {
        assert_eq!(flowed["flow"], serde_json::json!({"contract": "nhipcau.referral.v1", "kind": kind}), "{compared}");
        (number(&flowed["sent_count"]), number(&flowed["held_count"]))
    };
    for difference in channels.iter().flat_map(|channel| channel["differences"].as_array().unwrap()) {
        assert_eq!(difference["flow"]["kind"], kind, "{compared}");
    }
    (flows.map(counted).collect(), number(&compared["difference_count"]), code)
}

/// A question about a flow that there cannot be is refused, not answered with nothing.
fn no_flow_is_made_up(world: &World) {
    for (asked, code, reason) in [
        (["--contract", "nhipcau.nobody.v1"].as_slice(), 5, "CODE_UNKNOWN"),
        (&["--contract", "nhipcau.indicator.v1", "--kind", "TRANSFER"], 5, "CODE_UNKNOWN"),
        (&["--contract", "nhipcau.referral.v1", "--kind", "TRANSFERS"], 5, "CODE_UNKNOWN"),
        (&["--contract", "referral"], 5, "REQUEST_INVALID"),
        (&["--kind", "TRANSFER"], 2, "--contract"),
    ] {
        let said = called(world, "moh", &[["reconcile", "hanoi"].as_slice(), asked].concat());
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.code() == Some(code) && text.contains(reason), "{asked:?}: {:?} {text}", said.status);
    }
    let strangers = called(world, "moha", &["reconcile", "hanoi", "--contract", "nhipcau.referral.v1"]);
    let text = String::from_utf8_lossy(&strangers.stderr).into_owned();
    assert!(strangers.status.code() == Some(5) && text.contains("FLOW_NOT_AGREED"), "{text}");
}

/// Nothing differs at any of these access points, nor between any two of them.
pub(crate) async fn holds(world: &World, names: &[&str]) {
    for name in names {
        for peer in names.iter().filter(|peer| *peer != name) {
            let awaited = format!("{name} to differ in nothing from {peer}");
            let same = async || called(world, name, &["reconcile", peer]).status.success().then_some(());
            wait::until_answered(&awaited, same).await.unwrap();
        }
        let verified = verify(world, name);
        assert!(verified.status.success(), "{name}: {}", String::from_utf8_lossy(&verified.stdout));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_evidence_is_one_document_each_and_a_missing_row_is_found_from_both_sides() {
    let mut world = World::start(&ALL).await.unwrap();
    let mut publisher = Publisher::new(&world).unwrap();
    publisher.submit(3).await.unwrap();
    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    case.act(&world, "hanoi", &["acknowledge"]).unwrap();
    case.is(&world, BranchState::Assigned).await.unwrap();
    for name in ALL {
        publisher.held_by(&world, name).await.unwrap();
    }
    holds(&world, &ALL).await;
    for name in ["moh", "hanoi"] {
        a_file_proves_the_case(&world, name, case.name());
    }

    let doctor = output(program().unwrap().args(["doctor", "--json", "--config"]).arg(world.config("moh"))).unwrap();
    let (found, code) = told(&doctor, &["access_point", "severity", "findings"]);
    assert_eq!(code, Some(0), "{found}");
    let keys = ["access_point", "broker", "nats_version", "directory_version", "directory", "channels", "lost_periods"];
    let (channels, code) = document(&called(&world, "moh", &["channels"]), &keys);
    assert_eq!((code, channels["access_point"].as_str()), (Some(0), Some("moh")));
    let (compared, code) = told(&called(&world, "moh", &["reconcile", "hanoi"]), &COMPARED);
    assert_eq!((code, compared["difference_count"].as_u64()), (Some(0), Some(0)));
    let (flows, differences, code) = transfers(&world, "moh", "hanoi", "TRANSFER");
    assert_eq!((flows.len(), differences, code), (2, 0, Some(0)), "{flows:?}");
    assert!(flows.iter().all(|(sent, held)| sent == held && *sent > 0), "{flows:?}");
    assert_eq!(transfers(&world, "moh", "hanoi", "NOTIFICATION"), (Vec::new(), 0, Some(0)));
    let small =
        called(&world, "moh", &["reconcile", "hanoi", "--contract", "nhipcau.referral.v1", "--kind", "transfer"]);
    assert_eq!(small.status.code(), Some(0), "as it is written where a referral is made up");
    no_flow_is_made_up(&world);
    let (verified, code) = told(&verify(&world, "moh"), &VERIFIED);
    assert_eq!((code, verified["difference_count"].as_u64()), (Some(0), Some(0)));
    assert!(verified["received"].as_u64() > Some(0), "{verified}");
    let (_, code) = told(&world.operator("plan").unwrap(), &["release", "applied", "changes", "differences"]);
    assert_eq!(code, Some(0));

    assert!(world.stop("moh").await.unwrap().success());
    let row =
        "DELETE FROM received WHERE sender = 'hanoi' AND recipient = 'moh' AND kind = 'TRANSFER' AND sequence = 1";
    let mut store = Store::open(&world.path("moh/store/store.db")).unwrap();
    assert_eq!(store.transaction(|tx| tx.execute(row, &[])).unwrap(), 1);
    drop(store);
    let (verified, code) = told(&verify(&world, "moh"), &VERIFIED);
    assert_eq!(code, Some(6), "{verified}");
    assert!(verified["difference_count"].as_u64() > Some(0));

    world.start_access_point("moh").await.unwrap();
    let differs = async || (called(&world, "hanoi", &["reconcile", "moh"]).status.code() == Some(6)).then_some(());
    wait::until_answered("the missing row to be found by the other side", differs).await.unwrap();
    let (compared, _) = told(&called(&world, "hanoi", &["reconcile", "moh"]), &COMPARED);
    assert!(compared["difference_count"].as_u64() > Some(0), "{compared}");
    let (flows, differences, code) = transfers(&world, "hanoi", "moh", "TRANSFER");
    assert_eq!((differences, code), (1, Some(6)), "{flows:?}");
    assert!(flows.iter().any(|(sent, held)| *sent == held + 1), "{flows:?}");
    assert_eq!(transfers(&world, "hanoi", "moh", "REFERRAL"), (Vec::new(), 0, Some(0)), "and under no other flow");
}
