-- The dump that the checker reads, a statement for each file; every row is one line of it.
-- Called by: harnesses, when nothing writes any more. Locks: none. Index: none, each reads a table.
-- Leave out what the schema lacks. Times are microseconds on the database's clock.

-- file: history/history.jsonl
SELECT line::text FROM checker_history ORDER BY seq;

-- file: tables/jobs.jsonl
SELECT json_build_object('event', event_id, 'generation', generation, 'state', state::text,
                         'kind', kind, 'lane', lane, 'head', head, 'token', token, 'holder', holder,
                         'attempts', attempts, 'position', position,
                         'claimed_at', checker_micros(claimed_at))::text
  FROM jobs;

-- file: tables/workers.jsonl
SELECT json_build_object('worker', id, 'lease_until', checker_micros(lease_until),
                         'fenced_at', checker_micros(fenced_at),
                         'stopped_at', checker_micros(stopped_at))::text
  FROM workers;

-- file: tables/events.jsonl
SELECT json_build_object('event', id, 'occurred_at', checker_micros(occurred_at), 'source', source,
                         'lane', lane, 'order', lane_order)::text
  FROM events;

-- file: tables/deliveries.jsonl
SELECT json_build_object('key', key, 'event', event_id)::text FROM deliveries;

-- file: tables/outcomes.jsonl
SELECT json_build_object('event', event_id, 'generation', generation, 'state', state, 'kind', kind,
                         'attempts', attempts, 'ended_at', checker_micros(ended_at),
                         'token', token, 'error', error)::text
  FROM outcomes;

-- file: tables/attempt_history.jsonl
SELECT json_build_object('event', event_id, 'generation', generation, 'token', token,
                         'number', number, 'outcome', outcome,
                         'started_at', checker_micros(started_at),
                         'ended_at', checker_micros(ended_at), 'worker', worker_id,
                         'error', error)::text
  FROM attempt_history;

-- file: tables/steps.jsonl
SELECT json_build_object('event', event_id, 'generation', generation, 'number', number,
                         'token', token, 'copied_from', copied_from, 'result', result)::text
  FROM steps;

-- file: tables/children.jsonl
SELECT json_build_object('parent', parent_id, 'generation', generation, 'group', child_group,
                         'event', event_id)::text
  FROM children;

-- file: tables/totals.jsonl
SELECT row_to_json(c)::text FROM conservation() c;

-- file: tables/audit.jsonl
SELECT json_build_object('at', checker_micros(at), 'actor', actor, 'action', action,
                         'reason', reason, 'subject', subject)::text
  FROM audit;
