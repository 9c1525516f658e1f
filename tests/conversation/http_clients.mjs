// Real clients against our HTTP server (the program in argv[2]): Node's fetch,
// its bare http, its WebSocket, and curl.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';

const server = spawn(process.argv[2], { stdio: ['pipe', 'pipe', 'inherit'] });
const port = Number((await once(server.stdout, 'data'))[0].toString());
const site = `http://127.0.0.1:${port}`;
const large = Buffer.from(Array.from({ length: 2 * 1024 * 1024 }, (_, i) => i % 251));

function bare(path, headers) {
	return new Promise((resolve, reject) => {
		http.get({ port, host: '127.0.0.1', path, headers }, (response) => {
			response.resume();
			response.on('end', () => resolve(response));
		}).on('upgrade', (response, socket) => {
			socket.destroy();
			resolve(response);
		}).on('error', reject);
	});
}

async function echo(protocols) {
	const ws = new WebSocket(`ws://127.0.0.1:${port}/websockify`, protocols);
	ws.binaryType = 'arraybuffer';
	await once(ws, 'open');
	const got = [];
	let size = 0;
	const all = new Promise((resolve) => ws.addEventListener('message', (event) => {
		got.push(Buffer.from(event.data));
		size += event.data.byteLength;
		if (size === 300001)
			resolve();
	}));
	const sent = large.subarray(0, 300000);
	ws.send(sent.subarray(0, 1));
	ws.send(sent);
	await all;
	assert.deepEqual(Buffer.concat(got).subarray(1), sent);
	const closed = once(ws, 'close');
	ws.close(1000);
	assert.equal((await closed)[0].code, 1000);
	return ws.protocol;
}

// A POST whose body is written in pieces: Node sends it chunked.
function post(headers, pieces) {
	return new Promise((resolve, reject) => {
		const request = http.request(
			{ port, host: '127.0.0.1', path: '/echo', method: 'POST', headers });
		request.on('response', async (response) => {
			const got = [];
			for await (const piece of response)
				got.push(piece);
			resolve({ status: response.statusCode, body: Buffer.concat(got) });
		});
		request.on('error', reject);
		request.on('continue', () => pieces.forEach((piece) => request.write(piece)) || request.end());
		if (headers.Expect)
			return request.flushHeaders();
		pieces.forEach((piece) => request.write(piece));
		request.end();
	});
}

const upgrade = {
	Upgrade: 'websocket', Connection: 'Upgrade',
	'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13',
};

const tests = {
	'fetch reads the page, compressed': async () => {
		const response = await fetch(`${site}/`);
		assert.equal(response.headers.get('content-encoding'), 'gzip');
		assert.equal(await response.text(), '<html>hello</html>');
	},
	'fetch reads a large file as it is': async () => {
		const response = await fetch(`${site}/assets/large.bin`,
			{ headers: { 'Accept-Encoding': 'identity' } });
		assert.ok(Buffer.from(await response.arrayBuffer()).equals(large));
	},
	'fetch asks again with what it has': async () => {
		const first = await fetch(`${site}/`);
		await first.text();
		const again = await fetch(`${site}/`, { headers: { 'If-None-Match': first.headers.get('etag') } });
		assert.equal(again.status, 304);
	},
	'curl reads the page in both forms': () => {
		const curl = (...more) => execFileSync('curl', ['-sS', '--noproxy', '*', ...more]).toString();
		assert.equal(curl(`${site}/`), '<html>hello</html>');
		assert.equal(curl('--compressed', `${site}/`), '<html>hello</html>');
		assert.match(curl('-I', `${site}/`), /^HTTP\/1\.1 200 OK\r\n/);
		assert.equal(curl('-0', `${site}/`, `${site}/`), '<html>hello</html>'.repeat(2));
		assert.match(curl('-d', 'x', `${site}/`), /only GET and HEAD/);
	},
	'fetch posts and gets it back': async () => {
		for (const body of ['', 'hello', large.subarray(0, 1024 * 1024)]) {
			const response = await fetch(`${site}/echo`, { method: 'POST', body });
			assert.equal(response.status, 200);
			assert.ok(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(body)));
		}
	},
	'a body over the ceiling is refused': async () => {
		const response = await fetch(`${site}/echo`,
			{ method: 'POST', body: large.subarray(0, 1024 * 1024 + 1) });
		assert.equal(response.status, 413);
	},
	'Node posts in chunks': async () => {
		const pieces = [large.subarray(0, 1), large.subarray(1, 70000), large.subarray(70000, 300000)];
		const { status, body } = await post({}, pieces);
		assert.equal(status, 200);
		assert.ok(body.equals(large.subarray(0, 300000)));
	},
	'Node posts when it is told to go on': async () => {
		const { status, body } = await post({ Expect: '100-continue', 'Content-Length': '10' },
			[Buffer.from('hello'), Buffer.from('again')]);
		assert.equal(status, 200);
		assert.equal(body.toString(), 'helloagain');
	},
	'curl posts sized, chunked and when told to go on': () => {
		const curl = (...more) => execFileSync('curl',
			['-sS', '--noproxy', '*', '--data-binary', '@-', ...more, `${site}/echo`],
			{ input: large.subarray(0, 500000), maxBuffer: 1 << 24 });
		for (const more of [[], ['-H', 'Transfer-Encoding: chunked'], ['-H', 'Expect: 100-continue']])
			assert.ok(curl(...more).equals(large.subarray(0, 500000)));
	},
	'curl with path tricks gets nothing': () => {
		for (const path of ['/../index.html', '/%2e%2e/index.html', '//index.html', '/.git/config']) {
			const code = execFileSync('curl', ['-sS', '--noproxy', '*', '--path-as-is', '-o', '/dev/null',
				'-w', '%{http_code}', `${site}${path}`]).toString();
			assert.equal(code, '404', path);
		}
	},
	'a foreign Host is misdirected': async () => {
		assert.equal((await bare('/', { Host: `evil.example:${port}` })).statusCode, 421);
	},
	'a WebSocket with a subprotocol': async () => {
		assert.equal(await echo(['binary', 'porthole.secret.00']), 'binary');
	},
	'a WebSocket without one': async () => assert.equal(await echo([]), ''),
	'a WebSocket of this origin': async () => {
		const response = await bare('/websockify', { ...upgrade, Origin: site });
		assert.equal(response.statusCode, 101);
		assert.equal(response.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
	},
	'a WebSocket of a foreign origin is refused before 101': async () => {
		const response = await bare('/websockify', { ...upgrade, Origin: 'http://evil.example' });
		assert.equal(response.statusCode, 403);
	},
	'a WebSocket elsewhere is not found': async () => {
		assert.equal((await bare('/', upgrade)).statusCode, 404);
	},
};

const names = Object.keys(tests);
console.log(`1..${names.length}`);
for (const [i, name] of names.entries()) {
	try {
		await tests[name]();
		console.log(`ok ${i + 1} - ${name}`);
	} catch (error) {
		console.log(`not ok ${i + 1} - ${name}`);
		console.log(String(error).replace(/^/gm, '# '));
	}
}
server.stdin.end();
const [code] = await once(server, 'exit');
process.exit(code === 0 ? 0 : 1);
