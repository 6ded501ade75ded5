//! What is brought along to a story: a directory with files in place of the sandbox's own, and clocks.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use jiff::SignedDuration;

use crate::{
    exit::{Code, Failure, OrExit as _},
    sandbox::{self, MEMBERS, World},
};

/// File in a source directory that says which access points are ahead or behind.
const CLOCKS: &str = "clocks.toml";

/// The release of the sandbox is in force an hour before it is made.
const BEHIND: SignedDuration = SignedDuration::from_hours(1);
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// How far each access point is ahead of this machine.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    ahead: BTreeMap<String, SignedDuration>,
}

impl Clocks {
    /// Reads what a source directory says of clocks.
    pub(super) fn read(source: Option<&Path>) -> Result<Self, Failure> {
        let Some(source) = source else { return Ok(Self::default()) };
        known(source)?;
        let path = source.join(CLOCKS);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text =
            fs::read_to_string(&path).with_context(|| path.display().to_string()).or_exit(Code::Configuration)?;
        let said: BTreeMap<String, String> =
            toml::from_str(&text).with_context(|| path.display().to_string()).or_exit(Code::Configuration)?;
        let mut ahead = BTreeMap::new();
        for (name, said) in said {
            let duration = said.parse::<SignedDuration>().ok();
            let is_played = |ahead: &SignedDuration| *ahead > -BEHIND && *ahead < AHEAD;
            match duration.filter(is_played).filter(|_| MEMBERS.iter().any(|member| member.name == name)) {
                Some(duration) => ahead.insert(name, duration),
                None => {
                    let text = format!(
                        "{}: `{name} = \"{said}\"` is no access point with a time, less than an hour behind and a day ahead",
                        path.display()
                    );
                    return Err(Failure::because(Code::Configuration, text));
                }
            };
        }
        Ok(Self { ahead })
    }

    /// How far an access point is ahead.
    pub(super) fn ahead(&self, name: &str) -> SignedDuration {
        self.ahead.get(name).copied().unwrap_or_default()
    }

    /// Sets the clocks of a sandbox that does not run yet.
    pub(super) fn set(&self, world: &World) -> Result<(), Failure> {
        // Everybody has a clock that can be set later, whatever it says now.
        for member in MEMBERS {
            world.set_clock(member.name, self.ahead(member.name))?;
        }
        Ok(())
    }
}

/// Refuses a directory with anything in it that would be passed over: a name may be mistyped.
fn known(source: &Path) -> Result<(), Failure> {
    let known: Vec<PathBuf> = sandbox::source_files().chain([PathBuf::from(CLOCKS)]).collect();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        let path = source.join(&directory);
        let listed = fs::read_dir(&path).with_context(|| path.display().to_string()).or_exit(Code::Configuration)?;
        for entry in listed {
            let entry = entry.or_exit(Code::Configuration)?;
            let name = directory.join(entry.file_name());
            if entry.file_type().or_exit(Code::Configuration)?.is_dir() {
                directories.push(name);
            } else if !known.contains(&name) {
                let names: Vec<_> = known.iter().map(|name| name.display().to_string()).collect();
                let text = format!("{} has no meaning here; these have: {}", name.display(), names.join(", "));
                return Err(Failure::because(Code::Configuration, text));
            }
        }
    }
    Ok(())
}
