//! Alarm keys: devices with one button, what their presses raise, and the people who end it.
//!
//! Promises: that a press was counted, the alarm that it raised, the contact and the message by which that is sent are
//! on disk together, before the press is answered; no crash loses or doubles them. Whatever cannot be sent as it is
//! stays a contact with the reasons, and the operator is told. What is registered of a device lies under a key of its
//! own, notes of presses under that of the case; neither keys of devices nor bytes of presses are logged or kept.
//! Never: tells a device more than that its press arrived, or ends an alarm by itself.

mod device;
mod end;
mod grpc;
mod keep;
mod keys;
mod list;
mod press;
mod teller;

use std::path::PathBuf;

use nhipcau_domain::id::Purpose;

pub(crate) use self::{
    keys::Keys,
    teller::{Teller, Watch},
};

/// How alarms are sent, and where the alarm keys of parties are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Directory of the access point's keys; those of devices are derived from what lies below it.
    pub keys: PathBuf,
    /// The service that is needed, as the directory names it.
    pub service: String,
    /// Purpose of the agreements.
    pub purpose: Purpose,
    /// The article by which is shared on a vital interest.
    pub citation: String,
}
