//! Flaws of the log, some of them in its order with the registry.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use sorl_core::ids::ConnectionId;
use sorl_core::member::Partition;
use sorl_core::names::ChannelName;
use sorl_core::ports::{
    LateMark, Log, LogEntry, LogPage, LogQuery, Marks, MemberPage, Partial, Registry, Unavailable,
};
use sorl_core::time::Timestamp;
use sorl_tests::over::{Over, OverLog, OverRegistry};

use crate::executor::Timeline;
use crate::ports::PortSet;

/// How long the later of two calls takes that stand in the wrong order.
const LEISURE: Duration = Duration::from_secs(3);

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFlaw {
    /// The audience is read first, and then the messages are logged.
    AppendsAfterTheAudience,
    /// The audience is read first, and then the late mark is written.
    MarksAfterTheAudience,
    /// Late marks are acknowledged and not written.
    MarksNothing,
    /// Recovery does not look for late marks.
    ReadsNoMarks,
    /// What could not be logged counts as logged.
    SwallowsErrors,
    /// What lies beyond the first page is overlooked.
    ReadsOnePage,
}

/// Log and registry of one invocation, with a flaw between them.
struct Broken {
    log: Arc<dyn Log>,
    registry: Arc<dyn Registry>,
    flaw: LogFlaw,
    clock: Timeline,
    put_off: Mutex<PutOff>,
}

/// What was acknowledged and is yet to be done.
#[derive(Default)]
struct PutOff {
    entries: Vec<LogEntry>,
    marks: Vec<LateMark>,
}

/// Log and registry with the flaw.
pub(super) fn apply(flaw: LogFlaw, ports: PortSet, clock: &Timeline) -> PortSet {
    let (log, registry) = (Arc::clone(&ports.log), Arc::clone(&ports.registry));
    let put_off = Mutex::default();
    let broken = Arc::new(Over(Broken { log, registry, flaw, clock: clock.clone(), put_off }));
    PortSet { log: Arc::clone(&broken) as Arc<dyn Log>, registry: broken, ..ports }
}

impl Broken {
    /// Does what was put off, at leisure: a call may take long, and then the wrong order shows sooner.
    async fn catch_up(&self) -> Result<(), Unavailable> {
        let PutOff { entries, marks } = std::mem::take(&mut *self.put_off.lock());
        if !entries.is_empty() || !marks.is_empty() {
            self.clock.sleep(LEISURE).await;
        }
        if !entries.is_empty() {
            self.log.append(&entries).await.map_err(|partial| partial.source)?;
        }
        for mark in marks {
            self.log.mark(&mark).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl OverLog for Broken {
    fn log(&self) -> &dyn Log {
        &*self.log
    }

    async fn append(&self, entries: &[LogEntry]) -> Result<(), Partial> {
        match self.flaw {
            LogFlaw::AppendsAfterTheAudience => {
                self.put_off.lock().entries.extend_from_slice(entries);
                Ok(())
            }
            LogFlaw::SwallowsErrors => {
                drop(self.log.append(entries).await);
                Ok(())
            }
            _ => self.log.append(entries).await,
        }
    }

    async fn mark(&self, mark: &LateMark) -> Result<(), Unavailable> {
        match self.flaw {
            LogFlaw::MarksNothing => Ok(()),
            LogFlaw::MarksAfterTheAudience => {
                self.put_off.lock().marks.push(mark.clone());
                Ok(())
            }
            _ => self.log.mark(mark).await,
        }
    }

    async fn marks(
        &self,
        channel: &ChannelName,
        after: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Marks, Unavailable> {
        let marks = self.log.marks(channel, after, now, limit).await?;
        Ok(if self.flaw == LogFlaw::ReadsNoMarks { Marks::default() } else { marks })
    }

    async fn range(&self, query: &LogQuery) -> Result<LogPage, Unavailable> {
        let mut page = self.log.range(query).await?;
        if self.flaw == LogFlaw::ReadsOnePage {
            page.more = false;
        }
        Ok(page)
    }
}

#[async_trait]
impl OverRegistry for Broken {
    fn registry(&self) -> &dyn Registry {
        &*self.registry
    }

    async fn audience(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        let page = self.registry.audience(partition, after).await?;
        self.catch_up().await?;
        Ok(page)
    }
}
