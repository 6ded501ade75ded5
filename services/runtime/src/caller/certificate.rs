//! The name in a client certificate: a URI among its subject alternative names, `nhipcau://PARTY/SYSTEM`.
//!
//! That the certificate is signed, in time and for a client, TLS has checked before. Other names in it mean nothing.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::{SystemName, Unidentified};

const SCHEME: &str = "nhipcau://";

pub(super) fn name(leaf: &CertificateDer<'_>) -> Result<SystemName, Unidentified> {
    let certificate = EndEntityCert::try_from(leaf).map_err(|_| Unidentified::NoName)?;
    let mut names = certificate.valid_uri_names().filter_map(|uri| uri.strip_prefix(SCHEME));
    match (names.next(), names.next()) {
        (Some(name), None) => name.parse().map_err(|_| Unidentified::NoName),
        _ => Err(Unidentified::NoName),
    }
}
