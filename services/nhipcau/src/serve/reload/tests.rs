//! Rosters that were put into a real home beside the process: which of them were in use is kept at a start and a
//! reload.

use std::{fs, path::Path};

use jiff::Timestamp;
use nhipcau_domain::{
    duty::Roster,
    id::{PartyId, UnitId},
};
use nhipcau_runtime::directory;

use super::*;
use crate::{duty, sandbox::World, settings};

/// What a unit writes: one shift from the hour before now to ten hours later.
fn written(version: u64, now: Timestamp) -> String {
    let hour = now.as_second().div_euclid(3600);
    let [start, end] = [hour - 1, hour + 10].map(|hour| Timestamp::from_second(hour * 3600).unwrap());
    format!(
        "unit = \"hanoi/00070\"\nversion = {version}\n[[shift]]\nstart_time = {start}\nend_time = {end}\n\
         people = [{{ person = \"cb-17\", role = \"officer\", channel = \"sms\", address = \"x\" }}]\n"
    )
}

/// Puts a roster into its place as a copy of a file, by which nothing is kept.
fn copy_in(config_file: &Path, memory: &Path, version: u64) {
    let now = Timestamp::now();
    duty::take(config_file.parent().unwrap().to_owned(), &written(version, now), now).unwrap();
    fs::remove_file(memory).unwrap();
}

#[tokio::test]
async fn of_a_roster_that_was_copied_in_a_start_and_a_reload_keep_which_version_was_in_use() {
    let (here, now) = (tempfile::tempdir().unwrap(), Timestamp::now());
    let (world, _) = World::open(&here.path().join("sandbox"), now).unwrap();
    let file = world.path(&world.access_point("hanoi").unwrap().config);
    let config = settings::load(Some(&file)).unwrap();
    let release = Arc::new(directory::load(&config.directory, now, true).unwrap());
    let tables = registry::read(&config.directory, &release).unwrap();
    let memory = config.duty.rosters.join("hanoi.00070.version");
    copy_in(&file, &memory, 1);
    let reload = Reload::listen(&config, tables, &release, &Clock::system()).unwrap();
    assert_eq!(fs::read_to_string(&memory).unwrap(), "1\n");
    copy_in(&file, &memory, 2);
    reload.read_rosters(Arc::clone(&release)).await;
    assert_eq!(fs::read_to_string(&memory).unwrap(), "2\n");
    let unit = UnitRef { party: PartyId::new("hanoi").unwrap(), unit: UnitId::new("00070").unwrap() };
    let rosters = reload.rosters();
    let version = || rosters.borrow().of(&unit).flatten().map(Roster::version);
    assert_eq!(version(), Some(2));
    // The directory goes away as a whole, as by a disk that is not there any more.
    let place = &config.duty.rosters;
    fs::rename(place, place.with_extension("gone")).unwrap();
    reload.read_rosters(release).await;
    assert_eq!(version(), Some(2));
}
