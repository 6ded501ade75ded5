//! A handler whose work at a message stands in the trace of the call that sent it, on whichever access point that was.

use nhipcau_domain::id::{AccessPointId, ContractId};
use nhipcau_messaging::{
    engine::RestError,
    handler::{Context, Due, Handler, Refused},
    message::{BlobRef, Correlation, Header, Incoming, MessageId, Outcome, SkipReason},
};

use crate::trace::TraceContext;

/// Continues the trace in a message's header around its effect. What is not a trace context is ignored, and the effect
/// begins a trace: nobody's text gets into a log.
pub struct Traced(pub Box<dyn Handler>);

impl Handler for Traced {
    fn contract(&self) -> &ContractId {
        self.0.contract()
    }

    fn outlasts_parties(&self) -> bool {
        self.0.outlasts_parties()
    }

    fn minor(&self) -> u32 {
        self.0.minor()
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        let sent = TraceContext::parse(&message.header.traceparent);
        let trace = sent.map_or_else(TraceContext::root, TraceContext::child);
        let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
        let peer = AccessPointId::as_str(message.sender);
        let contract = message.header.contract.as_str();
        let _span = tracing::info_span!("message", peer, contract, trace_id, span_id).entered();
        let result = self.0.receive(message, context);
        // A refusal is the handler's to explain, in this span.
        if result.is_ok() {
            tracing::debug!(id = %message.id, "A message was applied.");
        }
        result
    }

    fn concluded(
        &mut self,
        id: MessageId,
        correlation: Option<Correlation>,
        outcome: Outcome,
        context: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        self.0.concluded(id, correlation, outcome, context)
    }

    fn recovered(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        self.0.recovered(message, context)
    }

    fn may_send(
        &mut self,
        id: MessageId,
        header: &Header,
        context: &mut Context<'_, '_>,
    ) -> Result<Option<SkipReason>, RestError> {
        self.0.may_send(id, header, context)
    }

    fn awaits(&mut self, header: &Header, blob: BlobRef, context: &mut Context<'_, '_>) -> Result<bool, RestError> {
        self.0.awaits(header, blob, context)
    }

    fn keeps_proof(&self, header: &Header, part: &[u8]) -> bool {
        self.0.keeps_proof(header, part)
    }

    fn take_due(&mut self, context: &mut Context<'_, '_>) -> Result<Option<Due>, RestError> {
        self.0.take_due(context)
    }

    fn act_on(&mut self, due: Due, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        self.0.act_on(due, context)
    }
}
