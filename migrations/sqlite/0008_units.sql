-- Names the last unit of work of each account: one whose outcome is unknown is asked for by name.
ALTER TABLE wmctl_account ADD COLUMN last_unit TEXT NOT NULL DEFAULT '';
