//! The duty page: signing in by a code, what waits at a unit, a branch, and what may be asked of it.
//!
//! Pure: [`code`], [`session`], [`shown`], [`enquiry`], [`content`], [`act`], [`page`]. What joins them to browsers and
//! doors: [`desk`], [`door`], [`routes`], [`answer`].

mod act;
mod answer;
mod code;
mod content;
mod cookie;
mod counts;
mod desk;
mod door;
mod enquiry;
mod form;
mod page;
mod person;
mod refusal;
mod routes;
mod session;
mod shown;
mod token;
mod words;
mod work;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use axum::Router;
use tokio::time::sleep;

pub use self::{
    counts::Counts,
    desk::{Needs, Roll},
    door::Doors,
};

/// The whole page, for a server of it.
pub(crate) fn pages(needs: Needs, counts: Counts) -> Router {
    let desk = Arc::new(desk::Desk::new(needs, counts));
    tokio::spawn(each_minute(Arc::downgrade(&desk)));
    answer::around(routes::routes(desk))
}

/// Ends with the desk.
async fn each_minute(desk: Weak<desk::Desk>) {
    loop {
        sleep(Duration::from_secs(60)).await;
        let Some(desk) = desk.upgrade() else { return };
        desk.each_minute();
    }
}
