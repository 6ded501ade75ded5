//! A webhook as a way of telling people: a signed POST over TLS, as standardwebhooks.com has it.
//!
//! ```text
//! webhook-id: the id of the notice, the same at every attempt
//! webhook-timestamp: seconds since 1970 of the attempt
//! webhook-signature: v1,BASE64(HMAC-SHA-256(key, "ID.TIMESTAMP.BODY"))
//! ```
//!
//! Only an answer of 2xx counts; nothing is followed to another address. One attempt; whoever asks for it bounds it in
//! time, and tries again.

use std::{path::Path, pin::pin, sync::Arc};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{FutureExt as _, future::BoxFuture};
use http_body_util::Full;
use hyper::{Request, Uri, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Error, Notice, Notifier, SetupError};
use crate::private_file;

/// Bytes of a key.
const KEY: std::ops::RangeInclusive<usize> = 24..=64;

/// The way.
pub(super) struct Webhook {
    uri: Uri,
    host: String,
    server: ServerName<'static>,
    key: hmac::Key,
    tls: TlsConnector,
}

/// Whether a webhook may have this address.
#[must_use]
pub fn is_address(url: &str) -> bool {
    read(url).is_some()
}

fn read(url: &str) -> Option<(Uri, String, ServerName<'static>)> {
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let host = authority.host().to_owned();
    // An address of IP version 6 stands in brackets.
    let server = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).ok()?;
    (uri.scheme_str() == Some("https")).then_some((uri, host, server))
}

impl Webhook {
    /// Reads its files.
    pub(super) fn open(url: &str, secret: &Path, roots: &Path) -> Result<Self, SetupError> {
        let (uri, host, server) = read(url).ok_or(SetupError::Address)?;
        let secret = private_file::read(secret).map_err(SetupError::Secret)?;
        let text = std::str::from_utf8(&secret).ok().and_then(|text| text.trim_end().strip_prefix("whsec_"));
        let key = text.and_then(|text| STANDARD.decode(text).ok()).filter(|key| KEY.contains(&key.len()));
        let key = zeroize::Zeroizing::new(key.ok_or(SetupError::SecretForm)?);
        let certificates = CertificateDer::pem_file_iter(roots).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut store = RootCertStore::empty();
        for certificate in certificates.map_err(SetupError::Certificates)? {
            store.add(certificate)?;
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Ok(Self { uri, host, server, key, tls: TlsConnector::from(Arc::new(tls)) })
    }

    fn request(&self, notice: &Notice, at: Timestamp) -> Request<Full<Bytes>> {
        let (body, at) = (notice.body(), at.as_second());
        let signed = hmac::sign(&self.key, format!("{}.{at}.{body}", notice.id).as_bytes());
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = hyper::Method::POST;
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse().unwrap_or_default();
        let host = self.uri.authority().map_or("", |authority| authority.as_str()).to_owned();
        for (name, value) in [
            (header::HOST, host),
            (header::CONTENT_TYPE, "application/json".to_owned()),
            (header::HeaderName::from_static("webhook-id"), notice.id.to_string()),
            (header::HeaderName::from_static("webhook-timestamp"), at.to_string()),
            (header::HeaderName::from_static("webhook-signature"), format!("v1,{}", STANDARD.encode(signed))),
        ] {
            // Digits, letters of base64 and what was an address before: always a value of a header.
            request.headers_mut().extend(value.parse().ok().map(|value| (name, value)));
        }
        request
    }

    async fn post(&self, notice: &Notice, at: Timestamp) -> Result<(), Error> {
        let port = self.uri.port_u16().unwrap_or(443);
        let host = self.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, port)).await.map_err(Error::Connection)?;
        let stream = self.tls.connect(self.server.clone(), stream).await.map_err(Error::Connection)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Error::Http)?;
        let mut answer = pin!(sender.send_request(self.request(notice, at)));
        let answer = tokio::select! {
            answer = &mut answer => answer,
            // Whoever hangs up may have answered before.
            _ = connection => answer.await,
        };
        let answer = answer.map_err(Error::Http)?;
        if answer.status().is_success() { Ok(()) } else { Err(Error::Answer(answer.status().as_u16())) }
    }
}

impl Notifier for Webhook {
    fn notify<'n>(&'n self, notice: &'n Notice, at: Timestamp) -> BoxFuture<'n, Result<(), Error>> {
        self.post(notice, at).boxed()
    }
}
