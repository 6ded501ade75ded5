//! What the recipient does at a message stands in the trace of the call that sent it; what is no trace is ignored.

use std::{
    io,
    sync::{Mutex, Once, PoisonError},
};

use nhipcau_proto::referral::v1::{ReferralKind, referral_service_server::ReferralService as _};
use nhipcau_runtime::{
    config::{Format, Telemetry},
    telemetry,
    trace::TraceContext,
};

use crate::{deeds::*, world::*};

/// What this process logged; the writers have threads of their own.
static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let telemetry = Telemetry { filter: "nhipcau_runtime=debug".parse().unwrap(), format: Format::Json };
        tracing::subscriber::set_global_default(telemetry::subscriber(&telemetry, || Lines)).unwrap();
    });
}

/// Submits a transfer with a header; the door put `context` at the call. Gives what was logged of effects until then,
/// also in other tests.
async fn effects(header: Option<&'static str>, context: Option<TraceContext>) -> String {
    log();
    let mut world = World::open().await;
    let mut request = call(submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]), "moh");
    header.map(|header| request.metadata_mut().insert("traceparent", header.parse().unwrap()));
    context.map(|context| request.extensions_mut().insert(context));
    world.nodes[MOH].door.submit_referral(request).await.unwrap();
    world.settle().await;
    let applied = "SELECT COUNT(*) FROM received WHERE sender = 'moh' AND outcome = 0";
    assert!(world.count(HANOI, applied).await > 0);
    let logged = String::from_utf8(LOGGED.lock().unwrap().clone()).unwrap();
    logged.lines().filter(|line| line.contains("A message was applied.")).map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn the_effect_stands_in_the_trace_of_the_call_under_a_span_of_its_own() {
    let context = TraceContext::root();
    let effects = effects(None, Some(context)).await;
    let ours: Vec<_> = effects.lines().filter(|line| line.contains(&context.trace_id())).collect();
    let is_right = |line: &&str| line.contains("\"peer\":\"moh\"") && !line.contains(&context.span_id());
    assert!(!ours.is_empty() && ours.iter().all(is_right), "{effects}");
}

#[tokio::test]
async fn what_a_caller_writes_into_a_header_is_not_carried_unread() {
    for header in [None, Some("canary of a child"), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")] {
        let effects = effects(header, None).await;
        assert!(effects.contains("\"trace_id\":\""), "{effects}");
        assert!(!effects.contains("canary") && !effects.contains("4bf92f3577b34da6a3ce929d0e0e4736"), "{effects}");
    }
}
