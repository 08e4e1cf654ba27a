//! A region: its state, its gateway, and the Lambdas between them.
//!
//! What API Gateway and the Lambda service do around the handlers; the handlers are the real ones. A Lambda that
//! dies or takes too long is a future that is dropped where it stands.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc::UnboundedReceiver;
use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::stream::StreamExt;
use sorl_core::authorize::{AuthorizeError, Caller, Handshake, authorize};
use sorl_core::command::command;
use sorl_core::connect::{ConnectError, connect};
use sorl_core::disconnect::disconnect;
use sorl_core::ids::ConnectionId;
use sorl_core::ports::{Clock, Entropy, Keys, PostError};
use sorl_core::region::Region;
use sorl_local::world::Place;
use sorl_tests::over::Over;

use crate::chance::Chance;
use crate::executor::Timeline;
use crate::faulty::{Faulty, faulty};
use crate::gateway::{Ear, SimGateway};
use crate::ports::PortSet;
use crate::rollout::{Noted, Rollout};
use crate::trace::Trace;
use crate::weather::{Invocation, Weather};
use crate::wiring::{Bench, Lambda, Wiring};

/// API Gateway's longest wait for an integration.
const INTEGRATION_MAX: Duration = Duration::from_secs(29);
/// What API Gateway says when a Lambda failed: a frame without a type.
const LAMBDA_FAILED: &str = r#"{"message":"Internal server error"}"#;

/// A region.
pub(crate) struct Station {
    /// Where it is.
    pub(crate) region: Region,
    /// How it is configured, and from when on otherwise.
    pub(crate) rollout: Rollout,
    /// Its state.
    pub(crate) place: Arc<Place>,
    /// Its connections.
    pub(crate) gateway: SimGateway,
    /// What tokens are verified with.
    pub(crate) keys: Arc<dyn Keys>,
    /// Its own idea of the time.
    pub(crate) clock: Arc<dyn Clock>,
    /// What goes wrong.
    pub(crate) weather: Weather,
    /// Tasks and time.
    pub(crate) timeline: Timeline,
    /// Chance.
    pub(crate) chance: Chance,
    /// What happened.
    pub(crate) trace: Trace,
    /// The ports as they are wired: as they are, or mutated.
    pub(crate) wiring: Wiring,
}

impl Station {
    /// The ports as the state has them, without faults.
    fn ports(&self) -> PortSet {
        let (inner, rollout) = (Arc::new(self.place.log.clone()), self.rollout.clone());
        PortSet {
            registry: Arc::new(self.place.registry.clone()),
            log: Arc::new(Over(Noted { inner, rollout, timeline: self.timeline.clone() })),
            bus: Arc::new(self.place.bus.clone()),
            queue: Arc::new(self.place.queue.clone()),
            gateway: Arc::new(self.gateway.clone()),
        }
    }

    /// Runs a Lambda; none if it died or took longer than `limit`.
    pub(crate) async fn invoke<T, H>(
        self: &Arc<Self>,
        lambda: Lambda,
        about: &str,
        limit: Duration,
        handler: impl FnOnce(Arc<Self>, PortSet, Invocation) -> H,
    ) -> Option<T>
    where
        T: Send + 'static,
        H: Future<Output = T> + Send + 'static,
    {
        let version = self.rollout.version(self.timeline.now(), &self.chance);
        let name = format!("{} {lambda} v{version} {about}", self.region);
        let invocation = Invocation::new(self.weather.clone(), name, self.rollout.site(version));
        let bench = Bench { lambda, timeline: &self.timeline, chance: &self.chance };
        // A flaw is the handler's own, so it lies outside the faults.
        let ports = self.wiring.apply(faulty(&self.ports(), &invocation), &bench);
        let (tell, told) = oneshot::channel();
        let work = handler(Arc::clone(self), ports, invocation.clone());
        let task = self.timeline.spawn(async move {
            let outcome = work.await;
            // Nobody listens any more if it took too long.
            drop(tell.send(outcome));
        });
        invocation.runs_as(task);
        match select(told, self.timeline.sleep(limit)).await {
            Either::Left((outcome, _)) => outcome.ok(),
            Either::Right(_) => {
                self.timeline.kill(task);
                self.weather.count("Lambda timed out");
                invocation.note("took too long");
                None
            }
        }
    }

