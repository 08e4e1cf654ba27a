//! Ports during one call of which something else happens: what a test of an order of two calls needs.
//!
//! Not ports that fail (`broken`). The deed is done once, before the call has any effect: so it sees the state that
//! the call finds, and whatever the handler did before.

use std::sync::Mutex;

use async_trait::async_trait;
use sorl_core::member::{Block, Member, MemberKey};
use sorl_core::ports::{LateMark, Log, LogEntry, LogPage, LogQuery, Partial, Registry, Unavailable};
use sorl_core::region::Region;
use sorl_tests::over::{Over, OverLog, OverRegistry};

/// The call during which something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Append,
    Mark,
    Range,
    Put,
    Delete,
    PutBlock,
}

type Deed<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Log and registry, and what happens meanwhile.
pub(crate) struct Meanwhile<'a> {
    pub(crate) log: &'a dyn Log,
    pub(crate) registry: &'a dyn Registry,
    call: Call,
    deed: Mutex<Option<Deed<'a>>>,
}

impl<'a> Meanwhile<'a> {
    pub(crate) fn new(
        (log, registry): (&'a dyn Log, &'a dyn Registry),
        call: Call,
        deed: impl FnOnce() + Send + 'a,
    ) -> Over<Self> {
        Over(Self { log, registry, call, deed: Mutex::new(Some(Box::new(deed))) })
    }

    fn reach(&self, call: Call) {
        let deed = if call == self.call { self.deed.lock().unwrap().take() } else { None };
        if let Some(deed) = deed {
            deed();
        }
    }

    /// Whether it came to the call.
    pub(crate) fn has_happened(&self) -> bool {
        self.deed.lock().unwrap().is_none()
    }
}

#[async_trait]
impl OverLog for Meanwhile<'_> {
    fn log(&self) -> &dyn Log {
        self.log
    }

    async fn append(&self, entries: &[LogEntry]) -> Result<(), Partial> {
        self.reach(Call::Append);
        self.log.append(entries).await
    }

    async fn mark(&self, mark: &LateMark) -> Result<(), Unavailable> {
        self.reach(Call::Mark);
        self.log.mark(mark).await
    }

    async fn range(&self, query: &LogQuery) -> Result<LogPage, Unavailable> {
        self.reach(Call::Range);
        self.log.range(query).await
    }
}

#[async_trait]
impl OverRegistry for Meanwhile<'_> {
    fn registry(&self) -> &dyn Registry {
        self.registry
    }

    async fn put(&self, member: &Member) -> Result<Option<Member>, Unavailable> {
        self.reach(Call::Put);
        self.registry.put(member).await
    }

    async fn delete(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        self.reach(Call::Delete);
        self.registry.delete(key).await
    }

    async fn put_block(&self, region: &Region, block: &Block) -> Result<(), Unavailable> {
        self.reach(Call::PutBlock);
        self.registry.put_block(region, block).await
    }
}
