import type { Row } from './database.ts';

/**
 * Collations of MySQL and MariaDB that compare UTF-8 byte by byte, trailing spaces too. Every server has `utf8mb4_bin`, which pads the shorter text
 * with spaces, so that "a" and "a " are one key. MariaDB has the first of these, MySQL since 8.0.17 the second.
 */
export const UNPADDED_COLLATIONS = ['utf8mb4_nopad_bin', 'utf8mb4_0900_bin'] as const;

const PRESENT = `
SELECT SUBSTR(c.collation_name, 1, 64) AS name FROM information_schema.collations c
 WHERE c.collation_name IN (${UNPADDED_COLLATIONS.map((name) => `'${name}'`).join(', ')})`;

/** The one of this server. Without one, `utf8mb4_bin`: two keys that differ in trailing spaces are then an error, and never one person. */
export async function unpaddedCollation(ask: (sql: string) => Promise<readonly Row[]>): Promise<string> {
  const present = new Set((await ask(PRESENT)).map((row) => row['name']));
  return UNPADDED_COLLATIONS.find((name) => present.has(name)) ?? 'utf8mb4_bin';
}
