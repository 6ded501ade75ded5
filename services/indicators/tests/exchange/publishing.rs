//! What is submitted is held everywhere, whole, once, and with its origin.

use nhipcau_domain::indicator::sdmx_csv::Limits;
use nhipcau_indicators::{
    Error, bulk, query,
    sdmx::Import,
    submit::{self, Prepared},
};
use nhipcau_messaging::pae;
use nhipcau_proto::indicator::v1::{self as pb, Action::*};
use prost::Message;

use crate::world::*;

#[test]
fn real_figures_are_held_by_both_subscribers_with_their_origin() {
    let mut world = World::open();
    let (submission, _) = world.submit(MOHA, "r1", &demo()).unwrap();
    world.settle();
    assert_eq!((submission.ordinal, submission.observation_count), (1, 60));
    assert_eq!(submission.submitter, "moha/statistics");
    let mut own = world.observations(MOHA, SDG);
    for node in [MOH, VWU] {
        assert_eq!(world.held(node, SDG).len(), 60);
        assert_eq!(world.digest(node), world.digest(MOHA));
        let held = world.observations(node, SDG);
        let origin = &held[0].provenances[0];
        assert_eq!((origin.data_provider.as_str(), origin.access_point.as_str()), ("moha", "moha"));
        assert_eq!(origin.submission, submission.name);
        assert_eq!(origin.envelope_id.len(), 16);
        assert_eq!(held, own, "provenance too");
    }
    own.clear();
    let positions = rows(&mut world, MOH, "SELECT position FROM indicator_submission", |row| row.int(0));
    assert_eq!(positions, [1]);
    assert_eq!(world.nodes[MOH].service.counters().read()[3].1, 60);
}

#[test]
fn an_export_gives_the_imported_observations_back() {
    let mut world = World::open();
    world.submit(MOHA, "r1", &demo()).unwrap();
    world.settle();
    let mut given: Vec<&str> = DEMO.lines().collect();
    given[1..].sort_unstable();
    for node in [MOHA, MOH, VWU] {
        let file = world.export(node, SDG);
        let mut lines: Vec<&str> = file.lines().collect();
        lines[1..].sort_unstable();
        assert_eq!(lines, given);
        assert_eq!(import(&file).observation_count, 60);
    }
}

#[test]
fn corrections_and_deletions_reach_everybody() {
    let mut world = World::open();
    world.submit(MOHA, "r1", &small(Replace, &[("704.F", "2023", "1"), ("704.M", "2023", "2")])).unwrap();
    world.submit(MOHA, "r2", &small(Merge, &[("704.F", "2023", "1.5"), ("704.F", "2024", "3")])).unwrap();
    world.submit(MOHA, "r3", &small(Delete, &[(".M", "", "")])).unwrap();
    world.settle();
    for node in [MOHA, MOH, VWU] {
        assert_eq!(world.held(node, SMALL), ["moha 704.F 2023 1.5", "moha 704.F 2024 3"], "node {node}");
    }
}

#[test]
fn two_providers_never_touch_each_others_series() {
    let mut world = World::open();
    world.submit(MOHA, "r1", &small(Replace, &[("704.F", "2023", "1")])).unwrap();
    world.submit(MOH, "r1", &small(Replace, &[("704.F", "2023", "2")])).unwrap();
    world.submit(MOH, "r2", &small(Delete, &[(".", "", "")])).unwrap();
    world.settle();
    for node in [MOHA, MOH, VWU] {
        assert_eq!(world.held(node, SMALL), ["moha 704.F 2023 1"], "node {node}");
    }
}

#[test]
fn a_repeated_request_gets_the_first_answer_and_publishes_nothing() {
    let mut world = World::open();
    let first = world.submit(MOHA, "r1", &demo()).unwrap();
    assert_eq!(world.submit(MOHA, "r1", &demo()).unwrap(), (first.0, true));
    let sent = rows(&mut world, MOHA, "SELECT 1 FROM outbox", |row| row.int(0));
    assert_eq!(sent.len(), 1);
    assert!(!first.1);
}

#[test]
fn a_request_id_with_other_content_is_refused_and_nothing_changes() {
    let mut world = World::open();
    world.submit(MOHA, "r1", &small(Replace, &[("704.F", "2023", "1")])).unwrap();
    let refused = world.submit(MOHA, "r1", &small(Replace, &[("704.F", "2023", "2")]));
    assert!(matches!(refused, Err(Error::RequestIdReused)));
    assert_eq!(world.held(MOHA, SMALL), ["moha 704.F 2023 1"]);
    // Another system may use the same id: here, the same id at another access point.
    world.submit(MOH, "r1", &small(Replace, &[("704.F", "2023", "2")])).unwrap();
}

