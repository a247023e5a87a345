//! TLS by rustls: the granted name, the web's roots or a CA file, and a client certificate where a grant has one.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use ringfence_policy::{HttpRule, RuleId};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::error::EgressError;

/// Client configurations, made once for each set of files.
#[derive(Default)]
pub(crate) struct Tls {
    web: Mutex<Option<Arc<ClientConfig>>>,
    files: Mutex<HashMap<Files, Arc<ClientConfig>>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Configurations with files that are kept. Beyond it they are made again.
const KEPT: usize = 256;

/// The files of a rule with their times, so that a renewed certificate counts from the next request on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Files {
    ca: Option<Stamped>,
    certificate: Option<Stamped>,
    key: Option<Stamped>,
}

type Stamped = (PathBuf, Option<SystemTime>);

struct BadFile {
    path: PathBuf,
    reason: String,
}

impl BadFile {
    fn new(path: &Path, reason: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), reason: reason.to_string() }
    }
}

fn stamped(path: Option<&PathBuf>) -> Option<Stamped> {
    path.map(|path| (path.clone(), fs::metadata(path).and_then(|metadata| metadata.modified()).ok()))
}

impl Tls {
    /// Returns the configuration for a rule.
    pub(crate) async fn config(
        self: &Arc<Self>,
        id: RuleId,
        rule: &HttpRule,
    ) -> Result<Arc<ClientConfig>, EgressError> {
        if rule.ca_file.is_none() && rule.client_certificate.is_none() {
            let mut web = self.web.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(config) = &*web {
                return Ok(Arc::clone(config));
            }
            let config = make(None, None).map_err(|bad| refused(id, bad))?;
            *web = Some(Arc::clone(&config));
            return Ok(config);
        }
        let (tls, rule) = (Arc::clone(self), rule.clone());
        let made = tokio::task::spawn_blocking(move || tls.with_files(&rule)).await;
        let made = made.unwrap_or_else(|error| Err(BadFile::new(Path::new(""), error)));
        made.map_err(|bad| refused(id, bad))
    }

    fn with_files(&self, rule: &HttpRule) -> Result<Arc<ClientConfig>, BadFile> {
        let files = Files {
            ca: stamped(rule.ca_file.as_ref()),
            certificate: stamped(rule.client_certificate.as_ref()),
            key: stamped(rule.client_key.as_ref()),
        };
        let known = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(&files).cloned();
        if let Some(config) = known {
            return Ok(config);
        }
        let client = rule.client_certificate.as_deref().zip(rule.client_key.as_deref());
        let config = make(rule.ca_file.as_deref(), client)?;
        let mut kept = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(files, Arc::clone(&config));
        Ok(config)
    }
}

fn refused(rule: RuleId, bad: BadFile) -> EgressError {
    EgressError::File { path: bad.path, rule, reason: bad.reason }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BadFile> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| BadFile::new(path, error))?;
    if certificates.is_empty() {
        return Err(BadFile::new(path, "it has no certificate"));
    }
    Ok(certificates)
}

fn make(ca: Option<&Path>, client: Option<(&Path, &Path)>) -> Result<Arc<ClientConfig>, BadFile> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| BadFile::new(path, error))?;
            }
        }
    }
    // Named, so that a second provider in the program changes nothing.
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BadFile::new(Path::new(""), error))?
        .with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| BadFile::new(key, error))?;
            builder.with_client_auth_cert(chain, key_der).map_err(|error| BadFile::new(certificate, error))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
