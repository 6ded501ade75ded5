//! What is digested.

use nhipcau_proto::indicator::v1 as figures_pb;

use super::figures;

fn column(attribute: &str, texts: &[&str], positions: &[u32]) -> figures_pb::AttributeColumn {
    figures_pb::AttributeColumn {
        attribute: attribute.to_owned(),
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        positions: positions.to_vec(),
    }
}

#[test]
fn an_observation_is_a_line_of_its_parts_with_attributes_by_name() {
    let block = figures_pb::SeriesBlock {
        key: "A.F".to_owned(),
        time_periods: vec!["2023".to_owned(), "2024".to_owned()],
        values: vec!["1.50".to_owned(), String::new()],
        attributes: vec![column("UNIT", &["PT"], &[1]), column("STATUS", &["A", "E"], &[2, 0])],
    };
    let lines = figures::block_lines("T:S(1)", &block);
    assert_eq!(
        lines,
        ["T:S(1)\x1fA.F\x1f2023\x1f1.50\x1fSTATUS=E\x1fUNIT=PT\n", "T:S(1)\x1fA.F\x1f2024\x1f\x1fUNIT=PT\n"]
    );
}

#[test]
fn the_digest_does_not_depend_on_the_order_of_the_answer() {
    let (one, two) = ("b\n".to_owned(), "a\n".to_owned());
    let held = figures::digest(vec![one.clone(), two.clone()]);
    assert_eq!(held, figures::digest(vec![two, one]));
    // printf 'a\nb\n' | sha256sum
    assert_eq!(held.digest, "911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2");
    assert_eq!(held.count, 2);
}
