//! Reads access points and their keys. A key has one owner, one use and one id for ever, and a revoked key stays
//! revoked whatever a later release says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use jiff::Timestamp;
use nhipcau_proto::directory::v1 as pb;

use super::Reader;
use crate::directory::key::{AccessPoint, Key};
use crate::directory::participant::Former;
use crate::directory::read;
use crate::directory::release::Release;
use crate::directory::violation::{Problem, Violations};
use crate::id::{AccessPointId, KeyId};

impl Reader<'_> {
    pub(super) fn access_points(&mut self, wire: &[pb::AccessPoint]) {
        for (i, entry) in wire.iter().enumerate() {
            let path = format_args!("access_points[{i}]");
            let id: Option<AccessPointId> =
                read::id(&entry.access_point, self.found, format_args!("{path}.access_point"));
            let operator = self.party(&entry.operator_party, format_args!("{path}.operator_party"));
            let mut parties = BTreeSet::new();
            for (j, party) in entry.parties.iter().enumerate() {
                parties.extend(self.party(party, format_args!("{path}.parties[{j}]")));
            }
            let mut ids = BTreeSet::new();
            let signing = self.keys(&entry.signing_keys, &mut ids, format_args!("{path}.signing_keys"));
            let mut sealing: Vec<_> = self.keys(&entry.sealing_keys, &mut ids, format_args!("{path}.sealing_keys"));
            sealing.sort_by(|a, b| (b.start, &b.id).cmp(&(a.start, &a.id)));
            let (Some(id), Some(operator)) = (id, operator) else {
                continue;
            };
            let mut access_point = AccessPoint {
                id: id.clone(),
                operator,
                parties,
                withdrawn: signing.iter().filter(|k| k.revoked.is_some()).map(|k| k.id.clone()).collect(),
                signing: signing.into_iter().map(|key| (key.id.clone(), key)).collect::<BTreeMap<_, _>>(),
                sealing,
                bulletin: None,
            };
            if let Some(before) = self.known.former.get(&id) {
                carry_over(before, &mut access_point, self.found, path);
            }
            let repeated = self.known.access_points.insert(id, access_point).is_some();
            self.found.require(!repeated, Problem::Repeated, format_args!("{path}.access_point"));
        }
    }

    fn keys<Use>(&mut self, wire: &[pb::Key], ids: &mut BTreeSet<KeyId>, path: Arguments<'_>) -> Vec<Key<Use>> {
        let mut keys = Vec::with_capacity(wire.len());
        for (i, entry) in wire.iter().enumerate() {
            let path = format_args!("{path}[{i}]");
            let Some(key) = self.key(entry, path) else {
                continue;
            };
            let fresh = ids.insert(key.id.clone());
            self.found.require(fresh, Problem::Repeated, format_args!("{path}.key_id"));
            keys.push(key);
        }
        keys
    }

    fn key<Use>(&mut self, wire: &pb::Key, path: Arguments<'_>) -> Option<Key<Use>> {
        let id = read::id(&wire.key_id, self.found, format_args!("{path}.key_id"));
        let public = self.public(&wire.public_key, format_args!("{path}.public_key"));
        let start = read::time(wire.start_time.as_ref(), self.found, format_args!("{path}.start_time"));
        let expire = read::time(wire.expire_time.as_ref(), self.found, format_args!("{path}.expire_time"));
        let revoke = wire.revoke_time.as_ref();
        let revoked = read::optional_time(revoke, self.found, format_args!("{path}.revoke_time"));
        let (start, expire) = (start?, expire?);
        self.found.require(start < expire, Problem::EndsBeforeStart, path);
        self.not_after_expiry(start, path);
        let outlives_release = self.expire.is_some_and(|release| release <= expire);
        Some(Key::new(id?, public?, (start, expire, revoked), outlives_release))
    }
}

/// Every key that was listed before, also by a release that is not the last: a key that was left out for a while is the
/// same when it comes again.
pub(super) fn former(current: Option<&Release>) -> Former {
    let Some(current) = current else { return Former::default() };
    let mut former = current.participants.former.clone();
    for point in current.access_points() {
        // A bulletin keeps no release from coming: what does not fit beside it goes.
        let facts = point.listed_facts().map(|(id, public, revoked)| (id.clone(), (*public, revoked)));
        former.entry(point.id.clone()).or_default().extend(facts);
    }
    former
}

fn carry_over(
    before: &BTreeMap<KeyId, ([u8; 32], Option<Timestamp>)>,
    to: &mut AccessPoint,
    found: &mut Violations,
    path: Arguments<'_>,
) {
    for (id, (public, revoked)) in before {
        let reused = to.listed_facts().any(|(other, other_public, _)| other == id && other_public != public);
        found.require(!reused, Problem::Reused, path);
        if let Some(revoked) = revoked {
            to.revoke(id, *revoked);
        }
    }
}
