#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What people use at a terminal: ps, top, lsof, tmux, vim.
. "$(dirname "$0")/lib.sh"
echo 1..8
LIMIT=60

same "ps: forest, threads, sessions, formats" -- sh -c 'sleep 100 & sh -c "sleep 100; :" & (exec -a renamed sleep 100) 2>/dev/null & sleep 0.3; ps -e --no-headers -o comm,args,stat,nlwp,ni,uid | grep sleep | sed "s/Ss/S/" | tr -s " " | sort; ps -ef --no-headers | wc -l; ps axjf --no-headers | wc -l; ps -o pid= -C sleep | wc -l; pgrep -c sleep; pstree -A | grep -c sleep; pidof sleep | wc -w; pkill sleep; wait; ps --no-headers -C sleep | wc -l; ps -p $$ -o vsz= -o rss= | awk "{ print (\$1 > 1000), (\$2 > 500) }"; ps -o lstart= -p $$ | wc -w; ps -o etimes= -p $$ | tr -d " "'
same "top -b, free, uptime, w, vmstat" -- sh -c 'top -b -n 2 -d 0.2 | grep -c "^ *[0-9]* root .* top"; top -b -n 1 -o %MEM | sed -n 7p; free | awk "NR == 2 { print (\$2 > 0), (\$2 >= \$3) }"; uptime | grep -c "load average"; vmstat | wc -l; vmstat -s | grep -c memory; slabtop -o >/dev/null 2>&1; pwdx $$ | cut -d: -f2; pmap $$ | tail -1 | cut -c1-6; pmap -x $$ | grep -c dash; tload -V | cut -d" " -f1; w -h | wc -l; sysctl kernel.ostype; cat /proc/loadavg | wc -w; watch -v | cut -d" " -f1; skill -l | head -1; nproc | grep -c .'
same "lsof, fuser" -- sh -c 'cd /tmp; echo x >f; exec 5<f; sleep 100 >/dev/null 2>&1 & p=$!; lsof -p $p -a -d 0,3-9,cwd,txt 2>/dev/null | tr -s " " | cut -d" " -f1,4,5,9 | sort; lsof -t f | wc -l; lsof +D /tmp 2>/dev/null | wc -l; fuser f 2>/dev/null | wc -w; fuser -k -TERM f >/dev/null 2>&1; wait $p 2>/dev/null; rm f; lsof -p $$ 2>/dev/null | grep -c deleted; lsof -U 2>/dev/null | wc -l; mkfifo q; sleep 1 <>q & lsof q 2>/dev/null | tail -1 | tr -s " " | cut -d" " -f5'
same "vim -es: editing, undo, filters, globals" -- sh -c 'cd /tmp; seq 100 >f; printf "%s\n" "g/7/d" "%%s/^\\(.\\)\\(.\\)$/\\2\\1/" "1,5!sort -r" "normal Gosomething" "w" "earlier 1" "w! g" "q!" | sed "s/%%/%/" | vim -es -u NONE f; md5sum f g; printf "e f\n%%!tac\nwq\n" | vim -es -u NONE; head -2 f; vim -es -u NONE -c "r !echo from shell" -c "w h" -c q; cat h; vim -es -u NONE -c "call writefile([string(has(\"patch-8.2\")), strftime(\"%Y\", 0)], \"i\")" -c q; cat i; ls -a | sort'
same "vim in a terminal" -- sh -c 'cd /tmp; echo one >f; script -qc "vim -u NONE -n -c \"normal Atwo\" -c wq f" log </dev/null >/dev/null; cat f; printf "ihello\033:wq\r" | script -qc "vim -u NONE -n g" log >/dev/null; cat g'
same "tmux: sessions, windows, panes, keys, capture" -- sh -c '
	export TMUX_TMPDIR=/tmp; t() { tmux -f /mnt/tmux.conf "$@"; }
	t new-session -d -s one -x 80 -y 24 "exec sh" && for i in $(seq 50); do t capture-pane -p -t one | grep -q "#" && break; sleep 0.1; done && t send-keys -t one "stty size; tty | sed s/[0-9]*$/N/; echo m\$((40 + 2))m" Enter
	for i in $(seq 50); do t capture-pane -p -t one | grep -q m42m && break; sleep 0.1; done; t capture-pane -p -t one | grep -v "^\\$" | grep .
	t split-window -t one "exec sleep 100"; t new-window -t one -n second "exec sleep 100"; t list-windows -t one -F "#{window_index} #{window_name} #{window_panes}"; t list-panes -s -t one -F "#{pane_current_command} #{pane_width}x#{pane_height}"
	t send-keys -t one:0.0 "sleep 100" Enter; sleep 0.5; t send-keys -t one:0.0 C-c "echo after \$?" Enter; for i in $(seq 50); do t capture-pane -p -t one:0.0 | grep -q "after 130" && break; sleep 0.1; done; t capture-pane -p -t one:0.0 | grep after
	t resize-window -t one -x 100 -y 30; t send-keys -t one:0.0 "stty size" Enter; for i in $(seq 50); do t capture-pane -p -t one:0.0 | grep -q " 100" && break; sleep 0.1; done; t capture-pane -p -t one:0.0 | grep " 100$"; t set-buffer pasted; t show-buffer; echo; t kill-session -t one; t ls 2>&1 | sed "s/default.*//"; pgrep -c sleep'
same "script, setsid, stty, job control of bash" -- sh -c 'cd /tmp; cat >s <<-END
	set -m
	sleep 100 &
	jobs | tr -s " "
	kill -STOP %1; sleep 0.3; jobs | tr -s " "
	bg %1 >/dev/null; jobs | tr -s " "; kill %1; wait %1; echo \$?
	(sleep 0.2; exit 5) & fg %2 2>/dev/null || fg; echo \$?
	stty -a | head -1; stty rows 40 cols 90; stty size; stty -echo; stty -a | grep -o -e "-echo "; tput cols
	END
	script -qec "bash s" log </dev/null | tr -d "\r" | sed "s/[0-9]* baud/N baud/"; echo $?'
same "less, more, column, hexdump, cal-free dates" -- sh -c 'cd /tmp; seq 100 | less | tail -1; seq 5 | more | wc -l; printf "a b\nccc d\n" | column -t 2>/dev/null; date -u -d @1000000000; TZ=Europe/Berlin date -d @1000000000 +%Z; getopt -o ab: -- -a -b c d; rev /etc/hostname 2>&1 | wc -l; echo "2^100" | bc; mcookie | wc -c; uuidgen -r 2>/dev/null | wc -c; whereis -b sh | cut -c1-3; setterm --version | cut -d" " -f1; lscpu | grep -c .; findmnt -n -o FSTYPE /proc; lsblk >/dev/null 2>&1; mountpoint /proc; unshare --version | cut -d" " -f1; ipcs -l >/dev/null; echo $?; prlimit --nofile --noheadings -o SOFT; last -n 1 >/dev/null 2>&1; dmesg 2>&1 | head -0; ionice; chrt -m | head -1; lsns -n -o TYPE -p self 2>/dev/null | sort | uniq'
