//! Pages that say that something failed, though the answer came as a success.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stitchwork_core::Error;

use super::{Kind, Node, Outline};

/// Fields that hold what went wrong.
const ERRORS: [&str; 4] = ["errors", "error", "fault", "faults"];
/// Fields that say whether it went well.
const WELL: [&str; 2] = ["ok", "success"];
/// Fields that say how a call went, or a thing: only some values of them tell of a failure.
const OUTCOMES: [&str; 5] = ["status", "code", "result", "status_code", "statuscode"];
/// Parts of the words for an outcome that is a failure.
const FAILED: [&str; 10] = [
    "fail",
    "error",
    "denied",
    "unauthor",
    "forbidden",
    "invalid",
    "exceed",
    "limit",
    "timeout",
    "unavailable",
];

/// The fields that pages with a place for rows have at their root, and what those say that tell how it went.
#[derive(Debug, Default)]
pub(crate) struct Usual {
    fields: BTreeMap<String, Option<Value>>,
    /// The places of lists of objects.
    lists: BTreeSet<Vec<String>>,
}

impl Usual {
    /// Learns from such a page.
    pub(crate) fn learn(&mut self, outline: &Outline, body: &[u8]) {
        for node in outline.roots() {
            let name = node.name();
            let outcome = OUTCOMES.contains(&name.as_str()).then(|| node.value(body)).flatten();
            self.fields.insert(name, outcome);
        }
        self.lists.extend(outline.lists().map(|node| node.path.clone()));
    }

    /// A field, or a list of objects, that none of them had.
    pub(crate) fn new_field<'a>(&self, outline: &'a Outline) -> Option<&'a Node> {
        let fields = outline.roots().filter(|node| !self.fields.contains_key(&node.name()));
        fields.chain(outline.lists().filter(|node| !self.lists.contains(&node.path))).next()
    }

    /// A list of objects, but for one of links or the like, that none of them had.
    pub(crate) fn new_list<'a>(&self, outline: &'a Outline) -> Option<&'a Node> {
        outline.lists().find(|node| !node.is_aside() && !self.lists.contains(&node.path))
    }

    /// Whether they say something else in a field.
    fn differs(&self, name: &str, value: &Value) -> bool {
        self.fields.get(name).and_then(Option::as_ref).is_some_and(|usual| usual != value)
    }
}

impl Outline {
    /// The field of the page's root object that says that something failed: errors, or that it is not well. Rows beside it are
    /// but a part of what was asked for.
    pub(crate) fn errors(&self, body: &[u8]) -> Option<&Node> {
        let says = |node: &&Node| {
            let name = node.name();
            let is_asked = [&ERRORS[..], &WELL].concat().contains(&name.as_str());
            match whole(node, body).filter(|_| is_asked) {
                Some(value) if WELL.contains(&name.as_str()) => is_no(&value),
                Some(Value::Object(fields)) => fields.values().any(is_something),
                // A number may count what is no matter of this page.
                Some(Value::Number(_)) | None => false,
                Some(value) => is_something(&value),
            }
        };
        self.roots().find(says)
    }

    /// The field that says so of a page without rows, where less is needed.
    pub(crate) fn failure(&self, body: &[u8], usual: &Usual) -> Option<&Node> {
        let says = |node: &&Node| {
            let name = node.name();
            let is_error = name.starts_with("error") || ERRORS.contains(&name.as_str());
            let is_asked = is_error || OUTCOMES.contains(&name.as_str());
            match whole(node, body).filter(|_| is_asked) {
                Some(Value::Object(fields)) if is_error => fields.values().any(is_something),
                Some(value) if is_error => is_something(&value),
                // A thing has a status too: that of a call is explained, or was another one before.
                Some(value @ Value::String(_)) => {
                    is_failed(&value) && (self.explains() || usual.differs(&name, &value))
                }
                Some(value @ Value::Number(_)) => is_failed(&value) || usual.differs(&name, &value),
                _ => false,
            }
        };
        self.errors(body).or_else(|| self.roots().find(says))
    }

