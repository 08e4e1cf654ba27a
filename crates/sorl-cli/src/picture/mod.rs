//! Pictures of what was measured: the same bars and heat maps for the terminal and as SVG.
//!
//! Not the measuring (`load`, `probe`). The invariant: whatever text goes into a picture, the terminal's fits
//! its columns where it can, and the SVG is well-formed; nothing is told by colour alone.

mod bars;
mod heat;
mod latency;
mod number;
mod screen;
mod svg;

pub(crate) use bars::{Bars, Grain};
pub(crate) use heat::{Heat, HeatMap, Scale};
pub(crate) use latency::text as latency;
pub(crate) use number::number;
pub(crate) use screen::Screen;
pub(crate) use svg::{Anchor, Svg};
