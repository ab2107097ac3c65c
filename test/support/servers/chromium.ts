import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Page, chromium } from 'playwright-core';
import { findServer, requireServer } from './required-servers.ts';

// The browser's own background traffic goes to hosts that a closed network refuses, many at a time. The sandbox does not start for root.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface RunningBrowser {
  /** A page in the browser's new profile. */
  readonly page: Page;
  /** Stops the browser and removes its profile. */
  close(): Promise<void>;
}

export function findChromium(): string | undefined {
  return findServer('chromium');
}

/** Real Chromium, headless, with a new empty profile. */
export async function launchChromium(): Promise<RunningBrowser> {
  const executablePath = requireServer('chromium');
  const profile = await mkdtemp(join(tmpdir(), 'tessera-chromium-'));
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args: FLAGS });
  return {
    page: context.pages()[0] ?? (await context.newPage()),
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
