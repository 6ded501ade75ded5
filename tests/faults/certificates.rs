//! Certificates that end while connections are open and calls and messages are under way, and that are renewed as an
//! operator does: the new file in the place of the old one. They are issued by the authorities of the sandbox, good for
//! seconds.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use nhipcau_proto::accesspoint::v1::{ListLostPeriodsRequest, access_point_service_client::AccessPointServiceClient};
use nhipcau_tests::{wait, world::World};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose as Purpose, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustix::process::Signal;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::{Status, transport::Channel};

use crate::{
    callers::{PAUSE, is_unknown},
    campaign::{Fault, PLAIN, Setting},
    cases, peers,
    trial::Trial,
};

/// Everybody whom the sandbox knows, so that others go on beside the one who is struck.
const EVERYBODY: Setting = Setting { members: &["moha", "moh", "hanoi", "vwu"], ..PLAIN };

/// How long a certificate is good that is to end soon; it has to be taken into use meanwhile.
const SHORT: Duration = Duration::from_secs(6);
/// How long a renewed one is good.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);
/// How late something may be done that is to be done at the end of a certificate.
const LATE: Duration = Duration::from_secs(3);

/// What an access point says that has taken a renewed file.
const AT_DOOR: &str = "Renewed certificates or systems are in use at the door.";
const AT_BROKER: &str = "A renewed login is in use at the broker.";

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "caller-certificate-ends",
        about: "a calling system's certificate ends while it calls; under a renewed one it asks again",
        setting: PLAIN,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(caller(trial)),
    },
    Fault {
        name: "door-certificate-ends",
        about: "the certificate of an access point's door ends; a renewed file is taken without a restart",
        setting: PLAIN,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(door(trial)),
    },
    Fault {
        name: "bus-certificate-ends",
        about: "an access point's certificate at the broker ends, which is started again; others go on meanwhile",
        setting: EVERYBODY,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(bus(trial)),
    },
    Fault {
        name: "broker-certificate-ends",
        about: "the broker's certificate ends, it is started again with it, then with a renewed one",
        setting: PLAIN,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(broker(trial)),
    },
];

