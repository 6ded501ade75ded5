//! `nhipcau referral submit`: a referral from a file in the JSON of the contract.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use nhipcau_proto::referral::v1 as pb;
use serde_json::json;

use super::{Change, show::Shown};
use crate::{
    client::{
        Connection, Refused,
        document::{self, Document},
    },
    exit::{Code, Failure, OrExit as _},
    terminal,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// File with a SubmitReferralRequest as JSON, see `template`; '-' reads standard input.
    file: PathBuf,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let mut request: pb::SubmitReferralRequest = file(&args.file)?;
    let (connection, id) = args.change.begin()?;
    if request.request_id.is_empty() || args.change.request_id.is_some() {
        request.request_id.clone_from(&id);
    } else if request.request_id != id {
        terminal::progress(format_args!("request id {} of the file is used", request.request_id));
    }
    request.validate_only |= args.change.validate_only;
    let answer = submit(&request, &connection).await?;
    let referral = answer.referral.unwrap_or_default();
    if args.change.json {
        let referral = document::write(&referral)?;
        let id = request.request_id;
        return terminal::json(&json!({ "referral": referral, "replayed": answer.replayed, "request_id": id }));
    }
    if request.validate_only {
        return terminal::line("would be accepted; nothing was changed");
    }
    if answer.replayed {
        terminal::progress("submitted before under the same request id");
    }
    terminal::line(Shown(&referral))
}

/// Submits a referral.
pub(crate) async fn submit(
    request: &pb::SubmitReferralRequest,
    connection: &Connection,
) -> Result<pb::SubmitReferralResponse, Refused> {
    let answer = connection.call(request, async |request| connection.referrals().submit_referral(request).await);
    Box::pin(answer).await
}

/// Reads a file in the JSON of the contract.
pub(crate) fn file<M: Document>(path: &Path) -> Result<M, Failure> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = text.with_context(|| path.display().to_string()).or_exit(Code::Configuration)?;
    document::read(&text).with_context(|| path.display().to_string()).or_exit(Code::Configuration)
}
