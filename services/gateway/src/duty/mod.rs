//! The duty page: signing in by a code, what waits at a unit, a branch, and what may be asked of it.
//!
//! Pure: [`code`], [`session`], [`shown`], [`enquiry`], [`content`], [`act`], [`page`]. What joins them to browsers and
//! doors: [`entrance`], [`door`], [`routes`], [`answer`].

mod act;
mod answer;
mod code;
mod content;
mod cookie;
mod counts;
mod door;
mod enquiry;
mod entrance;
pub(crate) mod form;
mod page;
mod person;
mod refusal;
mod routes;
mod session;
mod shown;
mod token;
mod words;
pub(crate) mod work;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use axum::Router;
use tokio::time::sleep;

pub(crate) use self::cookie::SESSION;
pub use self::{
    counts::Counts,
    door::Doors,
    entrance::{Needs, Roll},
};

/// The whole page, for a server of it.
pub(crate) fn pages(needs: Needs, counts: Counts) -> Router {
    let entrance = Arc::new(entrance::Entrance::new(needs, counts));
    tokio::spawn(each_minute(Arc::downgrade(&entrance)));
    answer::around(routes::routes(entrance))
}

/// Ends with the entrance.
async fn each_minute(entrance: Weak<entrance::Entrance>) {
    loop {
        sleep(Duration::from_secs(60)).await;
        let Some(entrance) = entrance.upgrade() else { return };
        entrance.each_minute();
    }
}
