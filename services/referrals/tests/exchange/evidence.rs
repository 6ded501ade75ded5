//! The evidence of a case at a third place, which has a file and the fingerprint of the directory's first root, and
//! neither store. Whoever made the file may have altered it and signed it anew.

mod stranger;
mod told;

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    proof::Finding,
    referral::{Digest, Event, Side, State, write_time},
};
use nhipcau_messaging::{crypto::sign::SigningKey, keys::KeyEncryptionKey};
use nhipcau_proto::{
    accesspoint::v1 as evidence,
    directory::v1 as directory,
    referral::v1::{self as pb, BranchState, ReferralKind},
};
use nhipcau_referrals::evidence::{
    Account, Asked, Concern, Doubt, EventFault, Refused, Standing, case_of, gather, sign, verify,
};
use prost::Message as _;
use uuid::Uuid;

use crate::{deeds::*, world::*};

impl World {
    /// The evidence that a node has of the case of a branch.
    pub(crate) async fn evidence(&self, node: usize, branch: &str) -> evidence::Evidence {
        let asked = |case| Asked {
            access_point: point(NAMES[node]),
            keks: vec![KeyEncryptionKey { id: "2026-11".to_owned(), key: kek(NAMES[node]) }],
            releases: vec![self.directory().signed_bytes().to_vec()],
            case,
            now: self.now(),
        };
        let referral: Uuid = referral_of(branch).rsplit_once('/').unwrap().1.parse().unwrap();
        let origin = party(branch.split('/').nth(1).unwrap());
        let case = self.nodes[node].readers.read(move |tx| case_of(tx, &origin, referral));
        let asked = asked(case.await.unwrap().unwrap());
        self.nodes[node].readers.read(move |tx| gather(asked, tx)).await.unwrap().unwrap()
    }

    /// A file at a third place.
    pub(crate) fn judge(&self, evidence: &evidence::Evidence, maker: usize) -> Result<Account, Refused> {
        let key = SigningKey::from_seed(key_id("s-1"), &seed(NAMES[maker], 1)).unwrap();
        verify(&sign(evidence, &key), &self.directory().root().fingerprint(), self.now())
    }

    /// A transfer that a person took over and that was served to its end.
    async fn served(&mut self) -> String {
        let branch = self.refer(ReferralKind::Transfer, duty()).await;
        self.settle().await;
        self.acknowledge(HANOI, &branch).await.unwrap();
        self.settle().await;
        self.begin(HANOI, &branch).await.unwrap();
        self.settle().await;
        self.complete(HANOI, &branch, pb::Outcome::Declined).await.unwrap();
        self.settle().await;
        self.close(MOH, &branch).await.unwrap();
        self.settle().await;
        branch
    }
}

