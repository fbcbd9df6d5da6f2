-- Which sources were believed of the legs that changed since $1 (epoch ms).
SELECT data_source, source, COUNT(*) AS legs
FROM flights
WHERE updated_at >= $1 AND data_source IS NOT NULL
GROUP BY data_source, source
ORDER BY legs DESC, source
