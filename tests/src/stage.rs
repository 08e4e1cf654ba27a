//! A stage under test, wherever it runs: found by its address, asked by its published interfaces alone.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::deployed::Deployed;
use crate::http::{Answer, request};
use crate::names::unique;
use crate::socket::Socket;

/// A running stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// `http://HOST:PORT`, where its SNS answers, and all else of `sorl dev`.
    pub url: String,
    /// As `GET /regions` or the deploy tool lists them.
    pub regions: Vec<RegionAddress>,
    deployed: Option<Deployed>,
}

/// Where a region is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionAddress {
    /// Its name.
    pub region: String,
    /// Its WebSocket.
    pub url: String,
    /// The ARN of its `messages` topic.
    pub topic: String,
}

impl Stage {
    /// The stage at an address.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn at(url: &str) -> Self {
        let answer = request("GET", &format!("{url}/regions"), &[], "").await.expect("GET /regions");
        let regions = serde_json::from_value(answer.json()).expect("the regions as they are documented");
        Self { url: url.to_owned(), regions, deployed: None }
    }

    /// The stage that the deploy tool wrote this file about, on the AWS at this endpoint.
    ///
    /// # Panics
    /// If its file or its secret cannot be had.
    pub async fn deployed_at(file: &str, endpoint: &str) -> Self {
        let (deployed, regions) = Deployed::read(file, endpoint).await;
        Self { url: endpoint.to_owned(), regions, deployed: Some(deployed) }
    }

    /// Whether it is on AWS, or on an emulator of it.
    #[must_use]
    pub const fn is_deployed(&self) -> bool {
        self.deployed.is_some()
    }

    /// What it is on AWS.
    ///
    /// # Panics
    /// If it is no deployed stage.
    #[must_use]
    pub fn deployed(&self) -> &Deployed {
        self.deployed.as_ref().expect("a deployed stage")
    }

    /// The names of its first three regions.
    ///
    /// # Panics
    /// If it has fewer.
    #[must_use]
    pub fn three(&self) -> [&str; 3] {
        let names: Vec<_> = self.regions.iter().map(|region| region.region.as_str()).collect();
        names.try_into().expect("a stage of three regions")
    }

    /// Where a region is.
    ///
    /// # Panics
    /// If there is none of that name.
    #[must_use]
    pub fn region(&self, name: &str) -> &RegionAddress {
        self.regions.iter().find(|region| region.region == name).expect("a region of the stage")
    }

    /// A token for `user`, perhaps with grants, living for `ttl` seconds.
    ///
    /// # Panics
    /// If none is given.
    pub async fn mint(&self, user: &str, grants: Option<&Value>, ttl: i64) -> String {
        if let Some(deployed) = &self.deployed {
            return deployed.mint(user, grants, ttl);
        }
        let mut wanted = json!({ "user": user, "ttl": ttl });
        if let Some(grants) = grants {
            wanted["grants"] = grants.clone();
        }
        let answer = self.post("/token", &wanted).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().expect("a token").to_owned()
    }

    /// A token for `user` without grants, for an hour.
    pub async fn token(&self, user: &str) -> String {
        self.mint(user, None, 3600).await
    }

    /// A new connection of a user of this name, with the namespaces' default grants.
    pub async fn connect(&self, region: &str, user: &str) -> Socket {
        let token = self.token(user).await;
        Socket::open(user, &self.region(region).url, &token).await
    }

    /// A new connection of a user of this name, with these grants.
    pub async fn connect_with(&self, region: &str, user: &str, grants: Value) -> Socket {
        let token = self.mint(user, Some(&grants), 3600).await;
        Socket::open(user, &self.region(region).url, &token).await
    }

    /// A new connection of a user that no other test has.
    pub async fn somebody(&self, region: &str) -> Socket {
        self.connect(region, &unique("user")).await
    }

    /// A new connection of somebody, subscribed to `channel`.
    pub async fn member(&self, region: &str, channel: &str) -> Socket {
        let mut socket = self.somebody(region).await;
        socket.subscribe(channel).await;
        socket
    }

    /// Somebody subscribed to `channel` in each of the three regions.
    pub async fn members(&self, channel: &str) -> [Socket; 3] {
        let [one, two, three] = self.three();
        [self.member(one, channel).await, self.member(two, channel).await, self.member(three, channel).await]
    }

    /// `GET` of one of its addresses.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn get(&self, path: &str) -> Answer {
        request("GET", &format!("{}{path}", self.url), &[], "").await.expect("an answer")
    }

    /// `POST` of JSON to one of its addresses.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        request("POST", &format!("{}{path}", self.url), &headers, body.to_string()).await.expect("an answer")
    }

    /// What was dead-lettered, as `GET /dead-letters` lists it.
    ///
    /// # Panics
    /// If it cannot be had.
    pub async fn dead_letters(&self) -> Vec<Value> {
        if let Some(deployed) = &self.deployed {
            return deployed.dead_letters(&self.regions).await;
        }
        let letters = self.get("/dead-letters").await.json();
        letters.as_array().expect("a list").clone()
    }

    /// Replaces the faults in force.
    ///
    /// # Panics
    /// If they are refused.
    pub async fn faults(&self, faults: Value) {
        let answer = self.post("/faults", &faults).await;
        assert!((200..300).contains(&answer.status), "{answer:?}");
    }

    /// The sum of the samples of a metric whose labels contain all of `labels`; zero if there is none.
    ///
    /// # Panics
    /// If a sample is no number.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let text = self.get("/metrics").await.body;
        let samples = text.lines().filter(|line| is_sample(line, name, labels));
        samples.map(|line| line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok()).expect(line)).sum()
    }
}

fn is_sample(line: &str, name: &str, labels: &[(&str, &str)]) -> bool {
    let Some(rest) = line.strip_prefix(name) else { return false };
    (rest.starts_with('{') || rest.starts_with(' '))
        && labels.iter().all(|(label, value)| rest.contains(&format!("{label}=\"{value}\"")))
}
