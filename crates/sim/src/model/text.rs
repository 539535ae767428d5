//! Words, stems and token counts: all the offline model knows about language.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Words that say nothing about the subject of an English question.
static STOPWORDS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    "a about after again all also am an and any are as ask at be because been before being \
    between both but by can cannot could deal dealt describe did do does doing done dont each even ever \
    every exactly explain few find for from further get gets give go good got had handle handled handles happen \
    happens has have having he hello help her here hey hi him his how i if im in into is it \
    its itself just kind know let like long look made make makes many may me mean means \
    might more most much must my need needs no not now of off often ok okay on once one only \
    or other our out over own please possible put question really said same say see shall \
    she should show so some someone something such tell than thank thanks that the their \
    them then there these they thing things this those through to too under until up us use \
    used uses using very want was way we well were what whats when where whether which while \
    who whom whose why will with without work works would yes you your"
        .split(' ')
        .collect()
});

/// The words of a text: runs of letters, digits and inner `_`, `-`, `.` or apostrophes.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '\'' | '’')))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
}

/// The words that carry a question's subject, as written, each once.
pub(super) fn content_words(text: &str) -> Vec<&str> {
    let mut stems: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for word in words(text) {
        let stem = stem(word);
        if !is_stopword(word) && !stems.contains(&stem) {
            stems.push(stem);
            kept.push(word);
        }
    }
    kept
}

/// The stems of a text's subject words, in order, with repetitions. Joined words such as
/// `at-least-once` count as their parts too.
pub(super) fn stems(text: &str) -> Vec<String> {
    let mut stems = Vec::new();
    for word in words(text).filter(|word| !is_stopword(word)) {
        stems.push(stem(word));
        if word.contains(['_', '-', '.']) {
            let parts = word.split(['_', '-', '.']).filter(|part| !part.is_empty());
            stems.extend(parts.filter(|part| !is_stopword(part)).map(stem));
        }
    }
    stems
}

fn is_stopword(word: &str) -> bool {
    let plain: String = word.to_lowercase().chars().filter(|c| !matches!(c, '\'' | '’')).collect();
    plain.len() < 2 && !plain.starts_with(|c: char| c.is_ascii_digit())
        || STOPWORDS.contains(plain.as_str())
}

/// Conflates the common English endings, so that `replayed`, `replays` and `replay` meet.
pub(super) fn stem(word: &str) -> String {
    let lower = word.to_lowercase().replace('’', "'");
    let lower = lower.strip_suffix("'s").unwrap_or(&lower);
    if !lower.bytes().all(|byte| byte.is_ascii_alphabetic()) || lower.len() < 4 {
        return lower.to_owned();
    }
    let singular = singular(lower);
    let base =
        ["ing", "ed"].iter().find_map(|ending| without(&singular, ending)).unwrap_or(singular);
    let base = base.strip_suffix('e').unwrap_or(&base);
    match base.strip_suffix('y') {
        Some(front) => format!("{front}i"),
        None => base.to_owned(),
    }
}

fn singular(word: &str) -> String {
    for (ending, instead) in [("sses", "ss"), ("ies", "y"), ("ied", "y")] {
        if let Some(front) = word.strip_suffix(ending) {
            return format!("{front}{instead}");
        }
    }
    let kept = ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    if kept { word.to_owned() } else { word.strip_suffix('s').unwrap_or(word).to_owned() }
}

/// Takes off an ending when at least three letters and a vowel stay, and halves a doubled consonant.
fn without(word: &str, ending: &str) -> Option<String> {
    let front = word.strip_suffix(ending)?;
    if front.len() < 3 || !front.contains(['a', 'e', 'i', 'o', 'u', 'y']) {
        return None;
    }
    let mut letters = front.chars().rev();
    let (last, before) = (letters.next(), letters.next());
    let doubled = last == before && last.is_some_and(|letter| !"aeiouylsz".contains(letter));
    Some(front[..front.len() - usize::from(doubled)].to_owned())
}

/// A plausible number of tokens: short words one, longer ones one per four letters, marks one each.
pub(super) fn tokens(text: &str) -> usize {
    let mut count = 0;
    let mut letters = 0_usize;
    for c in text.chars() {
        if c.is_alphanumeric() {
            letters += 1;
        } else {
            count += word_tokens(letters) + usize::from(!c.is_whitespace());
            letters = 0;
        }
    }
    count + word_tokens(letters)
}

fn word_tokens(letters: usize) -> usize {
    match letters {
        0 => 0,
        1..=6 => 1,
        longer => longer.div_ceil(4),
    }
}

/// Cuts a text into the pieces it is streamed in: a word with the space after it.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_word_meet_in_one_stem() {
        for forms in [
            &["replay", "replays", "replayed", "replaying", "Replay's"][..],
            &["retry", "retries", "retried", "retrying"],
            &["database", "databases"],
            &["stop", "stops", "stopped", "stopping"],
            &["process", "processes", "processed"],
            &["queue", "queues", "queued"],
        ] {
            let stems: Vec<String> = forms.iter().map(|form| stem(form)).collect();
            assert!(stems.iter().all(|stem| *stem == stems[0]), "{forms:?} became {stems:?}");
        }
    }

    #[test]
    fn a_question_keeps_its_subject_words() {
        assert_eq!(
            content_words("How are failed events replayed?"),
            ["failed", "events", "replayed"]
        );
        assert_eq!(content_words("What's `max_slots` for, and what is it?"), ["max_slots"]);
        assert_eq!(content_words("What does exit code 3 mean?"), ["exit", "code", "3"]);
        assert!(content_words("Hello, how are you?").is_empty());
    }

    #[test]
    fn token_counts_grow_with_the_text() {
        assert_eq!(tokens(""), 0);
        assert_eq!(tokens("A failed event, replayed."), 7);
    }

    #[test]
    fn pieces_put_together_are_the_text() {
        let text = "Two  words,\n\n- a list\n";
        assert_eq!(pieces(text).collect::<String>(), text);
    }
}
