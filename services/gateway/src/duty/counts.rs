//! What the duty page counts, shown on the page of metrics. No label says who or where.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter},
};

/// What was counted. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    codes: AtomicU64,
    signed_in: AtomicU64,
    refused: AtomicU64,
    /// Of the refused, those that were looked at.
    seen: AtomicU64,
}

impl Counts {
    /// A code is to be told.
    pub(crate) fn code(&self) {
        self.0.codes.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody signed in.
    pub(crate) fn signed_in(&self) {
        self.0.signed_in.fetch_add(1, Ordering::Relaxed);
    }

    /// A code did not count.
    pub(crate) fn refused(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many codes did not count since this was asked last.
    pub(crate) fn refused_since(&self) -> u64 {
        let refused = self.0.refused.load(Ordering::Relaxed);
        refused.saturating_sub(self.0.seen.swap(refused, Ordering::Relaxed))
    }
}

impl Collector for Counts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Numbers { codes, signed_in, refused, .. } = &*self.0;
        for (name, help, number) in [
            ("duty_page_codes", "Sign-in codes that were to be told.", codes),
            ("duty_page_signed_in", "How often somebody signed in to the duty page.", signed_in),
            ("duty_page_refused", "Sign-in codes that did not count.", refused),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(number.load(Ordering::Relaxed)).encode(metric)?;
        }
        Ok(())
    }
}
