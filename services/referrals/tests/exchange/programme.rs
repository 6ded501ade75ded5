//! What the access points of a test have in common: the signed directory with its units, agreements and limits, and the
//! areas through two reforms.

use std::sync::Arc;

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, date},
};
use nhipcau_domain::{
    area::{AreaList, Areas, Crosswalk},
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{KeyId, Purpose, UnitId},
};
use nhipcau_messaging::crypto::{seal, sign::SigningKey};
use nhipcau_proto::directory::v1 as directory;
use nhipcau_referrals::CONTRACT;

use crate::{
    requested::asking,
    world::{GUEST, NAMES, PURPOSE, contract, key_id, party, point, seed},
};

/// Units and their parties.
const UNITS: [(&str, &str); 5] =
    [("moh", "111"), ("hanoi", "ba-dinh"), ("hanoi", "cua-nam"), ("vwu", "desk"), (GUEST, "desk")];

const VERSIONS: &str = "version,valid_from,valid_until,basis,name_vi,name_en\n\
    VN-63,,2025-06-30,before,63,63\nVN-34,2025-07-01,2026-12-31,after,34,34\n\
    NEXT,2027-01-01,,made up,next,next\n";
/// Of the older units some became others and one was split; the district is no more. The last reform is made up.
const AREAS: &str = "code,level,parent,kind,name,valid_from,valid_until\n\
    01,province,,city,Thành phố Hà Nội,,2025-06-30\n02,province,,province,Tỉnh Hà Giang,,2025-06-30\n\
    001,district,01,urban_district,Quận Ba Đình,,2025-06-30\n\
    00004,commune,001,ward,Phường Trúc Bạch,,2025-06-30\n00019,commune,001,ward,Phường Điện Biên,,2025-06-30\n\
    01,province,,city,Thành phố Hà Nội,2025-07-01,\n08,province,,province,Tỉnh Tuyên Quang,2025-07-01,\n\
    00004,commune,01,ward,Phường Ba Đình,2025-07-01,\n00070,commune,01,ward,Phường Hoàn Kiếm,2025-07-01,2026-12-31\n\
    00070,commune,01,ward,Phường Hoàn Kiếm,2027-01-01,\n00071,commune,01,ward,Phường Mới,2027-01-01,\n";
const CROSSWALKS: [&str; 2] = [
    "old_level,old_code,new_code,extent\nprovince,01,01,whole\nprovince,02,08,whole\n\
    commune,00004,00004,whole\ncommune,00019,00004,part\ncommune,00019,00070,part\n",
    "old_level,old_code,new_code,extent\ncommune,00070,00070,part\ncommune,00070,00071,part\n",
];

/// The areas.
pub(crate) fn areas() -> Areas {
    let list = Arc::new(AreaList::parse(VERSIONS.as_bytes(), [AREAS.as_bytes()]).unwrap());
    let reform = |(day, table): (Date, &str)| Crosswalk::parse(day, table.as_bytes(), &list).unwrap();
    let reforms = [date(2025, 7, 1), date(2027, 1, 1)].into_iter().zip(CROSSWALKS).map(reform);
    Areas::new(Arc::clone(&list), reforms).unwrap()
}

pub(crate) struct Signers {
    pub(crate) root: TrustedRoot,
    pub(crate) ids: [KeyId; 3],
    pub(crate) pairs: [Ed25519KeyPair; 3],
}

pub(crate) fn signers() -> Signers {
    let ids = ["root-0", "root-1", "root-2"].map(key_id);
    let pairs = [0u8, 1, 2].map(|n| Ed25519KeyPair::from_seed_unchecked(&[n + 1; 32]).unwrap());
    let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
    let signer = |((id, pair), role): ((&KeyId, &Ed25519KeyPair), SignerRole)| Signer {
        id: id.clone(),
        holder: id.as_str().into(),
        public: authoring::public_key(pair),
        role,
    };
    let signers: Vec<_> = ids.iter().zip(&pairs).zip(roles).map(signer).collect();
    let root = TrustedRoot::new("test", 1, &signers).unwrap();
    Signers { root, ids, pairs }
}

