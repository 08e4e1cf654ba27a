//! Which endpoint is the nearest: measured by how long a TCP connection to it takes.
//!
//! Not a WebSocket, which would cost a token, a billed connection and a look into the registry each. It never
//! fails: what does not answer in time comes last, in the order in which it was given.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::http::Uri;

use crate::machine::Endpoint;

/// The time that measuring may take: across the world and back, with a lost packet.
const MEASURE_MAX: Duration = Duration::from_millis(1_500);

/// The nearest first. Endpoints at one address stay in the order in which they were given.
pub(super) async fn nearest_first(mut endpoints: Vec<Endpoint>) -> Vec<Endpoint> {
    let addresses: Vec<_> = endpoints.iter().map(|endpoint| address_of(&endpoint.url)).collect();
    let mut distances: BTreeMap<String, Duration> = BTreeMap::new();
    if addresses.iter().collect::<BTreeSet<_>>().len() > 1 {
        let mut measurements = JoinSet::new();
        for address in addresses.into_iter().flatten() {
            measurements.spawn(async move { distance(&address).await.map(|distance| (address, distance)) });
        }
        let measured = measurements.join_all().await;
        distances.extend(measured.into_iter().flatten());
    }
    endpoints.sort_by_key(|endpoint| {
        let known = address_of(&endpoint.url).and_then(|address| distances.get(&address).copied());
        (Reverse(known.is_some()), known)
    });
    endpoints
}

async fn distance(address: &str) -> Option<Duration> {
    // Looking the name up is not the way.
    let resolved = timeout(MEASURE_MAX, tokio::net::lookup_host(address)).await.ok()?.ok()?.next()?;
    let begun = Instant::now();
    timeout(MEASURE_MAX, TcpStream::connect(resolved)).await.ok()?.ok()?;
    Some(begun.elapsed())
}

fn address_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("wss") { 443 } else { 80 });
    Some(format!("{}:{port}", uri.host()?))
}

#[cfg(test)]
mod tests {
    use sorl_core::region::Region;
    use tokio::net::TcpListener;

    use super::*;

    fn endpoint(region: &str, url: String) -> Endpoint {
        Endpoint { region: Region::parse(region).unwrap(), url }
    }

    fn regions(endpoints: &[Endpoint]) -> Vec<&str> {
        endpoints.iter().map(|endpoint| endpoint.region.as_str()).collect()
    }

    #[tokio::test]
    async fn who_answers_comes_before_who_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = format!("ws://{}/b", listener.local_addr().unwrap());
        let nowhere = "ws://127.0.0.1:1/a".to_owned();
        let sorted = nearest_first(vec![endpoint("a", nowhere), endpoint("b", there)]).await;
        assert_eq!(regions(&sorted), ["b", "a"]);
    }

    #[tokio::test]
    async fn endpoints_at_one_address_stay_as_they_were_given() {
        let urls = ["ws://127.0.0.1:1/a", "ws://127.0.0.1:1/b"].map(str::to_owned);
        let [first, second] = urls;
        let sorted = nearest_first(vec![endpoint("b", second), endpoint("a", first)]).await;
        assert_eq!(regions(&sorted), ["b", "a"]);
    }

    #[test]
    fn an_address_has_the_port_of_its_scheme() {
        assert_eq!(address_of("wss://x.example/dev").as_deref(), Some("x.example:443"));
        assert_eq!(address_of("ws://x.example:4600/a").as_deref(), Some("x.example:4600"));
        assert_eq!(address_of("/nowhere"), None);
    }
}
