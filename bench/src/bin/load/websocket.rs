//! A WebSocket as a load client needs it: the handshake, masked text out, whole frames in.
//!
//! Not a library: it takes no fragments and no compression, which no subject sends. All connections share one
//! small read buffer, so that ten thousand idle ones cost next to nothing and the measured latency is not that
//! of a large buffer. Invariant: every frame is handed over exactly once and whole.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};

/// Connections a source address is used for: the ephemeral ports of one are 28,232 by Linux's default.
const PER_SOURCE: usize = 10_000;

/// The longest header of a frame from a server: two bytes and a 64-bit length.
const HEADER_MAX: usize = 10;

/// A nonce that nobody checks: the subjects are ours to trust.
const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The read buffer that all connections share; one thread, so nobody else holds it between two awaits.
pub(crate) type Scratch = Rc<RefCell<Vec<u8>>>;

/// Where to open a connection, and how.
pub(crate) struct Target<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'a str,
    /// Further header lines, each ended by CRLF.
    pub(crate) headers: &'a str,
    /// The connection's number, which selects its source address.
    pub(crate) number: usize,
    /// The kernel's receive buffer; absent, the kernel's own choice.
    pub(crate) receive_buffer: Option<u32>,
}

/// The reading half.
pub(crate) struct Incoming {
    half: OwnedReadHalf,
    /// The beginning of a frame whose end has not come.
    rest: Vec<u8>,
    scratch: Scratch,
}

/// The writing half.
pub(crate) struct Outgoing {
    half: OwnedWriteHalf,
    frame: Vec<u8>,
}

/// A frame as it came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Text(&'a [u8]),
    Ping(&'a [u8]),
    Close,
    /// A pong.
    Other,
}

/// Opens a connection.
pub(crate) async fn open(target: &Target<'_>, scratch: &Scratch) -> anyhow::Result<(Incoming, Outgoing)> {
    let mut stream = dial(target).await?;
    let Target { address, path, headers, .. } = target;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {NONCE}\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let rest = answered(&mut stream).await?;
    let (read, write) = stream.into_split();
    let incoming = Incoming { half: read, rest, scratch: Rc::clone(scratch) };
    Ok((incoming, Outgoing { half: write, frame: Vec::new() }))
}

/// Connects from a loopback address of its own for every ten thousand connections.
async fn dial(target: &Target<'_>) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if target.address.ip().is_loopback() {
        let source = u8::try_from(2 + target.number / PER_SOURCE).context("too many connections")?;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, source), 0)))?;
    }
    if let Some(bytes) = target.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(target.address).await.context("no connection")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads the answer to the handshake; what follows its head is returned.
async fn answered(stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let mut chunk = [0; 1024];
        let count = stream.read(&mut chunk).await?;
        ensure!(count > 0, "closed during the handshake");
        head.extend(chunk.iter().take(count));
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = head.split_off(end + 4);
            if !head.starts_with(b"HTTP/1.1 101") {
                bail!("the handshake was answered {}", String::from_utf8_lossy(&head));
            }
            return Ok(rest);
        }
    }
}

