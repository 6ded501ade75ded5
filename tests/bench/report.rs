//! Figures as a person reads them, with their ratio to a baseline of the same run, and as JSON for a machine.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// How much was done in which time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// How many.
    pub(crate) count: u64,
    /// In which time.
    pub(crate) elapsed: Duration,
}

impl Rate {
    /// How many a second.
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
    pub(crate) fn per_second(self) -> f64 {
        self.count as f64 / self.elapsed.as_secs_f64()
    }
}

/// Times of single calls, in order.
#[derive(Debug, Clone)]
pub(crate) struct Latency(Vec<Duration>);

impl Latency {
    /// Takes times as they were measured.
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// How many calls there were, and how long they took together: what one caller gets done.
    pub(crate) fn rate(&self) -> Rate {
        Rate { count: self.0.len() as u64, elapsed: self.0.iter().sum() }
    }

    /// The time that so many of a thousand stayed below; zero of nothing.
    pub(crate) fn at(&self, per_mille: usize) -> Duration {
        let index = (self.0.len() * per_mille / 1000).min(self.0.len().saturating_sub(1));
        self.0.get(index).copied().unwrap_or_default()
    }
}

/// One line of the table.
struct Line {
    what: String,
    rate: Rate,
    latency: Option<Latency>,
    baseline: Option<String>,
}

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
    facts: Map<String, Value>,
}

impl Report {
    /// Notes a figure under a name, and the name of the figure that it is compared with.
    pub(crate) fn add(&mut self, what: &str, rate: Rate, latency: Option<Latency>, baseline: Option<&str>) {
        self.lines.push(Line { what: what.to_owned(), rate, latency, baseline: baseline.map(str::to_owned) });
    }

    /// Notes something about the run.
    pub(crate) fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name.to_owned(), value.into());
    }

    fn ratio(&self, line: &Line) -> Option<f64> {
        let baseline = self.lines.iter().find(|other| Some(&other.what) == line.baseline.as_ref())?;
        Some(line.rate.per_second() / baseline.rate.per_second())
    }

    /// The table.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.facts {
            text.push_str(&format!("{name}: {value}\n"));
        }
        text.push_str(&format!(
            "\n{:<34} {:>12} {:>10} {:>10} {:>10}  ratio\n",
            "what", "per second", "p50", "p99", "count"
        ));
        for line in &self.lines {
            let time = |per_mille| {
                line.latency
                    .as_ref()
                    .map_or_else(String::new, |latency| format!("{:.1} ms", latency.at(per_mille).as_secs_f64() * 1e3))
            };
            let ratio = match (self.ratio(line), &line.baseline) {
                (Some(ratio), Some(baseline)) => format!("{ratio:.3} × {baseline}"),
                _ => String::new(),
            };
            let (what, rate) = (&line.what, line.rate);
            text.push_str(&format!(
                "{what:<34} {:>12.0} {:>10} {:>10} {:>10}  {ratio}\n",
                rate.per_second(),
                time(500),
                time(990),
                rate.count
            ));
        }
        text
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        let line = |line: &Line| {
            let mut object = json!({
                "what": line.what,
                "count": line.rate.count,
                "elapsed_seconds": line.rate.elapsed.as_secs_f64(),
                "per_second": line.rate.per_second(),
            });
            if let Some(fields) = object.as_object_mut() {
                if let Some(latency) = &line.latency {
                    fields.insert("p50_seconds".to_owned(), json!(latency.at(500).as_secs_f64()));
                    fields.insert("p99_seconds".to_owned(), json!(latency.at(990).as_secs_f64()));
                }
                if let (Some(ratio), Some(baseline)) = (self.ratio(line), &line.baseline) {
                    fields.insert("baseline".to_owned(), json!(baseline));
                    fields.insert("ratio".to_owned(), json!(ratio));
                }
            }
            object
        };
        json!({ "facts": self.facts, "figures": self.lines.iter().map(line).collect::<Vec<_>>() })
    }
}
