//! The shipped structure and figures hold together.

use super::*;

#[test]
fn shipped_structure_has_its_dimensions_in_key_order() {
    let ids: Vec<_> = STRUCTURE.dimensions().iter().map(|dimension| &*dimension.id).collect();
    assert_eq!(
        ids,
        [
            "FREQ",
            "REPORTING_TYPE",
            "SERIES",
            "REF_AREA",
            "SEX",
            "AGE",
            "URBANISATION",
            "INCOME_WEALTH_QUANTILE",
            "EDUCATION_LEV",
            "OCCUPATION",
            "CUST_BREAKDOWN",
            "COMPOSITE_BREAKDOWN",
            "DISABILITY_STATUS",
            "ACTIVITY",
            "PRODUCT"
        ]
    );
    assert_eq!(STRUCTURE.reference().as_str(), SDG);
}

#[test]
fn codes_that_drifted_between_versions_stay_usable() {
    let series = &STRUCTURE.dimensions()[2].codes;
    for code in ["SH_STA_WASTE", "SH_STA_WAST", "SH_STA_MMR", "SH_STA_STUNT"] {
        assert!(series.get(code).is_some(), "{code}");
    }
    assert!(STRUCTURE.dimensions()[3].codes.get("704").is_some());
}

#[test]
fn every_code_is_named_in_vietnamese_and_english() {
    for dimension in STRUCTURE.dimensions() {
        for (code, meaning) in dimension.codes.iter() {
            assert!(!meaning.name_vi.is_empty() && !meaning.name_en.is_empty(), "{} {code}", dimension.id);
        }
    }
}

#[test]
fn demonstration_figures_are_accepted_and_exported_unchanged() {
    let import = import(&STRUCTURE, DEMO).unwrap();
    assert_eq!(import.datasets.iter().map(Dataset::len).sum::<usize>(), 60);
    assert_eq!(export(&STRUCTURE, &import.datasets), DEMO);
}

#[test]
fn a_wrong_structure_file_is_refused() {
    let lists =
        CodeLists::parse("codelist,code,valid_from,valid_until,name_vi,name_en\nC,A,,,a,a\n".as_bytes()).unwrap();
    let parse = |rows: &str| {
        let file = format!("structure,component,role,codelist,name_vi,name_en\n{rows}");
        Structure::parse(file.as_bytes(), &lists).is_ok()
    };
    let good = "T:S(1),D,dimension,C,,\nT:S(1),TIME_PERIOD,time,,,\nT:S(1),OBS_VALUE,measure,,,\n";
    assert!(parse(good));
    assert!(!parse(""), "no rows");
    assert!(!parse("T:S(1),D,dimension,C,,\nT:S(1),TIME_PERIOD,time,,,\n"), "no measure");
    assert!(!parse(&good.replace(",C,", ",X,")), "unknown list");
    assert!(!parse(&good.replace(",C,", ",,")), "dimension without list");
    assert!(!parse(&format!("{good}T:S(1),D,attribute,,,\n")), "repeated component");
    assert!(!parse(&format!("{good}T:S(2),E,attribute,,,\n")), "second structure");
    assert!(!parse(&format!("{good}T:S(1),E,dimension,C,,\n")), "dimension after the measure");
}
