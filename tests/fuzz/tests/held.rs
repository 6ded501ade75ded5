//! Every property of [`nhipcau_fuzz`] over what is known and around it, without a fuzzer: seeds, kept inputs, and
//! random edits of both. What a fuzzer once found is kept in `corpus` and so stays mended.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in what its functions share too"
)]

use std::{
    fs, panic,
    path::Path,
    time::{Duration, Instant},
};

use nhipcau_fuzz::READERS;
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};

/// Random edits of each reader's inputs.
const EDITS: u32 = 200;

/// Far more than any input needs: what takes longer grows faster than its input.
const LONGEST: Duration = Duration::from_secs(10);

fn kept(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = fs::read_dir(directory).map(|entries| entries.collect::<Vec<_>>()).unwrap_or_default();
    entries.into_iter().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// A change of some bytes.
#[derive(Debug, Clone)]
enum Edit {
    Put(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index, usize),
    Repeat(Index, usize),
    End(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Put(at, byte)),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..12)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (any::<Index>(), 1..16_usize).prop_map(|(at, count)| Edit::Cut(at, count)),
        (any::<Index>(), 1..200_usize).prop_map(|(at, count)| Edit::Repeat(at, count)),
        any::<Index>().prop_map(Edit::End),
    ]
}

fn apply(bytes: &mut Vec<u8>, edit: &Edit) {
    let place = |at: &Index, bytes: &[u8]| at.index(bytes.len() + 1);
    match edit {
        Edit::Put(at, byte) => {
            let at = place(at, bytes);
            if let Some(there) = bytes.get_mut(at) {
                *there = *byte;
            }
        }
        Edit::Insert(at, new) => {
            let at = place(at, bytes);
            bytes.splice(at..at, new.iter().copied());
        }
        Edit::Cut(at, count) => {
            let at = place(at, bytes);
            bytes.drain(at..bytes.len().min(at + count));
        }
        Edit::Repeat(at, count) => {
            let at = place(at, bytes);
            let piece = bytes[at..bytes.len().min(at + count)].to_vec();
            bytes.splice(at..at, piece);
        }
        Edit::End(at) => bytes.truncate(place(at, bytes)),
    }
}

#[test]
fn every_property_holds_for_what_is_known() {
    for reader in READERS {
        let inputs = (reader.seeds)().into_iter().chain(kept(reader.name)).chain([Vec::new()]);
        for (number, bytes) in inputs.enumerate() {
            let begun = Instant::now();
            let held = panic::catch_unwind(|| (reader.property)(&bytes));
            assert!(held.is_ok(), "{} does not hold for its input {number}", reader.name);
            assert!(begun.elapsed() < LONGEST, "{} took {:?} for input {number}", reader.name, begun.elapsed());
        }
    }
}

#[test]
fn every_property_holds_around_what_is_known() {
    for reader in READERS {
        let known: Vec<_> = (reader.seeds)().into_iter().chain(kept(reader.name)).collect();
        let config = ProptestConfig { cases: EDITS, failure_persistence: None, ..ProptestConfig::default() };
        let input = (any::<Index>(), prop::collection::vec(edit(), 1..6));
        let result = TestRunner::new(config).run(&input, |(which, edits)| {
            let mut bytes = which.get(&known).clone();
            edits.iter().for_each(|edit| apply(&mut bytes, edit));
            (reader.property)(&bytes);
            Ok(())
        });
        assert!(result.is_ok(), "{}: {result:?}", reader.name);
    }
}

#[test]
fn every_reader_has_a_target_and_every_target_is_a_readers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut targets: Vec<_> = fs::read_dir(root.join("targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    targets.sort_unstable();
    assert_eq!(targets, READERS.map(|reader| reader.name));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for reader in READERS {
        assert!(manifest.contains(&format!("path = \"targets/{}.rs\"", reader.name)), "{}", reader.name);
        let target = fs::read_to_string(root.join(format!("targets/{}.rs", reader.name))).unwrap();
        assert!(target.contains(&format!("nhipcau_fuzz::{}::property(bytes)", reader.name)), "{}", reader.name);
        assert!(!(reader.seeds)().is_empty(), "{} has no seed", reader.name);
    }
}
