//! TLS with rustls, for HTTP/1.1 only. Reads certificate and key from two PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{DEFAULT_VERSIONS, ServerConfig};

use crate::config::{ConfigError, Tls};

fn wrong(path: &Path, what: &str, error: impl std::error::Error + Send + Sync + 'static) -> ConfigError {
    ConfigError::because(path.display().to_string(), what, error)
}

/// Reads both files into a TLS configuration.
pub(crate) fn read(tls: &Tls) -> Result<Arc<ServerConfig>, ConfigError> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| wrong(path, "cannot read it: ", error));
    let pem = read(&tls.certificate)?;
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|error| wrong(&tls.certificate, "expected certificates in PEM: ", error))?;
    if chain.is_empty() {
        let file = tls.certificate.display().to_string();
        return Err(ConfigError::unusable(file, "expected certificates in PEM"));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&tls.key)?)
        .map_err(|error| wrong(&tls.key, "expected a private key in PEM: ", error))?;
    let unusable = |error: tokio_rustls::rustls::Error| wrong(&tls.certificate, "", error);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(DEFAULT_VERSIONS)
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
