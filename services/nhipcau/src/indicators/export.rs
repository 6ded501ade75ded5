//! `nhipcau indicators export`: held figures as a file that can be imported again. The file is complete or not there.
//!
//! Written beside its place and moved there at the end; to standard output as it comes.

use std::{
    fmt,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use jiff::Timestamp;
use nhipcau_domain::indicator::StructureRef;
use nhipcau_indicators::{Registry, sdmx};
use nhipcau_proto::indicator::v1 as pb;
use serde::Serialize;

use crate::{
    client::{Connection, Options, Refused},
    exit::{Code, Failure, OrExit as _},
    registry::Place,
    terminal::{self, counted},
};

/// Observations that are asked for at once: the most that an answer has.
const PAGE: i32 = 10_000;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    client: Options,
    #[command(flatten)]
    tables: Place,
    /// Structure of the figures, AGENCY:ID(VERSION).
    #[arg(long, value_name = "REF")]
    structure: String,
    /// Party that publishes them. Needed where several publish what is asked for: a file does not say whose it is.
    #[arg(long, value_name = "PARTY", default_value = "")]
    provider: String,
    /// Key pattern: a part for each dimension, '+' between codes, nothing for every code.
    #[arg(long, value_name = "PATTERN", default_value = "all")]
    key: String,
    /// First period.
    #[arg(long, value_name = "PERIOD", default_value = "")]
    start: String,
    /// Last period.
    #[arg(long, value_name = "PERIOD", default_value = "")]
    end: String,
    /// What had been published by this time, instead of now.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// File to write; standard output when left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Says what was written as one JSON document; needs --out.
    #[arg(long, requires = "out")]
    json: bool,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Export {
    pub(crate) selection: pb::Selection,
    pub(crate) as_of: Option<Timestamp>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Written {
    /// Observations in the file.
    pub(crate) observation_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let registry = args.tables.read(connection.profile().directory())?.registry;
    let export = Export {
        selection: pb::Selection {
            data_provider: args.provider,
            structure: args.structure,
            key_pattern: args.key,
            start_period: args.start,
            end_period: args.end,
        },
        as_of: args.as_of,
    };
    match args.out {
        None => {
            let mut out = BufWriter::new(io::stdout());
            export.write(&mut out, &registry, &connection).await?;
            out.flush().or_exit(Code::Failed)
        }
        Some(path) => {
            let written = export.write_file(&path, &registry, &connection).await?;
            terminal::result(args.json, &written)
        }
    }
}

impl Export {
    /// Writes a file, under another name until it is complete.
    pub(crate) async fn write_file(
        &self,
        path: &Path,
        registry: &Registry,
        connection: &Connection,
    ) -> Result<Written, Failure> {
        let mut name = path.file_name().context("--out names no file").or_exit(Code::Usage)?.to_owned();
        name.push(".partial");
        let partial = path.with_file_name(name);
        let written = async {
            let file = File::create(&partial).with_context(|| partial.display().to_string()).or_exit(Code::Failed)?;
            let mut file = BufWriter::new(file);
            let written = self.write(&mut file, registry, connection).await?;
            let end = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
            end.and_then(|()| fs::rename(&partial, path)).or_exit(Code::Failed)?;
            Ok(Written { file: Some(path.to_owned()), ..written })
        };
        let written = written.await;
        if written.is_err() {
            // What stays behind is marked by its name, so a second failure is not worth another complaint.
            drop(fs::remove_file(&partial));
        }
        written
    }

    async fn write(
        &self,
        output: impl Write,
        registry: &Registry,
        connection: &Connection,
    ) -> Result<Written, Failure> {
        let unknown = || Failure::because(Code::Usage, "the structure is not in the directory");
        let reference: StructureRef = self.selection.structure.parse().or_exit(Code::Usage)?;
        let structure = registry.find(&reference).ok_or_else(unknown)?;
        // Begun with the first answer: whoever is refused is not handed the head of a file.
        let (mut output, mut file) = (Some(output), None);
        let (mut count, mut provider) = (0, None);
        pages(self, connection, |series| {
            for group in &series {
                if *provider.get_or_insert_with(|| group.data_provider.clone()) != group.data_provider {
                    let text = "several parties publish what is asked for; choose one with --provider";
                    return Err(Failure::because(Code::Usage, text));
                }
                count += group.block.as_ref().map_or(0, |block| block.time_periods.len() as u64);
            }
            terminal::advance(counted(count, "observation"));
            if let Some(output) = output.take() {
                file = Some(sdmx::Export::new(output, structure, registry).or_exit(Code::Failed)?);
            }
            let written = file.as_mut().map_or(Ok(()), |file| file.page(series));
            written.context("the answer does not fit the directory at hand").or_exit(Code::Failed)
        })
        .await?;
        file.map(sdmx::Export::finish).transpose().or_exit(Code::Failed)?;
        Ok(Written { observation_count: count, file: None })
    }
}

/// Hands over every page of what is asked for. All pages show one state, however much arrives meanwhile.
pub(crate) async fn pages(
    export: &Export,
    connection: &Connection,
    mut page: impl FnMut(Vec<pb::SeriesObservations>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let as_of_time =
        export.as_of.map(|time| prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() });
    let mut request = pb::QueryObservationsRequest {
        selection: Some(export.selection.clone()),
        as_of_time,
        page_size: PAGE,
        page_token: String::new(),
    };
    loop {
        let answer =
            connection.call(&request, async |request| connection.indicators().query_observations(request).await);
        let answer: Result<pb::QueryObservationsResponse, Refused> = Box::pin(answer).await;
        let pb::QueryObservationsResponse { series, next_page_token } = answer?;
        page(series)?;
        if next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = next_page_token;
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", counted(self.observation_count, "observation"))?;
        self.file.as_ref().map_or(Ok(()), |file| write!(f, " written to {}", file.display()))
    }
}
