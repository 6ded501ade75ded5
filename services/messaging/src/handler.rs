//! How a service takes part: one small synchronous trait, called inside the transaction that also holds the
//! inbox row and the receipt. That is what makes an effect happen exactly once.

use std::collections::HashSet;

use jiff::Timestamp;
use nhipcau_domain::id::ContractId;
use uuid::Uuid;

use crate::{
    Entropy, carriage,
    crypto::KeyError,
    derived,
    engine::{CaseKeys, RestError},
    message::{BlobRef, Correlation, Draft, Header, Incoming, MessageId, Outcome, RefusalReason, SkipReason},
    store::{self, Tx},
};

/// What a handler works with.
pub struct Context<'c, 't> {
    /// Business time.
    pub now: Timestamp,
    /// The transaction of the effect.
    pub tx: &'c mut Tx<'t>,
    case_keys: &'c CaseKeys,
    id_key: &'c [u8; 32],
    entropy: &'c mut dyn Entropy,
    wishes: Wishes,
}

/// What a handler wants done once it is through.
#[derive(Default)]
pub(crate) struct Wishes {
    pub(crate) drafts: Vec<Draft>,
    pub(crate) erasures: Vec<Correlation>,
    pub(crate) refusal: Option<RefusalReason>,
}

impl<'c, 't> Context<'c, 't> {
    pub(crate) fn new(
        now: Timestamp,
        tx: &'c mut Tx<'t>,
        case_keys: &'c CaseKeys,
        id_key: &'c [u8; 32],
        entropy: &'c mut dyn Entropy,
    ) -> Self {
        Self { now, tx, case_keys, id_key, entropy, wishes: Wishes::default() }
    }

    /// Sends a message in the same transaction and gives its id. Whoever causes it names the cause, so that it happens
    /// once.
    pub fn send(&mut self, draft: Draft) -> MessageId {
        let id = MessageId::derive(self.id_key, &draft.cause, draft.ordinal);
        self.wishes.drafts.push(draft);
        id
    }

