//! A party without an access point of its own: it joins a sandbox that does not run yet, at one that is there, with its
//! own authority for the certificate of its calling system, as a real party has.

use std::path::PathBuf;

use jiff::Timestamp;

use super::{
    error::Error,
    homes,
    pki::{Authority, For},
    world::World,
};
use crate::directory::files;

/// Such a party.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guest {
    /// Its name.
    pub(crate) party: &'static str,
    /// Name of its calling system within the party.
    pub(crate) system: &'static str,
    /// Access point that serves it.
    pub(crate) host: &'static str,
}

impl Guest {
    /// Lets its calling system in at its host. That it is a party the directory has to say.
    ///
    /// # Errors
    /// [`Error`]; the sandbox is then of no use.
    pub(crate) fn join(self, world: &World) -> Result<(), Error> {
        let host = world.access_point(self.host)?;
        let system = world.path(self.directory());
        let authority = Authority::new(self.party, &world.path("pki"), Timestamp::now())?;
        authority.issue(&For::System(&self.name()), &system.join("cert.pem"), &system.join("key.pem"))?;
        let append = |path: PathBuf, more: &str| files::write(&path, files::read_text(&path)? + more);
        let certificate = files::read_text(&world.path(format!("pki/{}.pem", self.party)))?;
        append(world.path(&host.home).join("tls/clients.pem"), &certificate)?;
        files::write(&system.join("ca.pem"), files::read(&world.path(&host.root_certificates))?)?;
        append(world.path(&host.config), &homes::allowed(&self.name()))?;
        Ok(files::write(&self.profile(world), homes::profile(&self.name(), self.host, world.endpoints())?)?)
    }

    /// Profile of its calling system.
    pub(crate) fn profile(self, world: &World) -> PathBuf {
        world.path(self.directory()).join("profile.toml")
    }

    fn name(self) -> String {
        format!("{}/{}", self.party, self.system)
    }

    fn directory(self) -> PathBuf {
        PathBuf::from("systems").join(format!("{}-{}", self.party, self.system))
    }
}
