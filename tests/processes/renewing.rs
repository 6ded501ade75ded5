//! A running access point whose files are renewed: certificates, and who may call.

use std::fs;

use nhipcau_proto::referral::v1::{self as pb, referral_service_client::ReferralServiceClient};
use nhipcau_tests::{wait, world::World};
use rustix::process::Signal;
use tonic_types::StatusExt as _;

const RENEWED: &str = "Renewed certificates or systems are in use at the door.";

/// A call over a new connection; the reason where it is refused.
async fn list(world: &World) -> Result<(), String> {
    let mut reader = ReferralServiceClient::new(world.channel("moh").unwrap());
    let request = pb::ListReferralsRequest { parent: "parties/moh".to_owned(), ..Default::default() };
    let answer = reader.list_referrals(request).await;
    answer.map(drop).map_err(|status| {
        status.get_error_details().error_info().map_or_else(|| status.to_string(), |info| info.reason.clone())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn renewed_files_and_systems_are_taken_without_a_restart_and_bad_ones_change_nothing() {
    let mut world = World::make().unwrap();
    world.start_access_point("moh").await.unwrap();
    list(&world).await.unwrap();
    // A certificate without its key, as when half of a renewal was copied: told, and nothing changes.
    let copy = |file: &str| {
        let new = fs::read(world.path("hanoi/tls").join(file)).unwrap();
        fs::write(world.path("moh/tls").join(file), new).unwrap();
    };
    copy("server.pem");
    let told = wait::until_answered("the bad file to be told of", async || {
        let page = world.metrics("moh").await.ok()?;
        page.contains("nhipcau_alarms_total{kind=\"RENEWAL_REFUSED\"} 1").then_some(page)
    });
    let page = told.await.unwrap();
    assert!(page.contains("nhipcau_certificate_expiry_timestamp_seconds{key=\"server.certificate\"}"), "{page}");
    list(&world).await.unwrap();
    copy("server.key");
    let process = world.running("moh").unwrap();
    wait::until_answered("the renewed certificate", async || process.log().contains(RENEWED).then_some(()))
        .await
        .unwrap();
    list(&world).await.unwrap();
    // The system loses a role, at once by a signal, and has it back.
    let config = fs::read_to_string(world.config("moh")).unwrap();
    let (before, _) = config.split_once("roles = [").unwrap();
    for (roles, expected) in [("\"submit\"", Err("ROLE_MISSING")), ("\"read-metadata\"", Ok(()))] {
        fs::write(world.config("moh"), format!("{before}roles = [{roles}]\n")).unwrap();
        world.running("moh").unwrap().signal(Signal::HUP).unwrap();
        let awaited = format!("{expected:?} with the roles {roles}");
        let reached = wait::until_answered(&awaited, async || {
            let answer = list(&world).await;
            (answer.as_ref().err().map(String::as_str) == expected.err()).then_some(())
        });
        reached.await.unwrap();
    }
    // A configuration that cannot be read.
    fs::write(world.config("moh"), format!("{before}roles = [\n")).unwrap();
    world.running("moh").unwrap().signal(Signal::HUP).unwrap();
    let told = wait::until_answered("the bad configuration to be told of", async || {
        let page = world.metrics("moh").await.ok()?;
        page.contains("nhipcau_alarms_total{kind=\"RENEWAL_REFUSED\"} 2").then_some(())
    });
    told.await.unwrap();
    list(&world).await.unwrap();
    assert!(world.stop("moh").await.unwrap().success());
}
