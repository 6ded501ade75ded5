//! From bytes to a roster: the signature first, then everything that is wrong with the content at once.

use std::collections::BTreeSet;
use std::fmt::Arguments;

use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use super::error::Error;
use super::roster::{MINUTE, Person, Roster, Shift};
use crate::directory::{Problem, ROSTER, Release, Violations, is_signature, read};
use crate::id::{AccessPointId, KeyId, is_label};
use crate::pae::{pae, sha256};
use crate::referral::{PersonRef, Personal, UnitRef};

/// Largest signed roster in bytes.
pub const MAX_ROSTER_BYTES: usize = 256 << 10;
/// Most shifts in a roster.
pub const SHIFTS: usize = 1000;
/// Most people in a shift.
pub const PEOPLE: usize = 16;
/// How far ahead a shift may end when its roster is taken.
pub const LONGEST_AHEAD: SignedDuration = SignedDuration::from_hours(92 * 24);
const MOST_ADDRESS: usize = 200;
const FORMAT: u32 = 1;

/// When a roster would be taken, and in place of which.
type Taking<'a> = Option<(Option<&'a Roster>, Timestamp)>;

/// Who reads a roster: an access point, and by which release.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// It alone signs the rosters that it reads: another access point may serve the unit for another contract.
    pub access_point: &'a AccessPointId,
    /// By which its keys and the unit count.
    pub release: &'a Release,
}

impl Roster {
    /// Reads a roster that was taken before, such as after a restart or under another release. One that has ended since
    /// is one still.
    ///
    /// # Errors
    /// One of [`Error`], [`Error::Invalid`] with all violations at once.
    pub fn read(signed_bytes: &[u8], by: Reader<'_>) -> Result<Self, Error> {
        verify(signed_bytes, by, None)
    }

    /// Takes a roster in place of the one in use of that unit, if it has one. That one again is taken again.
    ///
    /// # Errors
    /// One of [`Error`], [`Error::Invalid`] with all violations at once: also when it has ended, ends too far ahead or
    /// is not newer.
    pub fn take(signed_bytes: &[u8], by: Reader<'_>, current: Option<&Self>, at: Timestamp) -> Result<Self, Error> {
        verify(signed_bytes, by, Some((current, at)))
    }

    /// The roster, unless it is older than one of its unit that was seen before: where none is in use, that is all that
    /// is known of what came before.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn not_older(self, seen: u64) -> Result<Self, Error> {
        let mut found = Violations::default();
        found.require(self.version >= seen, Problem::NotNewer, format_args!("version"));
        if found.total() == 0 { Ok(self) } else { Err(Error::Invalid(found)) }
    }
}

/// Checks everything about a roster except its signature, as [`Roster::take`] would: what whoever signs it wants to
/// know before.
///
/// # Errors
/// [`Error::Malformed`] when it is too large, [`Error::UnknownFormat`], or [`Error::Invalid`] with all violations at
/// once.
pub fn review(
    roster: &pb::Roster,
    release: &Release,
    current: Option<&Roster>,
    at: Timestamp,
) -> Result<Roster, Error> {
    let signed = pb::SignedRoster { roster: roster.encode_to_vec(), signature: vec![0; 64] };
    if signed.encoded_len() > MAX_ROSTER_BYTES {
        return Err(Error::Malformed);
    }
    check(roster, &signed.roster, release, Some((current, at)))
}

fn verify(signed_bytes: &[u8], by: Reader<'_>, taking: Taking<'_>) -> Result<Roster, Error> {
    let release = by.release;
    let signed = Some(signed_bytes)
        .filter(|bytes| bytes.len() <= MAX_ROSTER_BYTES)
        .and_then(|bytes| pb::SignedRoster::decode(bytes).ok())
        .ok_or(Error::Malformed)?;
    let wire = pb::Roster::decode(&*signed.roster).map_err(|_| Error::Malformed)?;
    let owner = AccessPointId::new(&wire.access_point).ok().filter(|owner| owner == by.access_point);
    let owner = owner.ok_or(Error::SignerUnknown)?;
    let signer = KeyId::new(&wire.signing_key).map_err(|_| Error::SignerUnknown)?;
    let key = release.signing_key(&owner, &signer).filter(|key| key.revoked.is_none()).ok_or(Error::SignerUnknown)?;
    if !is_signature(&key.public, &pae(&[ROSTER, &signed.roster]), &signed.signature) {
        return Err(Error::Unsigned);
    }
    check(&wire, &signed.roster, release, taking)
}

