"""The longer queries of the ledger; columns are called as the fields of `records` are."""

from __future__ import annotations

from lps_sweep.results.times import LATEST

PLANNED = "p.sweep = ? AND p.position IS NOT NULL"
"""What a row of `planned p` has to be: of the plan of one sweep as it is now."""

_STATUS = """
coalesce(o.status, CASE WHEN ? AND EXISTS (SELECT 1 FROM attempts a
    WHERE a.trial_id = p.trial_id AND a.ended IS NULL AND a.begun)
    THEN 'running' ELSE 'not_run' END) AS status
"""
"""The state of a trial; an attempt begun runs if the first question mark, the driver, does."""

STATES = f"""
SELECT p.trial_id, {_STATUS} FROM planned p LEFT JOIN outcomes o USING (trial_id)
WHERE {PLANNED} ORDER BY p.position
"""

TRIALS = f"""
SELECT p.trial_id, {_STATUS}, t.seed, p.swept, t.config, o.metrics, coalesce(o.error, '') AS error,
    o.artefact_path, o.artefact_sha256,
    (SELECT count(*) FROM attempts a WHERE a.trial_id = p.trial_id AND a.begun) AS attempts,
    (SELECT total(seconds) FROM epochs e WHERE e.trial_id = p.trial_id) AS seconds,
    (SELECT stop FROM attempts a WHERE a.trial_id = o.trial_id AND a.attempt = o.attempt) AS stop
FROM planned p JOIN trials t USING (trial_id) LEFT JOIN outcomes o USING (trial_id)
WHERE {PLANNED} ORDER BY p.position
"""

# A bare column beside max() has the value of the row that holds the maximum.
EPOCHS = f"""
SELECT e.trial_id, e.epoch, max(e.attempt) AS attempt, e.seconds, e.metrics
FROM planned p JOIN epochs e USING (trial_id) WHERE {PLANNED}
GROUP BY p.position, e.trial_id, e.epoch ORDER BY p.position, e.epoch
"""

EPOCHS_OF_TRIAL = """
SELECT trial_id, epoch, max(attempt) AS attempt, seconds, metrics FROM epochs WHERE trial_id = ?
GROUP BY epoch ORDER BY epoch
"""

PROVENANCE = f"""
SELECT a.provenance FROM planned p JOIN attempts a USING (trial_id)
WHERE {PLANNED} AND a.begun GROUP BY a.provenance ORDER BY min(a.number)
"""

ATTEMPTS = f"""
SELECT a.trial_id, a.attempt, a.pack_id, coalesce(a.ended, '') AS ended, a.begun,
    CASE WHEN a.begun_at BETWEEN 0 AND {LATEST} THEN a.begun_at END AS begun_at,
    CASE WHEN a.ended_at BETWEEN 0 AND {LATEST} THEN a.ended_at END AS ended_at, a.worker,
    a.waits_after IS NOT NULL OR coalesce(a.ended, '') LIKE 'waits after epoch %' AS waits,
    (SELECT min(epoch) FROM epochs e WHERE e.trial_id = a.trial_id AND e.attempt = a.attempt)
        AS first,
    (SELECT max(epoch) FROM epochs e WHERE e.trial_id = a.trial_id AND e.attempt = a.attempt)
        AS last,
    (SELECT total(seconds) FROM epochs e WHERE e.trial_id = a.trial_id AND e.attempt = a.attempt)
        AS seconds,
    a.provenance, a.stop,
    (SELECT error FROM outcomes o WHERE o.trial_id = a.trial_id AND o.attempt = a.attempt) AS error
FROM attempts a
"""

OF_TRIAL = f"{ATTEMPTS} WHERE a.trial_id = ? ORDER BY a.attempt"

BEGUN = f"""
{ATTEMPTS} JOIN planned p USING (trial_id) WHERE {PLANNED} AND a.begun
    AND a.begun_at BETWEEN 0 AND {LATEST} ORDER BY a.begun_at, p.position, a.attempt
"""

REPEATED = f"""
SELECT e.trial_id, e.epoch, e.attempt, e.seconds, e.metrics
FROM planned p JOIN epochs e USING (trial_id) WHERE {PLANNED} AND p.trial_id IN (
    SELECT trial_id FROM attempts GROUP BY trial_id HAVING count(*) > 1)
ORDER BY p.position, e.epoch, e.attempt
"""

CURVES = f"""
SELECT e.trial_id, e.epoch, json_extract(e.metrics, ?) FROM planned p
JOIN epochs e USING (trial_id) WHERE {PLANNED} ORDER BY p.position, e.epoch, e.attempt
"""

PACK_TIMES = f"""
SELECT config, count(DISTINCT trial_id) AS size, sum(trained) AS number, sum(seconds) AS seconds,
    CASE WHEN count(status) = count(*) AND begun_at > 0 AND max(ended_at) < {LATEST}
        THEN max(ended_at) - begun_at - sum(seconds) END AS beside
FROM (SELECT trial_id, attempt, count(*) AS trained, sum(seconds) AS seconds FROM epochs
    WHERE seconds BETWEEN 0 AND {LATEST} GROUP BY trial_id, attempt)
JOIN attempts USING (trial_id, attempt) JOIN trials USING (trial_id)
LEFT JOIN outcomes USING (trial_id, attempt)
GROUP BY pack_id, begun_at
"""
