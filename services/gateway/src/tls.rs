//! TLS of the duty page: version 1.3 only and one cryptographic library, as at the door of calling systems. Browsers
//! show no certificate.
//!
//! Files are read at the start and when they are renewed; what cannot be used is not taken, and what is in use stays.

use std::sync::{Arc, PoisonError, RwLock};

use nhipcau_runtime::{config, private_file};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    version::TLS13,
};
use tokio_rustls::TlsAcceptor;

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate chain cannot be read.
    #[error("the certificate of the duty page could not be read")]
    Certificate(#[source] pem::Error),
    /// The key cannot be read, or others may read it.
    #[error("the key of the duty page could not be read")]
    Key(#[from] private_file::Error),
    /// The key file holds no key.
    #[error("the key file of the duty page holds no key")]
    KeyForm(#[source] pem::Error),
    /// Certificate and key do not fit.
    #[error("certificate and key of the duty page do not make a server")]
    Rustls(#[from] rustls::Error),
}

/// The certificate in use, from the next handshake on. Cheap to clone.
#[derive(Clone)]
pub struct Renewal(Arc<RwLock<TlsAcceptor>>);

impl Renewal {
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn read(config: &config::DutyPage) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(RwLock::new(acceptor(config)?))))
    }

    /// Reads the files again and takes them into use.
    ///
    /// # Errors
    /// [`TlsError`]: what is in use stays.
    pub fn renew(&self, config: &config::DutyPage) -> Result<(), TlsError> {
        let renewed = acceptor(config)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn acceptor(config: &config::DutyPage) -> Result<TlsAcceptor, TlsError> {
    let read = || -> Result<Vec<_>, pem::Error> { CertificateDer::pem_file_iter(&config.certificate)?.collect() };
    let chain = read().map_err(TlsError::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&private_file::read(&config.key)?).map_err(TlsError::KeyForm)?;
    let mut tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}