    /// A client opens a connection.
    pub(crate) fn knock(self: &Arc<Self>, connection: ConnectionId, token: String, ear: Ear) {
        let station = Arc::clone(self);
        self.timeline.spawn(async move {
            station.travel().await;
            station.gateway.begin(&connection, ear);
            match station.admit(&connection, token).await {
                Ok(caller) if station.gateway.open(&connection, &caller) => {}
                Ok(caller) => station.forget(caller).await,
                Err(status) => station.gateway.refuse(&connection, status),
            }
        });
    }

    /// The handshake: whom the connection speaks for, or the status that refuses it.
    async fn admit(self: &Arc<Self>, connection: &ConnectionId, token: String) -> Result<Arc<Caller>, u16> {
        let connected_at = self.clock.now();
        let about = connection.to_string();
        let principal =
            self.invoke(Lambda::Authorize, &about, INTEGRATION_MAX, |station, _, invocation| async move {
                let keys = Faulty::new(&station.keys, &invocation);
                let handshake = Handshake { query_token: Some(&token), ..Handshake::default() };
                authorize(&handshake, &keys, &*station.clock, invocation.site()).await
            });
        let principal = match principal.await {
            Some(Ok(principal)) => principal,
            Some(Err(AuthorizeError::Unauthorized(_) | AuthorizeError::ForeignOrigin(_))) => return Err(401),
            Some(Err(AuthorizeError::Unavailable(_))) | None => return Err(500),
        };
        let caller =
            Caller { connection: connection.clone(), region: self.region.clone(), connected_at, principal };
        let caller = Arc::new(caller);
        let connecting = Arc::clone(&caller);
        let connected =
            self.invoke(Lambda::Connect, &about, INTEGRATION_MAX, |station, ports, invocation| async move {
                connect(&connecting, &*ports.registry, &*station.clock, invocation.site()).await
            });
        match connected.await {
            Some(Ok(())) => Ok(caller),
            Some(Err(ConnectError::Blocked)) => Err(401),
            Some(Err(ConnectError::Crowded)) => Err(429),
            Some(Err(ConnectError::Unavailable(_))) | None => Err(500),
        }
    }

    /// A client sends a frame.
    pub(crate) fn hear(self: &Arc<Self>, connection: ConnectionId, frame: String) {
        let station = Arc::clone(self);
        self.timeline.spawn(async move {
            station.travel().await;
            let Some(caller) = station.gateway.speaks(&connection) else { return };
            let about = connection.to_string();
            let answer = station.invoke(
                Lambda::Command,
                &about,
                INTEGRATION_MAX,
                |station, ports, invocation| async move {
                    let ports = ports.for_command(&*station.clock, &station.chance as &dyn Entropy);
                    command(&frame, &caller, ports, invocation.site()).await.frame
                },
            );
            let reply = answer.await.unwrap_or_else(|| LAMBDA_FAILED.to_owned());
            station.reply(&connection, Bytes::from(reply)).await;
        });
    }

    /// A reply waits for room in the buffer.
    async fn reply(&self, connection: &ConnectionId, reply: Bytes) {
        while matches!(self.gateway.push(connection, reply.clone()), Err(PostError::Throttled)) {
            self.timeline.sleep(Duration::from_millis(500)).await;
        }
    }

    /// A client closes its connection, or the gateway finds it broken, after `rest`.
    pub(crate) fn lose(self: &Arc<Self>, connection: ConnectionId, rest: Duration, why: &'static str) {
        let station = Arc::clone(self);
        self.timeline.spawn(async move {
            station.timeline.sleep(rest).await;
            station.gateway.end(&connection, why);
        });
    }

    /// Calls `disconnect` for every connection that ends.
    pub(crate) async fn forget_ended(self: Arc<Self>, mut ended: UnboundedReceiver<Arc<Caller>>) {
        while let Some(caller) = ended.next().await {
            if self.weather.strikes("disconnect never called", self.weather.odds().no_disconnect) {
                continue;
            }
            let station = Arc::clone(&self);
            self.timeline.spawn(async move { station.forget(caller).await });
        }
    }

    /// Nobody is told how it ended, and nobody tries again.
    async fn forget(self: &Arc<Self>, caller: Arc<Caller>) {
        self.timeline.sleep(self.chance.millis(0, 300)).await;
        let about = caller.connection.to_string();
        let forgotten =
            self.invoke(Lambda::Disconnect, &about, INTEGRATION_MAX, |_, ports, invocation| async move {
                disconnect(&caller, &*ports.registry, &*ports.bus, invocation.site()).await
            });
        if !matches!(forgotten.await, Some(Ok(()))) {
            self.weather.count("disconnect failed");
        }
    }

    async fn travel(&self) {
        let rest = self.chance.millis(1, 120);
        self.timeline.sleep(rest).await;
    }
}
