//! What may be asked of the engine, as proptest makes it up.

use proptest::prelude::*;
use proptest::sample::Index;

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Done,
    Failed,
    Refused,
    Released,
    RateLimited,
    Suspended,
    Cancelled,
    /// Said by the reaper alone.
    Lost,
}

/// Workers of a play.
pub const WORKERS: usize = 2;

/// One operation; an index chooses among what is there then.
#[derive(Clone, Debug)]
pub enum Operation {
    Append {
        lane: Option<usize>,
        order: i64,
        urgent: bool,
        delayed: bool,
    },
    /// A delivery that came before.
    Redeliver(Index),
    Claim {
        worker: usize,
        limit: usize,
    },
    /// Of any claim ever handed out and not settled by its holder, lost ones included.
    Settle {
        claim: Index,
        word: Word,
    },
    /// Of a claim whose job another holds by now.
    SettleStale {
        word: Word,
    },
    /// The last settlement, as after a lost answer.
    SettleAgain,
    /// Some of a worker's jobs are done, and it claims in the same commit.
    Exchange {
        worker: usize,
        settle: usize,
        limit: usize,
    },
    Renew {
        worker: usize,
    },
    /// A worker's time is up.
    EndLease {
        worker: usize,
    },
    Reap,
    /// A worker's time is up, and the next one takes its jobs over.
    TakeOver {
        worker: usize,
    },
    /// All waits end.
    Due,
    Cancel(Index),
    Replay(Index),
}

pub fn operations() -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(operation(), 1..60)
}

fn operation() -> impl Strategy<Value = Operation> {
    let worker = 0..WORKERS;
    let lane = prop::option::weighted(0.8, 0..2_usize);
    let append = (lane, 1..6_i64, prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    let append = append.prop_map(|(lane, order, urgent, delayed)| Operation::Append {
        lane,
        order,
        urgent,
        delayed,
    });
    let claim = (worker.clone(), 1..4_usize);
    let exchange = (worker.clone(), 1..3_usize, 1..4_usize);
    prop_oneof![
        8 => append,
        1 => any::<Index>().prop_map(Operation::Redeliver),
        6 => claim.prop_map(|(worker, limit)| Operation::Claim { worker, limit }),
        8 => (any::<Index>(), word()).prop_map(|(claim, word)| Operation::Settle { claim, word }),
        2 => word().prop_map(|word| Operation::SettleStale { word }),
        1 => Just(Operation::SettleAgain),
        2 => exchange
            .prop_map(|(worker, settle, limit)| Operation::Exchange { worker, settle, limit }),
        1 => worker.clone().prop_map(|worker| Operation::Renew { worker }),
        2 => worker.clone().prop_map(|worker| Operation::EndLease { worker }),
        2 => worker.prop_map(|worker| Operation::TakeOver { worker }),
        2 => Just(Operation::Reap),
        3 => Just(Operation::Due),
        2 => any::<Index>().prop_map(Operation::Cancel),
        2 => any::<Index>().prop_map(Operation::Replay),
    ]
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        5 => Just(Word::Done),
        3 => Just(Word::Failed),
        1 => Just(Word::Refused),
        1 => Just(Word::Released),
        1 => Just(Word::RateLimited),
        2 => Just(Word::Suspended),
        1 => Just(Word::Cancelled),
    ]
}
