//! Every order of a few callers' statements, or every one that changes the caller against its will at
//! most so many times: most faults of concurrency need one or two such changes (M. Musuvathi,
//! S. Qadeer, "Iterative Context Bounding", PLDI 2007).

use super::stage::{Fate, Stage};

/// The choices of one run, and those that are given for the next.
#[derive(Default)]
struct Choices {
    given: Vec<usize>,
    /// What was chosen, out of how many.
    taken: Vec<(usize, usize)>,
}

impl Choices {
    fn choose(&mut self, options: usize) -> usize {
        let chosen = self.given.get(self.taken.len()).copied().unwrap_or(0);
        self.taken.push((chosen, options));
        chosen
    }

    /// The choices of the next run: the last that has another option takes it.
    fn next(mut self) -> Option<Self> {
        while let Some((chosen, options)) = self.taken.pop() {
            if chosen + 1 < options {
                let mut given: Vec<usize> = self.taken.iter().map(|(chosen, _)| *chosen).collect();
                given.push(chosen + 1);
                return Some(Choices { given, taken: vec![] });
            }
        }
        None
    }
}

/// The orders still to be tried.
pub struct Orders {
    choices: Option<Choices>,
    switches_max: usize,
    pub tried: usize,
}

impl Orders {
    /// Every order with at most `switches_max` changes of a caller that could have gone on.
    pub fn new(switches_max: usize) -> Self {
        Orders { choices: Some(Choices::default()), switches_max, tried: 0 }
    }

    pub fn is_left(&self) -> bool {
        self.choices.is_some()
    }

    /// Lets the seated callers run to their ends in the next order. Nobody may be left waiting.
    pub async fn run(&mut self, stage: &mut Stage) {
        let mut choices = self.choices.take().unwrap();
        let (mut current, mut switches) = (None, 0);
        loop {
            let mut options = stage.ready();
            if options.is_empty() {
                break;
            }
            if let Some(at) = options.iter().position(|seat| Some(*seat) == current) {
                // Who could go on comes first; anyone else would be a change against its will.
                options.swap(0, at);
                options[1..].sort_unstable();
                if switches >= self.switches_max {
                    options.truncate(1);
                }
            } else {
                current = None;
            }
            let seat = options[choices.choose(options.len())];
            switches += usize::from(current.is_some_and(|current| current != seat));
            stage.step(seat, Fate::Answered).await;
            current = Some(seat);
        }
        let waiting: Vec<_> = stage.waiting();
        assert!(waiting.is_empty(), "{waiting:?} wait for ever: {:#?}", stage.schedule);
        self.tried += 1;
        self.choices = choices.next();
    }
}
