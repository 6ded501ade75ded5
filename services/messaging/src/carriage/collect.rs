//! Reading from a store how messages of a case travelled.

use std::collections::{BTreeMap, HashMap, HashSet};

use prost::Message as _;

use crate::{
    engine::{CaseKeys, RestError},
    envelope::{Proof, wire},
    keys::KeyEncryptionKey,
    message::{Correlation, MessageId, RefusalReason},
    pae::Digest,
    receipt,
    store::{
        Error, Tx,
        carriage::{self as rows, Position},
    },
};

/// Where a message stood.
#[derive(Debug, Clone)]
pub struct Travelled {
    /// Digest of its envelope.
    pub digest: Digest,
    /// What proves the message, where that was kept.
    pub proof: Option<Proof>,
}

/// What a store holds of single messages.
#[derive(Debug, Default)]
pub struct Collected {
    /// The last position of each message that has one here.
    pub messages: HashMap<MessageId, Travelled>,
    /// Their envelopes and those between them and the heads of their receipts, without parts, by digest.
    pub envelopes: BTreeMap<Digest, wire::Envelope>,
    /// The first final receipt for each, by digest.
    pub receipts: BTreeMap<Digest, wire::Receipt>,
}

/// Reads how the wanted messages of a case travelled, in both directions. An envelope that still has its parts is read
/// by the key-encryption keys; what they do not open is left out.
///
/// # Errors
/// [`Error`] when the store cannot be read.
pub fn collect(
    keks: Vec<KeyEncryptionKey>,
    case: &Correlation,
    wanted: &HashSet<MessageId>,
    tx: &mut Tx<'_>,
) -> Result<Collected, Error> {
    collect_by(&CaseKeys::new(keks), case, wanted, tx)
}

/// The same by keys that are at hand.
pub(crate) fn collect_by(
    keys: &CaseKeys,
    case: &Correlation,
    wanted: &HashSet<MessageId>,
    tx: &mut Tx<'_>,
) -> Result<Collected, Error> {
    let mut collected = Collected::default();
    for position in rows::of_case(tx, case)?.into_iter().filter(|position| wanted.contains(&position.id)) {
        let Some(envelope) = bare(keys, &position, tx)? else { continue };
        collected.envelopes.insert(position.digest, envelope);
        let proof = position.proof.as_deref().and_then(Proof::from_slice);
        collected.messages.insert(position.id, Travelled { digest: position.digest, proof });
        for stored in rows::receipts(tx, &position)? {
            let Ok(receipt) = wire::Receipt::decode(stored.receipt.as_slice()) else { continue };
            if says_not_yet(&receipt, position.sequence) {
                continue;
            }
            let between = rows::between(tx, &position, stored.last)?;
            let head = between.last().map_or(position.digest, |last| last.digest);
            if receipt::head_of(&receipt) != Some((stored.last, head)) {
                continue;
            }
            for link in &between {
                if collected.envelopes.contains_key(&link.digest) {
                    continue;
                }
                if let Some(envelope) = bare(keys, link, tx)? {
                    collected.envelopes.insert(link.digest, envelope);
                }
            }
            collected.receipts.insert(stored.digest, receipt);
            break;
        }
    }
    Ok(collected)
}

fn says_not_yet(receipt: &wire::Receipt, sequence: u64) -> bool {
    let statement = wire::ReceiptStatement::decode(receipt.statement.as_slice()).unwrap_or_default();
    let not_yet = RefusalReason::NotYet as i32;
    statement.refusals.iter().any(|refusal| refusal.sequence == sequence && refusal.reason == not_yet)
}

/// The envelope at a position without its parts.
fn bare(keys: &CaseKeys, p: &Position, tx: &mut Tx<'_>) -> Result<Option<wire::Envelope>, Error> {
    let bytes = match (&p.erased, &p.envelope) {
        (Some(erased), _) => Some(erased.clone()),
        (None, None) => None,
        (None, Some(stored)) => {
            let (table, row): (_, &[u8]) = if p.sender.is_none() { ("sent", &p.id.0) } else { ("received", &p.digest) };
            match keys.wake(p.correlation.as_ref(), table, row, Some(stored), tx) {
                Ok(bytes) => bytes,
                Err(RestError::Key(_)) => None,
                Err(RestError::Store(error)) => return Err(error),
            }
        }
    };
    let envelope = bytes.and_then(|bytes| wire::Envelope::decode(bytes.as_slice()).ok());
    Ok(envelope.map(|envelope| wire::Envelope { parts: Vec::new(), ..envelope }))
}
