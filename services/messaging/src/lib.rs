//! Reliable messaging between access points: every accepted message has exactly one effect at its recipient, in
//! order, or a signed refusal, whatever the broker loses, repeats, reorders or invents.
//!
//! The [`engine`] is a synchronous state machine, (input, now, transaction) → outputs, without sockets, clock or
//! randomness of its own; [`writer`] and [`nats`] are thin shells around it, and the simulation runs it unchanged.
//! Seams are [`Entropy`], the times passed in, the [`store::Tx`] and the inputs and outputs of the engine; nothing
//! else is abstracted. Knows no business noun: services take part through [`handler::Handler`].

pub mod audit;
pub mod blob;
pub mod carriage;
pub mod crypto;
mod derived;
pub mod desk;
pub mod engine;
pub mod envelope;
pub mod evidence;
pub mod handler;
pub mod keys;
pub mod message;
pub mod nats;
pub mod pae;
pub mod provision;
pub mod quota;
pub mod receipt;
pub mod reconcile;
pub mod signal;
pub mod store;
pub mod writer;

/// Source of random bytes: the operating system's in a process, a seed's in the simulation.
pub trait Entropy: Send {
    /// Fills the whole buffer.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// The operating system's randomness.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        // aws-lc's generator fails only when the operating system has no randomness at all, and then nothing that
        // this process would write could be trusted.
        if aws_lc_rs::rand::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}
