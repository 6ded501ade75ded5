//! Epochs over a year, by schedule and by hand, on real files.

use std::collections::{BTreeMap, BTreeSet};

use nhipcau_domain::directory::Release;
use nhipcau_messaging::SystemEntropy;

use super::*;
use crate::access_point::tests::Home;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// An access point whose only epoch, of the release, began a year ago.
struct Point(Home);

impl Point {
    fn new() -> Self {
        Self(Home::new())
    }

    fn rotate(&self, occasion: Occasion, at: Timestamp) -> Result<Rotated, RotationError> {
        let config = &self.0.config;
        let place = (&config.keys.directory, &config.directory);
        rotate(&config.access_point, place.0, place.1, (occasion, EPOCH), at, &mut SystemEntropy)
    }

    fn release(&self, at: Timestamp) -> Release {
        directory::load(&self.0.config.directory, at, true).unwrap()
    }

    /// The epoch that others seal to.
    fn used(&self, at: Timestamp) -> String {
        self.release(at).sealing_key(&self.0.config.access_point, at).unwrap().id.to_string()
    }

    fn privates(&self) -> BTreeSet<String> {
        let secrets = sealing(&self.0.config.keys.directory).unwrap();
        secrets.iter().map(|secret| secret.id.to_string()).collect()
    }

    fn file(&self, id: &str) -> std::path::PathBuf {
        self.0.config.keys.directory.join("sealing").join(format!("{id}.key"))
    }
}

fn start() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

#[test]
fn over_a_year_every_epoch_is_announced_a_week_ahead_and_destroyed_thirty_days_after_its_last_use_and_never_earlier() {
    let point = Point::new();
    let (mut announced, mut destroyed) = (BTreeMap::new(), BTreeMap::new());
    let mut last_use = BTreeMap::from([("e-1".to_owned(), start())]);
    for day in 0..340 {
        let at = start() + DAY * day;
        let rotated = point.rotate(Occasion::Schedule, at).unwrap();
        if let Some(epoch) = rotated.made {
            assert!(day == 0 || epoch.start.duration_since(at) > DAY * 6, "day {day}: {epoch:?}");
            assert_eq!(epoch.expire.duration_since(epoch.start), EPOCH);
            announced.insert(epoch.id.to_string(), at);
        }
        for key in rotated.destroyed {
            assert!(!point.file(key.as_str()).exists());
            destroyed.insert(key.to_string(), at);
        }
        let used = point.used(at);
        assert!(point.privates().contains(&used), "day {day}: nobody opens {used}");
        last_use.insert(used, at);
    }
    assert!(announced.len() >= 11 && last_use.len() >= 12, "{announced:?}");
    assert!(destroyed.len() >= 10, "{destroyed:?}");
    for (key, at) in &destroyed {
        let kept = at.duration_since(last_use[key]);
        assert!((KEPT..KEPT + DAY * 2).contains(&kept), "{key} was kept for {kept:?}");
    }
    assert!(point.privates().len() <= 4, "{:?}", point.privates());
}

#[test]
fn whoever_was_off_for_long_begins_an_epoch_at_once_and_still_opens_the_last_one() {
    let point = Point::new();
    point.rotate(Occasion::Schedule, start()).unwrap();
    let (before, later) = (point.used(start()), start() + DAY * 200);
    assert_eq!(point.used(later), before, "it goes on until there is another");
    let made = point.rotate(Occasion::Schedule, later).unwrap().made.unwrap();
    assert_eq!((made.start, point.used(later)), (later, made.id.to_string()));
    assert!(point.privates().contains(&before));
    assert!(point.rotate(Occasion::Schedule, later + DAY * 29).unwrap().destroyed.is_empty());
    assert!(point.privates().contains(&before));
    assert!(point.rotate(Occasion::Schedule, later + DAY * 30).is_ok());
    assert!(!point.privates().contains(&before));
}

#[test]
fn by_command_an_epoch_begins_now_beside_one_that_is_announced() {
    let point = Point::new();
    let first = point.rotate(Occasion::Schedule, start()).unwrap().made.unwrap();
    let next = point.rotate(Occasion::Schedule, first.expire - AHEAD).unwrap().made.unwrap();
    let now = first.expire - DAY;
    let by_hand = point.rotate(Occasion::Command, now).unwrap();
    let made = by_hand.made.unwrap();
    assert_eq!((made.start, made.expire), (now, next.start));
    assert_eq!(point.used(now), made.id.to_string());
    assert_eq!(point.used(next.start), next.id.to_string());
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(point.file(made.id.as_str())).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    assert!(point.rotate(Occasion::Schedule, now).unwrap() == Rotated::default(), "nothing more to do");
    for _ in 3..SEALING_KEYS - 1 {
        point.rotate(Occasion::Command, now).unwrap();
    }
    let full = loop {
        if let Err(error) = point.rotate(Occasion::Command, now) {
            break error;
        }
    };
    assert!(matches!(full, RotationError::Full), "{full:?}");
}

