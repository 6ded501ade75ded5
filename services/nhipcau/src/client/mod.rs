//! The gRPC client of the commands that call an access point: one mutually authenticated connection from a profile,
//! calls that are repeated only where the answer says so, and refusals that a person can read.
//!
//! A call that may have been carried out is repeated with the same request id or not at all.

pub(crate) mod document;
mod profile;
mod refused;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use tonic::{Request, Response, Status, transport::Channel};

pub(crate) use self::{
    profile::{Profile, SignedDirectory},
    refused::Refused,
};
use crate::{exit::Failure, terminal};

/// First pause before a repetition that the answer gives no delay for; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Largest answer: a page of 10,000 observations with long attributes.
const LARGEST_ANSWER: usize = 64 << 20;

/// Who calls, and how long a call is tried.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Profile of the calling system: where it calls and with which certificate.
    #[arg(long, env = "NHIPCAU_PROFILE", value_name = "FILE")]
    profile: PathBuf,
    /// How many seconds a call is repeated while nobody answers.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=86_400))]
    patience: u64,
}

impl Options {
    /// Calls with this profile.
    pub(crate) fn new(profile: impl Into<PathBuf>, patience: Duration) -> Self {
        Self { profile: profile.into(), patience: patience.as_secs() }
    }

    /// Reads the profile and makes ready to call. Nothing is sent yet.
    pub(crate) fn connect(&self) -> Result<Connection, Failure> {
        let profile = Profile::read(&self.profile)?;
        let channel = profile.channel()?;
        Ok(Connection { channel, profile, patience: Duration::from_secs(self.patience) })
    }
}

/// What calls go through. Connects with the first of them, and again whenever the connection was lost.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    channel: Channel,
    profile: Profile,
    patience: Duration,
}

/// A generated client of a service, made from the channel.
macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident = $path:path;)*) => {
        impl Connection {
            $($(#[$doc])*
            pub(crate) fn $name(&self) -> $path {
                <$path>::new(self.channel.clone()).max_decoding_message_size(LARGEST_ANSWER)
            })*
        }
    };
}

/// The generated clients, over the channel of a profile.
mod services {
    use tonic::transport::Channel;

    pub(super) type AccessPoint =
        nhipcau_proto::accesspoint::v1::access_point_service_client::AccessPointServiceClient<Channel>;
    pub(super) type Indicators =
        nhipcau_proto::indicator::v1::indicator_service_client::IndicatorServiceClient<Channel>;
    pub(super) type Referrals = nhipcau_proto::referral::v1::referral_service_client::ReferralServiceClient<Channel>;
    pub(super) type Decisions =
        nhipcau_proto::referral::v1::referral_decision_service_client::ReferralDecisionServiceClient<Channel>;
    pub(super) type Attachments =
        nhipcau_proto::referral::v1::referral_attachment_service_client::ReferralAttachmentServiceClient<Channel>;
    pub(super) type Holds =
        nhipcau_proto::referral::v1::referral_hold_service_client::ReferralHoldServiceClient<Channel>;
    pub(super) type Steering =
        nhipcau_proto::referral::v1::referral_steering_service_client::ReferralSteeringServiceClient<Channel>;
    pub(super) type Handovers = nhipcau_proto::switchboard::v1::handover_service_client::HandoverServiceClient<Channel>;
    pub(super) type Placements =
        nhipcau_proto::placement::v1::placement_service_client::PlacementServiceClient<Channel>;
    pub(super) type Contacts = nhipcau_proto::switchboard::v1::contact_service_client::ContactServiceClient<Channel>;
    pub(super) type Alarms = nhipcau_proto::switchboard::v1::alarm_service_client::AlarmServiceClient<Channel>;
    pub(super) type ReferralWatch =
        nhipcau_proto::referral::v1::referral_watch_service_client::ReferralWatchServiceClient<Channel>;
}

clients! {
    /// The service by which an access point is operated.
    access_point = services::AccessPoint;
    /// Figures.
    indicators = services::Indicators;
    /// Cases, as their origin drives them.
    referrals = services::Referrals;
    /// Branches, as their recipients answer them.
    decisions = services::Decisions;
    /// What is attached to referrals.
    attachments = services::Attachments;
    /// Legal holds.
    holds = services::Holds;
    /// Branches, as their origin steers them.
    steering = services::Steering;
    /// Contacts of a switchboard.
    contacts = services::Contacts;
    /// Placement enquiries.
    placements = services::Placements;
    /// Hand-overs between switchboards.
    handovers = services::Handovers;
    /// Alarm keys.
    alarms = services::Alarms;
    /// Branches, as they change.
    referral_watch = services::ReferralWatch;
}

impl Connection {
    /// The profile.
    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Makes a call, again as long as the answer asks for that and patience lasts. The request stays the same, its
    /// request id included.
    ///
    /// # Errors
    /// [`Refused`], the last answer.
    pub(crate) async fn call<Q: Clone, A>(
        &self,
        request: &Q,
        mut method: impl AsyncFnMut(Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Refused> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let refused = match method(Request::new(request.clone())).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => Refused::from(status),
            };
            let Some(delay) = refused.repeat_after() else { return Err(refused) };
            let delay = delay.unwrap_or(pause);
            // What the answer asks for has no bound.
            if begun.elapsed().saturating_add(delay) > self.patience {
                return Err(refused);
            }
            terminal::advance(format_args!("no answer yet from {}, trying again", self.profile.endpoint()));
            tokio::time::sleep(delay).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }
}

/// The id of a request: given, so that an earlier one is repeated, or a new one.
pub(crate) fn request_id(given: Option<&uuid::Uuid>) -> String {
    given.copied().unwrap_or_else(uuid::Uuid::now_v7).to_string()
}

#[cfg(test)]
mod tests;
