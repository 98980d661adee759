#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL: initdb, pgbench, recovery after kill -9.
. "$(dirname "$0")/lib.sh"
echo 1..1
LIMIT=180
same "initdb, pgbench, kill -9, recovery, dump" -- setpriv --reuid=postgres --regid=postgres --init-groups sh /mnt/postgres.sh 3
