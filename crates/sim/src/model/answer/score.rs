//! Chooses the sentences that bear on a question.
//!
//! Each of the question's words weighs the more the rarer it is among the sentences (inverse
//! document frequency, after Spärck Jones 1972), and a word found nowhere weighs most: a passage
//! that lacks the question's point then cannot reach the share that counts as support.

use std::collections::BTreeSet;

use super::passage::Passage;
use super::sentence::{Sentence, sentences};
use crate::model::text;

/// Sentences an answer has at most, apart from those that others lean on.
const SENTENCES_MAX: usize = 3;
/// The share of the question's weight that supports an answer alone.
const SHARE_ENOUGH: f64 = 0.5;
/// The share that supports one when two or more words are found together.
const SHARE_OF_TWO_ENOUGH: f64 = 0.3;
/// Sentences quoted of a passage for its heading alone.
const SENTENCES_UNDER_HEADING: usize = 2;
/// A further sentence must reach this part of the best one's score …
const FURTHER_SCORE: f64 = 0.75;
/// … or this part of it, when it brings …
const FURTHER_SCORE_WITH_NEWS: f64 = 0.6;
/// … this share of the question's weight that the others lack.
const FURTHER_SHARE: f64 = 0.3;
/// Sentences that share more of their words than this say the same.
const SAMENESS_MAX: f64 = 0.6;
/// What a word counts that is found only as the beginning of another, or the other way round.
const PARTIAL: f64 = 0.6;
/// What a word counts that is found only in the heading.
const IN_HEADING: f64 = 0.5;
/// Letters a beginning must have to count.
const BEGINNING_LETTERS_MIN: usize = 4;
/// Longer sentences count less; in words.
const LENGTH_FREE_WORDS: f64 = 30.0;

/// A sentence chosen for the answer.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// The passage's position in the list.
    pub passage: usize,
    pub sentence: Sentence,
}

/// The sentences that answer the question, in reading order; none when nothing supports an answer.
pub(super) fn choose(question: &str, passages: &[Passage]) -> Vec<Chosen> {
    let wanted: BTreeSet<String> = text::stems(&without_mentions(question)).into_iter().collect();
    let wanted: Vec<String> = wanted.into_iter().collect();
    let mut candidates = candidates(&wanted, passages);
    weigh(&mut candidates, wanted.len());
    let picked = match best(&candidates).filter(|best| best.supports()) {
        Some(best) => pick(&candidates, best.score),
        None => under_their_heading(&wanted, passages, &candidates),
    };
    with_antecedents(&candidates, picked)
}

struct Candidate {
    passage: usize,
    sentence: Sentence,
    stems: BTreeSet<String>,
    /// How well each wanted word is found, 0 to 1.
    hits: Vec<f64>,
    /// Whether a wanted word stands in the sentence itself.
    in_body: bool,
    /// The share of the question's weight found, per wanted word.
    shares: Vec<f64>,
    score: f64,
}

impl Candidate {
    fn share(&self) -> f64 {
        self.shares.iter().sum()
    }

    fn supports(&self) -> bool {
        let found = self.hits.iter().filter(|hit| **hit > 0.0).count();
        let enough =
            self.share() >= SHARE_ENOUGH || found >= 2 && self.share() >= SHARE_OF_TWO_ENOUGH;
        self.in_body && enough
    }
}

fn without_mentions(question: &str) -> String {
    question.split_whitespace().filter(|word| !word.starts_with("<@")).collect::<Vec<_>>().join(" ")
}

fn candidates(wanted: &[String], passages: &[Passage]) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (passage, Passage { heading, text, .. }) in passages.iter().enumerate() {
        let heading: BTreeSet<String> = text::stems(heading).into_iter().collect();
        for sentence in sentences(text) {
            let body =
                format!("{} {}", sentence.text, sentence.attached.as_deref().unwrap_or_default());
            let stems: BTreeSet<String> = text::stems(&body).into_iter().collect();
            let in_stems: Vec<f64> = wanted.iter().map(|word| hit(word, &stems)).collect();
            let in_body = in_stems.iter().any(|hit| *hit > 0.0);
            let hits = wanted
                .iter()
                .zip(in_stems)
                .map(|(word, hit_in_body)| hit_in_body.max(IN_HEADING * hit(word, &heading)))
                .collect();
            let shares = Vec::new();
            candidates.push(Candidate {
                passage,
                sentence,
                stems,
                hits,
                in_body,
                shares,
                score: 0.0,
            });
        }
    }
    candidates
}

fn hit(word: &str, stems: &BTreeSet<String>) -> f64 {
    if stems.contains(word) {
        return 1.0;
    }
    let begins =
        |short: &str, long: &str| short.len() >= BEGINNING_LETTERS_MIN && long.starts_with(short);
    let partial = stems.iter().any(|stem| begins(stem, word) || begins(word, stem));
    if partial { PARTIAL } else { 0.0 }
}

