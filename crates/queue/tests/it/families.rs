//! Fan-out and fan-in.

use std::time::Duration;

use event::limits::CHILDREN_MAX;
use event::{ErrorChain, NewEvent, Outcome, Policy, Refusal, Reply, TerminalState, Verdict, Wait};
use queue::{Claim, FanIn, Finished, Incarnation, JobState, Needed, QueueError, Rest};

use crate::aids::{Fixture, about, connect, event, failed, in_lane, stored};

const DAY: Duration = Duration::from_secs(86_400);

fn children(count: usize) -> Vec<NewEvent> {
    (0..count).map(|number| child(&number.to_string())).collect()
}

fn child(key: &str) -> NewEvent {
    NewEvent { kind: "part".to_owned(), ..event(key) }
}

/// A parent that has spawned and sleeps until its children are complete.
async fn parent(fixture: &Fixture, who: Incarnation, parts: usize, fan_in: FanIn) -> Claim {
    fixture.append(in_lane("parent", "P", 1)).await;
    let claim = fixture.claim_one(who).await;
    let made = fixture.queue.spawn(&claim, "parts", children(parts), fan_in).await.unwrap();
    assert_eq!(made.len(), parts);
    sleep(fixture, &claim).await;
    claim
}

async fn sleep(fixture: &Fixture, claim: &Claim) {
    let outcome = Outcome::Suspended(Wait::children("parts").or_after(DAY));
    let verdict = fixture.queue.settle(claim, outcome, &Policy::ANSWER).await.unwrap();
    assert!(matches!(verdict, Verdict::Suspend { .. }), "{verdict:?}");
}

fn refused() -> Outcome {
    Outcome::Refused(ErrorChain::message("no such page"))
}

async fn end(fixture: &Fixture, claim: &Claim, outcome: Outcome) {
    fixture.queue.settle(claim, outcome, &Policy::ANSWER).await.unwrap();
}

/// Claims what is ready, which must be so many of the kind `part`.
async fn parts(fixture: &Fixture, who: Incarnation, count: usize) -> Vec<Claim> {
    let claims = fixture.queue.claim(who, 100).await.unwrap();
    assert_eq!(claims.len(), count);
    assert!(claims.iter().all(|claim| claim.kind == "part" && claim.child));
    claims
}

