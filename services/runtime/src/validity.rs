//! From when until when certificates are good, for whoever has to renew them in time.
//!
//! Reads times only and trusts nothing: whether a certificate is signed and for whom it is, TLS checks.

use std::path::Path;

use jiff::Timestamp;
use rustls::pki_types::{
    CertificateDer,
    pem::{self, PemObject as _},
};
use x509_cert::{
    Certificate,
    der::{self, Decode as _},
    time::Time,
};

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("it cannot be read as PEM")]
    Pem(#[from] pem::Error),
    /// What it holds is not a certificate.
    #[error("it holds something else than certificates")]
    Certificate(#[from] der::Error),
}

/// From when until when a certificate is good, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First instant.
    pub start: Timestamp,
    /// Last instant.
    pub end: Timestamp,
}

/// The validity of every certificate of a PEM file, in its order.
///
/// # Errors
/// [`Error`] at the first that cannot be read.
pub fn of_file(path: &Path) -> Result<Vec<Validity>, Error> {
    CertificateDer::pem_file_iter(path)?.map(|certificate| of(&certificate?)).collect()
}

/// The validity of one certificate, DER.
pub(crate) fn of(certificate: &[u8]) -> Result<Validity, Error> {
    let validity = Certificate::from_der(certificate)?.tbs_certificate.validity;
    // The last hours of the year 9999, by which RFC 5280 (4.1.2.5) says "no end", are beyond what a timestamp can tell.
    let at = |time: Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
    };
    Ok(Validity { start: at(validity.not_before), end: at(validity.not_after) })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: i32, until: i32) -> String {
        let mut params = CertificateParams::default();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 2, 3));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn every_certificate_of_a_file_says_until_when_it_is_good() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("chain.pem");
        // From 2050 on the time is written in another form.
        fs::write(&path, certificate(2026, 2031) + &certificate(2020, 2060)).unwrap();
        let times: Vec<_> =
            of_file(&path).unwrap().iter().map(|it| [it.start, it.end].map(|at| at.to_string())).collect();
        assert_eq!(
            times,
            [["2026-01-01T00:00:00Z", "2031-02-03T00:00:00Z"], ["2020-01-01T00:00:00Z", "2060-02-03T00:00:00Z"]]
        );
    }

    #[test]
    fn a_certificate_without_an_end_ends_when_time_does() {
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(9999, 12, 31);
        let endless = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(of(endless.der()).unwrap().end, Timestamp::MAX);
    }

    #[test]
    fn what_is_no_certificate_is_said_to_be_none() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("key.pem");
        assert!(matches!(of_file(&path), Err(Error::Pem(_))));
        fs::write(&path, "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n").unwrap();
        assert!(matches!(of_file(&path), Err(Error::Certificate(_))));
        let whole = rustls::pki_types::CertificateDer::from_pem_slice(certificate(2026, 2031).as_bytes()).unwrap();
        assert!((0..whole.len()).all(|length| of(&whole[..length]).is_err()));
    }
}