    /// The lists of objects.
    fn lists(&self) -> impl Iterator<Item = &Node> {
        let is_pair = |node: &Node| self.is_pair && node.path.is_empty();
        let lists =
            self.nodes.iter().filter(|node| node.kind == Kind::Array && node.first == Some(Kind::Object));
        lists.filter(move |node| !is_pair(node))
    }

    /// The fields of the page's root object.
    fn roots(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.path.len() == 1)
    }

    /// Whether the page's root object has a text that says why.
    fn explains(&self) -> bool {
        self.roots().any(|node| ["message", "msg", "reason", "detail"].contains(&node.name().as_str()))
    }

    /// Whether there is a list of objects other than that of the failures.
    pub(crate) fn may_have_rows(&self) -> bool {
        self.nodes.iter().any(|node| {
            node.first == Some(Kind::Object)
                && node.path.first().is_none_or(|root| !ERRORS.contains(&root.to_ascii_lowercase().as_str()))
        })
    }
}

/// Whether an outcome is a failure: a word for it, or a status of HTTP.
fn is_failed(outcome: &Value) -> bool {
    match outcome {
        Value::Number(code) => code.as_u64().is_some_and(|code| (400..600).contains(&code)),
        Value::String(text) => {
            let text = text.to_ascii_lowercase();
            FAILED.iter().any(|part| text.contains(part))
        }
        _ => false,
    }
}

/// Whether it is false, as it may be written.
fn is_no(well: &Value) -> bool {
    match well {
        Value::Bool(well) => !well,
        Value::Number(well) => well.as_f64() == Some(0.0),
        Value::String(well) => ["false", "0"].contains(&well.trim().to_ascii_lowercase().as_str()),
        _ => false,
    }
}

/// The whole value of a field.
fn whole(node: &Node, body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body.get(node.range.clone())?).ok()
}

/// Whether what stands under the name of an error is one.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(failed) => *failed,
        Value::Number(code) => code.as_f64() != Some(0.0),
        Value::String(text) => {
            let text = text.trim().to_ascii_lowercase();
            let is_zero = !text.is_empty() && text.chars().all(|digit| digit == '0');
            !is_zero && !["", "false", "null", "none", "ok", "success", "no error"].contains(&text.as_str())
        }
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// The error of a page with rows beside errors.
pub(crate) fn incomplete(field: &Node, body: String) -> Error {
    Error::invalid_data(
        "the page has rows and says that something failed, so that rows may be missing; mend what it tells, run again later, or set \
         `on_errors` of the stream to `include` to take what came",
    )
    .with_context("field", field.path.join("."))
    .with_context("body", body)
}

