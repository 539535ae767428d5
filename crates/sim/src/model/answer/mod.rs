//! Composes an extractive answer: the sentences of the sources that bear on the question, cited.

mod passage;
mod score;
mod sentence;

pub(in crate::model) use passage::passages;

use passage::Passage;
use score::Chosen;
use sentence::Form;

/// Said once under every quotation.
const SIGNATURE: &str = "_Quoted by the offline model, which adds nothing of its own._";
/// Characters of a search's own words that are repeated when it returned no source.
const SAID_CHARS_MAX: usize = 200;
/// Characters of a tool's result that are repeated when it is not a list of sources.
const VERBATIM_CHARS_MAX: usize = 1_000;

/// Answers a question out of what the tools returned, or says that it does not answer it.
pub(in crate::model) fn compose(question: &str, results: &[&str]) -> String {
    let passages: Vec<Passage> = results.iter().flat_map(|result| passages(result)).collect();
    let chosen = score::choose(question, &passages);
    if chosen.is_empty() {
        return nothing_found(question, passages.len(), results);
    }
    let mut blocks: Vec<String> = Vec::new();
    let mut open: Option<(usize, Form)> = None;
    for choice in &chosen {
        let quoted = quoted(choice, &passages[choice.passage]);
        let here = (choice.passage, choice.sentence.form);
        match (blocks.last_mut(), choice.sentence.form) {
            (Some(last), Form::Prose) if open == Some(here) => {
                last.push_str(&format!(" {quoted}"));
            }
            (Some(last), Form::Item) if open == Some(here) => {
                last.push_str(&format!("\n- {quoted}"));
            }
            (_, Form::Item) => blocks.push(format!("- {quoted}")),
            (_, Form::Prose) => blocks.push(quoted),
        }
        // What hangs on a sentence ends its paragraph.
        open = choice.sentence.attached.is_none().then_some(here);
    }
    blocks.push(SIGNATURE.to_owned());
    blocks.join("\n\n")
}

/// Repeats what a tool that is no search returned.
pub(in crate::model) fn verbatim(result: &str) -> String {
    let shown: String = result.chars().take(VERBATIM_CHARS_MAX).collect();
    format!("The tool returned: {}\n\n{SIGNATURE}", shown.trim())
}

fn quoted(choice: &Chosen, passage: &Passage) -> String {
    let sentence = &choice.sentence;
    let mut text = format!("{} [{}]", sentence.text, passage.number);
    if let Some(attached) = &sentence.attached {
        text.push_str("\n\n");
        text.push_str(attached);
    }
    text
}

/// Says how the search went. Without passages its own words tell whether it failed.
fn nothing_found(question: &str, passages: usize, results: &[&str]) -> String {
    let words = super::text::content_words(question).join(" ");
    let found = match passages {
        0 => {
            let said: String = results.join(" ").chars().take(SAID_CHARS_MAX).collect();
            format!("The search returned no source, but said: “{}”", said.trim())
        }
        1 => "The search found one passage, but nothing in it answers this".to_owned(),
        more => format!("The search found {more} passages, but nothing in them answers this"),
    };
    format!(
        "I cannot answer that from the sources. {found} (searched for: {words}). I am the offline \
         model: I only quote, and I do not guess."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULTS: &str = "\
[1] README.md › Replay: A dead event is kept with its error chain. Failed events are replayed with \
`athenaeum replay`. A replay is a new generation, so it is safe to repeat.
[2] docs/ops.md › Backups: Backups run every night. They are kept for thirty days.
[3] README.md › Workers: Start more workers with:

```sh
docker compose up --scale worker=4
```
";

    fn ask(question: &str) -> String {
        compose(question, &[RESULTS])
    }

    #[test]
    fn the_sentence_that_answers_is_quoted_with_its_number() {
        let answer = ask("How are failed events replayed?");
        assert!(
            answer.contains("Failed events are replayed with `athenaeum replay`. [1]"),
            "{answer}"
        );
        assert!(!answer.contains("[2]"), "{answer}");
    }

    #[test]
    fn the_offline_model_names_itself_once() {
        for question in ["How are failed events replayed?", "What is the capital of Mongolia?"] {
            assert_eq!(ask(question).matches("offline model").count(), 1);
        }
    }

    #[test]
    fn what_no_source_supports_is_not_answered() {
        for question in ["What is the capital of Mongolia?", "Who won the cup in 1974?"] {
            let answer = ask(question);
            assert!(answer.starts_with("I cannot answer that"), "{answer}");
            assert!(!answer.contains("[1]"), "{answer}");
        }
    }

    #[test]
    fn a_search_that_failed_is_not_called_an_empty_one() {
        let answer = compose("What is a lease?", &["The call failed: no such index"]);
        assert!(answer.contains("said: “The call failed: no such index”"), "{answer}");
    }

    #[test]
    fn a_heading_that_names_the_subject_brings_the_beginning_of_its_passage() {
        let results = "[1] a.md › Duplicates: Every delivery has a key. The key decides. More.";
        let answer = compose("How are duplicates dealt with?", &[results]);
        assert!(
            answer.starts_with("Every delivery has a key. [1] The key decides. [1]"),
            "{answer}"
        );
    }

    #[test]
    fn the_code_after_a_lead_in_comes_with_it() {
        let answer = ask("How do I start more workers?");
        assert!(
            answer.contains("Start more workers with: [3]\n\n```sh\ndocker compose"),
            "{answer}"
        );
    }

    #[test]
    fn a_sentence_that_leans_on_the_one_before_brings_it_along() {
        let answer = ask("For how many days are backups kept?");
        assert!(answer.contains("Backups run every night. [2] They are kept"), "{answer}");
    }

    #[test]
    fn sources_keep_their_order_of_reading() {
        let results = "[4] a.md › A: A lease expires after thirty seconds.\n\
                       [9] b.md › B: The reaper returns expired leases to the queue.";
        let answer = compose("What happens when a lease has expired?", &[results]);
        let (first, second) = (answer.find("[4]"), answer.find("[9]"));
        assert!(first.is_some() && first < second, "{answer}");
    }

    #[test]
    fn brackets_in_a_source_do_not_pass_for_citations() {
        let results =
            "[1] a.md › Lease: A lease expires [7] after thirty seconds, see [leases](x.md).";
        let answer = compose("When does a lease expire?", &[results]);
        assert!(answer.contains("expires (7) after thirty seconds, see leases. [1]"), "{answer}");
    }
}