#[test]
fn checking_only_changes_nothing() {
    let mut world = World::open();
    let prepared = Prepared::check(&demo(), &REGISTRY).unwrap();
    let checked = submit::checked(&prepared);
    assert_eq!((checked.name.as_str(), checked.observation_count), ("", 60));
    assert!(world.held(MOHA, SDG).is_empty());
}

/// A file of this many observations whose notes make it large.
fn large(count: usize) -> Import {
    let note = "Ghi chú ".repeat(80);
    let header = "STRUCTURE,STRUCTURE_ID,ACTION,REF_AREA,SEX,TIME_PERIOD,OBS_VALUE,NOTE\n";
    let rows = (0..count).map(|n| {
        let day = jiff::civil::date(2010, 1, 1).saturating_add(jiff::Span::new().days(n as i64 / 2));
        let sex = ["F", "M"][n % 2];
        format!("datastructure,{SMALL},R,704,{sex},{day},{n},{note}{n}\n")
    });
    let file = format!("{header}{}", rows.collect::<String>());
    Import::read(file.as_bytes(), &REGISTRY, Limits::default()).unwrap()
}

#[test]
fn a_bulk_load_takes_effect_whole_with_its_last_message() {
    let mut world = World::open();
    let import = large(2_000);
    assert!(import.whole().is_none() && import.chunks.len() > 2);
    let (now, party) = (world.now, "moha".parse().unwrap());
    let mut digests = Vec::new();
    for chunk in &import.chunks {
        digests.push(world.at(MOHA, |tx| bulk::upload(&party, chunk, now, tx)).unwrap());
    }
    assert_eq!(digests[0], pae::sha256(&import.chunks[0]));
    let pieces = world.at(MOHA, |tx| bulk::pieces(&party, &digests, tx)).unwrap();
    let prepared = bulk::check(&import.submission, &pieces, &REGISTRY).unwrap();
    let digest = bulk::digest(&import.submission, &digests).unwrap();
    let (submission, _) = world.publish(MOHA, "r1", &prepared, digest).unwrap();
    assert_eq!(submission.observation_count, 2_000);
    let (count, mut seen) = (world.queue.len(), Vec::new());
    assert!(count > 4, "several messages to each subscriber");
    while let Some(parcel) = world.queue.pop_front() {
        let to = parcel.to;
        world.deliver(parcel);
        if to == MOH {
            seen.push(world.held(MOH, SMALL).len());
        }
    }
    seen.dedup();
    assert_eq!(seen, [0, 2_000], "nothing, then everything");
    world.settle();
    assert_eq!(world.digest(VWU), world.digest(MOHA));
    let left = rows(&mut world, VWU, "SELECT 1 FROM indicator_piece", |row| row.int(0));
    assert!(left.is_empty(), "pieces that served are dropped");
    assert!(world.publish(MOHA, "r1", &prepared, digest).unwrap().1, "a repeated commit is answered as before");
}

#[test]
fn a_commit_names_every_piece_that_is_not_held() {
    let mut world = World::open();
    let party = "moha".parse().unwrap();
    let chunk = pb::Chunk { datasets: demo().datasets }.encode_to_vec();
    let now = world.now;
    let held = world.at(MOHA, |tx| bulk::upload(&party, &chunk, now, tx)).unwrap();
    let asked = [[1; 32], held, [2; 32]];
    let refused = world.at(MOHA, |tx| bulk::pieces(&party, &asked, tx)).unwrap_err();
    assert!(matches!(refused, Error::ChunksMissing(missing) if missing == [[1; 32], [2; 32]]));
    // The pieces of one party are nobody else's.
    let other = "moh".parse().unwrap();
    assert!(world.at(MOHA, |tx| bulk::pieces(&other, &[held], tx)).is_err());
    let garbage = world.at(MOHA, |tx| bulk::upload(&party, b"\xff\xff", now, tx));
    assert!(matches!(garbage, Err(Error::Field { field: "chunk", .. })));
}

#[test]
fn a_dataflow_stays_with_its_submission() {
    let mut world = World::open();
    let submission = pb::Submission { dataflow: FLOW.into(), ..small(Replace, &[("704.F", "2023", "1")]) };
    let (submission, _) = world.submit(MOHA, "r1", &submission).unwrap();
    world.settle();
    let held = world.at(VWU, |tx| submit::get(&submission.name, tx)).unwrap();
    assert_eq!(held.dataflow, FLOW);
    assert_eq!(held.submitter, "", "who submitted stays at the provider");
    let all = pb::ListRevisionsRequest { selection: Some(selection(SMALL, "")), ..Default::default() };
    assert_eq!(world.at(VWU, |tx| query::revisions(&all, &REGISTRY, tx)).unwrap().revisions.len(), 1);
}
