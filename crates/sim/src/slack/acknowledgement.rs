//! What the app says over its socket: acknowledgements, with or without an answer.

use serde::Deserialize;
use serde_json::Value;

use super::{connection::Acked, envelope::Kind, response, world::World};

#[derive(Deserialize)]
struct Ack {
    envelope_id: String,
    #[serde(default)]
    payload: Option<Value>,
}

/// Takes in one message of the app.
pub(super) fn receive(world: &World, connection: u64, bytes: &[u8]) {
    let Ok(Ack { envelope_id, payload }) = serde_json::from_slice(bytes) else {
        world.journal.nonsense(connection, bytes.len());
        return;
    };
    let acked = world.link.ack(&envelope_id, world.clock.now_us());
    world.journal.ack(connection, &envelope_id, &acked, payload.as_ref());
    let Acked::Done { delivery, .. } = acked else { return };
    let payload = payload.unwrap_or_default();
    match delivery.kind {
        Kind::SlashCommands => response::to_command(world, &delivery.id, &payload),
        Kind::Interactive => response::to_view(world, &delivery.id, &payload),
        Kind::EventsApi => {}
    }
}
