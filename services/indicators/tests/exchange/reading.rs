//! Reading: selections, pages, times, revisions, and following from a cursor.

use nhipcau_domain::reason;
use nhipcau_indicators::{
    Error, query, series,
    watch::{Step, Watch},
};
use nhipcau_proto::indicator::v1::{self as pb, Action::*, watch_request::Start};

use crate::world::*;

fn world() -> World {
    let mut world = World::open();
    let rows = [("704.F", "2022", "1"), ("704.F", "2023", "2"), ("704.M", "2023", "3"), ("704.M", "2023-Q1", "4")];
    world.submit(MOHA, "r1", &small(Replace, &rows)).unwrap();
    world.settle();
    world.submit(MOHA, "r2", &small(Merge, &[("704.F", "2023", "2.5")])).unwrap();
    world.submit(MOHA, "r3", &small(Delete, &[("704.F", "2022", "")])).unwrap();
    world.settle();
    world
}

fn periods(answer: &pb::QueryObservationsResponse) -> Vec<String> {
    let blocks = answer.series.iter().filter_map(|series| series.block.as_ref());
    blocks.flat_map(|block| block.time_periods.iter().map(|period| format!("{} {period}", block.key))).collect()
}

fn ask(world: &mut World, request: &pb::QueryObservationsRequest) -> Result<pb::QueryObservationsResponse, Error> {
    world.at(VWU, |tx| query::observations(request, &REGISTRY, tx))
}

fn request(selection: pb::Selection) -> pb::QueryObservationsRequest {
    pb::QueryObservationsRequest { selection: Some(selection), ..Default::default() }
}

#[test]
fn pattern_and_periods_select() {
    let mut world = world();
    let mut answered = |selection| periods(&ask(&mut world, &request(selection)).unwrap());
    assert_eq!(answered(selection(SMALL, "")), ["704.F 2023", "704.M 2023", "704.M 2023-Q1"]);
    assert_eq!(answered(selection(SMALL, ".M")), ["704.M 2023", "704.M 2023-Q1"]);
    assert_eq!(answered(selection(SMALL, "704.F+M")).len(), 3);
    let quarter = pb::Selection { end_period: "2023-Q2".into(), ..selection(SMALL, "all") };
    assert_eq!(answered(quarter), ["704.M 2023-Q1"]);
    let later = pb::Selection { start_period: "2024".into(), ..selection(SMALL, "") };
    assert!(answered(later).is_empty());
    let other = pb::Selection { data_provider: "moh".into(), ..selection(SMALL, "") };
    assert!(answered(other).is_empty());
}

#[test]
fn as_of_a_time_answers_with_what_was_published_by_then() {
    let mut world = world();
    let all = selection(SMALL, "");
    let revisions = pb::ListRevisionsRequest { selection: Some(all.clone()), ..Default::default() };
    let revisions = world.at(VWU, |tx| query::revisions(&revisions, &REGISTRY, tx)).unwrap().revisions;
    let first = revisions[0].provenance.as_ref().unwrap().publish_time;
    let then = pb::QueryObservationsRequest { as_of_time: first, ..request(all.clone()) };
    let answer = ask(&mut world, &then).unwrap();
    assert_eq!(periods(&answer), ["704.F 2022", "704.F 2023", "704.M 2023", "704.M 2023-Q1"]);
    assert_eq!(answer.series[0].block.as_ref().unwrap().values, ["1", "2"]);
    let long_ago = prost_types::Timestamp { seconds: 0, nanos: 0 };
    let before = pb::QueryObservationsRequest { as_of_time: Some(long_ago), ..request(all) };
    assert!(ask(&mut world, &before).unwrap().series.is_empty());
}

