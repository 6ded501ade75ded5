//! An access point as a process has it: store on disk, engine on its writer thread, transport to a real broker. Its
//! one handler writes down what it is given.

use std::{path::Path, sync::Arc, time::Duration};

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, SystemId},
};
use nhipcau_messaging::{
    SystemEntropy,
    crypto::{rest::RestKey, seal, sign::SigningKey},
    engine::{Config, RestError, SubmitError},
    handler::{Context, Handler, Refused},
    keys::{KeyEncryptionKey, KeyRing, SealingSecret},
    message::{Address, Cause, Correlation, Draft, Header, Incoming, Lane, MessageId, Outcome, Recipient, SkipReason},
    nats::Transport,
    store::Store,
    writer::{Handle, Seams, Writer},
};
use nhipcau_tests::{
    bus::{Bus, id},
    nats::{MOHA, User, VWU},
    wait::PATIENCE,
};
use tokio::time::{Instant, interval};

const TABLES: &str = "CREATE TABLE IF NOT EXISTS effect (body TEXT);
    CREATE TABLE IF NOT EXISTS concluded (id BLOB);";

/// Writes effects and conclusions down.
struct Notes(ContractId);

impl Handler for Notes {
    fn contract(&self) -> &ContractId {
        &self.0
    }

    fn minor(&self) -> u32 {
        1
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        let body = message.parts.first().map(|part| String::from_utf8_lossy(part)).unwrap_or_default();
        context.tx.execute("INSERT INTO effect (body) VALUES ($1)", &[body.as_ref().into()])?;
        Ok(())
    }

    fn concluded(
        &mut self,
        id: MessageId,
        _: Option<Correlation>,
        _: Outcome,
        context: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        context.tx.execute("INSERT INTO concluded (id) VALUES ($1)", &[(&id.0).into()])?;
        Ok(())
    }

    fn recovered(&mut self, _: &Incoming<'_>, _: &mut Context<'_, '_>) -> Result<(), RestError> {
        Ok(())
    }

    fn may_send(&mut self, _: MessageId, _: &Header, _: &mut Context<'_, '_>) -> Result<Option<SkipReason>, RestError> {
        Ok(None)
    }
}

/// A running access point.
pub(crate) struct Process {
    writer: Writer,
    transport: Transport,
    handle: Handle,
}

impl Process {
    /// Starts on the store in the directory, which need not exist.
    pub(crate) async fn start(bus: &Bus, user: User, directory: &Path, start: u64) -> Self {
        let mut store = Store::open(&directory.join("store.db")).unwrap();
        store.add_tables(TABLES).unwrap();
        let (transport, mut inputs) = Transport::start(id(user), &bus.server.connection(user).unwrap()).await.unwrap();
        let outlet = transport.outlet();
        let seams = Seams {
            clock: Box::new(Timestamp::now),
            outlet: Box::new(move |output| outlet.offer(output)),
            alarm: Box::new(|_| ()),
        };
        let writer = Writer::start(store, config(user, start), seams).unwrap();
        let handle = writer.handle();
        tokio::spawn({
            let handle = handle.clone();
            async move {
                while let Some(input) = inputs.recv().await {
                    if handle.input(input).await.is_err() {
                        return;
                    }
                }
            }
        });
        Self { writer, transport, handle }
    }

    /// Submits a message of a case.
    pub(crate) async fn send(&self, from: User, to: User, body: &str) {
        let draft = draft(from, to, body);
        self.handle.call(move |tx, submitter, _| submitter.submit(draft, tx)).await.unwrap();
    }

    /// Submits a message and then fails, so that it is undone.
    pub(crate) async fn send_in_vain(&self, from: User, to: User, body: &str) {
        let draft = draft(from, to, body);
        let undone = self.handle.call(move |tx, submitter, _| -> Result<(), SubmitError> {
            submitter.submit(draft, tx)?;
            Err(SubmitError::NotAgreed)
        });
        undone.await.unwrap_err();
    }

    /// The effects here, in order.
    pub(crate) async fn effects(&self) -> Vec<String> {
        self.rows("SELECT body FROM effect ORDER BY rowid").await
    }

    /// Waits for so many effects and gives those that there are.
    pub(crate) async fn effects_when(&self, count: usize) -> Vec<String> {
        self.rows_when("SELECT body FROM effect ORDER BY rowid", count).await
    }

    /// Waits for so much in quarantine and gives the subject's sender and the reason of each.
    pub(crate) async fn quarantined_when(&self, count: usize) -> Vec<String> {
        self.rows_when("SELECT subject_sender || ' ' || reason FROM quarantine ORDER BY serial", count).await
    }

    /// How many positions of each sender are taken here.
    pub(crate) async fn taken(&self) -> Vec<String> {
        self.rows("SELECT sender || ' ' || count(*) FROM received GROUP BY sender ORDER BY sender").await
    }

