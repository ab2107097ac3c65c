// Without "@": ids appear in plans, audit records and logs, where e-mail addresses must not appear.
const SUBJECT_ID = /^[A-Za-z0-9][A-Za-z0-9._:|+=-]{0,127}$/;

/** Ids of other kinds are written with these words in front. Case makes no difference, because people read them. */
const OTHER_KINDS = /^client:/i;

/** Parses the id of a user or an administrator, which is the `sub` of their tokens; undefined for one that nobody may have. */
export function parseSubjectId(text: string): string | undefined {
  return SUBJECT_ID.test(text) && !OTHER_KINDS.test(text) ? text : undefined;
}
