"""The longer queries of the ledger."""

from __future__ import annotations

from lps_sweep.results.times import LATEST

PLANNED = "p.sweep = ? AND p.position IS NOT NULL"
"""What a row of `planned p` has to be: of the plan of one sweep as it is now."""

TRIALS = f"""
SELECT p.trial_id, t.seed, p.swept, o.status, o.metrics, o.error, o.artefact_path,
    o.artefact_sha256,
    (SELECT total(begun) FROM attempts a WHERE a.trial_id = p.trial_id) AS attempts,
    EXISTS (SELECT 1 FROM attempts a WHERE a.trial_id = p.trial_id AND a.ended IS NULL
        AND a.begun) AS open,
    (SELECT total(seconds) FROM epochs e WHERE e.trial_id = p.trial_id) AS seconds, t.config,
    (SELECT stop FROM attempts a WHERE a.trial_id = o.trial_id AND a.attempt = o.attempt)
FROM planned p JOIN trials t USING (trial_id) LEFT JOIN outcomes o USING (trial_id)
WHERE {PLANNED} ORDER BY p.position
"""

OPEN_COLUMN = 9
"""Of `TRIALS`: whether an attempt is open."""

# A bare column beside max() has the value of the row that holds the maximum.
EPOCHS = f"""
SELECT e.trial_id, e.epoch, max(e.attempt), e.seconds, e.metrics
FROM planned p JOIN epochs e USING (trial_id) WHERE {PLANNED}
GROUP BY p.position, e.trial_id, e.epoch ORDER BY p.position, e.epoch
"""

EPOCHS_OF_TRIAL = """
SELECT trial_id, epoch, max(attempt), seconds, metrics FROM epochs WHERE trial_id = ?
GROUP BY epoch ORDER BY epoch
"""

PROVENANCE = f"""
SELECT a.provenance FROM planned p JOIN attempts a USING (trial_id)
WHERE {PLANNED} AND a.begun GROUP BY a.provenance ORDER BY min(a.number)
"""

ATTEMPTS = f"""
SELECT a.trial_id, a.attempt, a.pack_id, coalesce(a.ended, ''), a.begun,
    CASE WHEN a.begun_at BETWEEN 0 AND {LATEST} THEN a.begun_at END AS began,
    CASE WHEN a.ended_at BETWEEN 0 AND {LATEST} THEN a.ended_at END, a.worker,
    a.waits_after IS NOT NULL OR coalesce(a.ended, '') LIKE 'waits after epoch %',
    (SELECT min(epoch) FROM epochs e WHERE e.trial_id = a.trial_id AND e.attempt = a.attempt),
    (SELECT max(epoch) FROM epochs e WHERE e.trial_id = a.trial_id AND e.attempt = a.attempt),
    (SELECT total(seconds) FROM epochs e WHERE e.trial_id = a.trial_id AND e.attempt = a.attempt),
    a.provenance, a.stop,
    (SELECT error FROM outcomes o WHERE o.trial_id = a.trial_id AND o.attempt = a.attempt)
FROM attempts a
"""

OF_TRIAL = f"{ATTEMPTS} WHERE a.trial_id = ? ORDER BY a.attempt"

BEGUN = f"""
{ATTEMPTS} JOIN planned p USING (trial_id) WHERE {PLANNED} AND a.begun AND began IS NOT NULL
ORDER BY a.begun_at, p.position, a.attempt
"""

REPEATED = f"""
SELECT e.trial_id, e.epoch, e.attempt, e.seconds, e.metrics
FROM planned p JOIN epochs e USING (trial_id) WHERE {PLANNED} AND p.trial_id IN (
    SELECT trial_id FROM attempts GROUP BY trial_id HAVING count(*) > 1)
ORDER BY p.position, e.epoch, e.attempt
"""

STATES = f"""
SELECT p.trial_id, coalesce(o.status, CASE WHEN a.trial_id IS NULL THEN 'not_run' ELSE ? END)
FROM planned p LEFT JOIN outcomes o USING (trial_id)
    LEFT JOIN attempts a ON a.trial_id = p.trial_id AND a.ended IS NULL AND a.begun
WHERE {PLANNED} ORDER BY p.position
"""

COSTS = """
SELECT t.config, sum(e.seconds), count(e.seconds) FROM trials t JOIN epochs e USING (trial_id)
WHERE e.seconds IS NOT NULL GROUP BY t.config
"""
