//! Flows: under what messages are counted when two access points compare what they hold. A flow is a contract, and the
//! kind of what the message belongs to where the contract has kinds.
//!
//! Stores note it in the clear and keep it when contents are erased. So nothing that a sender makes up gets in: a
//! contract counts only when the directory or the program knows it, a kind only when it is one of the contract's.

use crate::{
    directory::Release,
    id::{AccessPointId, ContractId},
    reason,
    referral::Kind,
};

/// The contract whose messages belong to branches, which have kinds.
const REFERRAL: &str = "nhipcau.referral.v1";
/// Letters of a kind, at most.
const KIND_LIMIT: usize = 32;

/// A flow. Without a contract: of messages that could not be opened, or are of no contract that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    contract: String,
    kind: String,
}

impl Flow {
    /// The flow of a message of a known contract that states this kind; a kind that the contract does not have is none.
    #[must_use]
    pub fn of(contract: &ContractId, stated: &str) -> Self {
        Self { contract: contract.to_string(), kind: kind_of(contract, stated).unwrap_or_default().to_owned() }
    }

    /// A flow as another access point or the own store names it; `None` when it is none. A later version may have more
    /// kinds.
    #[must_use]
    pub fn read(contract: String, kind: String) -> Option<Self> {
        let is_flow = if contract.is_empty() { kind.is_empty() } else { ContractId::new(&contract).is_ok() };
        (is_flow && may_be_kind(&kind)).then_some(Self { contract, kind })
    }

    /// The contract; empty where it is not known.
    #[must_use]
    pub fn contract(&self) -> &str {
        &self.contract
    }

    /// The kind; empty where there is none.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether it is known of what contract the messages are.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.contract.is_empty()
    }
}

/// Whether a message may state this as its kind: capital letters and underscores, or nothing.
#[must_use]
pub fn may_be_kind(text: &str) -> bool {
    text.len() <= KIND_LIMIT && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

fn kind_of(contract: &ContractId, text: &str) -> Option<&'static str> {
    let kinds: &[Kind] = if contract.as_str() == REFERRAL { &Kind::ALL } else { &[] };
    kinds.iter().map(|kind| kind.name()).find(|name| *name == text)
}

/// The flows that somebody wants compared: all of a contract, or those of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    contract: ContractId,
    kind: Option<&'static str>,
}

/// Why flows cannot be wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwanted {
    /// A field says what there is not.
    Unknown {
        /// The field.
        field: &'static str,
    },
    /// Nothing of the contract was ever agreed between the two.
    NotAgreed,
}

impl Unwanted {
    /// The stable reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Unknown { .. } => reason::CODE_UNKNOWN,
            Self::NotAgreed => reason::FLOW_NOT_AGREED,
        }
    }
}

impl Wanted {
    /// What a question asks for; `None` when it is about everything. What can never have travelled between the two is
    /// refused, because "nothing differs" would be the answer to a slip of the pen.
    ///
    /// # Errors
    /// [`Unwanted`].
    pub fn read(
        contract: &str,
        kind: &str,
        (one, other): (&AccessPointId, &AccessPointId),
        release: &Release,
    ) -> Result<Option<Self>, Unwanted> {
        let unknown = |field| Unwanted::Unknown { field };
        if contract.is_empty() {
            return if kind.is_empty() { Ok(None) } else { Err(unknown("kind")) };
        }
        let contract = ContractId::new(contract).ok().filter(|contract| release.contract(contract).is_some());
        let contract = contract.ok_or(unknown("contract"))?;
        let kind = match kind {
            "" => None,
            kind => Some(kind_of(&contract, kind).ok_or(unknown("kind"))?),
        };
        if !release.connects(one, other, &contract) {
            return Err(Unwanted::NotAgreed);
        }
        Ok(Some(Self { contract, kind }))
    }

    /// Whether a flow is among them.
    #[must_use]
    pub fn covers(&self, flow: &Flow) -> bool {
        flow.contract == self.contract.as_str() && self.kind.is_none_or(|kind| flow.kind == kind)
    }

    /// Whether a flow may be among them: of its messages nobody has said the kind.
    #[must_use]
    pub fn may_cover(&self, flow: &Flow) -> bool {
        self.covers(flow) || flow.contract == self.contract.as_str() && flow.kind.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        directory::Validity,
        duty::tests::{builder, verified},
        id::{PartyId, Purpose},
    };

