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
mod aws;
mod bus;
mod disturbed;
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

/// Guarantees that no clause here covers, and why.
const ELSEWHERE: [(&str, &str); 3] = [
    // No arm can hold a handshake between the row that names its connection and its answer.
    ("gateway", "pending_connection_is_gone"),
    // Needs a source of keys that changes under the adapter: tested beside it.
    ("keys", "rotation_is_seen"),
    ("keys", "answers_in_time"),
];

/// The text of a file of the repository.
fn source(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

#[test]
fn every_named_guarantee_has_a_clause() {
    let mut found = 0;
    for port in ["bus", "gateway", "keys", "log", "queue", "registry"] {
        let promises = source(&format!("crates/sorl-core/src/ports/{port}.rs"));
        let names =
            promises.split("**`").skip(1).filter_map(|rest| rest.split_once("`**")).map(|(name, _)| name);
        for name in names.chain(["answers_in_time"]) {
            if ELSEWHERE.contains(&(port, name)) {
                continue;
            }
            let clauses = source(&format!("tests/contract/{port}.rs"));
            let (function, listing) = clauses.split_once("run!(").expect("clauses, then arms");
            assert!(function.contains(&format!("async fn {name}(")), "{port}: {name} has no clause");
            assert!(listing.contains(name), "{port}: {name} runs against no arm");
            found += 1;
        }
    }
    assert!(found >= 20, "the promises are read from where they stand: {found}");
}
