//! The reading half of the door: authorise, parse, call, encode. Nothing is decided here.
//!
//! BASIC answers come from a reader beside the writer. FULL goes through the writer, because its access record is part
//! of the same transaction and the caller is answered only once that is on disk.

use std::{collections::VecDeque, pin::Pin, time::Duration};

use futures_util::{Stream, stream};
use jiff::Timestamp;
use nhipcau_domain::{id::PartyId, reason};
use nhipcau_messaging::{desk::Counter, store::Tx, writer::Submitter};
use nhipcau_proto::referral::v1::{self as pb, referral_watch_service_server::ReferralWatchService};
use nhipcau_runtime::{
    caller::{Caller, Role, permit, permit_for},
    status::{Refusal, check},
};
use tokio::{sync::watch, time};
use tonic::{Request, Response, Status};

use super::Door;
use crate::{
    code,
    error::Error,
    explain::explain,
    get::{self, Name, Reader},
    list,
    watch::Watch,
};

/// Longest silence of a stream; the contract promises 15 seconds.
const SILENCE: Duration = Duration::from_secs(10);

/// Changes that a stream reads at a time.
const AT_ONCE: u64 = 64;

/// The stream of one watching caller.
type Changes = Pin<Box<dyn Stream<Item = Result<pb::WatchReferralsResponse, Status>> + Send>>;

impl Door {
    pub(super) async fn get(
        &self,
        request: Request<pb::GetReferralRequest>,
    ) -> Result<Response<pb::GetReferralResponse>, Status> {
        let message = request.get_ref();
        let referral = match pb::ReferralView::try_from(message.view) {
            Ok(pb::ReferralView::Full) => {
                let permit = permit_for(&request, Role::ReadContent, &message.acting_person)?;
                // Always there: the role acts for a person.
                let person = permit.person.ok_or_else(Refusal::access_denied)?;
                let reader =
                    Reader { party: permit.caller.party.clone(), system: permit.caller.system.clone(), person };
                check(message)?;
                let (name, access_point) = (Name::read(&message.name)?.by(&message.branch)?, self.access_point.clone());
                let work = move |tx: &mut Tx<'_>, submitter: &mut Submitter<'_>, now: Timestamp| {
                    get::full(&name, &reader, &access_point, &mut Counter { tx, submitter, now })
                };
                self.writer.call(work).await.map_err(Refusal::from)?
            }
            view => {
                let party = permit(&request, Role::ReadMetadata)?.caller.party.clone();
                check(message)?;
                view.map_err(|_| Error::Field { field: "view", reason: reason::CODE_UNKNOWN })
                    .map_err(Refusal::from)?;
                let (name, now) = (Name::read(&message.name)?.by(&message.branch)?, self.clock.now());
                self.read(move |tx| get::basic(&name, &party, now, tx)).await?
            }
        };
        Ok(Response::new(pb::GetReferralResponse { referral: Some(referral) }))
    }

    pub(super) async fn explain(
        &self,
        request: Request<pb::ExplainTimeLimitsRequest>,
    ) -> Result<Response<pb::ExplainTimeLimitsResponse>, Status> {
        let party = permit(&request, Role::ReadMetadata)?.caller.party.clone();
        let message = request.into_inner();
        check(&message)?;
        let at = message.at_time.as_ref().map(|time| code::time(Some(time), "at_time")).transpose()?;
        let (at, release) = (at.unwrap_or_else(|| self.clock.now()), self.shared.release());
        self.read(move |tx| explain(&message.name, &party, &release, at, tx)).await.map(Response::new)
    }

    pub(super) async fn list(
        &self,
        request: Request<pb::ListReferralsRequest>,
    ) -> Result<Response<pb::ListReferralsResponse>, Status> {
        let caller = permit(&request, Role::ReadMetadata)?.caller;
        let party = own(&request.get_ref().parent, caller)?;
        check(request.get_ref())?;
        let (message, access_point, now) = (request.into_inner(), self.access_point.clone(), self.clock.now());
        self.read(move |tx| list::page(&message, &party, &access_point, now, tx)).await.map(Response::new)
    }

    /// Waits until what was announced is on disk: the writer answers after the group that it is in.
    async fn settled(&self) -> Result<(), Status> {
        let nothing = |_: &mut Tx<'_>, _: &mut Submitter<'_>, _: Timestamp| Ok::<_, Error>(());
        self.writer.call(nothing).await.map_err(|error| Refusal::from(error).into())
    }
}

/// The party of `parties/{party}`, if the caller is a system of it.
fn own(parent: &str, caller: &Caller) -> Result<PartyId, Status> {
    let party = parent.strip_prefix("parties/").filter(|party| *party == caller.party.as_str());
    party.map(|_| caller.party.clone()).ok_or_else(|| Refusal::access_denied().into())
}

/// A stream that is being read.
struct Following {
    door: Door,
    watch: Watch,
    changed: watch::Receiver<()>,
    silence: Duration,
    is_begun: bool,
    /// Read and not told yet.
    read: VecDeque<pb::WatchReferralsResponse>,
}

impl Following {
    fn stream(self) -> Changes {
        Box::pin(stream::try_unfold(self, Self::next))
    }

    async fn next(mut self) -> Result<Option<(pb::WatchReferralsResponse, Self)>, Status> {
        if !self.is_begun {
            self.is_begun = true;
            return Ok(Some((self.watch.sign_of_life(), self)));
        }
        let silent = time::Instant::now() + self.silence;
        loop {
            if self.door.closing.is_cancelled() {
                return Err(Refusal::shutting_down().into());
            }
            // Before looking for more, which may wait for a group of the writer: else a reader would be told one change
            // in each group, and fall behind when there are many.
            if let Some(told) = self.read.pop_front() {
                return Ok(Some((told, self)));
            }
            if self.changed.has_changed().unwrap_or(false) {
                // Seen before reading, so that what is stored meanwhile wakes the wait below.
                self.changed.mark_unchanged();
                self.door.settled().await?;
            }
            let (mut watch, now) = (self.watch.clone(), self.door.clock.now());
            let (watch, told) =
                self.door.read(move |tx| watch.steps(AT_ONCE, now, tx).map(|told| (watch, told))).await?;
            (self.watch, self.read) = (watch, told.into());
            if !self.read.is_empty() {
                continue;
            }
            tokio::select! {
                () = self.door.closing.cancelled() => return Err(Refusal::shutting_down().into()),
                // Announced inside the writer's transaction, and seen by this wait: it is on disk after the group.
                _ = self.changed.changed() => self.door.settled().await?,
                () = time::sleep_until(silent) => return Ok(Some((self.watch.sign_of_life(), self))),
            }
        }
    }
}

#[tonic::async_trait]
impl ReferralWatchService for Door {
    type WatchReferralsStream = Changes;

    async fn watch_referrals(
        &self,
        request: Request<pb::WatchReferralsRequest>,
    ) -> Result<Response<Self::WatchReferralsStream>, Status> {
        let caller = permit(&request, Role::ReadMetadata)?.caller;
        let party = own(&request.get_ref().parent, caller)?;
        check(request.get_ref())?;
        let (message, access_point) = (request.into_inner(), self.access_point.clone());
        // Before the place is read, so that nothing is stored unseen between the two.
        let changed = self.shared.changes.subscribe();
        let watch = self.read(move |tx| Watch::start(&message, party, access_point, tx)).await?;
        let following =
            Following { door: self.clone(), watch, changed, silence: SILENCE, is_begun: false, read: VecDeque::new() };
        Ok(Response::new(following.stream()))
    }
}

#[cfg(test)]
mod tests;