    /// Tries a piece of work: when it fails, everything that it wrote or wished for is undone, and the handler goes on.
    ///
    /// # Errors
    /// What the work returns, or [`store::Error`] when the store failed.
    pub fn attempt<T, E: From<store::Error>>(
        &mut self,
        work: impl FnOnce(&mut Context<'_, '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let Self { now, tx, case_keys, id_key, entropy, wishes } = self;
        let (done, wished) = tx.savepoint(|tx| {
            let mut context = Context::new(*now, tx, case_keys, id_key, &mut **entropy);
            let done = work(&mut context)?;
            Ok::<_, E>((done, context.finish()))
        })?;
        wishes.drafts.extend(wished.drafts);
        wishes.erasures.extend(wished.erasures);
        wishes.refusal = wished.refusal.or(wishes.refusal);
        Ok(done)
    }

    /// The uid of something that a request makes: the same for the same cause.
    #[must_use]
    pub fn uid(&self, request_id: &str, cause: &[u8]) -> Uuid {
        derived::derive(self.id_key, derived::prefix_of(request_id), cause)
    }

    /// Erases every stored body of a case for good, once the handler is through and before anything is sent.
    pub fn erase(&mut self, case: Correlation) {
        self.wishes.erasures.push(case);
    }

    /// Refuses the message that is received, and keeps what was written.
    pub const fn refuse(&mut self, reason: RefusalReason) {
        self.wishes.refusal = Some(reason);
    }

    pub(crate) fn finish(self) -> Wishes {
        self.wishes
    }

    /// Encrypts a body of a case for a row of the service.
    ///
    /// # Errors
    /// [`RestError`]: the handler must fail with it.
    pub fn rest(
        &mut self,
        case: &Correlation,
        table: &'static str,
        row: &[u8],
        body: &[u8],
    ) -> Result<Vec<u8>, RestError> {
        self.case_keys.rest(Some(case), table, row, body, self.entropy, self.tx)
    }

    /// Decrypts a body of a case; `None` when the case was erased.
    ///
    /// # Errors
    /// [`RestError`]: the handler must fail with it.
    pub fn wake(
        &mut self,
        case: &Correlation,
        table: &'static str,
        row: &[u8],
        body: &[u8],
    ) -> Result<Option<Vec<u8>>, RestError> {
        self.case_keys.wake(Some(case), table, row, Some(body), self.tx)
    }

    /// How messages of a case travelled, and what proves them, as far as it was kept.
    ///
    /// # Errors
    /// [`store::Error`] when the store cannot be read.
    pub fn travelled(
        &mut self,
        case: &Correlation,
        wanted: &HashSet<MessageId>,
    ) -> Result<carriage::Collected, store::Error> {
        carriage::collect_by(self.case_keys, case, wanted, self.tx)
    }
}

/// Why a message has no effect.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The sender is told this reason.
    #[error("the message was refused: {0:?}")]
    Reason(RefusalReason),
    /// The store failed; nothing is said to the sender and the process stops.
    #[error("the store failed while a message was applied")]
    Store(#[from] store::Error),
    /// A case key cannot be used; nothing is said to the sender and the process stops.
    #[error("a case key cannot be used")]
    Key(#[from] KeyError),
}

impl From<RestError> for Refused {
    fn from(error: RestError) -> Self {
        match error {
            RestError::Store(error) => Self::Store(error),
            RestError::Key(error) => Self::Key(error),
        }
    }
}

/// What a service calls a thing that became due.
pub type Due = [u8; 16];

/// One contract's side of messaging.
pub trait Handler: Send {
    /// The contract it handles.
    fn contract(&self) -> &ContractId;

    /// The newest minor version it understands.
    fn minor(&self) -> u32;

    /// Whether a party that is over and has successors goes on with what is open under the contract. Its handler then
    /// looks itself that nothing new is begun.
    fn outlasts_parties(&self) -> bool {
        false
    }

    /// Applies a message. On refusal everything it wrote is undone. A broadcast that is refused for now
    /// ([`RefusalReason::NotYet`]) is given again later, after others that came behind it.
    ///
    /// # Errors
    /// [`Refused`] with the reason that the sender's receipt will carry.
    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused>;

    /// Learns what became of an own message. Called once for each message and final outcome, also for the chunks of
    /// blobs that were sent under this contract.
    ///
    /// # Errors
    /// [`RestError`] when the store or a case key failed.
    fn concluded(
        &mut self,
        id: MessageId,
        correlation: Option<Correlation>,
        outcome: Outcome,
        context: &mut Context<'_, '_>,
    ) -> Result<(), RestError>;

    /// Takes back an own message that a peer returned, because this store had been rolled back: rebuilds what
    /// sending it had written. Called before anything new is signed.
    ///
    /// # Errors
    /// [`RestError`] when the store or a case key failed.
    fn recovered(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), RestError>;

    /// Checks, each time before a message is signed, that it may still go: basis, consent, revocation.
    ///
    /// # Errors
    /// [`RestError`] when the store or a case key failed.
    fn may_send(
        &mut self,
        id: MessageId,
        header: &Header,
        context: &mut Context<'_, '_>,
    ) -> Result<Option<SkipReason>, RestError>;

    /// Whether something that is held here awaits a chunk of this blob. A chunk that nothing awaits is refused for now
    /// ([`RefusalReason::NotYet`]), and nothing of it is kept: what names it may still be on its way.
    ///
    /// # Errors
    /// [`RestError`] when the store or a case key failed.
    fn awaits(&mut self, _header: &Header, _blob: BlobRef, _context: &mut Context<'_, '_>) -> Result<bool, RestError> {
        Ok(true)
    }

    /// Whether the key of a message's part is kept beside its position, so that the message is proven by its signed
    /// envelope for as long as its bytes are there (see [`Proof`](crate::envelope::Proof)). Only where the service
    /// keeps these bytes in the clear: they say nothing about a person.
    fn keeps_proof(&self, _header: &Header, _part: &[u8]) -> bool {
        false
    }

    /// Takes the first thing that has become due by its time, and puts it off to when it is tried again. Asked about
    /// once a second. Whoever has no times of its own has nothing due.
    ///
    /// # Errors
    /// [`RestError`] when the store or a case key failed.
    fn take_due(&mut self, _context: &mut Context<'_, '_>) -> Result<Option<Due>, RestError> {
        Ok(None)
    }

    /// Does what is due. When a message that it sends cannot go, everything it wrote is undone, and it stays put off.
    ///
    /// # Errors
    /// [`RestError`] when the store or a case key failed.
    fn act_on(&mut self, _due: Due, _context: &mut Context<'_, '_>) -> Result<(), RestError> {
        Ok(())
    }
}
