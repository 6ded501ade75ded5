//! A broker as the operator makes it: permissions and streams as provisioned, for the users that the tests know.
//!
//! A real nats-server under the shipped configuration, so that a permission that is missing fails a test here first.

use std::collections::BTreeMap;

use anyhow::Result;
use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::{
    engine::Input,
    nats::{State, Transport},
    provision::{self, Account, Change, Layout, Login, Plan},
};
use tokio::{sync::mpsc::Receiver, time::timeout};

use crate::{
    nats::{Config, MOHA, OPERATOR, Server, User, VWU},
    wait::PATIENCE,
};

/// A provisioned broker for `moha` and `vwu`.
#[derive(Debug)]
pub struct Bus {
    /// The server.
    pub server: Server,
    layout: Layout,
}

impl Bus {
    /// Starts a server with the permissions that provisioning writes, and without streams.
    ///
    /// # Errors
    /// When the server does not come up.
    pub async fn bare(layout: Layout) -> Result<Self> {
        let config = Config::shipped()?;
        let account = Account { name: "BUS".to_owned(), domain: None };
        let login = |user: User| Login::nkey(user.public());
        let access_points = BTreeMap::from([(id(MOHA), login(MOHA)?), (id(VWU), login(VWU)?)]);
        config.users(&provision::permissions(&account, &login(OPERATOR)?, &access_points)?)?;
        Ok(Self { server: config.start().await?, layout })
    }

    /// Starts a server and makes its streams.
    ///
    /// # Errors
    /// When the server does not come up or cannot be provisioned.
    pub async fn start(layout: Layout) -> Result<Self> {
        let bus = Self::bare(layout).await?;
        bus.provision().await?;
        Ok(bus)
    }

    /// Applies the plan with the operator's login.
    ///
    /// # Errors
    /// When the operator cannot connect or the broker is not as planned afterwards.
    pub async fn provision(&self) -> Result<Vec<Change>> {
        let operator = self.server.connection(OPERATOR)?.connect().await?;
        Ok(provision::apply(operator, &Plan::new([id(MOHA), id(VWU)], self.layout)?).await?)
    }

    /// Starts the transport of one of the access points and waits until it is connected.
    ///
    /// # Errors
    /// When it does not connect.
    pub async fn join(&self, user: User) -> Result<Member> {
        let (transport, inputs) = Transport::start(id(user), &self.server.connection(user)?).await?;
        let member = Member { transport, inputs };
        member.reaches(|state| matches!(state, State::Connected { .. } | State::StreamsMissing { .. })).await?;
        Ok(member)
    }
}

/// One access point at the broker, without an engine: the test is the engine.
#[derive(Debug)]
pub struct Member {
    /// Its transport.
    pub transport: Transport,
    /// What the engine would be given.
    pub inputs: Receiver<Input>,
}

impl Member {
    /// The next input.
    ///
    /// # Errors
    /// When none comes in time.
    pub async fn next(&mut self) -> Result<Input> {
        let input = timeout(PATIENCE, self.inputs.recv()).await?;
        input.ok_or_else(|| anyhow::anyhow!("the transport has ended"))
    }

    /// Waits for a state.
    ///
    /// # Errors
    /// When it does not come in time.
    pub async fn reaches(&self, wanted: impl FnMut(&State) -> bool) -> Result<State> {
        let mut state = self.transport.state();
        Ok(*timeout(PATIENCE, state.wait_for(wanted)).await??)
    }
}

/// The access point of a user.
///
/// # Panics
/// Never: the names of the users are names of access points.
#[must_use]
#[expect(clippy::expect_used, reason = "the names are constants of the harness")]
pub fn id(user: User) -> AccessPointId {
    AccessPointId::new(user.name).expect("a name of the harness")
}
