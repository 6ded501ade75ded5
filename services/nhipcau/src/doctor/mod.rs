//! `nhipcau doctor`: looks at everything that an access point stands on and says what to do about it.
//!
//! Disturbs nothing: a running process keeps its store, its lock and its place at the broker. Writes one probe file
//! beside the store and takes it away again. A problem makes it exit with 6; warnings do not.

mod broker;
mod disk;
mod expiry;
mod program;
mod secrets;

use std::{fmt, path::PathBuf};

use nhipcau_runtime::clock::Clock;
use serde::Serialize;

use crate::{
    check::{self, Finding, Severity},
    exit::{Code, Failure},
    settings, terminal,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "NHIPCAU_CONFIG")]
    config: Option<PathBuf>,
    /// Also refuses what is good enough for trying things out only.
    #[arg(long)]
    production: bool,
    /// The nats-server of this machine; by default the one on PATH, if any.
    #[arg(long, value_name = "FILE", env = "NHIPCAU_NATS_SERVER")]
    nats_server: Option<PathBuf>,
    /// Writes JSON.
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    access_point: String,
    /// The gravest of the findings.
    severity: Severity,
    findings: Vec<Finding>,
}

/// Looks at everything.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let config = settings::load(args.config.as_deref())?;
    let clock = Clock::system();
    terminal::progress(format_args!("looking at the files of {}", config.access_point));
    let mut findings = program::versions(&config);
    findings.extend(program::server(args.nats_server, args.production));
    findings.extend(secrets::look(&config, args.production));
    let (files, release) = check::files(&config, clock.now());
    findings.extend(files);
    if let Some(release) = release {
        findings.extend(program::contracts(|contract| release.contract(contract)));
        findings.push(expiry::release(&release, clock.now()));
        findings.extend(expiry::keys(&config, &release, clock.now()));
    }
    findings.extend(expiry::certificates(&config, clock.now()));
    findings.extend(disk::look(&config, &clock, args.production));
    terminal::progress("looking at the broker");
    findings.extend(broker::look(&config, &clock).await);
    let severity = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Good);
    let report = Report { access_point: config.access_point.to_string(), severity, findings };
    terminal::result(args.json, &report)?;
    match severity {
        Severity::Problem => Err(Failure::because(Code::Differs, "there are problems, listed above")),
        Severity::Good | Severity::Warning => Ok(()),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "access point {}", self.access_point)?;
        self.findings.iter().try_for_each(|finding| {
            let mark = match finding.severity {
                Severity::Good => "good   ",
                Severity::Warning => "WARNING",
                Severity::Problem => "PROBLEM",
            };
            write!(f, "\n{mark}  {:13}  {finding}", finding.check)
        })
    }
}