/// Whose certificate it is.
pub(crate) enum Whose {
    /// The calling system of an access point.
    System(&'static str),
    /// The door of an access point.
    Door(&'static str),
    /// An access point at the broker.
    Bus(&'static str),
    /// The broker.
    Broker,
}

/// The names of a server on this machine.
fn here() -> Result<Vec<SanType>> {
    Ok(vec![SanType::DnsName("localhost".try_into()?), SanType::IpAddress([127, 0, 0, 1].into())])
}

/// Puts a new certificate with its key into the place of the one that is there. Gives when it ends.
pub(crate) fn renew(world: &World, whose: &Whose, lasting: Duration) -> Result<Instant> {
    let tls = |name: &str, file: &str| world.path(name).join("tls").join(file);
    let (authority, names, purpose, [certificate, key]) = match whose {
        Whose::System(name) => {
            let system = world.text(&format!("/access_points/{name}/system"))?;
            let names = vec![SanType::URI(format!("nhipcau://{system}").try_into()?)];
            ("systems", names, Purpose::ClientAuth, [world.file(name, "certificate")?, world.file(name, "key")?])
        }
        Whose::Door(name) => {
            ("systems", here()?, Purpose::ServerAuth, [tls(name, "server.pem"), tls(name, "server.key")])
        }
        Whose::Bus(name) => {
            let names = vec![SanType::DnsName((*name).try_into()?)];
            ("bus", names, Purpose::ClientAuth, [tls(name, "broker.pem"), tls(name, "broker.key")])
        }
        Whose::Broker => ("bus", here()?, Purpose::ServerAuth, [tls("nats", "server.pem"), tls("nats", "server.key")]),
    };
    let (pem, secret, end) = issue(world, authority, (names, purpose), lasting)?;
    // Files that are there keep who may read them.
    fs::write(certificate, pem)?;
    fs::write(key, secret)?;
    Ok(end)
}

fn issue(
    world: &World,
    authority: &str,
    (names, purpose): (Vec<SanType>, Purpose),
    lasting: Duration,
) -> Result<(String, String, Instant)> {
    let mut issuer = CertificateParams::default();
    issuer.distinguished_name.push(DnType::CommonName, format!("Nhip Cau sandbox {authority}"));
    let secret = fs::read_to_string(world.path("pki").join(format!("{authority}.key")))?;
    let issuer = Issuer::new(issuer, KeyPair::from_pem(&secret)?);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(Timestamp::now().as_second())?);
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "of a fault");
    params.not_before = (now - Duration::from_secs(60)).into();
    params.not_after = (now + lasting).into();
    params.subject_alt_names = names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    // Its last second is included.
    let end = Instant::now() + lasting + Duration::from_secs(1);
    Ok((params.signed_by(&key, &issuer)?.pem(), key.serialize_pem(), end))
}

/// A call that every system may make and that changes nothing.
async fn ask(channel: Channel) -> Result<(), Status> {
    AccessPointServiceClient::new(channel).list_lost_periods(ListLostPeriodsRequest {}).await.map(drop)
}

/// Waits until a new connection to a door is let in, or is not.
async fn new_connections(world: &World, name: &str, are_let_in: bool) -> Result<()> {
    let awaited = format!("a new connection to {name} to be let in: {are_let_in}");
    let answered = async || (ask(world.channel(name).ok()?).await.is_ok() == are_let_in).then_some(());
    wait::until_answered(&awaited, answered).await
}

/// Waits until an access point has said something once more than so many times.
async fn says(trial: &mut Trial, name: &str, what: &str, before: usize) -> Result<()> {
    let process = trial.world.running(name)?;
    wait::until(what, || (process.log().matches(what).count() > before).then_some(())).await
}

fn said(trial: &mut Trial, name: &str, what: &str) -> Result<usize> {
    Ok(trial.world.running(name)?.log().matches(what).count())
}

async fn caller(trial: &mut Trial) -> Result<()> {
    let sides = *trial.rng.pick(&[["moh", "hanoi"], ["hanoi", "moh"]]).context("two sides")?;
    let whose = Whose::System(sides[0]);
    let end = renew(&trial.world, &whose, SHORT)?;
    // One connection for as long as it lasts.
    let open = trial.world.channel(sides[0])?;
    let (request, refused) = loop {
        let request = cases::transfer(sides)?;
        match cases::submit_once(sides, open.clone(), &request).await {
            Ok(case) => trial.record.cases.push(case),
            Err(status) => break (request, status),
        }
        ensure!(Instant::now() < end + LATE, "calls are answered under a certificate that has ended");
        sleep(PAUSE).await;
    };
    ensure!(Instant::now() + Duration::from_secs(2) > end, "refused before the end: {refused}");
    for channel in [open, trial.world.channel(sides[0])?] {
        let refused = cases::submit_once(sides, channel, &request).await.err().context("answered after the end")?;
        ensure!(is_unknown(refused.code()), "refused for another reason: {refused}");
        trial.saw(&format!("refused as {:?}", refused.code()));
    }
    renew(&trial.world, &whose, LONG)?;
    // Whether the call was carried out that met the end is unknown: it is asked again under the same request id.
    let case = cases::submit_once(sides, trial.world.channel(sides[0])?, &request).await?;
    trial.record.cases.push(case);
    Ok(())
}

async fn door(trial: &mut Trial) -> Result<()> {
    let name = trial.any_member();
    let open = trial.world.channel(name)?;
    ask(open.clone()).await?;
    let before = said(trial, name, AT_DOOR)?;
    let end = renew(&trial.world, &Whose::Door(name), SHORT)?;
    trial.signal(name, Signal::HUP)?;
    says(trial, name, AT_DOOR, before).await?;
    new_connections(&trial.world, name, true).await?;
    sleep_until(end).await;
    new_connections(&trial.world, name, false).await?;
    ask(open.clone()).await.context("what was open does not go on")?;
    // Nobody tells it this time.
    renew(&trial.world, &Whose::Door(name), LONG)?;
    new_connections(&trial.world, name, true).await?;
    ask(open).await.context("what was open did not go on")?;
    trial.saw("doors renewed");
    Ok(())
}

async fn bus(trial: &mut Trial) -> Result<()> {
    let before = said(trial, "hanoi", AT_BROKER)?;
    let end = renew(&trial.world, &Whose::Bus("hanoi"), SHORT)?;
    trial.signal("hanoi", Signal::HUP)?;
    says(trial, "hanoi", AT_BROKER, before).await?;
    sleep_until(end).await;
    // A connection goes on beyond the certificate that it was made with; every later one is refused.
    trial.world.kill_broker();
    trial.world.start_broker().await?;
    peers::others_deliver(trial, "hanoi").await?;
    usable(&trial.world, "moh", true).await?;
    usable(&trial.world, "hanoi", false).await?;
    renew(&trial.world, &Whose::Bus("hanoi"), LONG)?;
    usable(&trial.world, "hanoi", true).await
}

async fn broker(trial: &mut Trial) -> Result<()> {
    let end = renew(&trial.world, &Whose::Broker, 2 * SHORT)?;
    trial.world.kill_broker();
    trial.world.start_broker().await?;
    for name in trial.members {
        usable(&trial.world, name, true).await?;
    }
    sleep_until(end).await;
    trial.world.kill_broker();
    trial.world.start_broker().await?;
    for name in trial.members {
        usable(&trial.world, name, false).await?;
        // Callers are served all the same.
        ask(trial.world.channel(name)?).await?;
    }
    let sides = ["moh", "hanoi"];
    let case = cases::submit_once(sides, trial.world.channel("moh")?, &cases::transfer(sides)?).await?;
    trial.record.cases.push(case);
    renew(&trial.world, &Whose::Broker, LONG)?;
    // nats-server takes renewed files when it reloads.
    trial.world.broker()?.signal(Signal::HUP)?;
    for name in trial.members {
        usable(&trial.world, name, true).await?;
    }
    Ok(())
}

/// Waits until an access point says that it can use the broker, or that it cannot.
async fn usable(world: &World, name: &str, is_usable: bool) -> Result<()> {
    let line = format!("nhipcau_broker_usable {}", u8::from(is_usable));
    wait::until_answered(&format!("{name}: {line}"), async || {
        world.metrics(name).await.ok()?.lines().any(|found| found == line).then_some(())
    })
    .await
}
