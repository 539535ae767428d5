//! Says in a few words what a tool does, for the person who waits.

/// The longest a tool's name may be in a step's text, in characters.
const NAME_CHARS_MAX: usize = 60;

/// The first words of tool names that have a form of their own.
const DOING: &[(&str, &str)] = &[
    ("search", "Searching"),
    ("find", "Finding"),
    ("query", "Querying"),
    ("look", "Looking"),
    ("read", "Reading"),
    ("get", "Getting"),
    ("fetch", "Fetching"),
    ("list", "Listing"),
    ("write", "Writing"),
    ("create", "Creating"),
    ("update", "Updating"),
    ("delete", "Deleting"),
    ("send", "Sending"),
    ("run", "Running"),
];

/// `search_docs` becomes "Searching docs…", `weather` "Using weather…".
pub(crate) fn step_text(tool: &str) -> String {
    let words: Vec<_> = tool.split(|c: char| !c.is_alphanumeric()).collect();
    let words = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(NAME_CHARS_MAX).collect();
    let (first, rest) = words.split_once(' ').unwrap_or((&words, ""));
    match DOING.iter().find(|(name, _)| name.eq_ignore_ascii_case(first)) {
        Some((_, doing)) if rest.is_empty() => format!("{doing}…"),
        Some((_, doing)) => format!("{doing} {rest}…"),
        None if words.is_empty() => "Using a tool…".to_owned(),
        None => format!("Using {words}…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_name_becomes_a_step() {
        for (tool, text) in [
            ("search_docs", "Searching docs…"),
            ("read-file", "Reading file…"),
            ("search", "Searching…"),
            ("weather", "Using weather…"),
            ("--", "Using a tool…"),
        ] {
            assert_eq!(step_text(tool), text);
        }
    }
}
