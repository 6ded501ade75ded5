//! The home of an access point and of its calling system: keys, certificates, configuration, profile.
//!
//! What a real party makes by `nhipcau keys` and by its own authority. Paths are those of the final home, because a
//! sandbox is made beside it and moved there.

use std::path::Path;

use jiff::Timestamp;
use nhipcau_messaging::Entropy;
use nhipcau_runtime::keys;

use super::{
    endpoints::{Endpoints, address},
    error::Error,
    pki::{Authority, For, write_secret},
    plan::{Member, ROLES},
    programme::KEY_IDS,
};
use crate::directory::{self, files};

/// Makes the keys of an access point.
pub(super) fn make_keys(home: &Path, now: Timestamp, entropy: &mut dyn Entropy) -> Result<keys::Public, Error> {
    let id = |text: &str| text.parse().map_err(|_| directory::Error::SignerForm);
    let [signing, sealing] = KEY_IDS;
    // Key-encryption keys sort by name; the next month's comes behind this one.
    let month = now.strftime("%Y-%m").to_string();
    let ids = [&id(signing)?, &id(sealing)?, &id(&month)?];
    Ok(keys::generate(&home.join("keys"), &home.join("kek"), ids, entropy)?)
}

/// Issues the certificates of an access point and of its calling system, and writes the broker's login.
pub(super) fn issue(
    root: &Path,
    member: Member,
    login: &str,
    bus: &Authority,
    systems: &Authority,
) -> Result<(), Error> {
    let tls = root.join(member.name).join("tls");
    systems.issue(&For::Server, &tls.join("server.pem"), &tls.join("server.key"))?;
    systems.write_certificate(&tls.join("clients.pem"))?;
    bus.issue(&For::Bus(member.name), &tls.join("broker.pem"), &tls.join("broker.key"))?;
    bus.write_certificate(&tls.join("broker-ca.pem"))?;
    write_secret(&tls.join("broker.nk"), login.as_bytes())?;

    let system = root.join(member.system_directory());
    systems.issue(&For::System(&member.system_name()), &system.join("cert.pem"), &system.join("key.pem"))?;
    systems.write_certificate(&system.join("ca.pem"))
}

/// Writes the configuration of an access point and the profile of its calling system.
pub(super) fn configure(root: &Path, member: Member, endpoints: &Endpoints) -> Result<(), Error> {
    let Some(access_point) = endpoints.access_points.get(member.name) else { return Err(Error::NoSuchMember) };
    files::write(&root.join(&access_point.config), configuration(member, endpoints))?;
    Ok(files::write(&root.join(&access_point.profile), profile(&member.system_name(), member.name, endpoints)?)?)
}

/// The profile of a calling system at an access point.
pub(super) fn profile(system: &str, name: &str, endpoints: &Endpoints) -> Result<String, Error> {
    let Some(access_point) = endpoints.access_points.get(name) else { return Err(Error::NoSuchMember) };
    Ok(format!(
        "# Calls the access point `{name}` as {system}.\nendpoint = \"{endpoint}\"\nauthority = \"localhost\"\n\
         certificate = \"cert.pem\"\nkey = \"key.pem\"\nroot_certificates = \"ca.pem\"\n\n\
         [directory]\npath = \"../../{name}/directory\"\nfingerprint = \"{fingerprint}\"\n",
        endpoint = access_point.grpc,
        fingerprint = endpoints.fingerprint,
    ))
}

/// What a configuration says of a calling system.
pub(super) fn allowed(system: &str) -> String {
    let roles: Vec<String> = ROLES.iter().map(|role| format!("\"{role}\"")).collect();
    format!("\n[systems.\"{system}\"]\nroles = [{}]\n", roles.join(", "))
}

fn configuration(member: Member, endpoints: &Endpoints) -> String {
    let (grpc, metrics) = endpoints
        .access_points
        .get(member.name)
        .map(|it| (address(&it.grpc), address(&it.metrics)))
        .unwrap_or_default();
    format!(
        "# The access point `{name}` of a sandbox. `nhipcau serve --print-config` shows every key.\n\
         [access_point]\nname = \"{name}\"\nhome = \"{home}\"\n\n\
         [directory]\nfingerprint = \"{fingerprint}\"\n\n\
         [broker]\nservers = [\"{broker}\"]\nroot_certificates = \"tls/broker-ca.pem\"\n\
         certificate = \"tls/broker.pem\"\nkey = \"tls/broker.key\"\nnkey = \"tls/broker.nk\"\n\n\
         [server]\nlisten = \"{grpc}\"\n\n[metrics]\nlisten = \"{metrics}\"\n\n[telemetry]\nformat = \"text\"\n\n\
         # One person plays every part here; in production a system has the roles that it needs.{allowed}",
        name = member.name,
        home = endpoints.home.join(member.name).display(),
        fingerprint = endpoints.fingerprint,
        broker = endpoints.broker.address,
        allowed = allowed(&member.system_name()),
    )
}
