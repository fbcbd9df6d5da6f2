-- How long ago, at $1 (epoch ms), the legs that are not over were last synced: mean and longest, ms; null without any.
SELECT CAST(AVG($1 - last_synced_at) AS DOUBLE PRECISION) AS mean_ms,
       CAST(MAX($1 - last_synced_at) AS BIGINT) AS max_ms
FROM flights
WHERE last_synced_at IS NOT NULL AND status IN ('SCHEDULED', 'DELAYED')
