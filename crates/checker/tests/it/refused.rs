//! What cannot be judged is said to be so, and why.

use std::fs;

use checker::Refusal;

use crate::run_dir::RunDir;

/// The refusal of a good run that was spoiled after it was written.
fn refusal(spoil: impl FnOnce(&std::path::Path)) -> Refusal {
    let directory = RunDir::good().write();
    spoil(directory.path());
    checker::judge(directory.path()).expect_err("it should be refused")
}

#[test]
fn a_missing_run_json_is_refused() {
    let refusal = refusal(|path| fs::remove_file(path.join("run.json")).expect("gone"));
    assert!(matches!(refusal, Refusal::Unreadable { .. }), "{refusal:?}");
}

#[test]
fn a_missing_file_is_refused() {
    let refusal = refusal(|path| fs::remove_file(path.join("acks/one.jsonl")).expect("gone"));
    assert!(refusal.to_string().contains("acks/one.jsonl: run.json names it"), "{refusal}");
}

#[test]
fn a_file_that_run_json_does_not_name_is_refused() {
    let refusal = refusal(|path| fs::write(path.join("acks/two.jsonl"), "").expect("written"));
    assert!(refusal.to_string().contains("run.json does not name it"), "{refusal}");
}

#[test]
fn a_file_cut_at_a_line_is_refused() {
    let refusal = refusal(|path| {
        let path = path.join("history/all.jsonl");
        let text = fs::read_to_string(&path).expect("the history");
        let lines: Vec<&str> = text.lines().take(20).collect();
        fs::write(&path, lines.join("\n") + "\n").expect("written");
    });
    assert!(matches!(refusal, Refusal::Cut { expected: 47, found: 20, .. }), "{refusal:?}");
}

#[test]
fn a_file_cut_within_a_line_is_refused() {
    let refusal = refusal(|path| {
        let path = path.join("tables/outcomes.jsonl");
        let text = fs::read_to_string(&path).expect("the outcomes");
        fs::write(&path, &text[..text.len() - 9]).expect("written");
    });
    assert!(matches!(refusal, Refusal::Torn { .. }), "{refusal:?}");
}

#[test]
fn a_broken_line_is_refused_by_its_number() {
    for (name, from, to) in [
        ("acks/one.jsonl", r#"{"t":"offer","at":3,"#, r#"{"t":"offer","at":3,,"#),
        ("history/all.jsonl", r#"[3,2000000,12,12,"j","i""#, r#"[3,2000000,12,12,"j","q""#),
        (
            "tables/outcomes.jsonl",
            r#""event":3,"generation":0,"state":"done""#,
            r#""event":3,"generation":0,"state":"well""#,
        ),
    ] {
        let mut run = RunDir::good();
        run.replace(name, from, to);
        let refusal = checker::judge(run.write().path()).expect_err("it should be refused");
        let text = refusal.with_causes();
        assert!(text.contains(&format!("{name}, line 3")), "{text}");
    }
}

#[test]
fn a_history_out_of_order_is_refused() {
    let mut run = RunDir::good();
    run.replace("history/all.jsonl", "[12,20000000", "[11,20000000");
    let refusal = checker::judge(run.write().path()).expect_err("it should be refused");
    assert!(refusal.to_string().contains("in the order of seq"), "{refusal}");
}

#[test]
fn a_run_without_a_fault_proves_nothing() {
    let mut run = RunDir::good();
    run.replace("faults/all.jsonl", r#""worker":1,"fired":true"#, r#""worker":1,"fired":false"#);
    let refusal = checker::judge(run.write().path()).expect_err("it should be refused");
    assert!(matches!(refusal, Refusal::Empty("no fault fired")), "{refusal:?}");
}

#[test]
fn a_run_without_an_end_proves_nothing() {
    let mut run = RunDir::good();
    run.text("tables/outcomes.jsonl").clear();
    let refusal = checker::judge(run.write().path()).expect_err("it should be refused");
    assert!(matches!(refusal, Refusal::Empty("no event finished")), "{refusal:?}");
}

#[test]
fn another_format_is_refused() {
    let mut run = RunDir::good();
    run.replace("run.json", r#""format": 1"#, r#""format": 2"#);
    let refusal = checker::judge(run.write().path()).expect_err("it should be refused");
    assert!(matches!(refusal, Refusal::Format { expected: 1, found: 2 }), "{refusal:?}");
}
