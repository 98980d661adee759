#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The sqlite3 shell: speed, journals, locks of several processes, recovery after kill.
. "$(dirname "$0")/lib.sh"
echo 1..5
LIMIT=120

same "inserts, indices, joins, full text, vacuum" -- sh -c 'sqlite3 /var/tmp/db </mnt/speed.sql && stat -c %s /var/tmp/db'
same "300 transactions, synced" -- sh -c 'cd /var/tmp; { echo "PRAGMA synchronous=full; CREATE TABLE t(i);"; for i in $(seq 300); do echo "BEGIN; INSERT INTO t VALUES($i); COMMIT;"; done; echo "SELECT sum(i) FROM t;"; } | sqlite3 db'
same "write-ahead log, four writers and readers" -- sh -c 'cd /var/tmp; sqlite3 db "PRAGMA journal_mode=wal; CREATE TABLE t(p, i);"; for p in 1 2 3 4; do { echo ".timeout 60000"; for i in $(seq 50); do echo "INSERT INTO t VALUES($p, $i);"; done; } | sqlite3 db & done; { echo ".timeout 60000"; for i in $(seq 50); do echo "SELECT count(*) >= 0 FROM t;"; done; } | sqlite3 db | sort -u; wait; sqlite3 db "SELECT p, count(*), sum(i) FROM t GROUP BY p; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA integrity_check;"; stat -c %s db-wal 2>&1'
same "killed in the middle of a transaction" -- sh -c 'cd /var/tmp; sqlite3 db "CREATE TABLE t(i); INSERT INTO t VALUES(1);"; mkfifo p; sqlite3 db <p & exec 3>p; echo "PRAGMA cache_size=5; BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) INSERT INTO t SELECT i FROM n;" >&3; while ! [ -s db-journal ] || [ $(stat -c %s db) -lt 50000 ]; do sleep 0.05; done; kill -9 $!; wait $! 2>/dev/null; exec 3>&-; ls db*; sqlite3 db "SELECT count(*) FROM t; PRAGMA integrity_check;"; ls db*'
same "memory maps, locking modes, attached files, backup, dump" -- sh -c 'cd /var/tmp; sqlite3 db "PRAGMA mmap_size=268435456; CREATE TABLE t(i, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO t SELECT i, zeroblob(100) FROM n; SELECT sum(i), sum(length(b)) FROM t;" ".backup copy" ".dump" | md5sum; sqlite3 copy "PRAGMA locking_mode=exclusive; PRAGMA mmap_size=100000000; ATTACH '"'db'"' AS o; SELECT (SELECT sum(i) FROM t) = (SELECT sum(i) FROM o.t); DELETE FROM t; VACUUM;"; stat -c %s copy'
