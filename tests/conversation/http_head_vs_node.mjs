// Gives every head of http_heads.json to our parser (the program named in
// argv[2]) and to Node's HTTP server. Ours must answer the status of the table;
// Node may only judge otherwise (take or refuse) where the table says why: its
// versions differ.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';

const cases = JSON.parse(readFileSync(new URL('./http_heads.json', import.meta.url)));

// A head is a text or a list of texts and [text, times] pairs, in Latin-1.
function bytesOf(head) {
	const parts = Array.isArray(head) ? head : [head];
	return Buffer.from(
		parts.map((p) => (Array.isArray(p) ? p[0].repeat(p[1]) : p)).join(''), 'latin1');
}

function askOurs(heads) {
	const input = Buffer.concat(heads.flatMap((head) => {
		const size = Buffer.alloc(4);
		size.writeUInt32BE(head.length);
		return [size, head];
	}));
	const run = spawnSync(process.argv[2], { input });
	if (run.status !== 0)
		throw new Error(`the parser's program failed: ${run.stderr}`);
	return run.stdout.toString().trim().split('\n');
}

// 'more' when Node still waits after everything that can be answered was.
function askNode(port, head) {
	return new Promise((resolve) => {
		let answer = '';
		const socket = net.connect(port, '127.0.0.1');
		const done = (otherwise) => {
			socket.destroy();
			resolve(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? otherwise);
		};
		socket.setTimeout(5000, () => done('more'));
		socket.on('data', (data) => (answer += data));
		socket.on('error', () => done('closed'));
		socket.on('close', () => done('closed'));
		socket.write(head);
	});
}

const server = http.createServer({ insecureHTTPParser: false }, (request, response) => {
	response.writeHead(200, { Connection: 'close' });
	response.end();
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const heads = cases.map((c) => bytesOf(c.head));
const ours = askOurs(heads);
const node = await Promise.all(heads.map((head) => askNode(server.address().port, head)));
server.close();

const verdict = (status) => (status === 'more' ? 'more' : status === '200' ? 'take' : 'refuse');
console.log(`1..${cases.length}`);
cases.forEach((c, i) => {
	const agreed = verdict(node[i]) === verdict(ours[i]);
	const ok = ours[i] === String(c.status) && (agreed || Boolean(c.why));
	console.log(`${ok ? 'ok' : 'not ok'} ${i + 1} - ${c.name}`);
	if (!ok)
		console.log(`# ours ${ours[i]}, table ${c.status}, node ${node[i]}, why: ${c.why ?? 'none'}`);
});
