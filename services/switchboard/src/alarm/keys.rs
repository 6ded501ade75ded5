//! The alarm keys of the parties whose devices are heard here: read once and kept in memory, and one made when a party
//! registers its first device.
//!
//! Where a party has devices and no key is there, none is made: whoever lost the file would not notice, and every
//! device that was made with it would call in vain.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{Timestamp, tz::TimeZone};
use nhipcau_domain::{
    alarm::AlarmKey,
    id::{KeyId, PartyId},
};
use nhipcau_messaging::SystemEntropy;
use nhipcau_runtime::keys::{self, Error};

/// The alarm keys of a party, in the order of their names.
#[derive(Debug, Default)]
pub(crate) struct PartyKeys {
    names: Vec<KeyId>,
    keys: Vec<AlarmKey>,
}

impl PartyKeys {
    /// All of them.
    pub(crate) fn all(&self) -> &[AlarmKey] {
        &self.keys
    }

    /// The one for new devices, and its name.
    pub(crate) fn newest(&self) -> Option<(&KeyId, &AlarmKey)> {
        self.names.last().zip(self.keys.last())
    }

    /// The one of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&AlarmKey> {
        let mut both = self.names.iter().zip(&self.keys);
        both.find(|(known, _)| known.as_str() == name).map(|(_, key)| key)
    }
}

/// Where alarm keys are, and those that were read.
pub(crate) struct Keys {
    directory: PathBuf,
    read: Mutex<BTreeMap<PartyId, Arc<PartyKeys>>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Those below the directory of an access point's keys.
    pub(crate) fn below(directory: PathBuf) -> Self {
        Self { directory, read: Mutex::default() }
    }

    /// Those of a party, as they were read first; none where it has none.
    pub(crate) fn of(&self, party: &PartyId) -> Result<Arc<PartyKeys>, Error> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(party) {
            return Ok(Arc::clone(known));
        }
        self.again(party, &mut read)
    }

    /// Those of a party as they are on the disk now.
    pub(crate) fn read_again(&self, party: &PartyId) -> Result<Arc<PartyKeys>, Error> {
        self.again(party, &mut self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Those of a party as they are on the disk, for a device that is registered; one is made where there is none and
    /// none is missing.
    pub(crate) fn for_new(&self, party: &PartyId, has_devices: bool, now: Timestamp) -> Result<Arc<PartyKeys>, Error> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.again(party, &mut read)?;
        if known.newest().is_some() || has_devices {
            return Ok(known);
        }
        let today = format!("a-{}", TimeZone::UTC.to_datetime(now).date());
        if let Ok(id) = KeyId::new(&today) {
            keys::add_alarm_key(&self.directory, party, &id, &mut SystemEntropy)?;
            tracing::warn!(%party, key = %id, "The first alarm key of a party was made; keep a copy with the other keys.");
        }
        self.again(party, &mut read)
    }

    fn again(&self, party: &PartyId, read: &mut BTreeMap<PartyId, Arc<PartyKeys>>) -> Result<Arc<PartyKeys>, Error> {
        let (names, keys) = keys::alarm_keys(&self.directory, party)?.into_iter().unzip();
        let found = Arc::new(PartyKeys { names, keys });
        // Whoever has none may be given one at any time.
        if found.newest().is_some() {
            read.insert(party.clone(), Arc::clone(&found));
        }
        Ok(found)
    }
}