/// The error of a page without rows that says that it failed.
pub(crate) fn failed(field: &Node, body: String) -> Error {
    Error::invalid_data(
        "the page has no rows and says that the API failed; mend what it tells (credentials, path, parameters), or run \
         again later",
    )
    .with_context("field", field.path.join("."))
    .with_context("body", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_that_it_failed() {
        for (body, field) in [
            (r#"{"data": [], "errors": ["x"]}"#, Some("errors")),
            (r#"{"Errors": {"a": 1}}"#, Some("Errors")),
            (r#"{"errors": "x"}"#, Some("errors")),
            (r#"{"error": "x"}"#, Some("error")),
            (r#"{"error": {"code": 1}}"#, Some("error")),
            (r#"{"error": ["x"]}"#, Some("error")),
            (r#"{"error": true}"#, Some("error")),
            (r#"{"ok": false}"#, Some("ok")),
            (r#"{"success": false}"#, Some("success")),
            (r#"{"success": 0}"#, Some("success")),
            (r#"{"ok": "False"}"#, Some("ok")),
            (r#"{"error": 500, "message": "x"}"#, Some("error")),
            (r#"{"status": "Error", "message": "x"}"#, Some("status")),
            (r#"{"errors": true}"#, Some("errors")),
            (r#"{"fault": {"faultstring": "x"}}"#, Some("fault")),
            (r#"{"error_code": 17, "error_msg": "limit"}"#, Some("error_code")),
            (r#"{"status": "REQUEST_DENIED", "errorMessage": "x"}"#, Some("errorMessage")),
            (r#"{"code": "UNAUTHORIZED", "message": "x"}"#, Some("code")),
            (r#"{"status": "OVER_QUERY_LIMIT", "message": "x"}"#, Some("status")),
            (r#"{"status": 500}"#, Some("status")),
            (r#"{"statusCode": 429, "items": []}"#, Some("statusCode")),
            (r#"{"result": "error", "msg": "x"}"#, Some("result")),
            (r#"{"success": "0"}"#, Some("success")),
            (r#"{"status": "ok", "error": 0, "success": 1, "ok": "true"}"#, None),
            (r#"{"id": 7, "status": "failed", "steps": []}"#, None),
            (r#"{"error": "0", "errors": "None"}"#, None),
            (r#"{"error_code": 0, "error_msg": "success", "errorCode": "00000"}"#, None),
            (r#"{"error": {"code": 0, "message": "Success"}}"#, None),
            (r#"{"error": {"code": 0, "message": ""}}"#, None),
            (r#"{"status": 3, "code": 0, "result": []}"#, None),
            (r#"{"status": "0", "message": "No transactions found", "error_count": 0}"#, None),
            (r#"{"errors": [], "error": "", "ok": true, "success": true}"#, None),
            (r#"{"errors": {}, "error": {}}"#, None),
            (r#"{"errors": null, "error": null, "ok": null, "status": 200}"#, None),
            (r#"{"errors": " ", "error": false, "ok": "no"}"#, None),
            (r#"{"meta": {"error": "x", "ok": false}}"#, None),
            (r#"[{"error": "x"}]"#, None),
        ] {
            let outline = Outline::of(body.as_bytes()).unwrap();
            let said = outline.failure(body.as_bytes(), &Usual::default()).map(|node| node.path.join("."));
            assert_eq!(said.as_deref(), field, "{body}");
        }
    }

    #[test]
    fn a_page_without_rows_is_held_against_those_before() {
        let mut usual = Usual::default();
        let with_rows =
            br#"{"code": 0, "status": "success", "result": "ok", "items": [{"n": 1}], "next": "x"}"#;
        usual.learn(&Outline::of(with_rows).unwrap(), with_rows);
        for (body, failed, new) in [
            (r#"{"code": 0, "status": "success", "items": [], "next": null}"#, None, None),
            (r#"{"code": 1001, "status": "success"}"#, Some("code"), None),
            (r#"{"status": "error"}"#, Some("status"), None),
            (r#"{"status": "complete"}"#, None, None),
            (r#"{"Result": "failed"}"#, Some("Result"), None),
            (r#"{"next": null, "exception": "x"}"#, None, Some("exception")),
            (r#"{"items": {"2024-01-02": [{"n": 2}]}}"#, None, Some("items.2024-01-02")),
        ] {
            let outline = Outline::of(body.as_bytes()).unwrap();
            let path = |node: &Node| node.path.join(".");
            assert_eq!(outline.failure(body.as_bytes(), &usual).map(path).as_deref(), failed, "{body}");
            assert_eq!(usual.new_field(&outline).map(path).as_deref(), new, "{body}");
        }
    }

    #[test]
    fn rows_beside_errors_are_a_part() {
        for (body, field) in [
            (r#"{"data": [{}], "errors": [{"message": "x"}]}"#, Some("errors")),
            (r#"{"data": [{}], "error": "x"}"#, Some("error")),
            (r#"{"data": [{}], "success": false}"#, Some("success")),
            (r#"{"data": [{}], "errors": [], "error": null, "ok": true}"#, None),
            (r#"{"data": [{}], "errors": 3, "error_count": 3, "status": "failed"}"#, None),
        ] {
            let outline = Outline::of(body.as_bytes()).unwrap();
            let said = outline.errors(body.as_bytes()).map(|node| node.path.join("."));
            assert_eq!(said.as_deref(), field, "{body}");
        }
    }
}
