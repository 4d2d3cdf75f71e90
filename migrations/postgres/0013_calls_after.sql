-- Whoever takes messages in tells of them behind the commit: what a transaction tells makes commits
-- of the whole server wait for each other.
DROP TRIGGER wmctl_outbox_wake ON wmctl_outbox;
DROP FUNCTION wmctl_outbox_wake();
