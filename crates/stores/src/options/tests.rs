use super::*;

const VOCABULARY: Vocabulary = Vocabulary {
    prefixes: &["aws_"],
    own: &[
        ("endpoint", &["endpoint_url_s3", "endpoint_url"], Kind::Url),
        ("region", &["default_region"], Kind::Text),
        ("secret_access_key", &[], Kind::Secret),
    ],
};

fn check(pairs: &[(&str, &str)]) -> Result<Checked> {
    VOCABULARY.check(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
}

fn error(pairs: &[(&str, &str)]) -> Error {
    check(pairs).and_then(|checked| checked.retry().map(drop)).unwrap_err()
}

#[test]
fn names_have_a_prefix_or_none() {
    let checked = check(&[
        ("aws_region", "eu-central-1"),
        ("endpoint_url", "https://s3.example.org"),
        ("timeout", "30s"),
    ]);
    let checked = checked.unwrap();
    assert_eq!(checked.get("region"), Some("eu-central-1"));
    assert_eq!(
        checked.for_builder().collect::<Vec<_>>(),
        [("endpoint", "https://s3.example.org"), ("region", "eu-central-1"), ("timeout", "30000ms")]
    );
}

#[test]
fn unknown_options_are_refused_with_the_known_ones() {
    let error = error(&[("regoin", "x")]);
    assert_eq!(error.kind(), stitchwork_core::ErrorKind::InvalidConfig);
    assert_eq!(error.context("option"), Some("regoin"));
    let known = error.context("known").unwrap();
    for name in ["region", "secret_access_key", "allow_http", "max_retries"] {
        assert!(known.split(',').any(|k| k == name), "{known}");
    }
    // One that would switch the conditional puts off, which no option may.
    assert!(check(&[("conditional_put", "disabled")]).is_err());
}

#[test]
fn an_option_comes_once() {
    assert!(error(&[("region", "a"), ("aws_region", "b")]).to_string().contains("twice"));
    assert!(error(&[("region", "a"), ("aws_default_region", "b")]).to_string().contains("twice"));
}

#[test]
fn values_are_read_before_they_are_used() {
    for (name, value) in [
        ("allow_http", "maybe"),
        ("timeout", "30"),
        ("timeout", "s"),
        ("timeout", "99999999999999999999s"),
        ("timeout", "18446744073709551615h"),
        ("max_retries", "-1"),
        ("max_retries", "1.5"),
        ("max_retries", "101"),
        ("retry_timeout", "6m"),
        ("retry_initial_backoff", "0ms"),
        ("retry_initial_backoff", "10s"),
        ("endpoint", "localhost:9000"),
        ("endpoint", "https://user:pass@host"),
        ("endpoint", "https://"),
        ("region", " "),
    ] {
        let error = error(&[(name, value)]);
        assert_eq!(error.kind(), stitchwork_core::ErrorKind::InvalidConfig, "{name}={value}");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(
        check(&[("allow_http", "yes"), ("retry_max_backoff", "1m"), ("max_retries", "0")])
            .unwrap()
            .retry()
            .is_ok()
    );
}

#[test]
fn an_endpoint_without_encryption_must_be_meant() {
    let plain = ("endpoint", "http://127.0.0.1:9000");
    let error = check(&[plain]).unwrap().check_endpoint("endpoint").unwrap_err();
    assert!(error.to_string().contains("allow_http"), "{error}");
    check(&[plain, ("allow_http", "true")]).unwrap().check_endpoint("endpoint").unwrap();
}

#[test]
fn secrets_are_in_no_error() {
    for pairs in [
        [("secret_access_key", "hunter22"), ("aws_secret_access_key", "hunter22")],
        [("secret_access_key", "hunter22"), ("timeout", "x")],
        [("endpoint", "https://me:hunter22@host"), ("region", "x")],
        [("proxy_url", "http://me:hunter22@proxy"), ("proxy_port", "1")],
    ] {
        let error = error(&pairs);
        assert!(!format!("{error} {error:?}").contains("hunter22"), "{error:?}");
    }
}

#[test]
fn what_servers_repeat_is_taken_out() {
    let checked = check(&[("secret_access_key", "hun/ter+22=")]).unwrap();
    let secrets = checked.secrets();
    for text in ["token hun/ter+22= is bad", "GET /x?sig=hun%2Fter%2B22%3D failed"] {
        let source = std::io::Error::other(text).into();
        let error = object_store::Error::PermissionDenied { path: "x".to_owned(), source };
        let cleaned = secrets.clean(error);
        assert!(matches!(&cleaned, object_store::Error::PermissionDenied { path, .. } if path == "x"));
        assert!(!format!("{cleaned} {cleaned:?}").contains("ter"), "{cleaned:?}");
        assert!(cleaned.to_string().contains("***"), "{cleaned}");
    }
    assert_eq!(format!("{secrets:?}"), "Secrets(..)");
}

#[test]
fn variables_are_picked_by_name() {
    let pairs = [
        ("AWS_DEFAULT_REGION", "b"),
        ("AWS_REGION", "a"),
        ("AWS_PROFILE", "work"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_ENDPOINT_URL_S3", "https://x.example"),
        ("AWS_ENDPOINT_URL", "https://y.example"),
        ("AWS_ALLOW_HTTP", ""),
        ("REGION", "c"),
        ("PATH", "/bin"),
    ];
    let picked = VOCABULARY.pick(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())));
    let picked: Vec<_> = picked.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(picked, [("endpoint", "https://x.example"), ("region", "a"), ("secret_access_key", "s")]);
}
