//! What `nhipcau verify FILE` says of a file of evidence at a third place.

use std::{fmt, fs, path::Path};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{directory::Fingerprint, proof::Finding, referral::Side};
use nhipcau_referrals::evidence::{self, Account, BranchAccount, Concern, Later, Line, Marked, Standing};
use serde::Serialize;

use crate::{
    exit::{Code, Failure, OrExit as _},
    terminal::{counted, one_line},
};

/// What a file says, at a third place.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    case: String,
    access_point: String,
    make_time: String,
    directory_version: u64,
    /// When that release was drawn up: keys that were revoked later are believed.
    directory_time: String,
    branches: Vec<Branch>,
    /// What concerns the file and not one branch.
    findings: Vec<Found>,
    access_records: Option<u64>,
    access_head: Option<String>,
    pub(crate) finding_count: u64,
}

#[derive(Debug, Serialize)]
struct Branch {
    branch: String,
    kind: &'static str,
    origin: String,
    recipient: String,
    /// Which side made the file.
    holder: &'static str,
    state: &'static str,
    /// The access point that serves both units, if one does.
    one_for_both: Option<String>,
    events: Vec<Event>,
    responsible: Vec<Responsible>,
    findings: Vec<Found>,
}

#[derive(Debug, Serialize)]
struct Event {
    time: String,
    side: &'static str,
    ordinal: u64,
    event: &'static str,
    person: Option<String>,
    /// What it says, by the word of its writer: a work, or an acknowledgement by telephone.
    said: Option<String>,
    /// TOLD, SIGNED or NAMED.
    standing: &'static str,
    /// Whose signatures lead to it; of an event that is here in part, to its digest.
    signers: Vec<String>,
    /// Why its own envelope does not prove it.
    doubt: Option<&'static str>,
    /// What it said about a person is not here.
    masked: bool,
    /// When the other side had it, by its clock.
    receive_time: Option<String>,
    /// Why the other side refused it.
    refused: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Responsible {
    since: String,
    unit: String,
    /// How well the event is known by which it began.
    standing: &'static str,
    /// It follows from what whoever made the file says, and nobody else.
    told: bool,
}

#[derive(Debug, Serialize)]
struct Found {
    finding: &'static str,
    text: String,
    /// It follows from what whoever made the file says, and nobody else.
    told: bool,
}

/// Reads a file and says what it proves.
pub(crate) fn report(path: &Path, fingerprint: &Fingerprint) -> Result<Report, Failure> {
    let named = path.display().to_string();
    let too_large = || Failure::because(Code::Configuration, "the file is too large to be evidence");
    let size = fs::metadata(path).with_context(|| named.clone()).or_exit(Code::Configuration)?.len();
    if size > evidence::FILE_LIMIT as u64 {
        return Err(too_large());
    }
    let bytes = fs::read(path).with_context(|| named.clone()).or_exit(Code::Configuration)?;
    let account = evidence::verify(&bytes, fingerprint, Timestamp::now()).context(named).or_exit(Code::Differs)?;
    Ok(Report::of(&account))
}

impl Report {
    fn of(account: &Account) -> Self {
        let branches: Vec<_> = account.branches.iter().map(Branch::of).collect();
        let findings: Vec<_> = account.later.iter().map(Found::later).collect();
        let of_branches = branches.iter().map(|branch| branch.findings.len() as u64).sum::<u64>();
        let finding_count = of_branches + findings.len() as u64;
        Self {
            case: account.case.to_string(),
            access_point: account.access_point.to_string(),
            make_time: account.made.to_string(),
            directory_version: account.release,
            directory_time: account.issued.to_string(),
            branches,
            findings,
            access_records: account.access_head.map(|(records, _)| records),
            access_head: account.access_head.map(|(_, digest)| hex::encode(digest)),
            finding_count,
        }
    }
}

impl Branch {
    fn of(told: &BranchAccount) -> Self {
        let unit = |side| told.branch.unit(side).to_string();
        let responsible = told.tenures.iter().map(|Marked { what, told: is_told }| Responsible {
            since: what.since.to_string(),
            unit: unit(what.side),
            standing: told.standing(what.by.0, what.by.1).name(),
            told: *is_told,
        });
        Self {
            branch: told.branch.ids().branch.to_string(),
            kind: told.view.kind.name(),
            origin: unit(Side::Origin),
            recipient: unit(Side::Recipient),
            holder: told.holder.name(),
            state: told.view.state.name(),
            one_for_both: told.one_for_both.as_ref().map(ToString::to_string),
            events: told.lines.iter().map(Event::of).collect(),
            responsible: responsible.collect(),
            findings: told.findings.iter().map(Found::of).collect(),
        }
    }
}

impl Event {
    fn of(line: &Line) -> Self {
        Self {
            time: line.time.to_string(),
            side: line.side.name(),
            ordinal: line.ordinal,
            event: line.event.name(),
            person: line.person.clone(),
            said: line.said.clone(),
            standing: line.standing.name(),
            signers: line.signers.iter().map(ToString::to_string).collect(),
            doubt: line.doubt.map(evidence::Doubt::text),
            masked: line.masked,
            receive_time: line.delivery.map(|delivery| delivery.time.to_string()),
            refused: line
                .delivery
                .and_then(|delivery| delivery.refused)
                .map(|reason| reason.as_str_name().trim_start_matches("REFUSAL_REASON_")),
        }
    }
}

impl Found {
    fn later(later: &Later) -> Self {
        let what = match later {
            Later::Signed { by, time } => format!("{by} signed something at {time}"),
            Later::Issued { time } => format!("the newest release in it was drawn up at {time}"),
        };
        let text = format!("{what}, after this was made: a clock is wrong, or one lies");
        Self { finding: later.name(), text, told: false }
    }

