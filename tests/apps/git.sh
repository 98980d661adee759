#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# git on a repository of 6,000 files.
. "$(dirname "$0")/lib.sh"
echo 1..4
LIMIT=120
export_git='export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_AUTHOR_DATE="1000000000 +0000" GIT_COMMITTER_DATE="1000000000 +0000"
	git config --global init.defaultBranch main; git config --global advice.detachedHead false; git config --global gc.auto 0; git config --global protocol.file.allow always'

same "init, add, commit, log, diff, branch, merge, rebase, stash, bisect" -- sh -c "$export_git"'
	mkdir /var/tmp/r && cd /var/tmp/r && git init -q && seq 100 >f && git add f && git commit -qm one && git checkout -qb side && sed -i 50d f && git commit -qam two && git checkout -q main && sed -i 10d f && git commit -qam three
	git merge -q -m merged side && git log --oneline --graph && git diff HEAD^1 --stat && git checkout -qb again HEAD~1 && echo more >>f && git commit -qam four && git rebase -q main && git log --format="%h %s" && wc -l f
	echo dirty >>f && git stash -q && git status -s && git stash pop -q && git status -s && git checkout -q f && for i in $(seq 20); do echo $i >n && git add n && git commit -qm "n $i"; done
	git bisect start -q HEAD HEAD~19 && git bisect run sh -c "test \$(cat n) -lt 13" | grep "first bad" && git bisect reset -q && git tag v1 && git describe --always && git blame -s n && git archive HEAD | tar tf - && git grep -n 42 f && git reset -q --hard HEAD~3 && git reflog | wc -l && git cherry-pick v1~1 >/dev/null 2>&1; git status -s; git fsck 2>&1 | tail -3; git worktree add -q ../w main && ls ../w && git submodule status'
same "6,000 files: add, commit, gc, fsck, clone, checkout" -- sh -c "$export_git"'
	mkdir /var/tmp/r && cd /var/tmp/r && git init -q && for d in $(seq 60); do mkdir $d; for f in $(seq 100); do echo "file $f of $d"; done | (cd $d && split -l 1 -a 3 - f); done
	git add . && git commit -qm all && git rev-parse HEAD && git ls-files | wc -l && sed -i s/of/from/ 7/* && git status -s | wc -l && git commit -qam changed && git gc -q && git count-objects -v | grep -v size && git fsck --full && git clone -q /var/tmp/r /var/tmp/c && git -C /var/tmp/c log --format=%H && diff -r -x .git /var/tmp/r /var/tmp/c && echo equal
	git clone -q --no-local --depth 1 file:///var/tmp/r /var/tmp/d && ls /var/tmp/d | wc -l && git clone -q --bare . ../bare.git && cd /var/tmp/c && git rm -qr 9 && git commit -qm less && git push -q ../bare.git main && git -C ../bare.git log --oneline | wc -l && cd ../r && git pull -q ../bare.git main && ls | wc -l && git checkout -q HEAD~2 && ls | wc -l && git repack -adq --threads=2 && git verify-pack -v .git/objects/pack/*.idx | tail -1'
same "fetch through git daemon's protocol by pipes, bundles, patches" -- sh -c "$export_git"'
	mkdir /tmp/r && cd /tmp/r && git init -q && for i in 1 2 3 4 5; do seq $((i * 100)) >f$i && git add . && git commit -qm $i; done && git bundle create -q ../b --all && git clone -q ../b ../c 2>&1 && cd ../c && git log --oneline | wc -l && git format-patch -q -3 -o ../p && git checkout -q -b old HEAD~3 && git am -q ../p/* && ls && cd ../r && printf "0032git-upload-pack /project.git\\0host=myserver.com\\0" >/dev/null; git upload-pack --strict . </dev/null 2>&1 | head -c 60 | cut -c 5-44'
same "filter, hooks, attributes, ignored files, sparse checkout" -- sh -c "$export_git"'
	mkdir /tmp/r && cd /tmp/r && git init -q && printf "#!/bin/sh\necho hook ran; test ! -e forbidden\n" >.git/hooks/pre-commit && chmod +x .git/hooks/pre-commit && echo x >a && git add a && git commit -m a 2>&1 | tail -3 && touch forbidden && git add . && git commit -qm no; echo $?; git rm -q --cached forbidden; rm forbidden; echo "*.o" >.gitignore; touch x.o; git status -s; printf "*.txt text eol=crlf\n" >.gitattributes; printf "l\r\n" >t.txt; git add t.txt .gitattributes; git commit -qm t; git cat-file -p HEAD:t.txt | od -c | head -1; mkdir d1 d2; touch d1/1 d2/2; git add .; git commit -qm d; git sparse-checkout set d1; ls; ln -s a link; chmod +x a; git add -A; git commit -qm modes; git ls-tree HEAD | cut -c1-6; core=$(git config core.filemode); echo $core'