#[test]
fn every_revision_is_kept_oldest_first() {
    let mut world = world();
    let mut request =
        pb::ListRevisionsRequest { selection: Some(selection(SMALL, "704.F")), page_size: 1, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let answer = world.at(VWU, |tx| query::revisions(&request, &REGISTRY, tx)).unwrap();
        for revision in answer.revisions {
            let observation = revision.observation.unwrap();
            let value = observation.value.unwrap_or_default();
            let ordinal = revision.provenance.unwrap().ordinal;
            seen.push(format!("{} {value} {ordinal} {}", observation.time_period, revision.deleted));
        }
        if answer.next_page_token.is_empty() {
            break;
        }
        request.page_token = answer.next_page_token;
    }
    assert_eq!(seen, ["2022 1 1 false", "2022  3 true", "2023 2 1 false", "2023 2.5 2 false"]);
}

#[test]
fn pages_show_one_state_whatever_arrives_between_them() {
    let mut world = world();
    let mut paged = pb::QueryObservationsRequest { page_size: 1, ..request(selection(SMALL, "")) };
    let first = ask(&mut world, &paged).unwrap();
    assert_eq!(periods(&first), ["704.F 2023"]);
    world.submit(MOHA, "r4", &small(Delete, &[(".M", "", "")])).unwrap();
    world.settle();
    paged.page_token = first.next_page_token;
    let second = ask(&mut world, &paged).unwrap();
    assert_eq!(periods(&second), ["704.M 2023"]);
    let other = pb::QueryObservationsRequest { selection: Some(selection(SMALL, ".M")), ..paged };
    assert!(matches!(ask(&mut world, &other), Err(Error::CursorInvalid)), "a token belongs to its request");
}

#[test]
fn series_are_listed_with_their_extent() {
    let mut world = world();
    let request = pb::ListSeriesRequest { selection: Some(selection(SMALL, "")), page_size: 1, ..Default::default() };
    let first = world.at(MOH, |tx| series::list(&request, &REGISTRY, tx)).unwrap();
    let rest = pb::ListSeriesRequest { page_token: first.next_page_token, ..request };
    let second = world.at(MOH, |tx| series::list(&rest, &REGISTRY, tx)).unwrap();
    assert_eq!(second.next_page_token, "");
    let [woman, man] = [&first.series[0], &second.series[0]];
    assert_eq!((woman.key.as_str(), woman.first_period.as_str(), woman.observation_count), ("704.F", "2023", 1));
    assert_eq!((man.first_period.as_str(), man.last_period.as_str(), man.observation_count), ("2023", "2023-Q1", 2));
    assert_eq!(woman.provenance.as_ref().unwrap().ordinal, 3, "the deletion was the newest change");
    let request = pb::GetSeriesRequest { data_provider: "moha".into(), structure: SMALL.into(), key: "704.F".into() };
    assert_eq!(world.at(MOH, |tx| series::get(&request, tx)).unwrap(), *woman);
    let missing = pb::GetSeriesRequest { key: "704.X".into(), ..request };
    assert!(matches!(world.at(MOH, |tx| series::get(&missing, tx)), Err(Error::NotFound)));
}

#[test]
fn a_selection_that_does_not_fit_is_refused_with_its_reason() {
    let mut world = World::open();
    let mut refused = |selection| ask(&mut world, &request(selection)).unwrap_err().reason();
    assert_eq!(refused(selection("T:OTHER(1.0)", "")), reason::STRUCTURE_UNKNOWN);
    assert_eq!(refused(selection(SMALL, "704")), reason::KEY_PATTERN_MALFORMED);
    let period = pb::Selection { start_period: "spring".into(), ..selection(SMALL, "") };
    assert_eq!(refused(period), reason::PERIOD_MALFORMED);
}

fn watch(selection: pb::Selection, start: Start) -> pb::WatchRequest {
    pb::WatchRequest { selection: Some(selection), start: Some(start) }
}

