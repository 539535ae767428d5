//! The JSON objects that programs read; docs/cli-json.md describes them.

mod events;
mod operate;

pub(crate) use events::{EventFull, EventLine, EventList};
pub(crate) use operate::{
    Cancelled, Held, IncidentLine, IncidentList, PauseLine, PauseList, Paused, Purged, Released,
    Replayed, Resumed, ScheduleChanged, ScheduleLine, ScheduleList,
};

use event::{EventId, Reply, Source, Timestamp};
use serde::{Serialize, Serializer};

use crate::moment;

/// A moment, in RFC 3339.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub Timestamp);

/// A moment, where there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maybe(pub Option<Timestamp>);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Moment(at)
    }
}

impl From<Timestamp> for Maybe {
    fn from(at: Timestamp) -> Self {
        Maybe(Some(at))
    }
}

impl From<Option<Timestamp>> for Maybe {
    fn from(at: Option<Timestamp>) -> Self {
        Maybe(at)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&moment::rfc3339(self.0))
    }
}

impl Serialize for Maybe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.map(Moment).serialize(serializer)
    }
}

/// Views that show fields of a type of the queue under their own names, moments made readable.
macro_rules! views {
    ($($view:ident of $source:ty { $($(#[$meta:meta])* $field:ident: $type:ty),+ $(,)? })+) => {$(
        #[derive(Serialize)]
        pub(crate) struct $view {
            $($(#[$meta])* pub $field: $type),+
        }

        impl From<$source> for $view {
            fn from(source: $source) -> Self {
                $view { $($field: source.$field.into()),+ }
            }
        }
    )+};
}
pub(crate) use views;

#[derive(Serialize)]
pub(crate) struct Migrated {
    pub version: i64,
    pub applied: Vec<i64>,
}

/// What came of a question.
#[derive(Serialize)]
pub(crate) struct Answered {
    pub id: EventId,
    pub state: &'static str,
    pub reply: Option<ReplyView>,
    pub error: Option<Vec<String>>,
}

views! {
    ReplyView of Reply { text: String, sources: Vec<Source> }
}
