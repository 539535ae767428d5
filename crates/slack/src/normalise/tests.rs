use event::limits::{LANE_NAME_BYTES_MAX, RAW_HEAD_BYTES};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::frame;

const NOW: Timestamp = Timestamp(9_000_000);

fn hearing() -> Hearing {
    let bot = Identity {
        user_id: "UBOT".to_owned(),
        bot_id: Some("BBOT".to_owned()),
        ..Identity::default()
    };
    Hearing { bot, bots: BTreeSet::from(["BFRIEND".to_owned(), "UFRIEND".to_owned()]) }
}

fn read(raw: &[u8]) -> NewEvent {
    event(raw.to_vec(), &frame::read(raw), &hearing(), NOW)
}

fn envelope(kind: &str, payload: &Value) -> NewEvent {
    read(json!({"envelope_id": "e", "type": kind, "payload": payload}).to_string().as_bytes())
}

fn callback(event_id: &str, event: &Value) -> NewEvent {
    envelope(
        "events_api",
        &json!({"type": "event_callback", "team_id": "TOTHER", "event_id": event_id,
            "event_time": 3, "event": event,
            "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": true}]}),
    )
}

fn said(changes: &Value) -> Value {
    let mut event = json!({"type": "app_mention", "channel": "C1", "ts": "2.000001",
        "event_ts": "2.000001", "user": "U1", "text": "<@UBOT> hi"});
    for (key, value) in changes.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

#[test]
fn a_mention_by_a_person_is_owed_an_answer() {
    let event = callback("Ev1", &said(&json!({"thread_ts": "1.000001"})));
    assert_eq!(event.work, Some(Work::default()));
    assert_eq!(event.quarantine, None);
    assert_eq!((event.source.as_str(), event.kind.as_str()), ("slack.socket", "app_mention"));
    assert_eq!((event.tenant.as_str(), event.actor.as_deref()), ("T1", Some("U1")));
    assert_eq!(event.lane.as_deref(), Some("C1:1.000001"));
    assert_eq!(event.lane_order, 2_000_001);
    assert_eq!(event.occurred_at, Timestamp(2_000_001));
    assert_eq!(event.delivery_key, "slack:Ev1");
    assert_eq!(event.logical_key.as_deref(), Some("message:C1:2.000001"));
}

#[test]
fn twins_share_everything_but_kind_delivery_and_work() {
    let mention = callback("Ev1", &said(&json!({})));
    let message = callback("Ev2", &said(&json!({"type": "message", "channel_type": "channel"})));
    assert_eq!(message.work, None);
    assert_eq!(message.logical_key, mention.logical_key);
    assert_eq!((message.lane, message.lane_order), (mention.lane, mention.lane_order));
    assert_eq!(message.occurred_at, mention.occurred_at);
    assert_eq!(message.correlation_id, mention.correlation_id);
    assert_ne!(message.delivery_key, mention.delivery_key);
}

#[test]
fn a_redelivery_carries_the_same_key_and_correlation() {
    let event = said(&json!({}));
    let (first, again) = (callback("Ev1", &event), callback("Ev1", &event));
    assert_eq!(first.delivery_key, again.delivery_key);
    assert_eq!(first.correlation_id, again.correlation_id);
    let other = callback("Ev2", &said(&json!({"ts": "3.000001"})));
    assert_ne!(first.correlation_id, other.correlation_id);
}

#[test]
fn only_what_a_person_says_to_the_bot_is_owed_an_answer() {
    let dm = json!({"type": "message", "channel_type": "im", "channel": "D1"});
    let with = |changes: &Value| {
        let mut event = said(&dm);
        for (key, value) in changes.as_object().unwrap() {
            event[key] = value.clone();
        }
        event
    };
    let cases = [
        (with(&json!({})), true),
        (with(&json!({"subtype": "file_share"})), true),
        (with(&json!({"subtype": "thread_broadcast"})), true),
        (with(&json!({"subtype": "message_changed"})), false),
        (with(&json!({"subtype": "message_deleted"})), false),
        (with(&json!({"subtype": "bot_message"})), false),
        (with(&json!({"bot_id": "BBOT"})), false),
        (with(&json!({"bot_id": "BELSE"})), false),
        (with(&json!({"bot_profile": {"id": "BELSE"}})), false),
        (with(&json!({"user": "UBOT"})), false),
        (with(&json!({"user": "USLACKBOT"})), false),
        (said(&json!({"type": "message", "channel_type": "channel"})), false),
        (said(&json!({"type": "message", "channel_type": "mpim"})), false),
        (said(&json!({"bot_id": "BELSE"})), false),
        (said(&json!({"user": "UBOT"})), false),
        (said(&json!({"type": "reaction_added"})), false),
    ];
    for (event, owed) in cases {
        let made = callback("Ev1", &event);
        assert_eq!(made.work.is_some(), owed, "{event}");
        assert_eq!(made.quarantine, None, "{event}");
    }
}

#[test]
fn an_edit_does_not_pass_for_its_message() {
    let edit = callback("Ev1", &said(&json!({"type": "message", "subtype": "message_changed"})));
    assert_eq!((edit.logical_key, edit.lane), (None, None));
}

#[test]
fn what_means_stop_waits_in_no_lane_and_goes_first_whichever_twin_brings_it() {
    let urgent = Some(Work { priority: Priority::Urgent, ..Work::default() });
    let stop = said(&json!({"text": "<@UBOT> stop", "thread_ts": "1.000001"}));
    let mention = callback("Ev1", &stop);
    assert_eq!((mention.kind.as_str(), mention.lane.as_deref()), ("stop", None));
    assert_eq!(mention.work, urgent);
    let mut twin = stop;
    twin["type"] = json!("message");
    twin["channel_type"] = json!("channel");
    let message = callback("Ev2", &twin);
    assert_eq!(
        (message.kind.as_str(), message.lane.as_deref(), message.work),
        ("stop", None, None)
    );
    assert_eq!(message.logical_key, mention.logical_key);
    let native = json!({"type": "agent_session_stopped", "channel": "C1", "user": "U1",
        "thread_ts": "1.000001", "event_ts": "3.000001", "streaming_message_ts": []});
    let native = callback("Ev3", &native);
    assert_eq!((native.work, native.lane), (urgent, None));
}

#[test]
fn edits_and_deletions_of_one_message_keep_their_order_and_wait_for_nothing_else() {
    let message = |said: &str| json!({"ts": "2.000001", "user": "U1", "text": said});
    let edit = json!({"type": "message", "subtype": "message_changed", "channel": "C1",
        "event_ts": "3.000001", "message": message("<@UBOT> b"),
        "previous_message": message("<@UBOT> a")});
    let deletion = json!({"type": "message", "subtype": "message_deleted", "channel": "C1",
        "event_ts": "4.000001", "deleted_ts": "2.000001",
        "previous_message": message("<@UBOT> b")});
    let (edited, deleted) = (callback("Ev1", &edit), callback("Ev2", &deletion));
    assert_eq!(
        (edited.kind.as_str(), deleted.kind.as_str()),
        ("message_changed", "message_deleted")
    );
    assert_eq!(edited.lane.as_deref(), Some("change:message:C1:2.000001"));
    assert_eq!(edited.lane, deleted.lane);
    assert!(edited.lane_order < deleted.lane_order);
    let urgent = Some(Work { priority: Priority::Urgent, ..Work::default() });
    assert_eq!((edited.work, deleted.work), (urgent, urgent));
    assert_eq!((edited.actor.as_deref(), deleted.actor.as_deref()), (Some("U1"), Some("U1")));
    let mut between_people = edit;
    between_people["message"] = message("b");
    between_people["previous_message"] = message("a");
    let stored = callback("Ev3", &between_people);
    assert_eq!((stored.work, stored.quarantine), (None, None));
}

#[test]
fn an_unknown_event_is_stored_and_nothing_more() {
    let event = callback("Ev1", &json!({"type": "novelty", "user": {"id": "U9"}}));
    assert_eq!((event.kind.as_str(), event.actor.as_deref()), ("novelty", Some("U9")));
    assert_eq!((event.work, event.quarantine), (None, None));
    assert_eq!(event.occurred_at, Timestamp(3_000_000), "the event_time in seconds");
}

#[test]
fn commands_and_interactions_are_stored_under_their_own_ids() {
    let press = json!({"type": "block_actions", "trigger_id": "1.2.x", "user": {"id": "U1"},
        "team": {"id": "T1"}});
    let event = envelope("interactive", &press);
    assert_eq!((event.kind.as_str(), event.work), ("block_actions", None));
    assert_eq!((event.tenant.as_str(), event.actor.as_deref()), ("T1", Some("U1")));
    assert_eq!(event.delivery_key, "slack:trigger:1.2.x");
    assert_eq!(event.occurred_at, NOW);

    let command = json!({"command": "/ask", "user_id": "U1", "team_id": "T1"});
    let event = envelope("slash_commands", &command);
    assert_eq!((event.kind.as_str(), event.lane), ("slash_command", None));
    assert_eq!(event.work, Some(URGENT));
    assert_eq!(event.delivery_key, envelope("slash_commands", &command).delivery_key);
    assert_eq!(envelope("novelty", &json!(null)).kind, "novelty");
}

#[test]
fn a_press_on_a_feedback_button_and_a_reaction_under_our_words_wait_in_no_lane() {
    let press = json!({"type": "block_actions", "trigger_id": "1.2.x", "user": {"id": "U1"},
        "team": {"id": "T1"}, "actions": [{"type": "feedback_buttons", "value": "good"}]});
    let event = envelope("interactive", &press);
    assert_eq!((event.kind.as_str(), event.work, event.lane), ("feedback", Some(URGENT), None));

    let reaction = json!({"type": "reaction_added", "user": "U1", "reaction": "-1",
        "item_user": "UBOT", "item": {"type": "message", "channel": "C1", "ts": "2.000001"},
        "event_ts": "3.000001"});
    let (event, copy) = (callback("Ev1", &reaction), callback("Ev2", &reaction));
    assert_eq!((event.kind.as_str(), event.work), ("reaction_added", Some(URGENT)));
    assert_eq!((event.lane, event.quarantine), (None, None));
    assert_eq!(event.logical_key, copy.logical_key);
    let mut between_people = reaction;
    between_people["item_user"] = json!("U2");
    assert_eq!(callback("Ev3", &between_people).work, None);
}

#[test]
fn copies_for_two_workspaces_and_one_message_sent_twice_are_twins() {
    let at = |team: &str, changes: &Value| {
        let payload = json!({"type": "event_callback", "team_id": "TOTHER",
            "event_id": format!("Ev{team}"), "event": said(changes),
            "authorizations": [{"team_id": team, "user_id": "UBOT", "is_bot": true}]});
        envelope("events_api", &payload)
    };
    let (one, other) = (at("T1", &json!({})), at("T2", &json!({})));
    assert_eq!((one.logical_key, one.lane), (other.logical_key, other.lane));
    assert_ne!((one.delivery_key, one.tenant), (other.delivery_key, other.tenant));
    let sent = |ts: &str, user: &str| {
        at("T1", &json!({"ts": ts, "user": user, "client_msg_id": "5b1f"})).twin_key
    };
    assert_eq!(sent("2.000001", "U1"), sent("3.000001", "U1"));
    assert_ne!(sent("2.000001", "U1"), sent("2.000001", "U2"), "an id is its author's own");
    assert_eq!(at("T1", &json!({})).twin_key, None);
}

#[test]
fn a_bot_is_answered_where_it_is_allowed_and_we_never_answer_ourselves() {
    for (changes, owed) in [
        (json!({"bot_id": "BFRIEND"}), true),
        (json!({"user": "UFRIEND", "bot_id": "BX"}), true),
        (json!({"bot_id": "BFRIEND", "user": null, "subtype": "bot_message"}), true),
        (json!({"bot_id": "BELSE"}), false),
        (json!({"bot_id": "BBOT", "user": "UFRIEND"}), false),
    ] {
        let event = callback("Ev1", &said(&changes));
        assert_eq!((event.work.is_some(), event.quarantine), (owed, None), "{changes}");
    }
}

#[test]
fn a_limit_notice_has_no_event_and_is_no_fault() {
    let notice = json!({"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1});
    let event = envelope("events_api", &notice);
    assert_eq!((event.kind.as_str(), event.quarantine), ("app_rate_limited", None));
}

#[test]
fn what_cannot_be_understood_is_quarantined_with_a_reason() {
    let no_channel = callback("Ev1", &json!({"type": "app_mention", "ts": "1.0", "user": "U1"}));
    let bad_ts = callback("Ev1", &said(&json!({"ts": "soon"})));
    let no_ts = callback("Ev1", &said(&json!({"ts": null})));
    let no_user = callback("Ev1", &said(&json!({"user": null})));
    for event in [
        envelope("events_api", &json!(null)),
        envelope("events_api", &json!({"type": "event_callback", "event": {}})),
        read(br#"{"envelope_id":"e","type":"events_api","payload":{"#),
        read(b"\xff\xfe"),
        no_channel,
        bad_ts,
        no_ts,
        no_user,
    ] {
        assert!(event.quarantine.is_some(), "{event:?}");
        assert_eq!(event.work, None);
    }
}

#[test]
fn a_frame_above_the_limit_is_quarantined_and_still_deduped_by_its_id() {
    let text = "x".repeat(RAW_BYTES_MAX);
    let event = callback("EvBig", &said(&json!({"text": text})));
    assert_eq!(event.delivery_key, "slack:EvBig");
    assert_eq!(event.raw.bytes.len(), RAW_HEAD_BYTES);
    assert!(event.raw.sha256.is_some() && event.quarantine.is_some());
    assert_eq!(event.work, None);
}

#[test]
fn a_megabyte_is_answered() {
    let event = callback("Ev1", &said(&json!({"text": "x".repeat(1_000_000)})));
    assert!(event.work.is_some() && !event.raw.is_head());
}

#[test]
fn hostile_names_are_cut_to_their_columns() {
    let long = "ä".repeat(5_000);
    let event = callback(&long, &said(&json!({"channel": long, "user": long, "type": "message"})));
    assert!(event.actor.unwrap().len() <= NAME_BYTES_MAX);
    assert!(event.delivery_key.len() <= KEY_BYTES_MAX);
    assert!(event.logical_key.unwrap().len() <= KEY_BYTES_MAX);
    assert!(event.lane.unwrap().len() <= LANE_NAME_BYTES_MAX);
    assert!(callback("Ev1", &json!({"type": long})).kind.len() <= NAME_BYTES_MAX);
}

#[test]
fn no_nul_reaches_a_text_column() {
    let raw = br#"{"envelope_id":"e","type":"events_api","payload":{"team_id":"T\u0000","event_id":"Ev\u0000","event":{"type":"app_\u0000","user":"U\u0000"}}}"#;
    let event = read(raw);
    for text in [event.kind, event.tenant, event.actor.unwrap(), event.delivery_key] {
        assert!(!text.contains('\0'), "{text:?}");
    }
    assert_eq!(event.raw.bytes, raw, "the bytes are kept as they came");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z0-9.]{0,12}".prop_map(Value::from),
        Just(json!("app_mention")),
        Just(json!("message")),
    ];
    let key = prop_oneof![
        Just("event".to_owned()),
        Just("type".to_owned()),
        Just("user".to_owned()),
        Just("ts".to_owned()),
        Just("channel".to_owned()),
        Just("authorizations".to_owned()),
        Just("event_ts".to_owned()),
        "[a-z_]{0,8}",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_payload_becomes_an_event(payload in any_json(), kind in "events_api|interactive|other") {
        let event = envelope(&kind, &payload);
        prop_assert!(event.quarantine.is_none() || event.work.is_none());
        prop_assert!(!event.delivery_key.is_empty() && !event.kind.is_empty());
        prop_assert!(event.work.is_none() || (event.lane.is_some() && event.actor.is_some()));
    }

    #[test]
    fn any_bytes_become_an_event(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        let event = read(&raw);
        prop_assert_eq!(event.raw.bytes, raw);
    }
}
