//! As much of a browser as the duty page needs.

use std::sync::Arc;

use anyhow::Result;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::world::World;

/// What a form is sent as.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Somebody's browser.
pub struct Browser {
    address: String,
    tls: TlsConnector,
    cookies: Vec<String>,
}

impl Browser {
    /// One that trusts whom the systems of the world trust.
    ///
    /// # Errors
    /// When their certificates cannot be read.
    pub fn new(world: &World, address: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(world.file("hanoi", "root_certificates")?)? {
            roots.add(certificate?)?;
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address: address.to_owned(), tls: TlsConnector::from(Arc::new(tls)), cookies: Vec::new() })
    }

    /// Head and body of the answer to what was sent as a kind. Keeps cookies.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn ask(&mut self, method: &str, path: &str, (kind, body): (&str, &[u8])) -> Result<String> {
        let stream = TcpStream::connect(&self.address).await?;
        let mut stream = self.tls.connect(ServerName::try_from("localhost")?, stream).await?;
        let (cookies, length) = (self.cookies.join("; "), body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {cookies}\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat()).await?;
        let mut answer = Vec::new();
        // Whoever has refused may hang up before all of it was sent.
        drop(stream.read_to_end(&mut answer).await);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let given = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        self.cookies.extend(given.map(str::to_owned));
        Ok(answer)
    }
}
