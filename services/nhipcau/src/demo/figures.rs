//! The figures of the story: one party publishes, the others hold the same, which a digest over every observation
//! shows.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context as _;
use nhipcau_messaging::pae;
use nhipcau_proto::indicator::v1 as pb;

use super::observed::{Held, Observations};
use crate::{
    exit::{Code, Failure, OrExit as _},
    indicators::{self, Export, Import},
    registry,
    story::{
        office::Office,
        tell::Teller,
        wait::{PATIENCE, Seen, until},
    },
    terminal::counted,
};

const BROUGHT: &str = include_str!("../../../../deploy/dev/demo/indicators.csv");

/// Between the fields of a line that is digested.
const SEPARATOR: &str = "\u{1f}";

/// The file of figures.
#[derive(Debug)]
pub(super) struct Input {
    bytes: Vec<u8>,
}

impl Input {
    /// Reads a file, or takes the figures that the program brings.
    pub(super) fn read(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(file) = file else {
            return Ok(Self { bytes: BROUGHT.as_bytes().to_vec() });
        };
        let bytes = fs::read(file).with_context(|| file.display().to_string()).or_exit(Code::Configuration)?;
        Ok(Self { bytes })
    }

    /// Checks it as its publisher will submit it.
    ///
    /// # Errors
    /// Lists every violation with its line.
    pub(super) fn check(&self, publisher: &Office) -> Result<Import, Failure> {
        let profile = publisher.connection.profile();
        let directory = profile.directory().context("the profile names no directory").or_exit(Code::Configuration)?;
        let registry = registry::newest(directory)?.registry;
        Import::read(self.bytes.as_slice(), &registry, profile.system()).map_err(|error| indicators::refused(&error))
    }
}

/// Publishes a file and waits until every subscriber holds what the publisher holds.
pub(super) async fn publish(
    publisher: &Office,
    subscribers: &[&Office],
    import: &Import,
    teller: &Teller,
) -> Result<Observations, Failure> {
    let count = indicators::submit(import, &publisher.connection).await?.observation_count;
    teller.say(
        format_args!("{} công bố {count} số liệu.", publisher.vietnamese),
        format_args!("{} publishes {}.", publisher.english, counted(count, "observation")),
    )?;
    let structure = import.structure();
    let own = held(publisher, publisher, structure).await?;
    let mut everywhere = BTreeMap::new();
    for subscriber in subscribers {
        let wanted = format!("{} of {}", counted(own.count, "observation"), publisher.name);
        let found = until(subscriber.name, &wanted, PATIENCE, async || {
            let found = held(subscriber, publisher, structure).await?;
            Ok(if found == own {
                Seen::There(found)
            } else {
                Seen::Instead(counted(found.count, "observation").to_string())
            })
        });
        let found = found.await?;
        teller.say(
            format_args!("{} giữ đúng {} số liệu đó.", subscriber.vietnamese, found.count),
            format_args!("{} holds the same {}, SHA-256 {}.", subscriber.english, found.count, found.digest),
        )?;
        everywhere.insert(subscriber.name.to_owned(), found);
    }
    Ok(Observations { submitted: own.count, digest: own.digest, held: everywhere })
}

/// What an access point holds of a publisher's figures.
async fn held(holder: &Office, publisher: &Office, structure: &str) -> Result<Held, Failure> {
    let selection = pb::Selection {
        data_provider: publisher.name.to_owned(),
        structure: structure.to_owned(),
        ..pb::Selection::default()
    };
    let mut lines = Vec::new();
    let export = Export { selection, as_of: None };
    let pages = indicators::pages(&export, &holder.connection, |series| {
        lines.extend(series.iter().filter_map(|group| group.block.as_ref()).flat_map(|b| block_lines(structure, b)));
        Ok(())
    });
    pages.await?;
    Ok(digest(lines))
}

/// One line per observation: structure, key, period, value and `NAME=value` of every attribute.
pub(super) fn block_lines(structure: &str, block: &pb::SeriesBlock) -> Vec<String> {
    let line = |at: usize, period: &String| {
        let value = block.values.get(at).map_or("", String::as_str);
        let attribute = |column: &pb::AttributeColumn| {
            let position = column.positions.get(at).or_else(|| column.positions.first())?;
            let text = column.texts.get(usize::try_from(*position).ok()?.checked_sub(1)?)?;
            (!text.is_empty()).then(|| format!("{}={text}", column.attribute))
        };
        let mut attributes: Vec<String> = block.attributes.iter().filter_map(attribute).collect();
        attributes.sort_unstable();
        let mut fields = vec![structure, &block.key, period, value];
        fields.extend(attributes.iter().map(String::as_str));
        fields.join(SEPARATOR) + "\n"
    };
    block.time_periods.iter().enumerate().map(|(at, period)| line(at, period)).collect()
}

/// Count and digest of lines: SHA-256 over them in the order of their bytes.
pub(super) fn digest(mut lines: Vec<String>) -> Held {
    lines.sort_unstable();
    Held { count: lines.len() as u64, digest: hex::encode(pae::sha256(lines.concat().as_bytes())) }
}
