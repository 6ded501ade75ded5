//! The leak hunt: a child's name, a telephone number and an address that exist nowhere else go through every path of
//! real processes, and everything that those leave behind is searched for them in every spelling. Nothing may be found
//! outside the encrypted bodies of the two stores, and nothing can be read there.
//!
//! [`canary`] is what is looked for, [`search`] the looking, [`places`] what is searched, [`wire`] and [`memory`] how
//! the broker's links and its memory are seen, [`story`] what happens, [`refusals`] and [`every`] what is refused. A
//! search that finds nothing proves nothing, so each run ends by planting the same words in every place and demanding
//! that they are found in all of them. `make leaks` runs it alone and shows the table.
//!
//! Leaves out the memory of access points, where the words have to be, and what callers do with what they may read.
//! Leaves out a panic as well: nothing that a caller, a browser or a peer sends makes a process panic, each run looks
//! into every log for one, and the product has no door that panics on demand. What a panic would tell is held by
//! `a_panic_is_logged_by_its_place_and_without_what_it_says` and
//! `a_panic_is_an_internal_fault_that_says_nothing_and_the_door_stays_open` in `services/runtime`, and by `Personal` in
//! `services/domain`, which no formatting shows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in what its functions share too"
)]

mod canary;
mod erased;
mod every;
mod memory;
mod places;
mod planting;
mod refusals;
mod search;
mod story;
mod wire;

use std::collections::BTreeMap;

use places::Places;
use search::Found;
use story::Story;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_person_is_found_outside_encrypted_bodies() {
    let mut story = Story::begin().await.unwrap();
    Box::pin(story.tell()).await.unwrap();
    let mut places = Places::default();
    places.collect(&mut story).await.unwrap();
    let mut found = places.search();
    let everywhere: Vec<String> = found.keys().cloned().collect();
    story.goes_wrong_at_the_broker().await.unwrap();
    let mut later = Places::default();
    later.collect_access_points(&story).await.unwrap();
    found.extend(later.search().into_iter().map(|(place, found)| (format!("{place}, after forged messages"), found)));
    table(&found);
    for (place, found) in &found {
        assert!(found.bytes > 0, "{place} was not searched");
        assert_eq!(found.hits, Vec::<String>::new(), "{place}");
    }

    let planted = planting::everywhere(&mut story).await.unwrap();
    let is_missed = |place: &&String| planted.get(*place).is_none_or(|found| found.hits.is_empty());
    assert_eq!(everywhere.iter().filter(is_missed).collect::<Vec<_>>(), Vec::<&String>::new(), "planted and not found");
}

/// Where, how much, and what was found.
#[expect(clippy::print_stdout, reason = "the table is what `make leaks` is for")]
fn table(found: &BTreeMap<String, Found>) {
    println!("| place | bytes searched | hits |\n| --- | --- | --- |");
    for (place, found) in found {
        println!("| {place} | {} | {} |", found.bytes, found.hits.len());
    }
    println!();
    for hit in found.values().flat_map(|found| &found.hits).take(40) {
        println!("HIT {hit}");
    }
}
