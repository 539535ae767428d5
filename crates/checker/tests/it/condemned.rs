//! For each invariant, runs that violate it and nothing that is not its consequence.

use checker::Standing;

use crate::run_dir::RunDir;

#[test]
fn the_good_run_is_acquitted_and_exercises_everything() {
    let report = checker::judge(RunDir::good().write().path()).expect("a judgement");
    assert!(report.is_acquitted(), "{}", report.text());
    for finding in &report.findings {
        assert_eq!(finding.standing(), Standing::Held, "{}", report.text());
    }
    let accounting = &report.accounting;
    assert_eq!((accounting.offered, accounting.acknowledged), (7, 5));
    assert_eq!((accounting.lost, accounting.unexpected), (0, 0));
    assert_eq!((accounting.duplicated, accounting.recovered), (0, 1));
    assert_eq!(report.torn_journals, 1);
}

/// What is spoiled: `Replace` and `Cut` must meet exactly one place or line.
enum Spoil {
    Replace(&'static str, &'static str, &'static str),
    Cut(&'static str, &'static str),
    Add(&'static str, &'static str),
}

use Spoil::{Add, Cut, Replace};

const HISTORY: &str = "history/all.jsonl";

#[test]
fn each_bad_run_is_condemned_for_its_own_fault() {
    for (told, number, spoils) in bad_runs() {
        let mut run = RunDir::good();
        for spoil in spoils {
            match spoil {
                Replace(name, from, to) => run.replace(name, from, to),
                Cut(name, part) => run.cut(name, part),
                Add(name, line) => run.add(name, line),
            }
        }
        let report = checker::judge(run.write().path())
            .unwrap_or_else(|refusal| panic!("{told}: {}", refusal.with_causes()));
        let finding = report.finding(number).expect("a finding");
        assert_eq!(finding.standing(), Standing::Violated, "{told}:\n{}", report.text());
        assert!(!finding.examples.is_empty(), "{told}");
    }
}

type BadRun = (&'static str, u8, Vec<Spoil>);

fn bad_runs() -> Vec<BadRun> {
    let mut runs = taken_in();
    runs.extend(worked_on());
    runs.extend(written());
    runs.extend(ended());
    runs
}

fn taken_in() -> Vec<BadRun> {
    vec![
        (
            "an acknowledged event is not in the log",
            1,
            vec![
                Add("acks/one.jsonl", r#"{"t":"offer","at":9,"key":"d-9","work":true}"#),
                Add("acks/one.jsonl", r#"{"t":"ack","at":9,"key":"d-9","event":9,"as":"new"}"#),
            ],
        ),
        (
            "an acknowledged event is in the log and its work is not",
            1,
            vec![
                Add("acks/one.jsonl", r#"{"t":"offer","at":9,"key":"d-9","work":true}"#),
                Add("acks/one.jsonl", r#"{"t":"ack","at":9,"key":"d-9","event":9,"as":"new"}"#),
                Add("tables/events.jsonl", r#"{"event":9,"source":"soak"}"#),
            ],
        ),
        (
            "a twin has a run chain of its own",
            3,
            vec![
                Replace("acks/one.jsonl", r#""key":"d-1b","event":1"#, r#""key":"d-1b","event":2"#),
                Replace(
                    "tables/deliveries.jsonl",
                    r#"{"key":"d-1b","event":1}"#,
                    r#"{"key":"d-1b","event":2}"#,
                ),
            ],
        ),
        (
            "a twin that nobody was told of has a run chain of its own",
            3,
            vec![Replace(
                "acks/one.jsonl",
                r#""at":7,"key":"d-3","#,
                r#""at":7,"key":"d-3","logical":"m-2","#,
            )],
        ),
        (
            "a delivery is acknowledged as another event than its key leads to",
            3,
            vec![Replace(
                "tables/deliveries.jsonl",
                r#"{"key":"d-4","event":4}"#,
                r#"{"key":"d-4","event":5}"#,
            )],
        ),
    ]
}

fn worked_on() -> Vec<BadRun> {
    vec![
        (
            "two runs of a lane overlap",
            5,
            vec![Replace(
                HISTORY,
                r#"[11,8000000,19,19,"j","u",3,0,"x",1,null"#,
                r#"[11,8000000,19,19,"j","u",3,0,"x",1,7"#,
            )],
        ),
        (
            "a job is claimed before one of a lower order that had been committed",
            5,
            vec![
                Replace(HISTORY, r#""j","i",2,0,"w",0,7,2,"#, r#""j","i",2,0,"w",0,7,0,"#),
                Replace(
                    HISTORY,
                    r#"[10,7000000,18,18,"j","u",2,0,"r",1,7,2"#,
                    r#"[10,7000000,18,18,"j","u",2,0,"r",1,7,0"#,
                ),
            ],
        ),
        (
            "a crash costs no attempt",
            6,
            vec![Replace(
                HISTORY,
                r#""x",1,null,0,103,2,2,32000000,33000000,0]
[16"#,
                r#""x",1,null,0,103,2,1,32000000,33000000,0]
[16"#,
            )],
        ),
        (
            "a drain costs an attempt",
            6,
            vec![Replace(HISTORY, r#""r",1,7,2,104,null,0,"#, r#""r",1,7,2,104,null,1,"#)],
        ),
        (
            "a job has more attempts than its kind allows",
            6,
            vec![Replace(
                "tables/outcomes.jsonl",
                r#""kind":"poison","attempts":2"#,
                r#""kind":"poison","attempts":3"#,
            )],
        ),
        (
            "a job is taken from its holder while the lease stands",
            7,
            vec![
                Cut(HISTORY, r#"[13,32000000"#),
                Replace(
                    HISTORY,
                    r#"[1,1000000,10,10,"w","i",1,31000000"#,
                    r#"[1,1000000,10,10,"w","i",1,61000000"#,
                ),
            ],
        ),
        (
            "a token falls",
            7,
            vec![Replace(
                HISTORY,
                r#"[25,42000000,33,33,"j","u",4,0,"x",1,null,0,107"#,
                r#"[25,42000000,33,33,"j","u",4,0,"x",1,null,0,99"#,
            )],
        ),
        (
            "a claim hands out more than was asked for",
            7,
            vec![Replace("workers/one.jsonl", r#""asked":2,"got":1"#, r#""asked":2,"got":20"#)],
        ),
        (
            "a worker begins what it did not claim",
            7,
            vec![Replace(
                "workers/two.jsonl",
                r#""at":9,"event":2,"generation":0,"token":104"#,
                r#""at":9,"event":2,"generation":0,"token":101"#,
            )],
        ),
        (
            "a worker holds more than it may",
            7,
            vec![Replace("run.json", r#""held_max": 2"#, r#""held_max": 1"#)],
        ),
    ]
}

fn written() -> Vec<BadRun> {
    vec![
        (
            "a zombie's report is accepted",
            8,
            vec![Replace(
                "workers/one.jsonl",
                r#""token":102,"outcome":"done","accepted":false"#,
                r#""token":102,"outcome":"done","accepted":true"#,
            )],
        ),
        (
            "a job ends under another token than it ran under",
            8,
            vec![Replace("tables/outcomes.jsonl", r#""token":103"#, r#""token":102"#)],
        ),
        (
            "a job ends as done and its holder never reported that",
            8,
            vec![Cut("workers/two.jsonl", r#""t":"report","at":7,"event":3"#)],
        ),
        (
            "a job ends as done while nobody runs it",
            8,
            vec![Replace(
                HISTORY,
                r#"[16,34000000,24,24,"j","d",3,0,"x",1,null,0,103,2,2"#,
                r#"[16,34000000,24,24,"j","d",3,0,"r",1,null,0,103,null,2"#,
            )],
        ),
        (
            "a lease that was taken away is renewed",
            8,
            vec![Add(HISTORY, r#"[48,59000000,51,51,"w","u",1,89000000,32000000,null,4]"#)],
        ),
        (
            "a step is written under an old token",
            8,
            vec![Replace(HISTORY, r#""s","u",1,0,1,101,"md5-1""#, r#""s","u",1,0,1,99,"md5-1""#)],
        ),
        (
            "a step's result changes",
            9,
            vec![Replace(
                HISTORY,
                r#"[7,5000000,16,16,"s","i",1,0,1,101,null]"#,
                r#"[7,5000000,16,16,"s","i",1,0,1,101,"md5-0"]"#,
            )],
        ),
        (
            "a worker is told another result than is saved",
            9,
            vec![Replace("workers/one.jsonl", r#""result":"\"r-1\"""#, r#""result":"\"r-2\"""#)],
        ),
        (
            "what is not idempotent is called twice",
            9,
            vec![Add(
                "outside/tool.jsonl",
                r#"{"at":6,"key":"1:0:1","event":1,"generation":0,"token":100,"number":1,"class":"once","applied":true,"result":"\"r-1\""}"#,
            )],
        ),
        (
            "a saved step is called again",
            9,
            vec![
                Replace("outside/tool.jsonl", r#""class":"once""#, r#""class":"keyed""#),
                Add(
                    "outside/tool.jsonl",
                    r#"{"at":6,"key":"1:0:1","event":1,"generation":0,"token":103,"number":1,"class":"keyed","applied":false,"result":"\"r-1\""}"#,
                ),
            ],
        ),
        (
            "one attempt calls twice",
            9,
            vec![
                Replace("outside/tool.jsonl", r#""class":"once""#, r#""class":"keyed""#),
                Add(
                    "outside/tool.jsonl",
                    r#"{"at":6,"key":"1:0:1","event":1,"generation":0,"token":101,"number":1,"class":"keyed","applied":false,"result":"\"r-1\""}"#,
                ),
            ],
        ),
        (
            "a fan-in goes on twice",
            10,
            vec![Add(
                HISTORY,
                r#"[48,59000000,51,51,"f","u",5,0,"g",2,null,2,0,54000000,"children",59000000]"#,
            )],
        ),
        (
            "a fan-in goes on before its children ended",
            10,
            vec![Replace("workers/two.jsonl", r#""total":2,"ended":2"#, r#""total":2,"ended":1"#)],
        ),
        (
            "a fan-in counts a child twice",
            10,
            vec![Replace(
                HISTORY,
                r#""g",2,null,1,0,null,null,null]"#,
                r#""g",2,null,2,0,53000000,"children",null]"#,
            )],
        ),
        (
            "a fan-in is complete too soon",
            10,
            vec![Replace(
                HISTORY,
                r#""g",2,null,1,0,null,null,null]"#,
                r#""g",2,null,1,0,54000000,"children",null]"#,
            )],
        ),
    ]
}

fn ended() -> Vec<BadRun> {
    vec![
        (
            "a job is stuck",
            11,
            vec![Add(
                "tables/jobs.jsonl",
                r#"{"event":9,"generation":0,"state":"r","kind":"mention"}"#,
            )],
        ),
        (
            "a job ends too late",
            11,
            vec![Replace(
                "tables/outcomes.jsonl",
                r#""ended_at":57000000"#,
                r#""ended_at":300000001"#,
            )],
        ),
        (
            "a row keeps half of a lease",
            11,
            vec![Replace(
                HISTORY,
                r#""r",1,null,0,102,null,1,32000000,null,0]"#,
                r#""r",1,null,0,102,null,1,32000000,8000000,0]"#,
            )],
        ),
        (
            "a dead letter has no reason",
            12,
            vec![Replace("tables/outcomes.jsonl", r#"["it is poison"]"#, "null")],
        ),
        ("an attempt left no row", 12, vec![Cut("tables/attempt_history.jsonl", r#""token":106"#)]),
        (
            "a replay has no row in the audit",
            12,
            vec![Replace("tables/audit.jsonl", r#""generation":1"#, r#""generation":2"#)],
        ),
        (
            "a sample does not add up",
            13,
            vec![Replace("samples/all.jsonl", r#""made":4"#, r#""made":5"#)],
        ),
        ("a job left without an end", 13, vec![Cut("tables/outcomes.jsonl", r#""event":6"#)]),
        (
            "an end has no job",
            13,
            vec![Add(
                "tables/outcomes.jsonl",
                r#"{"event":9,"generation":0,"state":"done","kind":"mention","attempts":1,"ended_at":7000000,"error":null}"#,
            )],
        ),
        (
            "a generation is made twice",
            13,
            vec![Add(
                HISTORY,
                r#"[48,58000000,51,51,"j","i",3,0,"r",1,null,0,null,null,0,3000000,null,0]"#,
            )],
        ),
        (
            "the counters are wrong",
            13,
            vec![Replace("tables/totals.jsonl", r#""made":8"#, r#""made":9"#)],
        ),
        (
            "a lease is as long as the worker's clock is off",
            18,
            vec![Replace(
                HISTORY,
                r#"[12,20000000,20,20,"w","u",2,50000000"#,
                r#"[12,20000000,20,20,"w","u",2,7250000000"#,
            )],
        ),
        (
            "a lease is taken before its end",
            18,
            vec![Replace(
                HISTORY,
                r#"[13,32000000,21,21,"w","u",1,31000000,32000000"#,
                r#"[13,32000000,21,21,"w","u",1,60000000,32000000"#,
            )],
        ),
        (
            "a job is made ready before its time",
            18,
            vec![Replace(
                HISTORY,
                r#""w",1,null,0,106,null,1,41000000"#,
                r#""w",1,null,0,106,null,1,7241000000"#,
            )],
        ),
        (
            "a claim bears a worker's time",
            18,
            vec![Replace(
                HISTORY,
                r#"[22,39000000,30,30,"j","u",4,0,"x",1,null,0,106,2,1,39000000,39000000"#,
                r#"[22,39000000,30,30,"j","u",4,0,"x",1,null,0,106,2,1,39000000,7239000000"#,
            )],
        ),
    ]
}
