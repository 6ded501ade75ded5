//! What is due, from a running access point and from the files of one that has ended.

use std::process::Output;

use nhipcau_proto::referral::v1::BranchState;
use nhipcau_tests::{
    process::{output, program},
    world::World,
};
use serde_json::Value;

use crate::referrals::Case;

const AT: [&str; 2] = ["--at", "2100-01-01T00:00:00Z"];

fn called(world: &World, name: &str, case: &str, form: &[&str]) -> Output {
    output(world.system(name).unwrap().args(["referral", "due", case]).args(AT).args(form)).unwrap()
}

fn held(world: &World, name: &str, case: &str, form: &[&str]) -> Output {
    let mut command = program().unwrap();
    output(command.args(["referral", "due", case, "--home"]).arg(world.path(name)).args(AT).args(form)).unwrap()
}

fn text(said: &Output) -> String {
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_the_same_from_a_running_access_point_and_from_the_files_of_one_that_ended() {
    const FORMS: [&[&str]; 2] = [&[], &["--json"]];
    let mut world = World::start(&["moh", "hanoi", "vwu"]).await.unwrap();
    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    let name = case.referral();
    let online: Vec<_> =
        ["moh", "hanoi"].map(|side| FORMS.map(|form| text(&called(&world, side, name, form)))).into_iter().collect();
    let refused = called(&world, "vwu", name, &[]);
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    for side in ["moh", "hanoi", "vwu"] {
        assert!(world.stop(side).await.unwrap().success());
    }
    for (side, [read, document]) in ["moh", "hanoi"].into_iter().zip(&online) {
        assert_eq!(&text(&held(&world, side, name, &[])), read);
        assert_eq!(&text(&held(&world, side, name, &["--json"])), document);
        assert!(read.contains("Decree 56/2017/NĐ-CP art. 26.3") && read.contains("OVERDUE since"), "{read}");
        let document: Value = serde_json::from_str(document).unwrap();
        let standing = document.pointer("/branches/0/limits/0/standing").and_then(Value::as_str);
        assert_eq!(standing, Some("TIME_LIMIT_STANDING_PASSED"), "{document}");
    }
    let refused = held(&world, "vwu", name, &[]);
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
}
