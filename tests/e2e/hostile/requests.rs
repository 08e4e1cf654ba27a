//! Every HTTP address with every method and odd bodies, paths and headers: whatever is sent, there is an answer in
//! time, of the right kind, that is no fault of the service's; and afterwards it serves as before.

use sorl_tests::http::{Answer, request};
use sorl_tests::names::room;
use sorl_tests::server::{Launch, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];

const PATHS: [&str; 30] = [
    "/",
    "/regions",
    "/regions/",
    "/regions/us-east-1",
    "/regions/mars-1",
    "/regions/us-east-1/",
    "/regions/us-east-1/@connections/",
    "/regions/us-east-1/@connections/L0SM9cOFvHcCIhw=",
    "/regions/us-east-1/%40connections/L0SM9cOFvHcCIhw%253D",
    "/regions/us-east-1/@connections/%00",
    "/regions/us-east-1/@connections/a/b/c",
    "/regions/%2e%2e/@connections/x",
    "/regions/mars-1/@connections/L0SM9cOFvHcCIhw=",
    "/token",
    "/token?user=alice",
    "/faults",
    "/dead-letters",
    "/dead-letters/",
    "/dead-letters/x",
    "/dead-letters/%00/redrive",
    "/dead-letters/..%2f..%2f/redrive",
    "/dead-letters/x/redrive/more",
    "/metrics",
    "/metrics?since=-1&since=x&%ff=%ff",
    "/client/index.js",
    "/client/..%2f..%2fCargo.toml",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/%ff%fe",
    "//evil.example/",
    "/index.html?x=%3Cscript%3Ealert(1)%3C/script%3E",
];

fn bodies() -> Vec<Vec<u8>> {
    let texts = [
        "",
        "{}",
        "[]",
        "null",
        "7",
        "\"",
        "{\"user\":",
        "{\"user\":\"a\",\"ttl\":1e999}",
        "Action=Publish",
        "%",
    ];
    let mut bodies: Vec<_> = texts.into_iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.push(b"\xff\xfe\x00".to_vec());
    bodies.push("[".repeat(10_000).into_bytes());
    bodies.push("a=b&".repeat(5_000).into_bytes());
    bodies
}

/// What must hold of every answer.
fn sound(what: &str, answer: &Answer) {
    // 501 is what a stage says that cannot mint tokens; this one can.
    assert!((200..500).contains(&answer.status), "{what}: {answer:?}");
    let kind = answer.header("content-type");
    if answer.body.is_empty() {
        return;
    }
    if kind.starts_with("application/json") {
        let json = answer.json();
        let told = json["error"].is_string() || json["message"].is_string();
        assert!(answer.status < 400 || told, "{what}: an error says what it is: {answer:?}");
    } else if kind.starts_with("text/html") {
        assert!(answer.status == 200 && answer.body.starts_with("<!"), "{what}: {answer:?}");
        assert!(!answer.body.contains("alert(1)"), "{what}: what was asked is not echoed");
    } else {
        let known = ["text/xml", "text/plain", "text/javascript", "application/javascript", "text/css"];
        assert!(known.iter().any(|known| kind.starts_with(known)), "{what}: {kind:?} {answer:?}");
    }
}

async fn serves_as_before(server: &Server) {
    let channel = room();
    let mut member = server.stage.member(server.stage.three()[0], &channel).await;
    member.publish(&channel, "still here").await;
    member.message(&channel, "still here").await;
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[tokio::test]
async fn every_address_answers_every_method_and_body_with_something_sound() {
    let server = Launch::plain().config("[namespaces.room]\ngrants = [\"*\"]\n").start().await;
    let bodies = bodies();
    for path in PATHS {
        for (at, method) in METHODS.into_iter().enumerate() {
            // Each method has all bodies over the paths; what reads a body has all of them at once.
            let all = method == "POST";
            let chosen = bodies.iter().enumerate().filter(|(number, _)| all || number % METHODS.len() == at);
            for (number, body) in chosen {
                let url = format!("{}{path}", server.stage.url);
                let what = format!("{method} {path} with body {number}");
                let answer = request(method, &url, &[], body.clone()).await.expect(&what);
                sound(&what, &answer);
            }
        }
    }
    serves_as_before(&server).await;
}

#[tokio::test]
async fn odd_headers_change_nothing() {
    let server = Launch::plain().config("[namespaces.room]\ngrants = [\"*\"]\n").start().await;
    let long = "x".repeat(8_000);
    for path in ["/", "/regions", "/regions/us-east-1", "/token", "/metrics", "/dead-letters", "/faults"] {
        for (name, value) in [
            ("content-type", "application/x-www-form-urlencoded; charset=\"\\\""),
            ("content-type", "multipart/form-data; boundary="),
            ("accept", "application/json;q=nonsense, */*;q=-1"),
            ("accept", long.as_str()),
            ("range", "bytes=0-0,-1,9999999999999999999-"),
            ("expect", "something"),
            ("if-none-match", "*"),
            ("x-http-method-override", "DELETE"),
            ("x-forwarded-for", "127.0.0.1, ::1"),
            ("connection", "upgrade"),
            ("upgrade", "h2c"),
            ("sec-websocket-protocol", ",,, ,sorl.token.,"),
            ("sec-websocket-key", "x"),
            ("authorization", "Bearer"),
            ("cookie", long.as_str()),
        ] {
            for method in ["GET", "POST"] {
                let what = format!("{method} {path} {name}: {value}");
                let answer =
                    request(method, &format!("{}{path}", server.stage.url), &[(name, value)], "{}").await;
                sound(&what, &answer.expect(&what));
            }
        }
    }
    serves_as_before(&server).await;
}

/// Sends bytes as they are, and returns what came before the end, or before the peer had nothing more to say.
async fn raw(server: &Server, bytes: &[u8]) -> String {
    let authority = server.stage.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).await.unwrap();
    // The server may have heard enough before all is written.
    stream.write_all(bytes).await.ok();
    stream.shutdown().await.ok();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    tokio::time::timeout(sorl_tests::DEADLINE, reading).await.expect("an end").ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn what_is_no_http_is_refused_or_cut_off_and_never_5xx() {
    let server = Launch::plain().config("[namespaces.room]\ngrants = [\"*\"]\n").start().await;
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(5_000));
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://evil.example/faults HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /faults HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nAction=Publish",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
        b"GET / HTTP/1.1\r\nHost: x\r\nA:\x00\xff\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        many.as_bytes(),
        "/".repeat(100_000).as_bytes(),
    ] {
        let answer = raw(&server, bytes).await;
        let shown = String::from_utf8_lossy(bytes).chars().take(80).collect::<String>();
        assert!(!answer.starts_with("HTTP/1.1 5"), "{shown:?}: {answer}");
    }
    serves_as_before(&server).await;
}