    fn of(Marked { what, told }: &Marked<Concern>) -> Self {
        let text = match what {
            Concern::Broken(finding) => Self::text(finding),
            Concern::NotAllProven { told, all } => {
                format!("{told} of {all} events are the word of who made the file, and of nobody else")
            }
        };
        Self { finding: what.name(), text, told: *told }
    }

    fn text(finding: &Finding) -> String {
        let still = |runs| if runs { ", and is still open" } else { "" };
        match finding {
            Finding::LimitBroken { rule, citation, by, runs } => {
                let citation = one_line(citation);
                format!("limit {rule} ({citation}) was passed by {}{}", span(*by), still(*runs))
            }
            Finding::NoPerson { rule, citation, by, runs } => {
                let (citation, open) = (one_line(citation), still(*runs));
                format!("no person had acknowledged as {rule} asks ({citation}), by {}{open}", span(*by))
            }
            Finding::Unreceipted { side, ordinal, event, refused } => {
                let became = if *refused { "was refused" } else { "has no receipt" };
                format!("{} {ordinal} ({}) {became}", side.name(), event.name())
            }
            Finding::ResponsibilityGap { side, ordinal, since } => {
                format!("{} {ordinal} handed over at {since}, and the other side did not take it", side.name())
            }
            Finding::DisclosedEarly { side, ordinal } => {
                format!("{} {ordinal} discloses before the acceptance", side.name())
            }
            Finding::Unlawful { side, ordinal, reason } => format!("{} {ordinal} is against {reason}", side.name()),
        }
    }
}

/// Days, hours, minutes and seconds.
fn span(by: SignedDuration) -> String {
    let seconds = by.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")];
    let shown = parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}"));
    let shown = shown.collect::<Vec<_>>().join(" ");
    if shown.is_empty() { "less than 1 s".to_owned() } else { shown }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = if self.told { "  [TOLD]" } else { "" };
        write!(f, "{}: {}{told}", self.finding, self.text)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "case {} as {} held it at {}", self.case, self.access_point, self.make_time)?;
        writeln!(f, "under release {} of {}", self.directory_version, self.directory_time)?;
        for branch in &self.branches {
            writeln!(
                f,
                "\n{} {}: {} → {}, {}",
                branch.kind, branch.branch, branch.origin, branch.recipient, branch.state
            )?;
            for event in &branch.events {
                let person = event.person.as_ref().map(|person| format!(" by {person}")).unwrap_or_default();
                let said = event.said.as_ref().map(|said| format!(" ({})", one_line(said))).unwrap_or_default();
                let became = match (&event.receive_time, event.refused) {
                    (_, Some(reason)) => format!("refused as {reason}"),
                    (Some(time), None) => format!("received {time}"),
                    (None, None) => "no receipt".to_owned(),
                };
                let digest = if event.masked { ", its digest" } else { "" };
                let signers = match event.signers.join(", ") {
                    signers if signers.is_empty() => String::new(),
                    signers => format!("{digest} by {signers}"),
                };
                let doubt = event.doubt.filter(|_| event.standing == Standing::Told.name());
                let doubt = doubt.map(|doubt| format!(", {doubt}")).unwrap_or_default();
                let Event { time, side, ordinal, event, standing, .. } = event;
                writeln!(
                    f,
                    "  {time}  {side:<9} {ordinal:>3}  {event}{person}{said}  [{standing}{doubt}{signers}; {became}]"
                )?;
            }
            for responsible in &branch.responsible {
                let Responsible { since, unit, told, .. } = responsible;
                let told = if *told { "  [TOLD]" } else { "" };
                writeln!(f, "  {since}  {unit} answers for the child{told}")?;
            }
            if let Some(signer) = &branch.one_for_both {
                writeln!(f, "  {signer} serves both units: neither side says more than the other")?;
            }
            for found in &branch.findings {
                writeln!(f, "  {found}")?;
            }
        }
        for found in &self.findings {
            writeln!(f, "\n{found}")?;
        }
        write!(f, "\n{}", counted(self.finding_count, "finding"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_how_much_is_said_in_the_largest_units() {
        let said = |seconds| span(SignedDuration::from_secs(seconds));
        assert_eq!(
            [said(0), said(59), said(3_600), said(90_061)],
            ["less than 1 s", "59 s", "1 h", "1 d 1 h 1 min 1 s"]
        );
    }

    #[test]
    fn what_is_no_evidence_is_not_believed() {
        let here = tempfile::tempdir().unwrap();
        let (file, fingerprint) = (here.path().join("file"), "00".repeat(32).parse().unwrap());
        assert_eq!(report(&file, &fingerprint).unwrap_err().code(), Code::Configuration, "there is no file");
        fs::write(&file, b"nothing of the kind").unwrap();
        assert_eq!(report(&file, &fingerprint).unwrap_err().code(), Code::Differs);
    }
}
