//! Alarm keys: from the bytes of a press to an alarm that a person ends, as rules.
//!
//! [`Frame::open`] takes only bytes that a device of the party made; [`Device::judge`] says what a press does; a press
//! that raises an alarm begins a contact ([`Device::report`]), and [`Alarm`] is ended by a person alone. A press counts
//! once, in whatever order presses arrive, and whatever is not surely a test or a repetition is an alarm; of what may
//! be an old press that is played again, a person is told. [`ANSWER`] is what goes back for every authentic press,
//! whatever it did. [`Burst`] says when an operator is told of a flood; no rate puts an alarm off.
//!
//! The frame is this project's proposal: its sources know no standard of such devices. Knows nothing of storage, radio,
//! or who may call, and leaves out what is done with the contact.

mod device;
mod flood;
mod frame;
mod key;
mod note;
mod raised;
mod seen;
mod verdict;

#[cfg(test)]
mod tests;

pub use device::{Device, LONGEST_TEST, State};
pub use flood::Burst;
pub use frame::{ANSWER, DeviceId, FRAME_BYTES, Flags, Frame, Named, NotAFrame};
pub use key::{AlarmKey, DeviceKey};
pub use note::{CancelReason, Note};
pub use raised::{Alarm, Cancelled, JOINING};
pub use seen::Seen;
pub use verdict::{FARTHEST, Judgement, Verdict};
