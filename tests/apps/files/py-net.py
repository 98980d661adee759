# SPDX-License-Identifier: Apache-2.0
"""Networking of Python's library over the loopback; prints the same everywhere."""
import array
import asyncio
import os
import selectors
import socket
import socketserver
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


async def echo(reader, writer):
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()
    writer.close()


async def client(port, i):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"%03d" % i * 1000)
    writer.write_eof()
    data = await reader.read()
    writer.close()
    return len(data)


async def many():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print("asyncio", sum(await asyncio.gather(*[client(port, i) for i in range(100)])))
    server.close()


class Upper(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


def threads():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Upper) as server:
        threading.Thread(target=server.serve_forever).start()
        total = 0
        for i in range(20):
            with socket.create_connection(server.server_address) as s:
                s.sendall(b"line %d\n" % i * 50)
                s.shutdown(socket.SHUT_WR)
                total += s.makefile("rb").read().count(b"LINE %d\n" % i)
        server.shutdown()
        print("socketserver", total)


def select_all():
    with selectors.DefaultSelector() as sel:
        pairs = [socket.socketpair() for _ in range(10)]
        udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        udp.bind(("::1", 0))
        for a, _ in pairs:
            sel.register(a, selectors.EVENT_READ)
        sel.register(udp, selectors.EVENT_READ)
        for _, b in pairs[::2]:
            b.send(b"x")
        udp.sendto(b"y", udp.getsockname())
        seen = set()
        while len(seen) < 6:
            for key, _ in sel.select(2):
                seen.add(key.fileobj.recv(10) + bytes(str(key.fileobj.family.name), "ascii") + b"%d" % len(seen))
        print("selectors", type(sel).__name__, len(seen))


def descriptors():
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    r, w = os.pipe()
    socket.send_fds(a, [b"two"], [r, w])
    data, fds, _, _ = socket.recv_fds(b, 10, 5)
    os.write(fds[1], b"passed")
    print("descriptors", data, os.read(r, 10))
    a.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    b.sendmsg([b"who"])
    _, anc, _, _ = a.recvmsg(10, 100)
    pid, uid, gid = array.array("i", anc[0][2])
    print("credentials", pid == os.getpid(), uid, gid)


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.path.encode() * 10000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def http():
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever).start()
        url = "http://127.0.0.1:%d/" % server.server_address[1]
        print("http", sum(len(urllib.request.urlopen(url + str(i)).read()) for i in range(30)))
        server.shutdown()


asyncio.run(many())
threads()
select_all()
descriptors()
http()
print(sorted(i[1] for i in socket.if_nameindex()), socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4])
