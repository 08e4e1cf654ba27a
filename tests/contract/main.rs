//! The contract suite: every guarantee that a port's documentation names in bold is a function of that name here,
//! and runs against every adapter.
//!
//! Not the adapters' own tests, which know their insides. A clause knows nothing but the ports and its [`Arm`]:
//! what it may ask of the world around them. Names are fresh in each clause, so that an arm may be a stage that
//! others use as well.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a clause stops at the first thing that is not as promised"
)]

mod arm;
mod bus;
mod gateway;
mod local;
mod log;
mod queue;
mod registry;
mod sockets;

/// Runs clauses against an arm, each as a test of its own name.
macro_rules! run {
    ($arm:ident: $make:expr => $($clause:ident),+ $(,)?) => {
        mod $arm {
            $(
                #[tokio::test]
                async fn $clause() {
                    super::$clause(&$make.await).await;
                }
            )+
        }
    };
}
pub(crate) use run;
