-- Rights are a server's: whoever may open a file may read and write all of it.
SELECT 1;
