//! Pages that say that something failed, though the answer came as a success.

use serde_json::Value;

use super::{Kind, Node, Outline};

/// What a page without rows says of how it went.
const FAILED: [&str; 4] = ["error", "fail", "failed", "failure"];

impl Outline {
    /// The field of the page's root object that says that something failed: errors, or that it is not well.
    pub(crate) fn failure(&self, body: &[u8]) -> Option<&Node> {
        let says = |node: &&Node| {
            let name = node.name();
            if node.path.len() != 1
                || !["errors", "error", "ok", "success", "status"].contains(&name.as_str())
            {
                return false;
            }
            let value = body.get(node.range.clone()).and_then(|text| serde_json::from_slice(text).ok());
            match (name.as_str(), value) {
                ("errors" | "error", Some(Value::Array(items))) => !items.is_empty(),
                ("errors" | "error", Some(Value::Object(fields))) => fields.values().any(is_something),
                ("errors" | "error", Some(value)) => is_something(&value),
                ("ok" | "success", Some(Value::Bool(well))) => !well,
                ("ok" | "success", Some(Value::Number(well))) => well.as_f64() == Some(0.0),
                ("ok" | "success", Some(Value::String(well))) => {
                    ["false", "0"].contains(&well.trim().to_ascii_lowercase().as_str())
                }
                // A thing has a status too: that of a call is explained.
                ("status", Some(Value::String(text))) => {
                    FAILED.contains(&text.trim().to_ascii_lowercase().as_str()) && self.explains()
                }
                _ => false,
            }
        };
        self.nodes.iter().find(says)
    }

    /// Whether the page's root object has a text that says why.
    fn explains(&self) -> bool {
        self.nodes.iter().any(|node| {
            node.path.len() == 1 && ["message", "msg", "reason", "detail"].contains(&node.name().as_str())
        })
    }

    /// Whether there is a list of objects other than that of the failures.
    pub(crate) fn may_have_rows(&self) -> bool {
        self.nodes.iter().any(|node| {
            node.first == Some(Kind::Object)
                && node
                    .path
                    .first()
                    .is_none_or(|root| !["errors", "error"].contains(&root.to_ascii_lowercase().as_str()))
        })
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
            (r#"{"success": "0"}"#, Some("success")),
            (r#"{"status": "ok", "error": 0, "success": 1, "ok": "true"}"#, None),
            (r#"{"id": 7, "status": "failed", "steps": []}"#, None),
            (r#"{"error": "0", "errors": "None"}"#, None),
            (r#"{"error": {"code": 0, "message": ""}}"#, None),
            (r#"{"errors": [], "error": "", "ok": true, "success": true}"#, None),
            (r#"{"errors": {}, "error": {}}"#, None),
            (r#"{"errors": null, "error": null, "ok": null, "status": 200}"#, None),
            (r#"{"errors": " ", "error": false, "ok": "no"}"#, None),
            (r#"{"meta": {"error": "x", "ok": false}}"#, None),
            (r#"[{"error": "x"}]"#, None),
        ] {
            let outline = Outline::of(body.as_bytes()).unwrap();
            let said = outline.failure(body.as_bytes()).map(|node| node.path.join("."));
            assert_eq!(said.as_deref(), field, "{body}");
        }
    }
}
