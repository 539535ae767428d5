//! P8: a line on which nothing comes through any more.

use std::process::Command;
use std::time::Duration;

use sim::link::Weather;
use tokio::time::{Instant, timeout};

use super::rig::{Rig, connect, event};
use super::skip;

/// A dead link is noticed within 15 s; twice that on a slow machine.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn p8_a_peer_that_takes_everything_and_says_nothing_is_given_up() {
    let rig = Rig::new().await;
    let (who, claim) = rig.claimed(&rig.queue).await;
    rig.link.set_weather(Weather::Blackhole);
    let done = event::Outcome::Done(None);
    let (appended, renewed, claimed, settled) = timeout(NOTICED_WITHIN, async {
        tokio::join!(
            rig.queue.append(event("into the dark")),
            rig.queue.renew(who),
            rig.queue.claim(who, 1),
            rig.queue.settle(&claim, done.clone(), &super::rig::POLICY),
        )
    })
    .await
    .expect("everyone is told in time");
    for error in [
        appended.map(drop).err(),
        renewed.map(drop).err(),
        claimed.map(drop).err(),
        settled.map(drop).err(),
    ] {
        let error = error.expect("nothing came through");
        assert!(error.is_transient(), "{error:?}");
    }
    // What hung arrives late, from callers that have gone; trying again is safe.
    rig.link.set_weather(Weather::Clear);
    rig.queue.renew(who).await.expect("the lease stood");
    assert!(rig.queue.append(event("into the dark")).await.is_ok());
    rig.queue.settle(&claim, done, &super::rig::POLICY).await.expect("it is settled");
    assert_eq!(rig.number("SELECT count(*) FROM events").await, 2);
    assert_eq!(rig.number("SELECT count(*) FROM outcomes").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_packets_that_vanish_are_noticed() {
    let rig = Rig::new().await;
    let queue = connect(&rig.link.url(rig.database.url())).await;
    queue.ping().await.expect("the line is good");
    let Some(_filter) = Filter::drop_all_to(rig.link.addr().port()) else {
        return skip("p8_packets_that_vanish_are_noticed", "iptables cannot be used here");
    };
    let begun = Instant::now();
    let error = timeout(NOTICED_WITHIN, queue.ping()).await.expect("it is noticed in time");
    assert!(error.is_err_and(|error| error.is_transient()), "{:?}", begun.elapsed());
}

/// A rule that drops packets, taken back at the end.
struct Filter(Vec<String>);

impl Filter {
    fn drop_all_to(port: u16) -> Option<Self> {
        let rule = format!("INPUT -i lo -p tcp --dport {port} -j DROP");
        let rule: Vec<String> = rule.split(' ').map(str::to_owned).collect();
        iptables("-I", &rule).then_some(Filter(rule))
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        iptables("-D", &self.0);
    }
}

fn iptables(verb: &str, rule: &[String]) -> bool {
    let ran = Command::new("iptables").arg("-w").arg(verb).args(rule).output();
    ran.is_ok_and(|ran| ran.status.success())
}
