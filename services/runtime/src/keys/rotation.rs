//! Sealing epochs in motion: the next one made and announced in time, the old ones destroyed when nothing can come any
//! more that was sealed to them.
//!
//! A private half is on the disk before the bulletin that announces it is signed, and goes 30 days after its epoch has
//! ended, never earlier, after the bulletin that no longer lists it is on the disk. One process at a time does this;
//! whatever cuts it short leaves a key that nobody knows, or one that goes the next time, because what is to go is
//! written down before the bulletin. What the access point can no longer open, because an older copy of the keys was
//! put back, it announces no more. Leaves out signing keys, which only a release changes.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use nhipcau_domain::{
    directory::{AccessPoint, LONGEST_EPOCH, SEALING_KEYS, authoring},
    id::{AccessPointId, KeyId},
};
use nhipcau_messaging::{
    Entropy,
    crypto::{KeyError, seal},
};

use super::{Error, add_sealing_key, sealing, signing};
use crate::{config, directory, private_file};

/// How long before the end of an epoch the next one is announced.
pub const AHEAD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long after its end the private half of an epoch is kept: what was sealed to it may still be under way.
pub const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long an epoch lasts where nothing else is said.
pub const EPOCH: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Names the private halves that are to go, beside the keys.
const DOOMED: &str = "sealing.doomed";

