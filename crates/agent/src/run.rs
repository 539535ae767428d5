//! Carries out what [`turn()`](crate::turn()) decides, until there is an answer.

use event::Usage;
use futures::future::join_all;
use serde_json::{Map, Value};

use crate::agent::Parts;
use crate::citations::Ledger;
use crate::error::AgentError;
use crate::model::ToolOffer;
use crate::prompts::SystemFacts;
use crate::question::{Allowance, Answer, Progress, Question, Task, TaskState};
use crate::telling::Telling;
use crate::tools::{Outcome, Tools};
use crate::transcript::{Entry, ToolResult, Transcript};
use crate::turn::{Decision, Next, Refusal, Step, turn};

/// What follows an answer that the model broke off.
const CUT_MARK: &str = "\n\n_(The model stopped here: it reached its limit.)_";

/// One answer in the making.
pub(crate) struct Run<'a> {
    parts: &'a Parts,
    progress: &'a dyn Progress,
    allowance: &'a dyn Allowance,
    tools: Tools,
    transcript: Transcript,
    ledger: Ledger,
    usage: Usage,
    telling: Telling,
    /// Tool calls made so far.
    tasks: usize,
}

impl Run<'_> {
    /// Answers a question.
    pub(crate) async fn of(
        parts: &Parts,
        question: &Question,
        progress: &dyn Progress,
        allowance: &dyn Allowance,
    ) -> Result<Answer, AgentError> {
        let tools = parts.toolbox.open().await;
        let facts = SystemFacts {
            name: &parts.name,
            has_tools: !tools.definitions.is_empty(),
            servers_down: &tools.down,
        };
        let system = parts.prompts.system(question, &facts).map_err(AgentError::Prompts)?;
        let transcript = Transcript::open(system, question, tools.names());
        let (ledger, usage, telling) = Default::default();
        let run =
            Run { parts, progress, allowance, tools, transcript, ledger, usage, telling, tasks: 0 };
        run.until_answered().await
    }

    async fn until_answered(mut self) -> Result<Answer, AgentError> {
        loop {
            match turn(&self.transcript, &self.parts.limits) {
                Next::CallModel { offer_tools } => self.ask(offer_tools).await?,
                Next::CallTools(steps) => self.call(steps).await,
                Next::Reply { text, cut } => return Ok(self.reply(&text, cut)),
                Next::Stop(reason) => return Err(AgentError::Stopped { reason }),
            }
        }
    }

    async fn ask(&mut self, may_call: bool) -> Result<(), AgentError> {
        let progress = self.progress;
        progress.step("Thinking…");
        let withdrawn = !may_call && !self.tools.definitions.is_empty();
        let last_words = match withdrawn {
            true => Some(self.parts.prompts.last_turn().map_err(AgentError::Prompts)?),
            false => None,
        };
        let offer = ToolOffer {
            tools: &self.tools.definitions,
            may_call,
            last_words: last_words.as_deref(),
        };
        let mut silent = true;
        let (telling, ledger) = (&mut self.telling, &self.ledger);
        let mut on_text = |said: &str| {
            if std::mem::take(&mut silent) {
                progress.step("Writing the answer…");
            }
            if let Some(more) = telling.more(ledger, said, may_call) {
                progress.text(&more);
            }
        };
        let answer = self.parts.model.ask(&self.transcript, &offer, &mut on_text).await;
        let answer = answer.map_err(AgentError::Model)?;
        self.usage.input_tokens += answer.usage.input_tokens;
        self.usage.output_tokens += answer.usage.output_tokens;
        if !answer.calls.is_empty() {
            self.telling.turn_ended(&answer.text);
        }
        self.transcript.entries.push(Entry::Said(answer));
        Ok(())
    }

    /// Runs all calls at once; results enter the transcript in the order of their calls, so that
    /// the numbers of their sources do not depend on which tool was faster.
    async fn call(&mut self, steps: Vec<Step>) {
        let first = self.tasks + 1;
        self.tasks += steps.len();
        self.announce(&steps);
        let this = &*self;
        let outcomes = steps.into_iter().zip(first..).map(|(step, number)| async move {
            let outcome = match step.decision {
                Decision::Run(arguments) => this.call_one(number, &step.call.name, arguments).await,
                Decision::Refuse(refusal) => Outcome::Failed(told(refusal, &this.tools)),
            };
            (step.call.id, outcome)
        });
        for (call_id, outcome) in join_all(outcomes).await {
            let text = outcome.told(&mut self.ledger);
            self.transcript.entries.push(Entry::Result(ToolResult { call_id, text }));
        }
    }

    fn announce(&self, steps: &[Step]) {
        let mut announced: Vec<String> = Vec::new();
        for step in steps {
            let text = self.tools.step(&step.call.name);
            if matches!(step.decision, Decision::Run(_)) && !announced.contains(&text) {
                self.progress.step(&text);
                announced.push(text);
            }
        }
    }

    async fn call_one(&self, number: usize, name: &str, arguments: Map<String, Value>) -> Outcome {
        let title = &self.tools.step(name);
        let task = Task { number, title, state: TaskState::Running, sources: &[] };
        self.progress.task(&task);
        let outcome = match self.allowance.count(name).await {
            Ok(()) => self.tools.call(name, arguments).await,
            Err(why) => Outcome::Failed(why),
        };
        let state = match outcome {
            Outcome::Passages(_) | Outcome::Text { .. } => TaskState::Done,
            Outcome::Failed(_) => TaskState::Failed,
        };
        self.progress.task(&Task { state, sources: &outcome.sources(), ..task });
        outcome
    }

    fn reply(self, text: &str, cut: bool) -> Answer {
        let (mut text, sources) = self.ledger.cite(&self.telling.whole(text));
        if cut {
            text.push_str(CUT_MARK);
        }
        let turns = u32::try_from(self.transcript.answers()).unwrap_or(u32::MAX);
        Answer { text, sources, usage: self.usage, turns }
    }
}

/// Why a call was not made, in words for the model.
fn told(refusal: Refusal, tools: &Tools) -> String {
    match refusal {
        Refusal::UnknownTool => {
            let names: Vec<_> = tools.names().into_iter().collect();
            format!("there is no such tool; expected one of: {}", names.join(", "))
        }
        Refusal::BadArguments => "the arguments are not a JSON object".to_owned(),
        Refusal::Repeated => {
            "the same call was made before, and its result stands above; answer with it".to_owned()
        }
        Refusal::TooMany => "too many calls at once; make fewer".to_owned(),
    }
}
