//! Bundles over HTTPS: fetched when they are new, kept for a start without network, and refused like all others.

use std::sync::{Arc, Mutex};

use ringfence::Limits;
use ringfence_edge::source::{Source, SourceError, Updater};
use ringfence_edge::{Change, Worker, WorkerConfig};
use ringfence_edge_tests::{draft, key, native, skill, trust};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::number;

/// What the server gives, and what it was asked.
#[derive(Default)]
struct Shelf {
    tag: String,
    body: Vec<u8>,
    status: u16,
    asked: Vec<String>,
}

struct Site {
    url: String,
    ca: tempfile::NamedTempFile,
    shelf: Arc<Mutex<Shelf>>,
}

/// A server at a free port, with a certificate of its own.
async fn site() -> Site {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), made.cert.pem()).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://localhost:{}/edge.rfb?a=b", listener.local_addr().unwrap().port());
    let shelf = Arc::new(Mutex::new(Shelf::default()));
    let of_task = Arc::clone(&shelf);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                head.push(byte);
            }
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let answer = {
                let mut shelf = of_task.lock().unwrap();
                shelf.asked.push(head.clone());
                let Shelf { tag, body, status, .. } = &*shelf;
                let known = !tag.is_empty() && head.contains(&format!("if-none-match: {tag}"));
                let (status, body) = if known { (304, &[][..]) } else { (*status, &**body) };
                let tag = if tag.is_empty() { String::new() } else { format!("etag: {tag}\r\n") };
                let head = format!("HTTP/1.1 {status} x\r\n{tag}content-length: {}\r\n\r\n", body.len());
                [head.as_bytes(), body].concat()
            };
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
    });
    Site { url, ca, shelf }
}

impl Site {
    fn put(&self, tag: &str, body: Vec<u8>) {
        let mut shelf = self.shelf.lock().unwrap();
        (shelf.tag, shelf.body, shelf.status) = (tag.to_owned(), body, 200);
    }

    fn source(&self) -> Source {
        Source::parse(&self.url, Some(self.ca.path())).unwrap()
    }
}

fn bundle(version: u32) -> Vec<u8> {
    draft(version.into(), vec![skill("n", &number(version), &Limits::default(), &[native()])])
        .sign(&key())
        .unwrap()
}

fn worker() -> Worker {
    Worker::new(WorkerConfig::default(), trust()).unwrap()
}

fn version(worker: &Worker) -> u64 {
    worker.serving().map_or(0, |serving| serving.manifest().version)
}

#[tokio::test]
async fn a_bundle_is_fetched_when_it_is_new() {
    let site = site().await;
    let worker = worker();
    let mut updater = Updater::new(worker.clone(), site.source(), None);
    site.put("\"one\"", bundle(1));
    assert_eq!(updater.look().await.unwrap(), Change::Swapped);
    assert_eq!(updater.look().await.unwrap(), Change::Unchanged);
    site.put("\"two\"", bundle(2));
    assert_eq!(updater.look().await.unwrap(), Change::Swapped);
    assert_eq!(version(&worker), 2);
    let asked = site.shelf.lock().unwrap().asked.clone();
    assert!(
        asked[0].starts_with("get /edge.rfb?a=b http/1.1") && !asked[0].contains("if-none-match"),
        "{asked:?}"
    );
    assert!(
        asked[1].contains("if-none-match: \"one\"") && asked[2].contains("if-none-match: \"one\""),
        "{asked:?}"
    );
    // What was refused is asked for again: the tag is that of what serves.
    site.put("\"three\"", bundle(1));
    assert!(
        matches!(updater.look().await, Err(SourceError::Refused(error)) if error.code() == "bundle-rollback")
    );
    site.put("", bundle(3));
    assert_eq!(updater.look().await.unwrap(), Change::Swapped, "a server without tags");
    assert_eq!(updater.look().await.unwrap(), Change::Unchanged);
}

#[tokio::test]
async fn an_invalid_bundle_leaves_the_old_one_serving() {
    let site = site().await;
    let config = WorkerConfig::default().with_bundle(64 << 10);
    let worker = Worker::new(config, trust()).unwrap();
    let mut updater = Updater::new(worker.clone(), site.source(), None);
    site.put("\"one\"", bundle(1));
    updater.look().await.unwrap();
    let failure = async |updater: &mut Updater| updater.look().await.unwrap_err().to_string();
    site.put("\"two\"", b"<html>".to_vec());
    assert!(failure(&mut updater).await.contains("not a bundle"));
    site.put("\"two\"", vec![0; (64 << 10) + 1]);
    assert!(failure(&mut updater).await.contains("more than 65536 bytes"));
    site.shelf.lock().unwrap().status = 302;
    assert!(failure(&mut updater).await.contains("302"));
    site.shelf.lock().unwrap().status = 404;
    assert!(failure(&mut updater).await.contains("404"));
    assert_eq!(version(&worker), 1);
}

#[tokio::test]
async fn the_cache_is_for_a_start_without_network() {
    let site = site().await;
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache.rfb");
    let mut updater = Updater::new(worker(), site.source(), Some(cache.clone()));
    assert!(updater.from_cache().await.unwrap().is_none(), "there is none yet");
    site.put("\"one\"", bundle(1));
    updater.look().await.unwrap();
    site.put("\"two\"", b"not a bundle".to_vec());
    updater.look().await.unwrap_err();
    // The next start.
    let again = worker();
    let mut updater = Updater::new(again.clone(), site.source(), Some(cache.clone()));
    assert_eq!(updater.from_cache().await.unwrap(), Some(Change::Swapped));
    assert_eq!(version(&again), 1, "what was good was kept, and what was not was not");
    // And a cache that somebody altered is a bundle like all others.
    let mut altered = bundle(1);
    let last = altered.len() - 1;
    altered[last] ^= 1;
    std::fs::write(&cache, altered).unwrap();
    let mut updater = Updater::new(worker(), site.source(), Some(cache));
    assert!(updater.from_cache().await.unwrap_err().to_string().contains("altered"));
}

#[tokio::test]
async fn the_server_is_verified() {
    let site = site().await;
    site.put("", bundle(1));
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), other.cert.pem()).unwrap();
    for source in
        [Source::parse(&site.url, Some(ca.path())).unwrap(), Source::parse(&site.url, None).unwrap()]
    {
        let error = Updater::new(worker(), source, None).look().await.unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");
    }
    // The name is another one.
    let source = Source::parse(&site.url.replace("localhost", "127.0.0.1"), Some(site.ca.path())).unwrap();
    assert!(Updater::new(worker(), source, None).look().await.is_err());
}

#[test]
fn other_urls_and_certificates_are_refused_by_name() {
    let ca = tempfile::NamedTempFile::new().unwrap();
    for (text, ca, word) in [
        ("http://a/b", None, "unsupported URL scheme `http`"),
        ("ftp://a/b", None, "unsupported URL scheme `ftp`"),
        ("https://u:p@a/b", None, "remove them"),
        ("https://", None, "URL"),
        ("https://a/b", Some(ca.path()), "the file has no certificate"),
        ("edge.rfb", Some(ca.path()), "the bundle is a file"),
    ] {
        let error = Source::parse(text, ca).unwrap_err().to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
    assert!(matches!(Source::parse("edge.rfb", None), Ok(Source::Path(_))));
    assert!(matches!(Source::parse("HTTPS://a/b", None), Ok(Source::Url(_))));
}
