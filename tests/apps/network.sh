#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Servers and their clients over the loopback, and the programs that show what network there is.
. "$(dirname "$0")/lib.sh"
echo 1..7
LIMIT=120

same "ip, ss, ping: what network there is" -- sh -c 'ip addr; ip -4 route; ip -br link; ping -c 2 -i 0.2 127.0.0.1 | grep -c "bytes from"; ping -6 -c 1 ::1 | grep -c "bytes from"
	nc -l 127.0.0.1 4711 >/dev/null & sleep 1; ss -Htln | tr -s " "; ss -Htln "sport = :4711" | wc -l; echo x | nc -N 127.0.0.1 4711; wait
	ls /sys/class/net; cat /sys/class/net/lo/mtu; head -2 /proc/net/dev'
same "curl and wget from http.server of python" -- sh -c 'echo "127.0.0.1 localhost" >/etc/hosts; mkdir /tmp/w; cd /tmp; seq 300000 >w/seq
	(cd w && exec python3 -m http.server --bind 127.0.0.1 8000) >/dev/null 2>&1 & p=$!
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 0.3; curl -sfo a http://localhost:8000/seq && break; done
	md5sum <a; wget -qO b http://127.0.0.1:8000/seq; md5sum <b; curl -s -r 100-200 http://127.0.0.1:8000/seq | wc -c; curl -so /dev/null -w "%{http_code}\n" http://127.0.0.1:8000/none
	curl -s http://127.0.0.1:8001/ || echo "refused $?"; kill $p'
same "nginx with sendfile, keep-alive, two workers; wrk" -- sh -c 'mkdir /tmp/w; cd /tmp; seq 300000 >w/seq; echo hello >w/x
	printf "worker_processes 2; error_log stderr warn; pid /tmp/pid; events { worker_connections 256; } http { access_log off; sendfile on; tcp_nopush on; server { listen 127.0.0.1:8081 reuseport; listen [::1]:8081; root /tmp/w; } }" >conf
	nginx -c /tmp/conf && sleep 1; curl -s http://127.0.0.1:8081/x "http://[::1]:8081/x"; curl -s http://127.0.0.1:8081/seq | md5sum; curl -s --limit-rate 2M http://127.0.0.1:8081/seq | md5sum
	wrk -t 2 -c 16 -d 2 http://127.0.0.1:8081/x >out; grep -c "Requests/sec" out; grep -e "Socket errors" -e "Non-2xx" out
	nginx -c /tmp/conf -s reload 2>/dev/null; sleep 1; curl -s http://127.0.0.1:8081/x; nginx -c /tmp/conf -s stop 2>/dev/null; sleep 1; ls pid 2>&1'
same "redis-server: commands, pipelines, a saved database, redis-benchmark" -- sh -c 'cd /tmp; redis-server --port 7777 --unixsocket /tmp/r.sock --daemonize yes --logfile log >/dev/null; for i in 1 2 3 4 5 6 7 8 9; do redis-cli -p 7777 ping 2>/dev/null && break; sleep 0.3; done
	redis-cli -p 7777 set a 1; redis-cli -p 7777 incrby a 41; redis-cli -s /tmp/r.sock get a; seq 5000 | sed "s/.*/SET k& v&/" | redis-cli -p 7777 --pipe | tail -1; redis-cli -p 7777 dbsize
	redis-benchmark -p 7777 -n 5000 -c 20 -q -t ping,set,get,lpush >out 2>&1; echo $?; tr "\r" "\n" <out | grep -c "requests per second"; redis-benchmark -s /tmp/r.sock -n 5000 -P 8 -q -t set >/dev/null; echo $?
	redis-cli -p 7777 save; redis-cli -p 7777 shutdown; redis-server --port 7778 --daemonize yes >/dev/null; for i in 1 2 3 4 5 6 7 8 9; do redis-cli -p 7778 get k4711 2>/dev/null && break; sleep 0.3; done; redis-cli -p 7778 shutdown nosave'
same "openssh: commands, a terminal, scp, sftp, a forwarded port" -- sh -c 'mkdir -p /run/sshd ~/.ssh; ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id; cp ~/.ssh/id.pub ~/.ssh/authorized_keys; ssh-keygen -A >/dev/null
	printf "Host t\n HostName 127.0.0.1\n Port 2222\n User root\n IdentityFile ~/.ssh/id\n StrictHostKeyChecking no\n LogLevel ERROR\n" >~/.ssh/config; chmod -R go= ~/.ssh
	/usr/sbin/sshd -p 2222 -E /tmp/log -o PrintMotd=no -o PrintLastLog=no; sleep 1; cd /tmp
	ssh t "echo command; tty; exit 3"; echo $?; ssh -tt t "tty; stty size >/dev/null && echo size" </dev/null | tr -d "\r"; seq 100000 | ssh t "md5sum"; seq 200000 >f; scp -q f t:g; cmp f g && echo scp
	printf "put f h\nls -l h\n" | sftp -q -b - t | grep -c "1288895 "; cmp f h && echo sftp
	ssh -f -N -L 4000:127.0.0.1:4001 t; (echo through | timeout 10 nc -l -N 127.0.0.1 4001 >/dev/null) & sleep 1; timeout 5 nc -d 127.0.0.1 4000; kill $(cat /run/sshd.pid)'
same "python: asyncio, selectors, socketserver with threads, UDP, datagrams of unix" -- python3 /mnt/py-net.py
same "node: http server and client, net, dgram" -- node /mnt/node-net.js
