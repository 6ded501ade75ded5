//! The door for attachments: what is handed over, and what is read.

use jiff::Timestamp;
use nhipcau_domain::reason;
use nhipcau_messaging::{desk::Counter, store::Tx, writer::Submitter};
use nhipcau_proto::referral::v1::{self as pb, referral_attachment_service_server::ReferralAttachmentService};
use nhipcau_runtime::{
    caller::{Call, Role, permit, permit_for},
    status::{Refusal, check},
};
use tonic::{Request, Response, Status};

use super::Door;
use crate::{
    attachment::{reading, upload},
    error::Error,
    get::{Name, Reader},
};

#[tonic::async_trait]
impl ReferralAttachmentService for Door {
    async fn begin_upload(
        &self,
        request: Request<pb::BeginUploadRequest>,
    ) -> Result<Response<pb::BeginUploadResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Submit, &message.acting_person, &message.request_id)?;
        check(message)?;
        let begun = upload::Begun::read(message).map_err(Refusal::from)?;
        let done = self.carry_out(message.validate_only, move |desk| upload::begin(desk, &call, &begun)).await?;
        let (upload, replayed) =
            done.map_or((None, false), |(upload, replayed)| (Some(upload::write_upload(&upload)), replayed));
        Ok(Response::new(pb::BeginUploadResponse { upload, replayed }))
    }

    async fn write_upload(
        &self,
        request: Request<pb::WriteUploadRequest>,
    ) -> Result<Response<pb::WriteUploadResponse>, Status> {
        let party = permit(&request, Role::Submit)?.caller.party.clone();
        let message = request.into_inner();
        let uid = upload::named(&message.name, &party).map_err(Refusal::from)?;
        check(&message)?;
        let done = self
            .carry_out(false, move |desk| upload::write(desk, &party, uid, (message.offset, &message.data)))
            .await?;
        Ok(Response::new(pb::WriteUploadResponse { upload: done.as_ref().map(upload::write_upload) }))
    }

    async fn get_upload(
        &self,
        request: Request<pb::GetUploadRequest>,
    ) -> Result<Response<pb::GetUploadResponse>, Status> {
        let party = permit(&request, Role::Submit)?.caller.party.clone();
        let uid = upload::named(&request.get_ref().name, &party).map_err(Refusal::from)?;
        check(request.get_ref())?;
        let found = self.read(move |tx| upload::find(tx, &party, uid)).await?;
        Ok(Response::new(pb::GetUploadResponse { upload: Some(upload::write_upload(&found)) }))
    }

    async fn finish_upload(
        &self,
        request: Request<pb::FinishUploadRequest>,
    ) -> Result<Response<pb::FinishUploadResponse>, Status> {
        let party = permit(&request, Role::Submit)?.caller.party.clone();
        let uid = upload::named(&request.get_ref().name, &party).map_err(Refusal::from)?;
        check(request.get_ref())?;
        let done = self.carry_out(false, move |desk| upload::finish(desk, &party, uid)).await?;
        match done {
            Some(Err(reason)) => Err(Refusal::from(Error::rule("name", reason)).into()),
            done => {
                let upload = done.and_then(Result::ok);
                Ok(Response::new(pb::FinishUploadResponse { upload: upload.as_ref().map(upload::write_upload) }))
            }
        }
    }

    async fn get_attachment_chunk(
        &self,
        request: Request<pb::GetAttachmentChunkRequest>,
    ) -> Result<Response<pb::GetAttachmentChunkResponse>, Status> {
        let message = request.get_ref();
        let permit = permit_for(&request, Role::ReadContent, &message.acting_person)?;
        // Always there: the role acts for a person.
        let person = permit.person.ok_or_else(Refusal::access_denied)?;
        let reader = Reader { party: permit.caller.party.clone(), system: permit.caller.system.clone(), person };
        check(message)?;
        let unfit = |_| Refusal::from(Error::Field { field: "digest", reason: reason::FIELD_FORMAT });
        let digest: [u8; 32] = message.digest.as_slice().try_into().map_err(unfit)?;
        let (name, access_point, offset) = (Name::read(&message.name)?, self.access_point.clone(), message.offset);
        let work = move |tx: &mut Tx<'_>, submitter: &mut Submitter<'_>, now: Timestamp| {
            let mut desk = Counter { tx, submitter, now };
            reading::chunk(&mut desk, &access_point, (&name, &reader), (&digest, offset))
        };
        Ok(Response::new(self.writer.call(work).await.map_err(Refusal::from)?))
    }
}
