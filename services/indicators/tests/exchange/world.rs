//! A publisher and two subscribers around a bus that does what the test says, in one thread and in simulated time.
//!
//! The engine, store and handler are the real ones; only bus, clock and entropy are the test's. A restart may come with
//! an older image of the disk.

use std::{
    collections::VecDeque,
    sync::{Arc, LazyLock},
};

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    area::AreaList,
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{AccessPointId, ContractId, KeyId, PartyId, SystemId},
    indicator::{CodeLists, Structure, StructureRef, sdmx_csv::Limits},
};
use nhipcau_indicators::{
    CONTRACT, Error, Indicators, Registry, SCHEMA, query,
    sdmx::{Export, Import},
    submit::{self, Prepared},
};
use nhipcau_messaging::{
    Entropy,
    crypto::{rest::RestKey, seal, sign::SigningKey},
    engine::{self, Config, Engine, Input, Kind, Output, PublishResult},
    keys::{KeyEncryptionKey, KeyRing, SealingSecret},
    message::{Draft, Recipient},
    pae,
    store::{self, Store, Tx},
};
use nhipcau_proto::indicator::v1 as pb;
use prost::Message;
use tokio::sync::watch;

pub(crate) const NAMES: [&str; 3] = ["moha", "moh", "vwu"];
pub(crate) const MOHA: usize = 0;
pub(crate) const MOH: usize = 1;
pub(crate) const VWU: usize = 2;
pub(crate) const SDG: &str = "IAEG-SDGs:SDG(1.8)";
pub(crate) const SMALL: &str = "T:SMALL(1.0)";
pub(crate) const FLOW: &str = "T:FLOW(1.0)";
pub(crate) const DEMO: &str = include_str!("../../../../deploy/dev/demo/indicators.csv");

const SMALL_CODES: &str = "codelist,code,valid_from,valid_until,name_vi,name_en\n\
    SEX,F,,,Nữ,Female\nSEX,M,,,Nam,Male\nAREA,704,,,Việt Nam,Viet Nam\nSTATUS,A,,,Bình thường,Normal\n";
const SMALL_STRUCTURE: &str = "structure,component,role,codelist,name_vi,name_en\n\
    T:SMALL(1.0),REF_AREA,area,AREA,,\nT:SMALL(1.0),SEX,dimension,SEX,,\n\
    T:SMALL(1.0),TIME_PERIOD,time,,,\nT:SMALL(1.0),OBS_VALUE,measure,,,\n\
    T:SMALL(1.0),OBS_STATUS,attribute,STATUS,,\nT:SMALL(1.0),NOTE,attribute,,,\n";

pub(crate) static REGISTRY: LazyLock<Arc<Registry>> = LazyLock::new(|| {
    let file = |name: &str| std::fs::read(format!("{}/../../deploy/dev/codelists/{name}", env!("CARGO_MANIFEST_DIR")));
    let [versions, legacy, current, codes, sdg] =
        ["vn-versions.csv", "vn-units-legacy.csv", "vn-units.csv", "sdg-codes.csv", "sdg-structure.csv"]
            .map(|name| file(name).unwrap());
    let areas = AreaList::parse(versions.as_slice(), [legacy.as_slice(), current.as_slice()]).unwrap();
    let structure = |structure: &[u8], codes: &[u8]| Structure::parse(structure, &CodeLists::parse(codes).unwrap());
    let registry = Registry::new(Arc::new(areas))
        .structure(structure(&sdg, &codes).unwrap())
        .structure(structure(SMALL_STRUCTURE.as_bytes(), SMALL_CODES.as_bytes()).unwrap())
        .dataflow(FLOW.parse().unwrap(), SMALL.parse().unwrap());
    Arc::new(registry)
});

/// Bytes that follow from a seed, so that a failing test fails again.
struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

/// One access point: disk, process, what its service checks against.
pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) service: Indicators,
    pub(crate) registry: watch::Sender<Arc<Registry>>,
    starts: u64,
}

/// A bundle on its way.
#[derive(Clone)]
pub(crate) struct Parcel {
    kind: Kind,
    from: usize,
    pub(crate) to: usize,
    bytes: Vec<u8>,
    signal: bool,
}

pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) now: Timestamp,
    pub(crate) queue: VecDeque<Parcel>,
    release: Arc<Release>,
    token: u64,
}

impl World {
    /// Three access points that have agreed on all their channels.
    pub(crate) fn open() -> Self {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let release = release(now);
        let nodes = NAMES.iter().map(|name| start(name, Store::scratch().unwrap(), 1, &release, now)).collect();
        let mut world = Self { nodes, now, queue: VecDeque::new(), release, token: 0 };
        world.settle();
        assert!(world.nodes.iter().all(|node| node.engine.is_open()));
        world
    }