/// Fills in shares and scores.
fn weigh(candidates: &mut [Candidate], wanted: usize) {
    let count = candidates.len();
    let weights: Vec<f64> = (0..wanted)
        .map(|word| {
            let with = candidates.iter().filter(|candidate| candidate.hits[word] > 0.0).count();
            (1.0 + number(count) / (0.5 + number(with))).ln()
        })
        .collect();
    let total: f64 = weights.iter().sum();
    for candidate in candidates {
        let shares = candidate.hits.iter().zip(&weights).map(|(hit, weight)| hit * weight / total);
        candidate.shares = shares.collect();
        let length = number(text::words(&candidate.sentence.text).count());
        let long = 1.0 + (length - LENGTH_FREE_WORDS).max(0.0) / (2.0 * LENGTH_FREE_WORDS);
        // The search's own order breaks ties.
        let rank = 1.0 + 0.02 * number(candidate.passage);
        candidate.score = if candidate.in_body { candidate.share() / long / rank } else { 0.0 };
    }
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// The first of the best.
fn best(candidates: &[Candidate]) -> Option<&Candidate> {
    candidates.iter().rev().max_by(|one, other| one.score.total_cmp(&other.score))
}

/// Takes the best, and then what is nearly as good or adds what is still missing.
fn pick(candidates: &[Candidate], best: f64) -> BTreeSet<usize> {
    let mut order: Vec<usize> =
        (0..candidates.len()).filter(|at| candidates[*at].score > 0.0).collect();
    order.sort_by(|one, other| candidates[*other].score.total_cmp(&candidates[*one].score));
    let mut picked: BTreeSet<usize> = BTreeSet::new();
    for at in order {
        let candidate = &candidates[at];
        let news: f64 = candidate
            .shares
            .iter()
            .enumerate()
            .map(|(word, share)| {
                let known =
                    picked.iter().map(|at| candidates[*at].shares[word]).fold(0.0, f64::max);
                (share - known).max(0.0)
            })
            .sum();
        let brings_news =
            news >= FURTHER_SHARE && candidate.score >= FURTHER_SCORE_WITH_NEWS * best;
        let as_good = candidate.score >= FURTHER_SCORE * best && candidate.supports();
        let said = picked.iter().any(|at| sameness(&candidates[*at], candidate) > SAMENESS_MAX);
        if (as_good || brings_news) && !said && picked.len() < SENTENCES_MAX {
            picked.insert(at);
        }
    }
    picked
}

/// The beginning of the passage whose own heading asks for nothing but the question's words, such
/// as "Duplicates" when the question is how duplicates are dealt with.
fn under_their_heading(
    wanted: &[String],
    passages: &[Passage],
    candidates: &[Candidate],
) -> BTreeSet<usize> {
    let named = passages.iter().position(|passage| {
        let nearest = passage.heading.rsplit('›').next().unwrap_or_default();
        let stems = text::stems(nearest);
        !stems.is_empty() && stems.iter().all(|stem| wanted.contains(stem))
    });
    let within = |at: &usize| Some(candidates[*at].passage) == named;
    (0..candidates.len()).filter(within).take(SENTENCES_UNDER_HEADING).collect()
}

fn sameness(one: &Candidate, other: &Candidate) -> f64 {
    let shared = number(one.stems.intersection(&other.stems).count());
    shared / number(one.stems.len().min(other.stems.len())).max(1.0)
}

/// Adds the sentence before one that leans on it, such as "They are kept for thirty days."
fn with_antecedents(candidates: &[Candidate], mut picked: BTreeSet<usize>) -> Vec<Chosen> {
    let leaning: Vec<usize> = picked
        .iter()
        .copied()
        .filter(|at| leans(&candidates[*at].sentence.text))
        .filter(|at| *at > 0 && candidates[*at - 1].passage == candidates[*at].passage)
        .collect();
    picked.extend(leaning.into_iter().map(|at| at - 1));
    let chosen = |at: usize| {
        let Candidate { passage, sentence, .. } = &candidates[at];
        Chosen { passage: *passage, sentence: sentence.clone() }
    };
    picked.into_iter().map(chosen).collect()
}

/// Whether a sentence begins with a word, or a clause, that points back.
fn leans(sentence: &str) -> bool {
    const POINTING: [&str; 9] =
        ["it", "this", "that", "they", "these", "those", "then", "he", "she"];
    const OPENING: [&str; 7] = ["when", "if", "after", "once", "while", "until", "as"];
    let mut words = text::words(sentence).map(str::to_lowercase);
    let mut next = || words.next().unwrap_or_default();
    let (first, second) = (next(), next());
    let points = |word: &str| POINTING.contains(&word);
    points(&first) || OPENING.contains(&first.as_str()) && points(&second)
}
