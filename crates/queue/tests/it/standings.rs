//! Who may command, who is ignored, and what people think.

use queue::Standing;

use crate::aids::{Fixture, event};

const ADA: (&str, &str) = ("T1", "U1");
const AUDIT: &str =
    "SELECT actor || ' ' || action || ' ' || (subject ->> 'actor') FROM audit ORDER BY id";

#[tokio::test]
async fn a_standing_is_given_and_taken_and_every_change_is_audited() {
    let fixture = Fixture::new().await;
    let queue = &fixture.queue;
    assert_eq!(queue.standing("T1", "U1").await.unwrap(), None);
    assert!(queue.set_standing(ADA, Standing::Ignored, "slack:U9").await.unwrap());
    assert!(!queue.set_standing(ADA, Standing::Ignored, "slack:U9").await.unwrap());
    assert_eq!(queue.standing("T1", "U1").await.unwrap(), Some(Standing::Ignored));
    assert_eq!(queue.standing("T2", "U1").await.unwrap(), None, "another workspace");
    assert!(!queue.clear_standing(ADA, Standing::Admin, "slack:U9").await.unwrap());
    assert!(queue.set_standing(ADA, Standing::Admin, "slack:U9").await.unwrap());
    let listed = queue.standings("T1").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].standing, listed[0].given_by.as_str()), (Standing::Admin, "slack:U9"));
    assert!(queue.clear_standing(ADA, Standing::Admin, "slack:U9").await.unwrap());
    assert_eq!(queue.standing("T1", "U1").await.unwrap(), None);
    let audit = ["slack:U9 ignore U1", "slack:U9 admin U1", "slack:U9 unadmin U1"];
    assert_eq!(fixture.texts(AUDIT).await, audit);
}

#[tokio::test]
async fn the_schema_knows_every_standing_and_no_other() {
    let fixture = Fixture::new().await;
    for standing in Standing::ALL {
        fixture.queue.set_standing(ADA, *standing, "me").await.unwrap();
    }
    let other = "UPDATE standings SET standing = 'saint'";
    assert!(fixture.sql.batch_execute(other).await.is_err());
}

#[tokio::test]
async fn of_each_persons_feedback_the_last_word_counts() {
    let fixture = Fixture::new().await;
    let subject = fixture.append(event("a")).await.event;
    let opinions = [
        ("U1", true, Some("clear")),
        ("U2", false, Some("too long")),
        ("U1", false, None),
        ("U2", false, None),
    ];
    for (actor, good, remark) in opinions {
        fixture.queue.give_feedback(subject, actor, good, remark).await.unwrap();
    }
    let detail = fixture.queue.event(subject.id).await.unwrap().unwrap();
    let given: Vec<_> = detail
        .feedback
        .iter()
        .map(|given| (given.actor.as_str(), given.good, given.remark.as_deref()))
        .collect();
    // Words go with the opinion that they were said about.
    assert_eq!(given, [("U1", false, None), ("U2", false, Some("too long"))]);
}
