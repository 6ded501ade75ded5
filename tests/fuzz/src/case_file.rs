//! The evidence of a case from a stranger: whoever signed the file, reading it ends, and what it is taken to say is
//! bounded by what is in it and the same when it is written again.

use std::sync::LazyLock;

use nhipcau_domain::{
    id::Purpose,
    referral::{Event, write_time},
};
use nhipcau_messaging::{
    envelope::{Content, Sealed, wire},
    message::{Lane, MessageId, Recipient, RefusalReason},
    receipt::{Number, Refusal, Statement, issue},
};
use nhipcau_proto::accesspoint::v1 as pb;
use nhipcau_referrals::evidence::{FORMAT, Standing, sign, verify};
use nhipcau_sim::{
    directory::{PURPOSE, access_point},
    payload::Verb,
};
use prost::Message as _;

use crate::{
    event,
    programme::{ME, PEER, content, first, now, plan, release, seal_whole, signing_key},
};

/// An opening as the peer sent it, with its receipt.
static TOLD: LazyLock<pb::Evidence> = LazyLock::new(|| opened(&[]));

/// An opening as the peer sent it, with a receipt that refuses these messages at its place.
fn opened(refused: &[MessageId]) -> pb::Evidence {
    let bytes = event::seeds().remove(0);
    let event = Event::read(&bytes).expect("a golden vector");
    let mut sealed_in: Content = content(&plan(Verb::Note, 0, 1), 1);
    sealed_in.header.purpose = Purpose::new(PURPOSE).expect("a purpose");
    sealed_in.parts = vec![bytes.clone()];
    let Sealed { envelope, digest, proof } = seal_whole(first(Some(Lane::Messages)), &sealed_in);
    let (issuer, signing) = (access_point(ME), signing_key(ME));
    let refusal = |id: &MessageId| Refusal { sequence: 1, id: *id, reason: RefusalReason::Invalid, expected: 0 };
    let statement = Statement {
        issuer: issuer.clone(),
        sender: access_point(PEER),
        recipient: Recipient::One(issuer.clone()),
        lane: Lane::Messages,
        incarnation: 1,
        first: 1,
        last: 1,
        head: digest,
        refusals: refused.iter().map(refusal).collect(),
        number: Number { series: 1, number: 1 },
        previous: [0; 32],
        receive_time: now(),
        directory_version: 1,
    };
    let signer = nhipcau_messaging::envelope::Sender { access_point: &issuer, signing: &signing, directory_version: 1 };
    let told = pb::EvidenceEvent {
        event: bytes,
        digest: Vec::new(),
        envelope_digest: digest.to_vec(),
        part_key: proof.expect("it is sealed").as_bytes().to_vec(),
    };
    pb::Evidence {
        format: FORMAT,
        case_uid: event.ids.case.as_bytes().to_vec(),
        access_point: access_point(PEER).to_string(),
        make_time: Some(write_time(now())),
        releases: vec![release().signed_bytes().to_vec()],
        branches: vec![pb::EvidenceBranch {
            branch_uid: event.ids.branch.as_bytes().to_vec(),
            holder: 1,
            origin: vec![told],
            recipient: Vec::new(),
        }],
        envelopes: vec![wire::Envelope { parts: Vec::new(), ..envelope }],
        receipts: vec![issue(statement, signer).receipt],
        access_head: Some(pb::EvidenceAccessHead { records: 3, digest: vec![5; 32] }),
    }
}

/// The opening twice: nothing of a log may be there and not be told.
fn repeated() -> pb::Evidence {
    let mut repeated = TOLD.clone();
    for branch in &mut repeated.branches {
        branch.origin.extend_from_within(..);
    }
    repeated
}

/// The bytes are a file, and once more what a file holds beside its releases, which would fill every input: the
/// directory of these tests stands in their place.
pub fn property(bytes: &[u8]) {
    let fingerprint = release().root().fingerprint();
    drop(verify(bytes, &fingerprint, now()));
    let Ok(mut evidence) = pb::Evidence::decode(bytes) else { return };
    evidence.releases = TOLD.releases.clone();
    let key = signing_key(PEER);
    let Ok(account) = verify(&sign(&evidence, &key), &fingerprint, now()) else { return };
    assert_eq!(account.access_point, access_point(PEER), "nobody signs for another");
    for (told, branch) in evidence.branches.iter().zip(&account.branches) {
        let logs = [&told.origin, &told.recipient];
        assert_eq!(branch.lines.len(), logs.iter().map(|log| log.len()).sum::<usize>(), "every event is told once");
        let signed = branch.lines.iter().any(|line| line.standing > Standing::Told);
        let proven = logs.into_iter().flatten().any(|event| !event.part_key.is_empty());
        assert!(proven || !signed, "nothing stands as signed without what proves it");
    }
    let said = format!("{account:?}");
    let again = verify(&sign(&evidence, &key), &fingerprint, now()).expect("it was read before");
    assert_eq!(format!("{again:?}"), said);
    evidence.branches.clear();
    assert!(verify(&sign(&evidence, &key), &fingerprint, now()).is_err(), "of nothing it says nothing");
}

/// Evidence without its releases.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let without = |evidence: pb::Evidence| pb::Evidence { releases: Vec::new(), ..evidence }.encode_to_vec();
    [TOLD.clone(), repeated()].map(without).to_vec()
}

#[cfg(test)]
mod tests {
    use nhipcau_messaging::{carriage::Carriage, message::Cause};
    use nhipcau_referrals::evidence::{Doubt, EventFault, Refused};

    use super::*;

    #[test]
    fn the_seed_is_evidence_so_that_the_property_says_something() {
        let account =
            verify(&sign(&TOLD, &signing_key(PEER)), &release().root().fingerprint(), now()).expect("evidence");
        let line = &account.branches[0].lines[0];
        assert_eq!((account.branches[0].lines.len(), line.doubt), (1, Some(Doubt::NotServed)));
        assert!(line.delivery.is_none(), "neither of the two serves a unit of it");
        let judged = verify(&sign(&repeated(), &signing_key(PEER)), &release().root().fingerprint(), now());
        let elsewhere = |fault: &EventFault| *fault == EventFault::Elsewhere;
        assert!(matches!(&judged, Err(Refused::Event { fault, ordinal: 2, .. }) if elsewhere(fault)), "{judged:?}");
    }

    #[test]
    fn a_refusal_speaks_of_the_message_that_it_names_and_of_no_other_at_its_place() {
        let refused = |id: MessageId| {
            let evidence = opened(&[id]);
            let envelopes = evidence.envelopes.iter().map(wire::Envelope::encode_to_vec).collect::<Vec<_>>();
            let receipts = evidence.receipts.iter().map(wire::Receipt::encode_to_vec).collect::<Vec<_>>();
            let [envelopes, receipts] =
                [&envelopes, &receipts].map(|all| all.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let carriage = Carriage::check(&envelopes, &receipts, release()).expect("evidence");
            let digest = evidence.branches[0].origin[0].envelope_digest.as_slice().try_into().expect("a digest");
            carriage.delivery(&digest).map(|delivery| delivery.refused)
        };
        let of = |place: &str| MessageId::derive(&[7; 32], &Cause::Timer(place.to_owned()), 0);
        assert_eq!(refused(of("place 1")), Some(Some(RefusalReason::Invalid)));
        assert_eq!(refused(of("place 2")), None);
    }
}
