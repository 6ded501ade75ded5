//! What somebody may ask of a branch on its page: how it is called, which event it leads to, why it is asked for, and
//! whether it is shown once more before it is.
//!
//! Nothing is decided here: what the table of states takes from the recipient is offered, and the door decides.

use nhipcau_domain::referral::{EventKind, Kind, Side, State, table};
use nhipcau_proto::referral::v1 as pb;

use super::words;

/// Something that can be asked of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Acknowledge,
    Accept,
    Start,
    Record,
    Complete,
    Redirect,
    Reject,
    HandBack,
}

impl Act {
    /// In the order in which a page has them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Acknowledge,
        Self::Accept,
        Self::Start,
        Self::Record,
        Self::Complete,
        Self::Redirect,
        Self::Reject,
        Self::HandBack,
    ];

    /// Reads the end of a path.
    pub(crate) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.path() == text)
    }

    /// The end of its path.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Accept => "accept",
            Self::Start => "start",
            Self::Record => "record",
            Self::Complete => "complete",
            Self::Redirect => "redirect",
            Self::Reject => "reject",
            Self::HandBack => "hand-back",
        }
    }

    const fn event(self) -> EventKind {
        match self {
            Self::Acknowledge => EventKind::Acknowledged,
            Self::Accept => EventKind::Accepted,
            Self::Start => EventKind::ServiceStarted,
            Self::Record => EventKind::WorkRecorded,
            Self::Complete => EventKind::Completed,
            Self::Redirect => EventKind::Redirected,
            Self::Reject => EventKind::Rejected,
            Self::HandBack => EventKind::HandBackRequested,
        }
    }

    /// Whether it ends what the unit does, or can be asked for once only: it is shown once more before it is.
    pub(crate) const fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::Redirect | Self::Reject | Self::HandBack)
    }

    /// Whether it has a form of its own, in which it is said what was done.
    pub(crate) const fn is_recording(self) -> bool {
        matches!(self, Self::Record)
    }

    /// On its button.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Acknowledge => "Xác nhận tiếp nhận",
            Self::Accept => "Chấp nhận",
            Self::Start => "Bắt đầu can thiệp",
            Self::Record => "Ghi nhận việc đã làm",
            Self::Complete => "Báo kết quả",
            Self::Redirect => "Chuyển hướng",
            Self::Reject => "Từ chối",
            Self::HandBack => "Đề nghị trả lại hồ sơ",
        }
    }

    /// What it means.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Acknowledge => "Bấm nút này nghĩa là một cán bộ đã xem và nhận xử lý hồ sơ.",
            Self::Accept => "Đơn vị nhận cung cấp dịch vụ; bên gửi gửi thêm nội dung khi phân công.",
            Self::Start => "Đơn vị đã bắt đầu làm.",
            Self::Record => "Bên gửi thấy việc đã làm.",
            Self::Complete => "Đơn vị đã làm xong và báo kết quả cho bên gửi. Không sửa lại được.",
            Self::Redirect => "Bên gửi tìm nơi khác; nội dung ở đơn vị bị xóa. Không rút lại được.",
            Self::Reject => "Đơn vị không cung cấp dịch vụ; nội dung ở đơn vị bị xóa. Không rút lại được.",
            Self::HandBack => "Đơn vị vẫn làm tiếp và chịu trách nhiệm đến khi bên gửi nhận lại. Không rút lại được.",
        }
    }

    /// What has to be said with it.
    pub(crate) const fn question(self) -> &'static str {
        match self {
            Self::Acknowledge | Self::Accept | Self::Start | Self::Record => "",
            Self::Complete => "Kết quả",
            Self::Redirect => "Lý do chuyển hướng",
            Self::Reject => "Lý do từ chối",
            Self::HandBack => "Lý do trả lại",
        }
    }

    /// What can be said with it; nothing where nothing has to be.
    pub(crate) fn choices(self) -> Vec<(i32, String)> {
        use pb::{HandBackReason as H, Outcome as O, RedirectReason as D, RejectionCode as R};
        let (codes, word): (Vec<i32>, fn(i32) -> String) = match self {
            Self::Acknowledge | Self::Accept | Self::Start | Self::Record => return Vec::new(),
            Self::Complete => {
                let all = [O::Resolved, O::OngoingElsewhere, O::Declined, O::NotReached, O::NotProvided, O::Other];
                (all.map(i32::from).into(), words::outcome)
            }
            Self::Redirect => {
                let all = [D::OutsideArea, D::NotCompetent, D::NobodyOnDuty, D::Other];
                (all.map(i32::from).into(), words::redirection)
            }
            Self::Reject => {
                let first = [R::NoCapacity, R::ServiceNotOffered, R::NotEligible, R::OutsideArea];
                let then = [R::AlreadyServed, R::NotEnoughInformation, R::Other];
                (first.into_iter().chain(then).map(i32::from).collect(), words::rejection)
            }
            Self::HandBack => {
                let all = [H::OutsideArea, H::NotCompetent, H::NoCapacity, H::Safety, H::Other];
                (all.map(i32::from).into(), words::hand_back)
            }
        };
        codes.into_iter().map(|code| (code, word(code))).collect()
    }

    /// What the table of states takes from the recipient now, as far as a branch tells.
    pub(crate) fn offered(kind: i32, state: State, branch: &pb::Branch) -> Vec<Self> {
        let Some(kind) = Kind::ALL.into_iter().find(|it| it.to_wire() == kind) else { return Vec::new() };
        let happened = |event: EventKind| branch.history.iter().any(|it| it.event == event.name() && !it.superseded);
        let is_asked = branch.conditions.contains(&pb::BranchCondition::HandBackRequested.into());
        let is_offered = |act: &Self| match table::verdict(kind, state, Side::Recipient, act.event()) {
            table::Verdict::Refuse(_) => false,
            // What waits for the assignment waits once, and nothing behind the outcome.
            table::Verdict::Wait => !happened(act.event()) && !happened(EventKind::Completed),
            table::Verdict::Keep | table::Verdict::To(_) => match act {
                Self::HandBack => !is_asked,
                Self::Record => !happened(EventKind::Completed),
                _ => true,
            },
        };
        Self::ALL.into_iter().filter(is_offered).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(kind: pb::ReferralKind, state: State) -> Vec<Act> {
        Act::offered(kind.into(), state, &pb::Branch::default())
    }

    #[test]
    fn what_may_be_asked_follows_from_kind_and_state() {
        use Act::{Accept, Acknowledge, Complete, HandBack, Record, Redirect, Reject, Start};
        use pb::ReferralKind::{Notification, Referral, Transfer};
        for (kind, state, expected) in [
            (Transfer, State::Received, &[Acknowledge, Redirect][..]),
            (Transfer, State::Acknowledged, &[Start, Record, Complete]),
            (Transfer, State::Assigned, &[Start, Record, Complete, HandBack]),
            (Transfer, State::InService, &[Record, Complete, HandBack]),
            (Referral, State::Received, &[Acknowledge, Accept, Redirect, Reject]),
            (Referral, State::Acknowledged, &[Accept, Redirect, Reject]),
            (Referral, State::Accepted, &[Record]),
            (Referral, State::Assigned, &[Start, Record, Complete, HandBack]),
            (Referral, State::Completed, &[]),
            (Notification, State::Received, &[Acknowledge]),
            (Notification, State::Relieved, &[]),
        ] {
            assert_eq!(offered(kind, state), expected, "{kind:?} {state:?}");
        }
        assert_eq!(Act::offered(9, State::Received, &pb::Branch::default()), []);
    }

    #[test]
    fn what_is_asked_once_is_not_offered_again() {
        let asked = pb::BranchCondition::HandBackRequested.into();
        let branch = pb::Branch { conditions: vec![asked], ..Default::default() };
        let transfer = pb::ReferralKind::Transfer.into();
        assert_eq!(Act::offered(transfer, State::InService, &branch), [Act::Record, Act::Complete]);
        let happened = |event: &str| {
            let entry = pb::HistoryEntry { event: event.to_owned(), ..Default::default() };
            Act::offered(transfer, State::Acknowledged, &pb::Branch { history: vec![entry], ..Default::default() })
        };
        assert_eq!(happened("service_started"), [Act::Record, Act::Complete]);
        assert_eq!(happened("completed"), []);
    }

    #[test]
    fn an_act_is_found_by_its_path_and_has_words_for_whatever_can_be_said_with_it() {
        for act in Act::ALL {
            assert_eq!(Act::read(act.path()), Some(act));
            assert_eq!(act.question().is_empty(), act.choices().is_empty(), "{act:?}");
            assert!(!act.is_final() || !act.choices().is_empty(), "what is shown once more says why: {act:?}");
            for (code, word) in act.choices() {
                assert!(code > 0 && !word.starts_with("mã "), "{act:?} {code}: {word}");
            }
        }
        assert_eq!(Act::read("erase"), None);
    }
}
