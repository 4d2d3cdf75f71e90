-- What is to run, and how. A paired tenant without a row is to run anywhere.
CREATE TABLE wmctl_tenant (
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_tenant_business_id CHECK (length(business_id) BETWEEN 1 AND 64 AND business_id NOT GLOB '*[^A-Za-z0-9_.-]*'),
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    wanted_host TEXT,
    proxy TEXT,
    device_name TEXT,
    platform TEXT CHECK (platform IN ('chrome', 'edge', 'firefox', 'safari', 'other')),
    changed_ms BIGINT NOT NULL
);
CREATE INDEX wmctl_tenant_changed ON wmctl_tenant (changed_ms);

-- What the process that runs a tenant says of it. For people: nothing is decided by it.
CREATE TABLE wmctl_tenant_state (
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_tenant_state_business_id CHECK (length(business_id) BETWEEN 1 AND 64 AND business_id NOT GLOB '*[^A-Za-z0-9_.-]*'),
    epoch BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    since_ms BIGINT NOT NULL,
    last_error TEXT,
    last_error_ms BIGINT
);

-- A device that is being linked: any host shows the code that one of them got.
CREATE TABLE wmctl_pairing (
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_pairing_business_id CHECK (length(business_id) BETWEEN 1 AND 64 AND business_id NOT GLOB '*[^A-Za-z0-9_.-]*'),
    attempt TEXT NOT NULL,
    number BIGINT NOT NULL,
    step TEXT NOT NULL,
    ended BOOLEAN NOT NULL,
    changed_ms BIGINT NOT NULL
);

-- Keys of the HTTP interface: only their hashes.
CREATE TABLE wmctl_api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL CONSTRAINT wmctl_api_key_name UNIQUE,
    hash BYTEA NOT NULL CONSTRAINT wmctl_api_key_hash UNIQUE CHECK (length(hash) = 32),
    tenants TEXT NOT NULL,
    actions TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

-- Who changed what. The id rises with time.
CREATE TABLE wmctl_audit (
    id TEXT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    business_id TEXT,
    detail TEXT NOT NULL DEFAULT '',
    request_id TEXT
);

-- Processes that take whatever tenants there are.
ALTER TABLE wmctl_host ADD COLUMN serves BOOLEAN NOT NULL DEFAULT FALSE;
