//! What a browser sends: exactly the fields of one form, each once, in UTF-8. Anything else is refused whole.

/// Largest form in bytes; none of ours comes near it.
pub(crate) const BYTES: usize = 4_096;

/// Reads the named fields of a form, in their order; `None` when there are others, or one is missing or there twice.
pub(crate) fn read<const N: usize>(body: &[u8], names: [&str; N]) -> Option<[String; N]> {
    let mut fields: [Option<String>; N] = [const { None }; N];
    for (name, value) in form_urlencoded::parse(body) {
        let place = names.iter().position(|known| *known == name)?;
        // What was no UTF-8 stands there as this sign.
        if value.contains(char::REPLACEMENT_CHARACTER) {
            return None;
        }
        let field = fields.get_mut(place)?;
        if field.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    let read: Vec<String> = fields.into_iter().collect::<Option<_>>()?;
    read.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_exactly_its_fields() {
        let names = ["unit", "person"];
        let read = |body: &str| read(body.as_bytes(), names);
        assert_eq!(read("person=cb-17&unit=hanoi%2F1"), Some(["hanoi/1".to_owned(), "cb-17".to_owned()]));
        for wrong in ["", "unit=a", "unit=a&person=b&person=c", "unit=a&person=b&more=c", "unit=a&person=%ff"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
