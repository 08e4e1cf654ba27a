//! Ctrl-C, as a count: the first ends the publishing, the second the waiting, the third everything.

use tokio::sync::watch;

/// What a shell expects of a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// How often somebody asked to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<u8>);

impl Stop {
    /// Listens to Ctrl-C from now on, on the present tokio runtime.
    pub(crate) fn on_ctrl_c() -> Self {
        let (count, counted) = watch::channel(0);
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                count.send_modify(|asked| *asked += 1);
                if *count.borrow() >= 3 {
                    std::process::exit(INTERRUPTED);
                }
            }
        });
        Self(counted)
    }

    /// Returns once it was asked so often.
    pub(crate) async fn asked(&self, times: u8) {
        if self.0.clone().wait_for(|asked| *asked >= times).await.is_err() {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }
}
