#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dpkg and apt with packages and a repository made on the spot.
. "$(dirname "$0")/lib.sh"
echo 1..4
LIMIT=120
make_packages='
	make_deb() { # NAME VERSION DEPENDS
		mkdir -p /tmp/p/DEBIAN /tmp/p/usr/share/$1 /tmp/p/etc/$1 && cd /tmp
		{ echo "Package: $1"; echo "Version: $2"; echo "Architecture: all"; echo "Maintainer: nobody <n@example.org>"; [ -z "$3" ] || echo "Depends: $3"; echo "Description: local"; } >p/DEBIAN/control
		printf "#!/bin/sh\necho $1 \$*\n" | tee p/DEBIAN/postinst p/DEBIAN/prerm p/DEBIAN/preinst p/DEBIAN/postrm >/dev/null
		chmod 755 p/DEBIAN/p*; echo /etc/$1/conf >p/DEBIAN/conffiles; echo "$2" >p/etc/$1/conf; seq 1000 >p/usr/share/$1/text; [ "$1" != b ] || ln p/usr/share/b/text p/usr/share/b/hard
		SOURCE_DATE_EPOCH=1000000000 dpkg-deb --root-owner-group --build p /repo/$1_$2_all.deb >/dev/null && rm -r p
	}
	mkdir -p /repo; make_deb a 1.0 ""; make_deb b 1.0 "a (>= 1.0)"; make_deb c 1 "b"; (cd /repo && dpkg-scanpackages -m . 2>/dev/null >Packages && gzip -k Packages && apt-ftparchive release . >Release)
	rm -f /etc/apt/sources.list.d/* ; echo "deb [trusted=yes] file:/repo ./" >/etc/apt/sources.list; export DEBIAN_FRONTEND=noninteractive; quiet() { grep -v -e ^Reading -e "^(Reading" -e ^Get: -e ^Fetched; }
'
same "apt-get update, install with what it needs, upgrade, remove, purge" -- sh -c "$make_packages"'
	apt-get update -qq 2>&1 && apt-get install -y -qq c 2>&1 | quiet; dpkg -l a b c | grep ^ii; dpkg -V a b c; cat /etc/b/conf; stat -c %h /usr/share/b/hard
	make_deb a 2.0 ""; cd /repo && dpkg-scanpackages -m . 2>/dev/null >Packages && gzip -kf Packages && rm Release && apt-ftparchive release . >Release
	apt-get update -qq && apt list --upgradable 2>/dev/null | cut -d" " -f1,2; apt-get upgrade -y -qq 2>&1 | quiet; cat /etc/a/conf; apt-get remove -y -qq a 2>&1 | quiet; dpkg -l a b c | grep -c ^rc; apt-get purge -y -qq a b c 2>&1 | quiet; ls /etc/a 2>&1; apt-cache policy a | tail -3'
same "dpkg -i, unpack in two steps, a missing dependency, conffile changed" -- sh -c "$make_packages"'
	cd /repo; dpkg -i b_1.0_all.deb 2>&1 | quiet; dpkg -i a_1.0_all.deb 2>&1 | quiet; dpkg --configure -a 2>&1; echo mine >/etc/a/conf; make_deb a 3.0 ""; dpkg --force-confold -i /repo/a_3.0_all.deb 2>&1 | quiet; cat /etc/a/conf; ls /etc/a; dpkg -r a 2>&1 | tail -2; dpkg --purge b a 2>&1 | quiet; dpkg-deb -c /repo/b_1.0_all.deb | tr -s " " | cut -d" " -f1,2,3,6; dpkg-deb -x /repo/b_1.0_all.deb /tmp/x && find /tmp/x -type f | sort'
same "debconf, alternatives, diversions, triggers, statoverride, ldconfig" -- sh -c 'update-alternatives --install /usr/bin/thing thing /bin/ls 10 --slave /usr/bin/thang thang /bin/cat 2>&1; update-alternatives --install /usr/bin/thing thing /bin/sh 20 2>&1; readlink /etc/alternatives/thing; update-alternatives --set thing /bin/ls 2>&1; ls -l /usr/bin/thing | cut -d" " -f10-; dpkg-divert --add --rename --divert /usr/bin/true.real /bin/true 2>&1; ls /bin/true* /usr/bin/true* 2>&1; dpkg-divert --list | tail -1; dpkg-statoverride --add root root 4750 --update /usr/bin/sum 2>&1; stat -c %a /usr/bin/sum; ldconfig; ldconfig -p | wc -l; echo "tzdata tzdata/Areas select Europe" | debconf-set-selections; debconf-show tzdata 2>&1 | head -1; run-parts --test /etc/cron.daily | wc -l'
same "dpkg-reconfigure, building a package from lua's source tree" -- sh -c 'cd /tmp && cp -r /usr/src/lua5.4 l && cd l && dpkg-parsechangelog -S Source && dpkg-source --version | head -1 && dpkg-architecture -q DEB_HOST_MULTIARCH && dpkg-checkbuilddeps 2>&1 | cut -c1-40; dpkg-query -W -f "\${Package} \${Version}\n" | sort | md5sum; dpkg -S /usr/bin/* 2>/dev/null | wc -l; dpkg --audit | wc -l'
