//! No schema can say where a shelter is: a perpetrator looks for exactly that, and what cannot be written down
//! cannot leak. Judged by names, in English and in Vietnamese without marks; a shelter is reached through its
//! intake desk, and areas served are enough to choose one. Coordinates are refused everywhere: areas have codes.

use std::collections::HashSet;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind};

use super::rules;

const SHELTER: [&str; 9] = [
    "shelter",
    "safe_house",
    "safehouse",
    "refuge",
    "peace_house",
    "crisis_house",
    "temporary_residence",
    "nha_tam_lanh",
    "ngoi_nha_binh_yen",
];

const PLACE: [&str; 14] = [
    "address",
    "location",
    "street",
    "house_number",
    "postal",
    "postcode",
    "whereabouts",
    "directions",
    "map",
    "commune",
    "ward",
    "hamlet",
    "dia_chi",
    "area",
];

const COORDINATE: [&str; 11] =
    ["latitude", "longitude", "lat", "lng", "lon", "geo", "gps", "coordinate", "coordinates", "geohash", "plus_code"];

/// Every field that could say where a shelter is, and every coordinate.
pub(super) fn revealing(pool: &DescriptorPool) -> Vec<String> {
    let mut found = Vec::new();
    for message in rules::messages(pool) {
        let about_shelter = has(message.name(), &SHELTER);
        for field in message.fields() {
            if has(field.name(), &COORDINATE) {
                found.push(format!("{} is a coordinate", field.full_name()));
            } else if about_shelter || has(field.name(), &SHELTER) {
                let mut seen = HashSet::new();
                places(&field, field.full_name(), &mut seen, &mut found);
            }
        }
    }
    found
}

/// Places that a field names itself or holds at any depth. What stands in a message about a shelter is found there.
fn places(field: &FieldDescriptor, shown: &str, seen: &mut HashSet<String>, found: &mut Vec<String>) {
    if has(field.name(), &PLACE) && !field.name().starts_with("served_") {
        found.push(format!("{shown} says where a shelter is"));
        return;
    }
    if let Kind::Message(inner) = field.kind() {
        if has(inner.name(), &SHELTER) || !seen.insert(inner.full_name().to_owned()) {
            return;
        }
        for deeper in inner.fields() {
            places(&deeper, &format!("{shown}.{}", deeper.name()), seen, found);
        }
    }
}

/// Does a name, taken as words, contain one of these words or phrases?
fn has(name: &str, words: &[&str]) -> bool {
    let text = format!("_{}_", snake(name));
    words.iter().any(|word| text.contains(&format!("_{word}_")) || text.contains(&format!("_{word}s_")))
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}
