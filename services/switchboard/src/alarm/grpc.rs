//! The door of alarm keys: authorise, check, parse, call, encode. What a press does is decided elsewhere; the answer is
//! the same whatever that is.

use std::sync::Arc;

use jiff::Timestamp;
use nhipcau_domain::{
    alarm::{ANSWER, Frame, Verdict},
    area::Areas,
    id::PartyId,
    reason,
    route::Routes,
};
use nhipcau_messaging::{
    desk::Counter,
    engine::AlarmKind,
    store::Tx,
    writer::{CallError, Submitter},
};
use nhipcau_proto::switchboard::v1::{self as pb, alarm_service_server::AlarmService};
use nhipcau_runtime::{
    caller::{Call, Role, permit},
    status::{Refusal, check, of_submit},
    trace::TraceContext,
};
use tonic::{Request, Response, Status};

use super::{
    device::{self, read_name},
    end,
    keys::PartyKeys,
    list,
    press::{self, Done, Pressed, Ways},
};
use crate::{
    error::Error,
    grpc::{Door, reader},
    metrics,
    store::alarm as store,
};

/// What is asked beside the writer before a press is taken.
struct Beside {
    routes: Arc<Routes>,
    areas: Arc<Areas>,
}

/// What bytes are.
enum Opened {
    Press(Frame, Beside),
    /// Of no device; with whether the party has any alarm key.
    Noise(bool),
}

impl Door {
    async fn has_devices(&self, party: &PartyId) -> Result<bool, Status> {
        let party = party.clone();
        let read = self.readers.read(move |tx| Ok::<_, Error>(store::has_devices(tx, &party)?)).await;
        read.map_err(|error| Refusal::from(error).into())
    }

    /// Whether a device was made with a key that is not here, also when the files are read again: what seems noise may
    /// be its press.
    async fn lacks_a_key(&self, party: &PartyId) -> Result<bool, Status> {
        let of = party.clone();
        let read = self.readers.read(move |tx| Ok::<_, Error>(store::keys_in_use(tx, &of)?)).await;
        let names = read.map_err(|error| Status::from(Refusal::from(error)))?;
        let party = party.clone();
        let lacks = self.beside(move |shared| {
            let lacks = |keys: &PartyKeys| names.iter().any(|name| keys.named(name).is_none());
            Ok::<_, Error>(lacks(&*shared.keys.of(&party)?) && lacks(&*shared.keys.read_again(&party)?))
        });
        Ok(lacks.await??)
    }

    /// Takes a press; once more without sending where messaging does not take what is to be sent: what a device calls
    /// for is never put off by that.
    async fn press(&self, pressed: Pressed, beside: &Beside) -> Result<Done, Status> {
        let pressed = Arc::new(pressed);
        let taken = match self.take(Arc::clone(&pressed), beside, None).await {
            Err(CallError::Work(Error::Sending(error))) => self.take(pressed, beside, Some(of_submit(&error).1)).await,
            taken => taken,
        };
        taken.map_err(|error| Refusal::from(error).into())
    }

    async fn take(
        &self,
        pressed: Arc<Pressed>,
        beside: &Beside,
        unsendable: Option<&'static str>,
    ) -> Result<Done, CallError<Error>> {
        let (shared, routes, areas) = (self.shared.clone(), Arc::clone(&beside.routes), Arc::clone(&beside.areas));
        let work = move |tx: &mut Tx<'_>, submitter: &mut Submitter<'_>, now: Timestamp| {
            let ways = Ways { routes: &routes, areas: areas.list() };
            press::take(&mut Counter { tx, submitter, now }, &shared, &pressed, &ways, unsendable)
        };
        self.writer.call(work).await
    }

    /// Counts a press that was taken, and tells the operator what people must look at.
    fn heard(&self, done: Done) {
        let (counters, watch, now) = (&self.shared.counters, &self.shared.watch, self.shared.clock.now());
        metrics::add(&counters.presses);
        let is_repeated = matches!(done.verdict, Verdict::Repeat | Verdict::Replay | Verdict::Stale);
        if is_repeated {
            metrics::add(&counters.repeated);
        }
        if is_repeated && watch.repeated(now) {
            self.teller.tell(AlarmKind::AlarmKeyFlood);
        }
        match done.verdict {
            Verdict::Dispatch => {
                metrics::add(&counters.alarms);
                if done.must_look {
                    metrics::add(&counters.alarms_unsent);
                    self.teller.tell(AlarmKind::AlarmKeyUnsent);
                }
            }
            Verdict::Stale if done.must_look => {
                metrics::add(&counters.alarms_unplaced);
                self.teller.tell(AlarmKind::AlarmKeyStale);
            }
            Verdict::Revoked => metrics::add(&counters.unheard),
            Verdict::Unknown => {
                metrics::add(&counters.unheard);
                if watch.unknown(now) {
                    self.teller.tell(AlarmKind::AlarmKeyUnknown);
                }
            }
            Verdict::Joins(_) | Verdict::Test | Verdict::Repeat | Verdict::Replay | Verdict::Stale => {}
        }
    }
}

