//! The role of a function: what it may do, what it is refused, and a way to take a right away and give it back.

use serde_json::{Value, json};
use sorl_tests::sns::elements;
use sorl_tests::stage::Stage;

/// A right: an action, on something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Right {
    /// Such as `dynamodb:Query`.
    pub(super) action: String,
    /// The last name in the resource: a table, an index, a queue; of connections the method.
    pub(super) of: String,
    resource: String,
}

/// A function's role in a region.
pub(super) struct Role<'s> {
    pub(super) stage: &'s Stage,
    pub(super) region: &'s str,
    pub(super) function: &'static str,
}

const TAKEN: &str = "taken-away";

impl Role<'_> {
    fn name(&self) -> String {
        format!("sorl-{}-{}-{}", self.stage.deployed().stage, self.function, self.region)
    }

    async fn iam(&self, fields: &[(&str, &str)]) -> String {
        let name = self.name();
        let mut all = vec![("Version", "2010-05-08"), ("RoleName", name.as_str())];
        all.extend(fields);
        let answer = self.stage.deployed().aws.query("us-east-1", "iam", &all).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// All its rights, one by one.
    pub(super) async fn rights(&self) -> Vec<Right> {
        let listed = self.iam(&[("Action", "ListRolePolicies")]).await;
        if elements(&listed, "member").any(|policy| policy == TAKEN) {
            self.give_back().await;
        }
        let mut rights = Vec::new();
        // A test that failed halfway gave nothing back.
        for policy in elements(&listed, "member").filter(|policy| *policy != TAKEN) {
            let told = self.iam(&[("Action", "GetRolePolicy"), ("PolicyName", policy)]).await;
            let document = elements(&told, "PolicyDocument").next().expect("a policy has a document");
            rights.extend(rights_in(&unescaped(document)));
        }
        assert!(!rights.is_empty(), "{} has no rights", self.name());
        rights.sort();
        rights
    }

    /// Denies this right until it is given back.
    pub(super) async fn take(&self, right: &Right) {
        let statement = json!({ "Effect": "Deny", "Action": right.action, "Resource": right.resource });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        self.iam(&[("Action", "PutRolePolicy"), ("PolicyName", TAKEN), ("PolicyDocument", &document)]).await;
    }

    /// Gives back what was taken.
    pub(super) async fn give_back(&self) {
        self.iam(&[("Action", "DeleteRolePolicy"), ("PolicyName", TAKEN)]).await;
    }

    /// How often the function's log tells that it was refused this right.
    pub(super) async fn refusals(&self, right: &Right) -> usize {
        let deployed = self.stage.deployed();
        let group = format!("/aws/lambda/sorl-{}-{}", deployed.stage, self.function);
        let wanted = json!({ "logGroupName": group, "limit": 10_000 });
        let target = "Logs_20140328.FilterLogEvents";
        let answer = deployed.aws.json(self.region, "logs", target, &wanted).await;
        let lines = answer["events"].as_array().expect("events").iter();
        lines.filter(|event| tells_refusal(event["message"].as_str().unwrap_or_default(), right)).count()
    }
}

/// @connections answers a refusal with a bare 403, of which only the failed record tells.
fn tells_refusal(line: &str, right: &Right) -> bool {
    let failed = line.contains("\"WARN\"") && line.contains("\"message\":\"deliver\"");
    let gateway = right.action == "execute-api:ManageConnections";
    (gateway && failed) || line.contains(&format!("not authorized to perform: {}", right.action))
}

fn rights_in(document: &str) -> Vec<Right> {
    let document: Value =
        serde_json::from_str(document).unwrap_or_else(|fault| panic!("{fault}: {document}"));
    let mut rights = Vec::new();
    for statement in document["Statement"].as_array().expect("statements") {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        for action in texts(&statement["Action"]) {
            for resource in texts(&statement["Resource"]) {
                rights.push(Right { action: action.clone(), of: last_name(&resource), resource });
            }
        }
    }
    rights
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// `…:table/sorl-e2e-connections` is `connections`, `…/POST/@connections/*` is `POST`.
fn last_name(resource: &str) -> String {
    if let Some((path, _)) = resource.split_once("/@connections/") {
        return path.rsplit('/').next().unwrap_or_default().to_owned();
    }
    let name = resource.rsplit([':', '/']).next().unwrap_or_default();
    let known = ["by-connection", "dead-letters", "connections", "messages", "bulk", "live", "relay"];
    known.into_iter().find(|known| name.ends_with(known)).unwrap_or(name).to_owned()
}

/// IAM answers a document encoded as in an address.
fn unescaped(document: &str) -> String {
    let encoded = format!("d={document}").replace("&amp;", "&").replace("&quot;", "\"").replace('+', "%2B");
    form_urlencoded::parse(encoded.as_bytes()).next().map(|(_, text)| text.into_owned()).unwrap_or_default()
}
