-- How others learn that a process is gone: its heartbeat stands still, or the lock that its
-- session holds is free again.
ALTER TABLE wmctl_host ADD COLUMN liveness TEXT NOT NULL DEFAULT 'counter' CHECK (liveness IN ('counter', 'lock'));
