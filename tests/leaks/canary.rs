//! The words that are looked for, and every spelling in which they could lie somewhere.

use std::fmt::Write as _;

use unicode_normalization::UnicodeNormalization as _;

/// Part of the name of everybody.
pub(crate) const NAME: &str = "Hoàng Yến Chích Chòe";

/// Part of every address.
pub(crate) const ADDRESS: &str = "ngõ Bạch Đằng Sơn Ca";

/// Every telephone number.
pub(crate) const PHONE: &str = "0973 406 218";

/// A text with all of them.
pub(crate) fn text(about: &str) -> String {
    format!("{about}: cháu {NAME}, số 19 {ADDRESS}, gọi {PHONE}.")
}

/// A spelling: what it is called, and its bytes.
pub(crate) type Needle = (String, Vec<u8>);

/// Every spelling of every word.
pub(crate) fn needles() -> Vec<Needle> {
    let numbers = [PHONE.to_owned(), PHONE.replace(' ', ""), PHONE.replacen('0', "+84 ", 1)];
    let words = [NAME.to_owned(), ADDRESS.to_owned()].into_iter().chain(numbers);
    let mut needles: Vec<Needle> = words.flat_map(|word| spellings(&word)).collect();
    needles.sort_by(|a, b| a.1.cmp(&b.1));
    needles.dedup_by(|a, b| a.1 == b.1);
    needles
}

fn spellings(word: &str) -> Vec<Needle> {
    let composed: String = word.nfc().collect();
    let decomposed: String = word.nfd().collect();
    let lower = composed.to_lowercase();
    [("NFC", composed), ("NFD", decomposed), ("lower case", lower)]
        .iter()
        .flat_map(|(form, text)| {
            let encoded = encodings(text).into_iter();
            encoded.map(move |(encoding, bytes)| (format!("{text} as {encoding} of {form}"), bytes)).collect::<Vec<_>>()
        })
        .collect()
}

fn encodings(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf8 = text.as_bytes();
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut all = vec![
        ("UTF-8", utf8.to_vec()),
        ("UTF-16LE", units.iter().flat_map(|unit| unit.to_le_bytes()).collect()),
        ("UTF-16BE", units.iter().flat_map(|unit| unit.to_be_bytes()).collect()),
        ("hex", spelled(utf8, |out, byte| write!(out, "{byte:02x}"))),
        ("HEX", spelled(utf8, |out, byte| write!(out, "{byte:02X}"))),
        ("a list of bytes", spelled(utf8, |out, byte| write!(out, "{byte}, ")).strip_suffix(b", ").unwrap().to_vec()),
        ("percent", escaped(utf8, |out, byte| write!(out, "%{byte:02X}"), false)),
        ("percent in lower case", escaped(utf8, |out, byte| write!(out, "%{byte:02x}"), false)),
        (
            "a form's field",
            escaped(utf8, |out, byte| if byte == b' ' { write!(out, "+") } else { write!(out, "%{byte:02X}") }, false),
        ),
        ("octal escapes", escaped(utf8, |out, byte| write!(out, "\\{byte:03o}"), true)),
        ("hex escapes", escaped(utf8, |out, byte| write!(out, "\\x{byte:02x}"), true)),
        ("JSON escapes", json(&units, |out, unit| write!(out, "\\u{unit:04x}"))),
        ("JSON escapes in upper case", json(&units, |out, unit| write!(out, "\\u{unit:04X}"))),
    ];
    for (shift, name) in ["base64", "base64 shifted by one", "base64 shifted by two"].into_iter().enumerate() {
        let inner = base64(utf8, shift);
        all.push((
            name,
            inner
                .iter()
                .map(|byte| match byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    byte => *byte,
                })
                .collect(),
        ));
        all.push((name, inner));
    }
    all
}

type Written = std::fmt::Result;

fn spelled(bytes: &[u8], each: impl Fn(&mut String, u8) -> Written) -> Vec<u8> {
    let mut out = String::new();
    bytes.iter().for_each(|byte| each(&mut out, *byte).unwrap());
    out.into_bytes()
}

/// ASCII stays, or only letters and digits do.
fn escaped(bytes: &[u8], each: impl Fn(&mut String, u8) -> Written, spaces_stay: bool) -> Vec<u8> {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || spaces_stay && byte.is_ascii();
    spelled(bytes, |out, byte| if stays(byte) { out.write_char(byte.into()) } else { each(out, byte) })
}

fn json(units: &[u16], each: impl Fn(&mut String, u16) -> Written) -> Vec<u8> {
    let mut out = String::new();
    for unit in units {
        match u8::try_from(*unit).ok().filter(u8::is_ascii) {
            Some(byte) => out.push(byte.into()),
            None => each(&mut out, *unit).unwrap(),
        }
    }
    out.into_bytes()
}

/// The characters of base64 that depend on these bytes alone, when so many other bytes stand before them.
fn base64(bytes: &[u8], shift: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let shifted = [vec![0; shift], bytes.to_vec()].concat();
    let bits = |index: usize| {
        (0..6).fold(0, |sum, bit| {
            let at = index * 6 + bit;
            let byte = shifted.get(at / 8).copied().unwrap_or_default();
            sum << 1 | usize::from(byte >> (7 - at % 8) & 1)
        })
    };
    // Those before see other bytes, and the last may see what follows.
    let (first, end) = ((shift * 8).div_ceil(6), shifted.len() * 8 / 6);
    (first..end).map(|index| DIGITS[bits(index)]).collect()
}

#[test]
fn every_spelling_is_what_it_is_called() {
    let of = |wanted: &str| {
        let found = encodings("Yến").into_iter().filter(|(name, _)| *name == wanted);
        found.map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("hex"), ["59e1babf6e"]);
    assert_eq!(of("a list of bytes"), ["89, 225, 186, 191, 110"]);
    assert_eq!(of("percent"), ["Y%E1%BA%BFn"]);
    assert_eq!(of("octal escapes"), ["Y\\341\\272\\277n"]);
    assert_eq!(of("JSON escapes"), ["Y\\u1ebfn"]);
    // Of "WeG6v24=", "AFnhur9u" and "AABZ4bq/bg==".
    assert_eq!(of("base64"), ["WeG6v2", "WeG6v2"]);
    assert_eq!(of("base64 shifted by one"), ["nhur9u", "nhur9u"]);
    assert_eq!(of("base64 shifted by two"), ["Z4bq_b", "Z4bq/b"]);
}
