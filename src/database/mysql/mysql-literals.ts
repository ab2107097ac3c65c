/**
 * Puts values into the text of a statement, for what TypeORM writes: it sends text, and never prepares. A string becomes hexadecimal digits,
 * which mean the same in every `sql_mode` and character set; escaping by backslashes depends on both.
 *
 * @throws Error for a value that is no string, number, boolean or null, and when values and placeholders differ in number
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
