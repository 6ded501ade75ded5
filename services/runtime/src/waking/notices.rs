//! Notices to people on duty, for whoever sees to them: what was put down in the books of services and counts still,
//! and that it was told.

use futures_util::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use nhipcau_messaging::{
    store::{Error, Readers, Tx},
    writer::Handle,
};
use uuid::Uuid;

use super::Book;
use crate::notify::{Failed, Mark, Outbox, Page};

/// Notices of a page.
const TOGETHER: usize = 256;

/// The notices of an access point.
#[derive(Debug, Clone)]
pub struct Notices {
    books: Vec<&'static Book>,
    writer: Handle,
    readers: Readers,
}

impl Notices {
    /// Those of all these books.
    #[must_use]
    pub const fn new(books: Vec<&'static Book>, writer: Handle, readers: Readers) -> Self {
        Self { books, writer, readers }
    }
}

impl Outbox for Notices {
    fn unsent(&self, after: Option<Mark>) -> BoxFuture<'_, Result<Page, Failed>> {
        let books = self.books.clone();
        let read = self.readers.read(move |tx| page(&books, tx, after));
        async move { read.await.map_err(|_: Error| Failed) }.boxed()
    }

    fn sent(&self, notice: Uuid) -> BoxFuture<'_, Result<(), Failed>> {
        let books = self.books.clone();
        let mark = self.writer.call(move |tx, _, now| sent(&books, tx, notice, now));
        async move { mark.await.map_err(|_| Failed) }.boxed()
    }
}

/// A page of all books behind another, in one order.
pub(super) fn page(books: &[&Book], tx: &mut Tx<'_>, after: Option<Mark>) -> Result<Page, Error> {
    let (after, mut read) = (after.unwrap_or(Mark { time: i64::MIN, id: Uuid::nil() }), Vec::new());
    for book in books {
        read.extend(book.unsent(tx, after, TOGETHER)?);
    }
    read.sort_by_key(|(mark, _)| (mark.time, mark.id));
    // What is cut off here is behind the end of the page.
    read.truncate(TOGETHER);
    let is_full = read.len() == TOGETHER;
    let next = read.last().filter(|_| is_full).map(|(mark, _)| *mark);
    Ok(Page { pending: read.into_iter().map(|(_, pending)| pending).collect(), next })
}

fn sent(books: &[&Book], tx: &mut Tx<'_>, notice: Uuid, now: Timestamp) -> Result<(), Error> {
    books.iter().try_for_each(|book| book.sent(tx, notice, now))
}
