//! Code lists: the codes a component may have, each with its names and the days on which it is in force.

use std::{collections::HashMap, io::Read, sync::Arc};

use crate::area::{ErrorKind, FileError, Table, Validity};

/// What a code means and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// When it may be used: some day of the observation's period must belong to it.
    pub validity: Validity,
    /// Name in Vietnamese, NFC.
    pub name_vi: Box<str>,
    /// Name in English.
    pub name_en: Box<str>,
}

/// One list of codes.
#[derive(Debug, Default)]
pub struct CodeList {
    codes: HashMap<Box<str>, Code>,
}

impl CodeList {
    /// What a code means; none when the list does not have it.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<&Code> {
        self.codes.get(code)
    }

    /// Every code with its meaning, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Code)> {
        self.codes.iter().map(|(text, code)| (&**text, code))
    }
}

/// Code lists by id. Structures share them.
#[derive(Debug, Default)]
pub struct CodeLists {
    lists: HashMap<Box<str>, Arc<CodeList>>,
}

impl CodeLists {
    const COLUMNS: [&str; 6] = ["codelist", "code", "valid_from", "valid_until", "name_vi", "name_en"];

    /// Reads a table of codes.
    ///
    /// # Errors
    /// [`FileError`] at the first line that is malformed or repeats a code.
    pub fn parse(input: impl Read) -> Result<Self, FileError> {
        let mut table = Table::open(input, &Self::COLUMNS)?;
        let mut lists: HashMap<Box<str>, CodeList> = HashMap::new();
        while table.advance()? {
            let code = table.text(1);
            if !is_code(code) {
                return Err(table.fault(ErrorKind::Cell("code")));
            }
            let meaning = Code {
                validity: table.validity(2)?,
                name_vi: table.required(4, "name_vi")?.into(),
                name_en: table.required(5, "name_en")?.into(),
            };
            let list = lists.entry(table.required(0, "codelist")?.into()).or_default();
            if list.codes.insert(code.into(), meaning).is_some() {
                return Err(table.fault(ErrorKind::Overlap));
            }
        }
        Ok(Self { lists: lists.into_iter().map(|(id, list)| (id, Arc::new(list))).collect() })
    }

    /// A list by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<CodeList>> {
        self.lists.get(id)
    }
}

/// SDMX ids and codes: never a '.', which joins keys.
pub(super) fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'@' | b'$'))
}
