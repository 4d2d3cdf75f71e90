-- What is to run, and how. A paired tenant without a row is to run anywhere.
CREATE TABLE wmctl_tenant (
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_tenant_business_id CHECK (business_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
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
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_tenant_state_business_id CHECK (business_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
    epoch BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    since_ms BIGINT NOT NULL,
    last_error TEXT,
    last_error_ms BIGINT
) WITH (fillfactor = 70);

-- A device that is being linked: any host shows the code that one of them got.
CREATE TABLE wmctl_pairing (
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_pairing_business_id CHECK (business_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
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

ALTER TABLE wmctl_tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE wmctl_tenant_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE wmctl_pairing ENABLE ROW LEVEL SECURITY;
ALTER TABLE wmctl_api_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE wmctl_audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY wmctl_tenant ON wmctl_tenant USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id IN ('*', wmctl_tenant.business_id)));
CREATE POLICY wmctl_tenant ON wmctl_tenant_state USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id IN ('*', wmctl_tenant_state.business_id)));
CREATE POLICY wmctl_tenant ON wmctl_pairing USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id IN ('*', wmctl_pairing.business_id)));
CREATE POLICY wmctl_all ON wmctl_api_key USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id = '*'));
CREATE POLICY wmctl_tenant ON wmctl_audit USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id IN ('*', wmctl_audit.business_id)));

-- Wakes the hosts: what is to run changed, a lease became free, a host left.
CREATE FUNCTION wmctl_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('wmctl_wake', '');
    RETURN NULL;
END $$;
CREATE TRIGGER wmctl_wake AFTER INSERT OR UPDATE OR DELETE ON wmctl_tenant
    FOR EACH STATEMENT EXECUTE FUNCTION wmctl_wake();
CREATE TRIGGER wmctl_wake AFTER UPDATE OF state ON wmctl_host
    FOR EACH STATEMENT EXECUTE FUNCTION wmctl_wake();
CREATE TRIGGER wmctl_wake AFTER UPDATE OF owner ON wmctl_lease
    FOR EACH ROW WHEN (new.owner IS NULL AND old.owner IS NOT NULL) EXECUTE FUNCTION wmctl_wake();
