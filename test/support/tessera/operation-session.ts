import { codeBlocks, readPage, section } from '../fixtures/markdown.ts';

export interface OperationSession {
  /** Each without `tessera`. */
  readonly commands: readonly (readonly string[])[];
  /** As the page counts them. */
  readonly counted: number;
}

/** The commands of a section of docs/operation.md, with the number that its text gives. */
export function operationSession(heading: string): OperationSession {
  const text = section(readPage('docs/operation.md'), heading);
  const [block] = codeBlocks(text).filter(({ language }) => language === 'sh');
  const lines = (block?.code ?? '').trim().split('\n');
  return {
    commands: lines.map((line) => line.split(' ').slice(1)),
    counted: Number(/these (\d+) commands/.exec(text)?.[1]),
  };
}
