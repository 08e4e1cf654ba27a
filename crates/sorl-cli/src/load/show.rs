//! How far a run has come, on stderr while it goes: bars and a live histogram on a terminal, plain lines elsewhere.
//!
//! It only looks at the board, so that showing changes nothing of what is measured but its own few milliseconds a
//! second. Nothing of it stays on the terminal.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::board::Board;
use super::tally::{Quantiles, values};
use crate::picture::{Bars, Grain, Screen, latency, number};

/// Between two looks on a terminal, and elsewhere.
const LIVELY: Duration = Duration::from_millis(250);
const CALM: Duration = Duration::from_secs(5);
/// Lines of the histogram that are shown at once.
const LINES_MAX: usize = 14;

/// Shows how far a run has come until it is ended.
#[derive(Debug)]
pub(super) struct Show {
    end: oneshot::Sender<()>,
    showing: JoinHandle<()>,
}

impl Show {
    /// Begins.
    pub(super) fn start(board: &Arc<Board>) -> Self {
        let (end, ended) = oneshot::channel();
        let board = Arc::clone(board);
        let showing = if std::io::stderr().is_terminal() {
            tokio::spawn(lively(board, ended))
        } else {
            tokio::spawn(calm(board, ended))
        };
        Self { end, showing }
    }

    /// Takes everything off the terminal.
    pub(super) async fn end(self) {
        // Whether it ended by itself, or fell over: the run goes on to its report.
        self.end.send(()).ok();
        self.showing.await.ok();
    }
}

/// Where a run is: how much of what.
struct Stand {
    doing: &'static str,
    done: u64,
    of: u64,
}

impl Stand {
    fn of(board: &Board) -> Self {
        let (opened, connections) = (board.opened() as u64, board.plan.connections as u64);
        let (published, messages) = (board.ledger.published(), board.ledger.len() as u64);
        if opened < connections {
            Self { doing: "connecting", done: opened, of: connections }
        } else if published < messages {
            Self { doing: "publishing", done: published, of: messages }
        } else {
            Self { doing: "waiting for what is owed", done: published, of: messages }
        }
    }
}

async fn lively(board: Arc<Board>, mut ended: oneshot::Receiver<()>) {
    let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr()).with_style(style());
    let mut looks = tokio::time::interval(LIVELY);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            _ = &mut ended => break,
        }
        let Stand { doing, done, of } = Stand::of(&board);
        bar.set_length(of);
        bar.set_position(done);
        bar.set_prefix(doing);
        let columns = Screen::stderr().columns.saturating_sub(1);
        let told: Vec<_> = std::iter::once(figures(&board)).chain(histogram(&board, columns)).collect();
        bar.set_message(told.join("\n"));
    }
    bar.finish_and_clear();
}

async fn calm(board: Arc<Board>, mut ended: oneshot::Receiver<()>) {
    let mut looks = tokio::time::interval(CALM);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            _ = &mut ended => break,
        }
        let Stand { doing, done, of } = Stand::of(&board);
        eprintln!("{doing}: {} of {}; {}", number(done), number(of), figures(&board));
    }
}

fn figures(board: &Board) -> String {
    let mut told =
        format!("{} accepted, {} arrived", number(board.ledger.accepted()), number(board.ledger.arrived()));
    let latencies = board.tally.all().ok();
    if let Some(Quantiles { p50, p99, max, .. }) = latencies.as_ref().and_then(Quantiles::of) {
        let [p50, p99, max] = [p50, p99, max].map(latency);
        told.push_str(&format!("; p50 {p50}, p99 {p99}, max {max}"));
    }
    told
}

fn histogram(board: &Board, columns: usize) -> Vec<String> {
    let Ok(latencies) = board.tally.all() else { return Vec::new() };
    let mut lines = Bars::of(Grain::Coarse, values(&latencies)).lines(columns);
    lines.truncate(LINES_MAX);
    lines
}

fn style() -> ProgressStyle {
    // The template is well-formed.
    ProgressStyle::with_template("{prefix:25} {wide_bar} {pos}/{len}\n{msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("█▉▊▋▌▍▎▏ ")
}
