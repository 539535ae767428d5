//! The `rich_text` block that Slack makes of a message's text.

use serde_json::{Value, json};

use super::ts::Ts;

/// The blocks of a message that was sent as plain text with Slack's markup.
pub(super) fn blocks(ts: Ts, text: &str) -> Value {
    json!([{
        "type": "rich_text", "block_id": block_id(ts),
        "elements": [{"type": "rich_text_section", "elements": elements(text)}],
    }])
}

/// The block of a message that was sent as Markdown.
pub(super) fn markdown_block(ts: Ts, text: &str) -> Value {
    json!([{"type": "markdown", "block_id": block_id(ts), "text": text}])
}

fn block_id(ts: Ts) -> String {
    format!("b{:x}", ts.0)
}

fn elements(text: &str) -> Vec<Value> {
    let mut elements = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let Some(close) = rest[open..].find('>').map(|at| open + at) else { break };
        let Some(element) = special(&rest[open + 1..close]) else {
            plain.push_str(&rest[..=close]);
            rest = &rest[close + 1..];
            continue;
        };
        plain.push_str(&rest[..open]);
        flush(&mut plain, &mut elements);
        elements.push(element);
        rest = &rest[close + 1..];
    }
    plain.push_str(rest);
    flush(&mut plain, &mut elements);
    elements
}

fn flush(plain: &mut String, elements: &mut Vec<Value>) {
    if !plain.is_empty() {
        elements.push(json!({"type": "text", "text": unescape(plain)}));
        plain.clear();
    }
}

/// What stands between angle brackets: a mention, a channel, a broadcast or a link.
fn special(inner: &str) -> Option<Value> {
    let (target, label) = match inner.split_once('|') {
        Some((target, label)) => (target, Some(label)),
        None => (inner, None),
    };
    if let Some(user) = target.strip_prefix('@') {
        return Some(json!({"type": "user", "user_id": user}));
    }
    if let Some(channel) = target.strip_prefix('#') {
        return Some(json!({"type": "channel", "channel_id": channel}));
    }
    if let Some(group) = target.strip_prefix("!subteam^") {
        return Some(json!({"type": "usergroup", "usergroup_id": group}));
    }
    if let Some(range @ ("here" | "channel" | "everyone")) = target.strip_prefix('!') {
        return Some(json!({"type": "broadcast", "range": range}));
    }
    let is_link = ["http://", "https://", "mailto:"].iter().any(|s| target.starts_with(s));
    is_link.then(|| match label {
        Some(label) => json!({"type": "link", "url": target, "text": unescape(label)}),
        None => json!({"type": "link", "url": target}),
    })
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_elements_and_the_rest_stays_text() {
        let check = |text: &str, expected: Value| assert_eq!(json!(elements(text)), expected);
        check("plain", json!([{"type": "text", "text": "plain"}]));
        check(
            "<@U1> a &lt; b <https://x.example|x>",
            json!([
                {"type": "user", "user_id": "U1"},
                {"type": "text", "text": " a < b "},
                {"type": "link", "url": "https://x.example", "text": "x"},
            ]),
        );
        check(
            "<!subteam^S1|@ops> <!here>",
            json!([
                {"type": "usergroup", "usergroup_id": "S1"},
                {"type": "text", "text": " "},
                {"type": "broadcast", "range": "here"},
            ]),
        );
        check("1 < 2 <odd> <", json!([{"type": "text", "text": "1 < 2 <odd> <"}]));
    }
}
