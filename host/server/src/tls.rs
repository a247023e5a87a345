//! TLS with rustls, for HTTP/1.1 only. Reads certificate and key from two PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{DEFAULT_VERSIONS, ServerConfig};

use crate::config::{ConfigError, Tls};

/// Reads both files into a TLS configuration.
pub(crate) fn read(tls: &Tls) -> Result<Arc<ServerConfig>, ConfigError> {
    let wrong =
        |path: &Path, reason: String| ConfigError::Unusable { file: path.display().to_string(), reason };
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| wrong(path, format!("cannot read it: {error}")));
    let pem = read(&tls.certificate)?;
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain =
        chain.map_err(|error| wrong(&tls.certificate, format!("expected certificates in PEM: {error}")))?;
    if chain.is_empty() {
        return Err(wrong(&tls.certificate, "expected certificates in PEM".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&tls.key)?)
        .map_err(|error| wrong(&tls.key, format!("expected a private key in PEM: {error}")))?;
    let unusable = |error: tokio_rustls::rustls::Error| wrong(&tls.certificate, error.to_string());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(DEFAULT_VERSIONS)
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