    /// Waits until so many own messages are concluded.
    pub(crate) async fn concluded(&self, count: usize) {
        let concluded = self.rows_when("SELECT hex(id) FROM concluded", count).await;
        assert_eq!(concluded.len(), count);
    }

    /// Ends in good order.
    pub(crate) async fn stop(mut self) {
        self.transport.quiesce().await;
        let writer = self.writer;
        tokio::task::spawn_blocking(move || writer.stop().unwrap()).await.unwrap();
        self.transport.shutdown(Duration::from_secs(2)).await;
    }

    async fn rows_when(&self, sql: &'static str, count: usize) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut looks = interval(Duration::from_millis(20));
        loop {
            let rows = self.rows(sql).await;
            if rows.len() >= count {
                return rows;
            }
            assert!(Instant::now() < deadline, "{} of {count} rows: {sql}", rows.len());
            looks.tick().await;
        }
    }

    async fn rows(&self, sql: &'static str) -> Vec<String> {
        let rows = self.handle.call(move |tx, _, _| tx.query(sql, &[], |row| row.text(0)));
        rows.await.unwrap()
    }
}

fn contract() -> ContractId {
    ContractId::new("nhipcau.referral.v1").unwrap()
}

fn key_id(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn party(user: User) -> PartyId {
    PartyId::new(user.name).unwrap()
}

fn secret(user: User, use_: u8) -> [u8; 32] {
    let mut bytes = [use_; 32];
    bytes.iter_mut().zip(user.name.bytes()).for_each(|(to, from)| *to ^= from);
    bytes
}

fn config(user: User, start: u64) -> Config {
    Config {
        access_point: id(user),
        start,
        keys: KeyRing {
            signing: SigningKey::from_seed(key_id("s-1"), &secret(user, 1)).unwrap(),
            sealing: vec![SealingSecret { id: key_id("e-1"), private: secret(user, 2) }],
            id_key: secret(user, 3),
            kek: vec![KeyEncryptionKey { id: "2026-11".to_owned(), key: RestKey::new(secret(user, 4)) }],
        },
        release: release(),
        handlers: vec![Box::new(Notes(contract()))],
        entropy: Box::new(SystemEntropy),
        limits: nhipcau_messaging::engine::Limits::default(),
        is_put_back: false,
    }
}

fn release() -> Arc<Release> {
    let (now, year) = (Timestamp::now(), SignedDuration::from_hours(24 * 365));
    let long = Validity { start: now - year, expire: Some(now + year) };
    let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
    let ids = ["root-0", "root-1", "root-2"].map(key_id);
    let pairs = [1, 2, 3].map(|n| Ed25519KeyPair::from_seed_unchecked(&[n; 32]).unwrap());
    let signers: Vec<Signer> = ids
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
    let purpose = Purpose::new("protection").unwrap();
    let mut builder = authoring::ReleaseBuilder::new(&root, now - year, now + year).contract(&contract(), 1);
    for user in [MOHA, VWU] {
        let (party_id, access_point) = (party(user), id(user));
        let signing = SigningKey::from_seed(key_id("s-1"), &secret(user, 1)).unwrap().public();
        builder = builder
            .party(&party_id, ("Bên", "Party"), long)
            .access_point(&access_point, &party_id, &[&party_id])
            .signing_key(&access_point, &key_id("s-1"), signing, long)
            .sealing_key(&access_point, &key_id("e-1"), seal::public_key(&secret(user, 2)).unwrap(), long)
            .host(&party_id, None, &access_point, &[&contract()]);
        for other in [MOHA, VWU] {
            builder = builder.agreement(&party_id, &contract(), &party(other), &purpose, long);
        }
    }
    let signed = builder.signed(&[(&ids[0], &pairs[0]), (&ids[2], &pairs[2])]);
    Arc::new(Release::verify(&signed, &root, None).unwrap())
}

/// A message whose request id is its body.
fn draft(from: User, to: User, body: &str) -> Draft {
    let address = |user| Address { party: party(user), unit: None };
    let recipient: AccessPointId = id(to);
    Draft {
        header: Header {
            message: "nhipcau.referral.v1.ReferralEvent".to_owned(),
            contract: contract(),
            contract_minor: 0,
            sender: address(from),
            recipient: Some(address(to)),
            purpose: Purpose::new("protection").unwrap(),
            legal_basis: String::new(),
            correlation: Some([7; 16]),
            kind: String::new(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        },
        recipient: Recipient::One(recipient),
        lane: Lane::Messages,
        parts: vec![body.as_bytes().to_vec()],
        cause: Cause::Request { system: SystemId::new("desk").unwrap(), request_id: body.to_owned() },
        ordinal: 0,
    }
}
