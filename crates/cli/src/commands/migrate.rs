//! `athenaeum migrate`.

use secrecy::ExposeSecret;
use service::config::CliConfig;

use crate::exit::Exit;
use crate::output::Output;
use crate::view::Migrated;

pub(crate) async fn run(output: &Output) -> anyhow::Result<Exit> {
    let config = CliConfig::from_env()?;
    let service::migrate::Migrated { applied, version } =
        service::migrate::run(config.database.url.expose_secret()).await?;
    output.result(&Migrated { version, applied: applied.clone() }, || {
        let what = match applied.len() {
            0 => "nothing to do".to_owned(),
            1 => "applied 1 migration".to_owned(),
            count => format!("applied {count} migrations"),
        };
        format!("The schema is at version {version}: {what}.")
    })?;
    Ok(Exit::Done)
}
