//! What happens, with the words that are looked for wherever the contract has room for a text: referrals by every basis
//! and to every end, contacts at a switchboard, a hand-over to another one, an enquiry after a place, an alarm key,
//! whoever is on duty, a legal hold, a unit that another succeeds; everything that can be refused; a broker that loses
//! its disk and a store that is put back, so that all is sent again and returned; and all that operators and auditors
//! call meanwhile.
//!
//! What a basis or an order cites is an article of law, its reference a number, and both lie in the clear by contract:
//! the words are not put there. Nor are they put where people on duty are reached, which is what brings notices to
//! them, nor into arguments of commands that are told back to whoever typed them.

mod alarm;
mod commands;
mod contact;
mod content;
mod duty;
mod handover;
mod hook;
mod losses;
mod placement;
mod proof;
mod referral;
mod steering;
mod succession;

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context as _, Result, ensure};
use nhipcau_proto::referral::v1::{self as pb, BranchState};
use nhipcau_tests::{
    disk::Disk,
    process::{Process, output, program},
    wait,
    world::World,
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

pub(crate) use self::content::request;
use self::{commands::told, hook::Hook};
use crate::{every, places, refusals, wire::Tap};

/// The access points that take part.
pub(crate) const ALL: [&str; 4] = ["moh", "hanoi", "vwu", "moha"];

/// Who acts, as every office calls them.
const PERSON: &str = "can-bo-01";

/// The article that a case is handed over by.
const DUTY: &str = "Nghị định 56/2017/NĐ-CP, điều 26";

/// A login without permissions, and so with every one, in nats-server's configuration.
const LOGIN: &str = "users: [\n  { user: \"insider\", password: \"insider\" }\n";

/// A run.
pub(crate) struct Story {
    pub(crate) taps: BTreeMap<&'static str, Tap>,
    pub(crate) door: Tap,
    /// What brings notices to people on duty.
    pub(crate) hook: Hook,
    pub(crate) outputs: Vec<(String, Vec<u8>)>,
    pub(crate) refused: Vec<(String, Vec<u8>)>,
    pub(crate) pages: Vec<(String, Vec<u8>)>,
    /// Names of what has ended already, one of each kind.
    pub(crate) names: Vec<String>,
    /// A process with the words in its environment, once they were planted.
    pub(crate) planted: Option<Process>,
    /// Disks of an access point's own, by what is on them.
    disks: BTreeMap<&'static str, Disk>,
    // After the disks, which are unmounted before it is taken away.
    pub(crate) world: World,
}

/// A case with one branch.
pub(crate) struct Case {
    referral: String,
    branch: String,
    sides: [&'static str; 2],
}

impl Story {
    /// Starts everything, with taps on every way to the broker, and as many logs as there can be.
    pub(crate) async fn begin() -> Result<Self> {
        Self::begin_on(&[]).await
    }

    /// The same with the store and the key-encryption keys of some access points on disks of their own.
    pub(crate) async fn begin_on(own: &[&str]) -> Result<Self> {
        let mut world = World::make()?;
        let mut disks = BTreeMap::new();
        for (name, place) in own.iter().flat_map(|name| ["store", "kek"].map(|place| (name, place))) {
            let at = world.path(name).join(place);
            fs::create_dir_all(&at)?;
            let image = world.path(format!("{name}-{place}.image"));
            disks.insert(place, Disk::mount(&at, image, 96).context("needs root, mount and mkfs.ext4 (e2fsprogs)")?);
        }
        let users = world.path("nats/users.conf");
        let text = fs::read_to_string(&users)?;
        ensure!(text.contains("users: [\n"), "users.conf has another form");
        fs::write(users, text.replacen("users: [\n", LOGIN, 1))?;
        for directory in ["tmp", "copies", "evidence"] {
            fs::create_dir(world.path(directory))?;
            fs::write(world.path(directory).join("empty"), directory)?;
        }
        let hook = Hook::listen(&world).await?;
        duty::prepare(&world, &hook)?;
        contact::prepare(&world)?;
        world.start_broker().await?;
        world.provision()?;
        if own.is_empty() && places::server().is_some() {
            world.store_at_server("vwu")?;
        }
        let mut taps = BTreeMap::new();
        for name in ALL {
            taps.insert(name, Tap::as_broker(&world, name).await?);
        }
        let door = Tap::before_door(world.port("moh")?).await?;
        let mut story = Self {
            taps,
            door,
            hook,
            outputs: Vec::new(),
            refused: Vec::new(),
            pages: Vec::new(),
            names: Vec::new(),
            planted: None,
            disks,
            world,
        };
        for name in ALL {
            story.start(name).await?;
        }
        Ok(story)
    }

    pub(crate) async fn start(&mut self, name: &'static str) -> Result<()> {
        let (tap, tmp) = (self.taps[name].port, self.world.path("tmp"));
        let is_small = !self.disks.is_empty();
        let set = |command: &mut Command| {
            if is_small {
                command.env("NHIPCAU_STORE__FLOOR", "64KiB");
            }
            command.env("NHIPCAU_BROKER__SERVERS", format!("tls://localhost:{tap}"));
            command.env("NHIPCAU_TELEMETRY__FILTER", "trace").env("TMPDIR", tmp);
            command.env("NHIPCAU_TELEMETRY__FORMAT", if name == "hanoi" { "json" } else { "text" });
        };
        self.world.start_access_point_with(name, set).await
    }

    /// Everything up to the point at which a case waits at the broker for a recipient that is away.
    pub(crate) async fn tell(&mut self) -> Result<()> {
        // Who is told of these is told a while later.
        let duty = self.submit(request(["moh", "hanoi"], pb::ReferralKind::Transfer)).await?;
        let enquiry = self.enquires("vwu/desk")?;
        let transfer = self.refers().await?;
        let sent = Box::pin(self.is_called()).await?;
        self.hands_over().await?;
        self.is_on_duty(&duty).await?;
        self.asks_for_a_place(&enquiry).await?;
        self.is_pressed().await?;
        self.steers().await?;
        self.is_held().await?;
        let moved = self.succeeds().await?;

        refusals::all(self, &transfer.branch, &transfer.referral).await?;
        every::method(self).await?;
        self.act("hanoi", &transfer, &["complete", "--outcome", "resolved"])?;
        self.reaches(&transfer, BranchState::Completed).await?;
        self.act("moh", &transfer, &["close"])?;
        self.reaches(&transfer, BranchState::Closed).await?;
        self.comes_back().await?;
        self.proves(&[&transfer, &sent, &moved])?;
        self.asks(&transfer).await?;

        self.world.kill("hanoi");
        self.submit(request(["moh", "hanoi"], pb::ReferralKind::Transfer)).await?;
        let waits = async || {
            let shown = output(self.world.system("moh").ok()?.args(["channels", "hanoi", "--json"])).ok()?;
            let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
            let mut backlogs = shown.lines().filter(|line| line.contains("\"backlog_count\""));
            backlogs.any(|line| line.contains(|digit: char| ('1'..='9').contains(&digit))).then_some(())
        };
        wait::until_answered("a message that waits at the broker", waits).await?;
        let moh = output(self.world.system("moh")?.args(["channels", "--json"]))?;
        self.keep("channels of moh", moh);
        Ok(())
    }

    /// Somebody at the broker writes the words in the clear under the name of a peer, in everything that may arrive.
    pub(crate) async fn goes_wrong_at_the_broker(&mut self) -> Result<()> {
        self.outputs.clear();
        refusals::at_the_broker(self).await?;
        self.alarms("moh").await?;
        let said = output(self.world.system("moh")?.args(["channels", "--json"]))?;
        self.keep("channels of moh", said);
        self.pages.push(("metrics of moh".to_owned(), self.world.metrics("moh").await?.into_bytes()));
        for name in ALL {
            let log = fs::read_to_string(self.world.path(name).join("log"))?;
            ensure!(!log.contains("panicked"), "{name} has panicked");
        }
        self.verify("moh")
    }

    /// A disk of an access point's own.
    pub(crate) fn disk(&self, place: &str) -> Result<&Disk> {
        self.disks.get(place).context("a disk of its own")
    }
}

/// A way to a door at any port, as the system of an access point.
pub(crate) fn channel(world: &World, name: &str, port: u16) -> Result<Channel> {
    let file = |key: &str| Ok::<_, anyhow::Error>(fs::read(world.file(name, key)?)?);
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(file("root_certificates")?))
        .identity(Identity::from_pem(file("certificate")?, file("key")?))
        .domain_name("localhost");
    Ok(Endpoint::from_shared(format!("https://localhost:{port}"))?.tls_config(tls)?.connect_lazy())
}

/// Makes a new key of a party of an access point.
fn make_key(world: &World, which: &str, name: &str) -> Result<()> {
    let made = output(program()?.args(["keys", which, "--party", name, "--home"]).arg(world.path(name)))?;
    ensure!(made.status.success(), "no key: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}