/// Everybody may send to everybody for protection and for nothing else; `hanoi/west` is served nowhere.
pub(crate) fn release(now: Timestamp) -> Arc<Release> {
    let year = SignedDuration::from_hours(24 * 365);
    let long = Validity { start: now - year, expire: Some(now + year) };
    let Signers { root, ids, pairs } = signers();
    let mut builder = authoring::ReleaseBuilder::new(&root, now - year, now + year);
    builder = builder.contract(&contract(), nhipcau_referrals::MINOR).contract(&asking(), 0);
    let guest = party(GUEST);
    builder = builder.party(&guest, ("Khách", "Guest"), long);
    for name in NAMES {
        let (party, ap) = (party(name), point(name));
        let signing = SigningKey::from_seed(key_id("s-1"), &seed(name, 1)).unwrap().public();
        let hosted = if name == "hanoi" { vec![&party, &guest] } else { vec![&party] };
        builder = builder
            .party(&party, ("Bên", "Party"), long)
            .access_point(&ap, &party, &hosted)
            .signing_key(&ap, &key_id("s-1"), signing, long)
            .sealing_key(&ap, &key_id("e-1"), seal::public_key(&seed(name, 2)).unwrap(), long);
    }
    for (owner, unit) in UNITS {
        let host = point(if owner == GUEST { "hanoi" } else { owner });
        let (owner, unit) = (party(owner), UnitId::new(unit).unwrap());
        builder =
            builder.unit(&owner, &unit, ("Đơn vị", "Unit"), long).host(&owner, Some(&unit), &host, &[&contract()]);
    }
    builder = builder.unit(&party("hanoi"), &UnitId::new("west").unwrap(), ("Tây", "West"), long);
    let purpose = Purpose::new(PURPOSE).unwrap();
    for (owner, unit, host) in [("moh", "111", "moh"), (GUEST, "desk", "hanoi")] {
        let (owner, unit) = (party(owner), UnitId::new(unit).unwrap());
        builder = builder.host(&owner, Some(&unit), &point(host), &[&asking()]);
        builder = builder.agreement(&owner, &asking(), &owner, &purpose, long);
    }
    let parties = || NAMES.into_iter().chain([GUEST]);
    for from in parties() {
        for to in parties() {
            builder = builder.agreement(&party(from), &contract(), &party(to), &purpose, long);
        }
    }
    let limits = [("verify", "transfer_opened"), ("reply", "referral_opened")];
    let limits = limits.map(|(rule, opened)| limit(rule, opened, now - year));
    let builder = builder.with(|wire| wire.time_limits.extend(limits));
    let signed = builder.signed(&[(&ids[0], &pairs[0]), (&ids[2], &pairs[2])]);
    Arc::new(Release::verify(&signed, &root, None).unwrap())
}

/// A person has an hour.
pub(crate) fn limit(rule: &str, opened: &str, from: Timestamp) -> directory::TimeLimit {
    let hours = |hours: i64| {
        let elapsed = prost_types::Duration { seconds: hours * 3_600, nanos: 0 };
        Some(directory::Span { kind: Some(directory::span::Kind::Elapsed(elapsed)) })
    };
    directory::TimeLimit {
        time_limit: rule.into(),
        contract: CONTRACT.into(),
        start_event: opened.into(),
        stop_events: vec!["acknowledged".into()],
        limit: hours(12),
        acknowledge_within: hours(1),
        legal_source: "Decree 56/2017/NĐ-CP art. 26".into(),
        validity: Some(directory::Validity {
            start_time: Some(prost_types::Timestamp { seconds: from.as_second(), nanos: 0 }),
            expire_time: None,
        }),
        ..directory::TimeLimit::default()
    }
}
