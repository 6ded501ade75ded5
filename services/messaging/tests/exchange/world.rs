//! Access points of a test around a bus that does what the test says, in one thread and in simulated time.

use std::{collections::VecDeque, sync::Arc};

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, SystemId},
};
use nhipcau_messaging::{
    Entropy,
    crypto::{rest::RestKey, seal, sign::SigningKey},
    engine::{Alarm, AlarmKind, Config, Engine, Error, Input, Kind, Output, PublishResult, RestError, SubmitError},
    handler::{Context, Handler, Refused},
    keys::{KeyEncryptionKey, KeyRing, SealingSecret},
    message::{
        Address, Cause, Correlation, Draft, Header, Incoming, Lane, MessageId, Outcome, Recipient, RefusalReason,
        SkipReason,
    },
    store::{self, Store, Tx, Value},
};

pub(crate) const NAMES: [&str; 3] = ["moh", "vwu", "hanoi"];
const TABLES: &str = "CREATE TABLE IF NOT EXISTS effect (id BLOB, sender TEXT, body BLOB);
    CREATE TABLE IF NOT EXISTS concluded (id BLOB, outcome INTEGER);
    CREATE TABLE IF NOT EXISTS own (id BLOB);";

pub(crate) fn contract() -> ContractId {
    ContractId::new("nhipcau.referral.v1").unwrap()
}

fn point(name: &str) -> AccessPointId {
    AccessPointId::new(name).unwrap()
}

fn party(name: &str) -> PartyId {
    PartyId::new(name).unwrap()
}

fn key_id(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

/// Bytes that follow from a seed, so that a failing test fails again.
pub(crate) struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

/// Notes effects; refuses bodies that say so; forbids sending bodies that were revoked.
struct Notes(ContractId);

impl Handler for Notes {
    fn contract(&self) -> &ContractId {
        &self.0
    }

    fn minor(&self) -> u32 {
        1
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        context.tx.execute(
            "INSERT INTO effect (id, sender, body) VALUES ($1, $2, $3)",
            &[(&message.id.0).into(), message.sender.as_str().into(), (&message.parts[0]).into()],
        )?;
        if message.parts[0].starts_with(b"refuse") {
            return Err(Refused::Reason(RefusalReason::WrongState));
        }
        Ok(())
    }

    fn concluded(
        &mut self,
        id: MessageId,
        _: Option<Correlation>,
        outcome: Outcome,
        context: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        let outcome = match outcome {
            Outcome::Received => 0,
            Outcome::Refused(reason) => reason as i64,
        };
        context.tx.execute("INSERT INTO concluded (id, outcome) VALUES ($1, $2)", &[(&id.0).into(), outcome.into()])?;
        Ok(())
    }

    fn recovered(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        context.tx.execute("INSERT INTO own (id) VALUES ($1)", &[(&message.id.0).into()])?;
        Ok(())
    }

    fn may_send(
        &mut self,
        _: MessageId,
        _: &Header,
        context: &mut Context<'_, '_>,
    ) -> Result<Option<SkipReason>, RestError> {
        let revoked = context.tx.query("SELECT 1 FROM meta WHERE name = 'revoked'", &[], |row| row.int(0))?;
        Ok((!revoked.is_empty()).then_some(SkipReason::Withdrawn))
    }
}

/// One access point: disk, process, what its process said.
pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) alarms: Vec<Alarm>,
    starts: u64,
}

/// A bundle on its way.
#[derive(Clone)]
pub(crate) struct Parcel {
    pub(crate) kind: Kind,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) signal: bool,
}

pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) now: Timestamp,
    pub(crate) queue: VecDeque<Parcel>,
    /// Everything that was ever on the bus.
    pub(crate) seen: Vec<Parcel>,
    pub(crate) releases: Vec<Arc<Release>>,
    token: u64,
}

impl World {
    /// Three access points with agreements between all, and a second release without those of `vwu` to `hanoi`.
    pub(crate) fn new() -> Self {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let releases = releases(now);
        let nodes = NAMES.iter().map(|name| start(name, Store::in_memory().unwrap(), 1, &releases[0], now)).collect();
        Self { nodes, now, queue: VecDeque::new(), seen: Vec::new(), releases, token: 0 }
    }

    /// Three access points that have agreed on all their channels.
    pub(crate) fn open() -> Self {
        let mut world = Self::new();
        world.settle();
        assert!(world.nodes.iter().all(|node| node.engine.is_open()));
        world
    }

    /// Starts a process again on the store it had, or on an older image of it, and gives the old process.
    pub(crate) fn restart(&mut self, node: usize, image: Option<&[u8]>) -> Node {
        let starts = self.nodes[node].starts + 1;
        let image = image.map_or_else(|| self.nodes[node].store.image().unwrap(), <[u8]>::to_vec);
        let store = Store::from_image(&image).unwrap();
        let started = start(NAMES[node], store, starts, &self.releases[0], self.now);
        std::mem::replace(&mut self.nodes[node], started)
    }

