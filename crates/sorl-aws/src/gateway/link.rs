//! A link: one HTTP/1.1 connection to the endpoint, which carries one post at a time.
//!
//! Not the protocol, which is hyper's, and not a task: who sends on a link also drives it, so that a post is not
//! handed from one task to another and back. Idle, nobody drives it. The invariant: dropping a link, in the middle
//! of a post or not, closes its socket and concerns no other.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::dial::Stream;

/// Bytes of an answer that are read for the sake of the link; AWS's are a few hundred.
const ANSWER_MAX: usize = 16 * 1024;

/// So long a link may rest before somebody must ask whether it was closed; busy ones are heard from anyway.
const RESTED: Duration = Duration::from_millis(500);

/// A post, ready to be sent.
pub(super) type Post = Request<Full<Bytes>>;

/// Why a post was not answered.
#[derive(Debug)]
pub(super) enum Lost {
    /// Not a byte of it went out.
    Unsent(Box<Post>),
    /// It may have arrived.
    Unanswered(hyper::Error),
}

/// One connection to the endpoint.
pub(super) struct Link {
    sender: SendRequest<Full<Bytes>>,
    driver: Connection<TokioIo<Box<dyn Stream>>, Full<Bytes>>,
    has_ended: bool,
    used_at: Option<Instant>,
}

impl Link {
    /// HTTP over a socket.
    pub(super) async fn begin(stream: Box<dyn Stream>) -> hyper::Result<Self> {
        let (sender, driver) = Builder::new().handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver, has_ended: false, used_at: None })
    }

    /// Whether a post went out on it, so that the other side may have had enough of it since.
    pub(super) const fn was_used(&self) -> bool {
        self.used_at.is_some()
    }

    /// Sends a post and waits for its answer: the status, and whether the link can carry another.
    pub(super) async fn send(&mut self, post: Post) -> Result<(u16, bool), Lost> {
        if !self.is_open().await {
            return Err(Lost::Unsent(Box::new(post)));
        }
        self.used_at = Some(Instant::now());
        let sent = self.sender.try_send_request(post);
        let answer = self.drive(sent).await.map_err(|mut fault| match fault.take_message() {
            Some(post) => Lost::Unsent(Box::new(post)),
            None => Lost::Unanswered(fault.into_error()),
        })?;
        Ok((answer.status().as_u16(), self.read_out(answer).await))
    }

    /// Whether the other side still listens, as far as this side can know.
    async fn is_open(&mut self) -> bool {
        if self.used_at.is_some_and(|at| at.elapsed() >= RESTED) {
            // The runtime looks at its sockets first: while a Lambda was frozen, nobody did.
            tokio::task::yield_now().await;
        }
        poll_fn(|context| {
            self.poll_driver(context);
            if self.has_ended {
                Poll::Ready(false)
            } else {
                self.sender.poll_ready(context).map(|ready| ready.is_ok())
            }
        })
        .await
    }

    /// Reads what is left of an answer, which nobody needs but the next one's reader.
    async fn read_out(&mut self, answer: Response<Incoming>) -> bool {
        let mut body = answer.into_body();
        let mut left = ANSWER_MAX;
        while !body.is_end_stream() {
            let frame = self.drive(body.frame()).await;
            match frame {
                None => break,
                Some(Ok(frame)) => {
                    let Some(fewer) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else {
                        return false;
                    };
                    left = fewer;
                }
                Some(Err(_broken_off)) => return false,
            }
        }
        !self.has_ended
    }

    async fn drive<T>(&mut self, outcome: impl Future<Output = T>) -> T {
        let mut outcome = std::pin::pin!(outcome);
        poll_fn(|context| {
            self.poll_driver(context);
            outcome.as_mut().poll(context)
        })
        .await
    }

    fn poll_driver(&mut self, context: &mut Context<'_>) {
        // How it ended, its last answer tells.
        self.has_ended = self.has_ended || Pin::new(&mut self.driver).poll(context).is_ready();
    }
}
