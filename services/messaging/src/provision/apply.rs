//! Bringing a broker to the plan: look at everything first, refuse if anything is of another kind, then act.

use async_nats::{
    Client,
    jetstream::{
        self, Context,
        consumer::{self, FromConsumer, pull},
        context::RequestError,
        response::Response,
        stream::{self, ConsumerError},
    },
};
use serde_json::json;

use super::{
    difference::{Difference, in_consumer, in_stream, list},
    plan::{Plan, PlannedStream},
};

/// What was done about one stream or consumer, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was as planned.
    Kept,
    /// It was missing.
    Created,
    /// Its limits were brought to the plan.
    Updated,
}

/// One stream or consumer and what was done about it, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The stream, or the stream and the consumer: `NC_MOH` or `NC_MOH/m`.
    pub name: String,
    /// What was done.
    pub action: Action,
}

/// Why the broker is not as planned. What was made before an error stays, and applying again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was changed: something differs in a way that could lose or leak messages. The operator decides.
    #[error("the broker holds something else under planned names: {}", list(.0))]
    Differs(Vec<Difference>),
    /// The broker gave no answer.
    #[error("the broker did not answer about {name}")]
    Unanswered {
        /// Stream or consumer.
        name: String,
        /// What the connection said.
        source: RequestError,
    },
    /// The broker refused.
    #[error("the broker refused {name}")]
    Refused {
        /// Stream or consumer.
        name: String,
        /// What it said.
        source: jetstream::Error,
    },
    /// A consumer could not be made or changed.
    #[error("the consumer {name} could not be made or changed")]
    Consumer {
        /// Stream and consumer.
        name: String,
        /// What the broker or the connection said.
        source: ConsumerError,
    },
}

/// Makes what is missing and brings limits to the plan; deletes nothing. Doing it twice changes nothing.
///
/// # Errors
/// [`Error`]; after [`Error::Differs`] nothing was changed.
pub async fn apply(client: Client, plan: &Plan) -> Result<Vec<Change>, Error> {
    let context = jetstream::new(client);
    let steps = compare(&context, plan).await?;
    let mut changes = Vec::new();
    for Step { change, todo } in steps {
        match todo {
            Todo::Nothing => {}
            Todo::Stream(verb, config) => {
                let answer = context.request(format!("STREAM.{verb}.{}", change.name), &config).await;
                let _: stream::Info = done(&change.name, answer)?;
            }
            Todo::Consumer(stream, config) => {
                let made = context.create_consumer_on_stream(*config, stream).await;
                made.map_err(|source| Error::Consumer { name: change.name.clone(), source })?;
            }
        }
        changes.push(change);
    }
    Ok(changes)
}

/// Says what [`apply`] would do, and does nothing.
///
/// # Errors
/// [`Error`], [`Error::Differs`] where [`apply`] would refuse.
pub async fn preview(client: Client, plan: &Plan) -> Result<Vec<Change>, Error> {
    let steps = compare(&jetstream::new(client), plan).await?;
    Ok(steps.into_iter().map(|step| step.change).collect())
}

/// What is to be done about one stream or consumer.
struct Step {
    change: Change,
    todo: Todo,
}