    /// The disk of a node as it is.
    pub(crate) fn image(&mut self, node: usize) -> Vec<u8> {
        self.nodes[node].store.image().unwrap()
    }

    /// Starts a process again on an older image of its store.
    pub(crate) fn restart(&mut self, node: usize, image: &[u8]) {
        let starts = self.nodes[node].starts + 1;
        let store = Store::scratch_from(image).unwrap();
        self.nodes[node] = start(NAMES[node], store, starts, &self.release, self.now);
    }

    /// One group on one node; its outputs go on the bus.
    fn group<T>(
        &mut self,
        node: usize,
        work: impl FnOnce(&mut Engine, &mut Tx<'_>) -> Result<T, engine::Error>,
    ) -> Result<T, engine::Error> {
        let now = self.now;
        let Node { store, engine, .. } = &mut self.nodes[node];
        let (value, outputs) = store.transaction(|tx| {
            let value = work(engine, tx)?;
            Ok::<_, engine::Error>((value, engine.flush(now, tx)?))
        })?;
        for output in outputs {
            match output {
                Output::Publish { kind, recipient, bytes, token } => {
                    let to: Vec<_> = match recipient {
                        Recipient::One(id) => vec![index(&id)],
                        Recipient::All => (0..NAMES.len()).filter(|to| *to != node).collect(),
                    };
                    for to in to {
                        self.queue.push_back(Parcel { kind, from: node, to, bytes: bytes.clone(), signal: false });
                    }
                    let Node { store, engine, .. } = &mut self.nodes[node];
                    let input = Input::Published { token, result: PublishResult::Stored };
                    store.transaction(|tx| engine.step(now, input, tx))?;
                }
                Output::Signal { recipient, bytes } => {
                    let to = index(&recipient);
                    self.queue.push_back(Parcel { kind: Kind::Receipts, from: node, to, bytes, signal: true });
                }
                Output::Acknowledge { .. } | Output::Alarm(_) => {}
            }
        }
        Ok(value)
    }

    /// Delivers one parcel.
    pub(crate) fn deliver(&mut self, parcel: Parcel) {
        self.token += 1;
        let (now, token, sender) = (self.now, self.token, point(NAMES[parcel.from]));
        let input = if parcel.signal {
            Input::Signal { sender, bytes: parcel.bytes }
        } else {
            Input::Delivery { kind: parcel.kind, sender, bytes: parcel.bytes, token }
        };
        self.group(parcel.to, |engine, tx| engine.step(now, input, tx)).unwrap();
    }

    /// Delivers all that is on the bus and all that comes of it, and lets ten minutes pass in between.
    pub(crate) fn settle(&mut self) {
        for round in 0..120 {
            for node in 0..self.nodes.len() {
                let now = self.now;
                self.group(node, |engine, tx| engine.step(now, Input::Tick, tx)).unwrap();
            }
            while let Some(parcel) = self.queue.pop_front() {
                self.deliver(parcel);
            }
            self.now += SignedDuration::from_millis(if round < 60 { 200 } else { 10_000 });
        }
    }

    /// Submits at a node, as a system of its party.
    pub(crate) fn submit(
        &mut self,
        node: usize,
        request_id: &str,
        submission: &pb::Submission,
    ) -> Result<(pb::Submission, bool), Error> {
        let prepared = Prepared::check(submission, &REGISTRY)?;
        self.publish(node, request_id, &prepared, prepared_digest(submission))
    }

    pub(crate) fn publish(
        &mut self,
        node: usize,
        request_id: &str,
        prepared: &Prepared,
        digest: [u8; 32],
    ) -> Result<(pb::Submission, bool), Error> {
        let now = self.now;
        let request = request(node, request_id, digest);
        self.group(node, |engine, tx| {
            Ok(tx.savepoint(|tx| {
                let send = |draft, tx: &mut Tx<'_>| engine.submit(now, draft, tx);
                submit::publish(&request, prepared, &point(NAMES[node]), now, tx, send)
            }))
        })
        .unwrap()
    }

    /// Broadcasts a message as a publisher that does not use this service.
    pub(crate) fn broadcast(&mut self, node: usize, draft: Draft) {
        let now = self.now;
        self.group(node, |engine, tx| Ok(engine.submit(now, draft, tx))).unwrap().unwrap();
    }

    /// Work on the store of a node.
    pub(crate) fn at<T>(
        &mut self,
        node: usize,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.nodes[node].store.transaction(work)
    }

    /// Every observation that a node holds of a structure, as rows of text.
    pub(crate) fn held(&mut self, node: usize, structure: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for series in self.observations(node, structure) {
            let block = series.block.unwrap();
            for (at, period) in block.time_periods.iter().enumerate() {
                let value = block.values.get(at).map_or("", String::as_str);
                let attributes: String = block
                    .attributes
                    .iter()
                    .filter_map(|column| {
                        let at = column.positions.get(at).unwrap_or(&column.positions[0]);
                        let text = column.texts.get((*at as usize).checked_sub(1)?)?;
                        Some(format!(" {}={text}", column.attribute))
                    })
                    .collect();
                rows.push(format!("{} {} {period} {value}{attributes}", series.data_provider, block.key));
            }
        }
        rows
    }

    /// The digest of everything that a node holds.
    pub(crate) fn digest(&mut self, node: usize) -> [u8; 32] {
        let rows = [SDG, SMALL].map(|structure| self.held(node, structure).join("\n"));
        pae::digest_of(&[rows[0].as_bytes(), rows[1].as_bytes()])
    }

    /// All pages of a query for everything of a structure.
    pub(crate) fn observations(&mut self, node: usize, structure: &str) -> Vec<pb::SeriesObservations> {
        let mut request = pb::QueryObservationsRequest {
            selection: Some(selection(structure, "")),
            page_size: 7,
            ..Default::default()
        };
        let mut series = Vec::new();
        loop {
            let answer = self.at(node, |tx| query::observations(&request, &REGISTRY, tx)).unwrap();
            series.extend(answer.series);
            if answer.next_page_token.is_empty() {
                return series;
            }
            request.page_token = answer.next_page_token;
        }
    }

    /// What a node holds of a structure, as a file.
    pub(crate) fn export(&mut self, node: usize, structure: &str) -> String {
        let observations = self.observations(node, structure);
        let reference: StructureRef = structure.parse().unwrap();
        let mut export = Export::new(Vec::new(), REGISTRY.find(&reference).unwrap(), &REGISTRY).unwrap();
        // A series may stand on two pages: each is written as it came.
        observations.into_iter().for_each(|series| export.page(vec![series]).unwrap());
        String::from_utf8(export.finish().unwrap()).unwrap()
    }
}

pub(crate) fn prepared_digest(submission: &pb::Submission) -> [u8; 32] {
    let mut text = format!("{}|{}", submission.structure, submission.dataflow);
    for dataset in &submission.datasets {
        let mut rows = dataset.observations.clone();
        for row in &mut rows {
            let mut attributes: Vec<_> = row.attributes.drain().collect();
            attributes.sort();
            text += &format!("{attributes:?}");
        }
        text += &format!("{:?}", (dataset.action, rows, &dataset.blocks));
    }
    pae::sha256(text.as_bytes())
}

pub(crate) fn request(node: usize, request_id: &str, digest: [u8; 32]) -> submit::Request {
    submit::Request {
        provider: party(NAMES[node]),
        party: party(NAMES[node]),
        system: SystemId::new("statistics").unwrap(),
        request_id: request_id.to_owned(),
        digest: Some(digest),
        traceparent: String::new(),
    }
}

pub(crate) fn import(file: &str) -> Import {
    Import::read(file.as_bytes(), &REGISTRY, Limits::default()).unwrap()
}

pub(crate) fn demo() -> pb::Submission {
    import(DEMO).whole().unwrap()
}

/// A submission of rows under one action.
pub(crate) fn small(action: pb::Action, rows: &[(&str, &str, &str)]) -> pb::Submission {
    let row = |(key, period, value): &(&str, &str, &str)| pb::Observation {
        key: (*key).into(),
        time_period: (*period).into(),
        value: Some((*value).to_owned()).filter(|value| !value.is_empty()),
        ..pb::Observation::default()
    };
    let observations = rows.iter().map(row).collect();
    let dataset = pb::Dataset { action: action.into(), observations, blocks: Vec::new() };
    pb::Submission { structure: SMALL.into(), datasets: vec![dataset], ..pb::Submission::default() }
}

pub(crate) fn selection(structure: &str, pattern: &str) -> pb::Selection {
    pb::Selection { structure: structure.into(), key_pattern: pattern.into(), ..pb::Selection::default() }
}

/// A message under this contract from a party, with any body.
pub(crate) fn draft(provider: &str, message: &str, body: &impl Message) -> Draft {
    use nhipcau_domain::id::Purpose;
    use nhipcau_messaging::message::{Address, Cause, Header, Lane};
    let body = body.encode_to_vec();
    let digest = pae::sha256(&body);
    Draft {
        header: Header {
            message: message.to_owned(),
            contract: contract(),
            contract_minor: 0,
            sender: Address { party: party(provider), unit: None },
            recipient: None,
            purpose: Purpose::new("publication").unwrap(),
            legal_basis: String::new(),
            correlation: None,
            kind: String::new(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        },
        recipient: Recipient::All,
        lane: Lane::Bulk,
        parts: vec![body],
        cause: Cause::Timer(format!("{digest:?}")),
        ordinal: 0,
    }
}

pub(crate) fn contract() -> ContractId {
    ContractId::new(CONTRACT).unwrap()
}

pub(crate) fn point(name: &str) -> AccessPointId {
    AccessPointId::new(name).unwrap()
}

pub(crate) fn party(name: &str) -> PartyId {
    PartyId::new(name).unwrap()
}

fn key_id(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn index(id: &AccessPointId) -> usize {
    NAMES.iter().position(|name| *name == id.as_str()).unwrap()
}

fn seed(name: &str, purpose: u8) -> [u8; 32] {
    let mut bytes = [purpose; 32];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to ^= from);
    bytes
}

fn start(name: &str, mut store: Store, starts: u64, release: &Arc<Release>, now: Timestamp) -> Node {
    store.add_tables(SCHEMA).unwrap();
    let (registry, newest) = watch::channel(Arc::clone(&REGISTRY));
    let service = Indicators::new(newest);
    let config = config(name, starts, release, &service);
    let engine = store.transaction(|tx| Engine::start(now, config, tx)).unwrap();
    Node { store, engine, service, registry, starts }
}

pub(crate) fn config(name: &str, starts: u64, release: &Arc<Release>, service: &Indicators) -> Config {
    Config {
        access_point: point(name),
        start: starts,
        keys: KeyRing {
            signing: SigningKey::from_seed(key_id("s-1"), &seed(name, 1)).unwrap(),
            sealing: vec![SealingSecret { id: key_id("e-1"), private: seed(name, 2) }],
            id_key: seed(name, 3),
            kek: vec![KeyEncryptionKey { id: "2026-11".to_owned(), key: RestKey::new(seed(name, 4)) }],
        },
        release: Arc::clone(release),
        handlers: vec![Box::new(service.handler())],
        entropy: Box::new(Seeded(starts.wrapping_mul(31) + name.len() as u64)),
        limits: nhipcau_messaging::engine::Limits::default(),
        is_put_back: false,
    }
}

pub(crate) fn release(now: Timestamp) -> Arc<Release> {
    let year = SignedDuration::from_hours(24 * 365);
    let long = Validity { start: now - year, expire: Some(now + year) };
    let ids = ["root-0", "root-1", "root-2"].map(key_id);
    let pairs = [0u8, 1, 2].map(|n| Ed25519KeyPair::from_seed_unchecked(&[n + 1; 32]).unwrap());
    let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
    let signer = |((id, pair), role): ((&KeyId, &Ed25519KeyPair), SignerRole)| Signer {
        id: id.clone(),
        holder: id.as_str().into(),
        public: authoring::public_key(pair),
        role,
    };
    let signers: Vec<_> = ids.iter().zip(&pairs).zip(roles).map(signer).collect();
    let root = TrustedRoot::new("test", 1, &signers).unwrap();
    let mut builder = authoring::ReleaseBuilder::new(&root, now - year, now + year).contract(&contract(), 0);
    for name in NAMES {
        let (party, ap) = (party(name), point(name));
        let signing = SigningKey::from_seed(key_id("s-1"), &seed(name, 1)).unwrap().public();
        builder = builder
            .party(&party, ("Bên", "Party"), long)
            .access_point(&ap, &party, &[&party])
            .signing_key(&ap, &key_id("s-1"), signing, long)
            .sealing_key(&ap, &key_id("e-1"), seal::public_key(&seed(name, 2)).unwrap(), long)
            .host(&party, None, &ap, &[&contract()]);
        // The third party only reads.
        if name != NAMES[VWU] {
            builder = builder.publication(&party, &contract());
        }
    }
    let signed = builder.signed(&[(&ids[0], &pairs[0]), (&ids[2], &pairs[2])]);
    Arc::new(Release::verify(&signed, &root, None).unwrap())
}

/// Rows of a table, for what no answer shows.
pub(crate) fn rows<T>(
    world: &mut World,
    node: usize,
    sql: &'static str,
    map: impl FnMut(&store::Row<'_>) -> Result<T, store::Error>,
) -> Vec<T> {
    world.nodes[node].store.transaction(|tx| tx.query(sql, &[], map)).unwrap()
}