    /// One group on one node; its outputs go on the bus.
    pub(crate) fn group<T, E: From<store::Error> + From<Error>>(
        &mut self,
        node: usize,
        work: impl FnOnce(&mut Engine, &mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (now, mut acks) = (self.now, Vec::new());
        let this = &mut self.nodes[node];
        let engine = &mut this.engine;
        let (value, outputs) = this.store.transaction(|tx| {
            let value = work(engine, tx)?;
            Ok::<_, E>((value, engine.flush(now, tx)?))
        })?;
        for output in outputs {
            match output {
                Output::Publish { kind, recipient, bytes, token } => {
                    acks.push(token);
                    let to: Vec<_> = match recipient {
                        Recipient::One(id) => vec![index(&id)],
                        Recipient::All => (0..NAMES.len()).filter(|to| *to != node).collect(),
                    };
                    for to in to {
                        self.queue.push_back(Parcel { kind, from: node, to, bytes: bytes.clone(), signal: false });
                    }
                }
                Output::Signal { recipient, bytes } => {
                    let kind = Kind::Receipts;
                    self.queue.push_back(Parcel { kind, from: node, to: index(&recipient), bytes, signal: true });
                }
                Output::Acknowledge { .. } => {}
                Output::Alarm(alarm) => this.alarms.push(alarm),
            }
        }
        for token in acks {
            let input = Input::Published { token, result: PublishResult::Stored };
            let this = &mut self.nodes[node];
            let engine = &mut this.engine;
            this.store.transaction(|tx| engine.step(now, input, tx)).unwrap();
        }
        Ok(value)
    }

    /// Delivers one parcel.
    pub(crate) fn deliver(&mut self, parcel: Parcel) -> Result<(), Error> {
        self.token += 1;
        let (now, token, sender) = (self.now, self.token, point(NAMES[parcel.from]));
        self.seen.push(parcel.clone());
        self.group(parcel.to, |engine, tx| {
            let input = if parcel.signal {
                Input::Signal { sender, bytes: parcel.bytes }
            } else {
                Input::Delivery { kind: parcel.kind, sender, bytes: parcel.bytes, token }
            };
            engine.step(now, input, tx)
        })
    }

    /// Like [`settle`](Self::settle), until a process stops.
    pub(crate) fn settle_until_stop(&mut self) -> Option<Error> {
        for _ in 0..60 {
            for node in 0..self.nodes.len() {
                let now = self.now;
                self.group(node, |engine, tx| engine.step(now, Input::Tick, tx)).unwrap();
            }
            while let Some(parcel) = self.queue.pop_front() {
                if let Err(stopped) = self.deliver(parcel) {
                    return Some(stopped);
                }
            }
            self.now += SignedDuration::from_secs(10);
        }
        None
    }

    /// Delivers all that is on the bus and all that comes of it, and lets ten minutes pass in between.
    pub(crate) fn settle(&mut self) {
        for round in 0..120 {
            for node in 0..self.nodes.len() {
                let now = self.now;
                self.group(node, |engine, tx| engine.step(now, Input::Tick, tx)).unwrap();
            }
            while let Some(parcel) = self.queue.pop_front() {
                self.deliver(parcel).unwrap();
            }
            self.now += SignedDuration::from_millis(if round < 60 { 200 } else { 10_000 });
        }
    }

    /// Submits a message of a case.
    pub(crate) fn send(
        &mut self,
        from: usize,
        to: usize,
        request: &str,
        body: &[u8],
    ) -> Result<MessageId, SubmitError> {
        self.send_in(from, to, request, body, Some([7; 16]))
    }

    pub(crate) fn send_in(
        &mut self,
        from: usize,
        to: usize,
        request: &str,
        body: &[u8],
        case: Option<Correlation>,
    ) -> Result<MessageId, SubmitError> {
        let recipient = Recipient::One(point(NAMES[to]));
        let address = |n: usize| Address { party: party(NAMES[n]), unit: None };
        let draft = draft(address(from), Some(address(to)), recipient, Lane::Messages, case, request, body);
        self.submit(from, draft)
    }

    pub(crate) fn broadcast(&mut self, from: usize, request: &str, body: &[u8]) -> Result<MessageId, SubmitError> {
        let sender = Address { party: party(NAMES[from]), unit: None };
        self.submit(from, draft(sender, None, Recipient::All, Lane::Bulk, None, request, body))
    }

    fn submit(&mut self, from: usize, draft: Draft) -> Result<MessageId, SubmitError> {
        let now = self.now;
        self.group(from, |engine, tx| engine.submit(now, draft, tx))
    }

    /// The bodies that had an effect at a node, in order.
    pub(crate) fn effects(&mut self, node: usize) -> Vec<String> {
        self.rows(node, "SELECT body FROM effect ORDER BY rowid", |row| Ok(String::from_utf8(row.blob(0)?).unwrap()))
    }

    /// What a node learned of its own messages.
    pub(crate) fn concluded(&mut self, node: usize) -> Vec<i64> {
        self.rows(node, "SELECT outcome FROM concluded ORDER BY rowid", |row| row.int(0))
    }

    /// How many messages of a node are in a state.
    pub(crate) fn in_state(&mut self, node: usize, state: i64) -> usize {
        self.nodes[node]
            .store
            .transaction(|tx| tx.query("SELECT 1 FROM outbox WHERE state = $1", &[Value::Int(state)], |row| row.int(0)))
            .unwrap()
            .len()
    }

    pub(crate) fn rows<T>(
        &mut self,
        node: usize,
        sql: &'static str,
        map: impl FnMut(&store::Row<'_>) -> Result<T, store::Error>,
    ) -> Vec<T> {
        self.nodes[node].store.transaction(|tx| tx.query(sql, &[], map)).unwrap()
    }

    pub(crate) fn alarmed(&self, node: usize, kind: AlarmKind) -> bool {
        self.nodes[node].alarms.iter().any(|alarm| alarm.kind == kind)
    }

    pub(crate) fn branch(&self, node: usize, name: &str) -> u64 {
        self.nodes[node].engine.branches().get(name).copied().unwrap_or(0)
    }
}

fn draft(
    sender: Address,
    recipient_address: Option<Address>,
    recipient: Recipient,
    lane: Lane,
    correlation: Option<Correlation>,
    request: &str,
    body: &[u8],
) -> Draft {
    Draft {
        header: Header {
            message: "nhipcau.referral.v1.ReferralEvent".to_owned(),
            contract: contract(),
            contract_minor: 0,
            sender,
            recipient: recipient_address,
            purpose: Purpose::new("protection").unwrap(),
            legal_basis: String::new(),
            correlation,
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        },
        recipient,
        lane,
        parts: vec![body.to_vec()],
        cause: Cause::Request { system: SystemId::new("desk").unwrap(), request_id: request.to_owned() },
        ordinal: 0,
    }
}

pub(crate) fn index(id: &AccessPointId) -> usize {
    NAMES.iter().position(|name| *name == id.as_str()).unwrap()
}

pub(crate) fn seed(name: &str, purpose: u8) -> [u8; 32] {
    let mut bytes = [purpose; 32];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to ^= from);
    bytes
}

fn start(name: &str, mut store: Store, starts: u64, release: &Arc<Release>, now: Timestamp) -> Node {
    store.add_tables(TABLES).unwrap();
    let config = Config {
        access_point: point(name),
        start: starts,
        keys: KeyRing {
            signing: SigningKey::from_seed(key_id("s-1"), &seed(name, 1)).unwrap(),
            sealing: vec![SealingSecret { id: key_id("e-1"), private: seed(name, 2) }],
            id_key: seed(name, 3),
            kek: vec![KeyEncryptionKey { id: "2026-11".to_owned(), key: RestKey::new(seed(name, 4)) }],
        },
        release: Arc::clone(release),
        handlers: vec![Box::new(Notes(contract()))],
        entropy: Box::new(Seeded(starts.wrapping_mul(31) + name.len() as u64)),
    };
    let engine = store.transaction(|tx| Engine::start(now, config, tx)).unwrap();
    Node { store, engine, alarms: Vec::new(), starts }
}

fn releases(now: Timestamp) -> Vec<Arc<Release>> {
    let year = SignedDuration::from_hours(24 * 365);
    let long = Validity { start: now - year, expire: Some(now + year) };
    let ids = ["root-0", "root-1", "root-2"].map(key_id);
    let pairs = [0u8, 1, 2].map(|n| Ed25519KeyPair::from_seed_unchecked(&[n + 1; 32]).unwrap());
    let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
    let signers: Vec<_> = ids
        .iter()
        .zip(&pairs)
        .zip(roles)
        .map(|((id, pair), role)| Signer {
            id: id.clone(),
            holder: id.as_str().into(),
            public: authoring::public_key(pair),
            role,
        })
        .collect();
    let root = TrustedRoot::new("test", 1, &signers).unwrap();
    let sign = |builder: &authoring::ReleaseBuilder| builder.signed(&[(&ids[0], &pairs[0]), (&ids[2], &pairs[2])]);

    let mut builder = authoring::ReleaseBuilder::new(&root, now - year, now + year).contract(&contract(), 1);
    for name in NAMES {
        let (party, ap) = (party(name), point(name));
        let signing = SigningKey::from_seed(key_id("s-1"), &seed(name, 1)).unwrap().public();
        builder = builder
            .party(&party, ("Bên", "Party"), long)
            .access_point(&ap, &party, &[&party])
            .signing_key(&ap, &key_id("s-1"), signing, long)
            .sealing_key(&ap, &key_id("e-1"), seal::public_key(&seed(name, 2)).unwrap(), long)
            .host(&party, None, &ap, &[&contract()])
            .publication(&party, &contract());
        for other in NAMES {
            let purpose = Purpose::new("protection").unwrap();
            builder = builder.agreement(&party, &contract(), &self::party(other), &purpose, long);
        }
    }
    let first = Arc::new(Release::verify(&sign(&builder), &root, None).unwrap());
    let second = authoring::ReleaseBuilder::after(&first, now - year, now + year).with(|wire| {
        wire.agreements.retain(|a| !(a.sender_party == "vwu" && a.recipient_party == "hanoi"));
    });
    let second = Arc::new(Release::verify(&sign(&second), &root, Some(&first)).unwrap());
    vec![first, second]
}
