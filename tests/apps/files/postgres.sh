# initdb, pgbench over the unix socket, kill -9 in the middle of work, recovery. Run as postgres. $1: seconds of pgbench
export PATH=/usr/lib/postgresql/15/bin:$PATH PGHOST=/tmp PGDATA=/var/lib/postgresql/data LC_ALL=C.UTF-8
initdb -A trust -E UTF8 --locale=C.UTF-8 >/tmp/initdb.log 2>&1 || { tail -5 /tmp/initdb.log; exit 1; }
printf "listen_addresses = ''\nunix_socket_directories = '/tmp'\nmax_connections = 20\nshared_buffers = 32MB\n" >>$PGDATA/postgresql.conf
pg_ctl -w -s -l /tmp/log start || { tail -5 /tmp/log; exit 1; }
createdb bench && pgbench -q -i -s 2 bench 2>&1 | grep -c done
psql -X -At bench -c "SELECT count(*), sum(abalance) FROM pgbench_accounts" -c "SHOW data_checksums"
pgbench -c 4 -j 2 -T "${1:-3}" bench 2>/dev/null | grep -E "failed transactions|clients"
pgbench -S -c 4 -j 2 -t 200 bench 2>/dev/null | grep "actually"
psql -X -At bench <<END
SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches), (SELECT sum(delta) FROM pgbench_history) = (SELECT sum(tbalance) FROM pgbench_tellers);
CREATE TABLE big AS SELECT i, md5(i::text) AS m FROM generate_series(1, 100000) i;
CREATE INDEX ON big(m);
SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SELECT count(*), max(m), sum(i) FROM big WHERE m LIKE '%a%';
LISTEN x; NOTIFY x, 'hello';
SELECT pg_advisory_lock(1), pg_size_pretty(0::bigint);
COPY (SELECT * FROM big ORDER BY i LIMIT 2) TO STDOUT;
VACUUM ANALYZE big;
END
# The lasting rows of a transaction that was acknowledged, and nothing of one that was not.
psql -X -q bench -c "CREATE TABLE kept(i int)" -c "INSERT INTO kept SELECT generate_series(1, 1000)"
psql -X -q bench -c "BEGIN; INSERT INTO kept VALUES(-1); SELECT pg_sleep(100)" >/dev/null 2>&1 &
pgbench -c 4 -j 2 -T 100 bench >/dev/null 2>&1 &
sleep 1
kill -9 $(head -1 $PGDATA/postmaster.pid)
wait
while pgrep -x postgres >/dev/null; do sleep 0.1; done
pg_ctl -w -s -l /tmp/log start || { tail -5 /tmp/log; exit 1; }
grep -c "automatic recovery in progress" /tmp/log
psql -X -At bench -c "SELECT count(*), sum(i) FROM kept" \
	-c "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches), (SELECT sum(delta) FROM pgbench_history) = (SELECT sum(tbalance) FROM pgbench_tellers)"
pg_dump bench | psql -X -q postgres >/dev/null && psql -X -At postgres -c "SELECT count(*) FROM big"
pg_ctl -w -s -m fast stop && ls /tmp/.s.PGSQL* 2>&1
pg_controldata | grep "cluster state"
