//! The trace: everything that happened in a run, in order, as lines that a person can read.
//!
//! Not a log and not an oracle: the checker never reads it. The invariant: the same seed writes the same lines,
//! which [`Trace::digest`] sums up.

use std::sync::Arc;

use parking_lot::Mutex;
use sorl_core::ports::Clock;
use sorl_core::time::Timestamp;

use crate::executor::Timeline;

/// Lines kept for a report; the digest covers all.
const LINES_MAX: usize = 400_000;

/// What happened. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Trace(Arc<Inner>);

struct Inner {
    timeline: Timeline,
    start: Timestamp,
    state: Mutex<State>,
}

struct State {
    lines: Vec<String>,
    digest: u64,
}

impl Trace {
    /// An empty one, beginning now.
    pub(crate) fn new(timeline: Timeline) -> Self {
        let start = timeline.now();
        let state = Mutex::new(State { lines: Vec::new(), digest: 0xcbf2_9ce4_8422_2325 });
        Self(Arc::new(Inner { timeline, start, state }))
    }

    /// Notes what happened. Clients (`c3`), connections (`c3-2`), messages (`#17`) and regions are named in the
    /// text, which is how [`Trace::about`] finds it.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        let at = self.0.timeline.now().since(self.0.start);
        let line = format!("{:>9.3}s  {}", at.as_secs_f64(), text.as_ref());
        let mut state = self.0.state.lock();
        for byte in line.bytes() {
            state.digest = (state.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if state.lines.len() < LINES_MAX {
            state.lines.push(line);
        }
    }

    /// A number that two traces share only if they are the same.
    pub(crate) fn digest(&self) -> u64 {
        self.0.state.lock().digest
    }

    /// All of it.
    pub(crate) fn whole(&self) -> String {
        self.0.state.lock().lines.join("\n")
    }

    /// The last `count` lines that concern any of `subjects`; `c3` is also the subject of what concerns `c3-2`.
    /// If messages are among the subjects, what comes after the last word about them is left out.
    pub(crate) fn about(&self, subjects: &[String], count: usize) -> Vec<String> {
        let state = self.0.state.lock();
        let messages: Vec<_> = subjects.iter().filter(|subject| subject.starts_with('#')).cloned().collect();
        let last_word = state.lines.iter().rposition(|line| concerns(line, &messages));
        let end = last_word.map_or(state.lines.len(), |at| at + 1);
        let lines = state.lines.iter().take(end).rev();
        let mut found: Vec<_> = lines.filter(|line| concerns(line, subjects)).take(count).cloned().collect();
        found.reverse();
        found
    }
}

fn concerns(line: &str, subjects: &[String]) -> bool {
    line.split([' ', ',', ':', '(', ')'])
        .any(|word| subjects.iter().any(|subject| word == subject || is_connection_of(word, subject)))
}

fn is_connection_of(word: &str, subject: &str) -> bool {
    word.strip_prefix(subject).is_some_and(|rest| rest.starts_with('-'))
}

/// The messages that a text holds, as `#17 #18`, by the number that each message's data carries; however deep
/// in JSON within JSON they stand.
pub(crate) fn messages_in(text: &str) -> String {
    let text = text.replace('\\', "");
    let numbers = text.split("\"n\":").skip(1).filter_map(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..digits).filter(|number| !number.is_empty())
    });
    numbers.map(|number| format!("#{number}")).collect::<Vec<_>>().join(" ")
}
