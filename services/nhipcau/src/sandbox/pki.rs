//! The certificates of the sandbox: an authority for the bus (broker, access points, operator) and one for calling
//! systems and the doors they call at. Two, because a calling system must not be able to connect to the broker.

use std::path::Path;

use jiff::{Timestamp, tz::Offset};
use nhipcau_runtime::private_file;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose as Purpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};

use super::error::Error;
use crate::directory::files;

/// How many years certificates are good for: a sandbox is kept, and there is nobody who renews.
const YEARS: i16 = 5;

/// Whom a certificate is for.
pub(super) enum For<'a> {
    /// A server on this machine.
    Server,
    /// An access point or operator at the broker.
    Bus(&'a str),
    /// A calling system, `party/system`.
    System(&'a str),
}

/// An authority that signs certificates.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    from: Timestamp,
}

impl Authority {
    /// Makes an authority and writes `NAME.pem` and `NAME.key`.
    pub(super) fn new(name: &str, directory: &Path, from: Timestamp) -> Result<Self, Error> {
        let mut params = params(&format!("Nhip Cau sandbox {name}"), from)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let authority = Self { issuer, from };
        authority.write_certificate(&directory.join(format!("{name}.pem")))?;
        write_secret(&directory.join(format!("{name}.key")), authority.issuer.key().serialize_pem().as_bytes())?;
        Ok(authority)
    }

    /// Writes the authority's own certificate, for those who trust it.
    pub(super) fn write_certificate(&self, path: &Path) -> Result<(), Error> {
        Ok(files::write(path, self.issuer.pem())?)
    }

    /// Issues a certificate and writes it with its key.
    pub(super) fn issue(&self, whom: &For<'_>, certificate: &Path, key: &Path) -> Result<(), Error> {
        let (name, names, purpose) = match whom {
            For::Server => {
                let names = vec![
                    SanType::DnsName("localhost".try_into()?),
                    SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()),
                ];
                ("localhost", names, Purpose::ServerAuth)
            }
            For::Bus(name) => (*name, vec![SanType::DnsName((*name).try_into()?)], Purpose::ClientAuth),
            For::System(name) => {
                (*name, vec![SanType::URI(format!("nhipcau://{name}").try_into()?)], Purpose::ClientAuth)
            }
        };
        let mut params = params(name, self.from)?;
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        let pair = KeyPair::generate()?;
        files::write(certificate, params.signed_by(&pair, &self.issuer)?.pem())?;
        write_secret(key, pair.serialize_pem().as_bytes())
    }
}

/// Writes a secret that its owner alone can read.
pub(super) fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |source| Error::Secret { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        files::create_directory(parent)?;
    }
    private_file::create(path, bytes).map_err(failed)
}

fn params(name: &str, from: Timestamp) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let day = Offset::UTC.to_datetime(from).date().yesterday().map_err(Error::Time)?;
    let number = |value: i8| u8::try_from(value).unwrap_or(1);
    // The first of the month, because the last day of a February is not there every year.
    params.not_before = date_time_ymd(day.year().into(), number(day.month()), number(day.day()));
    params.not_after = date_time_ymd((day.year() + YEARS).into(), number(day.month()), 1);
    Ok(params)
}