#[test]
fn what_can_no_longer_be_opened_is_no_longer_announced() {
    let point = Point::new();
    let lost = point.rotate(Occasion::Schedule, start()).unwrap().made.unwrap();
    fs::remove_file(point.file(lost.id.as_str())).unwrap();
    let at = start() + DAY;
    let rotated = point.rotate(Occasion::Schedule, at).unwrap();
    let present = point.used(at);
    assert!(point.privates().contains(&present), "{rotated:?}");
    let release = point.release(at);
    let listed = release.access_point(&point.0.config.access_point).unwrap().sealing_keys();
    assert!(listed.into_iter().all(|key| key.id != lost.id));
}

#[test]
fn without_a_signing_key_in_force_nothing_is_made() {
    let point = Point::new();
    let keys = &point.0.config.keys.directory;
    fs::remove_file(keys.join("signing.key")).unwrap();
    super::super::create(&keys.join("signing.key"), super::super::SIGNING, &"s-2".parse().unwrap(), &mut SystemEntropy)
        .unwrap();
    let before = point.privates();
    assert!(matches!(point.rotate(Occasion::Command, start()), Err(RotationError::NotInForce(_))));
    assert_eq!(point.privates(), before);
    assert!(!point.0.config.directory.path.join("bulletins").exists());
}

#[test]
fn a_key_that_a_crash_left_behind_hinders_nobody() {
    let point = Point::new();
    let keys = &point.0.config.keys.directory;
    add_sealing_key(keys, &"e-orphan".parse().unwrap(), &mut SystemEntropy).unwrap();
    point.rotate(Occasion::Schedule, start()).unwrap();
    assert_eq!(point.privates().len(), 3);
    let listed = point.release(start()).access_point(&point.0.config.access_point).unwrap().sealing_keys().count();
    assert_eq!(listed, 2);
}

#[test]
fn what_a_crash_kept_from_being_destroyed_goes_the_next_time_and_nothing_that_is_still_listed() {
    let point = Point::new();
    let at = start();
    point.rotate(Occasion::Command, at).unwrap();
    let keys = &point.0.config.keys.directory;
    let id = "e-2026-01-01-0000000a".parse::<KeyId>().unwrap();
    add_sealing_key(keys, &id, &mut SystemEntropy).unwrap();
    let used = point.used(at);
    std::fs::write(keys.join(DOOMED), format!("{id}\n{used}\ne-gone\n")).unwrap();
    assert_eq!(point.rotate(Occasion::Schedule, at).unwrap().destroyed, [id]);
    assert!(point.privates().contains(&used));
    assert!(!keys.join(DOOMED).exists());
    // What cannot be destroyed is said, and stays written down.
    let stuck = "e-2026-01-01-0000000b";
    std::fs::create_dir(keys.join("sealing").join(format!("{stuck}.key"))).unwrap();
    std::fs::write(keys.join(DOOMED), stuck).unwrap();
    assert!(matches!(point.rotate(Occasion::Schedule, at), Err(RotationError::Io(_))));
    assert!(keys.join(DOOMED).exists());
}

/// Whoever has the signing key can take the last number there is; that is told, and costs nothing each hour.
#[test]
fn an_epoch_that_cannot_be_announced_leaves_no_key() {
    let point = Point::new();
    let config = &point.0.config;
    let key = signing(&config.keys.directory).unwrap();
    let draft = authoring::BulletinDraft {
        party: "moh".parse().unwrap(),
        access_point: config.access_point.clone(),
        version: u64::MAX,
        issue: start(),
        signing_key: key.id().clone(),
        sealing_keys: vec![("e-thief".parse().unwrap(), [7; 32], (start(), start() + EPOCH))],
    };
    let release = point.release(start());
    let bytes = authoring::bulletin(release.root().programme(), &draft, |kind, bytes| key.sign(kind, &[bytes]));
    directory::keep_bulletin(&config.directory, &release, &config.access_point, &bytes).unwrap();
    let before = point.privates();
    for _ in 0..3 {
        assert!(matches!(point.rotate(Occasion::Command, start()), Err(RotationError::Refused(_))));
    }
    assert_eq!(point.privates(), before);
}
