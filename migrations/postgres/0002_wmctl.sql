-- The tables of wmctl itself. Times are milliseconds since 1970 (UTC); they decide nothing.

-- One row for each start of a process. Only its heartbeat writes here, never a unit of work.
CREATE TABLE wmctl_host (
    inc TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    pid BIGINT NOT NULL,
    state TEXT NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'draining', 'dead')),
    hb_seq BIGINT NOT NULL DEFAULT 0,
    started_ms BIGINT NOT NULL,
    hb_ms BIGINT NOT NULL,
    capacity BIGINT NOT NULL DEFAULT 1000000
) WITH (fillfactor = 30);

-- Who may write for a tenant: the pair of epoch and owner. Changes only with the owner.
CREATE TABLE wmctl_lease (
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_lease_business_id CHECK (business_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
    epoch BIGINT NOT NULL DEFAULT 0,
    owner TEXT REFERENCES wmctl_host (inc),
    target TEXT,
    since_ms BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX wmctl_lease_owner ON wmctl_lease (owner);

CREATE FUNCTION wmctl_lease_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.epoch < old.epoch
        OR (new.owner IS NOT NULL AND new.owner IS DISTINCT FROM old.owner AND new.epoch <= old.epoch)
    THEN
        RAISE EXCEPTION 'epoch must rise with the owner' USING ERRCODE = 'WM002';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER wmctl_lease_guard BEFORE UPDATE ON wmctl_lease
    FOR EACH ROW EXECUTE FUNCTION wmctl_lease_guard();

-- What wmctl keeps of an account beside whatsmeow_device.
CREATE TABLE wmctl_account (
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_account_business_id CHECK (business_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
    next_pre_key_id BIGINT NOT NULL DEFAULT 1,
    event_seq BIGINT NOT NULL DEFAULT 0,
    outbox_seq BIGINT NOT NULL DEFAULT 0,
    routing_info BYTEA,
    ended TEXT CHECK (ended IN ('logged_out', 'banned', 'outdated')),
    ended_reason TEXT,
    ended_code BIGINT,
    ended_at_ms BIGINT
);

-- The durable stream that applications read.
CREATE TABLE wmctl_event (
    business_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    dedupe TEXT,
    at_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    chat TEXT,
    sender TEXT,
    message_id TEXT,
    from_me BOOLEAN NOT NULL DEFAULT FALSE,
    text TEXT,
    payload BYTEA,
    detail TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (business_id, seq),
    CONSTRAINT wmctl_event_dedupe UNIQUE (business_id, dedupe)
);

-- What applications send.
CREATE TABLE wmctl_outbox (
    business_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    idempotency_key TEXT,
    recipient TEXT NOT NULL,
    body BYTEA NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'encrypted', 'sent', 'failed')),
    stanza BYTEA,
    queued_ms BIGINT NOT NULL,
    sent_ms BIGINT,
    delivered_ms BIGINT,
    read_ms BIGINT,
    error TEXT,
    resends BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (business_id, message_id),
    CONSTRAINT wmctl_outbox_seq UNIQUE (business_id, seq),
    CONSTRAINT wmctl_outbox_idempotency UNIQUE (business_id, idempotency_key)
);
CREATE INDEX wmctl_outbox_open ON wmctl_outbox (business_id, seq)
    WHERE state IN ('queued', 'encrypted');

-- Incoming messages that were asked for again.
CREATE TABLE wmctl_retry (
    business_id TEXT NOT NULL,
    dedupe TEXT NOT NULL,
    count BIGINT NOT NULL,
    first_ms BIGINT NOT NULL,
    PRIMARY KEY (business_id, dedupe)
);

-- Caches of what the server said.
CREATE TABLE wmctl_device_list (
    business_id TEXT NOT NULL,
    their_jid TEXT NOT NULL,
    devices TEXT NOT NULL,
    fetched_ms BIGINT NOT NULL,
    PRIMARY KEY (business_id, their_jid)
);
CREATE TABLE wmctl_group (
    business_id TEXT NOT NULL,
    chat TEXT NOT NULL,
    subject TEXT NOT NULL,
    addressing TEXT NOT NULL CHECK (addressing IN ('pn', 'lid')),
    participants TEXT NOT NULL,
    fetched_ms BIGINT NOT NULL,
    PRIMARY KEY (business_id, chat)
);

-- Which devices were given our sender key of a group.
CREATE TABLE wmctl_sender_key_share (
    business_id TEXT NOT NULL,
    chat TEXT NOT NULL,
    key_id BIGINT NOT NULL,
    devices TEXT NOT NULL,
    PRIMARY KEY (business_id, chat)
);
