//! The lines of `tables/`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
pub(crate) struct OutcomeLine<'a> {
    pub(crate) event: i64,
    pub(crate) generation: i32,
    #[serde(borrow)]
    pub(crate) state: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) attempts: i32,
    pub(crate) ended_at: i64,
    pub(crate) token: Option<i64>,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(crate) struct AttemptLine<'a> {
    pub(crate) event: i64,
    pub(crate) generation: i32,
    pub(crate) token: i64,
    #[serde(borrow)]
    pub(crate) outcome: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(crate) struct EventLine<'a> {
    pub(crate) event: i64,
    #[serde(borrow)]
    pub(crate) source: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(crate) struct DeliveryLine<'a> {
    #[serde(borrow)]
    pub(crate) key: Cow<'a, str>,
    pub(crate) event: i64,
}

#[derive(Deserialize)]
pub(crate) struct JobLine<'a> {
    pub(crate) event: i64,
    pub(crate) generation: i32,
    #[serde(borrow)]
    pub(crate) state: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) holder: Option<i64>,
    pub(crate) claimed_at: Option<i64>,
}

#[derive(Deserialize)]
pub(crate) struct StepLine<'a> {
    pub(crate) event: i64,
    pub(crate) generation: i32,
    pub(crate) number: i32,
    pub(crate) token: Option<i64>,
    /// Set when a replay took the step over.
    pub(crate) copied_from: Option<i32>,
    #[serde(borrow)]
    pub(crate) result: Option<&'a RawValue>,
}

/// An operator's act.
#[derive(Deserialize)]
pub(crate) struct AuditLine<'a> {
    #[serde(borrow)]
    pub(crate) action: Cow<'a, str>,
    pub(crate) subject: serde_json::Value,
}

/// One child of a fan-out.
#[derive(Deserialize)]
pub(crate) struct ChildLine<'a> {
    pub(crate) parent: i64,
    pub(crate) generation: i32,
    #[serde(borrow)]
    pub(crate) group: Cow<'a, str>,
    pub(crate) event: i64,
}
