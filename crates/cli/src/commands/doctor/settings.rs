//! The environment variables.

use service::config::Faults;

use super::Finding;

/// What is wrong fails; what is unset may be set where ingest and the workers run, so it warns. The
/// database is needed everywhere.
pub(super) fn examine(faults: &Faults) -> Vec<Finding> {
    if faults.0.is_empty() {
        return vec![Finding::ok("configuration", "every variable is well formed")];
    }
    let finding = |fault: &service::config::Fault| {
        let check = format!("configuration.{}", fault.variable);
        let found = format!("expected {}, found {}", fault.expected, fault.found);
        let unset = fault.found == "nothing";
        match unset && fault.variable != "DATABASE_URL" {
            true => Finding::warn(&check, format!("{found} here"), fault.advice),
            false => Finding::fail(&check, found, fault.advice),
        }
    };
    faults.0.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use service::config::DoctorConfig;

    use super::super::Level;
    use super::*;

    #[test]
    fn what_is_unset_warns_and_what_is_wrong_fails() {
        let config = DoctorConfig::read(&|name| {
            (name == "SLACK_APP_TOKEN").then(|| "xoxb-mixed-up".to_owned())
        });
        let findings = examine(&config.faults);
        let level = |check: &str| {
            let check = format!("configuration.{check}");
            findings.iter().find(|finding| finding.check == check).map(|finding| finding.level)
        };
        assert_eq!(level("DATABASE_URL"), Some(Level::Fail));
        assert_eq!(level("SLACK_APP_TOKEN"), Some(Level::Fail));
        assert_eq!(level("SLACK_BOT_TOKEN"), Some(Level::Warn));
        assert_eq!(level("ATHENAEUM_WORKER_SLOTS"), None);
    }
}
