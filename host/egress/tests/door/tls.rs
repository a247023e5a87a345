//! TLS: the granted name, a CA of the operator's own, and client certificates.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ringfence_egress::{EgressError, GuestError};
use rustls_pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::site::{Gate, Names, Site, ok};

pub(crate) type Ca = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn ca() -> Ca {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Makes a certificate for a name, and writes it and its key.
fn leaf(ca: &Ca, name: &str, dir: &Path) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, ca).unwrap();
    std::fs::write(dir.join(format!("{name}.pem")), certificate.pem()).unwrap();
    std::fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    (certificate, key)
}

/// Serves TLS with a certificate for `name`, and asks for client certificates of `clients`.
pub(crate) async fn serve(ca: &Ca, name: &str, dir: &Path, clients: bool) -> Site {
    let (certificate, key) = leaf(ca, name, dir);
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if clients {
        let mut roots = RootCertStore::empty();
        roots.add(ca.der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (site, serve) = Site::on(listener.local_addr().unwrap(), |_| ok("over TLS").into_bytes());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, serving) = (acceptor.clone(), &serve);
            let stream = acceptor.accept(stream).await;
            if let Ok(stream) = stream {
                tokio::spawn(serving(Box::new(stream)));
            }
        }
    });
    site
}

pub(crate) fn folder(ca: &Ca) -> (TempDir, String) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, ca.pem()).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (dir, file)
}

#[tokio::test]
async fn the_server_is_verified_by_the_granted_name_and_ca() {
    let ca = ca();
    let (dir, file) = folder(&ca);
    let site = serve(&ca, "allowed.example", dir.path(), false).await;
    let names = Names::on_loopback(&["allowed.example", "other.example"]);
    let grant = |host: &str, options: &str| {
        let url = format!("https://{host}:{}/", site.port());
        (Gate::new(&names, &[&format!("http GET {url} private=127.0.0.0/8 {options}")]), url)
    };
    let (good, url) = grant("allowed.example", &format!("ca-file={file}"));
    assert_eq!(good.text(&url).await.unwrap(), "over TLS");
    assert_eq!(good.text(&url).await.unwrap(), "over TLS");
    // Another name than the certificate's, an address, and the web's roots.
    for (host, options) in [
        ("other.example", format!("ca-file={file}")),
        ("127.0.0.1", format!("ca-file={file}")),
        ("allowed.example", String::new()),
    ] {
        let (gate, url) = grant(host, &options);
        let error = gate.get(&url).await.unwrap_err();
        assert!(matches!(error, EgressError::Tls { .. }), "{host} {options}: {error}");
        assert_eq!(error.guest(), GuestError::Tls);
    }
    assert_eq!(site.seen().len(), 2);
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_the_grant_has_one() {
    let ca = ca();
    let (dir, file) = folder(&ca);
    let site = serve(&ca, "allowed.example", dir.path(), true).await;
    leaf(&ca, "client", dir.path());
    let url = format!("https://allowed.example:{}/", site.port());
    let names = Names::on_loopback(&["allowed.example"]);
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let options =
        format!("ca-file={file} client-certificate={} client-key={}", at("client.pem"), at("client.key"));
    let gate = Gate::new(&names, &[&format!("http GET {url} private=127.0.0.0/8 {options}")]);
    assert_eq!(gate.text(&url).await.unwrap(), "over TLS");
    let gate = Gate::new(&names, &[&format!("http GET {url} private=127.0.0.0/8 ca-file={file}")]);
    assert!(gate.text(&url).await.is_err());
    assert_eq!(site.seen().len(), 1);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_to_the_operator_only() {
    let ca = ca();
    let (dir, file) = folder(&ca);
    let site = serve(&ca, "allowed.example", dir.path(), false).await;
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let url = format!("https://allowed.example:{}/", site.port());
    let missing = dir.path().join("missing.pem");
    for (options, path) in [
        (format!("ca-file={}", missing.display()), &missing),
        (format!("ca-file={}", empty.display()), &empty),
        (format!("ca-file={file} client-certificate={file} client-key={}", empty.display()), &empty),
    ] {
        let names = Names::on_loopback(&["allowed.example"]);
        let gate = Gate::new(&names, &[&format!("http GET {url} private=127.0.0.0/8 {options}")]);
        let error = gate.get(&url).await.unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(error.guest(), GuestError::Unavailable);
    }
}

#[tokio::test]
async fn a_renewed_file_counts_from_the_next_request_on() {
    let (old, new) = (ca(), ca());
    let (dir, file) = folder(&old);
    let site = serve(&new, "allowed.example", dir.path(), false).await;
    let url = format!("https://allowed.example:{}/", site.port());
    let names = Names::on_loopback(&["allowed.example"]);
    let gate = Gate::new(&names, &[&format!("http GET {url} private=127.0.0.0/8 ca-file={file}")]);
    assert!(matches!(gate.get(&url).await, Err(EgressError::Tls { .. })));
    std::fs::write(&file, new.pem()).unwrap();
    let later = std::time::SystemTime::now().checked_add(std::time::Duration::from_secs(5)).unwrap();
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
    assert_eq!(gate.text(&url).await.unwrap(), "over TLS");
}