impl Incoming {
    /// Reads once and hands over every frame that is complete by then; false when the connection has ended.
    pub(crate) async fn receive(
        &mut self,
        mut take: impl FnMut(Frame<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<bool> {
        if !self.rest.is_empty() && self.take_rest(&mut take)? {
            return Ok(true);
        }
        poll_fn(|context| self.poll(context, &mut take)).await
    }

    /// What came together with something earlier; false when it is not a whole frame.
    fn take_rest(&mut self, take: &mut impl FnMut(Frame<'_>) -> anyhow::Result<()>) -> anyhow::Result<bool> {
        let used = frames(&self.rest, take)?;
        self.rest.drain(..used);
        Ok(used > 0)
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
        take: &mut impl FnMut(Frame<'_>) -> anyhow::Result<()>,
    ) -> Poll<anyhow::Result<bool>> {
        let scratch = Rc::clone(&self.scratch);
        let mut scratch = scratch.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch);
        match ready!(Pin::new(&mut self.half).poll_read(context, &mut buffer)) {
            Err(fault) if fault.kind() == io::ErrorKind::ConnectionReset => return Poll::Ready(Ok(false)),
            outcome => outcome?,
        }
        let fresh = buffer.filled();
        if fresh.is_empty() {
            return Poll::Ready(Ok(false));
        }
        if self.rest.is_empty() {
            let used = frames(fresh, take)?;
            self.rest.extend(fresh.iter().skip(used));
        } else {
            self.rest.extend(fresh);
            self.take_rest(take)?;
        }
        Poll::Ready(Ok(true))
    }
}

/// Hands over all whole frames at the beginning of `bytes`; returns how many bytes they were.
fn frames(bytes: &[u8], take: &mut impl FnMut(Frame<'_>) -> anyhow::Result<()>) -> anyhow::Result<usize> {
    let mut rest = bytes;
    while let Some((frame, after)) = first_frame(rest)? {
        rest = after;
        take(frame)?;
    }
    Ok(bytes.len() - rest.len())
}

/// The first frame and what follows it, or nothing if it is not yet whole.
fn first_frame(bytes: &[u8]) -> anyhow::Result<Option<(Frame<'_>, &[u8])>> {
    let [first, second, after @ ..] = bytes else { return Ok(None) };
    ensure!(first & 0xf0 == 0x80, "a fragment, or an extension that was not agreed on");
    ensure!(second & 0x80 == 0, "a server does not mask");
    let (len, after) = match (second & 0x7f, after) {
        (126, [a, b, after @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), after),
        (127, [0, 0, 0, 0, a, b, c, d, after @ ..]) => {
            (usize::try_from(u32::from_be_bytes([*a, *b, *c, *d]))?, after)
        }
        (126 | 127, after) => {
            ensure!(after.len() < HEADER_MAX, "a frame of more than 4 GiB");
            return Ok(None);
        }
        (len, after) => (usize::from(len), after),
    };
    let Some((body, after)) = after.split_at_checked(len) else { return Ok(None) };
    let frame = match first & 0x0f {
        1 => Frame::Text(body),
        8 => Frame::Close,
        9 => Frame::Ping(body),
        10 => Frame::Other,
        opcode => bail!("a frame of kind {opcode}"),
    };
    Ok(Some((frame, after)))
}

impl Outgoing {
    /// Sends a text.
    pub(crate) async fn text(&mut self, text: &[u8]) -> io::Result<()> {
        self.send(0x81, text).await
    }

    /// Answers a ping.
    pub(crate) async fn pong(&mut self, body: &[u8]) -> io::Result<()> {
        self.send(0x8a, body).await
    }

    async fn send(&mut self, first: u8, body: &[u8]) -> io::Result<()> {
        masked(first, body, &mut self.frame);
        self.half.write_all(&self.frame).await
    }
}

/// A client's frame; the mask is fixed, for no proxy stands in between that it would have to confuse.
fn masked(first: u8, body: &[u8], frame: &mut Vec<u8>) {
    const MASK: [u8; 4] = [0x5a, 0xa5, 0x3c, 0xc3];
    frame.clear();
    frame.push(first);
    match (u8::try_from(body.len()), u16::try_from(body.len())) {
        (Ok(len @ ..126), _) => frame.push(0x80 | len),
        (_, Ok(len)) => {
            frame.push(0x80 | 126);
            frame.extend(len.to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend(u64::try_from(body.len()).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(body.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_frame(text: &str) -> Vec<u8> {
        let len = text.len();
        let mut frame = match len {
            ..126 => vec![0x81, u8::try_from(len).unwrap()],
            126..65_536 => [&[0x81, 126][..], &u16::try_from(len).unwrap().to_be_bytes()].concat(),
            _ => [&[0x81, 127][..], &(len as u64).to_be_bytes()].concat(),
        };
        frame.extend(text.as_bytes());
        frame
    }

    #[test]
    fn frames_are_taken_whole_wherever_the_stream_is_cut() {
        let texts = ["a".repeat(5), "b".repeat(300), "c".repeat(70_000)];
        let stream: Vec<u8> = texts.iter().flat_map(|text| server_frame(text)).collect();
        for cut in [1, 2, 6, 7, 8, 9, 10, 312, 313, 320, 321, stream.len() - 1] {
            let mut seen = Vec::new();
            let mut take = |frame: Frame<'_>| {
                let Frame::Text(text) = frame else { bail!("not a text") };
                seen.push(text.len());
                Ok(())
            };
            let used = frames(&stream[..cut], &mut take).unwrap();
            let more = frames(&stream[used..], &mut take).unwrap();
            assert_eq!((used + more, seen), (stream.len(), vec![5, 300, 70_000]), "cut at {cut}");
        }
    }

    #[test]
    fn what_a_server_must_not_send_is_refused() {
        let mut take = |_: Frame<'_>| Ok(());
        assert!(frames(&[0x01, 0], &mut take).is_err(), "a fragment");
        assert!(frames(&[0xc1, 0], &mut take).is_err(), "compressed");
        assert!(frames(&[0x81, 0x80, 0, 0, 0, 0], &mut take).is_err(), "masked");
    }
}
