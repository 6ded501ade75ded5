//! Reads a structure from the plain table in which structures are shipped.

use std::{io::Read, sync::Arc};

use super::{Attribute, CodeList, CodeLists, Dimension, Structure, StructureRef, codelist::is_code};
use crate::area::{ErrorKind, FileError, Table};

impl Structure {
    const COLUMNS: [&str; 6] = ["structure", "component", "role", "codelist", "name_vi", "name_en"];

    /// Reads one structure: its dimensions in key order, then the time dimension, the measure and the attributes.
    ///
    /// # Errors
    /// [`FileError`] at the first line that is malformed, repeats a component, is out of order or names an unknown
    /// code list.
    pub fn parse(input: impl Read, lists: &CodeLists) -> Result<Self, FileError> {
        let mut table = Table::open(input, &Self::COLUMNS)?;
        let mut reference: Option<StructureRef> = None;
        let (mut dimensions, mut attributes) = (Vec::new(), Vec::new());
        let (mut seen, mut stage): (Vec<Arc<str>>, usize) = (Vec::new(), 0);
        while table.advance()? {
            let named = table.text(0).parse().map_err(|_| table.fault(ErrorKind::Cell("structure")))?;
            if *reference.get_or_insert_with(|| StructureRef::clone(&named)) != named {
                return Err(table.fault(ErrorKind::Cell("structure")));
            }
            let id: Arc<str> = Some(table.text(1))
                .filter(|id| is_code(id) && !seen.iter().any(|other| **other == **id))
                .ok_or_else(|| table.fault(ErrorKind::Cell("component")))?
                .into();
            seen.push(Arc::clone(&id));
            let role = table.text(2);
            let now = match role {
                "dimension" | "area" => 0,
                "time" if *id == *Self::TIME_PERIOD => 1,
                "measure" if *id == *Self::OBS_VALUE => 2,
                "attribute" => 3,
                _ => return Err(table.fault(ErrorKind::Cell("role"))),
            };
            // Time and measure stand once each, between the dimensions and the attributes.
            if now < stage || now > stage + 1 {
                return Err(table.fault(ErrorKind::Cell("role")));
            }
            stage = now;
            let codes = code_list(&table, lists)?;
            match (now, codes) {
                (0, Some(codes)) => dimensions.push(Dimension { id, codes, area: role == "area" }),
                (0, None) => return Err(table.fault(ErrorKind::Cell("codelist"))),
                (3, codes) => attributes.push(Attribute { id, codes }),
                _ => {}
            }
        }
        match reference {
            Some(reference) if stage >= 2 && !dimensions.is_empty() => {
                Ok(Self { reference, dimensions: dimensions.into(), attributes: attributes.into() })
            }
            _ => Err(table.fault(ErrorKind::Unknown("measure"))),
        }
    }
}

fn code_list<R: Read>(table: &Table<R>, lists: &CodeLists) -> Result<Option<Arc<CodeList>>, FileError> {
    match table.text(3) {
        "" => Ok(None),
        id => lists.get(id).cloned().map(Some).ok_or_else(|| table.fault(ErrorKind::Unknown("code list"))),
    }
}
