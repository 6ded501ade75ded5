//! Stories end the same whatever is killed in their middle, and are played with what is brought along.

use std::{fs, path::Path, process::Output};

use nhipcau_tests::{
    nats,
    process::{output, program},
    world::World,
};
use serde_json::Value;

fn play(home: &Path, arguments: &[&str]) -> Output {
    let mut command = program().unwrap();
    command.env("NHIPCAU_NATS_SERVER", nats::binary().unwrap()).args(["sandbox", "--json", "--home"]).arg(home);
    output(command.args(arguments)).unwrap()
}

fn told(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_story_ends_the_same_whichever_process_is_killed_in_its_middle() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path().join("story");
    // Whoever hands over, takes over, or has to act by itself, at the step that is theirs.
    let strikes = [
        ("transfer", [("submit", "0", "moh"), ("tell", "17", "hanoi")]),
        ("referral", [("carry", "3", "vwu"), ("random", "20", "hanoi")]),
        ("silence", [("silence", "13", "moh"), ("acknowledge", "25", "hanoi")]),
        ("woken", [("first", "13", "moh"), ("second", "25", "hanoi")]),
        // The process that has the contact, while it becomes a referral.
        ("contact", [("send", "0", "moh"), ("acknowledge", "17", "hanoi")]),
        ("withdrawal", [("withdraw", "3", "vwu"), ("withdraw-back", "17", "hanoi")]),
        ("areas", [("send", "0", "moh"), ("choose", "0", "moh")]),
        ("proof", [("above", "13", "moh"), ("prove", "17", "hanoi")]),
        ("warm-handover", [("offer", "13", "moh"), ("accept", "3", "vwu")]),
        // Whoever took over, while they go on and refer.
        ("warm-handover", [("continue", "3", "vwu"), ("refer", "3", "vwu")]),
        // The desk whose people are told, and the ward that says for which referral.
        ("placement", [("wake", "3", "vwu"), ("confirm", "17", "hanoi")]),
        // The one that takes the presses, while it does; and the one that gets what was a mistake.
        ("alarm", [("press", "0", "moh"), ("cancel", "17", "hanoi")]),
        // Whoever records the word by telephone, and whoever records a review.
        ("review", [("telephone", "0", "moh"), ("review", "17", "hanoi")]),
        // Whoever hands over, while the release comes; and whoever takes over.
        ("succession", [("dissolve", "7", "moha"), ("hand-over", "17", "hanoi")]),
    ];
    for (story, strikes) in strikes {
        let whole = told(&play(&home, &["--story", story]));
        assert!(whole["killed"].is_null() && !whole["end"].as_array().unwrap().is_empty());
        for (step, seed, process) in strikes {
            let struck = told(&play(&home, &["--story", story, "--kill-at", step, "--seed", seed]));
            assert_eq!(struck["killed"][1], process);
            assert_eq!(struck["end"], whole["end"], "{}", struck["killed"]);
            assert_eq!(struck["steps"], whole["steps"]);
        }
    }
}

#[test]
fn a_story_is_played_with_the_clocks_and_limits_that_are_brought_along() {
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("clocks.toml"), "moh = \"-40m\"\nhanoi = \"90s\"\n").unwrap();
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/dev/sandbox/time-limits.toml");
    let limits = fs::read_to_string(own).unwrap().replace("transfer-12h", "transfer-of-the-test");
    fs::write(source.join("time-limits.toml"), limits).unwrap();
    let home = place.path().join("story");
    let before = jiff::Timestamp::now();
    let played = told(&play(&home, &["--story", "transfer", "--source", source.to_str().unwrap()]));
    let time: jiff::Timestamp = played["timeline"][0]["time"].as_str().unwrap().parse().unwrap();
    assert!(time < before - jiff::SignedDuration::from_mins(30), "the switchboard's clock is behind: {time}");
    let release = fs::read_to_string(home.join("programme/source/time-limits.toml")).unwrap();
    assert!(release.contains("transfer-of-the-test"));
    // Whoever writes by a clock that is ahead is answered by it.
    fs::write(source.join("clocks.toml"), "hanoi = \"2h\"\n").unwrap();
    let before = jiff::Timestamp::now();
    let played = told(&play(&home, &["--story", "referral", "--source", source.to_str().unwrap()]));
    let time: jiff::Timestamp = played["timeline"][0]["time"].as_str().unwrap().parse().unwrap();
    assert!(time > before + jiff::SignedDuration::from_mins(110), "the ward's clock is ahead: {time}");
}

#[test]
fn whoever_the_directory_names_is_told_of_the_transfer_and_the_story_ends_well_with_any_number() {
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("source");
    fs::create_dir(&source).unwrap();
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/dev/sandbox/units.toml");
    let (own, named) = (fs::read_to_string(own).unwrap(), "notified = [\"hanoi/health\"]\n");
    assert!(own.contains(named));
    let home = place.path().join("story");
    for (notified, told) in
        [("", &[][..]), ("notified = [\"hanoi/health\", \"vwu/desk\"]\n", &["hanoi/health", "vwu/desk"])]
    {
        fs::write(source.join("units.toml"), own.replace(named, notified)).unwrap();
        let played = told_of(&play(&home, &["--story", "transfer", "--source", source.to_str().unwrap()]));
        let expected = told.iter().map(|unit| {
            format!("NOTIFICATION {unit}: SUBMITTED moh/111, RECEIVED moh/111, ACKNOWLEDGED {unit}, CLOSED moh/111")
        });
        assert_eq!(played, expected.collect::<Vec<_>>());
    }
}

/// How branches of whoever is only told went.
fn told_of(played: &Output) -> Vec<String> {
    let played = told(played);
    let ends = played["end"].as_array().unwrap().iter().map(|end| end.as_str().unwrap().to_owned());
    ends.filter(|end| end.starts_with("NOTIFICATION")).collect()
}

#[test]
fn what_no_story_can_be_played_with_is_refused_before_anything_starts() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path().join("story");
    let source = place.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("clocks.toml"), "moon = \"1h\"\n").unwrap();
    let mistyped = place.path().join("mistyped");
    fs::create_dir(&mistyped).unwrap();
    fs::write(mistyped.join("time-limit.toml"), "").unwrap();
    let nowhere = place.path().join("nowhere");
    let [source, mistyped, nowhere] = [&source, &mistyped, &nowhere].map(|path| path.to_str().unwrap());
    for (code, arguments) in [
        (2, ["--story", "transfer", "--kill-at", "dance"]),
        (3, ["--story", "transfer", "--source", source]),
        (3, ["--story", "transfer", "--source", mistyped]),
        (3, ["--story", "transfer", "--source", nowhere]),
        (2, ["--story", "nothing", "--seed", "1"]),
    ] {
        let refused = play(&home, &arguments);
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&refused.stderr));
    }
    assert!(!home.exists(), "nothing was begun");
}

#[test]
fn only_an_access_point_of_a_sandbox_has_a_clock_of_its_own() {
    let world = World::make().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let clock = elsewhere.path().join("clock");
    fs::write(&clock, "7200").unwrap();
    let mut command = program().unwrap();
    let refused =
        output(command.args(["serve", "--config"]).arg(world.config("moh")).arg("--clock").arg(clock)).unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("only the access points of a sandbox"));
}
