//! TLS: HTTP over it as without, and a certificate that is replaced while the server runs.

use std::sync::Arc;

use ringfence_server::{Server, Source};
use ringfence_server_tests::Request;
use ringfence_server_tests::guests::ECHO;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::plan;

fn write_certificate(dir: &std::path::Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// Connects, and takes no other certificate than this one.
async fn connect(
    address: std::net::SocketAddr,
    certificate: &CertificateDer<'static>,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_served_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let first = write_certificate(dir.path());
    let file = dir.path().join("ringfence.toml");
    let text = "store = \"store\"\n[listen]\naddress = \"127.0.0.1:0\"\nheader-timeout = \"200ms\"\n\
                [tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"";
    std::fs::write(&file, text).unwrap();
    let (_, library) = plan().skill("echo", ECHO).library(&dir).await;
    let source = Source { file, address: None, store: None };
    let server = Server::new(library, source.read().unwrap()).await.unwrap().with_source(source);
    assert!(server.uses_tls());
    let listener = server.bind().await.unwrap();
    let address = listener.local_addr().unwrap();
    server.settle().await;
    let serving = tokio::spawn(server.clone().serve(listener, std::future::pending()));

    let client = ringfence_server_tests::Client::new(address, None);
    let call = Request::post("/v1/skills/echo/tools/echo").json(r#"{"text": "hi"}"#);
    let mut stream = connect(address, &first).await.unwrap();
    assert_eq!(client.send_on(&mut stream, &call).await.json()["value"], "hi");

    // Plain text, and silence, are no handshake: the connection ends, and nothing else does.
    let mut plain = client.connect().await;
    tokio::io::AsyncWriteExt::write_all(&mut plain, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut silent = client.connect().await;
    for stream in [&mut plain, &mut silent] {
        let mut rest = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(stream, &mut rest);
        let _ = tokio::time::timeout(ringfence_server_tests::PATIENCE, read).await.expect("it ends");
        assert!(!rest.starts_with(b"HTTP"));
    }

    let second = write_certificate(dir.path());
    server.reload().await.unwrap();
    assert!(connect(address, &first).await.is_err());
    let mut stream = connect(address, &second).await.unwrap();
    assert_eq!(client.send_on(&mut stream, &call).await.json()["value"], "hi");
    // One that cannot be used changes nothing.
    std::fs::write(dir.path().join("cert.pem"), "nothing").unwrap();
    assert!(server.reload().await.is_err());
    assert!(connect(address, &second).await.is_ok());
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_fails_before_listening() {
    let dir = tempfile::tempdir().unwrap();
    write_certificate(dir.path());
    for (certificate, key, file) in [
        ("gone.pem", "key.pem", "gone.pem"),
        ("key.pem", "key.pem", "key.pem"),
        ("cert.pem", "cert.pem", "cert.pem"),
    ] {
        let text = format!("[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"");
        let config = ringfence_server::Config::parse(&text, &dir.path().join("ringfence.toml")).unwrap();
        let (_, library) = plan().library(&dir).await;
        let error = Server::new(library, config).await.expect_err("it cannot be used").to_string();
        assert!(error.contains(file), "{error}");
    }
}
