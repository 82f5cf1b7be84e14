use std::collections::{BTreeMap, BTreeSet};

use super::*;

#[test]
fn an_event_follows_from_seed_and_index() {
    let (one, two) = (EventGenerator::new(1), EventGenerator::new(2));
    for index in [0, 1, 77, 19_999, 5_000_000] {
        assert_eq!(one.event(index), EventGenerator::new(1).event(index));
        assert_ne!(one.event(index), two.event(index));
    }
    assert_eq!(one.event(usize::MAX), one.event(MOST_EVENTS - 1));
}

#[test]
fn the_envelope_agrees_with_the_functions_of_the_index() {
    let generator = EventGenerator::new(42);
    let mut last_id = 0;
    for index in 0..500 {
        let event = generator.event(index);
        assert_eq!(event["type"], generator.event_type(index));
        assert_eq!(event["created_at"], timeline::to_rfc3339(generator.created_at(index)));
        let id: u64 = event["id"].as_str().unwrap().parse().unwrap();
        assert!(id > last_id, "ids must grow");
        last_id = id;
        let keys: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
        for key in ["id", "type", "actor", "repo", "payload", "public", "created_at"] {
            assert!(keys.contains(&key), "{key} is missing");
        }
    }
}

#[test]
fn every_type_occurs_in_its_share() {
    let generator = EventGenerator::new(42);
    let mut counts = BTreeMap::new();
    for index in 0..20_000 {
        *counts.entry(generator.event_type(index)).or_insert(0_u64) += 1;
    }
    assert!(EVENT_TYPES.is_sorted());
    assert_eq!(SHARES.iter().sum::<u64>(), 1_000);
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), EVENT_TYPES);
    for (name, share) in EVENT_TYPES.into_iter().zip(SHARES) {
        let (got, wanted) = (counts[name], share * 20);
        assert!(got * 10 > wanted * 7 && got * 7 < wanted * 10, "{name}: {got} of about {wanted}");
    }
}

/// Notes for each path which kinds of value occur there.
fn survey(path: &str, value: &Value, kinds: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let mut note = |kind| {
        kinds.entry(path.to_owned()).or_default().insert(kind);
    };
    match value {
        Value::Null => note("null"),
        Value::Bool(_) => note("bool"),
        Value::Number(number) if number.is_f64() => note("float"),
        Value::Number(number) => {
            assert!(number.is_i64(), "{path}: {number} is beyond 64 bits with a sign");
            note("integer");
        }
        Value::String(text) => note(if text.is_empty() { "empty string" } else { "string" }),
        Value::Array(items) => {
            note(if items.is_empty() { "empty list" } else { "list" });
            items.iter().for_each(|item| survey(&format!("{path}[]"), item, kinds));
        }
        Value::Object(fields) => {
            note("object");
            fields.iter().for_each(|(key, field)| survey(&format!("{path}.{key}"), field, kinds));
        }
    }
}

#[test]
fn the_stream_has_what_loaders_trip_over() {
    let generator = EventGenerator::new(42);
    let mut kinds = BTreeMap::new();
    let mut bytes = 0;
    let mut with_org = 0;
    let count = 6_000;
    for index in 0..count {
        let event = generator.event(index);
        bytes += event.to_string().len();
        with_org += usize::from(event.get("org").is_some());
        survey("", &event, &mut kinds);
    }
    let average = bytes / count;
    assert!((1_000..3_000).contains(&average), "{average} bytes per event");
    assert!((count / 5..count * 4 / 5).contains(&with_org));
    let has = |path: &str, wanted: &[&str]| {
        let got = kinds.get(path).unwrap_or_else(|| panic!("no {path}"));
        for kind in wanted {
            assert!(got.contains(kind), "{path} has {got:?}, not {kind}");
        }
    };
    has(".payload.push_id", &["integer", "string"]);
    has(".payload.commits", &["list", "empty list"]);
    has(".payload.commits[].author.name", &["string", "empty string"]);
    has(".payload.pages", &["list"]);
    has(".payload.issue.labels", &["list", "empty list"]);
    has(".payload.issue.assignees", &["list", "empty list"]);
    has(".payload.issue.milestone", &["null", "object"]);
    has(".payload.issue.body", &["null", "string", "empty string"]);
    has(".payload.issue.performed_via_github_app", &["null", "object"]);
    has(".payload.pull_request.requested_reviewers", &["list", "empty list"]);
    has(".payload.pull_request.head.repo", &["null", "object"]);
    has(".payload.pull_request.head.repo.score", &["float"]);
    has(".payload.pull_request.head.repo.topics[]", &["string"]);
    has(".payload.pull_request.merged", &["bool"]);
    has(".payload.forkee.license", &["null", "object"]);
    has(".payload.release.assets", &["list", "empty list"]);
    let other_conflicts = kinds.iter().filter(|(_, kinds)| {
        let shapes: BTreeSet<&str> = kinds
            .iter()
            .filter(|kind| **kind != "null")
            .map(|kind| kind.trim_start_matches("empty "))
            .collect();
        shapes.len() > 1
    });
    let conflicts: Vec<&str> = other_conflicts.map(|(path, _)| path.as_str()).collect();
    assert_eq!(conflicts, [".payload.push_id"], "only one field may change its type");
}
