//! The terminal that a picture is for: its columns, and whether it has colours.

use console::Term;

use crate::terminal;

/// Columns where there is no terminal that could tell.
const COLUMNS_USUAL: usize = 80;

/// The terminal, or the lack of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Characters in a line.
    pub(crate) columns: usize,
    /// Whether colours are welcome.
    pub(crate) colour: bool,
}

impl Screen {
    /// Where results go.
    pub(crate) fn stdout() -> Self {
        let columns = terminal::width().unwrap_or(COLUMNS_USUAL);
        Self { columns, colour: console::colors_enabled() }
    }

    /// Where progress is shown.
    pub(crate) fn stderr() -> Self {
        let told = Term::stderr().size_checked().map(|(_rows, columns)| usize::from(columns));
        Self { columns: told.unwrap_or(COLUMNS_USUAL), colour: console::colors_enabled_stderr() }
    }
}
