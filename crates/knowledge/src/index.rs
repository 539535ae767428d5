//! Ranks passages by their words: BM25 (Robertson and Zaragoza, "The Probabilistic Relevance
//! Framework: BM25 and Beyond", 2009), in memory.

use std::collections::{HashMap, HashSet};

use crate::words::words;

/// How quickly a word's repetition stops adding to the score.
const SATURATION: f32 = 1.2;

/// How much a long passage is held back.
const LENGTH_WEIGHT: f32 = 0.75;

/// How often a word of a heading counts as if it stood in the text.
const TITLE_WEIGHT: f32 = 3.0;

/// An index over numbered passages: the first added is 0.
#[derive(Clone, Debug, Default)]
pub struct Index {
    postings: HashMap<String, Vec<Posting>>,
    lengths: Vec<f32>,
    lengths_sum: f32,
}

#[derive(Clone, Copy, Debug)]
struct Posting {
    passage: usize,
    frequency: f32,
}

/// A passage that a search found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Its number.
    pub passage: usize,
    /// How well it fits; comparable within one search only.
    pub score: f32,
}

impl Index {
    /// Adds a passage: the words it stands under and the words it says.
    pub fn add(&mut self, title: &str, text: &str) {
        let passage = self.lengths.len();
        let mut frequencies: HashMap<String, f32> = HashMap::new();
        let mut length = 0.0;
        for (words_of, weight) in [(title, TITLE_WEIGHT), (text, 1.0)] {
            for word in words(words_of) {
                *frequencies.entry(word).or_default() += weight;
                length += 1.0;
            }
        }
        for (word, frequency) in frequencies {
            self.postings.entry(word).or_default().push(Posting { passage, frequency });
        }
        self.lengths.push(length);
        self.lengths_sum += length;
    }

    /// How many passages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The passages that share a word with `query`, best first, at most `limit`. Equal ones keep
    /// the order in which they were added.
    #[must_use]
    pub fn search(&self, query: &str, limit: usize) -> Vec<Match> {
        let mut scores: HashMap<usize, f32> = HashMap::new();
        let asked: HashSet<String> = words(query).collect();
        for word in asked {
            let postings = self.postings.get(&word).map_or(&[][..], Vec::as_slice);
            let rarity = self.rarity(postings.len());
            for posting in postings {
                *scores.entry(posting.passage).or_default() += rarity * self.weight(*posting);
            }
        }
        let mut found: Vec<_> =
            scores.into_iter().map(|(passage, score)| Match { passage, score }).collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.passage.cmp(&b.passage)));
        found.truncate(limit);
        found
    }

    /// The inverse document frequency of a word that `holders` passages have; never negative.
    #[expect(clippy::cast_precision_loss, reason = "counts of passages are small")]
    fn rarity(&self, holders: usize) -> f32 {
        let (all, holders) = (self.len() as f32, holders as f32);
        (1.0 + (all - holders + 0.5) / (holders + 0.5)).ln()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of passages are small")]
    fn weight(&self, posting: Posting) -> f32 {
        let mean = (self.lengths_sum / self.len() as f32).max(1.0);
        let length = self.lengths[posting.passage] / mean;
        let held_back = SATURATION * (1.0 - LENGTH_WEIGHT + LENGTH_WEIGHT * length);
        posting.frequency * (SATURATION + 1.0) / (posting.frequency + held_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(passages: &[(&str, &str)], query: &str) -> Vec<usize> {
        let mut index = Index::default();
        for (title, text) in passages {
            index.add(title, text);
        }
        index.search(query, 10).iter().map(|found| found.passage).collect()
    }

    #[test]
    fn a_heading_outweighs_a_mention() {
        let passages = [
            ("Ingest", "events are stored; a replay is possible"),
            ("Replay", "a failed event runs again as a new generation"),
            ("Licence", "nothing of the kind"),
        ];
        assert_eq!(found(&passages, "How is a replay done?"), [1, 0]);
    }

    #[test]
    fn a_rare_word_outweighs_a_common_one() {
        let passages = [("", "queue queue lane"), ("", "queue token"), ("", "queue queue queue")];
        assert_eq!(found(&passages, "queue token")[0], 1);
    }

    #[test]
    fn nothing_is_found_for_words_that_no_one_wrote() {
        assert!(found(&[("A", "b")], "weather in Rome").is_empty());
        assert!(found(&[("A", "b")], "").is_empty());
        assert!(found(&[], "b").is_empty());
    }

    #[test]
    fn equal_passages_keep_their_order() {
        assert_eq!(found(&[("", "same"), ("", "same")], "same"), [0, 1]);
    }
}