    /// A release by which `vwu` could once send referrals to `hanoi`, and `hanoi` publishes figures.
    fn release() -> Release {
        let (hanoi, vwu) = (PartyId::new("hanoi").unwrap(), PartyId::new("vwu").unwrap());
        let (figures, placement) = (contract("nhipcau.indicator.v1"), contract("nhipcau.placement.v1"));
        let purpose = Purpose::new("protection").unwrap();
        let over = Validity::between("2020-01-01T00:00:00Z".parse().unwrap(), "2021-01-01T00:00:00Z".parse().unwrap());
        let builder = builder().contract(&figures, 0).contract(&placement, 0).publication(&hanoi, &figures);
        verified(&builder.agreement(&vwu, &contract(REFERRAL), &hanoi, &purpose, over))
    }

    fn wanted(contract: &str, kind: &str) -> Result<Option<Wanted>, Unwanted> {
        let [hanoi, vwu] = ["hanoi", "vwu"].map(|name| AccessPointId::new(name).unwrap());
        let read = |pair| Wanted::read(contract, kind, pair, &release());
        let read = [read((&hanoi, &vwu)), read((&vwu, &hanoi))];
        assert_eq!(read[0], read[1], "whoever asks");
        read.into_iter().next().unwrap()
    }

    #[test]
    fn only_what_may_have_travelled_between_the_two_is_wanted() {
        assert_eq!(wanted("", ""), Ok(None));
        for (name, kind) in [(REFERRAL, ""), (REFERRAL, "TRANSFER"), ("nhipcau.indicator.v1", "")] {
            assert!(wanted(name, kind).unwrap().is_some(), "{name} {kind}");
        }
        let unknown = |field| Err(Unwanted::Unknown { field });
        for (name, kind, refused) in [
            ("", "TRANSFER", unknown("kind")),
            (REFERRAL, "TRANSFERS", unknown("kind")),
            ("nhipcau.indicator.v1", "TRANSFER", unknown("kind")),
            ("nhipcau.referrals.v1", "", unknown("contract")),
            ("referral", "", unknown("contract")),
            ("nhipcau.placement.v1", "", Err(Unwanted::NotAgreed)),
        ] {
            assert_eq!(wanted(name, kind), refused, "{name} {kind}");
        }
    }

    #[test]
    fn a_contract_covers_all_its_kinds_and_a_kind_itself() {
        let (all, transfers) = (wanted(REFERRAL, "").unwrap().unwrap(), wanted(REFERRAL, "TRANSFER").unwrap().unwrap());
        for kind in ["", "TRANSFER", "REFERRAL"] {
            let flow = Flow::of(&contract(REFERRAL), kind);
            assert_eq!((all.covers(&flow), transfers.covers(&flow)), (true, kind == "TRANSFER"));
            assert_eq!(transfers.may_cover(&flow), kind != "REFERRAL", "of none nobody knows that it is another");
        }
        assert!(!all.covers(&Flow::default()) && !all.covers(&Flow::of(&contract("nhipcau.placement.v1"), "")));
    }

    fn contract(name: &str) -> ContractId {
        ContractId::new(name).unwrap()
    }

    #[test]
    fn only_a_kind_of_the_contract_is_noted() {
        for kind in Kind::ALL {
            assert_eq!(Flow::of(&contract(REFERRAL), kind.name()).kind(), kind.name());
            assert!(may_be_kind(kind.name()));
        }
        for (name, stated) in [(REFERRAL, "NGUYEN_THI_HOA"), (REFERRAL, ""), ("nhipcau.placement.v1", "TRANSFER")] {
            assert_eq!(Flow::of(&contract(name), stated), Flow::read(name.to_owned(), String::new()).unwrap());
        }
    }

    #[test]
    fn what_is_no_flow_is_not_read() {
        let read = |contract: &str, kind: &str| Flow::read(contract.to_owned(), kind.to_owned());
        assert!(read("", "").is_some_and(|flow| !flow.is_known()));
        assert!(read("nhipcau.referral.v2", "OF_A_LATER_VERSION").is_some_and(|flow| flow.is_known()));
        for (contract, kind) in [
            ("", "TRANSFER"),
            ("referral", ""),
            ("nhipcau.referral.v1", "transfer"),
            ("nhipcau.referral.v1", "A B"),
            ("nhipcau.referral.v1", &"A".repeat(33)),
        ] {
            assert_eq!(read(contract, kind), None, "{contract} {kind}");
        }
    }
}
