-- How long a process may say nothing before others take it for dead: each by what it says itself,
-- so that those that were started with other values do not end each other. NULL leaves it to them.
ALTER TABLE wmctl_host ADD COLUMN silence_ms BIGINT;
