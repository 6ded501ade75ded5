//! Keys, the pre-authentication encoding, padding.

use nhipcau_domain::id::KeyId;
use nhipcau_messaging::{
    crypto::{
        padding::{self, MESSAGE_BUCKET},
        seal,
        sign::SigningKey,
    },
    pae::pae,
};

use crate::{given::Given, refusal::Refusal};

#[test]
fn public_keys_follow_from_private_ones() {
    for given in Given::both() {
        for case in given.cases("keys") {
            let id = KeyId::new(case.text("signing_key")).unwrap();
            let signing = SigningKey::from_seed(id, &case.array("signing_seed")).unwrap();
            case.compare("signing_public", hex::encode(signing.public()));
            let sealing = seal::public_key(&case.array("sealing_private")).unwrap();
            case.compare("sealing_public", hex::encode(sealing));
        }
    }
}

#[test]
fn pieces_encode_to_the_recorded_bytes() {
    for given in Given::both() {
        for case in given.cases("pae") {
            let pieces = case.list("pieces");
            let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
            case.compare("encoded", hex::encode(pae(&pieces)));
        }
    }
}

#[test]
fn padding_comes_off_and_goes_on_again() {
    for given in Given::both() {
        for case in given.cases("padding") {
            let padded = case.bytes("padded");
            let on_lane = padded.len() <= MESSAGE_BUCKET || case.text("lane") == "bulk";
            let content = padding::unpad(padded.clone()).filter(|_| on_lane).ok_or(Refusal::Padding);
            if let Some(content) = case.judge(content) {
                case.compare("content", hex::encode(&content));
                assert_eq!(padding::pad(&content), Some(padded));
            }
        }
    }
}
