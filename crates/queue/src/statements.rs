//! Every statement that the engine sends, by name.

use crate::transaction::Sql;

macro_rules! statements {
    // What several statements share is a file of its own, put behind each.
    ($($name:ident $file:literal $(+ $shared:literal)? $doing:literal;)+) => {
        $(pub(crate) const $name: Sql = Sql {
            text: concat!(
                include_str!(concat!("sql/", $file, ".sql")),
                $(include_str!(concat!("sql/", $shared, ".sql")))?
            ),
            doing: $doing,
        };)+
    };
}

statements! {
    ALLOCATE_IDS "allocate_ids" "number new events";
    INSERT_KEYS "insert_keys" "claim delivery keys";
    SELECT_OWNERS "select_owners" "look up delivery keys";
    REPOINT_KEYS "repoint_keys" "lead a twin's keys to the first event";
    SELECT_SIBLINGS "select_siblings" "look up the first of twins";
    LOCK_LANES "lock_lanes" "lock lanes";
    INSERT_EVENTS "insert_events" "append to the log";
    INSERT_JOBS "insert_jobs" "make jobs";
    DEMOTE_HEADS "demote_heads" "put a lane in order";
    PROMOTE_HEADS "promote_heads" "move a lane on";
    NOTIFY "notify" "hint to the workers";
    NOTIFY_STOPS "notify_stops" "tell workers of a call-off";
    AMEND "amend" "change what a job works on";
    SWEEP "sweep" "make due jobs ready";
    CLAIM "claim" "claim jobs";
    CLAIMED_EVENTS "claimed_events" "read claimed events";
    CLAIM_PAUSED "claim_paused" "claim jobs beside paused ones";
    LEASE_STANDS "lease_stands" "check a lease";
    REGISTER "register" "register a worker";
    RENEW "renew" "renew a lease";
    CANCEL_REQUESTS "cancel_requests" "look for requested cancellations";
    RETIRE "retire" "end a lease";
    REPORT_DEATH "report_death" "note a worker's death";
    FOLD_FLOW "fold_flow" "fold the counts of jobs";
    HELD_JOBS "held_jobs" "list what a worker holds";
    NOTICE_OUTAGE "notice_outage" "notice an outage";
    SHORTEN_LEASES "shorten_leases" "shorten leases";
    FENCE "fence" "take ended leases away";
    INTEND_STEP "intend_step" "record a step's intent";
    RECORD_STEP "record_step" "record a step's result";
    SELECT_STEPS "select_steps" "read a record of steps";
    SUSPEND_JOB "suspend_job" "suspend a job";
    KNOWS_GROUP "knows_group" "look for a group of children";
    DUE_SLEEPERS "due_sleepers" "look for suspended jobs that are due";
    WAKE_DUE "wake_due" "wake suspended jobs";
    LIVE_JOB "live_job" "look up a live job";
    HOLD_LIVE "hold_live" "hold a live job";
    SEND_SIGNAL "send_signal" "signal a job";
    READ_SIGNALS "read_signals" "read a job's signals";
    INSERT_FAN_IN "insert_fan_in" "make a group of children";
    INSERT_CHILDREN "insert_children" "make children";
    SELECT_FAN_IN "select_fan_in" "read a group of children";
    SELECT_CHILDREN "select_children" "read children";
    LOCK_FAMILIES "lock_families" "lock groups of children";
    END_CHILDREN "end_children" "count children that ended";
    COMPLETE_LATE "complete_late" "complete groups past their deadline";
    ORPHAN_GROUPS "orphan_groups" "close groups without a parent";
    GROUPS_TO_CONTINUE "groups_to_continue" "look for complete groups";
    CONTINUE_PARENT "continue_parent" "tell a parent";
    REST_OF_FAMILIES "rest_of_families" "look for children to call off";
    CANCEL_CHILDREN "cancel_children" "call children off";
    MISSED_ENDS "missed_ends" "look for ends that were not counted";
    EXPIRED_JOBS "expired_jobs" "look for expired jobs";
    EXPIRE_JOBS "expire_jobs" "expire jobs";
    CHORES "chores" "look for chores";
    LOST_JOBS "lost_jobs" "look for lost jobs";
    FORSAKEN_JOBS "forsaken_jobs" "look for jobs lost long ago";
    HOLD "hold" "hold a job for settling";
    SETTLED_AS "settled_as" "look up how an attempt ended";
    FINISH "finish" "end jobs";
    END_JOB "end_job" "end a job";
    AGAIN_JOB "again_job" "give a job back";
    INSERT_NOTICE "insert_notice" "append a dead letter's notice";
    INSERT_NOTICE_JOB "insert_notice_job" "make a notice's job";
    INTEND "intend" "record an intent";
    SELECT_INTENT "select_intent" "look up an intent";
    INTEND_AGAIN "intend_again" "renew an intent";
    RECORD_EFFECT "record_effect" "record an effect's result";
    WITHDRAW_EFFECT "withdraw_effect" "withdraw an intent";
    SELECT_EFFECTS "select_effects" "list effects";
    SELECT_EVENT "select_event" "read an event";
    FIND_EVENT "find_event" "find an event";
    LATEST_GENERATION "latest_generation" "look up a job's generation";
    LIST_EVENTS "list_events" + "event_filter" "list events";
    LIST_LIVE "list_live" + "event_filter" "list live events";
    LIST_ENDED "list_ended" + "event_filter" "list ended events";
    SELECT_STATE "select_state" "read where an event stands";
    SELECT_JOB "select_job" "read a live job";
    SELECT_ATTEMPTS "select_attempts" "list attempts";
    SELECT_OUTCOMES "select_outcomes" "list outcomes";
    SELECT_KEYS "select_keys" "list an event's keys";
    INSERT_AUDIT "insert_audit" "write the audit";
    STATS_JOBS "stats_jobs" "count live jobs";
    HORIZON "horizon" "look for old snapshots";
    STATS_ENDED "stats_ended" "count ended jobs";
    STATS_WORKERS "stats_workers" "list workers";
    SERVER_FACTS "server_facts" "tell its settings";
    STORAGE_MODE "storage_mode" "tell how the log is stored";
    EXTENSIONS "extensions" "list extensions";
    PING "ping" "answer";
    MAINTENANCE_BOUNDS "maintenance_bounds" "set the bounds of maintenance";
    ADD_PARTITIONS "add_partitions" "make partitions";
    APPLY_RETENTION "apply_retention" "drop what is past retention";
    PRUNE_DELIVERIES "prune_deliveries" "forget old delivery keys";
}