fn check(wire: &pb::Roster, bytes: &[u8], release: &Release, taking: Taking<'_>) -> Result<Roster, Error> {
    if wire.format != FORMAT {
        return Err(Error::UnknownFormat(wire.format));
    }
    let mut found = Violations::default();
    let programme = wire.programme == release.root().programme();
    found.require(programme, Problem::Unresolved, format_args!("programme"));
    let owner: Option<AccessPointId> = read::id(&wire.access_point, &mut found, format_args!("access_point"));
    let signer: Option<KeyId> = read::id(&wire.signing_key, &mut found, format_args!("signing_key"));
    if let (Some(owner), Some(signer)) = (&owner, &signer) {
        let known = release.signing_key(owner, signer).is_some_and(|key| key.revoked.is_none());
        found.require(known, Problem::Unresolved, format_args!("signing_key"));
    }
    let unit = unit(wire.unit.as_ref(), release, owner.as_ref(), &mut found);
    found.require(wire.version > 0, Problem::Range, format_args!("version"));
    let shifts = shifts(&wire.shifts, taking.map(|(_, at)| at), &mut found);
    let end = shifts.iter().map(|shift| shift.end).max();
    let digest = sha256(bytes);
    if let Some((current, at)) = taking {
        // Where shifts could not be read, the last may be among them.
        let is_whole = shifts.len() == wire.shifts.len();
        found.require(!is_whole || end.is_none_or(|end| at < end), Problem::Ended, format_args!("shifts"));
        let current = current.filter(|current| Some(&current.unit) == unit.as_ref());
        let is_newer = |current: &Roster| wire.version > current.version;
        let is_same = |current: &Roster| wire.version == current.version && digest == current.digest;
        let may_follow = current.is_none_or(|current| is_newer(current) || is_same(current));
        found.require(may_follow, Problem::NotNewer, format_args!("version"));
    }
    match (unit, end, found.total()) {
        (Some(unit), Some(end), 0) => Ok(Roster { unit, version: wire.version, digest, shifts, end }),
        _ => Err(Error::Invalid(found)),
    }
}

fn unit(
    wire: Option<&pb::UnitRef>,
    release: &Release,
    owner: Option<&AccessPointId>,
    found: &mut Violations,
) -> Option<UnitRef> {
    let Some(wire) = wire else {
        found.add(Problem::Missing, format_args!("unit"));
        return None;
    };
    let party = read::id(&wire.party, found, format_args!("unit.party"));
    let unit = read::id(&wire.unit, found, format_args!("unit.unit"));
    let (party, unit) = (party?, unit?);
    let known = release.unit(&party, &unit).is_some();
    found.require(known, Problem::Unresolved, format_args!("unit"));
    if let Some(owner) = owner.filter(|_| known) {
        found.require(release.serves(owner, &party, &unit), Problem::NotServed, format_args!("unit"));
    }
    Some(UnitRef { party, unit })
}

/// By their start. What cannot be read is left out and a violation.
fn shifts(wire: &[pb::Shift], at: Option<Timestamp>, found: &mut Violations) -> Vec<Shift> {
    found.require((1..=SHIFTS).contains(&wire.len()), Problem::Range, format_args!("shifts"));
    let mut shifts = Vec::new();
    for (i, entry) in wire.iter().take(SHIFTS).enumerate() {
        let path = format_args!("shifts[{i}]");
        let start = minute(entry.start_time.as_ref(), found, format_args!("{path}.start_time"));
        let end = minute(entry.end_time.as_ref(), found, format_args!("{path}.end_time"));
        let people = people(&entry.people, found, path);
        let (Some(start), Some(end)) = (start, end) else {
            continue;
        };
        found.require(start < end, Problem::EndsBeforeStart, path);
        let is_near = at.is_none_or(|at| end.duration_since(at) <= LONGEST_AHEAD);
        found.require(is_near, Problem::Range, format_args!("{path}.end_time"));
        shifts.push(Shift { start, end, people });
    }
    shifts.sort_by_key(|shift| shift.start);
    shifts
}

fn minute(wire: Option<&prost_types::Timestamp>, found: &mut Violations, path: Arguments<'_>) -> Option<Timestamp> {
    let time = read::time(wire, found, path)?;
    let is_whole = time.as_second() % MINUTE == 0 && time.subsec_nanosecond() == 0;
    found.require(is_whole, Problem::Range, path);
    Some(time)
}

fn people(wire: &[pb::DutyPerson], found: &mut Violations, path: Arguments<'_>) -> Vec<Person> {
    found.require((1..=PEOPLE).contains(&wire.len()), Problem::Range, format_args!("{path}.people"));
    let mut known = BTreeSet::new();
    let mut people = Vec::new();
    for (i, entry) in wire.iter().take(PEOPLE).enumerate() {
        let path = format_args!("{path}.people[{i}]");
        let person = PersonRef::new(&entry.person).ok();
        found.require(person.is_some(), Problem::Syntax, format_args!("{path}.person"));
        found.require(known.insert(entry.person.as_str()), Problem::Repeated, format_args!("{path}.person"));
        found.require(is_label(&entry.role), Problem::Syntax, format_args!("{path}.role"));
        found.require(is_label(&entry.channel), Problem::Syntax, format_args!("{path}.channel"));
        found.require(is_address(&entry.address), Problem::Syntax, format_args!("{path}.address"));
        people.extend(person.map(|person| Person {
            person,
            role: entry.role.as_str().into(),
            channel: entry.channel.as_str().into(),
            address: Personal::new(entry.address.as_str().into()),
        }));
    }
    people
}

/// Goes to programs that tell people: short, in normal form, without signs that steer.
fn is_address(text: &str) -> bool {
    let steers = |sign: char| sign.is_control() || matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.is_empty()
        && text.chars().nth(MOST_ADDRESS).is_none()
        && unicode_normalization::is_nfc(text)
        && text.trim() == text
        && !text.chars().any(steers)
}
