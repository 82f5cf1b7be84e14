use stitchwork_core::ErrorKind;

use super::*;

#[test]
fn a_configuration_is_read_and_unknown_settings_are_refused() {
    let text = r#"{
        "base_url": "https://api.example.com",
        "auth": {"type": "api_key", "name": "k", "key": "canary", "location": "query"},
        "headers": {"x-other": "canary"},
        "paginator": {"type": "cursor", "path": "meta.next"},
        "requests": {"max_attempts": 2},
        "streams": [{"name": "s", "method": "POST", "json": {"q": 1},
                     "incremental": {"cursor_path": "at", "row_order": "ascending", "boundary": "closed"}}]
    }"#;
    let config: RestConfig = serde_json::from_str(text).unwrap();
    config.validate().unwrap();
    assert_eq!(config.requests.max_attempts, 2);
    assert_eq!(config.requests.timeout_seconds, 60.0);
    assert!(config.is_incremental());
    let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
    for (known, unknown) in [
        ("base_url", "base_uri"),
        ("\"name\"", "\"nmae\""),
        ("max_attempts", "max_tries"),
        ("boundary", "bound"),
    ] {
        assert!(serde_json::from_str::<RestConfig>(&text.replacen(known, unknown, 9)).is_err(), "{unknown}");
    }
}

#[test]
fn urls_are_joined() {
    let base = Url::parse("https://h/api/v1/?v=2").unwrap();
    let url = |path: &str| StreamConfig::new("s", path).url(&base).unwrap().to_string();
    assert_eq!(url(""), "https://h/api/v1/s?v=2");
    assert_eq!(url("/a/b c?x=1"), "https://h/api/v1/a/b%20c?v=2&x=1");
    assert_eq!(url("https://h/other"), "https://h/other");
    assert_eq!(url("/"), base.as_str());
    let mut stream = StreamConfig::new("s", "a?x=1");
    stream.params.insert("x".into(), "ü&".into());
    assert_eq!(stream.url(&base).unwrap().as_str(), "https://h/api/v1/a?v=2&x=%C3%BC%26");
}

#[test]
fn what_cannot_work_is_refused_before_any_request() {
    let good = || {
        let mut config = RestConfig::new("http://h");
        config.streams.push(StreamConfig::new("s", ""));
        config
    };
    good().validate().unwrap();
    type Change = fn(&mut RestConfig);
    let changes: [Change; 12] = [
        |c| c.base_url = "h".into(),
        |c| c.base_url = "ftp://h".into(),
        |c| c.base_url = "http://u:canary@h".into(),
        |c| c.streams.clear(),
        |c| c.streams.push(StreamConfig::new("s", "x")),
        |c| c.streams[0].json = Some(Value::Null),
        |c| c.streams[0].data_selector = Some("a..b".into()),
        |c| c.streams[0].primary_key = vec![String::new()],
        |c| c.requests.timeout_seconds = -1.0,
        |c| c.requests.max_attempts = 0,
        |c| drop(c.headers.insert("bad name".into(), "x".into())),
        |c| {
            let mut other = StreamConfig::new("t", "");
            other.incremental = Some(IncrementalConfig::new("at"));
            c.streams.push(other);
        },
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut config = good();
        change(&mut config);
        let error = config.validate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{place}");
        assert!(!format!("{error:?}").contains("canary"));
    }
}

#[test]
fn a_base_url_that_cannot_be_read_is_shown() {
    let error = RestConfig::new("api.example.com/v1?key=canary").base().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert_eq!(error.context("base_url"), Some("api.example.com/v1?***"));
}
