//! What a browser sends to the duty page: a form is read whole or not at all, and what it asks of the door breaks no
//! rule that the page itself would keep.

use nhipcau_gateway::foreign;
use nhipcau_proto::violations;

/// The bytes as the body of each form, and as a line of cookies.
pub fn property(bytes: &[u8]) {
    if let Some(fields) = foreign::form(bytes, ["unit", "person"]) {
        let [unit, person] = fields.each_ref().map(|text| percent(text));
        let again = foreign::form(format!("person={person}&unit={unit}").as_bytes(), ["unit", "person"]);
        assert_eq!(again.as_ref(), Some(&fields), "the order of fields says nothing");
    }
    if let Some(request) = foreign::work(bytes) {
        let is_of_the_page = |field: &str| field.starts_with("work") || field.starts_with("criteria");
        for violation in violations(&request) {
            // Who asks, and for what, is put there by the page.
            let by_page = ["request_id", "name", "etag", "acting_person", "work.role"].contains(&&*violation.field);
            assert!(by_page || is_of_the_page(&violation.field), "{}", violation.field);
        }
    }
    assert!(!foreign::shows_a_session(bytes) || bytes.len() > 64, "a session is 64 digits under its name");
}

/// A text as a form has it, each byte by its number.
fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// A form of each kind, and a line of cookies.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let session = format!("a=b; __Host-duty={}", "0f".repeat(32));
    let work = "kind=5&time=2026-11-23+09%3A30&harm=3&access=2&obstacles=1&protection=&conclusion=2\
                &note=%C4%91%C3%A3+th%C4%83m+nh%C3%A0";
    ["unit=hanoi%2F00004&person=cb-17", work, &session].map(|text| text.as_bytes().to_vec()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_taken_so_that_the_property_says_something() {
        let [form, work, cookies] = seeds().try_into().unwrap();
        assert!(foreign::form(&form, ["unit", "person"]).is_some());
        assert!(foreign::work(&work).is_some());
        assert!(foreign::shows_a_session(&cookies));
    }
}
