//! Which templates there are and which variables each may use. `prompts/README.md` says the same;
//! a test compares them.

/// What the model is told before the conversation.
pub(super) const SYSTEM: &str = "system.md.j2";

/// What the model is told when it must answer without further tools.
pub(super) const LAST_TURN: &str = "last_turn.md.j2";

/// What the asker is told when no answer will come.
pub(super) const NOTICE: &str = "notice.md.j2";

/// A template that must be there.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// Its file, relative to the prompts' directory.
    pub name: &'static str,
    /// What it may use.
    pub variables: &'static [Variable],
}

/// Something that a template may use.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name, with a dot where it is a part of another.
    pub name: &'static str,
    /// Two values that it can take, as JSON: templates are tried with both.
    pub samples: [&'static str; 2],
}

const fn variable(name: &'static str, samples: [&'static str; 2]) -> Variable {
    Variable { name, samples }
}

/// All templates. Any other file may use whatever one of these may, since it can only be included.
pub const CATALOGUE: &[Template] = &[
    Template {
        name: SYSTEM,
        variables: &[
            variable("name", ["\"Athenaeum\"", "\"Thea\""]),
            variable("now", ["\"Monday, 1 January 2026, 09:00 (UTC)\"", "\"today\""]),
            variable("asker.name", ["\"Ada\"", "null"]),
            variable("asker.timezone", ["\"Europe/Berlin\"", "null"]),
            variable("has_tools", ["true", "false"]),
            variable("servers_down", ["[]", "[\"docs\"]"]),
        ],
    },
    Template { name: LAST_TURN, variables: &[] },
    Template {
        name: NOTICE,
        variables: &[
            variable("event_id", ["42", "1"]),
            variable("attempts", ["5", "1"]),
            variable("reason", ["\"something failed on my side\"", "\"the model is down\""]),
            variable("reason_code", ["\"unknown\"", "\"model_unavailable\""]),
        ],
    },
];
