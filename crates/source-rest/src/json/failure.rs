//! Pages that say that something failed, though the answer came as a success.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Kind, Node, Outline};

/// Fields that hold what went wrong.
const ERRORS: [&str; 4] = ["errors", "error", "fault", "faults"];
/// Fields that say how a call went, or a thing: only some values of them tell of a failure.
const OUTCOMES: [&str; 5] = ["status", "code", "result", "status_code", "statuscode"];
/// What a page without rows says of how it went.
const FAILED: [&str; 4] = ["error", "fail", "failed", "failure"];

/// The fields that pages with a place for rows have at their root, and what those say that tell how it went.
#[derive(Debug, Default)]
pub(crate) struct Usual(BTreeMap<String, Option<Value>>);

impl Usual {
    /// Learns from such a page.
    pub(crate) fn learn(&mut self, outline: &Outline, body: &[u8]) {
        for node in outline.roots() {
            let name = node.name();
            let outcome = OUTCOMES.contains(&name.as_str()).then(|| node.value(body)).flatten();
            self.0.insert(name, outcome);
        }
    }

    /// A field that none of them had.
    pub(crate) fn new_field<'a>(&self, outline: &'a Outline) -> Option<&'a Node> {
        outline.roots().find(|node| !self.0.contains_key(&node.name()))
    }

    /// Whether they say something else in a field.
    fn differs(&self, name: &str, value: &Value) -> bool {
        self.0.get(name).and_then(Option::as_ref).is_some_and(|usual| usual != value)
    }
}

impl Outline {
    /// The field of the page's root object that says that something failed: errors, or that it is not well.
    pub(crate) fn failure(&self, body: &[u8], usual: &Usual) -> Option<&Node> {
        let says = |node: &&Node| {
            let name = node.name();
            let name = name.as_str();
            let is_asked =
                ERRORS.contains(&name) || OUTCOMES.contains(&name) || ["ok", "success"].contains(&name);
            let text = body.get(node.range.clone()).filter(|_| is_asked);
            match (name, text.and_then(|text| serde_json::from_slice(text).ok())) {
                ("ok" | "success", Some(Value::Bool(well))) => !well,
                ("ok" | "success", Some(Value::Number(well))) => well.as_f64() == Some(0.0),
                ("ok" | "success", Some(Value::String(well))) => {
                    ["false", "0"].contains(&well.trim().to_ascii_lowercase().as_str())
                }
                (name, Some(Value::Object(fields))) if ERRORS.contains(&name) => {
                    fields.values().any(is_something)
                }
                (name, Some(value)) if ERRORS.contains(&name) => is_something(&value),
                // A thing has a status too: that of a call is explained, or was another one before.
                (name, Some(value @ Value::String(_))) => {
                    is_failed(&value) && (self.explains() || usual.differs(name, &value))
                }
                (name, Some(value @ Value::Number(_))) => is_failed(&value) || usual.differs(name, &value),
                _ => false,
            }
        };
        self.roots().find(says)
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
        Value::String(text) => FAILED.contains(&text.trim().to_ascii_lowercase().as_str()),
        _ => false,
    }
}

/// Whether what stands under the name of an error is one.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(failed) => *failed,
        Value::Number(code) => code.as_f64() != Some(0.0),
        Value::String(text) => {
            let text = text.trim().to_ascii_lowercase();
            !["", "0", "false", "null", "none", "ok", "no error"].contains(&text.as_str())
        }
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
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
            (r#"{"status": 500}"#, Some("status")),
            (r#"{"statusCode": 429, "items": []}"#, Some("statusCode")),
            (r#"{"result": "error", "msg": "x"}"#, Some("result")),
            (r#"{"success": "0"}"#, Some("success")),
            (r#"{"status": "ok", "error": 0, "success": 1, "ok": "true"}"#, None),
            (r#"{"id": 7, "status": "failed", "steps": []}"#, None),
            (r#"{"error": "0", "errors": "None"}"#, None),
            (r#"{"error": {"code": 0, "message": ""}}"#, None),
            (r#"{"status": 3, "code": 0, "result": []}"#, None),
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
        ] {
            let outline = Outline::of(body.as_bytes()).unwrap();
            let path = |node: &Node| node.path.join(".");
            assert_eq!(outline.failure(body.as_bytes(), &usual).map(path).as_deref(), failed, "{body}");
            assert_eq!(usual.new_field(&outline).map(path).as_deref(), new, "{body}");
        }
    }
}
