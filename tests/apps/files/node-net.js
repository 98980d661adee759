// SPDX-License-Identifier: Apache-2.0
// Networking of Node over the loopback; prints the same everywhere.
const http = require('http'), net = require('net'), dgram = require('dgram'), os = require('os');

function web(next) {
	const s = http.createServer((q, r) => r.end(q.url.repeat(5000)));
	s.listen(0, '127.0.0.1', () => {
		let left = 50, bytes = 0;
		const agent = new http.Agent({keepAlive: true, maxSockets: 8});
		for (let i = 0; i < 50; i++)
			http.get({port: s.address().port, host: '127.0.0.1', path: '/' + i, agent}, r => {
				r.on('data', d => bytes += d.length);
				r.on('end', () => {
					if (--left)
						return;
					console.log('http', bytes);
					agent.destroy();
					s.close(next);
				});
			});
	});
}

function stream(next) {
	const s = net.createServer(c => c.pipe(c));
	s.listen(0, '::1', () => {
		const c = net.connect(s.address().port, '::1');
		let n = 0;
		c.on('data', d => n += d.length);
		c.on('end', () => {
			console.log('net', n);
			s.close(next);
		});
		c.end(Buffer.alloc(3000000, 'x'));
	});
}

function datagrams(next) {
	const s = dgram.createSocket('udp4');
	let n = 0;
	s.on('message', m => {
		n += m.length;
		if (m.toString() !== 'end')
			return;
		console.log('dgram', n);
		s.close(next);
	});
	s.bind(0, '127.0.0.1', () => {
		for (let i = 0; i < 20; i++)
			s.send('message ' + i, s.address().port, '127.0.0.1');
		setTimeout(() => s.send('end', s.address().port, '127.0.0.1'), 200);
	});
}

web(() => stream(() => datagrams(() => {
	const lo = os.networkInterfaces().lo;
	console.log(lo.map(a => a.address + ' ' + a.family + ' ' + a.mac).join(', '));
})));
