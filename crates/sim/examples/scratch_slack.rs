//! scratch
#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let options = sim::slack::Options {
        addr: ([127, 0, 0, 1], port).into(),
        clock: sim::slack::Clock::test(),
        ..Default::default()
    };
    let slack = sim::slack::LocalSlack::start(options).await.unwrap();
    let _ = tokio::signal::ctrl_c().await;
    slack.stop().await;
}
