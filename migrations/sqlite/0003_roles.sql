-- Roles exist only on a server; the table is there so that both databases have the same ones.

CREATE TABLE wmctl_role (
    role TEXT NOT NULL,
    business_id TEXT NOT NULL,
    PRIMARY KEY (role, business_id)
);
