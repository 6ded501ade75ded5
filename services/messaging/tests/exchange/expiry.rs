//! A directory release that nobody renews is told daily, and strands no case.

use jiff::SignedDuration;
use nhipcau_domain::directory::{EXPIRY_WARNING, Freshness};
use nhipcau_messaging::engine::AlarmKind::DirectoryExpires;

use crate::world::{MOH, Setup, VWU, World};

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[test]
fn an_expiring_release_is_told_once_a_day_and_cases_go_on_after_it() {
    let mut world = World::open_with(&Setup { expires_before: DAY * 300, ..Setup::default() });
    let expiry = world.releases[0].expire_time();
    world.send(MOH, VWU, "r1", b"opened").unwrap();
    world.settle();
    world.now = expiry - EXPIRY_WARNING - DAY;
    world.settle();
    assert_eq!(world.alarms(VWU, DirectoryExpires), 0, "nothing before the warning");
    for (told, time) in [(1, expiry - EXPIRY_WARNING), (2, expiry - DAY), (3, expiry), (4, expiry + DAY * 100)] {
        world.now = time;
        world.send(MOH, VWU, &format!("at {told}"), format!("{told}").as_bytes()).unwrap();
        world.settle();
        world.settle();
        assert_eq!(world.alarms(VWU, DirectoryExpires), told, "not at every tick");
        assert_eq!(world.effects(VWU).len(), told + 1, "the keys are known and not revoked");
    }
    assert_eq!(world.releases[0].freshness(world.now), Freshness::Expired);
    world.install(VWU);
    world.now += DAY * 2;
    world.tick(VWU);
    assert_eq!(world.alarms(VWU, DirectoryExpires), 4, "the next release is good");
}
