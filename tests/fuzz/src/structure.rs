//! Tables of codes and of data structures: what is taken can be found again by its names.

use nhipcau_domain::indicator::{CodeLists, Structure};

/// Two tables, separated by a byte that is not UTF-8: codes, structure.
pub fn property(bytes: &[u8]) {
    let mut tables = bytes.splitn(2, |byte| *byte == 0xFF);
    let (codes, components) = (tables.next().unwrap_or_default(), tables.next().unwrap_or_default());
    let Ok(lists) = CodeLists::parse(codes) else { return };
    let Ok(structure) = Structure::parse(components, &lists) else { return };
    let name = structure.reference().as_str();
    assert_eq!(name.parse().as_ref(), Ok(structure.reference()));
    for attribute in structure.attributes() {
        assert!(structure.attribute(&attribute.id).is_some());
    }
    let mut ids: Vec<_> = structure.dimensions().iter().map(|dimension| &dimension.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), structure.dimensions().len(), "each dimension once");
}

pub(crate) const CODES: &str = include_str!("../../../deploy/dev/codelists/sdg-codes.csv");
pub(crate) const COMPONENTS: &str = include_str!("../../../deploy/dev/codelists/sdg-structure.csv");

/// A small one, and the one that is shipped for trying out.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let small = "codelist,code,valid_from,valid_until,name_vi,name_en\nC,A,,,a,a\nC,B,,2025-01-01,b,b\n";
    let two = "structure,component,role,codelist,name_vi,name_en\nT:TWO(1.0),X,dimension,C,,\n\
               T:TWO(1.0),TIME_PERIOD,time,,,\nT:TWO(1.0),OBS_VALUE,measure,,,\nT:TWO(1.0),NOTE,attribute,,,\n";
    [(small, two), (CODES, COMPONENTS)]
        .map(|(codes, components)| [codes, components].map(str::as_bytes).join(&0xFF))
        .to_vec()
}
