/** Folders from the ground up: each may import itself and what stands before it, nothing else. */
const LAYERS = [
  'errors',
  'vocabulary',
  'config',
  'log',
  'metrics',
  'audit',
  'http',
  'vault',
  'tenancy',
  'directory',
  'issuing',
  'revocation',
  'admission',
  'federation',
  'verification',
];
/** They stand side by side on top of the layers and never see each other. */
const DOORS = ['admin-auth', 'user-auth', 'provisioning'];
/** What audit and http may see: the edge knows nothing of tokens and tenants. */
const GROUND = ['errors', 'vocabulary', 'config', 'log', 'metrics'];

const folder = (names) => `^src/(${names.join('|')})/`;

const upward = LAYERS.slice(0, -1).map((name, index) => ({
  name: `${name}-looks-up`,
  comment: 'Imports point one way; a lower folder must not know a higher one.',
  severity: 'error',
  from: { path: folder([name]) },
  to: { path: folder([...LAYERS.slice(index + 1), ...DOORS, 'cli']) },
}));

module.exports = {
  forbidden: [
    ...upward,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'edge-sees-the-ground-only',
      severity: 'error',
      from: { path: folder(['audit', 'http']) },
      to: { path: '^src/', pathNot: [folder(GROUND), folder(['audit', 'http'])] },
    },
    ...DOORS.map((door) => ({
      name: `${door}-stands-alone`,
      severity: 'error',
      from: { path: folder([door]) },
      to: { path: folder([...DOORS.filter((other) => other !== door), 'cli']) },
    })),
    {
      name: 'admissions-are-made-by-admit-alone',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/admission/', '^src/issuing/'] },
      to: { path: '^src/issuing/admission\\.ts$' },
    },
    {
      name: 'foreign-things-have-one-door',
      comment: 'hashi-vault-js behind src/vault, HTTP to foreign hosts behind src/federation.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/vault/' },
      to: { path: 'node_modules/hashi-vault-js' },
    },
    {
      name: 'undici-in-federation-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/federation/' },
      to: { path: 'node_modules/undici' },
    },
    {
      name: 'token-library-needs-node-crypto-only',
      severity: 'error',
      from: { path: '^libs/token/src/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: ['^libs/token/src/', '^(node:)?crypto$'] },
    },
    {
      name: 'libraries-do-not-see-the-service',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(src|test)/' },
    },
    {
      name: 'not-to-test',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^test/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['tessera-source', 'import', 'node', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
};