/// Everything that a reader at the first subscriber gets, and the cursor after it.
fn follow(world: &mut World, request: &pb::WatchRequest) -> Result<(Vec<pb::WatchResponse>, String), Error> {
    world.at(MOH, |tx| {
        let mut watch = Watch::start(request, &point(NAMES[MOH]), &REGISTRY, tx)?;
        let mut responses = Vec::new();
        loop {
            match watch.step(tx)? {
                Step::Submission(parts) => responses.extend(parts),
                Step::Passed => {}
                Step::End => return Ok((responses, watch.sign_of_life().cursor)),
            }
        }
    })
}

#[test]
fn a_reader_follows_from_the_beginning_and_goes_on_from_its_cursor() {
    let mut world = world();
    let all = selection(SMALL, "");
    let (seen, cursor) = follow(&mut world, &watch(all.clone(), Start::Beginning(true))).unwrap();
    let ordinals: Vec<_> = seen.iter().map(|part| part.provenance.as_ref().unwrap().ordinal).collect();
    assert_eq!(ordinals, [1, 2, 3]);
    assert!(seen.iter().all(|part| part.last_part));
    assert_eq!(seen[2].cursor, cursor);
    let resumed = follow(&mut world, &watch(all.clone(), Start::Cursor(seen[0].cursor.clone()))).unwrap().0;
    assert_eq!(resumed, seen[1..]);
    assert!(follow(&mut world, &watch(all.clone(), Start::Now(true))).unwrap().0.is_empty());
    world.submit(MOHA, "r4", &small(Replace, &[("704.F", "2024", "9")])).unwrap();
    world.settle();
    let (new, _) = follow(&mut world, &watch(all, Start::Cursor(cursor))).unwrap();
    assert_eq!(new.len(), 1);
}

#[test]
fn a_reader_gets_only_what_its_selection_leaves() {
    let mut world = world();
    let men = selection(SMALL, ".M");
    let (seen, cursor) = follow(&mut world, &watch(men, Start::Beginning(true))).unwrap();
    assert_eq!(seen.len(), 1, "the correction and the deletion touch women only");
    let blocks = &seen[0].submission.as_ref().unwrap().datasets[0].blocks;
    assert_eq!((blocks.len(), blocks[0].key.as_str(), blocks[0].time_periods.len()), (1, "704.M", 2));
    assert_ne!(cursor, seen[0].cursor, "the cursor moves past what is not for the reader");
    let women_before = pb::Selection { end_period: "2022".into(), ..selection(SMALL, ".F") };
    let (seen, _) = follow(&mut world, &watch(women_before, Start::Beginning(true))).unwrap();
    let actions: Vec<_> = seen.iter().map(|part| part.submission.as_ref().unwrap().datasets[0].action()).collect();
    assert_eq!(actions, [Replace, Delete]);
}

#[test]
fn a_cursor_of_another_reader_or_of_a_lost_store_is_refused() {
    let mut world = world();
    let image = world.image(MOH);
    world.submit(MOHA, "r4", &small(Replace, &[("704.F", "2024", "9")])).unwrap();
    world.settle();
    let all = selection(SMALL, "");
    let (_, cursor) = follow(&mut world, &watch(all.clone(), Start::Beginning(true))).unwrap();
    let other = watch(selection(SMALL, ".M"), Start::Cursor(cursor.clone()));
    assert!(matches!(follow(&mut world, &other), Err(Error::CursorInvalid)));
    let garbage = watch(all.clone(), Start::Cursor("moh.1".into()));
    assert!(matches!(follow(&mut world, &garbage), Err(Error::CursorInvalid)));
    world.queue.clear();
    world.restart(MOH, &image);
    let expired = follow(&mut world, &watch(all.clone(), Start::Cursor(cursor.clone()))).unwrap_err();
    assert_eq!(expired.reason(), reason::CURSOR_EXPIRED);
    world.settle();
    assert!(follow(&mut world, &watch(all, Start::Cursor(cursor))).is_ok(), "the publisher gave back what was lost");
}
