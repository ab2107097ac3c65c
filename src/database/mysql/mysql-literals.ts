/**
 * Inserts values into the text of a statement, for TypeORM's own statements, which it sends as text and never prepares. A string becomes a
 * hexadecimal literal, which means the same in every `sql_mode` and character set. Backslash escapes depend on both.
 *
 * @throws Error for a value that is not a string, number, boolean or null, and if the numbers of values and placeholders differ
 */
export function withLiterals(sql: string, values: unknown): string {
  const list = Array.isArray(values) ? (values as readonly unknown[]) : [];
  if (list.length === 0) return sql;
  let used = 0;
  const text = sql.replace(/\?/g, () => literal(list[used++]));
  if (used !== list.length) throw new Error('as many values as placeholders');
  return text;
}

function literal(value: unknown): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string')
    return value === '' ? "''" : `_utf8mb4 X'${Buffer.from(value, 'utf8').toString('hex')}'`;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  throw new Error(`no literal for a value of type ${typeof value}`);
}
