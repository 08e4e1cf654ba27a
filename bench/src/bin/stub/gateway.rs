//! `@connections`: POST counts what reached whom, DELETE closes.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Deserialize;

use crate::http::{Request, write};
use crate::lambda::Stub;
use crate::scenario::connection_in;

const JSON: &str = "Content-Type: application/json\r\n";

#[derive(Deserialize)]
struct Frame<'f> {
    r#type: &'f str,
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    /// The message's number in the run.
    n: usize,
}

pub(crate) async fn answer(stub: &Rc<RefCell<Stub>>, request: &Request<'_>, answer: &mut Vec<u8>) {
    let id = request.path.rsplit('/').next().unwrap_or_default();
    let Some(connection) = connection_in(id) else {
        stub.borrow_mut().ledger.counts.strangers += 1;
        return write(answer, "400 Bad Request", JSON, br#"{"message":"Invalid connectionId"}"#);
    };
    if request.method != "POST" {
        stub.borrow_mut().ledger.closed.insert(connection);
        return write(answer, "204 No Content", "", b"");
    }
    let latency = stub.borrow_mut().begin_post();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match stub.borrow_mut().post(connection, request.body) {
        Posted::Taken => write(answer, "200 OK", JSON, b""),
        Posted::Gone => {
            write(
                answer,
                "410 Gone",
                "Content-Type: application/json\r\nx-amzn-ErrorType: GoneException\r\n",
                b"{}",
            );
        }
        Posted::Throttled => {
            let error = "Content-Type: application/json\r\nx-amzn-ErrorType: LimitExceededException\r\n";
            write(answer, "429 Too Many Requests", error, br#"{"message":"Too Many Requests"}"#);
        }
    }
}

enum Posted {
    Taken,
    Gone,
    Throttled,
}

impl Stub {
    fn begin_post(&mut self) -> std::time::Duration {
        self.ledger.in_flight += 1;
        self.ledger.counts.in_flight_max = self.ledger.counts.in_flight_max.max(self.ledger.in_flight);
        self.scenario.latency()
    }

    fn post(&mut self, connection: usize, body: &[u8]) -> Posted {
        let Self { scenario, ledger, .. } = self;
        ledger.in_flight = ledger.in_flight.saturating_sub(1);
        if scenario.is_gone(connection) {
            ledger.counts.gone += 1;
            return Posted::Gone;
        }
        if ledger.latest.0 != body {
            let messages = match ledger.frames.get(body) {
                Some(messages) => Rc::clone(messages),
                None => messages(body),
            };
            ledger.frames.insert(body.to_vec(), Rc::clone(&messages));
            ledger.latest = (body.to_vec(), messages);
        }
        let messages = Rc::clone(&ledger.latest.1);
        match messages.first() {
            None if body.starts_with(br#"{"type":"bye""#) => ledger.counts.byes += 1,
            None => ledger.counts.strangers += 1,
            Some(first) if ledger.throttles(scenario, connection, *first) => {
                ledger.counts.throttled += 1;
                return Posted::Throttled;
            }
            Some(_) => {}
        }
        ledger.counts.posts += 1;
        ledger.counts.bytes += body.len() as u64;
        for message in messages.iter() {
            ledger.reach(connection, *message);
        }
        Posted::Taken
    }
}

/// The numbers of a frame's messages; none if it is no frame of messages.
fn messages(body: &[u8]) -> Rc<[usize]> {
    match serde_json::from_slice::<Frame<'_>>(body) {
        Ok(frame) if frame.r#type == "messages" => {
            frame.messages.iter().map(|message| message.data.n).collect()
        }
        _ => Rc::default(),
    }
}
