import tseslint from 'typescript-eslint';

const ENVIRONMENT = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'src/config is the only place that reads process.env.',
};

const REVEALED_SECRET = {
  selector: "MemberExpression[object.name='Secret'][property.name='reveal']",
  message:
    'A secret is revealed only where it leaves for the store, the key or the person that it is for: see SECRETS_LEAVE_HERE.',
};

const UNREWRITTEN_IMPORT = {
  selector: 'ClassDeclaration:has(> Decorator) ImportExpression[source.value=/\\.ts$/]',
  message:
    'TypeScript does not rewrite `.ts` here, and the built program would not find the file: move the import() to a function outside the decorated class.',
};

/** Where a `Secret` gives up its text; every other file can only hand it on. */
const SECRETS_LEAVE_HERE = [
  // To Vault, the databases and Redis, as credentials or as content.
  'src/clients/client-secret-entry.ts',
  'src/vault/kv/kv-vault.ts',
  'src/vault/kv/token-renewal.ts',
  'src/vault/kv/vault-session.ts',
  'src/database/mysql/mysql-connection.ts',
  'src/database/mysql/mysql-data-source.ts',
  'src/rate-limit/redis-limit-exchange.ts',
  // To the forward proxy, as its user and password.
  'src/identity-providers/egress/proxy-tunnel.ts',
  // Private keys: into Vault, and into key objects.
  'src/keys/key-ring.codec.ts',
  'src/keys/loaded-key-ring.ts',
  // Shown once, to whoever ran the command.
  'src/cli/apply/print-report.ts',
  'src/cli/commands/quickstart.command.ts',
  'src/cli/commands/secrets.command.ts',
];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'data/**', 'coverage/**', 'test-results/**', '.cache/**'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'no-restricted-syntax': ['error', ENVIRONMENT, REVEALED_SECRET, UNREWRITTEN_IMPORT],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  { files: SECRETS_LEAVE_HERE, rules: { 'no-restricted-syntax': ['error', ENVIRONMENT, UNREWRITTEN_IMPORT] } },
  {
    files: [
      'src/config/**/*.ts',
      'src/testing/**/*.ts',
      'test/**/*.ts',
      'bench/**/*.ts',
      '**/*.spec.ts',
      'examples/**/*.ts',
    ],
    rules: { 'no-restricted-syntax': 'off', 'no-console': 'off' },
  },
  {
    // Tests build broken values on purpose and hand callbacks to Jest.
    files: ['src/testing/**/*.ts', 'test/**/*.ts', '**/*.spec.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
    },
  },
);
