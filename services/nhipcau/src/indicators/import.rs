//! `nhipcau indicators import`: a file becomes one submission, whole or not at all.
//!
//! The file is checked here first, against the directory of the profile, and its mistakes are named by row. Its request
//! id comes from content and caller, so that a second run after a lost answer is the same submission.

use std::{fmt, fs::File, io, path::PathBuf};

use anyhow::Context as _;
use nhipcau_domain::indicator::sdmx_csv::{ImportError, Limits};
use nhipcau_indicators::{Registry, sdmx};
use nhipcau_messaging::pae;
use nhipcau_proto::indicator::v1 as pb;
use nhipcau_runtime::caller::SystemName;
use prost::Message as _;
use serde::Serialize;
use uuid::Uuid;

use super::{action::Action, check::Faulty, upload};
use crate::{
    client::{Connection, Options},
    exit::{Code, Failure, OrExit as _},
    registry::Place,
    terminal::{self, counted},
};

/// Separates these request ids from every other use of the digest.
const REQUEST: &[u8] = b"nhipcau/1/import";

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// SDMX-CSV 2.0 file; '-' reads standard input.
    file: PathBuf,
    #[command(flatten)]
    client: Options,
    #[command(flatten)]
    tables: Place,
    /// Dataflow that the figures belong to, AGENCY:ID(VERSION), where the file names the structure.
    #[arg(long, value_name = "REF")]
    dataflow: Option<String>,
    /// Action for every row, instead of the file's own.
    #[arg(long)]
    action: Option<Action>,
    /// Id of the request. Made from content and caller when left out: the same file again is then the same submission.
    /// Give a new one to submit the same content once more.
    #[arg(long, value_name = "UUID")]
    request_id: Option<Uuid>,
    /// Checks everything, at the access point as well, and changes nothing.
    #[arg(long)]
    validate_only: bool,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

/// A file that was read and found good, as it will be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Import {
    caller: SystemName,
    pub(super) content: sdmx::Import,
    pub(super) request_id: String,
    pub(super) validate_only: bool,
}

/// What became of a file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Submitted {
    /// Resource name; none when nothing was to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) submission: Option<String>,
    /// Number at its provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    ordinal: Option<u64>,
    /// Observations that it names.
    pub(crate) observation_count: u64,
    /// Whether it had been submitted before, under the same request id.
    replayed: bool,
    request_id: String,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let registry = args.tables.read(connection.profile().directory())?.registry;
    let caller = connection.profile().system();
    let read = if args.file.as_os_str() == "-" {
        Import::read(io::stdin().lock(), &registry, caller)
    } else {
        let file = File::open(&args.file).with_context(|| args.file.display().to_string());
        Import::read(file.or_exit(Code::Configuration)?, &registry, caller)
    };
    let import = match read {
        Ok(import) => import,
        Err(error) => return Err(refuse(args.json, &Faulty::read(&error), error)?),
    };
    let import = import.with(&args)?;
    terminal::progress(format_args!(
        "{} read, request id {}",
        counted(import.content.observation_count, "observation"),
        import.request_id
    ));
    match submit(&import, &connection).await {
        Ok(submitted) => terminal::result(args.json, &submitted),
        Err(refused) if refused.violation_count() > 0 => {
            Err(refuse(args.json, &Faulty::answered(&refused, &import.datasets()?), refused)?)
        }
        Err(refused) => Err(refused.into()),
    }
}

/// Tells what is wrong: as the JSON document of the command, or as its complaint.
fn refuse(json: bool, faulty: &Faulty, error: impl Into<anyhow::Error>) -> Result<Failure, Failure> {
    if json {
        terminal::json(faulty)?;
        return Ok(Failure::new(Code::Refused, error));
    }
    Ok(Failure::because(Code::Refused, faulty))
}

/// What is wrong with a file, for a command that imports one beside other things.
pub(crate) fn refused(error: &ImportError) -> Failure {
    Failure::because(Code::Refused, Faulty::read(error))
}

