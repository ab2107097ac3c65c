/**
 * `node scripts/follow-readme.mjs [--reuse]` follows the README word by word in a fresh copy of the repository, from "A token" to "A protected Nest
 * service": runs each shell block as a person would, in two terminals, and compares what is printed with the text block that follows it. There, `…`
 * stands for any text, and alone on a line for any lines. Prints how long it took to the end of each section. Ends with 1 at the first difference.
 *
 * Replaced are only the ports, by free ones, and `tsk_…`, by the secret that was printed for the client which the comment behind it names.
 * With `--reuse`, the packages and the build of this repository stand in for those that the quickstart would install and build.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env, exit } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FIRST = '## A token';
const LAST = '## A protected Nest service';
const READY = 'Ctrl-C stops the server.';
/** A step that takes longer hangs: an installation on a slow machine and a slow network takes some minutes. */
const STEP_WITHIN_MS = 900_000;
const PORTS = [3000, 3001, 3002];

const reuse = argv.includes('--reuse');
const folder = mkdtempSync(join(tmpdir(), 'tessera-readme-'));
const started = performance.now();
const secrets = new Map();
const children = new Set();
let step = 'the copy of the repository';

process.on('exit', () => {
  for (const child of children) stop(child);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => exit(1));

const ports = await freePorts();

async function follow() {
  const shell = new Shell();
  for (const { heading, blocks } of sections()) {
    for (const [index, { language, code }] of blocks.entries()) {
      if (language !== 'sh') continue;
      step = code.split('\n', 1)[0];
      const next = blocks[index + 1];
      const expected = next?.language === 'text' ? withPorts(next.code) : undefined;
      // The first terminal keeps running; it is the only block that does not end.
      const isServer = code.trim() === 'npm run quickstart';
      const printed = isServer ? await startServer() : await shell.run(withSecrets(withPorts(code)));
      remember(printed);
      if (expected !== undefined) compare(printed, expected, isServer);
    }
    console.log(`${heading.replace(/^#+ /, '')}: after ${Math.round((performance.now() - started) / 1000)} s`);
  }
}

/** The sections of the way, with their code blocks. */
function sections() {
  const page = readFileSync(join(folder, 'README.md'), 'utf8');
  const all = page.split(/^(?=## )/m).map((text) => ({ heading: text.split('\n', 1)[0], blocks: codeBlocks(text) }));
  const [first, last] = [FIRST, LAST].map((heading) => all.findIndex((section) => section.heading === heading));
  if (first === -1 || last < first) throw new Error(`README.md has no "${FIRST}" before "${LAST}"`);
  return all.slice(first, last + 1);
}

function codeBlocks(text) {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language, code }));
}

/** What a clone contains, as it is now: also changes that are not committed yet, so that a changed README can be tried. */
function makeCopy() {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const files = execFileSync('git', list, { cwd: ROOT, encoding: 'utf8' }).split('\0');
  for (const file of files.filter((name) => name !== '' && existsSync(join(ROOT, name))))
    cpSync(join(ROOT, file), join(folder, file), { preserveTimestamps: true });
  // The ports of the example services are in their files.
  for (const name of ['orders.env', 'stock.env']) {
    const file = join(folder, 'examples/orders-service', name);
    writeFileSync(file, withPorts(readFileSync(file, 'utf8')));
  }
  if (!reuse) return;
  for (const path of ['dist', 'libs/token/dist', 'libs/client/dist'].filter((name) => existsSync(join(ROOT, name))))
    cpSync(join(ROOT, path), join(folder, path), { recursive: true, preserveTimestamps: true });
  // One link for each package: those of this repository must lead into the copy.
  mkdirSync(join(folder, 'node_modules/@tessera'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules')))
    if (name !== '@tessera') symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  for (const name of ['token', 'client'])
    symlinkSync(`../../libs/${name}`, join(folder, 'node_modules/@tessera', name));
}

function start(command, args) {
  const child = spawn(command, args, {
    cwd: folder,
    // A group of its own, so that everything that a block started can be stopped. Without this process's settings.
    detached: true,
    env: { PATH: env.PATH, HOME: env.HOME, PORT: String(ports.get(3000)) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.add(child);
  child.printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (child.printed += text));
  return child;
}

function stop(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

async function startServer() {
  const child = start('npm', ['run', 'quickstart']);
  child.stdin.end();
  await until(child, () => child.printed.includes(READY));
  return child.printed;
}

/** The second terminal. */
class Shell {
  #bash = start('bash', ['--norc', '-o', 'pipefail']);

  async run(code) {
    const bash = this.#bash;
    // The settings of the server are its own.
    const begin = bash.printed.length;
    const marker = `followed-${Math.random().toString(36).slice(2)}`;
    bash.stdin.write(`unset PORT\n${code}\nprintf "\\n%s %s\\n" ${marker} $?\n`);
    const ended = new RegExp(`^${marker} (\\d+)\\n`, 'm');
    await until(bash, () => ended.test(bash.printed));
    const printed = bash.printed.slice(begin);
    const [line, status] = ended.exec(printed);
    const text = printed.replace(line, '');
    if (status !== '0') throw new Error(`ended with ${status}:\n${text}`);
    return text;
  }
}

async function until(child, condition) {
  const deadline = performance.now() + STEP_WITHIN_MS;
  while (!condition()) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${child.printed}`);
    if (performance.now() > deadline) throw new Error(`did not end in time:\n${child.printed}`);
    await delay(50);
  }
}

/** @param isServer log lines of the server may stand before, between and after what is expected */
function compare(printed, expected, isServer) {
  const lines = expected
    .trim()
    .split('\n')
    .map((line) => (line === '…' ? '[^]*?' : line.split('…').map(escape).join('.*')));
  const pattern = isServer ? new RegExp(lines.join('\\n(?:\\{.*\\n)*'), 'm') : new RegExp(`^${lines.join('\\n')}$`);
  if (!pattern.test(printed.trim())) throw new Error(`printed\n${printed}\nThe README says\n${expected}`);
}

function escape(text) {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function remember(printed) {
  for (const [, client, secret] of printed.matchAll(/([\w-]+\/[\w-]+\/[\w-]+):? +(tsk_[\w-]+)/g))
    secrets.set(client, secret);
}

function withSecrets(code) {
  return code.replaceAll(/tsk_…(.*?# .*?([\w-]+\/[\w-]+\/[\w-]+))/g, (_text, rest, client) => {
    if (!secrets.has(client)) throw new Error(`no secret of ${client} was printed`);
    return secrets.get(client) + rest;
  });
}

function withPorts(text) {
  return text.replaceAll(/(localhost:|127\.0\.0\.1:|PORT=)(\d+)/g, (whole, before, port) =>
    ports.has(Number(port)) ? `${before}${ports.get(Number(port))}` : whole,
  );
}

async function freePorts() {
  const servers = PORTS.map(() => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const free = new Map(PORTS.map((port, index) => [port, servers[index].address().port]));
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return free;
}

try {
  makeCopy();
  await follow();
} catch (error) {
  console.error(`${step}: ${error.message}`);
  process.exitCode = 1;
} finally {
  exit();
}
