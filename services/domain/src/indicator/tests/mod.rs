//! Promises of the rules for statistics, and the small world they are tested in: the shipped structure and areas.

mod check;
mod csv;
mod period;
mod property;
mod revision;
mod shipped;

use std::sync::LazyLock;

use super::{Checker, CodeLists, Dataset, Structure, Violations, sdmx_csv, wire};
use crate::area::AreaList;
use nhipcau_proto::indicator::v1 as pb;

const SDG: &str = "IAEG-SDGs:SDG(1.8)";

static AREAS: LazyLock<AreaList> = LazyLock::new(|| {
    let versions: &[u8] = include_bytes!("../../../../../deploy/dev/codelists/vn-versions.csv");
    let legacy: &[u8] = include_bytes!("../../../../../deploy/dev/codelists/vn-units-legacy.csv");
    let current: &[u8] = include_bytes!("../../../../../deploy/dev/codelists/vn-units.csv");
    AreaList::parse(versions, [legacy, current]).unwrap()
});

static STRUCTURE: LazyLock<Structure> = LazyLock::new(|| {
    let codes: &[u8] = include_bytes!("../../../../../deploy/dev/codelists/sdg-codes.csv");
    let structure: &[u8] = include_bytes!("../../../../../deploy/dev/codelists/sdg-structure.csv");
    Structure::parse(structure, &CodeLists::parse(codes).unwrap()).unwrap()
});

const DEMO: &str = include_str!("../../../../../deploy/dev/demo/indicators.csv");

/// A structure of three dimensions, for files that are easy to read.
static SMALL: LazyLock<Structure> = LazyLock::new(|| {
    let codes = "codelist,code,valid_from,valid_until,name_vi,name_en\n\
        CL_FREQ,A,,,Năm,Annual\nCL_FREQ,Q,,,Quý,Quarterly\nCL_FREQ,M,,,Tháng,Monthly\nCL_FREQ,H,,,Khác,Other\n\
        CL_SEX,F,,,Nữ,Female\nCL_SEX,M,,,Nam,Male\nCL_SEX,OLD,,2019-12-31,Cũ,Old\n\
        CL_AREA,704,,,Việt Nam,Viet Nam\n\
        CL_OBS_STATUS,A,,,Bình thường,Normal\nCL_OBS_STATUS,E,2010-01-01,,Ước tính,Estimated\n";
    let structure = "structure,component,role,codelist,name_vi,name_en\n\
        T:SMALL(1.0),FREQ,dimension,CL_FREQ,,\n\
        T:SMALL(1.0),REF_AREA,area,CL_AREA,,\n\
        T:SMALL(1.0),SEX,dimension,CL_SEX,,\n\
        T:SMALL(1.0),TIME_PERIOD,time,,,\n\
        T:SMALL(1.0),OBS_VALUE,measure,,,\n\
        T:SMALL(1.0),OBS_STATUS,attribute,CL_OBS_STATUS,,\n\
        T:SMALL(1.0),NOTE,attribute,,,\n";
    Structure::parse(structure.as_bytes(), &CodeLists::parse(codes.as_bytes()).unwrap()).unwrap()
});

/// A row of a message.
fn row(key: &str, period: &str, value: Option<&str>, attributes: &[(&str, &str)]) -> pb::Observation {
    pb::Observation {
        key: key.into(),
        time_period: period.into(),
        value: value.map(Into::into),
        attributes: attributes.iter().map(|(id, text)| ((*id).into(), (*text).into())).collect(),
    }
}

fn dataset(action: pb::Action, observations: Vec<pb::Observation>) -> pb::Dataset {
    pb::Dataset { action: action.into(), observations, blocks: Vec::new() }
}

fn check(structure: &Structure, datasets: &[pb::Dataset]) -> Result<Vec<Dataset>, Violations> {
    let mut checker = Checker::new(structure, &AREAS);
    wire::read_datasets(datasets, &mut checker);
    checker.finish()
}

fn reasons(violations: &Violations) -> Vec<&'static str> {
    violations.listed().iter().map(|violation| violation.reason).collect()
}

fn import(structure: &Structure, file: impl AsRef<[u8]>) -> Result<sdmx_csv::Import, sdmx_csv::ImportError> {
    let lookup = |artefact: &sdmx_csv::Artefact| (artefact.reference == *structure.reference()).then_some(structure);
    sdmx_csv::import(file.as_ref(), lookup, &AREAS, sdmx_csv::Limits::default())
}

fn artefact(structure: &Structure) -> sdmx_csv::Artefact {
    sdmx_csv::Artefact { kind: sdmx_csv::ArtefactKind::Structure, reference: structure.reference().clone() }
}

fn export(structure: &Structure, datasets: &[Dataset]) -> String {
    let mut exporter = sdmx_csv::Exporter::new(Vec::new(), structure, &artefact(structure)).unwrap();
    datasets.iter().try_for_each(|dataset| exporter.dataset(dataset)).unwrap();
    String::from_utf8(exporter.finish().unwrap()).unwrap()
}
