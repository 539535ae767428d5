//! The process's metrics, in Prometheus' text form.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of every `…_seconds` histogram, in seconds: from an indexed query to a slow answer.
pub const SECONDS_BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
    300.0,
];

static HANDLE: OnceLock<Result<PrometheusHandle, InstallError>> = OnceLock::new();

/// Why no recorder could be installed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("metrics cannot be recorded: {0}")]
pub struct InstallError(String);

/// Makes this process record what `metrics::counter!` and the like are told. The first call
/// installs, the others find it installed.
///
/// # Errors
/// When another recorder was installed by someone else.
pub fn install() -> Result<PrometheusHandle, InstallError> {
    HANDLE.get_or_init(|| build().map_err(|error| InstallError(error.to_string()))).clone()
}

fn build() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS_BUCKETS)?
        .install_recorder()
}
