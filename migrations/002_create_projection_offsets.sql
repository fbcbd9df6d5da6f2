-- Up to where each partition is in the tables: written in the same transaction as what was read.
CREATE TABLE projection_offsets (
    topic TEXT NOT NULL,
    topic_partition INTEGER NOT NULL,
    next_offset BIGINT NOT NULL,
    PRIMARY KEY (topic, topic_partition)
);
