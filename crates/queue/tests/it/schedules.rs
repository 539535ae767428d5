//! Schedules: kept, fired, caught up with.

use chrono::{DateTime, Utc};
use event::{NewEvent, Priority, Refusal, Timestamp};
use queue::{NewSchedule, ScheduleError, When};

use crate::aids::{Fixture, connect};

fn daily(name: &str) -> NewSchedule {
    let when = When::Cron { line: "0 9 * * *".to_owned(), zone: "Europe/Berlin".to_owned() };
    NewSchedule {
        name: name.to_owned(),
        when,
        kind: "report".to_owned(),
        tenant: "T1".to_owned(),
        actor: Some("U1".to_owned()),
        lane: Some("reports".to_owned()),
        priority: Priority::Chore,
        raw: b"{}".to_vec(),
    }
}

fn cron(line: &str) -> NewSchedule {
    let when = When::Cron { line: line.to_owned(), zone: "UTC".to_owned() };
    NewSchedule { when, ..daily("a") }
}

async fn add(fixture: &Fixture, schedule: &NewSchedule) -> Result<Timestamp, ScheduleError> {
    fixture.queue.add_schedule(schedule, false, "U1", Some("wanted")).await
}

/// As if the schedule had last been looked after `days` days ago.
async fn neglect(fixture: &Fixture, days: i32) {
    let back = "UPDATE schedules SET next_at = next_at - $1::integer * INTERVAL '1 day',
                                     dealt_until = dealt_until - $1::integer * INTERVAL '1 day'";
    fixture.sql.execute(back, &[&days]).await.unwrap();
}

#[tokio::test]
async fn a_due_schedule_makes_one_event_and_moves_on() {
    let (fixture, who) = Fixture::with_worker().await;
    let first = add(&fixture, &daily("morning")).await.unwrap();
    assert_eq!(fixture.queue.fire_due().await.unwrap(), 0, "nothing is due yet");
    neglect(&fixture, 1).await;
    assert_eq!(fixture.queue.fire_due().await.unwrap(), 1);
    assert_eq!(fixture.queue.fire_due().await.unwrap(), 0);

    let claim = fixture.claim_one(who).await;
    assert_eq!((claim.source.as_str(), claim.kind.as_str()), ("schedule", "report"));
    assert_eq!((claim.lane_name.as_deref(), claim.raw.as_slice()), (Some("reports"), &b"{}"[..]));
    let schedules = fixture.queue.schedules().await.unwrap();
    let [schedule] = schedules.as_slice() else { panic!("{schedules:?}") };
    assert_eq!(schedule.plan, daily("morning"));
    assert_eq!(schedule.last_event, Some(claim.event));
    assert_eq!(schedule.next_at, Some(first), "the next run is the one that was next at first");
    let due = schedule.last_at.unwrap();
    let keys = fixture.queue.event(claim.event.id).await.unwrap().unwrap().deliveries;
    assert_eq!(keys, [format!("schedule:morning:{}", due.0)]);
    let audit = fixture.texts("SELECT actor || ' ' || action || ' ' || reason FROM audit").await;
    assert_eq!(audit, ["U1 add_schedule wanted"]);
}

#[tokio::test]
async fn of_all_missed_runs_only_the_latest_is_made_up_for() {
    let fixture = Fixture::new().await;
    let next = add(&fixture, &daily("morning")).await.unwrap();
    neglect(&fixture, 40).await;
    assert_eq!(fixture.queue.fire_due().await.unwrap(), 1);
    assert_eq!(fixture.queue.fire_due().await.unwrap(), 0);
    assert_eq!(fixture.count("events").await, 1);
    let schedule = fixture.queue.schedules().await.unwrap().remove(0);
    let (due, hours) = (schedule.last_at.unwrap().0, 3_600_000_000);
    let before = (23 * hours..=25 * hours).contains(&(next.0 - due));
    assert!(before, "the run before {next:?}, give or take a change of the clocks: {due}");
}

