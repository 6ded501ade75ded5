//! TLS of the door: version 1.3 only, one cryptographic library, a client certificate always.
//!
//! Whoever shows no certificate of the configured authorities does not get past the handshake. Which system a
//! certificate stands for, and what it may do, is asked afterwards. Files are read at the start and when they are
//! renewed; a chain that is not good today is not taken as a renewed one.

use std::{path::Path, sync::Arc};

use jiff::Timestamp;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    server::{VerifierBuilderError, WebPkiClientVerifier},
    version::TLS13,
};

use crate::{
    config, private_file,
    validity::{self, Validity},
};

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of certificates cannot be read.
    #[error("a file of certificates could not be read")]
    Certificates(#[source] pem::Error),
    /// The key cannot be read, or others may read it.
    #[error("the key of the server could not be read")]
    Key(#[from] private_file::Error),
    /// The key file holds no key.
    #[error("the key file of the server holds no key")]
    KeyForm(#[source] pem::Error),
    /// When a certificate ends is not known.
    #[error("the certificate of the server cannot be read")]
    Validity(#[from] validity::Error),
    /// A certificate of the chain has expired, or is not good yet.
    #[error("the certificate of the server is not good now")]
    NotGoodNow,
    /// Certificate and key do not fit, or an authority is none.
    #[error("certificate, key and authorities do not make a server")]
    Rustls(#[from] rustls::Error),
    /// There is no authority.
    #[error("no authority for client certificates is given")]
    Authorities(#[from] VerifierBuilderError),
}

/// What the files hold.
#[derive(PartialEq, Eq)]
pub(super) struct Files {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    pub(super) authorities: Vec<CertificateDer<'static>>,
}

pub(super) fn read(files: &config::Server) -> Result<Files, Error> {
    Ok(Files {
        chain: certificates(&files.certificate)?,
        key: PrivateKeyDer::from_pem_slice(&private_file::read(&files.key)?).map_err(Error::KeyForm)?,
        authorities: certificates(&files.client_authorities)?,
    })
}

impl Files {
    /// Whether the chain is good now, all of it.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), Error> {
        for certificate in &self.chain {
            let Validity { start, end } = validity::of(certificate)?;
            if now < start || end <= now {
                return Err(Error::NotGoodNow);
            }
        }
        Ok(())
    }
}

pub(super) fn config(files: &Files) -> Result<Arc<ServerConfig>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut authorities = RootCertStore::empty();
    for authority in &files.authorities {
        authorities.add(authority.clone())?;
    }
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(&provider)).build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(clients)
        .with_single_cert(files.chain.clone(), files.key.clone_key())?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = || -> Result<_, pem::Error> { CertificateDer::pem_file_iter(path)?.collect() };
    read().map_err(Error::Certificates)
}
