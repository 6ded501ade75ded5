//! Bulletins and revocations on the line: they arrive, outlive a restart, and nobody makes work of them.

use nhipcau_domain::directory::{Revocation, RevocationSigner, authoring};
use nhipcau_messaging::pae::{pae, sha256};

use super::*;

/// A bulletin of an access point with one epoch of its own.
fn bulletin(of: (&str, u8), version: u64, epoch: u8) -> Vec<u8> {
    let day = SignedDuration::from_hours(24);
    let draft = authoring::BulletinDraft {
        party: PartyId::new(of.0).unwrap(),
        access_point: AccessPointId::new(of.0).unwrap(),
        version,
        issue: now(),
        signing_key: key("s-1"),
        sealing_keys: vec![(key(&format!("e-{epoch}")), [epoch; 32], (now() - day, now() + day))],
    };
    let sign = |kind: &[u8], bytes: &[u8]| signer(of.1).sign(&pae(&[kind, bytes])).as_ref().to_vec();
    authoring::bulletin("test", &draft, sign)
}

/// `vwu` revokes its signing key with itself, from so many hours ago on.
fn revocation(hours: i64) -> Vec<u8> {
    revocation_of(("vwu", 12), "s-1", hours)
}

/// An access point revokes one of its keys with its signing key.
fn revocation_of(of: (&str, u8), revoked: &str, hours: i64) -> Vec<u8> {
    let (party, owner) = (PartyId::new(of.0).unwrap(), AccessPointId::new(of.0).unwrap());
    let revocation = Revocation {
        party,
        access_point: owner.clone(),
        keys: vec![key(revoked)],
        revoke_time: now() - SignedDuration::from_hours(hours),
        signer: RevocationSigner::Signing(owner, key("s-1")),
    };
    authoring::revoke("test", &revocation, &signer(of.1))
}

impl Side {
    /// The engine has heard from the peer's status which notices it has.
    fn hears_of_notices(&self, peer: &str, digest: [u8; 32]) {
        let request = nhipcau_messaging::signal::FileRequest { digest: digest.to_vec(), offset: 0 };
        let bytes = Signal { kind: Some(Kind::FileRequest(request)) }.encode_to_vec();
        let recipient = AccessPointId::new(peer).unwrap();
        assert!(self.courier.divert(Output::Signal { recipient, bytes }).is_none());
    }

    fn notices_digest(&self) -> [u8; 32] {
        self.releases.borrow().notices_digest().unwrap()
    }
}

#[tokio::test]
async fn bulletins_and_revocations_arrive_and_outlive_a_restart() {
    let office = Office::new();
    let (moha, mut moh) = pair(&office, Some);
    moha.puts("bulletins/moha.bulletin", &bulletin(("moha", 10), 3, 50));
    moha.puts("revocations/by-hand.revocation", &revocation(1));
    moha.reloads();
    moh.takes_what_arrives();
    moh.hears_of_notices("moha", moha.notices_digest());
    until(|| moh.courier.totals().heard == 1).await;
    assert_eq!(moh.restarted().notices(), moha.releases.borrow().notices());
    assert_eq!(fs::read(moh.file("bulletins/moha.bulletin")).unwrap(), bulletin(("moha", 10), 3, 50));
    let name = format!("revocations/{}.revocation", hex::encode(sha256(&revocation(1))));
    assert_eq!(fs::read(moh.file(&name)).unwrap(), revocation(1));
    // An earlier one decides from now on, and the other one goes from the disk; what a person put there stays.
    moha.puts("revocations/earlier.revocation", &revocation(5));
    moha.reloads();
    moh.hears_of_notices("moha", moha.notices_digest());
    until(|| moh.courier.totals().heard == 2).await;
    assert_eq!(fs::read_dir(moh.file("revocations")).unwrap().count(), 1);
    assert_eq!(moh.restarted().notices(), moha.releases.borrow().notices());
    directory::keep_notices(&moha.config, &moha.restarted()).unwrap();
    assert_eq!(fs::read_dir(moha.file("revocations")).unwrap().count(), 2);
    assert_eq!(moh.alarms(), 0);
}

#[tokio::test]
async fn revocations_of_epochs_that_are_gone_do_not_fill_the_disk() {
    let office = Office::new();
    let (moha, mut moh) = pair(&office, Some);
    moh.takes_what_arrives();
    for round in 1..=3_u8 {
        moha.puts("bulletins/moha.bulletin", &bulletin(("moha", 10), round.into(), 50 + round));
        let revoked = format!("e-{}", 50 + round);
        moha.puts("revocations/by-hand.revocation", &revocation_of(("moha", 10), &revoked, 1));
        moha.reloads();
        moh.hears_of_notices("moha", moha.notices_digest());
        until(|| moh.courier.totals().heard == u64::from(round)).await;
        assert_eq!(moh.restarted().revocations().count(), 1);
        assert_eq!(fs::read_dir(moh.file("revocations")).unwrap().count(), 1, "round {round}");
    }
}