impl Import {
    /// Reads and checks a file.
    pub(crate) fn read(input: impl io::Read, registry: &Registry, caller: &SystemName) -> Result<Self, ImportError> {
        let content = sdmx::Import::read(input, registry, Limits::default())?;
        let import = Self { caller: caller.clone(), content, request_id: String::new(), validate_only: false };
        Ok(import.named())
    }

    /// Gives it the request id that its content has with this caller.
    fn named(self) -> Self {
        let caller = self.caller.to_string();
        let digests: Vec<_> = self.content.chunks.iter().map(|chunk| pae::sha256(chunk)).collect();
        let fields = [
            REQUEST,
            caller.as_bytes(),
            self.content.submission.structure.as_bytes(),
            self.content.submission.dataflow.as_bytes(),
        ];
        let fields: Vec<&[u8]> = fields.into_iter().chain(digests.iter().map(<[u8; 32]>::as_slice)).collect();
        let digest = pae::digest_of(&fields);
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self { request_id: uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string(), ..self }
    }

    fn with(mut self, args: &Args) -> Result<Self, Failure> {
        if let Some(action) = args.action {
            self.apply(action).or_exit(Code::Usage)?;
        }
        if let Some(dataflow) = &args.dataflow {
            self.content.submission.dataflow.clone_from(dataflow);
        }
        self = self.named();
        if let Some(id) = args.request_id {
            self.request_id = id.to_string();
        }
        self.validate_only = args.validate_only;
        Ok(self)
    }

    /// The structure that it follows.
    pub(crate) fn structure(&self) -> &str {
        &self.content.submission.structure
    }

    /// The provider as calls name it.
    pub(super) fn parent(&self) -> String {
        format!("parties/{}", self.caller.party)
    }

    /// Everything that it contains, in order.
    fn datasets(&self) -> anyhow::Result<Vec<pb::Dataset>> {
        let mut datasets = Vec::new();
        for chunk in &self.content.chunks {
            datasets.extend(pb::Chunk::decode(chunk.as_slice()).context("a piece of the file")?.datasets);
        }
        Ok(datasets)
    }

    /// Puts every row under another action.
    pub(super) fn apply(&mut self, action: Action) -> anyhow::Result<()> {
        for chunk in &mut self.content.chunks {
            let mut content = pb::Chunk::decode(chunk.as_slice()).context("a piece of the file")?;
            action.apply(&mut content.datasets)?;
            *chunk = content.encode_to_vec();
        }
        Ok(())
    }
}

/// Submits a file: in one message when it fits, else piece by piece.
pub(crate) async fn submit(import: &Import, connection: &Connection) -> Result<Submitted, crate::client::Refused> {
    let (submission, replayed) = match import.content.whole() {
        None => upload::submit(import, connection).await?,
        Some(submission) => {
            let request = pb::SubmitRequest {
                parent: import.parent(),
                submission: Some(submission),
                request_id: import.request_id.clone(),
                validate_only: import.validate_only,
            };
            let answer = connection.call(&request, async |request| connection.indicators().submit(request).await);
            let pb::SubmitResponse { submission, replayed } = Box::pin(answer).await?;
            (submission, replayed)
        }
    };
    let submission = submission.unwrap_or_default();
    let is_made = !import.validate_only;
    Ok(Submitted {
        ordinal: is_made.then_some(submission.ordinal),
        observation_count: import.content.observation_count,
        submission: is_made.then_some(submission.name),
        replayed,
        request_id: import.request_id.clone(),
    })
}

impl fmt::Display for Submitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let observations = counted(self.observation_count, "observation");
        match &self.submission {
            None => write!(f, "{observations} would be accepted; nothing was changed"),
            Some(name) => {
                let before = if self.replayed { ", submitted before under the same request id" } else { "" };
                let ordinal = self.ordinal.unwrap_or_default();
                write!(f, "{name}: {observations}, submission {ordinal} of its provider{before}")
            }
        }
    }
}
