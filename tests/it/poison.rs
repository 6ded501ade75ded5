//! What only a client of one's own can send: headers that a client library would never write. The broker keeps them
//! as they are, and whoever pulls them must survive them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use nhipcau_messaging::{
    engine::{Input, Kind, Output},
    message::Lane,
    provision::Layout,
};
use nhipcau_tests::{
    bus::Bus,
    nats::{MOHA, Server, User, VWU},
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

/// A client that writes the protocol by hand.
struct Raw(StreamOwned<ClientConnection, TcpStream>);

impl Raw {
    fn connect(server: &Server, user: User) -> Self {
        let connection = server.connection(user).unwrap();
        let own = connection.client_certificate.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&connection.root_certificates).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots);
        let chain = vec![CertificateDer::from_pem_file(&own.certificate).unwrap()];
        let config = config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(&own.key).unwrap()).unwrap();

        let address = server.address().rsplit('/').next().unwrap();
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let info = line(&mut socket);
        let nonce = info.split("\"nonce\":\"").nth(1).unwrap().split('"').next().unwrap();
        let signature = base64url(user.key().sign(nonce.as_bytes()).as_ref());
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut raw = Self(StreamOwned::new(tls, socket));
        let (key, headers) = (user.public(), "\"headers\":true,\"no_responders\":true,\"verbose\":false");
        raw.write(&format!("CONNECT {{{headers},\"nkey\":\"{key}\",\"sig\":\"{signature}\"}}\r\n"));
        raw.settle();
        raw
    }

    fn publish(&mut self, subject: &str, headers: &str, body: &str) {
        let all = headers.len() + body.len();
        self.write(&format!("HPUB {subject} {} {all}\r\n{headers}{body}\r\n", headers.len()));
        self.settle();
    }

    fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
        self.0.flush().unwrap();
    }

    /// Waits until the server has read everything, and fails if it refused something.
    fn settle(&mut self) {
        self.write("PING\r\n");
        loop {
            let answer = line(&mut self.0);
            assert!(!answer.starts_with("-ERR"), "{answer}");
            if answer.starts_with("PONG") {
                return;
            }
        }
    }
}

fn line(from: &mut impl Read) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n") {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap();
        text.extend(byte);
    }
    String::from_utf8(text).unwrap()
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digits = (0..=chunk.len()).map(|n| DIGITS.get((bits >> (18 - 6 * n)) as usize % 64).unwrap());
        text.extend(digits.map(|digit| char::from(*digit)));
    }
    text
}

/// Takes deliveries until one has the body.
async fn receive(vwu: &mut nhipcau_tests::bus::Member, body: &str) {
    loop {
        if let Input::Delivery { kind, sender, bytes, token } = vwu.next().await.unwrap() {
            assert!(vwu.transport.outlet().offer(Output::Acknowledge { token }).is_none());
            assert_eq!((kind, sender.as_str()), (Kind::Lane(Lane::Messages), "moha"));
            if bytes == body.as_bytes() {
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_forged_in_the_headers_of_a_message_ends_nothing() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let mut vwu = bus.join(VWU).await.unwrap();
    let mut moha = Raw::connect(&bus.server, MOHA);
    for status in ["503 No Responders", "409 Consumer Deleted", "408 Request Timeout", "100 Idle Heartbeat"] {
        moha.publish("nc.v1.m.vwu.moha", &format!("NATS/1.0 {status}\r\n\r\n"), status);
        receive(&mut vwu, status).await;
    }
    assert_eq!(vwu.transport.counters().totals().connected, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_breaks_the_connection_does_not_take_along_those_that_follow_it() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let mut moha = Raw::connect(&bus.server, MOHA);
    for poison in ["GARBAGE\r\n\r\n", "NATS/9.9\r\n\r\n"] {
        moha.publish("nc.v1.m.vwu.moha", poison, "poison");
    }
    for number in 0..10 {
        moha.publish("nc.v1.m.vwu.moha", "NATS/1.0\r\nA: b\r\n\r\n", &format!("sound {number}"));
    }
    let mut vwu = bus.join(VWU).await.unwrap();
    for number in 0..10 {
        receive(&mut vwu, &format!("sound {number}")).await;
    }
    assert!(vwu.transport.counters().totals().connected > 1, "the poison broke nothing: is the pull too careful?");
}
