//! Messages of the contracts as protobuf JSON: what `--json` prints and what people hand in as files.
//!
//! Reading refuses fields that the contract does not have. A refusal names the place and never the content.

use std::sync::LazyLock;

use anyhow::{Context as _, anyhow};
use nhipcau_proto::DESCRIPTORS;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

/// A message of the contracts that can be written and read as JSON.
pub(crate) trait Document: Message + Default {
    /// Its full name.
    const NAME: &str;
}

macro_rules! documents {
    ($($package:ident: $($message:ident),*;)*) => {
        $($(impl Document for nhipcau_proto::$package::v1::$message {
            const NAME: &str = concat!("nhipcau.", stringify!($package), ".v1.", stringify!($message));
        })*)*
    };
}

documents! {
    placement: Placement, ListPlacementsResponse, PlacementNeed;
    referral: SubmitReferralRequest, ReferralContent, Referral, Branch, ListReferralsResponse, WatchReferralsResponse,
        ExplainTimeLimitsResponse, LawfulBasis, WorkDetails, Attachment;
    switchboard: Alarm, AlarmDevice, ListAlarmsResponse, Contact, ContactDetails, ContactRoute, ListContactsResponse,
        Handover, ListHandoversResponse;
}

static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());

fn descriptor(name: &str) -> anyhow::Result<MessageDescriptor> {
    let found = POOL.as_ref().and_then(|pool| pool.get_message_by_name(name));
    found.ok_or_else(|| anyhow!("the contracts of this program do not have {name}"))
}

/// The message as JSON.
///
/// # Errors
/// None that a caller could cause.
pub(crate) fn write<M: Document>(message: &M) -> anyhow::Result<serde_json::Value> {
    let mut dynamic = DynamicMessage::new(descriptor(M::NAME)?);
    dynamic.transcode_from(message).context("a message of the contracts")?;
    Ok(serde_json::to_value(&dynamic)?)
}

/// Reads a message from JSON.
///
/// # Errors
/// Says where the text is not the message.
pub(crate) fn read<M: Document>(text: &str) -> anyhow::Result<M> {
    let mut from = serde_json::Deserializer::from_str(text);
    let faulty = |error: serde_json::Error| {
        // Its text may repeat a value, which may be about a person.
        anyhow!("not the JSON of {}: line {}, column {}", M::NAME, error.line(), error.column())
    };
    let dynamic = DynamicMessage::deserialize(descriptor(M::NAME)?, &mut from).map_err(faulty)?;
    from.end().map_err(faulty)?;
    dynamic.transcode_to().context("a message of the contracts")
}