#[tokio::test]
async fn forged_ones_are_refused_told_once_and_keep_no_others_away() {
    let office = Office::new();
    let (moha, mut moh) = pair(&office, Some);
    let by_another = bulletin(("moha", 12), 1, 51);
    let file = |bulletin: &[u8]| {
        let signed = pb::SignedBulletin::decode(bulletin).unwrap();
        let revocations = vec![pb::SignedRevocation::decode(revocation(1).as_slice()).unwrap()];
        pb::Notices { bulletins: vec![signed], revocations }.encode_to_vec()
    };
    let forged = file(&by_another);
    // The line answers for `moha`, whose release holds no such thing.
    let answer = forged.clone();
    let (courier, digest) = (moh.courier.clone(), sha256(&forged));
    moh.takes_what_arrives();
    let feeding = tokio::spawn(async move {
        loop {
            let piece = FilePiece {
                digest: digest.to_vec(),
                size_bytes: answer.len() as u64,
                offset: 0,
                content: answer.clone(),
                release_version: 0,
            };
            let sender = AccessPointId::new("moha").unwrap();
            let bytes = Signal { kind: Some(Kind::FilePiece(piece)) }.encode_to_vec();
            assert!(courier.take(Input::Signal { sender, bytes }).is_none());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    until(|| {
        moh.hears_of_notices("moha", digest);
        moh.courier.totals().refused >= 3
    })
    .await;
    assert_eq!(moh.alarms(), 1);
    assert_eq!(moh.restarted().bulletins().count(), 0);
    assert_eq!(moh.restarted().revocations().count(), 1, "the good one in the same file");
    feeding.abort();
    assert!(moha.arrivals.is_some());
}

#[tokio::test]
async fn a_peer_with_ever_new_notices_is_asked_once_in_a_while_and_for_the_last_of_them() {
    let office = Office::new();
    let (moha, moh) = pair(&office, Some);
    for n in 0..200_u8 {
        moh.hears_of_notices("moha", [n; 32]);
    }
    // It answers none of them: until the tries are over, and its pause.
    let tries = usize::try_from(PACE.tries).unwrap();
    until(|| lock(&moh.said).len() >= tries).await;
    for n in 0..200_u8 {
        moh.hears_of_notices("moha", [n; 32]);
    }
    until(|| lock(&moh.said).len() > tries).await;
    let asked: Vec<_> = lock(&moh.said).iter().map(|(_, signal)| signal.kind.clone()).collect();
    let last = |kind: &_| matches!(kind, Some(Kind::FileRequest(request)) if request.digest == [199; 32]);
    assert!(asked.iter().all(last), "{asked:?}");
    drop(moha);
}

#[tokio::test]
async fn what_a_peer_no_longer_has_is_not_waited_for() {
    let office = Office::new();
    let (moha, mut moh) = pair(&office, Some);
    moha.puts("bulletins/moha.bulletin", &bulletin(("moha", 10), 3, 50));
    moha.reloads();
    moh.takes_what_arrives();
    moh.hears_of_notices("moha", [7; 32]);
    until(|| !lock(&moh.said).is_empty()).await;
    moh.hears_of_notices("moha", moha.notices_digest());
    until(|| moh.courier.totals().heard == 1).await;
    assert!(lock(&moh.said).len() < usize::try_from(PACE.tries).unwrap() + 1);
    assert_eq!((moh.courier.totals().refused, moh.alarms()), (0, 0));
}

#[tokio::test]
async fn a_peer_that_does_not_answer_keeps_the_revocations_of_no_other_away() {
    let office = Office::new();
    let (moha, mut moh) = paced_pair(&office, Pace { repeat: Duration::from_hours(1), ..PACE }, Some);
    moha.puts("revocations/by-hand.revocation", &revocation(1));
    moha.reloads();
    moh.takes_what_arrives();
    moh.hears_of_notices("vwu", [7; 32]);
    until(|| lock(&moh.said).len() == 1).await;
    moh.hears_of_notices("moha", moha.notices_digest());
    until(|| moh.courier.totals().heard == 1).await;
    assert_eq!(moh.restarted().notices(), moha.releases.borrow().notices());
    let is_open = |open: &Awaited| open.peer.as_str() == "vwu" && !open.answer.is_closed();
    assert!(lock(&moh.courier.shared.awaited).iter().any(is_open), "it was given up first");
}

#[test]
fn a_damaged_or_outdated_bulletin_among_the_files_keeps_nothing_from_starting() {
    let office = Office::new();
    let (to_moha, line): (_, Line) = (Arc::default(), Box::new(Some));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let moh = runtime.block_on(async { side(&office, "moh", &to_moha, line) });
    let bytes = bulletin(("moha", 10), 3, 50);
    moh.puts("bulletins/moha.bulletin", &bytes[..bytes.len() / 2]);
    moh.puts("bulletins/vwu.bulletin", &bulletin(("vwu", 12), 3, 51));
    moh.puts(&format!("revocations/{}.revocation", "ab".repeat(32)), b"damaged");
    assert_eq!(moh.restarted().bulletins().count(), 1);
    moh.puts("revocations/by-hand.revocation", &revocation(1));
    assert_eq!(moh.restarted().bulletins().count(), 0, "whoever signed it is revoked");
    moh.puts("revocations/by-hand.revocation", b"damaged");
    assert!(directory::load(&moh.config, now(), true).is_err());
}
