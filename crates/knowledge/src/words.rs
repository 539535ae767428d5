//! Turns text into the words that a search compares.

/// The longest word kept, in bytes; what is longer is a hash or a picture, and no one asks for it.
pub const WORD_BYTES_MAX: usize = 64;

/// The words of `text` in order: lower case, without filler words, reduced to their stems.
///
/// `snake_case` and `kebab-case` names are cut into their parts, so that a question in plain words
/// meets them.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && word.len() <= WORD_BYTES_MAX)
        .map(str::to_lowercase)
        .filter(|word| !FILLERS.contains(&word.as_str()))
        .map(|word| stem(&word))
}

/// Words that nearly every passage has and no question is about.
const FILLERS: &[&str] = &[
    "a", "about", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did",
    "do", "does", "for", "from", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it",
    "its", "me", "my", "of", "on", "or", "our", "please", "s", "shall", "should", "so", "t",
    "tell", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "to",
    "us", "was", "we", "were", "what", "when", "where", "which", "who", "why", "will", "with",
    "would", "you", "your",
];

/// Cuts the commonest English endings, so that *retries*, *retried* and *retry* are one word.
///
/// It is consistent rather than correct: what comes out is compared, never shown.
fn stem(word: &str) -> String {
    if word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let mut stem = word.to_owned();
    if stem.ends_with("ies") || stem.ends_with("ied") {
        stem.truncate(stem.len() - 3);
        stem.push('y');
        return stem;
    }
    if stem.ends_with('s') && !stem.ends_with("ss") {
        stem.pop();
    }
    for ending in ["ing", "ed"] {
        if stem.ends_with(ending) && stem.len() >= ending.len() + 3 {
            stem.truncate(stem.len() - ending.len());
            undouble(&mut stem);
            break;
        }
    }
    if stem.len() > 3 && stem.ends_with('e') {
        stem.pop();
    }
    stem
}

/// *runn* (from *running*) becomes *run*; *fall*, *miss* and *buzz* stay.
fn undouble(stem: &mut String) {
    let bytes = stem.as_bytes();
    if let [.., before, last] = bytes
        && before == last
        && !b"aeioulsz".contains(last)
    {
        stem.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_word_meet() {
        for forms in [
            &["retry", "retries", "retried"][..],
            &["replay", "replays", "replayed", "replaying"],
            &["fail", "failed", "fails"],
            &["run", "running", "runs"],
            &["store", "stored", "stores", "storing"],
            &["match", "matches", "matched"],
            &["lease", "leases"],
        ] {
            let stems: Vec<_> = forms.iter().map(|form| stem(form)).collect();
            assert!(stems.iter().all(|stem| stem == &stems[0]), "{forms:?} → {stems:?}");
        }
    }

    #[test]
    fn a_question_leaves_its_meaningful_words() {
        let found: Vec<_> = words("How are *failed events* replayed?").collect();
        assert_eq!(found, ["fail", "event", "replay"]);
    }

    #[test]
    fn names_are_cut_into_their_parts_and_other_scripts_survive() {
        assert_eq!(words("lease_seconds").collect::<Vec<_>>(), ["leas", "second"]);
        assert_eq!(words("Größe 検索").collect::<Vec<_>>(), ["größe", "検索"]);
    }
}
