//! What is left of an erased case on the disks of an access point: every block of them is read, as by somebody who
//! takes the disks away, and every key that is left is tried.
//!
//! The store may leave the wrapped key of a case in pages and blocks that nothing has written over yet, which this
//! counts and does not forbid. What it demands is that no key opens it any more once the key-encryption key was
//! retired, and that neither the case's key, nor the key-encryption key, nor a word of the case lies anywhere. Leaves
//! out what a drive copies by itself.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use nhipcau_messaging::{crypto::rest::RestKey, store::Readers};
use nhipcau_proto::referral::v1::{self as pb, BranchState};
use nhipcau_tests::{
    process::{output, program},
    wait,
};
use uuid::Uuid;

use crate::{
    search::{Finder, Found},
    story::{Story, request},
};

/// Whose disks are looked at.
const NAME: &str = "vwu";

/// The wrapped key of a case, as it lies in a store.
struct Wrapped {
    case: [u8; 16],
    bytes: Vec<u8>,
}

impl Wrapped {
    async fn of(home: &Path, case: &str) -> Result<Option<Self>> {
        let case = *Uuid::parse_str(case)?.as_bytes();
        let readers = Readers::open(&*home.join("store/store.db"), 1)?;
        let sql = "SELECT wrapped FROM case_key WHERE correlation = $1";
        let found = readers.read(move |tx| tx.query_one(sql, &[(&case).into()], |row| row.blob(0))).await?;
        Ok(found.map(|bytes| Self { case, bytes }))
    }

    /// The case's key, if any of the key-encryption keys of a directory opens it.
    fn opened(&self, kek: &Path) -> Result<Option<Vec<u8>>> {
        for key in keys(kek)? {
            let bytes = <[u8; 32]>::try_from(key.as_slice()).ok().context("a key of 32 bytes")?;
            if let Ok(opened) = RestKey::new(bytes).open("case_key", &self.case, &self.bytes) {
                return Ok(Some(opened));
            }
        }
        Ok(None)
    }
}

/// The key-encryption keys of a directory.
fn keys(kek: &Path) -> Result<Vec<Vec<u8>>> {
    let mut keys = Vec::new();
    for entry in fs::read_dir(kek)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "key") {
            let line = fs::read_to_string(path)?;
            let digits = line.trim_end().rsplit(' ').next().context("a key")?.to_owned();
            let digit = |at: usize| u8::from_str_radix(digits.get(at..at + 2).unwrap_or_default(), 16);
            keys.push((0..digits.len()).step_by(2).map(digit).collect::<Result<_, _>>()?);
        }
    }
    Ok(keys)
}

/// How often some bytes lie on a disk.
fn times(disk: &[u8], bytes: &[u8]) -> usize {
    disk.windows(bytes.len()).filter(|there| *there == bytes).count()
}

/// The same as the text of a key file has them.
fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_opened_from_the_raw_disk_by_no_key_that_is_left() {
    let mut story = Story::begin_on(&[NAME]).await.unwrap();
    shown(&mut story).await.unwrap();
}

async fn shown(story: &mut Story) -> Result<()> {
    let home = story.world.path(NAME);
    let kek = home.join("kek");
    let erased = story.submit(request(["hanoi", NAME], pb::ReferralKind::Referral)).await?;
    let kept = story.submit(request(["hanoi", NAME], pb::ReferralKind::Referral)).await?;
    for case in [&erased, &kept] {
        story.reaches(case, BranchState::Received).await?;
        story.act(NAME, case, &["accept"])?;
        story.reaches(case, BranchState::Assigned).await?;
        story.reads(NAME, case).await?;
    }
    let uid = story.case_of(&erased).await?;
    let wrapped = Wrapped::of(&home, &uid).await?.context("the key of a case")?;
    let key = wrapped.opened(&kek)?.context("whoever has both opens it")?;
    let old = keys(&kek)?.remove(0);
    ensure!(times(&story.disk("store")?.raw()?, &wrapped.bytes) > 0, "the search finds nothing that is there");
    ensure!(times(&story.disk("kek")?.raw()?, digits(&old).as_bytes()) > 0, "nor a key");

    story.withdraws(&erased).await?;
    let gone = async || Wrapped::of(&home, &uid).await.ok()?.is_none().then_some(());
    wait::until_answered("the erasure of the case", gone).await?;

    let config = story.world.config(NAME);
    let retire = || output(program()?.args(["keys", "retire-kek", "2099-01"]).arg("--config").arg(&config));
    let names = fs::read_dir(&kek)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names = names.collect::<Result<Vec<_>>>()?;
    let named = names.iter().find_map(|name| name.strip_suffix(".key")).context("a key")?.to_owned();
    let retire_old = || output(program()?.args(["keys", "retire-kek", &named]).arg("--config").arg(&config));
    ensure!(retire_old()?.status.code() == Some(5), "it is in use");
    let added = output(program()?.args(["keys", "add-kek", "--id", "2099-01", "--home"]).arg(&home))?;
    ensure!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    ensure!(retire_old()?.status.code() == Some(5), "the other one is not in use yet");
    story.world.stop(NAME).await?;
    story.start(NAME).await?;
    let retired = async || retire_old().ok().filter(|said| said.status.success()).map(drop);
    wait::until_answered("all case keys under the newer key", retired).await?;
    ensure!(!retire()?.status.success(), "the newest stays");
    story.reads(NAME, &kept).await?;
    story.world.stop(NAME).await?;

    let [store, kek_disk] = [story.disk("store")?.raw()?, story.disk("kek")?.raw()?];
    table(&[("store", &store), ("kek", &kek_disk)], &wrapped.bytes);
    ensure!(wrapped.opened(&kek)?.is_none(), "a key that is left opens what was erased");
    for (place, disk) in [("store", &store), ("kek", &kek_disk)] {
        for secret in [&key, &old] {
            let hits = times(disk, secret) + times(disk, digits(secret).as_bytes());
            ensure!(hits == 0, "a key lies on the disk of {place}, {hits} times");
        }
        let mut found = Found::default();
        Finder::new().look(place, disk, &mut found);
        ensure!(found.hits.is_empty(), "{:?}", found.hits);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what `make leaks` is for")]
fn table(disks: &[(&str, &Vec<u8>)], wrapped: &[u8]) {
    println!("| disk | bytes searched | wrapped keys of the erased case, which nothing opens |\n| --- | --- | --- |");
    for (place, disk) in disks {
        println!("| {place} | {} | {} |", disk.len(), times(disk, wrapped));
    }
}
