//! An identity provider that answers what the test says, from one moment to the next, and remembers what it was asked.
//!
//! Not a real one: one answer to whatever is asked, over plain HTTP on loopback.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The public halves of the tests' keys.
pub const JWKS: &str = include_str!("../fixtures/jwt/jwks.json");

/// What the provider does when it is asked.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A status line, and a body.
    Says(&'static str, String),
    /// Nothing, for ever.
    Silent,
}

/// A provider.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Where its keys are.
    pub url: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    /// One that answers this.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn answering(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys/jwks.json", listener.local_addr().unwrap());
        let provider = Self { url, answer: Arc::new(Mutex::new(answer)), asked: Arc::default() };
        let served = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream));
            }
        });
        provider
    }

    /// One that has the tests' keys.
    pub async fn good() -> Self {
        Self::answering(Answer::Says("200 OK", JWKS.to_owned())).await
    }

    /// Answers this from now on.
    ///
    /// # Panics
    /// Never: nobody panics with the answer in his hand.
    pub fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// The first lines of all requests.
    ///
    /// # Panics
    /// Never: nobody panics with them in his hand.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_gone) => return,
            }
        }
        let first = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push(first);
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Answer::Silent => std::future::pending().await,
            Answer::Says(status, body) => {
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                // The service may have heard enough, which is its right.
                stream.write_all(format!("{head}{body}").as_bytes()).await.ok();
            }
        }
    }
}
