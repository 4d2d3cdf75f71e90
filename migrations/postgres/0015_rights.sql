-- What the role of a tenant may do beside its own tenant's rows, whatever it was granted.

-- It reads which migrations were applied.
ALTER TABLE wmctl_migration ENABLE ROW LEVEL SECURITY;
CREATE POLICY wmctl_read ON wmctl_migration FOR SELECT USING (TRUE);

-- Who changed what is added to and not changed, and each row says which role added it.
ALTER TABLE wmctl_audit ADD COLUMN role TEXT NOT NULL DEFAULT current_user;
DROP POLICY wmctl_tenant ON wmctl_audit;
CREATE POLICY wmctl_read ON wmctl_audit FOR SELECT USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id IN ('*', wmctl_audit.business_id)));
CREATE POLICY wmctl_append ON wmctl_audit FOR INSERT WITH CHECK (role = current_user
    AND EXISTS (SELECT 1 FROM wmctl_role r
        WHERE r.role = current_user AND r.business_id IN ('*', wmctl_audit.business_id)));

-- It sees the process that holds a lease of its tenant, whatever role that one logged in with: its
-- heartbeat tells whether to take over. It writes the rows of its own processes only, and none of
-- them takes other tenants.
DROP POLICY wmctl_own ON wmctl_host;
CREATE POLICY wmctl_read ON wmctl_host FOR SELECT USING (role = current_user
    OR EXISTS (SELECT 1 FROM wmctl_role r WHERE r.role = current_user AND r.business_id = '*')
    OR EXISTS (SELECT 1 FROM wmctl_lease l WHERE l.owner = wmctl_host.inc));
CREATE POLICY wmctl_insert ON wmctl_host FOR INSERT WITH CHECK (
    (role = current_user AND NOT serves)
    OR EXISTS (SELECT 1 FROM wmctl_role r WHERE r.role = current_user AND r.business_id = '*'));
CREATE POLICY wmctl_update ON wmctl_host FOR UPDATE USING (
    (role = current_user AND NOT serves)
    OR EXISTS (SELECT 1 FROM wmctl_role r WHERE r.role = current_user AND r.business_id = '*'));
CREATE POLICY wmctl_delete ON wmctl_host FOR DELETE USING (role = current_user
    OR EXISTS (SELECT 1 FROM wmctl_role r WHERE r.role = current_user AND r.business_id = '*'));
