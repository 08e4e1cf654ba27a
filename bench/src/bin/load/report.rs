//! What a run prints: lines of JSON, all of it seen.
//!
//! Invariant: figures of the measurement alone, the warm-up's excluded.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::group::Group;
use crate::subject;

/// The line that says that all members have joined.
#[derive(Debug, Serialize)]
pub(crate) struct Opened {
    pub(crate) event: &'static str,
}

/// The report.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Bytes that the subject held before the first connection, once all were open, and after an idle span.
    resident_before: u64,
    resident_open: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    resident_idle: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    /// User and system time of the subject and of this client.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_cpu_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resident_after: Option<u64>,
    #[serde(flatten)]
    figures: Option<Figures>,
    #[serde(skip)]
    used: Duration,
    #[serde(skip)]
    client_used: Duration,
}

/// What the members have seen.
#[derive(Debug, Serialize)]
struct Figures {
    published: u64,
    delivered: u64,
    frames: u64,
    /// From publish to receipt, milliseconds.
    latency: Latency,
    /// From publish to acknowledgement, milliseconds; nothing where nobody acknowledges.
    acknowledged: Option<Latency>,
}

/// Percentiles in milliseconds.
#[derive(Debug, Serialize)]
struct Latency {
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Report {
    /// Before the first connection.
    pub(crate) fn begin(pids: &[u32]) -> anyhow::Result<Self> {
        Ok(Self { resident_before: subject::resident(pids)?, ..Self::default() })
    }

    /// All connections are open.
    pub(crate) fn opened(&mut self, pids: &[u32]) -> anyhow::Result<()> {
        self.resident_open = subject::resident(pids)?;
        Ok(())
    }

    /// The idle span is over.
    pub(crate) fn rested(&mut self, pids: &[u32]) -> anyhow::Result<()> {
        self.resident_idle = Some(subject::resident(pids)?);
        Ok(())
    }

    /// A span of publishing begins.
    pub(crate) fn start(&mut self, pids: &[u32]) -> anyhow::Result<()> {
        self.used = subject::cpu(pids)?;
        self.client_used = subject::cpu(&[std::process::id()])?;
        Ok(())
    }

    /// The measured span is over.
    pub(crate) fn finish(&mut self, pids: &[u32], took: Duration, group: &Group) -> anyhow::Result<()> {
        let used = subject::cpu(pids)?.saturating_sub(self.used);
        let client_used = subject::cpu(&[std::process::id()])?.saturating_sub(self.client_used);
        self.seconds = Some(took.as_secs_f64());
        self.cpu_seconds = Some(used.as_secs_f64());
        self.client_cpu_seconds = Some(client_used.as_secs_f64());
        self.resident_after = Some(subject::resident(pids)?);
        self.figures = Some(Figures::of(group)?);
        Ok(())
    }
}

impl Figures {
    fn of(group: &Group) -> anyhow::Result<Self> {
        let tally = &group.publisher.tally;
        tally.settled()?;
        let (counts, acknowledged) = (tally.counts(), tally.acknowledged());
        Ok(Self {
            published: counts.published,
            delivered: counts.delivered,
            frames: counts.frames,
            latency: Latency::of(&tally.latency()),
            acknowledged: (!acknowledged.is_empty()).then(|| Latency::of(&acknowledged)),
        })
    }
}

impl Latency {
    fn of(nanoseconds: &Histogram<u64>) -> Self {
        let at = |quantile| Duration::from_nanos(nanoseconds.value_at_quantile(quantile)).as_secs_f64() * 1e3;
        Self {
            mean: nanoseconds.mean() / 1e6,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: Duration::from_nanos(nanoseconds.max()).as_secs_f64() * 1e3,
        }
    }
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "the lines are what this program is for")]
pub(crate) fn print(report: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(report)?);
    Ok(())
}
