-- Which log a tenant's events belong to. Another one begins where rows were found to be older than
-- what was sent from them: from then on nothing is encrypted with what was stored before.
CREATE TABLE wmctl_log (
    business_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    log_id TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    -- By what that was found; none for the first log.
    mark TEXT,
    PRIMARY KEY (business_id, number)
);
-- Where the rows were used last, and by which device. A copied file is another one.
CREATE TABLE wmctl_place (
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_place_business_id CHECK (length(business_id) BETWEEN 1 AND 64 AND business_id NOT GLOB '*[^A-Za-z0-9_.-]*'),
    account TEXT NOT NULL,
    place TEXT NOT NULL,
    line TEXT NOT NULL,
    run BIGINT NOT NULL,
    tx BIGINT NOT NULL
);
