//! The broker as three nodes under the shipped `deploy/nats/cluster.conf`, with three copies of each stream: nodes are
//! killed, paused and started anew.

use std::{fs, net::TcpListener, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};
use nhipcau_tests::{nats, process::Process, wait, world::World};
use rustix::process::Signal;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    campaign::{Fault, PLAIN, Setting},
    trial::Trial,
};

const NODES: Setting = Setting { nodes: true, ..PLAIN };

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "node-leader-killed",
        about: "kill -9 of the leader of three nodes",
        setting: NODES,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(leader_killed(trial)),
    },
    Fault {
        name: "stream-leader-killed",
        about: "kill -9 of the one of three nodes that leads the stream of an access point",
        setting: NODES,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(stream_leader_killed(trial)),
    },
    Fault {
        name: "node-paused",
        about: "one of three nodes is stopped by SIGSTOP for half a minute, and goes on",
        setting: NODES,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(paused(trial)),
    },
    Fault {
        name: "nodes-restarted-in-turn",
        about: "each of three nodes ends in order and is started again, one after the other",
        setting: NODES,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(in_turn(trial)),
    },
    Fault {
        name: "node-majority-killed",
        about: "kill -9 of two of three nodes, and of the third once one is back",
        setting: NODES,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(majority_killed(trial)),
    },
];

struct Node {
    name: String,
    config: PathBuf,
    log: PathBuf,
    port: u16,
    monitor: u16,
    process: Option<Process>,
}

/// The three nodes.
pub(crate) struct Nodes([Node; 3]);

impl Nodes {
    /// Configures and starts three nodes in a world, and has streams made with three copies.
    pub(crate) async fn start(world: &mut World) -> Result<Self> {
        let here = world.path("nats");
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/nats/cluster.conf");
        let (cluster, bus) = (fs::read_to_string(shipped)?, fs::read_to_string(here.join("bus.conf"))?);
        let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/harness/tls");
        for (from, to) in [("peer.pem", "node.pem"), ("peer.key", "node.key"), ("ca.pem", "nodes-ca.pem")] {
            fs::copy(format!("{tls}/{from}"), here.join("tls").join(to))?;
        }
        let first = world.broker_address()?.rsplit(':').next().context("a port")?.parse::<u16>()?;
        let monitor = bus.split("http: \"127.0.0.1:").nth(1).and_then(|rest| rest.split('"').next());
        let monitor = monitor.context("the monitoring port")?.parse::<u16>()?;
        let (ports, routes) = ([first, free()?, free()?], [free()?, free()?, free()?]);
        let monitors = [monitor, free()?, free()?];
        let nodes = [0, 1, 2].map(|at| Node {
            name: format!("nhipcau-{}", at + 1),
            config: here.join(format!("node-{}.conf", at + 1)),
            log: here.join(format!("node-{}.log", at + 1)),
            port: ports[at],
            monitor: monitors[at],
            process: None,
        });
        for (at, node) in nodes.iter().enumerate() {
            let own = format!("bus-{}.conf", at + 1);
            let mut text = cluster
                .replace("bus.conf", &own)
                .replace("0.0.0.0:6222", &format!("127.0.0.1:{}", routes[at]))
                .replace("/etc/nhipcau-nats", &here.display().to_string());
            for (other, route) in routes.iter().enumerate() {
                let shipped = format!("tls://nats-{}.nhipcau.example:6222", other + 1);
                ensure!(text.contains(&shipped), "the configuration has another form");
                text = text.replace(&shipped, &format!("tls://localhost:{route}"));
            }
            fs::write(&node.config, text)?;
            let bus = bus
                .replace(&format!("127.0.0.1:{first}"), &format!("127.0.0.1:{}", node.port))
                .replace(&format!("127.0.0.1:{monitor}"), &format!("127.0.0.1:{}", node.monitor))
                .replace("/nats/store\"", &format!("/nats/store-{}\"", at + 1));
            fs::write(here.join(own), bus)?;
        }
        let mut nodes = Self(nodes);
        nodes.bring_up().await?;
        world.operate("[layout]\nreplicas = 3\n");
        let made = async || world.operator("apply").ok().filter(|output| output.status.success());
        wait::until_answered("streams of three copies", made).await?;
        Ok(nodes)
    }

    /// Where access points connect.
    pub(crate) fn addresses(&self) -> String {
        self.0.each_ref().map(|node| format!("tls://localhost:{}", node.port)).join(",")
    }

    /// Starts every node that does not run and waits until all say that they are healthy.
    pub(crate) async fn bring_up(&mut self) -> Result<()> {
        for node in &mut self.0 {
            node.start()?;
        }
        for node in &self.0 {
            let healthy = async || node.ask("/healthz").await.ok().filter(|answer| answer["status"] == "ok");
            wait::until_answered("a healthy node", healthy).await.with_context(|| node.last_words())?;
        }
        Ok(())
    }

