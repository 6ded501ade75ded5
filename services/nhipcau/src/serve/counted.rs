//! What services count, shown on the page of metrics: read when somebody looks.
//!
//! Services count with numbers of their own and know nothing of the page; nothing is copied between two looks.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter},
    registry::Registry,
};

/// Name and help text of a counter, as services give them.
type Metric = (&'static str, &'static str);

/// The counters of a service.
pub(super) struct Counted<F>(F);

impl<F: Fn() -> Vec<(Metric, u64)> + Send + Sync + 'static> Counted<F> {
    /// Shows what `read` gives whenever somebody looks.
    pub(super) fn register(registry: &mut Registry, read: F) {
        registry.register_collector(Box::new(Self(read)));
    }
}

impl<F> fmt::Debug for Counted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

impl<F: Fn() -> Vec<(Metric, u64)> + Send + Sync + 'static> Collector for Counted<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for ((name, help), value) in (self.0)() {
            let metric = encoder.encode_descriptor(plain(name), help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        Ok(())
    }
}

/// The name without what the registry and the format put around it.
fn plain(name: &'static str) -> &'static str {
    let name = name.strip_prefix("nhipcau_").unwrap_or(name);
    name.strip_suffix("_total").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_shown_under_the_name_that_its_service_gives() {
        let mut registry = nhipcau_runtime::metrics::registry();
        Counted::register(&mut registry, || vec![(("nhipcau_thing_done_total", "Things done."), 7)]);
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
        assert!(page.contains("\nnhipcau_thing_done_total 7\n"), "{page}");
    }
}