/// Why no epoch was made. What was announced before stays.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// A key file cannot be used.
    #[error("a key file")]
    Keys(#[from] Error),
    /// The directory cannot be used.
    #[error("the directory")]
    Directory(#[from] directory::Error),
    /// The lock, or a key that should be destroyed.
    #[error("the directory of the keys")]
    Io(#[from] io::Error),
    /// The release does not list the signing key, or it is revoked.
    #[error("the signing key {0} is not in force in the directory; a bulletin under it would be refused")]
    NotInForce(KeyId),
    /// There are as many epochs as a bulletin may list.
    #[error("there are {SEALING_KEYS} epochs that may still be needed; one goes when it has ended 30 days ago")]
    Full,
    /// The own bulletin would be refused.
    #[error("the bulletin would be refused")]
    Refused(#[from] nhipcau_domain::directory::Error),
    /// A key cannot be used.
    #[error("a key cannot be used")]
    Key(#[from] KeyError),
}

/// Why it is looked whether an epoch is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Time has passed: the next epoch begins where the present one ends.
    Schedule,
    /// An operator says so: it begins now.
    Command,
}

/// A sealing epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Its key.
    pub id: KeyId,
    /// From when on others seal to it.
    pub start: Timestamp,
    /// Until when, unless there is none after it.
    pub expire: Timestamp,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotated {
    /// The new epoch.
    pub made: Option<Epoch>,
    /// Keys whose private halves are no more.
    pub destroyed: Vec<KeyId>,
    /// The bulletin that says so, where something changed.
    pub bulletin: Option<u64>,
}

struct Known {
    id: KeyId,
    public: [u8; 32],
    start: Timestamp,
    expire: Timestamp,
    is_revoked: bool,
}

/// Makes, announces and destroys what is due.
///
/// # Errors
/// [`RotationError`]; nothing was announced.
///
/// A private half that could not be destroyed after the bulletin stays for the next time, which fails if it cannot be
/// destroyed then either.
pub fn rotate(
    access_point: &AccessPointId,
    keys: &Path,
    place: &config::Directory,
    (occasion, length): (Occasion, SignedDuration),
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<Rotated, RotationError> {
    let mut open = OpenOptions::new();
    let lock = open.create(true).truncate(false).write(true).mode(0o600).open(keys.join("rotation.lock"))?;
    lock.lock()?;
    let release = directory::load(place, now, true)?;
    let signing = signing(keys)?;
    let not_in_force = || RotationError::NotInForce(signing.id().clone());
    let me = release.access_point(access_point).ok_or_else(not_in_force)?;
    let in_force = me.signing_keys().find(|key| key.id == *signing.id() && key.public == signing.public());
    in_force.filter(|key| key.revoked.is_none()).ok_or_else(not_in_force)?;

    let lists = |id: &KeyId| me.sealing_keys().any(|key| key.id == *id);
    let mut rotated = Rotated { destroyed: destroy(keys, lists)?, ..Rotated::default() };
    let mut epochs = held(me, keys)?;
    let nexts = epochs.iter().skip(1).map(|next| next.start);
    let over = epochs.iter().zip(nexts).filter(|(epoch, next)| is_over(epoch, *next, now));
    let gone: Vec<KeyId> = over.map(|(epoch, _)| epoch.id.clone()).collect();
    epochs.retain(|epoch| !gone.contains(&epoch.id));
    if let Some((start, expire)) = due(&epochs, occasion, length.min(LONGEST_EPOCH), now) {
        if epochs.len() >= SEALING_KEYS {
            return Err(RotationError::Full);
        }
        let id = name(now, entropy)?;
        let public = add_sealing_key(keys, &id, entropy)?;
        for before in epochs.iter_mut().filter(|epoch| epoch.start < start) {
            before.expire = before.expire.min(start);
        }
        rotated.made = Some(Epoch { id: id.clone(), start, expire });
        epochs.push(Known { id, public, start, expire, is_revoked: false });
    }
    let announced = me.bulletin();
    let is_announced = announced.is_some_and(|bulletin| {
        let listed = bulletin.sealing_keys();
        bulletin.signer() == signing.id()
            && listed.len() == epochs.len()
            && listed.iter().all(|key| epochs.iter().any(|epoch| epoch.id == key.id))
    });
    // Without a bulletin and with nothing new the release says it all.
    if is_announced || (announced.is_none() && rotated.made.is_none()) {
        return Ok(rotated);
    }
    let by_clock = u64::try_from(now.as_second()).unwrap_or_default();
    let draft = authoring::BulletinDraft {
        party: me.operator.clone(),
        access_point: access_point.clone(),
        // Higher than any before, also when those are lost.
        version: announced.map_or(1, |bulletin| bulletin.version().saturating_add(1)).max(by_clock),
        issue: now,
        signing_key: signing.id().clone(),
        sealing_keys: epochs.into_iter().map(|epoch| (epoch.id, epoch.public, (epoch.start, epoch.expire))).collect(),
    };
    let bytes = authoring::bulletin(release.root().programme(), &draft, |kind, bytes| signing.sign(kind, &[bytes]));
    if let Err(error) = release.announce(&bytes) {
        if let Some(made) = &rotated.made {
            // Nobody will ever seal to it. If it stays, it is in nobody's way.
            drop(fs::remove_file(keys.join("sealing").join(format!("{}.key", made.id))));
        }
        return Err(error.into());
    }
    if !gone.is_empty() {
        let names: Vec<&str> = gone.iter().map(KeyId::as_str).collect();
        private_file::create(&keys.join(DOOMED), names.join("\n").as_bytes()).map_err(io::Error::other)?;
    }
    directory::keep_bulletin(place, &release, access_point, &bytes)?;
    rotated.bulletin = Some(draft.version);
    // What fails here is told at the next look, which does it again. The bulletin stands.
    rotated.destroyed.extend(destroy(keys, |id| !gone.contains(id)).unwrap_or_default());
    Ok(rotated)
}

/// Destroys the private halves that a rotation has written down, where the directory no longer lists them.
fn destroy(keys: &Path, is_listed: impl Fn(&KeyId) -> bool) -> Result<Vec<KeyId>, RotationError> {
    let list = keys.join(DOOMED);
    let names = match fs::read_to_string(&list) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut destroyed = Vec::new();
    for id in names.lines().filter_map(|name| name.parse::<KeyId>().ok()).filter(|id| !is_listed(id)) {
        let path = keys.join("sealing").join(format!("{id}.key"));
        match private_file::destroy(&path) {
            Ok(()) => destroyed.push(id),
            Err(private_file::Error::Write(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(private_file::Error::Write(error)) => return Err(error.into()),
            Err(source) => return Err(super::Error::File { path, source }.into()),
        }
    }
    fs::remove_file(&list)?;
    private_file::sync_parent(&list)?;
    Ok(destroyed)
}

/// The epochs that the directory names and whose private halves are here, the oldest first.
fn held(me: &AccessPoint, keys: &Path) -> Result<Vec<Known>, RotationError> {
    let mut publics = Vec::new();
    for secret in sealing(keys)? {
        publics.push((secret.id.clone(), seal::public_key(&secret.private)?));
    }
    let mut held: Vec<Known> = me
        .sealing_keys()
        .filter(|key| publics.iter().any(|(id, public)| *id == key.id && *public == key.public))
        .map(|key| Known {
            id: key.id.clone(),
            public: key.public,
            start: key.start,
            expire: key.expire,
            is_revoked: key.revoked.is_some(),
        })
        .collect();
    held.reverse();
    Ok(held)
}

/// Whether nothing can come any more that was sealed to this epoch: it was used until the one after it began.
fn is_over(epoch: &Known, next: Timestamp, now: Timestamp) -> bool {
    now.duration_since(epoch.expire.max(next)) >= KEPT
}

/// From when until when the next epoch lasts, if one is due.
fn due(epochs: &[Known], occasion: Occasion, length: SignedDuration, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let usable = || epochs.iter().filter(|epoch| !epoch.is_revoked);
    let has_begun = usable().any(|epoch| epoch.start <= now);
    let announced = usable().map(|epoch| epoch.start).filter(|start| *start > now).min();
    let last = usable().max_by_key(|epoch| epoch.start).filter(|_| has_begun);
    let start = match (occasion, last) {
        (Occasion::Schedule, Some(last)) => {
            let end = last.expire.min(last.start + length);
            if end.duration_since(now) > AHEAD {
                return None;
            }
            end.max(now)
        }
        (Occasion::Command, _) | (_, None) => now,
    };
    let end = start + length;
    Some((start, announced.filter(|announced| *announced > start).map_or(end, |announced| announced.min(end))))
}

/// A name that no epoch ever had: an older copy of the keys may have been put back.
fn name(now: Timestamp, entropy: &mut dyn Entropy) -> Result<KeyId, RotationError> {
    let mut bytes = [0; 4];
    entropy.fill(&mut bytes);
    let today = TimeZone::UTC.to_datetime(now).date();
    let name = format!("e-{today}-{}", hex::encode(bytes)).parse::<KeyId>();
    name.map_err(|error| RotationError::Io(io::Error::other(error)))
}
