/** Values of `sub` that some collation or encoding takes for one another. Each is somebody else's. */
export const SIMILAR_SUBS: readonly string[] = [
  'a',
  'A',
  'a ',
  ' a',
  'a  ',
  'a\u00a0',
  'e',
  '\u00e9',
  'e\u0301',
  '\u00c9',
  'ss',
  '\u00df',
  'organization:acme:project:Default Project:workspace:web:run_phase:plan',
  '\u{1f600}',
  '\u{1f601}',
  '1',
  '\uff11',
  ' ',
  // As long as may be, in one, two and four bytes for each character; each with a twin that differs in the last.
  ...['x', '\u00e9', '\u{1f600}'].flatMap((letter) => [letter.repeat(255), `${letter.repeat(254)}y`]),
];

/** Nobody is linked by them. */
export const UNLINKABLE_SUBS: readonly string[] = [
  '',
  'x'.repeat(256),
  '\u{1f600}'.repeat(256),
  'a\u0000',
  'a\n',
  '\ud83d',
];
