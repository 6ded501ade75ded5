//! Who serves where, made once for each release, set of areas and day, on the thread of the first call that asks.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{Timestamp, civil::Date};
use nhipcau_domain::{
    area::{Areas, day_of},
    directory::Release,
    route::Routes,
};

use crate::Switchboard;

/// What routes were made of, and they.
struct Made {
    release: Arc<Release>,
    areas: Arc<Areas>,
    day: Date,
    routes: Arc<Routes>,
}

/// The newest routes.
#[derive(Default)]
pub(crate) struct Latest(Mutex<Option<Made>>);

impl fmt::Debug for Latest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Latest")
    }
}

impl Switchboard {
    /// The routes by the release and the areas in use on that day.
    pub(crate) fn routes(&self, now: Timestamp) -> Arc<Routes> {
        let (release, areas, day) = (self.release(), Arc::clone(&self.areas.borrow()), day_of(now));
        // Whoever comes while they are made needs the same.
        let mut latest = self.routes.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_made =
            |made: &&Made| Arc::ptr_eq(&made.release, &release) && Arc::ptr_eq(&made.areas, &areas) && made.day == day;
        if let Some(made) = latest.as_ref().filter(is_made) {
            return Arc::clone(&made.routes);
        }
        let routes = Arc::new(Routes::new(Arc::clone(&release), Arc::clone(&areas), now));
        *latest = Some(Made { release, areas, day, routes: Arc::clone(&routes) });
        routes
    }
}
