//! Subjects as a type. A subject says who wants to have sent something to whom; it proves neither, because the
//! broker itself writes its answers to whatever reply subject a client names.

use std::fmt;

use nhipcau_domain::id::AccessPointId;

use crate::{
    engine::Kind,
    message::{Lane, Recipient},
};

/// What every subject begins with.
const ROOT: &str = "nc.v1";

/// Recipient of a broadcast.
const ALL: &str = "all";

/// A subject of the bus.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Envelopes of a pair's channel: `nc.v1.m.RECIPIENT.SENDER` or `nc.v1.b.RECIPIENT.SENDER`.
    Lane {
        /// Which channel.
        lane: Lane,
        /// Access point that it is for.
        recipient: AccessPointId,
        /// Access point that claims to send it.
        sender: AccessPointId,
    },
    /// Receipts: `nc.v1.r.RECIPIENT.SENDER`.
    Receipts {
        /// Access point that sent what is receipted.
        recipient: AccessPointId,
        /// Access point that claims to have issued them.
        sender: AccessPointId,
    },
    /// Envelopes of a broadcast: `nc.v1.b.all.SENDER`.
    Broadcast {
        /// Access point that claims to send it.
        sender: AccessPointId,
    },
    /// Signals, which the broker does not keep: `nc.v1.s.RECIPIENT.SENDER`.
    Signal {
        /// Access point that it is for.
        recipient: AccessPointId,
        /// Access point that claims to send it.
        sender: AccessPointId,
    },
}

/// Why a text is not a subject of the bus. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a subject of the bus: expected nc.v1.KIND.RECIPIENT.SENDER")]
pub struct InvalidSubject;

impl Subject {
    /// The subject of something kept by the broker, or none where kind and recipient do not go together: only a
    /// broadcast goes to all, and it goes nowhere else.
    #[must_use]
    pub fn kept(kind: Kind, recipient: &Recipient, sender: &AccessPointId) -> Option<Self> {
        let sender = sender.clone();
        match (kind, recipient) {
            (Kind::Lane(lane), Recipient::One(id)) => Some(Self::Lane { lane, recipient: id.clone(), sender }),
            (Kind::Receipts, Recipient::One(id)) => Some(Self::Receipts { recipient: id.clone(), sender }),
            (Kind::Broadcast, Recipient::All) => Some(Self::Broadcast { sender }),
            _ => None,
        }
    }

    /// Reads a subject.
    ///
    /// # Errors
    /// [`InvalidSubject`] when it is not exactly five tokens of the known forms.
    pub fn parse(text: &str) -> Result<Self, InvalidSubject> {
        let rest = text.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('.')).ok_or(InvalidSubject)?;
        let mut tokens = rest.split('.');
        let (Some(kind), Some(recipient), Some(sender), None) =
            (tokens.next(), tokens.next(), tokens.next(), tokens.next())
        else {
            return Err(InvalidSubject);
        };
        let sender = AccessPointId::new(sender).map_err(|_| InvalidSubject)?;
        if (kind, recipient) == ("b", ALL) {
            return Ok(Self::Broadcast { sender });
        }
        let recipient = AccessPointId::new(recipient).map_err(|_| InvalidSubject)?;
        match kind {
            "m" => Ok(Self::Lane { lane: Lane::Messages, recipient, sender }),
            "b" => Ok(Self::Lane { lane: Lane::Bulk, recipient, sender }),
            "r" => Ok(Self::Receipts { recipient, sender }),
            "s" => Ok(Self::Signal { recipient, sender }),
            _ => Err(InvalidSubject),
        }
    }

    /// What the broker keeps it as, or none for a signal.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Lane { lane, .. } => Some(Kind::Lane(*lane)),
            Self::Receipts { .. } => Some(Kind::Receipts),
            Self::Broadcast { .. } => Some(Kind::Broadcast),
            Self::Signal { .. } => None,
        }
    }

    /// The access point that it is for, or none in a broadcast.
    #[must_use]
    pub fn recipient(&self) -> Option<&AccessPointId> {
        match self {
            Self::Lane { recipient, .. } | Self::Receipts { recipient, .. } | Self::Signal { recipient, .. } => {
                Some(recipient)
            }
            Self::Broadcast { .. } => None,
        }
    }

    /// The access point that claims to send. Not evidence.
    #[must_use]
    pub fn sender(&self) -> &AccessPointId {
        match self {
            Self::Lane { sender, .. }
            | Self::Receipts { sender, .. }
            | Self::Broadcast { sender }
            | Self::Signal { sender, .. } => sender,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lane { lane, recipient, sender } => write!(f, "{ROOT}.{}.{recipient}.{sender}", lane.letter()),
            Self::Receipts { recipient, sender } => write!(f, "{ROOT}.r.{recipient}.{sender}"),
            Self::Broadcast { sender } => write!(f, "{ROOT}.b.{ALL}.{sender}"),
            Self::Signal { recipient, sender } => write!(f, "{ROOT}.s.{recipient}.{sender}"),
        }
    }
}

