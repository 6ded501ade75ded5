//! The configuration of an access point as the command line gives it: a file and the environment.
//!
//! `serve`, `doctor`, `keys rotate`, `keys retire-kek`, `store copy`, and of a home `directory install` and `duty`,
//! read it here alike; `verify`, `evidence` and `referral due` read that of a home that may have been moved. The
//! operator of the broker has a file of another form.

use std::{collections::BTreeMap, env, fs, path::Path};

use anyhow::Context as _;
use nhipcau_runtime::config::Config;

use crate::exit::{Code, Failure, OrExit as _};

/// Reads the file over the defaults, and the environment over both.
///
/// # Errors
/// [`Code::Configuration`] with every problem.
pub(crate) fn load(file: Option<&Path>) -> Result<Config, Failure> {
    Config::load(file, &environment()).or_exit(Code::Configuration)
}

/// Reads the configuration in a home, wherever that was moved to.
///
/// # Errors
/// [`Code::Configuration`] with every problem.
pub(crate) fn home(home: &Path) -> Result<Config, Failure> {
    let path = home.join("nhipcau.toml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string());
    let text = text.or_exit(Code::Configuration)?;
    let home = home.canonicalize().or_exit(Code::Configuration)?.display().to_string();
    let moved = BTreeMap::from([("NHIPCAU_ACCESS_POINT__HOME".to_owned(), home)]);
    Config::parse(Some(&text), &moved).or_exit(Code::Configuration)
}

/// What the environment says. A variable that is not UTF-8 is none of ours.
fn environment() -> BTreeMap<String, String> {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}
