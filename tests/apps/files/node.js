// Worker threads, shared memory, child processes, files, streams, timers, and an http server on a unix socket or a port.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const fs = require('fs'), os = require('os'), path = require('path'), http = require('http'), zlib = require('zlib'), crypto = require('crypto');
const { spawn, spawnSync, fork } = require('child_process');

if (!isMainThread) {
	const a = new Int32Array(workerData.shared);
	for (let i = 0; i < 1000; i++)
		Atomics.add(a, 0, 1);
	Atomics.wait(a, 1, 0, 10000);
	parentPort.postMessage(workerData.k * 2);
} else if (process.argv[2] === 'child') {
	process.on('message', (m) => { process.send(m.x + 1); process.disconnect(); });
} else {
	main().catch((e) => { console.log('failed', e); process.exit(1); });
}

async function main() {
	const shared = new SharedArrayBuffer(8), a = new Int32Array(shared);
	const ws = [1, 2, 3, 4].map((k) => new Promise((done) => new Worker(__filename, { workerData: { shared, k } }).on('message', done)));
	while (a[0] < 4000)
		await new Promise((r) => setTimeout(r, 5));
	Atomics.store(a, 1, 1);
	Atomics.notify(a, 1);
	console.log(await Promise.all(ws), a[0]);

	const d = fs.mkdtempSync(path.join(os.tmpdir(), 'n-'));
	fs.writeFileSync(d + '/f', 'x'.repeat(100000));
	await fs.promises.copyFile(d + '/f', d + '/g');
	console.log((await fs.promises.stat(d + '/g')).size, fs.readdirSync(d));
	const seen = new Promise((r) => { const w = fs.watch(d, (e, n) => { w.close(); r(n); }); });
	fs.writeFileSync(d + '/watched', '1');
	console.log('watched', await seen);
	await new Promise((done) => fs.createReadStream(d + '/f').pipe(zlib.createGzip()).pipe(fs.createWriteStream(d + '/f.gz')).on('finish', done));
	console.log(zlib.gunzipSync(fs.readFileSync(d + '/f.gz')).length);

	console.log(spawnSync('sh', ['-c', 'cat; exit 3'], { input: 'piped' }).stdout.toString());
	const c = spawn('sleep', ['100']);
	setTimeout(() => c.kill('SIGTERM'), 50);
	console.log(await new Promise((r) => c.on('exit', (code, sig) => r([code, sig]))));
	const f = fork(__filename, ['child']);
	f.send({ x: 41 });
	console.log(await new Promise((r) => f.on('message', r)));

	console.log(crypto.createHash('sha256').update(fs.readFileSync('/bin/ls')).digest('hex'));
	console.log((await new Promise((r) => crypto.pbkdf2('a', 'b', 1000, 32, 'sha512', (e, k) => r(k)))).toString('hex'));
	process.once('SIGUSR2', () => console.log('usr2'));
	process.kill(process.pid, 'SIGUSR2');
	await new Promise((r) => setTimeout(r, 50));

	for (const where of process.argv.slice(2)) {
		const server = http.createServer((q, s) => { let n = 0; q.on('data', (b) => { n += b.length; }).on('end', () => s.end('got ' + n + ' at ' + q.url)); });
		const at = where === 'unix' ? { path: d + '/sock' } : { port: 0, host: '127.0.0.1' };
		await new Promise((r) => server.listen(at, r));
		const to = where === 'unix' ? { socketPath: d + '/sock' } : { port: server.address().port, host: '127.0.0.1' };
		const get = (k) => new Promise((done, bad) => {
			const q = http.request({ ...to, path: '/' + k, method: 'POST' }, (s) => { let t = ''; s.on('data', (b) => { t += b; }).on('end', () => done(t)); });
			q.on('error', bad);
			q.end('y'.repeat(k * 1000));
		});
		console.log(where, (await Promise.all([...Array(50).keys()].map(get))).at(-1));
		server.close();
	}
	fs.rmSync(d, { recursive: true });
	console.log(fs.existsSync(d), process.memoryUsage().rss > 1e7, os.cpus().length > 0, process.hrtime.bigint() > 0n);
}
