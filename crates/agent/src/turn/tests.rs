use proptest::prelude::*;

use super::*;
use crate::transcript::{ModelAnswer, ToolResult};

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() }
}

fn calls(calls: Vec<ToolCall>) -> Entry {
    Entry::Said(ModelAnswer { calls, ..ModelAnswer::default() })
}

fn says(text: &str, finish: Finish) -> Entry {
    Entry::Said(ModelAnswer { text: text.into(), finish, ..ModelAnswer::default() })
}

fn result(call_id: &str) -> Entry {
    Entry::Result(ToolResult { call_id: call_id.into(), text: "found".into() })
}

fn after(entries: Vec<Entry>) -> Next {
    let tools = ["search".to_owned()].into();
    turn(&Transcript { tools, entries, ..Transcript::default() }, &Limits::default())
}

fn decisions(next: Next) -> Vec<Decision> {
    let Next::CallTools(steps) = next else { panic!("{next:?}") };
    steps.into_iter().map(|step| step.decision).collect()
}

#[test]
fn an_answer_goes_from_the_model_by_way_of_its_tools_back_to_the_model() {
    assert_eq!(after(vec![]), Next::CallModel { offer_tools: true });
    let asked = calls(vec![call("1", "search", r#"{"query":"x"}"#)]);
    assert!(matches!(decisions(after(vec![asked.clone()]))[..], [Decision::Run(_)]));
    let known = vec![asked, result("1")];
    assert_eq!(after(known.clone()), Next::CallModel { offer_tools: true });
    let said = [known, vec![says("Because.", Finish::Complete)]].concat();
    assert_eq!(after(said), Next::Reply { text: "Because.".into(), cut: false });
}

#[test]
fn only_calls_without_a_result_are_made() {
    let asked = calls(vec![call("1", "search", "{}"), call("2", "search", r#"{"query":"y"}"#)]);
    let Next::CallTools(steps) = after(vec![asked, result("1")]) else { panic!("a call waits") };
    assert_eq!(steps.iter().map(|step| step.call.id.as_str()).collect::<Vec<_>>(), ["2"]);
}

#[test]
fn a_call_that_cannot_be_made_is_told_once_and_then_tools_are_withdrawn() {
    let unknown = calls(vec![call("1", "fly", "{}")]);
    let broken = calls(vec![call("2", "search", "{broken")]);
    assert_eq!(decisions(after(vec![unknown.clone()])), [Decision::Refuse(Refusal::UnknownTool)]);
    let told = vec![unknown, result("1")];
    assert_eq!(after(told.clone()), Next::CallModel { offer_tools: true });
    let again = [told, vec![broken]].concat();
    assert_eq!(decisions(after(again.clone())), [Decision::Refuse(Refusal::BadArguments)]);
    let told_twice = [again, vec![result("2")]].concat();
    assert_eq!(after(told_twice.clone()), Next::CallModel { offer_tools: false });
    let deaf = [told_twice, vec![calls(vec![call("3", "fly", "{}")])]].concat();
    assert_eq!(after(deaf), Next::Stop(StopReason::Looping));
}

#[test]
fn the_same_call_is_refused_the_third_time_and_the_model_must_answer() {
    let mut entries = Vec::new();
    for id in ["1", "2"] {
        entries.push(calls(vec![call(id, "search", r#"{"query":"x"}"#)]));
        assert!(matches!(decisions(after(entries.clone()))[..], [Decision::Run(_)]));
        entries.push(result(id));
    }
    entries.push(calls(vec![call("3", "search", r#"{"query":"x"}"#)]));
    assert_eq!(decisions(after(entries.clone())), [Decision::Refuse(Refusal::Repeated)]);
    entries.push(result("3"));
    assert_eq!(after(entries.clone()), Next::CallModel { offer_tools: false });
    entries.push(calls(vec![call("4", "search", r#"{"query":"x"}"#)]));
    assert_eq!(after(entries), Next::Stop(StopReason::Looping));
}

#[test]
fn the_last_turn_offers_no_tools_and_hears_none() {
    let mut entries = Vec::new();
    for number in 1..Limits::default().turns_max {
        assert_eq!(after(entries.clone()), Next::CallModel { offer_tools: true });
        let arguments = format!(r#"{{"query":"{number}"}}"#);
        entries.push(calls(vec![call("1", "search", &arguments)]));
        entries.push(result("1"));
    }
    assert_eq!(after(entries.clone()), Next::CallModel { offer_tools: false });
    entries.push(calls(vec![call("1", "search", r#"{"query":"z"}"#)]));
    assert_eq!(after(entries), Next::Stop(StopReason::TurnsSpent));
}

#[test]
fn too_many_calls_at_once_are_cut_to_the_limit() {
    let many = (0..20).map(|n| call(&n.to_string(), "search", &format!(r#"{{"query":"{n}"}}"#)));
    let decisions = decisions(after(vec![calls(many.collect())]));
    let run = decisions.iter().filter(|decision| matches!(decision, Decision::Run(_))).count();
    assert_eq!((run, decisions.len()), (Limits::default().calls_per_turn_max, 20));
    assert_eq!(decisions[19], Decision::Refuse(Refusal::TooMany));
}

#[test]
fn an_answer_without_words_is_no_answer() {
    for (finish, reason) in [
        (Finish::Complete, StopReason::Empty),
        (Finish::Length, StopReason::Empty),
        (Finish::Filtered, StopReason::Filtered),
    ] {
        assert_eq!(after(vec![says(" \n", finish)]), Next::Stop(reason));
    }
    let cut = after(vec![says("half", Finish::Length)]);
    assert_eq!(cut, Next::Reply { text: "half".into(), cut: true });
}

#[test]
fn without_any_tool_the_model_is_told_so_once() {
    let none = |entries| turn(&Transcript { entries, ..Transcript::default() }, &Limits::default());
    assert_eq!(none(vec![]), Next::CallModel { offer_tools: false });
    let asked = vec![calls(vec![call("1", "search", "{}")])];
    assert_eq!(decisions(none(asked.clone())), [Decision::Refuse(Refusal::UnknownTool)]);
    let told = [asked, vec![result("1")]].concat();
    assert_eq!(none(told.clone()), Next::CallModel { offer_tools: false });
    let deaf = [told, vec![calls(vec![call("2", "search", "{}")])]].concat();
    assert_eq!(none(deaf), Next::Stop(StopReason::Looping));
}

fn any_answer() -> impl Strategy<Value = ModelAnswer> {
    let name = prop_oneof![Just("search"), Just("fly"), Just("")];
    let arguments = prop_oneof![Just("{}"), Just(r#"{"query":"x"}"#), Just("{broken"), Just("")];
    let finish = prop_oneof![Just(Finish::Complete), Just(Finish::Length), Just(Finish::Filtered)];
    let text = prop_oneof![Just(""), Just("words")];
    (proptest::collection::vec((name, arguments), 0..12), finish, text).prop_map(
        |(wanted, finish, text)| ModelAnswer {
            text: text.into(),
            calls: wanted
                .into_iter()
                .enumerate()
                .map(|(number, (name, arguments))| call(&number.to_string(), name, arguments))
                .collect(),
            finish,
            ..ModelAnswer::default()
        },
    )
}

proptest! {
    /// Whatever a model says, an answer ends in time, every call gets its result before the model
    /// is asked again, nothing unknown or repeated runs, and no model is heard beyond its limits.
    #[test]
    fn no_model_keeps_an_answer_from_ending(
        said in proptest::collection::vec(any_answer(), 40),
        turns_max in 0usize..6,
        has_tools in any::<bool>(),
    ) {
        let limits = Limits { turns_max, calls_per_turn_max: 4 };
        let tools = if has_tools { ["search".to_owned()].into() } else { Default::default() };
        let mut transcript = Transcript { tools, ..Transcript::default() };
        let (mut model_calls, mut runs) = (0, Vec::<ToolCall>::new());
        loop {
            prop_assert_eq!(turn(&transcript, &limits), turn(&transcript, &limits));
            match turn(&transcript, &limits) {
                Next::CallModel { offer_tools } => {
                    prop_assert!(transcript.pending().is_empty());
                    prop_assert!(has_tools || !offer_tools);
                    transcript.entries.push(Entry::Said(said[model_calls].clone()));
                    model_calls += 1;
                    prop_assert!(model_calls <= turns_max.max(1));
                }
                Next::CallTools(steps) => {
                    let ran = runs.len();
                    for Step { call, decision } in steps {
                        if matches!(decision, Decision::Run(_)) {
                            prop_assert!(transcript.tools.contains(&call.name));
                            runs.push(call.clone());
                        }
                        transcript.entries.push(result(&call.id));
                    }
                    prop_assert!(runs.len() - ran <= limits.calls_per_turn_max);
                    for call in &runs {
                        let times = runs.iter().filter(|other| other.is_like(call)).count();
                        prop_assert!(times < SAME_CALL_MAX);
                    }
                }
                Next::Reply { text, .. } => {
                    prop_assert!(!text.is_empty());
                    break;
                }
                Next::Stop(_) => break,
            }
        }
    }
}
