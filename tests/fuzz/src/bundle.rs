//! Bundles from the broker, through the whole of the engine: nothing in them ends the process, sets off more than a
//! bounded answer, or takes effect twice.

use nhipcau_messaging::{
    engine::Kind,
    envelope::{Place, wire},
    message::Lane,
    pae,
};
use nhipcau_sim::payload::Verb;
use prost::Message as _;

use crate::{
    listener::Listener,
    programme::{content, first, plan, sealed, signed},
};

const KINDS: [Kind; 4] = [Kind::Lane(Lane::Messages), Kind::Lane(Lane::Bulk), Kind::Broadcast, Kind::Receipts];

/// The first byte says on which subject the rest comes: as it is, and as its sender could have signed it.
pub fn property(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let mut listener = Listener::start();
    listener.deliver(kind, bytes);
    let Ok(mut bundle) = wire::Bundle::decode(bytes) else { return };
    bundle.envelopes = bundle.envelopes.into_iter().map(|envelope| signed(envelope, pae::ENVELOPE)).collect();
    bundle.receipts = bundle.receipts.into_iter().map(crate::receipt::signed).collect();
    let signed = bundle.encode_to_vec();
    let effects = listener.deliver(kind, &signed);
    assert!(effects <= bundle.envelopes.len(), "an envelope has one effect at most");
    assert_eq!(listener.deliver(kind, &signed), 0, "what comes again takes no effect");
    listener.wait();
    assert_eq!(listener.deliver(kind, &signed), 0, "nor later");
}

/// Two messages of a case, a broadcast, a receipt.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let start = first(Some(Lane::Messages));
    let (one, digest) = sealed(start, &content(&plan(Verb::Note, 1, 3), 1));
    let (two, _) = sealed(Place { sequence: 2, previous: digest, ..start }, &content(&plan(Verb::Ask, 1, 4), 2));
    let (all, _) = sealed(first(Some(Lane::Bulk)), &content(&plan(Verb::Publish, 0, 2), 0));
    let receipts =
        crate::receipt::seeds().iter().filter_map(|bytes| wire::Receipt::decode(bytes.as_slice()).ok()).collect();
    let bundles = [
        (0, wire::Bundle { envelopes: vec![one.clone(), two], receipts: Vec::new() }),
        (0, wire::Bundle { envelopes: vec![one], receipts: Vec::new() }),
        (2, wire::Bundle { envelopes: vec![all], receipts: Vec::new() }),
        (3, wire::Bundle { envelopes: Vec::new(), receipts }),
    ];
    bundles.iter().map(|(kind, bundle)| [vec![*kind], bundle.encode_to_vec()].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seed_takes_effect_twice_so_that_the_property_says_something() {
        let mut listener = Listener::start();
        assert_eq!(listener.deliver(KINDS[0], &seeds()[0][1..]), 2);
    }
}