/// What was found, and whether it is only told.
pub(crate) fn found(account: &Account) -> Vec<(&'static str, bool)> {
    let findings = account.branches.iter().flat_map(|branch| &branch.findings);
    findings.map(|finding| (finding.what.name(), finding.told)).collect()
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[tokio::test]
async fn a_case_is_proven_at_a_third_place_without_either_store() {
    let mut world = World::open().await;
    let branch = world.served().await;
    for (node, holder) in [(MOH, Side::Origin), (HANOI, Side::Recipient)] {
        let evidence = world.evidence(node, &branch).await;
        let account = world.judge(&evidence, node).unwrap();
        assert_eq!(found(&account), [("NOT_ALL_PROVEN", true)], "how the service ended, at {}", NAMES[node]);
        let told = &account.branches[0];
        assert_eq!((account.branches.len(), told.holder), (1, holder));
        assert_eq!(told.view.state, State::Closed);
        let answered: Vec<_> = told.tenures.iter().map(|tenure| (tenure.what.side, tenure.told)).collect();
        assert_eq!(answered, [(Side::Origin, false), (Side::Recipient, false)], "from the assignment on");
        // What an event said of a person is not here, and what is left of it is told; all else is signed, and named by
        // the other side up to there.
        for line in &told.lines {
            assert_eq!(line.standing == Standing::Told, line.masked, "{line:?}");
            assert_eq!(line.doubt, line.masked.then_some(Doubt::Masked), "{line:?}");
            assert!(!line.signers.is_empty(), "its digest is signed in any case: {line:?}");
        }
        assert_eq!((told.told(), told.one_for_both.as_ref()), (1, None), "how the service ended");
        let named = told.lines.iter().filter(|line| line.standing == Standing::Named).count();
        assert_eq!(named, told.lines.len() - 3, "the start, which only the masked one leads to, and the closing");
        assert!(told.lines.iter().all(|line| line.delivery.is_some_and(|it| it.refused.is_none())), "{:?}", told.lines);
        let bytes = evidence.encode_to_vec();
        for hidden in [CHILD.as_bytes(), STORY.as_bytes(), &[0xea, 0x02, 0x02, 0x08, pb::Outcome::Declined as u8]] {
            assert!(!contains(&bytes, hidden));
        }
    }
}

#[tokio::test]
async fn whatever_is_altered_is_refused_though_its_maker_signs_it_anew() {
    let mut world = World::open().await;
    let branch = world.served().await;
    let other = world.served().await;
    let (whole, other) = (world.evidence(MOH, &branch).await, world.evidence(MOH, &other).await);
    let refused = |what: &str, change: &dyn Fn(&mut evidence::Evidence)| {
        let mut altered = whole.clone();
        change(&mut altered);
        assert_ne!(altered, whole, "{what}");
        let judged = world.judge(&altered, MOH);
        assert!(judged.is_err(), "{what}: {judged:?}");
    };
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    let [ours, theirs] = [whole.branches[0].origin.len(), whole.branches[0].recipient.len()];
    for at in 0..ours {
        refused("an own event", &|it| flip(&mut it.branches[0].origin[at].event));
        refused("its envelope", &|it| flip(&mut it.branches[0].origin[at].envelope_digest));
    }
    for at in 0..theirs {
        let masked = !whole.branches[0].recipient[at].digest.is_empty();
        if !masked {
            refused("another's event", &|it| flip(&mut it.branches[0].recipient[at].event));
            refused("its key", &|it| flip(&mut it.branches[0].recipient[at].part_key));
        }
    }
    for at in 0..whole.envelopes.len() {
        refused("a routing", &|it| flip(&mut it.envelopes[at].routing));
        refused("a manifest", &|it| flip(&mut it.envelopes[at].manifest));
        refused("a signature", &|it| flip(&mut it.envelopes[at].signature));
        refused("a content", &|it| it.envelopes[at].parts.push(vec![0; 272]));
    }
    for at in 0..whole.receipts.len() {
        refused("a receipt", &|it| flip(&mut it.receipts[at].statement));
        refused("its signature", &|it| flip(&mut it.receipts[at].signature));
    }
    refused("the directory", &|it| flip(&mut it.releases[0]));
    refused("the order", &|it| it.branches[0].recipient.swap(0, 1));
    refused("one left out at the beginning", &|it| drop(it.branches[0].origin.remove(0)));
    refused("one left out in the middle", &|it| drop(it.branches[0].recipient.remove(1)));
    refused("one left out that another names", &|it| drop(it.branches[0].recipient.pop()));
    refused("one of another case", &|it| it.branches[0].recipient[0] = other.branches[0].recipient[0].clone());
    refused("another case in its name", &|it| it.branches = other.branches.clone());
    refused("an event of another one's envelope", &|it| {
        it.branches[0].recipient[0].envelope_digest = it.branches[0].recipient[1].envelope_digest.clone();
    });
    refused("a branch told twice", &|it| it.branches.push(it.branches[0].clone()));
    refused("a later format", &|it| it.format = 2);
    assert!(matches!(world.judge(&whole, HANOI), Err(Refused::Changed)), "nobody signs for another");

    // As it was signed, no byte can be changed at all.
    let key = SigningKey::from_seed(key_id("s-1"), &seed(NAMES[MOH], 1)).unwrap();
    let (file, fingerprint) = (sign(&whole, &key), world.directory().root().fingerprint());
    verify(&file, &fingerprint, world.now()).unwrap();
    for at in (0..file.len()).step_by(211) {
        let mut changed = file.clone();
        changed[at] ^= 0x10;
        assert!(verify(&changed, &fingerprint, world.now()).is_err(), "byte {at}");
    }
}

#[tokio::test]
async fn what_is_left_out_or_made_up_proves_nothing() {
    let mut world = World::open().await;
    let branch = world.served().await;
    world.pass(SignedDuration::from_hours(1));
    let whole = world.evidence(MOH, &branch).await;

    // An end that nobody names can be left out, and an event that nobody signed can be told: it is only told.
    let mut cut = whole.clone();
    cut.branches[0].origin.pop().unwrap();
    let cut = world.judge(&cut, MOH).unwrap();
    assert_eq!(cut.branches[0].view.state, State::Completed);
    let mut told = whole;
    let last = told.branches[0].origin.last_mut().unwrap();
    last.part_key = Vec::new();
    let told = world.judge(&told, MOH).unwrap();
    assert_eq!(told.branches[0].lines.last().unwrap().delivery, None, "nor is it known which envelope was its own");
    let standings: Vec<_> = told.branches[0].lines.iter().map(|line| line.standing).collect();
    let last = &standings[standings.len() - 2..];
    assert_eq!(last, [Standing::Told; 2], "the closing, and with it the completion that nothing else names");
    assert_eq!(standings.iter().filter(|standing| **standing == Standing::Told).count(), 2, "{standings:?}");
}

#[tokio::test]
async fn a_limit_that_was_broken_is_shown_with_its_source_on_both_sides() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.pass(SignedDuration::from_hours(13));
    for node in [MOH, HANOI] {
        let account = world.judge(&world.evidence(node, &branch).await, node).unwrap();
        assert_eq!(found(&account), [("LIMIT_BROKEN", false), ("NO_PERSON", false)]);
        let broken = account.branches[0].findings.iter().find_map(|finding| match &finding.what {
            Concern::Broken(Finding::LimitBroken { rule, citation, by, runs }) => Some((rule, citation, *by, *runs)),
            _ => None,
        });
        let (rule, citation, by, runs) = broken.unwrap();
        assert_eq!((rule.as_ref(), runs), ("verify", true));
        assert!(
            !citation.is_empty() && by > SignedDuration::from_mins(59) && by < SignedDuration::from_mins(61),
            "{by}"
        );
    }
}

