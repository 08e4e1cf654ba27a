//! SQS and SNS: slices are kept, to be handed out as the next invocations; everything else is taken and counted.
//!
//! A slice's delay is not waited for: what is measured is the work, and a queue's waiting is none.

use serde_json::{Value, json};

use crate::http::{Request, write};
use crate::lambda::Stub;

const JSON: &str = "Content-Type: application/x-amz-json-1.0\r\n";
const XML: &str = "Content-Type: text/xml\r\n";
const ID: &str = "b6c1d2e3-f405-4617-8293-a4b5c6d7e8f9";
const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

pub(crate) fn answer(stub: &mut Stub, request: &Request<'_>, answer: &mut Vec<u8>) {
    match request.target {
        "AmazonSQS.SendMessageBatch" => write(answer, "200 OK", JSON, &send(stub, request.body)),
        "AmazonSQS.SendMessage" => {
            stub.ledger.counts.dead_letters += 1;
            let sent = json!({ "MessageId": ID, "MD5OfMessageBody": MD5 });
            write(answer, "200 OK", JSON, sent.to_string().as_bytes());
        }
        _ if request.body.starts_with(b"Action=Publish") => {
            write(answer, "200 OK", XML, publish(stub, request.body).as_bytes())
        }
        _ => {
            stub.ledger.counts.unknown += 1;
            write(answer, "400 Bad Request", JSON, br#"{"__type":"UnknownOperationException"}"#);
        }
    }
}

fn send(stub: &mut Stub, body: &[u8]) -> Vec<u8> {
    let mut asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let entries =
        asked.get_mut("Entries").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    let mut taken = Vec::with_capacity(entries.len());
    for mut entry in entries {
        taken.push(json!({ "Id": entry.get("Id"), "MessageId": ID, "MD5OfMessageBody": MD5 }));
        if let Some(Value::String(body)) = entry.get_mut("MessageBody").map(Value::take) {
            stub.slice(body);
        }
    }
    json!({ "Successful": taken, "Failed": [] }).to_string().into_bytes()
}

/// Every entry of a batch is named in the form as `…member.N.Id=…`.
fn publish(stub: &mut Stub, body: &[u8]) -> String {
    let form = String::from_utf8_lossy(body);
    let names = form.split('&').filter_map(|pair| pair.split_once('='));
    let ids = names
        .filter(|(name, _)| name.starts_with("PublishBatchRequestEntries.member.") && name.ends_with(".Id"));
    let taken: Vec<_> =
        ids.map(|(_, id)| format!("<member><Id>{id}</Id><MessageId>{ID}</MessageId></member>")).collect();
    stub.ledger.counts.published += taken.len().max(1) as u64;
    let (action, result) = if taken.is_empty() {
        ("Publish", format!("<MessageId>{ID}</MessageId>"))
    } else {
        ("PublishBatch", format!("<Failed/><Successful>{}</Successful>", taken.concat()))
    };
    format!(
        "<{action}Response xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata></{action}Response>"
    )
}
