use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// A channel that shows what it is told, unless it is told to fail.
#[derive(Default)]
struct Channel {
    messages: Vec<String>,
    acts: Vec<(Duration, Act)>,
    now: Duration,
}

impl Channel {
    /// Lets `millis` pass; each act goes as `went` says.
    fn pass(&mut self, script: &mut Script, millis: u32, mut went: impl FnMut(&Act) -> Went) {
        let end = self.now + MS * millis;
        loop {
            while let Some(act) = script.next(self.now) {
                self.act(script, act, &mut went);
            }
            match script.due().filter(|due| *due <= end) {
                Some(due) => self.now = due.max(self.now + MS),
                None => break,
            }
        }
        self.now = end;
    }

    fn act(&mut self, script: &mut Script, act: Act, went: &mut impl FnMut(&Act) -> Went) {
        let mut how = went(&act);
        if let Went::Well(ts) = &mut how {
            let begins = matches!(act, Act::Start(_) | Act::Post(_));
            *ts = begins.then(|| self.messages.len().to_string());
            self.show(&act);
        }
        script.went(&act, how, self.now);
        self.acts.push((self.now, act));
    }

    fn show(&mut self, act: &Act) {
        match act {
            Act::Status(_) => {}
            Act::Start(pieces) => self.messages.push(texts(pieces)),
            Act::Post(text) => self.messages.push(text.clone()),
            Act::Append(pieces) => self.latest().push_str(&texts(pieces)),
            Act::Close(text) => self.latest().push_str(text),
            Act::Edit(text) => self.latest().clone_from(text),
        }
    }

    fn latest(&mut self) -> &mut String {
        self.messages.last_mut().unwrap()
    }

    fn count(&self, which: impl Fn(&Act) -> bool) -> usize {
        self.acts.iter().filter(|(_, act)| which(act)).count()
    }
}

fn texts(pieces: &[Chunk]) -> String {
    let text = |piece: &Chunk| match piece {
        Chunk::Text(text) => text.clone(),
        Chunk::Task { .. } => String::new(),
    };
    pieces.iter().map(text).collect()
}

fn well(_: &Act) -> Went {
    Went::Well(None)
}

#[test]
fn a_quick_answer_is_not_shown_in_the_making() {
    let (mut script, mut channel) = (Script::new(true), Channel::default());
    script.step("Thinking…".into());
    script.text("So it is.", channel.now);
    channel.pass(&mut script, 500, well);
    assert!(channel.acts.is_empty(), "{:?}", channel.acts);
    assert!(script.ended().parts.is_empty());
}

#[test]
fn a_slow_answer_is_streamed_with_its_tasks() {
    let (mut script, mut channel) = (Script::new(true), Channel::default());
    script.task(1, "Searching…".into(), TaskStatus::InProgress, Vec::new(), channel.now);
    channel.pass(&mut script, 1_000, well);
    let sources = vec![("guide.md".to_owned(), Some("https://g".to_owned()))];
    script.task(1, "Searching…".into(), TaskStatus::Complete, sources, channel.now);
    script.text("So", channel.now);
    channel.pass(&mut script, 3_000, well);
    script.text(" it is.", channel.now);
    channel.pass(&mut script, 3_000, well);
    assert_eq!(channel.messages, ["So it is."]);
    let tasks = channel.acts.iter().flat_map(|(_, act)| match act {
        Act::Start(pieces) | Act::Append(pieces) => pieces.clone(),
        Act::Status(_) | Act::Close(_) | Act::Post(_) | Act::Edit(_) => Vec::new(),
    });
    let tasks = tasks.filter(|piece| matches!(piece, Chunk::Task { .. })).count();
    assert_eq!((channel.acts.len(), tasks), (3, 2));
}

#[test]
fn a_stream_is_begun_anew_before_slack_ends_it_and_no_word_is_lost() {
    let (mut script, mut channel) = (Script::new(true), Channel::default());
    let mut all = String::new();
    for word in 0..600 {
        let word = format!("word{word} ");
        all.push_str(&word);
        script.text(&word, channel.now);
        channel.pass(&mut script, 1_000, well);
    }
    channel.pass(&mut script, 2_000, well);
    assert_eq!(channel.messages.len(), 3);
    assert_eq!(channel.messages.concat(), all);
    let shown = script.ended();
    assert_eq!(shown.cuts_of(&all).len(), 2);
}