enum Todo {
    Nothing,
    Stream(&'static str, Box<stream::Config>),
    /// The consumer of a stream.
    Consumer(String, Box<pull::Config>),
}

/// Looks at everything before anything is done.
async fn compare(context: &Context, plan: &Plan) -> Result<Vec<Step>, Error> {
    let mut differences = Vec::new();
    let mut steps = Vec::new();
    for planned in &plan.streams {
        let found = look(context, planned).await?;
        differences.extend(found.differences(planned));
        steps.push(for_stream(planned, found.config.as_ref()));
        let consumers = planned.consumers.iter().zip(&found.consumers);
        steps.extend(consumers.map(|(consumer, found)| for_consumer(planned, consumer, found.as_ref())));
    }
    if differences.is_empty() { Ok(steps) } else { Err(Error::Differs(differences)) }
}

/// What the broker has of a planned stream.
struct Found {
    config: Option<stream::Config>,
    /// In the order of the plan.
    consumers: Vec<Option<consumer::Config>>,
}

impl Found {
    fn differences(&self, planned: &PlannedStream) -> Vec<Difference> {
        let stream = self.config.iter().flat_map(|found| in_stream(found, &planned.config));
        let consumers = planned.consumers.iter().zip(&self.consumers).flat_map(|(planned_consumer, found)| {
            let name = name(planned, planned_consumer);
            found.iter().flat_map(move |found| in_consumer(&name, found, planned_consumer)).collect::<Vec<_>>()
        });
        stream.chain(consumers).collect()
    }
}

async fn look(context: &Context, planned: &PlannedStream) -> Result<Found, Error> {
    let stream = &planned.config.name;
    let answer = context.request(format!("STREAM.INFO.{stream}"), &json!({})).await;
    let info: Option<stream::Info> = existing(stream, answer)?;
    let mut consumers = Vec::new();
    for consumer in &planned.consumers {
        if info.is_none() {
            consumers.push(None);
            continue;
        }
        let subject = format!("CONSUMER.INFO.{stream}.{}", durable(consumer));
        let answer = context.request(subject, &json!({})).await;
        let info: Option<consumer::Info> = existing(&name(planned, consumer), answer)?;
        consumers.push(info.map(|info| info.config));
    }
    Ok(Found { config: info.map(|info| info.config), consumers })
}

fn for_stream(planned: &PlannedStream, found: Option<&stream::Config>) -> Step {
    let name = planned.config.name.clone();
    let (action, todo) = match found.map(|found| (found, stream_limits(found, &planned.config))) {
        None => (Action::Created, Todo::Stream("CREATE", Box::new(planned.config.clone()))),
        Some((found, wanted)) if wanted == *found => (Action::Kept, Todo::Nothing),
        Some((_, wanted)) => (Action::Updated, Todo::Stream("UPDATE", Box::new(wanted))),
    };
    Step { change: Change { name, action }, todo }
}

fn for_consumer(stream: &PlannedStream, planned: &pull::Config, found: Option<&consumer::Config>) -> Step {
    let found = found.and_then(|found| pull::Config::try_from_consumer_config(found.clone()).ok());
    let of_stream = |config| Todo::Consumer(stream.config.name.clone(), Box::new(config));
    let (action, todo) = match found.map(|found| (consumer_limits(&found, planned), found)) {
        None => (Action::Created, of_stream(planned.clone())),
        Some((wanted, found)) if wanted == found => (Action::Kept, Todo::Nothing),
        Some((wanted, _)) => (Action::Updated, of_stream(wanted)),
    };
    Step { change: Change { name: name(stream, planned), action }, todo }
}

/// The found stream with the planned limits; what else the server filled in stays as it is.
fn stream_limits(found: &stream::Config, planned: &stream::Config) -> stream::Config {
    stream::Config {
        max_messages_per_subject: planned.max_messages_per_subject,
        max_message_size: planned.max_message_size,
        max_messages: planned.max_messages,
        max_bytes: planned.max_bytes,
        max_age: planned.max_age,
        num_replicas: planned.num_replicas,
        ..found.clone()
    }
}

fn consumer_limits(found: &pull::Config, planned: &pull::Config) -> pull::Config {
    pull::Config {
        ack_wait: planned.ack_wait,
        max_deliver: planned.max_deliver,
        max_ack_pending: planned.max_ack_pending,
        ..found.clone()
    }
}

fn name(stream: &PlannedStream, consumer: &pull::Config) -> String {
    format!("{}/{}", stream.config.name, durable(consumer))
}

fn durable(consumer: &pull::Config) -> &str {
    consumer.durable_name.as_deref().unwrap_or_default()
}

/// What the broker showed, or nothing when it has none.
fn existing<T>(name: &str, answer: Result<Response<T>, RequestError>) -> Result<Option<T>, Error> {
    match done(name, answer) {
        Ok(found) => Ok(Some(found)),
        Err(Error::Refused { source, .. }) if source.code() == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

fn done<T>(name: &str, answer: Result<Response<T>, RequestError>) -> Result<T, Error> {
    match answer {
        Ok(Response::Ok(done)) => Ok(done),
        Ok(Response::Err { error }) => Err(Error::Refused { name: name.to_owned(), source: error }),
        Err(source) => Err(Error::Unanswered { name: name.to_owned(), source }),
    }
}