#[tokio::test]
async fn any_number_of_processes_fire_a_run_once() {
    let fixture = Fixture::new().await;
    for name in ["a", "b", "c", "d", "e"] {
        add(&fixture, &daily(name)).await.unwrap();
    }
    neglect(&fixture, 1).await;
    let mut queues = Vec::new();
    for _ in 0..6 {
        queues.push(connect(fixture.database.url()).await);
    }
    let calls = queues.iter().map(|queue| queue.fire_due());
    let fired = futures::future::try_join_all(calls).await.unwrap();
    assert_eq!(fired.iter().sum::<u64>(), 5, "{fired:?}");
    assert_eq!(fixture.count("events").await, 5);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_death_between_the_event_and_the_schedule_repeats_the_key_and_not_the_event() {
    let fixture = Fixture::new().await;
    add(&fixture, &daily("morning")).await.unwrap();
    neglect(&fixture, 1).await;
    fixture.sql.batch_execute("CREATE TABLE kept AS SELECT * FROM schedules").await.unwrap();
    assert_eq!(fixture.queue.fire_due().await.unwrap(), 1);
    // The schedule's own commit never came.
    let lost = "DELETE FROM schedules; INSERT INTO schedules SELECT * FROM kept";
    fixture.sql.batch_execute(lost).await.unwrap();
    assert_eq!(fixture.queue.fire_due().await.unwrap(), 0, "the log knew the run");
    assert_eq!((fixture.count("events").await, fixture.count("jobs").await), (1, 1));
    let schedule = fixture.queue.schedules().await.unwrap().remove(0);
    assert!(schedule.last_event.is_some() && schedule.next_at > schedule.last_at);
}

#[tokio::test]
async fn a_reminder_fires_once_and_is_gone() {
    let fixture = Fixture::new().await;
    let at = Timestamp(Utc::now().timestamp_micros() + 86_400_000_000);
    let reminder = NewSchedule { when: When::Once(at), ..daily("call John") };
    assert_eq!(add(&fixture, &reminder).await.unwrap(), at);
    assert_eq!(fixture.queue.schedules().await.unwrap()[0].plan, reminder);
    neglect(&fixture, 2).await;
    assert_eq!(fixture.queue.fire_due().await.unwrap(), 1);
    assert_eq!((fixture.count("schedules").await, fixture.count("events").await), (0, 1));
}

#[tokio::test]
async fn what_could_never_fire_is_refused_by_its_own_name() {
    let fixture = Fixture::new().await;
    let never = add(&fixture, &cron("0 0 30 2 *")).await;
    assert!(matches!(never, Err(ScheduleError::NeverFires { .. })), "{never:?}");
    let odd = add(&fixture, &cron("0 0 0 1 1 * 294276")).await;
    assert!(matches!(odd, Err(ScheduleError::Year { .. })), "{odd:?}");
    let unreadable = add(&fixture, &cron("every day")).await;
    assert!(matches!(unreadable, Err(ScheduleError::Cron { .. })), "{unreadable:?}");
    let when = When::Cron { line: "@daily".to_owned(), zone: "Mars/Olympus".to_owned() };
    let nowhere = add(&fixture, &NewSchedule { when, ..daily("a") }).await;
    assert!(matches!(nowhere, Err(ScheduleError::Zone { .. })), "{nowhere:?}");
    for at in [i64::MAX, NewEvent::LATEST.0 + 1, -1] {
        let when = When::Once(Timestamp(at));
        let odd = add(&fixture, &NewSchedule { when, ..daily("a") }).await;
        assert!(matches!(odd, Err(ScheduleError::Year { .. })), "{odd:?}");
    }
    let past = add(&fixture, &NewSchedule { when: When::Once(Timestamp(1)), ..daily("a") }).await;
    assert!(matches!(past, Err(ScheduleError::Past)), "{past:?}");
    let long = NewSchedule { lane: Some("x".repeat(10_000)), ..daily("a") };
    let long = add(&fixture, &long).await;
    assert!(matches!(long, Err(ScheduleError::Event(Refusal::TooLong { .. }))), "{long:?}");
    let large = add(&fixture, &NewSchedule { raw: vec![7; 10_000_000], ..daily("a") }).await;
    assert!(matches!(large, Err(ScheduleError::Event(Refusal::PayloadTooLarge { .. }))));
    assert_eq!((fixture.count("schedules").await, fixture.count("audit").await), (0, 0));
}

#[tokio::test]
async fn a_name_is_taken_until_it_is_replaced_or_removed() {
    let fixture = Fixture::new().await;
    add(&fixture, &daily("a")).await.unwrap();
    let taken = add(&fixture, &cron("@hourly")).await;
    assert!(matches!(taken, Err(ScheduleError::Exists { .. })), "{taken:?}");
    fixture.queue.add_schedule(&cron("@hourly"), true, "U1", None).await.unwrap();
    assert_eq!(fixture.queue.schedules().await.unwrap()[0].plan, cron("@hourly"));
    fixture.queue.remove_schedule("a", "U1", Some("enough")).await.unwrap();
    let gone = fixture.queue.remove_schedule("a", "U1", None).await;
    assert!(matches!(gone, Err(ScheduleError::Unknown { .. })), "{gone:?}");
    let gone = fixture.queue.run_schedule("a", "U1", None).await;
    assert!(matches!(gone, Err(ScheduleError::Unknown { .. })), "{gone:?}");
    let audit = fixture.texts("SELECT action FROM audit ORDER BY id").await;
    assert_eq!(audit, ["add_schedule", "add_schedule", "remove_schedule"]);
}

#[tokio::test]
async fn a_run_by_hand_comes_besides_the_schedules_own() {
    let (fixture, who) = Fixture::with_worker().await;
    let next = add(&fixture, &daily("a")).await.unwrap();
    let event = fixture.queue.run_schedule("a", "U2", Some("now")).await.unwrap();
    assert_eq!(fixture.claim_one(who).await.event, event);
    let schedule = fixture.queue.schedules().await.unwrap().remove(0);
    assert_eq!((schedule.next_at, schedule.last_at), (Some(next), None));
    assert_eq!(fixture.count("audit").await, 2);
}

#[tokio::test]
async fn a_schedule_of_newer_code_waits_for_it_and_holds_up_nobody() {
    let fixture = Fixture::new().await;
    add(&fixture, &daily("old")).await.unwrap();
    add(&fixture, &daily("new")).await.unwrap();
    neglect(&fixture, 1).await;
    let newer = "UPDATE schedules SET cron = 'at dawn' WHERE name = 'new'";
    fixture.sql.execute(newer, &[]).await.unwrap();
    assert_eq!(fixture.queue.fire_due().await.unwrap(), 1);
    let schedule = fixture.queue.schedules().await.unwrap().remove(0);
    assert!(schedule.error.unwrap().contains("at dawn"));
    let next = schedule.next_at.and_then(|at| DateTime::from_timestamp_micros(at.0));
    assert!(next > Some(Utc::now()), "it is looked at again");
    assert_eq!(fixture.count("events").await, 1);
}
