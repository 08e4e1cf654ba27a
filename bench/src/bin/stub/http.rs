//! HTTP/1.1 as far as the subjects speak it: requests with a length, one after the other, connections kept.
//!
//! Written by hand, since a server that does everything costs as much as the cheapest subject.

use std::cell::RefCell;
use std::io::{Error, ErrorKind, Result};
use std::ops::Range;
use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::lambda::Stub;
use crate::{dynamodb, gateway, lambda, queues};

/// Headers of a request: the SDKs send about fifteen.
const HEADERS_MAX: usize = 48;
/// What a connection reads at once, at first.
const BUFFER: usize = 4 * 1024;

/// A request in its buffer.
pub(crate) struct Request<'b> {
    pub(crate) method: &'b str,
    pub(crate) path: &'b str,
    /// `X-Amz-Target`, by which AWS's JSON services tell what is asked; else empty.
    pub(crate) target: &'b str,
    pub(crate) body: &'b [u8],
}

/// Where the parts of a request lie in its buffer.
struct Layout {
    method: Range<usize>,
    path: Range<usize>,
    target: Range<usize>,
    body: Range<usize>,
    /// Whether it asks for the next invocation, for which it may wait.
    is_poll: bool,
}

/// Answers everything that comes in on one connection, until its end.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: S,
    stub: &Rc<RefCell<Stub>>,
) -> Result<()> {
    let (mut buffer, mut answer) = (Vec::with_capacity(BUFFER), Vec::with_capacity(BUFFER));
    loop {
        let Some(layout) = receive(&mut socket, &mut buffer).await? else { return Ok(()) };
        answer.clear();
        let request = request(&buffer, &layout)?;
        // Who polls may end meanwhile; an event that is handed to nobody would be lost.
        tokio::select! {
            biased;
            _ended = socket.read_u8(), if layout.is_poll => return Ok(()),
            () = dispatch(stub, &request, &mut answer) => {}
        }
        socket.write_all(&answer).await?;
        socket.flush().await?;
        buffer.drain(..layout.body.end);
    }
}

async fn dispatch(stub: &Rc<RefCell<Stub>>, request: &Request<'_>, answer: &mut Vec<u8>) {
    let Request { path, target, .. } = request;
    if path.contains("connections/") {
        gateway::answer(stub, request, answer).await;
    } else if path.starts_with("/2018-06-01/") {
        lambda::answer(stub, request, answer).await;
    } else if target.starts_with("DynamoDB") {
        dynamodb::answer(&mut stub.borrow_mut(), request, answer);
    } else {
        queues::answer(&mut stub.borrow_mut(), request, answer);
    }
}

/// Reads until a whole request is in the buffer; none at the connection's end.
async fn receive<S: AsyncRead + Unpin>(socket: &mut S, buffer: &mut Vec<u8>) -> Result<Option<Layout>> {
    loop {
        if let Some(layout) = layout(buffer)? {
            let missing = layout.body.end.saturating_sub(buffer.len());
            if missing == 0 {
                return Ok(Some(layout));
            }
            buffer.reserve(missing);
        }
        if socket.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// None as long as the head is incomplete.
fn layout(buffer: &[u8]) -> Result<Option<Layout>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(buffer).map_err(|fault| Error::new(ErrorKind::InvalidData, fault))?;
    let httparse::Status::Complete(head) = parsed else { return Ok(None) };
    let within = |part: &[u8]| {
        let start = part.as_ptr().addr() - buffer.as_ptr().addr();
        start..start + part.len()
    };
    let (mut length, mut target) = (0, 0..0);
    for header in request.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            length = std::str::from_utf8(header.value).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        } else if header.name.eq_ignore_ascii_case("x-amz-target") {
            target = within(header.value);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Error::new(ErrorKind::Unsupported, "a body without a length"));
        }
    }
    let method = within(request.method.unwrap_or_default().as_bytes());
    let path = within(request.path.unwrap_or_default().as_bytes());
    let is_poll = request.path.is_some_and(|path| path.ends_with("/invocation/next"));
    Ok(Some(Layout { method, path, target, body: head..head + length, is_poll }))
}

fn request<'b>(buffer: &'b [u8], layout: &Layout) -> Result<Request<'b>> {
    let part = |range: &Range<usize>| buffer.get(range.clone()).unwrap_or_default();
    let text =
        |range| std::str::from_utf8(part(range)).map_err(|fault| Error::new(ErrorKind::InvalidData, fault));
    Ok(Request {
        method: text(&layout.method)?,
        path: text(&layout.path)?,
        target: text(&layout.target)?,
        body: part(&layout.body),
    })
}

/// Writes an answer with the headers that AWS always sends, and `more` of them, each ending in a line end.
pub(crate) fn write(answer: &mut Vec<u8>, status: &str, more: &str, body: &[u8]) {
    let mut digits = itoa::Buffer::new();
    for part in [
        "HTTP/1.1 ",
        status,
        "\r\nDate: Mon, 24 Nov 2025 16:00:00 GMT\r\nx-amzn-RequestId: 3f2c1a9e-7d54-4b0e-9c1a-5e6f70819203\r\n",
        more,
        "Content-Length: ",
        digits.format(body.len()),
        "\r\n\r\n",
    ] {
        answer.extend_from_slice(part.as_bytes());
    }
    answer.extend_from_slice(body);
}
