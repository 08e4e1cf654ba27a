//! What a terminal adds to the results: its width, its colours, a sign of life while something takes long.
//!
//! Not the results. The invariant: without a terminal, or with `NO_COLOR`, what is printed holds no escape sequence
//! and no line is cut or broken.

use std::time::Duration;

use console::{Style, Term};
use indicatif::{ProgressBar, ProgressStyle};

/// Between two pictures of a spinner.
const TICK: Duration = Duration::from_millis(100);

/// Columns of the terminal on stdout, or as `COLUMNS` says; none where there is none, and nothing need be broken.
pub(crate) fn width() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.or_else(|| Term::stdout().size_checked().map(|(_rows, columns)| usize::from(columns)))
}

/// How something is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// To be looked at.
    Doubtful,
    /// Wrong.
    Bad,
    /// Beside the point.
    Faint,
}

/// The text, in colour if stdout takes colours.
pub(crate) fn toned(tone: Tone, text: &str) -> String {
    let style = match tone {
        Tone::Good => Style::new().green(),
        Tone::Doubtful => Style::new().yellow(),
        Tone::Bad => Style::new().red().bold(),
        Tone::Faint => Style::new().dim(),
    };
    style.apply_to(text).to_string()
}

/// A spinner on stderr, gone when it is dropped; nothing where stderr is no terminal.
pub(crate) struct Busy(ProgressBar);

impl Busy {
    /// Says what takes long.
    pub(crate) fn with(what: String) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what);
        // The template is ours, and written right.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Says something else.
    pub(crate) fn now(&self, what: String) {
        self.0.set_message(what);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
