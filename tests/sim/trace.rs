//! The trace: everything that happened in a run, in order, as lines that a person can read.
//!
//! Not a log and not an oracle: the checker never reads it, and nobody acts by it. The invariants: the same plan
//! writes the same lines, which [`Trace::digest`] sums up; and a run goes the same way whether it is written down
//! or not, so that only those that failed need be.

use std::fmt::Display;
use std::sync::Arc;

use parking_lot::Mutex;
use sorl_core::ports::Clock;
use sorl_core::time::Timestamp;

use crate::executor::Timeline;

/// Whether what happens is written down, which only a failure needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Nothing is.
    Nothing,
    /// Everything is.
    All,
}

/// What happened. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Trace(Option<Arc<Inner>>);

struct Inner {
    timeline: Timeline,
    start: Timestamp,
    lines: Mutex<Vec<String>>,
}

impl Trace {
    /// An empty one, beginning now.
    pub(crate) fn new(timeline: Timeline, telling: Telling) -> Self {
        let start = timeline.now();
        let inner = || Arc::new(Inner { timeline, start, lines: Mutex::default() });
        Self((telling == Telling::All).then(inner))
    }

    /// Notes what happened, if it is written down. Clients (`c3`), connections (`c3-2`), messages (`#17`) and
    /// regions are named in the text, which is how [`Trace::about`] finds it.
    pub(crate) fn note(&self, text: impl Display) {
        if let Some(inner) = &self.0 {
            let at = inner.timeline.now().since(inner.start);
            inner.lines.lock().push(format!("{:>9.3}s  {text}", at.as_secs_f64()));
        }
    }

    /// Notes what takes a while to put into words.
    pub(crate) fn note_with<T: Display>(&self, text: impl FnOnce() -> T) {
        if self.0.is_some() {
            self.note(text());
        }
    }

    /// A number that two traces share only if they are the same: FNV-1a over all lines.
    pub(crate) fn digest(&self) -> u64 {
        let add = |digest: u64, byte: u8| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.lines().iter().flat_map(|line| line.bytes()).fold(0xcbf2_9ce4_8422_2325, add)
    }

    fn lines(&self) -> Vec<String> {
        self.0.as_ref().map(|inner| inner.lines.lock().clone()).unwrap_or_default()
    }

    /// All of it.
    pub(crate) fn whole(&self) -> String {
        self.lines().join("\n")
    }

    /// The last `count` lines that concern any of `subjects`; `c3` is also the subject of what concerns `c3-2`.
    /// If messages are among the subjects, what comes after the last word about them is left out.
    pub(crate) fn about(&self, subjects: &[String], count: usize) -> Vec<String> {
        let all = self.lines();
        let messages: Vec<_> = subjects.iter().filter(|subject| subject.starts_with('#')).cloned().collect();
        let last_word = all.iter().rposition(|line| concerns(line, &messages));
        let end = last_word.map_or(all.len(), |at| at + 1);
        let lines = all.iter().take(end).rev();
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
