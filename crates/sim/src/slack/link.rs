//! Which sockets are open, which envelopes are under way, and what is due when.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Mutex,
};

use tokio::sync::{Notify, mpsc};

use super::{
    clock::micros,
    connection::{Acked, Connection, Did, Frame, Opened, Switches},
    envelope::Delivery,
    options::{DEBUG_LIFETIME, SocketOptions},
    socket,
    world::lock,
};

/// The tickets handed out and not yet used.
const TICKETS_MAX: usize = 1_000;

/// The app's end of Socket Mode: one round robin over its open sockets.
pub(super) struct Link {
    options: SocketOptions,
    hub: Mutex<Hub>,
    /// Woken when something became due earlier than all that was due before.
    pub due_changed: Notify,
}

#[derive(Default)]
struct Hub {
    connections: Vec<Connection>,
    turn: usize,
    /// Events that came while no socket was open.
    waiting: VecDeque<Delivery>,
    in_flight: HashMap<String, InFlight>,
    due: BTreeMap<(i64, u64), Due>,
    sequence: u64,
    tickets: BTreeSet<String>,
    acks_to_lose: u32,
}

struct InFlight {
    delivery: Delivery,
    connection: u64,
    sent_us: i64,
    deadline: (i64, u64),
}

enum Due {
    Deadline(String),
    Redelivery(Delivery),
    Warning(u64),
    Refresh(u64),
    Close(u64),
}

impl Link {
    pub fn new(options: SocketOptions) -> Self {
        Self { options, hub: Mutex::default(), due_changed: Notify::new() }
    }

    pub fn issue_ticket(&self, ticket: String) {
        let mut hub = lock(&self.hub);
        hub.tickets.insert(ticket);
        while hub.tickets.len() > TICKETS_MAX {
            hub.tickets.pop_first();
        }
    }

    pub fn redeem_ticket(&self, ticket: &str) -> bool {
        lock(&self.hub).tickets.remove(ticket)
    }

    /// Enters a connection, or `None` when the app holds too many. Its first frame is the hello;
    /// what waited for a socket follows.
    pub fn open(
        &self,
        frames: mpsc::Sender<Frame>,
        switches: &Switches,
        debug_reconnects: bool,
        now_us: i64,
    ) -> Option<Opened> {
        let mut hub = lock(&self.hub);
        let number = hub.connections.len() + 1;
        if number > self.options.connections_max {
            return None;
        }
        let lifetime = if debug_reconnects { DEBUG_LIFETIME } else { self.options.lifetime };
        let _ = frames.try_send(Frame::Text(socket::hello_frame(number, lifetime)));
        let id = hub.next_sequence();
        let switches = switches.clone();
        hub.connections.push(Connection { id, frames, switches, leaving: false });
        let end_us = now_us + micros(lifetime);
        self.schedule(&mut hub, end_us - micros(self.options.warning), Due::Warning(id));
        self.schedule(&mut hub, end_us, Due::Refresh(id));
        let waiting = std::mem::take(&mut hub.waiting);
        let sent = waiting.into_iter().map(|it| self.send(&mut hub, it, now_us)).collect();
        Some(Opened { id, sent })
    }

    pub fn closed(&self, id: u64) {
        let mut hub = lock(&self.hub);
        hub.connections.retain(|connection| connection.id != id);
    }

    /// Gives one thing to one of the sockets, or keeps it until one opens.
    pub fn offer(&self, delivery: Delivery, now_us: i64) -> Did {
        self.send(&mut lock(&self.hub), delivery, now_us)
    }

    fn send(&self, hub: &mut Hub, mut delivery: Delivery, now_us: i64) -> Did {
        let Some(connection) = hub.next_connection() else {
            return self.keep(hub, delivery);
        };
        let envelope_id = uuid::Uuid::new_v4().to_string();
        // A full queue is a client that stopped reading: to it the frame is lost, and the deadline
        // brings it back.
        let _ = connection.frames.try_send(Frame::Text(delivery.frame(&envelope_id)));
        let deadline_us = now_us + micros(self.options.ack_deadline);
        let deadline = self.schedule(hub, deadline_us, Due::Deadline(envelope_id.clone()));
        let did = Did::Sent {
            envelope_id: envelope_id.clone(),
            connection: connection.id,
            delivery: delivery.clone(),
        };
        delivery.reason = "timeout";
        let in_flight = InFlight { delivery, connection: connection.id, sent_us: now_us, deadline };
        hub.in_flight.insert(envelope_id, in_flight);
        did
    }

    fn keep(&self, hub: &mut Hub, mut delivery: Delivery) -> Did {
        if !delivery.kind.is_redelivered() {
            return Did::GaveUp(delivery);
        }
        // Slack's first try has failed by the time a socket opens.
        delivery.attempt = delivery.attempt.max(1);
        delivery.reason = "connection_failed";
        hub.waiting.push_back(delivery.clone());
        if hub.waiting.len() > self.options.waiting_max
            && let Some(oldest) = hub.waiting.pop_front()
        {
            return Did::GaveUp(oldest);
        }
        Did::Waits(delivery)
    }

    pub fn ack(&self, envelope_id: &str, now_us: i64) -> Acked {
        let mut hub = lock(&self.hub);
        if hub.acks_to_lose > 0 {
            hub.acks_to_lose -= 1;
            return Acked::Lost;
        }
        let Some(InFlight { delivery, sent_us, deadline, .. }) = hub.in_flight.remove(envelope_id)
        else {
            return Acked::Unknown;
        };
        hub.due.remove(&deadline);
        Acked::Done { delivery, after_us: now_us - sent_us }
    }

