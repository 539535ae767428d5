//! A connection that asks the same questions thousands of times: each is prepared once.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Mutex;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

/// Its answers are expected; whatever fails ends the test.
pub struct Watcher {
    client: Client,
    prepared: Mutex<HashMap<String, Statement>>,
}

impl Watcher {
    pub fn new(client: Client) -> Self {
        Watcher { client, prepared: Mutex::default() }
    }

    pub async fn rows(&self, text: &str, params: &[&(dyn ToSql + Sync)]) -> Vec<Row> {
        let known = self.prepared.lock().unwrap().get(text).cloned();
        let statement = match known {
            Some(statement) => statement,
            None => {
                let statement = self.client.prepare(text).await.unwrap();
                self.prepared.lock().unwrap().insert(text.to_owned(), statement.clone());
                statement
            }
        };
        self.client.query(&statement, params).await.unwrap()
    }
}

impl Deref for Watcher {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