    /// The node that leads all of them, as any of them says.
    async fn leader(&self) -> Option<usize> {
        self.led(|answer| answer["meta_cluster"]["leader"].as_str()).await
    }

    /// The node that leads a stream.
    async fn leader_of(&self, stream: &str) -> Option<usize> {
        self.led(|answer| {
            let accounts = answer["account_details"].as_array()?.iter();
            let mut streams = accounts.filter_map(|account| account["stream_detail"].as_array()).flatten();
            streams.find(|found| found["name"] == stream)?["cluster"]["leader"].as_str()
        })
        .await
    }

    async fn led(&self, leader: impl for<'a> Fn(&'a Value) -> Option<&'a str>) -> Option<usize> {
        for node in &self.0 {
            let Ok(answer) = node.ask("/jsz?streams=true").await else { continue };
            let found = leader(&answer).and_then(|leader| self.0.iter().position(|node| node.name == leader));
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

impl Node {
    fn start(&mut self) -> Result<()> {
        if self.process.is_none() {
            let mut command = Command::new(nats::binary()?);
            command.arg("--config").arg(&self.config).env("NHIPCAU_NATS_NODE", &self.name);
            self.process = Some(Process::start(&self.name, command, &self.log)?);
        }
        Ok(())
    }

    /// What the node's own page of monitoring says.
    async fn ask(&self, page: &str) -> Result<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.monitor)).await?;
        // A longer answer would come in chunks under HTTP/1.1.
        let request = format!("GET {page} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let body = answer.split_once("\r\n\r\n").context("an answer")?.1;
        Ok(serde_json::from_str(body)?)
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rev().take(5).collect::<Vec<_>>().join(" | ")
    }
}

/// A port that nobody listens at, below those of outgoing connections, so that it is still free after a restart.
fn free() -> Result<u16> {
    let found = (0..1000).map(|_| 20_000 + rand()).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    found.context("no port is free")
}

fn rand() -> u16 {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    u16::from_be_bytes([bytes[0], bytes[1]]) % 12_000
}

async fn leader_killed(trial: &mut Trial) -> Result<()> {
    trial.pause(0, 1500).await;
    let nodes = trial.nodes.as_mut().context("nodes")?;
    let leader = nodes.leader().await.context("no node leads")?;
    nodes.0[leader].process = None;
    trial.pause(1000, 4000).await;
    trial.nodes.as_mut().context("nodes")?.bring_up().await
}

async fn stream_leader_killed(trial: &mut Trial) -> Result<()> {
    trial.pause(0, 1500).await;
    let stream = format!("NC_{}", trial.rng.pick(&["MOH", "HANOI", "ALL"]).context("a stream")?);
    let nodes = trial.nodes.as_mut().context("nodes")?;
    let meta = nodes.leader().await;
    let leader = nodes.leader_of(&stream).await.with_context(|| format!("no node leads {stream}"))?;
    nodes.0[leader].process = None;
    trial.saw(if meta == Some(leader) { "it led all nodes too" } else { "another led all nodes" });
    trial.pause(1000, 4000).await;
    trial.nodes.as_mut().context("nodes")?.bring_up().await
}

async fn paused(trial: &mut Trial) -> Result<()> {
    let at = trial.rng.index(3);
    let signal = |trial: &Trial, signal| {
        let node = &trial.nodes.as_ref().context("nodes")?.0[at];
        node.process.as_ref().context("a node")?.signal(signal)
    };
    signal(trial, Signal::STOP)?;
    trial.pause(30_000, 31_000).await;
    signal(trial, Signal::CONT)?;
    trial.nodes.as_mut().context("nodes")?.bring_up().await
}

async fn in_turn(trial: &mut Trial) -> Result<()> {
    let nodes = trial.nodes.as_mut().context("nodes")?;
    for at in 0..3 {
        let mut process = nodes.0[at].process.take().context("a node")?;
        process.stop().await?;
        nodes.bring_up().await?;
    }
    Ok(())
}

async fn majority_killed(trial: &mut Trial) -> Result<()> {
    trial.pause(0, 1500).await;
    let spared = trial.rng.index(3);
    let nodes = trial.nodes.as_mut().context("nodes")?;
    for at in (0..3).filter(|at| *at != spared) {
        nodes.0[at].process = None;
    }
    nodes.0[(spared + 1) % 3].start()?;
    nodes.0[spared].process = None;
    trial.pause(500, 2000).await;
    trial.nodes.as_mut().context("nodes")?.bring_up().await
}
