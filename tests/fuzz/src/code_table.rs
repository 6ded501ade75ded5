//! Code lists and crosswalks that lie beside a release: a file is taken only by the digest in the release, and is then
//! what it was when it is written again.

use nhipcau_domain::{directory::Release, pae::sha256};
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use crate::ceremony::{file, list, release, root, walk};

/// The first byte says which kind of table the rest is. A release that names it is drawn up around it.
pub fn property(bytes: &[u8]) {
    let Some((kind, table)) = bytes.split_first() else { return };
    assert!(release().code_list_file(table).is_err() && release().crosswalk_file(table, &[]).is_err(), "not named");
    let (digest, size_bytes) = (sha256(table).to_vec(), table.len() as u64);
    if kind % 2 == 0 {
        let Ok(read) = pb::CodeList::decode(table) else { return };
        let named = pb::CodeListRef { key: read.key.clone(), digest, size_bytes };
        let Some(release) = taken(|wire| wire.code_list_refs.push(named)) else { return };
        let Ok(opened) = release.code_list_file(table) else { return };
        assert_eq!(opened, read);
        assert_eq!(pb::CodeList::decode(opened.encode_to_vec().as_slice()), Ok(opened));
        let own: std::collections::BTreeSet<_> = read.codes.iter().map(|code| &code.code).collect();
        assert_eq!(own.len(), read.codes.len(), "each code once");
    } else {
        let Ok(read) = pb::Crosswalk::decode(table) else { return };
        let (source, target) = (read.source.clone(), read.target.clone());
        let named = pb::CrosswalkRef { source, target, digest, size_bytes };
        let Some(release) = taken(|wire| wire.crosswalk_refs.push(named)) else { return };
        let Ok(opened) = release.crosswalk_file(table, &[]) else { return };
        assert_eq!(opened, read);
        assert_eq!(pb::Crosswalk::decode(opened.encode_to_vec().as_slice()), Ok(opened));
    }
}

fn taken(change: impl FnOnce(&mut pb::Release)) -> Option<Release> {
    Release::verify(&file(change), root(), None).ok()
}

/// One of each.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut tree = list("CL_AREA", &["VN", "01"]);
    tree.codes[1].parent = "VN".to_owned();
    vec![[vec![0], tree.encode_to_vec()].concat(), [vec![1], walk().encode_to_vec()].concat()]
}
