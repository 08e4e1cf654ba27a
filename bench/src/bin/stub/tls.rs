//! TLS for `@connections`: an authority and a certificate made at every start, good for loopback and for nothing else.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// The acceptor, and the file with the authority's certificate, for `SSL_CERT_FILE` and `NODE_EXTRA_CA_CERTS`.
pub(crate) fn acceptor(folder: &Path) -> Result<(TlsAcceptor, String)> {
    let mut authority = CertificateParams::new(Vec::new())?;
    // A name of its own: a certificate whose issuer is called as itself is taken for self-signed.
    authority.distinguished_name.push(DnType::CommonName, "authority of a stub");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(NAMES.map(str::to_owned))?.signed_by(&key, &authority)?;
    let file = folder.join("authority.pem");
    std::fs::write(&file, authority.pem())?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((TlsAcceptor::from(Arc::new(config)), file.to_string_lossy().into_owned()))
}
