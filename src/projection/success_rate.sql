-- Of the legs whose providers were asked since $1 (epoch ms), how many were synced by the last call.
SELECT COUNT(*) AS attempted,
       CAST(COALESCE(SUM(CASE WHEN last_sync_error IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS succeeded
FROM flights
WHERE last_attempt_at >= $1
