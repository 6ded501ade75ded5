//! Files of figures in SDMX-CSV: what is taken is the same when it is written and read again, and what is refused lists
//! a bounded number of violations.

use nhipcau_domain::{
    area::AreaList,
    indicator::{
        CodeLists, MAX_LISTED, Structure,
        sdmx_csv::{Artefact, ArtefactKind, Exporter, Import, ImportError, Limits, import},
    },
};

use crate::structure::{CODES, COMPONENTS};

const LIMITS: Limits = Limits { bytes: 1 << 16, rows: 1_000 };

/// The structure that files follow.
pub(crate) fn followed() -> &'static Structure {
    static STRUCTURE: std::sync::LazyLock<Structure> = std::sync::LazyLock::new(|| {
        let lists = CodeLists::parse(CODES.as_bytes()).expect("the shipped codes");
        Structure::parse(COMPONENTS.as_bytes(), &lists).expect("the shipped structure")
    });
    &STRUCTURE
}

/// See the head of this file.
pub fn property(bytes: &[u8]) {
    match read(bytes) {
        Ok(taken) => {
            let written = write(&taken);
            let again = read(&written).expect("what was written is taken");
            assert_eq!((&again.structure, &again.datasets), (&taken.structure, &taken.datasets));
        }
        Err(ImportError::Invalid(found)) => {
            assert!(!found.is_empty() && found.listed().len() <= MAX_LISTED);
            assert!(found.total() <= 200 * (LIMITS.rows + 1));
        }
        Err(_) => {}
    }
}

fn read(bytes: &[u8]) -> Result<Import, ImportError> {
    let areas = AreaList::default();
    let known = |artefact: &Artefact| (artefact.reference == *followed().reference()).then(followed);
    import(bytes, known, &areas, LIMITS)
}

fn write(import: &Import) -> Vec<u8> {
    let artefact = Artefact { kind: ArtefactKind::Structure, reference: import.structure.clone() };
    let mut file = Exporter::new(Vec::new(), followed(), &artefact).expect("memory takes all");
    for dataset in &import.datasets {
        file.dataset(dataset).expect("memory takes all");
    }
    file.finish().expect("memory takes all")
}

/// A file of each action.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let shipped = include_str!("../../../deploy/dev/demo/indicators.csv");
    let some = shipped.split_inclusive('\n').take(6).collect::<String>();
    let first = some.split_inclusive('\n').take(2).collect::<String>();
    let deleted = first.replacen(",M,", ",D,", 1).replacen(",R,", ",D,", 1);
    vec![some.into_bytes(), first.into_bytes(), deleted.into_bytes()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_taken_so_that_the_property_says_something() {
        let read = read(&seeds()[0]);
        assert!(read.is_ok(), "{read:?}");
    }
}
