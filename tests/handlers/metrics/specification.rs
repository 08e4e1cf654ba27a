//! CloudWatch's embedded metric format, checked: the schema of its specification (`tests/fixtures/emf.json`), and what
//! the specification says in prose.
//!
//! Not a reader of any JSON schema: it knows the keywords that this one uses, and refuses others.

use serde_json::Value;

/// Longest line: an event of CloudWatch Logs.
const LINE_MAX: usize = 256 * 1024;
/// Values of one metric in one line.
const VALUES_MAX: usize = 100;
/// Characters of a dimension's value.
const DIMENSION_MAX: usize = 1_024;

/// Everything that is wrong with a line.
pub(crate) fn faults(line: &str) -> Vec<String> {
    let schema = serde_json::from_str(include_str!("../../fixtures/emf.json")).unwrap();
    let Ok(document) = serde_json::from_str::<Value>(line) else { return vec!["no JSON".to_owned()] };
    let mut faults = Vec::new();
    if line.len() > LINE_MAX || line.contains('\n') {
        faults.push("no single event of at most 256 KB".to_owned());
    }
    check(&document, &schema, "", &mut faults);
    if faults.is_empty() {
        check_members(&document, &mut faults);
    }
    faults
}

fn check(value: &Value, schema: &Value, at: &str, faults: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().unwrap() {
        let number = || usize::try_from(wanted.as_u64().unwrap()).unwrap();
        let holds = match keyword.as_str() {
            "title" => true,
            "type" => is_of(value, wanted.as_str().unwrap()),
            "enum" => wanted.as_array().unwrap().contains(value),
            "minItems" => value.as_array().is_none_or(|items| items.len() >= number()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() <= number()),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() >= number()),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() <= number()),
            "required" => {
                wanted.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some())
            }
            "additionalProperties" => {
                let known = schema["properties"].as_object().unwrap();
                value.as_object().is_none_or(|members| members.keys().all(|name| known.contains_key(name)))
            }
            "properties" => {
                for (name, schema) in wanted.as_object().unwrap() {
                    if let Some(member) = value.get(name) {
                        check(member, schema, &format!("{at}/{name}"), faults);
                    }
                }
                true
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(item, wanted, &format!("{at}/{index}"), faults);
                }
                true
            }
            other => panic!("the schema uses {other:?}, which nothing here checks"),
        };
        if !holds {
            faults.push(format!("{at}: {keyword} {wanted} does not hold"));
        }
    }
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("the schema uses the type {other:?}"),
    }
}

/// What the directives name must be members of the document: dimensions texts, metrics numbers.
fn check_members(document: &Value, faults: &mut Vec<String>) {
    for directive in document["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
        for name in directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap())
        {
            let value = document[name.as_str().unwrap()].as_str();
            if value.is_none_or(|value| value.is_empty() || value.chars().count() > DIMENSION_MAX) {
                faults.push(format!("the dimension {name} is no text of 1 to {DIMENSION_MAX} characters"));
            }
        }
        for definition in directive["Metrics"].as_array().unwrap() {
            let values = match &document[definition["Name"].as_str().unwrap()] {
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            };
            if values.is_empty() || values.len() > VALUES_MAX || !values.iter().all(Value::is_number) {
                faults.push(format!(
                    "{} is neither a number nor up to {VALUES_MAX} numbers",
                    definition["Name"]
                ));
            }
        }
    }
}

#[test]
fn what_the_specification_forbids_is_found() {
    let sound = r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"Sorl","Dimensions":[["stage"]],"Metrics":[{"Name":"posts","Unit":"Count"}]}]},"stage":"t","posts":1}"#;
    assert_eq!(faults(sound), [] as [String; 0]);
    for (from, to) in [
        (r#""posts":1}"#, r#""post":1}"#),
        (r#""posts":1}"#, r#""posts":"1"}"#),
        (r#""posts":1}"#, r#""posts":[]}"#),
        (r#""stage":"t""#, r#""stage":5"#),
        (r#""stage":"t","#, ""),
        (r#""Unit":"Count""#, r#""Unit":"count""#),
        (r#""Namespace":"Sorl","#, ""),
        (r#""Timestamp":1"#, r#""Timestamp":"now""#),
        (r#"[["stage"]]"#, "[]"),
        (r#"[["stage"]]"#, r#"["stage"]"#),
        ("{\"_aws\"", "{\n\"_aws\""),
    ] {
        let broken = sound.replace(from, to);
        assert!(broken != sound && !faults(&broken).is_empty(), "{broken}");
    }
}
