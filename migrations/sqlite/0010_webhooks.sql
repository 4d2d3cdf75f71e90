-- Where events are delivered to. The secret signs what is sent, so it is kept as it is; no
-- interface shows it again.
CREATE TABLE wmctl_webhook (
    business_id TEXT NOT NULL,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    -- Kinds of events with commas between; an empty text is all.
    kinds TEXT NOT NULL DEFAULT '',
    -- Most events of one request.
    batch BIGINT NOT NULL DEFAULT 1,
    -- Why nothing is sent: by_hand, gone.
    paused TEXT,
    created_ms BIGINT NOT NULL,
    -- Another random number with each change that a process has to notice.
    version BIGINT NOT NULL,
    -- Names the last test that was asked for.
    test_asked BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (business_id, id)
);

-- How far each webhook has come. Only the process that holds the tenant's lease writes here.
CREATE TABLE wmctl_delivery (
    business_id TEXT NOT NULL,
    webhook TEXT NOT NULL,
    -- Every event up to this number is delivered, dead, or of no interest.
    seq BIGINT NOT NULL,
    -- Failed attempts at the event after it.
    attempts BIGINT NOT NULL DEFAULT 0,
    delivered BIGINT NOT NULL DEFAULT 0,
    delivered_ms BIGINT,
    failure TEXT,
    failed_ms BIGINT,
    test_done BIGINT NOT NULL DEFAULT 0,
    test_outcome TEXT,
    PRIMARY KEY (business_id, webhook),
    CONSTRAINT wmctl_delivery_webhook FOREIGN KEY (business_id, webhook)
        REFERENCES wmctl_webhook (business_id, id) ON DELETE CASCADE
);

-- Events that a webhook did not take, with all that they held.
CREATE TABLE wmctl_dead_letter (
    business_id TEXT NOT NULL,
    webhook TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    stored_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    chat TEXT,
    sender TEXT,
    message_id TEXT,
    from_me BOOLEAN NOT NULL DEFAULT FALSE,
    text TEXT,
    payload BYTEA,
    detail TEXT NOT NULL DEFAULT '{}',
    reason TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    dead_ms BIGINT NOT NULL,
    redeliver BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (business_id, webhook, seq),
    CONSTRAINT wmctl_dead_letter_webhook FOREIGN KEY (business_id, webhook)
        REFERENCES wmctl_webhook (business_id, id) ON DELETE CASCADE
);
CREATE INDEX wmctl_dead_letter_order ON wmctl_dead_letter (business_id, dead_ms);
