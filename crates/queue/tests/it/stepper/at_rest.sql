-- What must hold between any two transactions, and in the changes so far; a line for each breach.
SELECT what FROM wrongs
UNION ALL
SELECT format('lane %s is stuck', j.lane)
  FROM jobs j
 WHERE j.lane IS NOT NULL AND j.state = 'w' AND NOT j.head
   AND NOT EXISTS (SELECT FROM jobs h WHERE h.lane = j.lane AND h.head)
UNION ALL
SELECT format('lane %s has %s heads', lane, count(*))
  FROM jobs WHERE lane IS NOT NULL AND head GROUP BY lane HAVING count(*) > 1
UNION ALL
SELECT format('event %s is live and ended', j.event_id)
  FROM jobs j JOIN outcomes o ON o.event_id = j.event_id AND o.generation >= j.generation
UNION ALL
-- Two claims of one lane that neither saw of each other: their intervals say.
SELECT format('events %s and %s overlap in lane %s', a.event_id, b.event_id, a.lane)
  FROM changes a
  JOIN changes b ON b.lane = a.lane AND b.event_id <> a.event_id AND b.was = 'r' AND b.now = 'x'
                AND b.seq > a.seq
 WHERE a.was = 'r' AND a.now = 'x'
   AND NOT EXISTS (SELECT FROM changes e
                    WHERE e.event_id = a.event_id AND e.was = 'x' AND e.now IS DISTINCT FROM 'x'
                      AND e.seq > a.seq AND e.seq < b.seq)
UNION ALL
SELECT format('event %s: token %s after token %s', event_id, token, before)
  FROM (SELECT event_id, token, lag(token) OVER (PARTITION BY event_id ORDER BY seq) AS before
          FROM changes WHERE was = 'r' AND now = 'x') AS claims
 WHERE token <= before
UNION ALL
SELECT format('event %s: %s attempts', event_id, attempts) FROM changes WHERE attempts > $1
UNION ALL
SELECT format('token %s ended %s times', token, count(*))
  FROM attempt_history GROUP BY token HAVING count(*) > 1
UNION ALL
SELECT format('key %s leads nowhere', key) FROM deliveries d
 WHERE NOT EXISTS (SELECT FROM events e WHERE e.occurred_at = d.occurred_at AND e.id = d.event_id)
UNION ALL
SELECT format('event %s is lost', e.id) FROM events e
 WHERE e.kind <> 'message'
   AND NOT EXISTS (SELECT FROM jobs j WHERE j.event_id = e.id)
   AND NOT EXISTS (SELECT FROM outcomes o WHERE o.occurred_at = e.occurred_at AND o.event_id = e.id)
UNION ALL
SELECT format('unbalanced: %s', c) FROM conservation() AS c WHERE NOT c.balanced
