-- Which role may see which tenant's rows; '*' is every tenant. Only the owner of the tables writes
-- here. The owner itself is held back by nothing.
CREATE TABLE wmctl_role (
    role TEXT NOT NULL,
    business_id TEXT NOT NULL,
    PRIMARY KEY (role, business_id)
);
ALTER TABLE wmctl_role ENABLE ROW LEVEL SECURITY;
CREATE POLICY wmctl_own ON wmctl_role FOR SELECT USING (role = current_user);

-- A process belongs to the role that it logged in with.
ALTER TABLE wmctl_host ADD COLUMN role TEXT NOT NULL DEFAULT current_user;
ALTER TABLE wmctl_host ENABLE ROW LEVEL SECURITY;
CREATE POLICY wmctl_own ON wmctl_host
    USING (role = current_user OR EXISTS (
        SELECT 1 FROM wmctl_role r WHERE r.role = current_user AND r.business_id = '*'));

-- Every table that has a tenant.
DO $$
DECLARE
    tenant_table TEXT;
BEGIN
    FOR tenant_table IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind = 'r'
            AND a.attname = 'business_id' AND NOT a.attisdropped
            AND (c.relname LIKE 'whatsmeow\_%' OR c.relname LIKE 'wmctl\_%')
            AND c.relname <> 'wmctl_role'
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY wmctl_tenant ON %I USING (EXISTS (SELECT 1 FROM wmctl_role r
                WHERE r.role = current_user AND r.business_id IN (''*'', %I.business_id)))',
            tenant_table, tenant_table);
    END LOOP;
END $$;