#[tokio::test]
async fn what_was_erased_is_proven_as_far_as_it_says_nothing_about_a_person() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    world.reject(HANOI, &branch, pb::RejectionCode::NoCapacity).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Rejected; 2]);
    world.pass(SignedDuration::from_hours(24 * 31));
    world.settle_slowly().await;
    let whole = "SELECT COUNT(*) FROM received WHERE envelope IS NOT NULL";
    assert_eq!(world.count(HANOI, whole).await, 0, "no envelope has its parts any more");
    for node in [MOH, HANOI] {
        let evidence = world.evidence(node, &branch).await;
        assert!(evidence.branches[0].origin.iter().all(|event| !event.part_key.is_empty()));
        let account = world.judge(&evidence, node).unwrap();
        let told = &account.branches[0];
        assert_eq!(told.view.state, State::Rejected);
        assert!(told.lines.iter().all(|line| line.standing > Standing::Told), "{:?}", told.lines);
        assert!(account.made > "2026-12-20T00:00:00Z".parse::<Timestamp>().unwrap());
    }
}

/// A key of an event that says something about a person would outlive what it opens.
#[tokio::test]
async fn no_key_is_kept_of_what_says_something_about_a_person() {
    let mut world = World::open().await;
    let danger = pb::VitalInterest { citation: "Law 91/2025/QH15 art. 19.1".into(), danger: pb::Danger::Health.into() };
    let basis = pb::LawfulBasis { vital_interest: Some(danger), ..Default::default() };
    let branch = world.refer(ReferralKind::Transfer, basis).await;
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    for node in [MOH, HANOI] {
        let evidence = world.evidence(node, &branch).await;
        let opened = &evidence.branches[0].origin[0];
        assert!(!opened.digest.is_empty() && opened.part_key.is_empty() && !opened.envelope_digest.is_empty());
        let account = world.judge(&evidence, node).unwrap();
        let line = &account.branches[0].lines[0];
        assert_eq!((line.standing, line.doubt), (Standing::Told, Some(Doubt::Masked)), "the danger is left out");
        assert!(line.signers.contains(&point("hanoi")), "who has answered it signed its digest");
        assert!(account.branches[0].tenures.iter().all(|tenure| tenure.told), "and with it who answers for the child");
    }
    let kept = "SELECT (SELECT COUNT(*) FROM sent WHERE proof IS NOT NULL) + \
                (SELECT COUNT(*) FROM received WHERE proof IS NOT NULL)";
    let events = "SELECT COUNT(*) FROM referral_event WHERE digest IS NULL AND LENGTH(message) > 0";
    assert_eq!(world.count(HANOI, kept).await, world.count(HANOI, events).await, "one for each of the others");
}

