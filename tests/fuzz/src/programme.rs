//! Three access points that agree on everything, with their secrets at hand: who could have signed what arrives.

use std::sync::LazyLock;

use jiff::Timestamp;
use nhipcau_domain::directory::Release;
use nhipcau_messaging::{
    crypto::sign::SigningKey,
    envelope::{ChannelKeys, Content, Place, Sealed, Sender, seal, wire},
    message::{Cause, Lane, MessageId, Recipient},
    pae,
};
use nhipcau_sim::{
    Point,
    directory::{Programme, access_point},
    payload::{Body, Verb},
    plan::Plan,
    prng::Prng,
};

/// The peer whose bytes are read.
pub(crate) const PEER: Point = 0;

/// The access point that reads.
pub(crate) const ME: Point = 1;

/// When everything happens, in microseconds.
const NOW: i64 = 1_795_000_000_000_000;

static PROGRAMME: LazyLock<Programme> = LazyLock::new(|| {
    let drawn = (0..).map(|seed| Programme::new(&mut Prng::new(seed), 3, now()));
    let agreed = |programme: &Programme| (0..9).all(|pair| programme.always_agreed(pair / 3, pair % 3));
    drawn.into_iter().find(agreed).expect("a programme in which all agree")
});

pub(crate) fn programme() -> &'static Programme {
    &PROGRAMME
}

pub(crate) fn release() -> &'static Release {
    PROGRAMME.release(0)
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_microsecond(NOW).expect("a time")
}

/// The key that an access point signs with.
pub(crate) fn signing_key(point: Point) -> SigningKey {
    PROGRAMME.signing_key(point, 0)
}

/// The message that a plan becomes, with its number in its case.
pub(crate) fn content(plan: &Plan, ordinal: u64) -> Content {
    let draft = plan.draft();
    Content { header: draft.header, ordinal, skip: None, parts: draft.parts }
}

/// A message of a case, or without one, from the peer.
pub(crate) fn plan(verb: Verb, case: u32, nonce: u64) -> Plan {
    let (to, lane) = if verb == Verb::Publish { (None, Lane::Bulk) } else { (Some(ME), Lane::Messages) };
    let body = Body { verb, case, nonce, filler: 40 };
    Plan { from: PEER, to, lane, body, night: false, minor: 1, cause: Cause::Timer(format!("seed {case} {nonce}")) }
}

/// The place of a channel's first envelope.
pub(crate) fn first(lane: Option<Lane>) -> Place {
    let count = u64::from(lane.is_some());
    Place { lane, incarnation: count, sequence: count, base_sequence: 0, previous: [0; 32], create_time: now() }
}

/// Seals from the peer to its reader or, where the message is for no party, signs for all.
pub(crate) fn sealed(place: Place, content: &Content) -> (wire::Envelope, pae::Digest) {
    let sealed = seal_whole(place, content);
    (sealed.envelope, sealed.digest)
}

/// The same with what proves its message.
pub(crate) fn seal_whole(place: Place, content: &Content) -> Sealed {
    let (peer, me) = (access_point(PEER), access_point(ME));
    let signing = signing_key(PEER);
    let sender = Sender { access_point: &peer, signing: &signing, directory_version: 1 };
    let mut entropy = Prng::new(place.sequence);
    let id = MessageId::derive(&[7; 32], &Cause::Timer(format!("place {}", place.sequence)), 0);
    let sealed = if content.header.recipient.is_none() {
        seal(sender, &Recipient::All, place, id, content, None, &mut entropy)
    } else {
        let key = release().sealing_key(&me, now()).expect("a sealing key");
        let target = (&me, &key.id, &key.public);
        let (channel_key, wrapped) = ChannelKeys::default().get(sender, target, now(), &mut entropy).expect("a key");
        let key = Some((&key.id, &channel_key, &wrapped));
        seal(sender, &Recipient::One(me.clone()), place, id, content, key, &mut entropy)
    };
    sealed.expect("a content of ours fits")
}

/// The envelope as the peer could have signed it, with the digests that its parts have. What does not decode is left
/// for the reader to refuse.
pub(crate) fn signed(mut envelope: wire::Envelope, kind: &[u8]) -> wire::Envelope {
    use prost::Message as _;

    if let Ok(mut manifest) = wire::Manifest::decode(envelope.manifest.as_slice()) {
        for (entry, part) in manifest.entries.iter_mut().zip(&envelope.parts) {
            entry.digest = pae::sha256(part).to_vec();
        }
        envelope.manifest = manifest.encode_to_vec();
    }
    envelope.signature = signing_key(PEER).sign(kind, &[&envelope.routing, &envelope.manifest]);
    envelope
}