    /// Says why an envelope that is under way will have to come again.
    pub fn blame(&self, envelope_id: &str, reason: &'static str) {
        if let Some(in_flight) = lock(&self.hub).in_flight.get_mut(envelope_id) {
            in_flight.delivery.reason = reason;
        }
    }

    /// Forgets an envelope that the app wants no more of.
    pub fn give_up(&self, envelope_id: &str) -> Option<Did> {
        let mut hub = lock(&self.hub);
        let InFlight { delivery, deadline, .. } = hub.in_flight.remove(envelope_id)?;
        hub.due.remove(&deadline);
        Some(Did::GaveUp(delivery))
    }

    /// The next time at which something is due.
    pub fn next_due_us(&self) -> Option<i64> {
        lock(&self.hub).due.first_key_value().map(|((at_us, _), _)| *at_us)
    }

    /// Does what is due at `now_us`: missed deadlines, redeliveries, the ends of connections.
    pub fn do_due(&self, now_us: i64) -> Vec<Did> {
        let mut hub = lock(&self.hub);
        let mut did = Vec::new();
        while let Some(entry) = hub.due.first_entry() {
            if entry.key().0 > now_us {
                break;
            }
            // A test clock jumps: what follows from a deadline is reckoned from the deadline.
            let ((at_us, _), due) = entry.remove_entry();
            match due {
                Due::Deadline(envelope_id) => {
                    did.extend(self.missed(&mut hub, &envelope_id, at_us));
                }
                Due::Redelivery(delivery) => did.push(self.send(&mut hub, delivery, now_us)),
                Due::Warning(id) => did.extend(hub.tell(id, "warning")),
                Due::Refresh(id) => {
                    did.extend(self.leave(&mut hub, id, "refresh_requested", at_us));
                }
                Due::Close(id) => did.extend(hub.close(id)),
            }
        }
        did
    }

    fn missed(&self, hub: &mut Hub, envelope_id: &str, at_us: i64) -> Option<Did> {
        let mut delivery = hub.in_flight.remove(envelope_id)?.delivery;
        let delay = usize::try_from(delivery.attempt)
            .ok()
            .and_then(|attempt| self.options.redeliveries.get(attempt))
            .filter(|_| delivery.kind.is_redelivered());
        let Some(delay) = delay else { return Some(Did::GaveUp(delivery)) };
        delivery.attempt += 1;
        self.schedule(hub, at_us + micros(*delay), Due::Redelivery(delivery));
        None
    }

    /// Tells one connection, or all of them, why it must go, and closes it after the grace.
    pub fn disconnect(&self, id: Option<u64>, reason: &str, now_us: i64) -> Vec<Did> {
        let mut hub = lock(&self.hub);
        let ids: Vec<u64> = hub.chosen(id).map(|connection| connection.id).collect();
        if reason == "warning" {
            return ids.into_iter().filter_map(|id| hub.tell(id, reason)).collect();
        }
        ids.into_iter().filter_map(|id| self.leave(&mut hub, id, reason, now_us)).collect()
    }

    fn leave(&self, hub: &mut Hub, id: u64, reason: &str, now_us: i64) -> Option<Did> {
        let did = hub.tell(id, reason)?;
        if let Some(connection) = hub.connections.iter_mut().find(|c| c.id == id) {
            connection.leaving = true;
        }
        self.schedule(hub, now_us + micros(self.options.grace), Due::Close(id));
        Some(did)
    }

    /// The connections that `id` names, or all.
    pub fn connections(&self, id: Option<u64>) -> Vec<Connection> {
        lock(&self.hub).chosen(id).cloned().collect()
    }

    /// Events waiting for a socket, and envelopes not yet acknowledged.
    pub fn backlog(&self) -> (usize, usize) {
        let hub = lock(&self.hub);
        (hub.waiting.len(), hub.in_flight.len())
    }

    /// The unacknowledged envelopes of each connection.
    pub fn in_flight_on(&self, id: u64) -> usize {
        lock(&self.hub).in_flight.values().filter(|flight| flight.connection == id).count()
    }

    /// Swallows the next `count` acknowledgements, as if they were lost on their way.
    pub fn lose_acks(&self, count: u32) {
        lock(&self.hub).acks_to_lose = count;
    }

    fn schedule(&self, hub: &mut Hub, at_us: i64, due: Due) -> (i64, u64) {
        let key = (at_us, hub.next_sequence());
        hub.due.insert(key, due);
        if hub.due.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.due_changed.notify_one();
        }
        key
    }
}

impl Hub {
    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    fn next_connection(&mut self) -> Option<Connection> {
        let staying = self.connections.iter().any(|connection| !connection.leaving);
        let count = self.connections.len();
        for _ in 0..count {
            self.turn = (self.turn + 1) % count;
            let connection = &self.connections[self.turn];
            if !(staying && connection.leaving) {
                return Some(connection.clone());
            }
        }
        None
    }

    fn chosen(&self, id: Option<u64>) -> impl Iterator<Item = &Connection> {
        self.connections.iter().filter(move |connection| id.is_none_or(|id| connection.id == id))
    }

    fn tell(&self, id: u64, reason: &str) -> Option<Did> {
        let connection = self.chosen(Some(id)).next()?;
        let _ = connection.frames.try_send(Frame::Text(socket::disconnect_frame(reason)));
        Some(Did::Told { connection: id, reason: reason.to_owned() })
    }

    fn close(&self, id: u64) -> Option<Did> {
        let connection = self.chosen(Some(id)).next()?;
        let _ = connection.frames.try_send(Frame::Close);
        Some(Did::Closed { connection: id })
    }
}
