#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compilers and build systems, and lua5.4 from Debian's source.
. "$(dirname "$0")/lib.sh"
echo 1..5
LIMIT=200

same "gcc: one file, a library, lto, -pipe, static" -- sh -c '
	cd /tmp; cat >m.c <<-END
	#include <pthread.h>
	#include <stdio.h>
	#include <math.h>
	int twice(int);
	static void *f(void *p) { *(double *)p = sqrt(2) * twice(2); return p; }
	int main(void) { pthread_t t; double d; pthread_create(&t, 0, f, &d); pthread_join(t, 0); printf("%.6f\n", d); return 3; }
	END
	echo "int twice(int x) { return 2 * x; }" >t.c
	for o in "-O0 -g" "-O2 -pipe" "-O2 -flto" "-static" "-O1 -fsanitize=undefined"; do gcc $o -Wall -o m m.c t.c -lm -pthread && ./m; echo $?; done
	gcc -shared -fPIC -o libt.so t.c && gcc -o m m.c -L. -lt -lm -Wl,-rpath,\$ORIGIN && ./m; ldd ./m | grep -c libt; ar rcs libt.a t.c; nm m | grep -c main; objdump -d m | grep -c "<main>"; strip m && ./m; readelf -h m | grep Type; echo "int main( {" >bad.c; gcc bad.c 2>&1 | head -2; echo "#include <iostream>
	int main() { try { throw 7; } catch (int i) { std::cout << i << std::endl; } }" >x.cc && g++ -O1 x.cc -o x && ./x'
same "gcc -fsanitize=address" -- sh -c 'cd /tmp; printf "#include <stdlib.h>\nint main(int c, char **v) { char *p = malloc(10); p[c + 20] = 1; return 0; }\n" >a.c; gcc -g -fsanitize=address a.c -o a && ./a 2>&1 | grep -c "heap-buffer-overflow"; echo "int main(void) { return 0; }" >ok.c && gcc -fsanitize=address ok.c -o ok && ./ok && echo clean'
same "make -j: 60 files with dependencies" -- sh -c '
	cd /tmp; for i in $(seq 60); do printf "#include \"h.h\"\nint f%d(void) { return %d + H; }\n" $i $i >f$i.c; done; echo "#define H 1" >h.h
	{ echo "#include <stdio.h>"; for i in $(seq 60); do echo "int f$i(void);"; done; echo "int main(void) { int s = 0;"; for i in $(seq 60); do echo "s += f$i();"; done; echo "printf(\"%d\\\\n\", s); }"; } >main.c
	printf "OBJS := \$(patsubst %%.c,%%.o,\$(wildcard *.c))\nCFLAGS = -O1 -MMD\nprog: \$(OBJS)\n\t@\$(CC) -o \$@ \$^\n%%.o: %%.c\n\t@\$(CC) \$(CFLAGS) -c -o \$@ \$<\n-include \$(wildcard *.d)\nclean:\n\t@rm -f prog *.o *.d\n" >Makefile
	make -j4 && ./prog && make && touch f7.c && make -n | wc -l && echo "#define H 2" >h.h && make -j4 && ./prog && make clean && ls | wc -l && make -j3 -Otarget && ./prog'
same "cmake: library, program, test, install" -- sh -c '
	mkdir -p /tmp/p/src && cd /tmp/p && cat >CMakeLists.txt <<-END
	cmake_minimum_required(VERSION 3.20)
	project(p LANGUAGES C)
	enable_testing()
	find_package(Threads REQUIRED)
	add_library(l SHARED src/l.c)
	add_executable(p src/p.c)
	target_link_libraries(p l Threads::Threads)
	add_test(NAME works COMMAND p 5)
	install(TARGETS p l)
	END
	echo "int triple(int x) { return 3 * x; }" >src/l.c
	printf "#include <stdio.h>\n#include <stdlib.h>\nint triple(int);\nint main(int c, char **v) { printf(\"%%d\\\\n\", triple(atoi(v[1]))); return 0; }\n" >src/p.c
	cmake -B b -DCMAKE_BUILD_TYPE=Release >log 2>&1 && grep -E "Threads|Configuring done" log | sed "s/(.*//" && cmake --build b -j 4 | grep -c Built && (cd b && ctest 2>&1 | grep "tests passed") && cmake --install b --prefix /tmp/i >/dev/null && LD_LIBRARY_PATH=/tmp/i/lib /tmp/i/bin/p 4 && cmake --build b | tail -1'
same "lua5.4 from source, and its work" -- sh -c '
	cp -r /usr/src/lua5.4 /tmp/l && cd /tmp/l/src && make -s -j3 linux MYCFLAGS="-fPIC" >/tmp/log 2>&1; tail -1 /tmp/log | cut -c1-60; ls lua luac; ./lua -v; ./lua -e "
	local t = {} for i = 1, 200000 do t[i] = (i * 7919) % 200003 end table.sort(t) local s = 0 for i = 1, #t do s = s + t[i] * i % 7 end print(s)
	local co = coroutine.wrap(function() for i = 1, 5 do coroutine.yield(i) end end) print(co(), co(), co())
	for l in io.popen(\"echo piped; exit 3\"):lines() do print(l) end print(os.execute(\"exit 4\"))
	local f = assert(io.open(os.tmpname(), \"w+\")) f:write(string.rep(\"x\", 100000)) f:seek(\"set\", 99990) print(#f:read(\"a\")) f:close()
	print(pcall(error, {}), string.format(\"%5.2f %q\", 3.14159, \"a\\nb\"), os.time({year=2000, month=1, day=1, hour=12}) , math.maxinteger)
	collectgarbage() print(collectgarbage(\"count\") > 0)"; echo "print(1 + 1)" | ./luac -o x - && ./lua x; ls -d ../testes ../debian/tests 2>/dev/null'
