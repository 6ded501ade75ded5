//! Notices to people on duty, for whoever sees to them: what was put down and counts still, and that it was told.
//!
//! A notice for a branch that somebody has acknowledged meanwhile, or that has ended, does not count.

use futures_util::{FutureExt as _, future::BoxFuture};
use nhipcau_messaging::{
    store::{self, Readers},
    writer::Handle,
};
use nhipcau_runtime::notify::{Failed, Mark, Outbox, Page};
use uuid::Uuid;

use crate::store::notice;

/// The notices of an access point.
#[derive(Debug, Clone)]
pub struct Notices {
    pub(crate) writer: Handle,
    pub(crate) readers: Readers,
}

impl Outbox for Notices {
    fn unsent(&self, after: Option<Mark>) -> BoxFuture<'_, Result<Page, Failed>> {
        let read = self.readers.read(move |tx| notice::unsent(tx, after));
        async move { read.await.map_err(|_: store::Error| Failed) }.boxed()
    }

    fn sent(&self, notice: Uuid) -> BoxFuture<'_, Result<(), Failed>> {
        let mark = self.writer.call(move |tx, _, now| notice::sent(tx, notice, now));
        async move { mark.await.map_err(|_| Failed) }.boxed()
    }
}