async fn refusal(fixture: &Fixture, claim: &Claim, children: Vec<NewEvent>) -> Refusal {
    match fixture.queue.spawn(claim, "other", children, FanIn::ALL).await {
        Err(QueueError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_parent_sleeps_until_all_its_children_have_ended_and_reads_what_they_brought() {
    let (fixture, who) = Fixture::with_worker().await;
    parent(&fixture, who, 3, FanIn::ALL).await;
    let next = fixture.append(in_lane("next", "P", 2)).await;
    let claims = fixture.queue.claim(who, 100).await.unwrap();
    assert_eq!(claims.len(), 4, "the parent holds no lane and its children have their own");
    let (next, parts): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|claim| claim.event == next.event);
    let reply = Reply { text: "found".to_owned(), ..Reply::default() };
    end(&fixture, &parts[0], Outcome::Done(Some(reply))).await;
    end(&fixture, &parts[1], refused()).await;
    fixture.queue.cancel(&[parts[2].event.id], "U1", "enough").await.unwrap();
    fixture.done(&next[0]).await;
    let notice = fixture.claim_one(who).await;
    assert_eq!(notice.kind, "dead_letter", "the parent sleeps on");
    fixture.done(&notice).await;
    end(&fixture, &parts[2], Outcome::Cancelled).await;

    let parent = fixture.claim_one(who).await;
    assert_eq!((parent.kind.as_str(), parent.attempt), ("app_mention", 1));
    let family = fixture.queue.family(&parent, "parts").await.unwrap().unwrap();
    assert!(family.complete && !family.late);
    assert_eq!((family.total, family.done, family.dead, family.cancelled), (3, 1, 1, 1));
    let states: Vec<_> = family.results.iter().map(|child| child.state).collect();
    let ended = [TerminalState::Done, TerminalState::Dead, TerminalState::Cancelled];
    assert_eq!(states, ended.map(Some));
    assert_eq!(family.results[0].reply.as_ref().unwrap()["text"], "found");
    assert_eq!(family.results[1].error.as_deref().unwrap(), ["no such page"]);
    // Complete already: the wait is over before it begins.
    sleep(&fixture, &parent).await;
    fixture.claim_one(who).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn the_first_so_many_are_enough_and_the_rest_is_called_off() {
    let (fixture, who) = Fixture::with_worker().await;
    parent(&fixture, who, 4, FanIn::first(2)).await;
    let three = fixture.queue.claim(who, 3).await.unwrap();
    fixture.done(&three[0]).await;
    fixture.done(&three[1]).await;
    let parent = fixture.queue.claim(who, 100).await.unwrap();
    let parent = parent.into_iter().find(|claim| claim.kind == "app_mention").unwrap();
    let family = fixture.queue.family(&parent, "parts").await.unwrap().unwrap();
    assert!(family.complete);
    assert_eq!((family.needed, family.done), (Some(2), 2));
    fixture.queue.sweep().await.unwrap();
    let asked = fixture.queue.cancel_requests(who).await.unwrap();
    assert!(asked.contains(&three[2].event.id), "the running one is asked to stop: {asked:?}");
    for claim in &three[2..] {
        end(&fixture, claim, Outcome::Cancelled).await;
    }
    fixture.done(&parent).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn the_rest_that_has_not_begun_ends_at_once() {
    let (fixture, who) = Fixture::with_worker().await;
    let claim = parent(&fixture, who, 50, FanIn::first(1)).await;
    let one = fixture.claim_one(who).await;
    fixture.done(&one).await;
    fixture.queue.sweep().await.unwrap();
    let family = fixture.queue.family(&claim, "parts").await.unwrap().unwrap();
    assert_eq!((family.done, family.cancelled), (1, 49));
    let parent = fixture.claim_one(who).await;
    assert_eq!(parent.kind, "app_mention");
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_number_that_can_be_reached_no_more_completes_the_group() {
    let (fixture, who) = Fixture::with_worker().await;
    let fan_in = FanIn { needed: Needed::AtLeast(2), deadline: None, rest: Rest::LetRun };
    parent(&fixture, who, 3, fan_in).await;
    let claims = parts(&fixture, who, 3).await;
    for claim in &claims[..2] {
        end(&fixture, claim, Outcome::Cancelled).await;
    }
    let parent = fixture.claim_one(who).await;
    let family = fixture.queue.family(&parent, "parts").await.unwrap().unwrap();
    assert!(family.complete);
    assert_eq!((family.done, family.cancelled), (0, 2));
    fixture.done(&claims[2]).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_deadline_completes_a_group_with_partial_results() {
    let (fixture, who) = Fixture::with_worker().await;
    let fan_in = FanIn { needed: Needed::All, deadline: Some(DAY), rest: Rest::Cancel };
    parent(&fixture, who, 2, fan_in).await;
    let one = fixture.queue.claim(who, 1).await.unwrap().remove(0);
    fixture.done(&one).await;
    fixture.queue.sweep().await.unwrap();
    assert_eq!(fixture.count("fan_ins WHERE completed_at IS NULL").await, 1);
    let past = "UPDATE fan_ins SET deadline_at = clock_timestamp() - INTERVAL '1 ms'";
    fixture.sql.execute(past, &[]).await.unwrap();
    fixture.queue.sweep().await.unwrap();
    let parent = fixture.claim_one(who).await;
    let family = fixture.queue.family(&parent, "parts").await.unwrap().unwrap();
    assert!(family.complete && family.late);
    assert_eq!((family.done, family.cancelled), (1, 1), "the rest was called off");
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_time_out_wakes_the_parent_before_its_group_is_complete() {
    let (fixture, who) = Fixture::with_worker().await;
    parent(&fixture, who, 2, FanIn::ALL).await;
    let claims = parts(&fixture, who, 2).await;
    fixture.end_sleeps().await;
    fixture.queue.sweep().await.unwrap();
    let parent = fixture.claim_one(who).await;
    assert!(!fixture.queue.family(&parent, "parts").await.unwrap().unwrap().complete);
    for claim in &claims {
        fixture.done(claim).await;
    }
    assert!(fixture.queue.family(&parent, "parts").await.unwrap().unwrap().complete);
    fixture.done(&parent).await;
    fixture.claim_none(who).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_group_is_spawned_once_for_each_generation() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("parent")).await;
    let claim = fixture.claim_one(who).await;
    let first = fixture.queue.spawn(&claim, "parts", children(3), FanIn::ALL).await.unwrap();
    end(&fixture, &claim, failed()).await;
    fixture.end_waits().await;
    let claims = fixture.queue.claim(who, 100).await.unwrap();
    let claim = claims.into_iter().find(|claim| claim.kind == "app_mention").unwrap();
    let second = fixture.queue.spawn(&claim, "parts", children(3), FanIn::first(1)).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(fixture.count("children").await, 3);
    let other = fixture.queue.spawn(&claim, "parts", children(2), FanIn::ALL).await;
    let expected = Refusal::OtherFamily { found: 3, given: 2 };
    assert!(matches!(other, Err(QueueError::Refused(found)) if found == expected));
}

#[tokio::test]
async fn a_child_of_a_cancelled_parent_is_refused() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("parent")).await;
    let claim = fixture.claim_one(who).await;
    fixture.queue.cancel(&[committed.event.id], "U1", "enough").await.unwrap();
    assert_eq!(refusal(&fixture, &claim, children(1)).await, Refusal::ParentCancelled);
    end(&fixture, &claim, Outcome::Cancelled).await;
    let late = fixture.queue.spawn(&claim, "parts", children(1), FanIn::ALL).await;
    assert!(matches!(late, Err(QueueError::Fenced)), "{late:?}");
    assert_eq!(fixture.count("events").await, 1);
    assert_eq!(fixture.count("fan_ins").await, 0);
}

#[tokio::test]
async fn a_parents_end_calls_its_children_off_down_to_the_last_grandchild() {
    let (fixture, who) = Fixture::with_worker().await;
    let top = parent(&fixture, who, 2, FanIn::ALL).await;
    let claims = parts(&fixture, who, 2).await;
    // One child is a parent itself and sleeps, the other runs.
    fixture.queue.spawn(&claims[0], "parts", children(2), FanIn::ALL).await.unwrap();
    sleep(&fixture, &claims[0]).await;
    fixture.queue.cancel(&[top.event.id], "U1", "enough").await.unwrap();
    for _ in 0..3 {
        fixture.queue.sweep().await.unwrap();
    }
    let asked = fixture.queue.cancel_requests(who).await.unwrap();
    assert_eq!(asked, [claims[1].event.id]);
    end(&fixture, &claims[1], Outcome::Cancelled).await;
    fixture.queue.sweep().await.unwrap();
    assert_eq!(fixture.count("jobs").await, 0);
    assert_eq!(fixture.count("outcomes WHERE state = 'cancelled'").await, 5);
    assert_eq!(fixture.count("fan_ins WHERE living > 0").await, 0);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_parent_that_finishes_early_leaves_its_children_as_the_group_says() {
    for (rest, left) in [(Rest::LetRun, 2), (Rest::Cancel, 0)] {
        let (fixture, who) = Fixture::with_worker().await;
        fixture.append(event("parent")).await;
        let claim = fixture.claim_one(who).await;
        let fan_in = FanIn { rest, ..FanIn::ALL };
        fixture.queue.spawn(&claim, "parts", children(2), fan_in).await.unwrap();
        fixture.done(&claim).await;
        fixture.queue.sweep().await.unwrap();
        fixture.queue.sweep().await.unwrap();
        assert_eq!(fixture.count("jobs").await, left, "{rest:?}");
    }
}

#[tokio::test]
async fn children_keep_the_order_of_their_lanes() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("parent")).await;
    let claim = fixture.claim_one(who).await;
    let laned = [("b", 2), ("a", 1)]
        .map(|(key, order)| NewEvent { kind: "part".to_owned(), ..in_lane(key, "C", order) });
    let made = fixture.queue.spawn(&claim, "parts", laned.to_vec(), FanIn::ALL).await.unwrap();
    for event in [made[1], made[0]] {
        let claim = fixture.claim_one(who).await;
        assert_eq!(claim.event, event);
        fixture.claim_none(who).await;
        fixture.done(&claim).await;
    }
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_family_out_of_bounds_is_refused() {
    let (fixture, who) = Fixture::with_worker().await;
    let known = fixture.append(about("same", event("parent"))).await;
    let claim = fixture.claim_one(who).await;
    assert_eq!(known.event, claim.event);
    let many = vec![child("a"); CHILDREN_MAX + 1];
    assert!(matches!(refusal(&fixture, &claim, many).await, Refusal::TooMany { .. }));
    let none = refusal(&fixture, &claim, vec![]).await;
    assert_eq!(none, Refusal::FanInOutOfReach { needed: 1, children: 0 });
    assert_eq!(refusal(&fixture, &claim, vec![stored("a")]).await, Refusal::IdleChild { index: 0 });
    let twin = vec![child("a"), about("same", child("b"))];
    assert_eq!(refusal(&fixture, &claim, twin).await, Refusal::KnownChild { index: 1 });
    let long = NewEvent { lane: Some("x".repeat(10_000)), ..child("a") };
    assert!(matches!(refusal(&fixture, &claim, vec![long]).await, Refusal::TooLong { .. }));
    let out_of_reach = fixture.queue.spawn(&claim, "g", children(2), FanIn::first(3)).await;
    assert!(matches!(out_of_reach, Err(QueueError::Refused(_))));
    assert_eq!(fixture.count("events").await, 1);
    assert_eq!(fixture.count("fan_ins").await, 0);
}

#[tokio::test]
async fn q11_ten_thousand_children_continue_their_parent_exactly_once() {
    let (fixture, who) = Fixture::with_worker().await;
    parent(&fixture, who, CHILDREN_MAX, FanIn::ALL).await;
    // Four workers share them; one in a thousand dies. The parent is seen whenever it is continued.
    let workers = (0..4).map(|number| {
        let (queue, name) = (fixture.queue.clone(), format!("w{number}"));
        async move {
            let who = queue.register(&name, "1", 500).await.unwrap();
            let (mut finished, mut seen, mut idle) = (Vec::new(), Vec::new(), 0);
            while idle < 3 {
                let exchange = queue.exchange(who, &finished, 500).await.unwrap();
                assert!(exchange.verdicts.iter().all(Result::is_ok));
                finished.clear();
                idle = if exchange.claims.is_empty() { idle + 1 } else { 0 };
                for claim in exchange.claims {
                    if claim.kind == "app_mention" {
                        seen.push(claim);
                        continue;
                    }
                    let outcome = match claim.event.id.0 % 1_000 {
                        0 => refused(),
                        _ => Outcome::Done(None),
                    };
                    finished.push(Finished { claim, outcome, policy: Policy::ANSWER });
                }
            }
            seen
        }
    });
    let seen: Vec<Claim> = futures::future::join_all(workers).await.into_iter().flatten().collect();
    let [parent] = seen.as_slice() else { panic!("continued {} times", seen.len()) };
    let family = fixture.queue.family(parent, "parts").await.unwrap().unwrap();
    assert!(family.complete);
    assert_eq!(family.done + family.dead, 10_000);
    assert_eq!(family.dead, 10);
    fixture.done(parent).await;
    fixture.queue.sweep().await.unwrap();
    assert_eq!(fixture.count("jobs").await, 0);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn q11_a_continuation_that_was_lost_with_its_worker_is_made_by_the_sweep() {
    let (fixture, who) = Fixture::with_worker().await;
    let claim = parent(&fixture, who, 1, FanIn::ALL).await;
    let child = parts(&fixture, who, 1).await.remove(0);
    // The last child's commit as a worker leaves it that dies before the second transaction.
    fixture.done(&child).await;
    let undone = "WITH asleep AS (UPDATE jobs SET state = 's', head = false RETURNING event_id, token)
                  INSERT INTO waits (event_id, token, child_group) SELECT event_id, token, 'parts' FROM asleep";
    fixture.sql.execute(undone, &[]).await.unwrap();
    fixture.sql.execute("UPDATE fan_ins SET continued_at = NULL", &[]).await.unwrap();
    let detail = fixture.queue.event(claim.event.id).await.unwrap().unwrap();
    assert_eq!(detail.job.unwrap().state, JobState::Suspended);
    let others = [connect(fixture.database.url()).await, connect(fixture.database.url()).await];
    let (one, two) = futures::join!(others[0].sweep(), others[1].sweep());
    assert_eq!(one.unwrap() + two.unwrap(), 1, "one of them continues it");
    let parent = fixture.claim_one(who).await;
    fixture.done(&parent).await;
    fixture.queue.sweep().await.unwrap();
    fixture.claim_none(who).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn q11_a_parent_that_dies_at_its_last_child_is_continued_as_a_retry() {
    let (fixture, who) = Fixture::with_worker().await;
    let zombie = fixture.queue.register("zombie", "1", 1).await.unwrap();
    fixture.append(event("parent")).await;
    let dying = fixture.claim_one(zombie).await;
    fixture.queue.spawn(&dying, "parts", children(1), FanIn::ALL).await.unwrap();
    let child = parts(&fixture, who, 1).await.remove(0);
    // The parent's worker goes silent before it suspends; the last child ends meanwhile.
    fixture.end_lease(zombie).await;
    fixture.done(&child).await;
    assert_eq!(fixture.queue.reap(&|_| Policy::ANSWER).await.unwrap(), 1);
    let outcome = Outcome::Suspended(Wait::children("parts"));
    let late = fixture.queue.settle(&dying, outcome, &Policy::ANSWER).await;
    assert!(matches!(late, Err(QueueError::Fenced)), "{late:?}");
    let parent = fixture.claim_one(who).await;
    assert_eq!(parent.attempt, 2);
    assert!(fixture.queue.family(&parent, "parts").await.unwrap().unwrap().complete);
    fixture.done(&parent).await;
    fixture.queue.sweep().await.unwrap();
    fixture.claim_none(who).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn q12_a_child_that_finishes_twice_counts_once() {
    let (fixture, who) = Fixture::with_worker().await;
    let zombie = fixture.queue.register("zombie", "1", 1).await.unwrap();
    let top = parent(&fixture, who, 2, FanIn::ALL).await;
    let old = fixture.claim_one(zombie).await;
    fixture.end_lease(zombie).await;
    fixture.queue.reap(&|_| Policy::ANSWER).await.unwrap();
    let claims = parts(&fixture, who, 2).await;
    let new = claims.iter().find(|claim| claim.event == old.event).unwrap();
    fixture.done(new).await;
    let late = fixture.queue.settle(&old, Outcome::Done(None), &Policy::ANSWER).await;
    assert!(matches!(late, Err(QueueError::Fenced)), "{late:?}");
    // Its own answer lost, it finishes again; a replay of it ends as well.
    fixture.done(new).await;
    let selection = queue::Selection::Ids(vec![new.event.id]);
    let options =
        queue::ReplayOptions { actor: "U1".to_owned(), ..queue::ReplayOptions::default() };
    fixture.queue.replay(&selection, &options).await.unwrap();
    let replayed = fixture.claim_one(who).await;
    assert!(!replayed.child);
    fixture.done(&replayed).await;
    let family = fixture.queue.family(&top, "parts").await.unwrap().unwrap();
    assert_eq!((family.done, family.complete), (1, false));
    assert_eq!(fixture.number("SELECT done::bigint FROM fan_ins").await, 1);
    fixture.sql.execute("UPDATE fan_ins SET spawned_at = spawned_at", &[]).await.unwrap();
    fixture.queue.sweep().await.unwrap();
    assert_eq!(fixture.number("SELECT done::bigint FROM fan_ins").await, 1);
}

#[tokio::test]
async fn q13_a_death_while_children_are_inserted_leaves_all_or_none() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("parent")).await;
    let claim = fixture.claim_one(who).await;
    // A child that the database refuses after others were written.
    let gate = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN IF NEW.number = 7 THEN RAISE ''broken''; END IF; RETURN NEW; END'";
    fixture.sql.batch_execute(gate).await.unwrap();
    let trigger =
        "CREATE TRIGGER refuse BEFORE INSERT ON children FOR EACH ROW EXECUTE FUNCTION refuse()";
    fixture.sql.batch_execute(trigger).await.unwrap();
    let broken = fixture.queue.spawn(&claim, "parts", children(20), FanIn::ALL).await;
    assert!(matches!(broken, Err(QueueError::Database { .. })), "{broken:?}");
    for table in ["children", "fan_ins"] {
        assert_eq!(fixture.count(table).await, 0, "{table}");
    }
    assert_eq!(fixture.count("events").await + fixture.count("jobs").await, 2, "the parent's");
    fixture.sql.batch_execute("DROP TRIGGER refuse ON children").await.unwrap();
    // The caller went away with the answer: the next attempt finds all of them or makes them.
    let spawning = fixture.queue.spawn(&claim, "parts", children(20), FanIn::ALL);
    drop(tokio::time::timeout(Duration::from_millis(1), spawning).await);
    let made = fixture.queue.spawn(&claim, "parts", children(20), FanIn::ALL).await.unwrap();
    assert_eq!(made.len(), 20);
    assert_eq!(fixture.count("children").await, 20);
    assert_eq!(fixture.count("jobs").await, 21);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn an_end_that_nobody_counted_is_counted_by_the_sweep() {
    let (fixture, who) = Fixture::with_worker().await;
    parent(&fixture, who, 2, FanIn::ALL).await;
    // Ended by other means, as an operator's own SQL would.
    fixture.sql.execute("DELETE FROM jobs WHERE child", &[]).await.unwrap();
    // A process looks for such ends soon after its start, and seldom after that.
    connect(fixture.database.url()).await.sweep().await.unwrap();
    let parent = fixture.claim_one(who).await;
    let family = fixture.queue.family(&parent, "parts").await.unwrap().unwrap();
    assert_eq!((family.complete, family.cancelled), (true, 2));
}
