//! W3C Trace Context: where a call belongs in the trace of whoever began it, carried in gRPC metadata and in the sealed
//! control part of messages, never in the clear between access points.
//!
//! Only `traceparent` is kept; `tracestate` could hold anything and is dropped.

use std::fmt;

use nhipcau_messaging::{Entropy, SystemEntropy};
use tonic::{Request, codegen::http::HeaderMap, metadata::MetadataMap};

const HEADER: &str = "traceparent";

/// One span of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: [u8; 16],
    span: [u8; 8],
    sampled: bool,
}

impl TraceContext {
    /// Begins a trace.
    #[must_use]
    pub fn root() -> Self {
        Self { trace: random(), span: random(), sampled: false }
    }

    /// Another span of the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self { span: random(), ..self }
    }

    /// Reads a `traceparent`. Versions to come may say more behind what version 00 says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split('-');
        let version: [u8; 1] = digits(fields.next()?)?;
        let (trace, span) = (digits(fields.next()?)?, digits(fields.next()?)?);
        let [flags] = digits::<1>(fields.next()?)?;
        let is_longer = fields.next().is_some();
        let is_valid = version != [0xff] && (version != [0] || !is_longer) && trace != [0; 16] && span != [0; 8];
        is_valid.then_some(Self { trace, span, sampled: flags & 1 == 1 })
    }

    /// The span of a call that came through the door.
    #[must_use]
    pub fn of<T>(request: &Request<T>) -> Option<Self> {
        request.extensions().get().copied()
    }

    /// The `traceparent` for messages that a call sends: what their recipients do belongs to the call's span.
    #[must_use]
    pub fn onward<T>(request: &Request<T>) -> String {
        Self::of(request).map(|trace| trace.to_string()).unwrap_or_default()
    }

    /// Names this span as the parent of a call to be made.
    pub fn attach(self, metadata: &mut MetadataMap) {
        if let Ok(value) = self.to_string().parse() {
            metadata.insert(HEADER, value);
        }
    }

    /// A span for a call with these headers: a child of the caller's, or the first of a new trace.
    pub(crate) fn received(headers: &HeaderMap) -> Self {
        let parent = headers.get(HEADER).and_then(|value| value.to_str().ok()).and_then(Self::parse);
        parent.map_or_else(Self::root, Self::child)
    }

    /// The trace in hexadecimal digits, for logs.
    #[must_use]
    pub fn trace_id(&self) -> String {
        hex::encode(self.trace)
    }

    /// The span in hexadecimal digits, for logs.
    #[must_use]
    pub fn span_id(&self) -> String {
        hex::encode(self.span)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id(), self.span_id(), u8::from(self.sampled))
    }
}

/// Lower-case digits only, as the standard asks.
fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_lower = !text.bytes().any(|b| b.is_ascii_uppercase());
    (is_lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

/// Never all zero, which would mean none.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    if bytes == [0; N] { [1; N] } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_read_is_written_again() {
        assert_eq!(TraceContext::parse(EXAMPLE).unwrap().to_string(), EXAMPLE);
    }

    #[test]
    fn a_child_stays_in_the_trace_under_another_span() {
        let parent = TraceContext::parse(EXAMPLE).unwrap();
        let child = parent.child();
        assert_eq!((child.trace_id(), child.sampled), (parent.trace_id(), true));
        assert_ne!(child.span_id(), parent.span_id());
    }

    #[test]
    fn what_the_standard_forbids_begins_a_new_trace() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
        assert!(TraceContext::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some());
    }

    #[test]
    fn it_travels_in_metadata() {
        let mut request = Request::new(());
        let sent = TraceContext::root();
        sent.attach(request.metadata_mut());
        let received = TraceContext::received(&request.into_parts().0.into_headers());
        assert_eq!(received.trace_id(), sent.trace_id());
        assert_ne!(received.span_id(), sent.span_id());
    }
}
