//! Parts of the content at rest and back: each lies under the key of its case, bound to its owner and digest.

use nhipcau_domain::referral::{Part, PartSet, attached};
use nhipcau_messaging::{desk::Desk, pae, writer::Row};
use uuid::Uuid;

use crate::{
    error::Error,
    store::{
        content::{self, Owner, Sealed, TABLE},
        upload,
    },
};

/// A part as it travels. Not printable.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) part: Part,
    pub(crate) digest: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

impl Piece {
    /// A part with its digest.
    pub(crate) fn new(part: Part, bytes: Vec<u8>) -> Self {
        Self { part, digest: pae::sha256(&bytes), bytes }
    }
}

/// Puts a part to rest, unless the owner holds these very bytes.
pub(crate) fn put<'t>(desk: &mut impl Desk<'t>, case: Uuid, owner: Owner, piece: &Piece) -> Result<(), Error> {
    if content::holds(desk.tx(), owner, &piece.digest)? {
        return Ok(());
    }
    let body =
        desk.rest(&Row { case: case.as_bytes(), table: TABLE, key: &key(owner, &piece.digest) }, &piece.bytes)?;
    content::add(desk.tx(), owner, &Sealed { part: piece.part, digest: piece.digest, body })?;
    for attachment in attached(piece.part, &piece.bytes) {
        upload::name(desk.tx(), case, (owner, piece.part), &attachment)?;
    }
    Ok(())
}

/// Every version of each part that an owner holds, the oldest first. What does not open any more is left out: its case
/// was erased.
pub(crate) fn all<'t>(desk: &mut impl Desk<'t>, case: Uuid, owner: Owner) -> Result<Vec<Piece>, Error> {
    let mut all = Vec::new();
    for Sealed { part, digest, body } in content::all(desk.tx(), owner)? {
        let row = Row { case: case.as_bytes(), table: TABLE, key: &key(owner, &digest) };
        all.extend(desk.wake(&row, &body)?.map(|bytes| Piece { part, digest, bytes }));
    }
    Ok(all)
}

/// The newest version of each part that an owner holds, in the order of the contract, as [`all`].
pub(crate) fn newest<'t>(desk: &mut impl Desk<'t>, case: Uuid, owner: Owner) -> Result<Vec<Piece>, Error> {
    let mut newest: Vec<Piece> = Vec::new();
    for version in all(desk, case, owner)? {
        newest.retain(|piece| piece.part != version.part);
        newest.push(version);
    }
    Ok(newest)
}

/// The part with a digest; `None` when it is not held or its case was erased.
pub(crate) fn find<'t>(
    desk: &mut impl Desk<'t>,
    case: Uuid,
    owner: Owner,
    digest: &[u8; 32],
) -> Result<Option<Piece>, Error> {
    let Some(Sealed { part, digest, body }) = content::find(desk.tx(), owner, digest)? else { return Ok(None) };
    let row = Row { case: case.as_bytes(), table: TABLE, key: &key(owner, &digest) };
    Ok(desk.wake(&row, &body)?.map(|bytes| Piece { part, digest, bytes }))
}

/// The parts that pieces are.
pub(crate) fn parts(pieces: &[Piece]) -> PartSet {
    pieces.iter().map(|piece| piece.part).collect()
}

fn key(owner: Owner, digest: &[u8; 32]) -> Vec<u8> {
    [owner.uid.as_bytes().as_slice(), digest.as_slice()].concat()
}
