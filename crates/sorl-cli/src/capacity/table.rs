//! A study as text: a table with a column for each run, then what it needs and what to set.

use std::fmt::Write as _;

use super::assumptions::Assumption;
use super::load::{Arrivals, Load};
use super::needs::{Need, ONCE_WITHIN_S};
use super::study::{Extent, Run, Study};

const LABEL: usize = 34;
const COLUMN: usize = 20;

/// The whole answer.
pub(super) fn all(studies: &[Study], assumptions: &[Assumption]) -> String {
    let mut text = String::new();
    for study in studies {
        text.push_str(&one(study));
        text.push('\n');
    }
    text.push_str("taken as given\n");
    for Assumption { what, value, unit, source } in assumptions {
        // Writing to a string does not fail.
        writeln!(text, "  {what}: {} {unit} ({source})", number(*value)).ok();
    }
    text.trim_end().to_owned()
}

fn one(study: &Study) -> String {
    let mut text = format!("{}\n{}\n\n", study.load.name, facts(study));
    row(&mut text, "", study.runs.iter().map(|run| run.name.clone()));
    for (label, cell) in ROWS {
        row(&mut text, label, study.runs.iter().map(cell));
    }
    let Some(run) = study.runs.first() else { return text };
    writeln!(text, "\n  {:<62}{:>12}{:>12}", format!("quota, {}", run.name), "needed", "there is").ok();
    for Need { quota, needed, has, binds, .. } in &run.needs {
        let mark = if *binds { "  binds" } else { "" };
        writeln!(text, "  {quota:<62}{:>12}{:>12}{mark}", number(*needed), number(*has)).ok();
    }
    for advice in &study.advice {
        writeln!(text, "  raise {advice}").ok();
    }
    text.replace("  raise or gather: ", "  or gather: ")
}

fn facts(study: &Study) -> String {
    let Load { connections, room_size, message_bytes, regions, seconds, arrivals, .. } = &study.load;
    let regions = if *regions == 1 { "one region".to_owned() } else { format!("one of {regions} regions") };
    let rate = match arrivals {
        Arrivals::Once => format!("one message to an idle service, needed: to all within {ONCE_WITHIN_S} s"),
        Arrivals::Poisson | Arrivals::Steady => format!(
            "{} messages/s in all for {seconds} s, {} deliveries/s here",
            number(study.load.messages_per_second),
            number(study.deliveries_per_second)
        ),
    };
    format!(
        "{regions}: {} connections, channels of {}, {message_bytes} bytes a message; {rate}; clients send {} requests/s",
        number(*connections as f64),
        number(*room_size as f64),
        number(study.inbound_per_second)
    )
}

type Cell = fn(&Run) -> String;

const ROWS: [(&str, Cell); 17] = [
    ("latency p50", |run| millis(run.latency_ms.p50)),
    ("latency p90", |run| millis(run.latency_ms.p90)),
    ("latency p99", |run| millis(run.latency_ms.p99)),
    ("latency, the last", |run| millis(run.latency_ms.max)),
    ("keeps up", |run| if run.keeps_up { "yes".to_owned() } else { "no".to_owned() }),
    ("  done after the last message", |run| millis(run.behind_s * 1_000.0)),
    ("deliveries", |run| number(run.deliveries)),
    ("posts", |run| number(run.posts)),
    ("posts/s, peak (mean)", |run| extent(run.posts_per_second)),
    ("messages a frame", |run| format!("{:.2}", run.messages_per_frame)),
    ("frames' fill (of 32 KB)", |run| format!("{:.1} %", run.frame_fill * 100.0)),
    ("Lambdas of live, peak (mean)", |run| extent(run.concurrency.live)),
    ("Lambdas of bulk, peak (mean)", |run| extent(run.concurrency.bulk)),
    ("cold starts", |run| number(run.cold_starts as f64)),
    ("invocations cut off", |run| number(run.overruns as f64)),
    ("waits: account, bulk's share", |run| {
        format!("{}, {}", millis(run.waits_s.account * 1e3), millis(run.waits_s.bulk_share * 1e3))
    }),
    ("waits: for Lambdas, for partitions", |run| {
        let waits = &run.waits_s;
        let lambdas = waits.concurrency.live + waits.concurrency.bulk + waits.scaling;
        format!("{}, {}", millis(lambdas * 1e3), millis(waits.partition * 1e3))
    }),
];

fn row(text: &mut String, label: &str, cells: impl Iterator<Item = String>) {
    let mut line = format!("  {label:<LABEL$}");
    for cell in cells {
        write!(line, "{cell:>COLUMN$}").ok();
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

fn extent(Extent { peak, mean }: Extent) -> String {
    format!("{} ({})", number(peak), number(mean))
}

/// Milliseconds, or seconds where that reads better.
fn millis(ms: f64) -> String {
    if ms >= 10_000.0 {
        format!("{} s", number((ms / 1_000.0).round()))
    } else if ms >= 1_000.0 {
        format!("{:.1} s", ms / 1_000.0)
    } else if !(0.05..10.0).contains(&ms) {
        format!("{ms:.0} ms")
    } else {
        format!("{ms:.1} ms")
    }
}

/// With thousands apart; fractions only where they matter.
pub(super) fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 10.0 && (value - value.round()).abs() > 1e-9 {
        return format!("{value:.2}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        let written = [0.0, 0.5, 9.0, 12.3, 999.6, 1_000.0, 1_234_567.0, -4_000.0].map(number);
        assert_eq!(written, ["0", "0.50", "9", "12", "1,000", "1,000", "1,234,567", "-4,000"]);
    }

    #[test]
    fn times_are_written_in_their_unit() {
        let written = [0.0, 0.4, 1.25, 42.4, 999.0, 1_500.0, 12_400.0, 2_000_000.0].map(millis);
        assert_eq!(written, ["0 ms", "0.4 ms", "1.2 ms", "42 ms", "999 ms", "1.5 s", "12 s", "2,000 s"]);
    }
}