/// The filter that matches everything of a kind for one recipient, whoever sends it.
pub(crate) fn filter(letter: &str, recipient: &str) -> String {
    format!("{ROOT}.{letter}.{recipient}.*")
}

/// The pattern that matches everything that a sender may publish.
pub(crate) fn from_sender(sender: &AccessPointId) -> String {
    format!("{ROOT}.*.*.{sender}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_id() -> impl Strategy<Value = AccessPointId> {
        "[a-z0-9-]{1,32}".prop_filter_map("all is reserved", |text| AccessPointId::new(text).ok())
    }

    fn any_subject() -> impl Strategy<Value = Subject> {
        (0..5, any_id(), any_id()).prop_map(|(form, recipient, sender)| match form {
            0 => Subject::Lane { lane: Lane::Messages, recipient, sender },
            1 => Subject::Lane { lane: Lane::Bulk, recipient, sender },
            2 => Subject::Receipts { recipient, sender },
            3 => Subject::Broadcast { sender },
            _ => Subject::Signal { recipient, sender },
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(subject in any_subject()) {
            prop_assert_eq!(Subject::parse(&subject.to_string()), Ok(subject));
        }

        #[test]
        fn what_is_read_is_written_back(text in "nc\\.v1\\.[mbrsx]\\.[a-zA-Z0-9*>-]{0,5}\\.[a-z*.]{0,5}|.{0,40}") {
            if let Ok(subject) = Subject::parse(&text) {
                prop_assert_eq!(subject.to_string(), text);
            }
        }

        #[test]
        fn kind_recipient_and_sender_give_the_subject_again(subject in any_subject()) {
            let recipient = subject.recipient().cloned().map_or(Recipient::All, Recipient::One);
            let again = subject.kind().and_then(|kind| Subject::kept(kind, &recipient, subject.sender()));
            prop_assert_eq!(again.is_none(), matches!(subject, Subject::Signal { .. }));
            prop_assert!(again.is_none_or(|again| again == subject));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "nc.v1",
            "nc.v1.m.moh",
            "nc.v1.m.moh.moha.more",
            "nc.v1.m.moh.",
            "nc.v2.m.moh.moha",
            "NC.v1.m.moh.moha",
            "nc.v1.x.moh.moha",
            "nc.v1.m.all.moha",
            "nc.v1.r.all.moha",
            "nc.v1.s.all.moha",
            "nc.v1.m.*.moha",
            "nc.v1.m.moh.>",
            "nc.v1.m.moh.all",
            "nc.v1.m.Moh.moha",
            " nc.v1.m.moh.moha",
        ] {
            assert_eq!(Subject::parse(text), Err(InvalidSubject), "{text}");
        }
    }

    #[test]
    fn only_a_broadcast_goes_to_all_and_nowhere_else() {
        let one = Recipient::One(AccessPointId::new("moh").unwrap());
        let sender = AccessPointId::new("moha").unwrap();
        assert_eq!(Subject::kept(Kind::Lane(Lane::Bulk), &Recipient::All, &sender), None);
        assert_eq!(Subject::kept(Kind::Receipts, &Recipient::All, &sender), None);
        assert_eq!(Subject::kept(Kind::Broadcast, &one, &sender), None);
    }
}
