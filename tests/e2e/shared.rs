//! The stage that most tests share.

use std::sync::OnceLock;

use sorl_tests::server::{Launch, Server};
use sorl_tests::stage::Stage;
use tokio::sync::{Mutex, MutexGuard};

/// The configuration that the shared stage runs with; a deployed one needs these namespaces too.
const CONFIG: &str = include_str!("sorl.toml");

/// Never dropped: the guard that `Launch` sets ends the server with this process.
static SERVER: OnceLock<Server> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::const_new(());

/// The stage at `SORL_URL`, else one that is started once and lives as long as this process.
pub(crate) async fn stage() -> Stage {
    if let Ok(url) = std::env::var("SORL_URL") {
        return Stage::at(&url).await;
    }
    let starting: MutexGuard<'_, ()> = STARTING.lock().await;
    if SERVER.get().is_none() {
        let server = Launch::plain().config(CONFIG).start().await;
        assert!(SERVER.set(server).is_ok(), "the lock lets one in at a time");
    }
    drop(starting);
    SERVER.get().expect("it was started").stage.clone()
}
