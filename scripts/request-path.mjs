/**
 * Counts the files of `src` that one warm `generateToken` passes, from its controller to the signature: `npm run request-path`.
 * Fails if more of them hand the request on than a reader should have to open.
 *
 * Nothing here is a list written by hand. V8 counts the calls of every function; the counts are read when the controller is called and again
 * when the key signs. Whatever ran between the two is on the way to the token.
 */
import crypto from 'node:crypto';
import { Session } from 'node:inspector';
import { syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';
import './typescript.mjs';

/** The most files that hand the request on, from the controller to the signature. */
const MOST = 12;
const WARM_UP = 20;
/** A file counts when every one of these requests passes it: pollers that run in the background meet only some. */
const MEASURED = 5;
const SOURCES = new URL('../src/', import.meta.url).href;
/** The clock of the server under test, in place of the system's. */
const FIXTURES = new URL('../src/testing/', import.meta.url).href;
/** The parts of the output by room, the first that fits. What is in no other part is the path. */
const PARTS = [
  { title: 'HTTP edge', rooms: /^(http|health)\// },
  { title: 'Foundation: values, settings, counters', rooms: /^(domain|config|errors|logging|metrics|runtime)\// },
  // Each answers one question of the path from memory. None of them hands the request on.
  {
    title: 'Asked on the way, answered from memory',
    rooms: /^(tenancy|directory|keys|revocation|rate-limit|issuing\/payloads)\//,
  },
  { title: 'Path', rooms: /^/ },
];

const session = new Session();
session.connect();
await post('Profiler.enable');
await post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });

const marks = { isMeasuring: false, atController: undefined, atSignature: undefined };
const { UserTokenController } = await import('../src/user-auth/user-token.controller.ts');
const { startTessera } = await import('../test/support/tessera/tessera.ts');
before(UserTokenController.prototype, 'generateToken', () => {
  marks.atController = common(marks.atController, filesThatRan());
});
before(crypto, 'sign', () => {
  marks.atSignature = common(marks.atSignature, filesThatRan());
});
syncBuiltinESMExports();

const tessera = await startTessera();
try {
  for (let request = 0; request < WARM_UP; request += 1) await generateToken();
  marks.isMeasuring = true;
  for (let request = 0; request < MEASURED; request += 1) {
    filesThatRan();
    await generateToken();
  }
  marks.isMeasuring = false;
} finally {
  await tessera.close();
  session.disconnect();
}

print('HTTP edge, before the controller', marks.atController);
const passed = [...marks.atSignature];
process.stdout.write(`\nFrom the controller to the signature: ${passed.length}\n`);
const parts = grouped(passed);
for (const [title, files] of parts) print(`  ${title}`, files);
const path = parts.get('Path') ?? [];
process.stdout.write(`\n${path.length} files hand the request on; at most ${MOST} are allowed.\n`);
process.exitCode = path.length > 0 && path.length <= MOST ? 0 : 1;

function common(before, now) {
  return before === undefined ? now : new Set([...now].filter((file) => before.has(file)));
}

function grouped(files) {
  const groups = new Map(PARTS.map(({ title }) => [title, []]));
  for (const file of files) groups.get(PARTS.find(({ rooms }) => rooms.test(file)).title).push(file);
  return groups;
}

async function generateToken() {
  const answer = await tessera.post('/auth/user/generateToken', {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: 'web',
    email_id: 'ada@acme.example',
    secret_id: tessera.secret('acme/shop/web'),
  });
  if (answer.status !== 200) throw new Error(`no token, but ${answer.text}`);
}

/** Calls `hook` before a method while a request is being measured. */
function before(holder, name, hook) {
  const method = holder[name];
  holder[name] = function (...args) {
    if (marks.isMeasuring) hook();
    return method.apply(this, args);
  };
  // What Nest's decorators wrote down about it.
  for (const key of Reflect.getMetadataKeys(method))
    Reflect.defineMetadata(key, Reflect.getMetadata(key, method), holder[name]);
}

/** The files of `src` of which a function was called since the last time. */
function filesThatRan() {
  let files;
  session.post('Profiler.takePreciseCoverage', (error, { result } = {}) => {
    if (error !== null) throw error;
    files = new Set(
      result
        .filter(({ url, functions }) => url.startsWith(SOURCES) && !url.startsWith(FIXTURES) && functions.some(ran))
        .map(({ url }) => fileURLToPath(url).slice(fileURLToPath(SOURCES).length)),
    );
  });
  if (files === undefined) throw new Error('V8 did not answer at once');
  return files;
}

function ran({ ranges: [{ count }] }) {
  return count > 0;
}

function post(method, parameters) {
  return new Promise((resolve, reject) => {
    session.post(method, parameters, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

function print(title, files) {
  const lines = [...files].sort().map((file) => `    src/${file}\n`);
  process.stdout.write(`\n${title}: ${lines.length}\n${lines.join('')}`);
}
