//! Reads an SDMX-CSV 2.0 file against the shipped structure, and says what is wrong with it or that exporting it gives
//! the same observations back: `cargo run -p nhipcau-domain --example check_sdmx -- FILE`.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::{env, fs::File, process::ExitCode};

use nhipcau_domain::{
    area::AreaList,
    indicator::{
        CodeLists, Dataset, Structure,
        sdmx_csv::{Artefact, ArtefactKind, Exporter, Import, ImportError, Limits, import},
    },
};

const VERSIONS: &[u8] = include_bytes!("../../../deploy/dev/codelists/vn-versions.csv");
const LEGACY: &[u8] = include_bytes!("../../../deploy/dev/codelists/vn-units-legacy.csv");
const CURRENT: &[u8] = include_bytes!("../../../deploy/dev/codelists/vn-units.csv");
const CODES: &[u8] = include_bytes!("../../../deploy/dev/codelists/sdg-codes.csv");
const STRUCTURE: &[u8] = include_bytes!("../../../deploy/dev/codelists/sdg-structure.csv");

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let path = env::args_os().nth(1).ok_or("usage: check_sdmx FILE")?;
    let areas = AreaList::parse(VERSIONS, [LEGACY, CURRENT])?;
    let structure = Structure::parse(STRUCTURE, &CodeLists::parse(CODES)?)?;
    let first = match read(File::open(path)?, &structure, &areas) {
        Ok(first) => first,
        Err(ImportError::Invalid(violations)) => {
            violations.listed().iter().for_each(|violation| println!("{violation}"));
            println!("{} violations", violations.total());
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.into()),
    };
    let artefact = Artefact { kind: ArtefactKind::Structure, reference: structure.reference().clone() };
    let mut exporter = Exporter::new(Vec::new(), &structure, &artefact)?;
    first.datasets.iter().try_for_each(|dataset| exporter.dataset(dataset))?;
    let second = read(exporter.finish()?.as_slice(), &structure, &areas)?;
    let rows = first.datasets.iter().map(Dataset::len).sum::<usize>();
    let same = first.datasets == second.datasets;
    println!("{rows} observations, 0 violations, export gives the same observations: {same}");
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(input: impl std::io::Read, structure: &Structure, areas: &AreaList) -> Result<Import, ImportError> {
    let lookup = |artefact: &Artefact| (artefact.reference == *structure.reference()).then_some(structure);
    import(input, lookup, areas, Limits::default())
}
