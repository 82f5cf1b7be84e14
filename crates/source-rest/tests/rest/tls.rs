//! Servers that nobody trusts, and those that speak no TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use stitchwork_core::ErrorKind;
use stitchwork_source_rest::{RequestConfig, rest};

use crate::read;

/// A server that is asked by whoever connects; its port, and how many have come.
fn server(answer: impl Fn(std::net::TcpStream) + Send + 'static) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            answer(stream.unwrap());
        }
    });
    (port, count)
}

fn with_own_certificate() -> (u16, Arc<AtomicUsize>) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    server(move |mut stream| {
        let mut tls = rustls::ServerConnection::new(config.clone()).unwrap();
        // The client breaks off.
        let _ = tls.complete_io(&mut stream);
    })
}

/// What answers there in TLS is no answer to plain HTTP.
#[tokio::test]
async fn a_server_of_https_asked_by_http_is_told() {
    let (port, _) = server(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        // The alert that the message was none of TLS.
        let _ = stream.write_all(&[0x15, 3, 1, 0, 2, 2, 70]);
    });
    let once = RequestConfig { max_attempts: 1, ..RequestConfig::default() };
    let source =
        rest(format!("http://localhost:{port}/")).stream("rows", "rows").requests(once).build().unwrap();
    let error = read(&source, None).await.unwrap_err();
    assert!(error.message().contains("whether `https://` is meant"), "{error}");
}

async fn refusal(url: String) -> stitchwork_core::Error {
    let source = rest(url).stream("rows", "rows").build().unwrap();
    read(&source, None).await.unwrap_err()
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_told_at_once() {
    let (port, count) = with_own_certificate();
    let error = refusal(format!("https://localhost:{port}/")).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert!(error.message().contains("SSL_CERT_FILE"), "{error}");
    assert!(error.context("reason").unwrap().contains("certificate"), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 1, "trying again changes nothing");
}

#[tokio::test]
async fn a_server_without_tls_is_told_at_once() {
    let (port, count) = server(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    });
    let error = refusal(format!("https://localhost:{port}/")).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert!(error.message().contains("`http://`"), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}
