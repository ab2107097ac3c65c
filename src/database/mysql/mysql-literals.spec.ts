import { withLiterals } from './mysql-literals.ts';

describe('withLiterals', () => {
  it.each([
    [`it's \\ "quoted" \`x\``, "_utf8mb4 X'69742773205c202271756f7465642220607860'"],
    ['é', "_utf8mb4 X'c3a9'"],
    ['', "''"],
    [12.5, '12.5'],
    [true, '1'],
    [false, '0'],
    [null, 'NULL'],
  ])('writes %p without a character whose meaning depends on sql_mode', (value, literal) => {
    expect(withLiterals('SELECT ?', [value])).toBe(`SELECT ${literal}`);
  });

  it('does not treat a question mark in a value as a placeholder', () => {
    expect(withLiterals('VALUES (?, ?)', ['?', 2])).toBe("VALUES (_utf8mb4 X'3f', 2)");
  });

  it.each([[undefined], [new Date(0)], [{ a: 1 }], [Number.NaN], [[1]]])('refuses %p', (value) => {
    expect(() => withLiterals('SELECT ?', [value])).toThrow(/no literal/);
  });

  it.each([
    ['SELECT ?', [1, 2]],
    ['SELECT ?, ?', [1]],
  ])('refuses %p with %p', (sql, values) => {
    expect(() => withLiterals(sql, values)).toThrow();
  });

  it('leaves a statement without values unchanged', () => {
    expect(withLiterals("SELECT '?'", undefined)).toBe("SELECT '?'");
    expect(withLiterals("SELECT '?'", [])).toBe("SELECT '?'");
  });
});
