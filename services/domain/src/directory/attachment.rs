//! Tables beside a release, in forms that people read: the release vouches for their bytes, their readers for their
//! content.

use std::collections::BTreeSet;

use nhipcau_proto::directory::v1 as pb;

use super::error::Error;
use super::release::Release;
use super::violation::{Problem, Violations};
use super::{code_list, data_structure};
use crate::pae::sha256;

pub(super) fn check(wire: &pb::Release, found: &mut Violations) {
    let mut names = BTreeSet::new();
    for (i, file) in wire.attachments.iter().enumerate() {
        let path = format_args!("attachments[{i}]");
        found.require(is_file_name(&file.name), Problem::Syntax, format_args!("{path}.name"));
        let fresh = names.insert(file.name.as_str());
        found.require(fresh, Problem::Repeated, format_args!("{path}.name"));
        code_list::check_file(&file.digest, file.size_bytes, found, path);
        for (j, key) in file.code_lists.iter().enumerate() {
            code_list::check_key(Some(key), found, format_args!("{path}.code_lists[{j}]"));
        }
        for (j, key) in file.data_structures.iter().enumerate() {
            let path = format_args!("{path}.data_structures[{j}]");
            data_structure::check_key(Some(key), found, path);
        }
    }
}

/// A name that stays inside any directory it is written to.
fn is_file_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= 64 && name.split('.').all(is_part)
}

impl Release {
    /// Names of the tables beside the release, in its order.
    pub fn attachments(&self) -> impl Iterator<Item = &str> {
        self.wire().attachments.iter().map(|file| file.name.as_str())
    }

    /// Hands the table on if it is the one that the release vouches for.
    ///
    /// # Errors
    /// [`Error::UnknownAttachment`] when the release names no such file or one with other bytes.
    pub fn attachment<'a>(&self, name: &str, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        let named = self.wire().attachments.iter().find(|file| file.name == name);
        named
            .filter(|file| file.size_bytes == bytes.len() as u64 && file.digest == sha256(bytes))
            .map(|_| bytes)
            .ok_or(Error::UnknownAttachment)
    }
}
