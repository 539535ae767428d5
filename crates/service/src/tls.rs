//! The one TLS provider of a process.

/// Makes `ring` the process's TLS provider. The first line of every `main` and test harness that
/// opens a TLS connection: without a default, `rustls` panics in whichever task connects first.
pub fn install() {
    // A second call finds the provider that the first one set; that is what it wants.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
