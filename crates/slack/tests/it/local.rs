//! Both halves against the local Slack.