#[test]
fn a_message_that_is_full_is_followed_by_another_with_its_fence() {
    let (mut script, mut channel) = (Script::new(true), Channel::default());
    script.text("```rust\n", channel.now);
    for line in 0..400 {
        script.text(&format!("let number{line} = {line};\n"), channel.now);
        channel.pass(&mut script, 100, well);
    }
    channel.pass(&mut script, 5_000, well);
    assert_eq!(channel.messages.len(), 3);
    assert!(channel.messages[0].ends_with(";\n```"), "{}", channel.messages[0]);
    assert!(channel.messages[1].starts_with("```rust\nlet number"), "{}", channel.messages[1]);
    for message in &channel.messages {
        assert!(message.chars().count() <= slack::api::EDIT_CHARS_MAX);
    }
}

#[test]
fn where_streams_are_refused_a_message_is_posted_and_edited_every_three_seconds_at_most() {
    let (mut script, mut channel) = (Script::new(true), Channel::default());
    for _ in 0..100 {
        script.text("more ", channel.now);
        channel.pass(&mut script, 100, |act| match matches!(act, Act::Start(_)) {
            true => Went::Refused,
            false => Went::Well(None),
        });
    }
    channel.pass(&mut script, 3_000, well);
    assert_eq!(channel.messages, ["more ".repeat(100)]);
    let edits = channel.count(|act| matches!(act, Act::Edit(_)));
    assert!((3..=4).contains(&edits), "{edits}");
}

#[test]
fn a_stream_that_slack_ended_is_edited_from_then_on() {
    let (mut script, mut channel) = (Script::new(true), Channel::default());
    script.text("one ", channel.now);
    channel.pass(&mut script, 1_000, well);
    script.text("two ", channel.now);
    channel.pass(&mut script, 2_000, |act| match matches!(act, Act::Append(_)) {
        true => Went::Over,
        false => Went::Well(None),
    });
    assert_eq!(channel.messages, ["one two "]);
    assert!(script.is_doubtful(), "whether it is closed is for the one who edits it to find out");
}

#[test]
fn a_person_who_stops_a_stream_is_shown_no_more() {
    let (mut script, mut channel) = (Script::new(true), Channel::default());
    script.text("one ", channel.now);
    channel.pass(&mut script, 1_000, well);
    script.text("two ", channel.now);
    channel.pass(&mut script, 60_000, |_| Went::Stopped);
    script.text("three ", channel.now);
    channel.pass(&mut script, 60_000, well);
    assert_eq!(channel.messages, ["one "]);
}

#[test]
fn a_status_line_is_renewed_before_slack_takes_it_away() {
    let (mut script, mut channel) = (Script::new(true), Channel::default());
    script.step("Thinking…".into());
    channel.pass(&mut script, 300_000, well);
    let times: Vec<u64> = channel.acts.iter().map(|(at, _)| at.as_secs()).collect();
    assert_eq!(times, [2, 92, 182, 272]);
}

#[test]
fn slacks_wish_for_patience_is_granted() {
    let (mut script, mut channel) = (Script::new(true), Channel::default());
    script.text("one ", channel.now);
    let mut asked = 0;
    channel.pass(&mut script, 20_000, |_| {
        asked += 1;
        if asked == 1 { Went::Later(Duration::from_secs(10)) } else { Went::Well(None) }
    });
    assert_eq!(channel.messages, ["one "]);
    assert!(channel.acts[1].0 >= Duration::from_secs(10));
}

fn any_went() -> impl Strategy<Value = Went> {
    prop_oneof![
        12 => Just(Went::Well(None)),
        1 => (1u64..5).prop_map(|seconds| Went::Later(Duration::from_secs(seconds))),
        1 => Just(Went::Refused),
        1 => Just(Went::Over),
        1 => Just(Went::Unknown),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_goes_wrong_a_message_is_known_to_show_what_it_shows(
        told in prop::collection::vec(("(word |ä |\n\n|```x\n|```\n|[a-z]{60} ){0,30}", 1u32..20_000), 0..30),
        mut went in prop::collection::vec(any_went(), 0..200),
    ) {
        let (mut script, mut channel) = (Script::new(true), Channel::default());
        let mut all = String::new();
        for (text, pause) in told {
            all.push_str(&text);
            script.text(&text, channel.now);
            channel.pass(&mut script, pause, |_| went.pop().unwrap_or(Went::Well(None)));
        }
        let shown = script.ended();
        prop_assert!(all.starts_with(&shown.text));
        for part in &shown.parts {
            let message = &channel.messages[part.ts.parse::<usize>().unwrap()];
            prop_assert_eq!(message, &part.text);
            prop_assert!(message.chars().count() <= slack::api::EDIT_CHARS_MAX);
        }
        let cuts = shown.cuts_of(&all);
        prop_assert!(shown.parts.len() <= cuts.len() + 1);
    }
}
