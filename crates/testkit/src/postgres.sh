# Runs one throw-away PostgreSQL for as long as standard input stays open.
# $1 folder of the server's programs, $2 on or off: whether commits reach the disk.
# Answers one line, "ready FOLDER" or "failed REASON", and leaves nothing behind.
set -u
trap '' INT TERM HUP
bin=$1
durable=$2
base=${TMPDIR:-/tmp}
[ -w "$base" ] || base=/tmp
folder=$(mktemp -d "$base/jiazhao-pg.XXXXXX") || { echo "failed mktemp in $base"; exit 1; }
cd "$folder" || exit 1
leave() { cd / && rm -rf "$folder"; }
if ! "$bin/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions >log 2>&1 </dev/null; then
  echo "failed initdb: $(tail -n 3 log | tr '\n' ' ')"
  leave
  exit 1
fi
cat >>data/postgresql.conf <<CONF
listen_addresses = ''
port = 5432
unix_socket_directories = '$folder'
max_connections = 200
shared_buffers = 64MB
max_locks_per_transaction = 256
autovacuum = off
fsync = $durable
full_page_writes = $durable
synchronous_commit = $durable
CONF
if ! "$bin/pg_ctl" -D data -l log -w -t 30 start >>log 2>&1 </dev/null; then
  echo "failed start: $(tail -n 3 log | tr '\n' ' ')"
  leave
  exit 1
fi
echo "ready $folder"
cat >/dev/null
"$bin/pg_ctl" -D data -m immediate -w stop >/dev/null 2>&1 </dev/null
leave
