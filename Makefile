# Thin front of meson: see docs/HACKING.md.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=$(PREFIX)

demo:
	./demo

check:
	./check

check-host:
	./check host

check-apps:
	./check build apps

bench: all
	bench/run

install: all
	meson configure $(BUILD) --prefix=$(PREFIX)
	DESTDIR=$(DESTDIR) ninja -C $(BUILD) install

clean:
	rm -rf $(BUILD)

.PHONY: all demo check check-apps check-host bench install clean
