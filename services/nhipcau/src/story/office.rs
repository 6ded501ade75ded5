//! A party's calling system in the story: who it is and how it calls its own access point.

use std::{path::PathBuf, time::Duration};

use nhipcau_proto::accesspoint::v1 as pb;

use crate::{
    client::{Connection, Options},
    exit::Failure,
    sandbox::World,
};

/// How long one call is tried.
const PATIENCE: Duration = Duration::from_secs(30);

/// A party at work.
#[derive(Debug)]
pub(crate) struct Office {
    /// Name of the access point and of its party.
    pub(crate) name: &'static str,
    /// What people call the party.
    pub(crate) vietnamese: &'static str,
    /// The same in English.
    pub(crate) english: &'static str,
    /// To its own access point.
    pub(crate) connection: Connection,
}

impl Office {
    /// Who takes part: moha, moh, vwu, hanoi.
    pub(crate) fn all(world: &World) -> Result<[Self; 4], Failure> {
        let office = |name, vietnamese, english| -> Result<Self, Failure> {
            let profile = world.path(&world.access_point(name)?.profile);
            let connection = Options::new(profile, PATIENCE).connect()?;
            Ok(Self { name, vietnamese, english, connection })
        };
        Ok([
            office("moha", "Bộ Nội vụ", "the Ministry of Home Affairs")?,
            office("moh", "Bộ Y tế (Tổng đài 111)", "the Ministry of Health with switchboard 111")?,
            office("vwu", "Hội Liên hiệp Phụ nữ Việt Nam", "the Viet Nam Women's Union")?,
            office("hanoi", "Hà Nội (phường Hoàn Kiếm)", "Hà Nội with Hoàn Kiếm Ward")?,
        ])
    }

    /// A further calling system, at the access point of a name.
    pub(super) fn of(name: &'static str, profile: PathBuf) -> Result<Self, Failure> {
        let connection = Options::new(profile, PATIENCE).connect()?;
        Ok(Self { name, vietnamese: "", english: "", connection })
    }

    /// On how many messages the two access points differ, as this one finds out.
    pub(crate) async fn differences_with(&self, other: &Self) -> Result<u64, Failure> {
        let request = pb::ReconcileRequest { peer: other.name.to_owned(), ..pb::ReconcileRequest::default() };
        let answer =
            self.connection.call(&request, async |request| self.connection.access_point().reconcile(request).await);
        Ok(Box::pin(answer).await?.channels.iter().map(|channel| channel.difference_count).sum())
    }
}
