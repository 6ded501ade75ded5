//! The simulation as a test: 240 seeds through every fault, and a seed that replays to an identical trace.

use nhipcau_sim::{
    report::{FULL_RUN, run_seed, run_seeds},
    world::{Losses, Options},
};

/// With fewer, the rarest of what must fire a hundred times does not always.
const SEEDS: u64 = 240;

fn options(seed: u64) -> Options {
    Options { seed, access_points: None, losses: Losses::default(), keep_trace: false }
}

#[test]
fn every_seed_keeps_every_promise_and_everything_was_tried() {
    const { assert!(SEEDS >= FULL_RUN, "a shorter run need not go through everything") };
    let report = run_seeds(0, SEEDS, options(0), 2);
    assert!(report.is_good(), "{report}");
}

#[test]
fn a_blob_comes_whole_after_every_rollback_and_goes_with_its_case() {
    let report = run_seeds(0, 6, options(0), 2);
    let fired = |name: &&str| report.coverage.count(name) > 0;
    let names = ["blob_whole", "blob_whole_again", "blob_cut_off", "blob_returned", "chunk_repeated"];
    assert_eq!(names.iter().find(|name| !fired(name)), None);
    assert!(report.is_good(), "{report}");
}

#[test]
fn a_reconciliation_says_what_the_history_says() {
    let report = run_seeds(0, 4, options(0), 2);
    assert!(report.coverage.count("difference_found") > 0, "a store differed from an older copy of the other's");
    assert!(report.is_good(), "{report}");
}

#[test]
fn a_seed_replays_to_an_identical_trace() {
    for seed in [3, 4] {
        let [first, second] = [0, 1].map(|_| run_seed(Options { keep_trace: true, ..options(seed) }));
        assert!(first.trace.len() > 100, "a trace was kept");
        let differs = first.trace.iter().zip(&second.trace).position(|(a, b)| a != b);
        assert_eq!(differs.map(|line| (&first.trace[line], &second.trace[line])), None);
        assert_eq!(first.digest, second.digest);
    }
}
