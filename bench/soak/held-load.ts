/** A soak under less load than planned says less than it seems to. Commands share the core of the load, and may cost it this much. */
export const MOST_SKIPPED_SHARE = 0.05;
/** Far below the share of the plan: not the server limited what was measured before the load, but the clients. */
export const LEAST_CPU_SHARE = 0.2;
/** Above it, a server has no room left for its load and for the changes: what is measured then is its queue. */
export const MOST_CPU_SHARE = 0.95;

export interface AppliedLoad {
  /** How many requests the rate asked for. */
  readonly due: number;
  readonly skipped: number;
  /** Of the server's core, during the load. */
  readonly cpuShare: number;
}

export interface LoadVerdict {
  readonly isMet: boolean;
  /** For people. */
  readonly lines: readonly string[];
}

/** Judges whether the server was under the load of the plan, and no more than it can take. */
export function judgeLoad({ due, skipped, cpuShare }: AppliedLoad): LoadVerdict {
  const skippedShare = due === 0 ? 1 : skipped / due;
  const isSent = skippedShare <= MOST_SKIPPED_SHARE;
  const isLoaded = cpuShare >= LEAST_CPU_SHARE;
  const hasRoom = cpuShare <= MOST_CPU_SHARE;
  const mistake = isLoaded ? (hasRoom ? '' : ': THE SERVER WAS OVERLOADED') : ': THE SERVER WAS NOT LOADED';
  return {
    isMet: isSent && isLoaded && hasRoom,
    lines: [
      `${due} requests were due, ${skipped} of them (${percent(skippedShare)}) could not be sent; limit ${percent(MOST_SKIPPED_SHARE)}${isSent ? '' : ': THE LOAD WAS NOT HELD'}`,
      `the server used ${percent(cpuShare)} of its core; limits ${percent(LEAST_CPU_SHARE)} and ${percent(MOST_CPU_SHARE)}${mistake}`,
    ],
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
