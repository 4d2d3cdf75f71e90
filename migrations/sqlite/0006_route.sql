-- How the process reaches the server, for people: a file has no way to it.
ALTER TABLE wmctl_host ADD COLUMN route TEXT;
