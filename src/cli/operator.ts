import { hostname, userInfo } from 'node:os';
import type { Operator } from '../audit/changes/change-trail.ts';

/** Whoever runs this process, as the operating system knows them. */
export function operatorOf(command: string): Operator {
  return { user: userName(), host: hostname(), command };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
