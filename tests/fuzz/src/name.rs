//! Names and small texts: what is taken is written as it was read, or read again as the same.

use std::{fmt::Display, str::FromStr};

use nhipcau_domain::{
    area::AdminUnitRef,
    directory::Fingerprint,
    id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, SystemId, UnitId},
    indicator::{Decimal, KeyPattern, Period, StructureRef, SubmissionName},
};
use nhipcau_messaging::message::Recipient;

/// The text under every kind of name.
pub fn property(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    same::<AccessPointId>(text);
    same::<ContractId>(text);
    same::<KeyId>(text);
    same::<PartyId>(text);
    same::<Purpose>(text);
    same::<SystemId>(text);
    same::<UnitId>(text);
    same::<StructureRef>(text);
    same::<SubmissionName>(text);
    same::<AdminUnitRef>(text);
    again::<Fingerprint>(text);
    // A year may be written as 2025-A1 too.
    again::<Period>(text);
    if let Ok(decimal) = Decimal::new(text) {
        assert_eq!(Decimal::new(decimal.as_str()).as_ref(), Ok(&decimal));
    }
    if let Ok(recipient) = Recipient::parse(text) {
        assert_eq!(recipient.as_str(), text);
    }
    for dimensions in [1, 3] {
        if let Ok(pattern) = KeyPattern::new(text, dimensions) {
            assert_eq!(KeyPattern::new(&pattern.to_string(), dimensions).as_ref(), Ok(&pattern));
        }
    }
}

fn again<N: FromStr + Display + PartialEq>(text: &str) -> Option<N> {
    let name: N = text.parse().ok()?;
    assert!(name.to_string().parse().ok().as_ref() == Some(&name), "what was written is read as the same");
    Some(name)
}

fn same<N: FromStr + Display + PartialEq>(text: &str) {
    if let Some(name) = again::<N>(text) {
        assert_eq!(name.to_string(), text, "one name has one spelling");
    }
}

/// One of each.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "hanoi",
        "nhipcau.referral.v1",
        "moh/hotline",
        "IAEG-SDGs:SDG(1.8)",
        "parties/moha/submissions/8ff0f5f0-4b5e-4d2e-9a39-0d6f6c1d2e3f",
        "2025-Q3",
        "2025-01-01/P1M",
        "00004@VN-34-2026",
        "-0012.50",
        "A..704",
        "nc.v1.m.moh.hanoi",
        "0011 2233 4455 6677 8899 aabb ccdd eeff 0011 2233 4455 6677 8899 aabb ccdd eeff",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
