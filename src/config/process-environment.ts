/** Node.js's own convention, which the image and the service unit follow. */
export function isProduction(): boolean {
  return process.env['NODE_ENV'] === 'production';
}

/** Settings for a server that this process starts in itself: it reads them as if they had been set outside. */
export function setForServer(settings: Readonly<Record<string, string>>): void {
  Object.assign(process.env, settings);
}