// What operators and chores send beside the jobs' own life.
statements! {
    NOW "now" "tell the time";
    ADD_SCHEDULE "add_schedule" "keep a schedule";
    LIST_SCHEDULES "list_schedules" "list schedules";
    SELECT_SCHEDULE "select_schedule" "read a schedule";
    REMOVE_SCHEDULE "remove_schedule" "forget a schedule";
    DUE_SCHEDULES "due_schedules" "look for due schedules";
    ADVANCE_SCHEDULES "advance_schedules" "move schedules on";
    REMOVE_FIRED "remove_fired" "forget schedules that fired once";
    TAKE "take" "take from a shared limit";
    REFUSE "refuse" "note a shared limit's refusal";
    REFUSED "refused" "look for a shared limit's refusal";
    PRUNE_FAN_INS "prune_fan_ins" "forget old groups of children";
    FILE_INCIDENT "file_incident" "file an incident";
    RESOLVE_INCIDENT "resolve_incident" "resolve an incident";
    LIST_INCIDENTS "list_incidents" "list incidents";
    RECENT_EFFECTS "recent_effects" "look for recent effects";
    LOOK_AT_LINEAGE "look_at_lineage" "tell which database it is";
    PLACE_HOLD "place_hold" "hold the fleet";
    RELEASE_HOLD "release_hold" "release the fleet";
    SELECT_HOLD "select_hold" "look for a hold";
    COUNT_USE "count_use" "count a use";
    READ_USE "read_use" "read what was used";
    PRUNE_QUOTAS "prune_quotas" "forget what was used long ago";
    PRUNE_LIMITS "prune_limits" "forget full limits";
    PAUSE "pause" "pause work";
    RESUME "resume" "take a pause away";
    LIST_PAUSES "list_pauses" "list pauses";
    CLAIMS_BEFORE "claims_before" "look for claims under way";
    FREE_PAUSED "free_paused" "free what was set aside";
    COPY_STEPS "copy_steps" "take steps over";
    FIND_EVENTS "find_events" "find events";
    REPLAY_STATES "replay_states" "read what replays would do";
    STEPS_RECORDED "steps_recorded" "look for recorded steps";
    REPLAY_JOBS "replay_jobs" "make replays' jobs";
    INSERT_PAYLOADS "insert_payloads" "keep edited payloads";
    SELECT_PAYLOADS "select_payloads" "read edited payloads";
    REPLAY_AUDITS "replay_audits" "write the audit of replays";
    INSERT_AUDITS "insert_audits" "write the audit";
    CANCEL_STATES "cancel_states" "look for the jobs to call off";
    CANCEL_END "cancel_end" "call jobs off";
    CANCEL_REQUEST "cancel_request" "ask workers to stop";
    NEWEST_EVENT "newest_event" "look for the newest event";
    LANE_JOBS "lane_jobs" "look for a lane's jobs";
    LIVE_JOBS "live_jobs" "look for live jobs";
    PURGE_STATES "purge_states" "read what a purge would do";
    CONSERVATION "conservation" "count all jobs";
    PURGE "purge" "delete events";
    BEAT "beat" "note that a source is listened to";
    OPEN_GAP "open_gap" "note what was missed";
    TAKE_GAP "take_gap" "take what was missed";
    ADVANCE_GAP "advance_gap" "note how far reading is";
    CLOSE_GAP "close_gap" "note that all was read";
    SET_STANDING "set_standing" "give a standing";
    CLEAR_STANDING "clear_standing" "take a standing away";
    SELECT_STANDING "select_standing" "read a standing";
    LIST_STANDINGS "list_standings" "list standings";
    GIVE_FEEDBACK "give_feedback" "keep feedback";
    SELECT_FEEDBACK "select_feedback" "read feedback";
    LEAD_KEY "lead_key" "lead a key to an event";
}