/// What is left of an event is the word of who made the file: it takes the place of none that says nothing of a person,
/// and what it names is not vouched for by whoever names its digest.
#[tokio::test]
async fn an_event_shown_in_part_takes_nobodys_place_and_vouches_for_nothing() {
    let mut world = World::open().await;
    let branch = world.served().await;
    let whole = world.evidence(MOH, &branch).await;
    let forge = |ordinal: usize, change: &dyn Fn(&mut pb::ReferralEvent)| {
        let mut forged = whole.clone();
        let told = &mut forged.branches[0].recipient[ordinal];
        let digest = match told.digest.as_slice() {
            [] => Event::read(&told.event).unwrap().digest(),
            known => Digest::new(known.try_into().unwrap()),
        };
        let mut event = pb::ReferralEvent::decode(told.event.as_slice()).unwrap();
        change(&mut event);
        let (event, digest) = (event.encode_to_vec(), digest.as_bytes().to_vec());
        let (envelope_digest, part_key) = (Vec::new(), Vec::new());
        *told = evidence::EvidenceEvent { event, digest, envelope_digest, part_key };
        world.judge(&forged, MOH)
    };
    let later = |event: &mut pb::ReferralEvent| event.event_time.as_mut().unwrap().seconds -= 3_600;
    let is_whole = |judged: &Result<Account, Refused>| {
        matches!(judged, Err(Refused::Event { fault: EventFault::Whole, side: Side::Recipient, .. }))
    };
    for ordinal in 0..2 {
        let judged = forge(ordinal, &later);
        assert!(is_whole(&judged), "{judged:?}");
    }
    // The one of which something is missing can be told otherwise; so it stands.
    let told = forge(2, &later).unwrap();
    let branch = &told.branches[0];
    assert_eq!((branch.told(), branch.standing(Side::Recipient, 3)), (1, Standing::Told));
    assert_eq!(branch.standing(Side::Recipient, 2), Standing::Signed, "by its own envelope");
    // Without their own keys, those before it are not vouched for by what comes after it.
    let mut bare = whole.clone();
    bare.branches[0].recipient.iter_mut().take(2).for_each(|event| event.part_key.clear());
    let told = world.judge(&bare, MOH).unwrap();
    assert_eq!(told.branches[0].standing(Side::Recipient, 2), Standing::Told);
    assert_eq!(told.branches[0].lines.iter().filter(|line| line.doubt == Some(Doubt::Unkept)).count(), 2);
}

#[tokio::test]
async fn what_a_key_signed_after_its_revocation_proves_nothing() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.pass(SignedDuration::from_hours(1));
    let (mut evidence, asked) = (world.evidence(MOH, &branch).await, world.now());
    let revoked = |name: &str, from: Timestamp| {
        let (name, from) = (name.to_owned(), write_time(from));
        move |release: &mut directory::Release| {
            let point = release.access_points.iter_mut().find(|point| point.access_point == name).unwrap();
            point.signing_keys.iter_mut().for_each(|key| key.revoke_time = Some(from));
        }
    };
    // The recipient's key is believed for what it signed before, and not from that moment on.
    world.pass(SignedDuration::from_secs(1));
    let releases = |world: &World| vec![world.directory().signed_bytes().to_vec()];
    world.amend(revoked("hanoi", asked)).await;
    (evidence.releases, evidence.make_time) = (releases(&world), Some(write_time(world.now())));
    let receipted = |account: &Account| account.branches[0].lines[0].delivery.is_some();
    assert!(receipted(&world.judge(&evidence, MOH).unwrap()));
    world.amend(revoked("hanoi", asked - SignedDuration::from_hours(2))).await;
    evidence.releases = releases(&world);
    assert!(!receipted(&world.judge(&evidence, MOH).unwrap()), "the receipt came later");

    // The maker's own key signs no file any more.
    world.amend(revoked("moh", asked)).await;
    evidence.releases = releases(&world);
    assert!(matches!(world.judge(&evidence, MOH), Err(Refused::RevokedMaker)));

    // Nor does an envelope of one hold an event, at whoever received it.
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let mut evidence = world.evidence(HANOI, &branch).await;
    let opened = |account: &Account| (account.branches[0].lines[0].standing, account.branches[0].lines[0].doubt);
    assert_eq!(opened(&world.judge(&evidence, HANOI).unwrap()), (Standing::Signed, None));
    world.amend(revoked("moh", world.now() - SignedDuration::from_hours(1))).await;
    evidence.releases = releases(&world);
    let told = (Standing::Told, Some(Doubt::Revoked));
    assert_eq!(opened(&world.judge(&evidence, HANOI).unwrap()), told);
}

#[tokio::test]
async fn a_file_with_more_in_it_than_a_case_has_is_refused_before_it_is_decoded() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let whole = world.evidence(MOH, &branch).await;
    let much = |change: &dyn Fn(&mut evidence::Evidence)| {
        let mut altered = whole.clone();
        change(&mut altered);
        let judged = world.judge(&altered, MOH);
        assert!(matches!(judged, Err(Refused::TooMuch)), "{judged:?}");
    };
    much(&|it| it.branches[0].origin = vec![evidence::EvidenceEvent::default(); 1_101]);
    much(&|it| it.branches = vec![it.branches[0].clone(); 513]);
    much(&|it| it.receipts = vec![it.receipts[0].clone(); 100]);
    much(&|it| it.envelopes = vec![it.envelopes[0].clone(); 65_537]);
    much(&|it| it.releases = vec![it.releases[0].clone(); 65]);
    much(&|it| it.branches[0].origin[0].event = vec![0; 300_000]);
    much(&|it| {
        let log = vec![evidence::EvidenceEvent::default(); 1_000];
        it.branches = vec![evidence::EvidenceBranch { origin: log, ..it.branches[0].clone() }; 21];
    });
    let large = verify(&vec![0; 33 << 20], &world.directory().root().fingerprint(), world.now());
    assert!(matches!(large, Err(Refused::TooMuch)));
}
