//! TLS to the database: rustls with ring, as `sslmode` says.
//!
//! `disable`, `allow`, `prefer` and no word at all: plain. `require`: encrypted, the server's
//! certificate unchecked, as libpq does it. `verify-ca` and `verify-full`: checked with the host's
//! name against `sslrootcert` or the system's roots.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::QueueError;

/// What `sslmode` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// No TLS.
    Plain,
    /// Encrypted, unchecked.
    Encrypted,
    /// Encrypted and checked, against this file of roots or the system's.
    Checked {
        /// A PEM file.
        roots: Option<String>,
    },
}

/// The connector for a mode; `None` for plain connections.
pub(crate) fn connector(mode: &TlsMode) -> Result<Option<MakeRustlsConnect>, QueueError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| QueueError::Tls { found: error.to_string() })?;
    let config = match mode {
        TlsMode::Plain => return Ok(None),
        TlsMode::Encrypted => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unchecked(provider)))
            .with_no_client_auth(),
        TlsMode::Checked { roots } => {
            builder.with_root_certificates(root_store(roots.as_deref())?).with_no_client_auth()
        }
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn root_store(file: Option<&str>) -> Result<RootCertStore, QueueError> {
    let mut store = RootCertStore::empty();
    let Some(file) = file else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return match store.is_empty() {
            true => {
                Err(tls("no usable root certificates on this system; name a file with sslrootcert"))
            }
            false => Ok(store),
        };
    };
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| tls(&format!("sslrootcert={file}: {error}")))?;
    match store.add_parsable_certificates(certificates) {
        (0, _) => Err(tls(&format!("sslrootcert={file} holds no usable certificate"))),
        _ => Ok(store),
    }
}

fn tls(found: &str) -> QueueError {
    QueueError::Tls { found: found.to_owned() }
}

/// Takes any certificate: what `sslmode=require` means.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_needs_no_connector_and_encryption_has_one() {
        assert!(connector(&TlsMode::Plain).unwrap().is_none());
        assert!(connector(&TlsMode::Encrypted).unwrap().is_some());
    }

    #[test]
    fn a_missing_root_file_is_named() {
        let mode = TlsMode::Checked { roots: Some("/nonexistent.pem".to_owned()) };
        let Err(error) = connector(&mode) else { panic!("the file does not exist") };
        assert!(error.to_string().contains("/nonexistent.pem"), "{error}");
    }
}
