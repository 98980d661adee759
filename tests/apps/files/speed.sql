-- Inserts, indices, joins, updates and deletes, each in one transaction and in many.
PRAGMA synchronous=normal;
CREATE TABLE t1(a INTEGER, b INTEGER, c TEXT);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
INSERT INTO t1 SELECT i, (i * 7919) % 100003, 'text number ' || (i * 31 % 1009) FROM n;
COMMIT;
CREATE INDEX i1b ON t1(b);
CREATE INDEX i1c ON t1(c);
SELECT count(*), avg(b) FROM t1 WHERE b BETWEEN 1000 AND 30000;
SELECT count(*) FROM t1 WHERE c LIKE '%99%';
CREATE TABLE t2 AS SELECT a, c FROM t1 ORDER BY b;
CREATE UNIQUE INDEX i2a ON t2(a);
SELECT count(*), sum(t1.b) FROM t1 JOIN t2 USING(a) WHERE t2.c > 'text number 5';
UPDATE t1 SET b = b * 2 WHERE a % 3 = 0;
DELETE FROM t2 WHERE a % 5 = 0;
SELECT (SELECT sum(b) FROM t1), (SELECT count(*) FROM t2);
CREATE VIRTUAL TABLE f USING fts5(c);
INSERT INTO f SELECT c FROM t1 WHERE a < 5000;
SELECT count(*) FROM f WHERE f MATCH 'number AND 7';
VACUUM;
PRAGMA integrity_check;
