//! The configuration of an access point as the command line gives it: a file and the environment.
//!
//! `serve`, `doctor`, `directory`, `keys rotate` and `store copy` read it here alike. The operator of the broker has a
//! file of another form.

use std::{collections::BTreeMap, env, path::Path};

use nhipcau_runtime::config::Config;

use crate::exit::{Code, Failure, OrExit as _};

/// Reads the file over the defaults, and the environment over both.
///
/// # Errors
/// [`Code::Configuration`] with every problem.
pub(crate) fn load(file: Option<&Path>) -> Result<Config, Failure> {
    Config::load(file, &environment()).or_exit(Code::Configuration)
}

/// What the environment says. A variable that is not UTF-8 is none of ours.
fn environment() -> BTreeMap<String, String> {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}
