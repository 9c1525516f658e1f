// Bundles the viewer and the gateway's console and writes them as C source: node build.mjs OUT.c OUT.d
// The result depends on the sources alone, so that builds can be reproduced.

import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync } from 'node:zlib';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('.', import.meta.url));

const TYPES = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

async function bundle() {
  const { output } = await build({ root: ROOT, logLevel: 'warn', build: { write: false } });
  return output.map((file) => ({
    path: `/${file.fileName}`,
    plain: Buffer.from(file.type === 'chunk' ? file.code : file.source),
  }));
}

function typeOf(path) {
  const type = TYPES[path.slice(path.lastIndexOf('.') + 1)];
  if (type === undefined) throw new Error(`no content type for ${path}`);
  return type;
}

function bytes(name, data) {
  const lines = [];
  for (let i = 0; i < data.length; i += 24) {
    lines.push(`\t${[...data.subarray(i, i + 24)].join(',')},`);
  }
  return `static const uint8_t ${name}[] = {\n${lines.join('\n')}\n};\n`;
}

function assetSource(asset, i) {
  const gzip = gzipSync(asset.plain, { level: constants.Z_BEST_COMPRESSION, memLevel: 9 });
  const etag = createHash('sha256').update(asset.plain).digest('hex').slice(0, 32);
  return {
    arrays: bytes(`plain_${i}`, asset.plain) + bytes(`gzip_${i}`, gzip),
    row: `\t{
\t\t.path = "${asset.path}",
\t\t.type = "${typeOf(asset.path)}",
\t\t.etag = "\\"${etag}\\"",
\t\t.gzip = gzip_${i},
\t\t.gzip_len = sizeof(gzip_${i}),
\t\t.plain = plain_${i},
\t\t.plain_len = sizeof(plain_${i}),
\t},`,
  };
}

function cSource(assets) {
  const parts = assets.map(assetSource);
  return `#include "http/asset.h"

${parts.map((p) => p.arrays).join('\n')}
static const struct asset assets[] = {
${parts.map((p) => p.row).join('\n')}
};

const struct asset_table asset_viewer = { assets, sizeof(assets) / sizeof(assets[0]) };
`;
}

// The files that a new build depends on, for ninja.
function depFile(out) {
  const listed = ['build.mjs', 'console.html', 'index.html', 'package-lock.json', 'vite.config.mjs'];
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true }).map((name) => join('src', name));
  const paths = [...listed, ...sources].map((p) => relative(process.cwd(), join(ROOT, p)));
  return `${out}: ${paths.map((p) => p.replaceAll(' ', '\\ ')).join(' ')}\n`;
}

const [out, dep] = process.argv.slice(2);
const assets = await bundle();
// Byte order, as the server's binary search compares.
assets.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
writeFileSync(out, cSource(assets));
writeFileSync(dep, depFile(out));
