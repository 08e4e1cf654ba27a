//! An endpoint on a real port, as a list of answers, and of the requests that were made for them.
//!
//! For what goes over sockets of its own; what the SDK's client sends is answered by `aws`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::aws::{Answer, Asked};

/// One answer a request, in order; the last one holds for all that follow.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    state: Arc<State>,
}

struct State {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<Asked>>,
    /// Connections taken so far.
    taken: Mutex<usize>,
    hang_up: Notify,
    hung_up: Notify,
    /// Told whenever something was asked.
    was_asked: Notify,
}

impl Endpoint {
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/prod", listener.local_addr().unwrap());
        let state = Arc::new(State {
            answers: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::default(),
            taken: Mutex::default(),
            hang_up: Notify::new(),
            hung_up: Notify::new(),
            was_asked: Notify::new(),
        });
        tokio::spawn(take_all(listener, Arc::clone(&state)));
        Self { url, state }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// How many connections were made.
    pub(crate) fn taken(&self) -> usize {
        *self.state.taken.lock().unwrap()
    }

    /// Closes a connection that waits for a request, so that the other side can know.
    pub(crate) async fn hang_up(&self) {
        self.state.hang_up.notify_one();
        self.state.hung_up.notified().await;
        // The runtime of both sides looks at its sockets.
        tokio::task::yield_now().await;
    }

    /// Waits for the first request.
    pub(crate) async fn was_asked(&self) {
        self.state.was_asked.notified().await;
    }
}

async fn take_all(listener: TcpListener, state: Arc<State>) {
    while let Ok((socket, _)) = listener.accept().await {
        *state.taken.lock().unwrap() += 1;
        tokio::spawn(serve(socket, Arc::clone(&state)));
    }
}

async fn serve(socket: TcpStream, state: Arc<State>) {
    let mut socket = BufReader::new(socket);
    loop {
        let asked = tokio::select! {
            asked = read(&mut socket) => asked,
            () = state.hang_up.notified() => None,
        };
        let Some(asked) = asked else {
            drop(socket);
            return state.hung_up.notify_one();
        };
        state.asked.lock().unwrap().push(asked);
        state.was_asked.notify_one();
        let answer = {
            let mut answers = state.answers.lock().unwrap();
            if answers.len() == 1 { answers[0].clone() } else { answers.pop_front().expect("an answer") }
        };
        let text = match answer {
            Answer::Status(status, body) => response(status, "", &body),
            Answer::Fault(status, kind) => {
                response(status, &format!("x-amzn-ErrorType: {kind}\r\n"), r#"{"message":"as recorded"}"#)
            }
            Answer::Reset => return,
            Answer::Silence => std::future::pending().await,
        };
        socket.get_mut().write_all(text.as_bytes()).await.unwrap();
    }
}

/// A request, or nothing at the connection's end.
async fn read(socket: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        if line.trim_end().is_empty() {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let field = |name: &str| {
        let fields = head.iter().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(field, _)| *field == name).map(|(_, value)| value.to_owned()).next()
    };
    let mut body = vec![0; field("content-length")?.parse().unwrap()];
    socket.read_exact(&mut body).await.ok()?;
    let mut words = head[0].split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?);
    let uri = format!("http://{}{path}", field("host")?);
    Some(Asked { method, uri, body: String::from_utf8(body).unwrap() })
}

fn response(status: u16, head: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} As Recorded\r\n{head}Content-Length: {}\r\n\r\n{body}", body.len())
}