#[tonic::async_trait]
impl AlarmService for Door {
    async fn register_device(
        &self,
        request: Request<pb::RegisterDeviceRequest>,
    ) -> Result<Response<pb::RegisterDeviceResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Decide, &message.acting_person, &message.request_id)?;
        if message.unit.as_ref().is_some_and(|unit| unit.party != call.party.as_str()) {
            return Err(Refusal::access_denied().into());
        }
        check(message)?;
        let (party, has_devices) = (call.party.clone(), self.has_devices(&call.party).await?);
        let keys = self.beside(move |shared| shared.keys.for_new(&party, has_devices, shared.clock.now())).await?;
        let keys = keys.map_err(Error::from)?;
        let (shared, access_point, message) = (self.shared.clone(), self.access_point.clone(), request.into_inner());
        self.carry_out(move |desk| device::register(desk, &shared, (&access_point, &call), &message, &keys)).await
    }

    async fn revoke_device(
        &self,
        request: Request<pb::RevokeDeviceRequest>,
    ) -> Result<Response<pb::RevokeDeviceResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Decide, &message.acting_person, &message.request_id)?;
        let id = read_name(&message.name, &call.party)?;
        check(message)?;
        self.carry_out(move |desk| {
            let changed = device::change(desk, (&call, id), |device| device.revoke(&call.actor()))?;
            Ok(pb::RevokeDeviceResponse { device: Some(changed.0), replayed: changed.1 })
        })
        .await
    }

    async fn open_test(&self, request: Request<pb::OpenTestRequest>) -> Result<Response<pb::OpenTestResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Decide, &message.acting_person, &message.request_id)?;
        let id = read_name(&message.name, &call.party)?;
        check(message)?;
        let until = message.until_time.as_ref().and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
        let until = until.ok_or_else(|| Error::rule("until_time", reason::FIELD_FORMAT))?;
        self.carry_out(move |desk| {
            let now = desk.now;
            let changed = device::change(desk, (&call, id), |device| device.open_test(until, &call.actor(), now))?;
            Ok(pb::OpenTestResponse { device: Some(changed.0), replayed: changed.1 })
        })
        .await
    }

    /// What breaks the contract's rule of its length is no press either, and gets the same refusal.
    async fn press_alarm(
        &self,
        request: Request<pb::PressAlarmRequest>,
    ) -> Result<Response<pb::PressAlarmResponse>, Status> {
        let caller = permit(&request, Role::Submit)?.caller.clone();
        let (party, traceparent) = (caller.party.clone(), TraceContext::onward(&request));
        let bytes = request.into_inner().frame;
        let opened = self.beside(move |shared| {
            let keys = shared.keys.of(&party)?;
            let Ok(frame) = Frame::open(&bytes, keys.all()) else {
                return Ok::<_, Error>(Opened::Noise(!keys.all().is_empty()));
            };
            let (routes, areas) = (shared.routes(shared.clock.now()), Arc::clone(&shared.areas.borrow()));
            Ok(Opened::Press(frame, Beside { routes, areas }))
        });
        let (frame, beside) = match opened.await?? {
            Opened::Press(frame, beside) => (frame, beside),
            // Without a key nobody can say what it is: it is not refused where somebody may call in vain.
            Opened::Noise(false) if self.has_devices(&caller.party).await? => {
                return Err(Error::AlarmKeyMissing.into());
            }
            Opened::Noise(true) if self.lacks_a_key(&caller.party).await? => return Err(Error::AlarmKeyMissing.into()),
            Opened::Noise(_) => {
                metrics::add(&self.shared.counters.no_presses);
                if self.shared.watch.noise(self.shared.clock.now()) {
                    self.teller.tell(AlarmKind::AlarmKeyFlood);
                }
                return Err(Error::NotAFrame.into());
            }
        };
        let pressed = Pressed { frame, party: caller.party, system: caller.system, traceparent };
        // Whoever calls may go: what was taken is told all the same.
        let door = self.clone();
        let told = tokio::spawn(async move {
            door.heard(door.press(pressed, &beside).await?);
            Ok::<_, Status>(())
        });
        told.await.map_err(|_| Status::from(Refusal::internal()))??;
        Ok(Response::new(pb::PressAlarmResponse { answer: ANSWER.to_vec() }))
    }

    async fn cancel_alarm(
        &self,
        request: Request<pb::CancelAlarmRequest>,
    ) -> Result<Response<pb::CancelAlarmResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Decide, &message.acting_person, &message.request_id)?;
        let uid = end::read_name(&message.name, &call.party)?;
        check(message)?;
        let (shared, message) = (self.shared.clone(), request.into_inner());
        self.carry_out(move |desk| end::cancel(desk, &shared, (&call, uid), &message)).await
    }

    async fn list_alarms(
        &self,
        request: Request<pb::ListAlarmsRequest>,
    ) -> Result<Response<pb::ListAlarmsResponse>, Status> {
        let party = permit(&request, Role::ReadMetadata)?.caller.party.clone();
        if request.get_ref().parent.strip_prefix("parties/") != Some(party.as_str()) {
            return Err(Refusal::access_denied().into());
        }
        check(request.get_ref())?;
        // Whoever may not read content is not told what a press said.
        let reader = reader(&request, "").ok();
        let (message, access_point) = (request.into_inner(), self.access_point.clone());
        if let Some(reader) = reader {
            return self.carry_out(move |desk| list::read(desk, &message, (&reader, &access_point))).await;
        }
        let read = self.readers.read(move |tx| list::page(&message, (&party, &access_point), tx)).await;
        read.map(Response::new).map_err(|error| Refusal::from(error).into())
    }
}
