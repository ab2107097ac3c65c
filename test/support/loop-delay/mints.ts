import { Agent, request } from 'node:http';

/** So few that a turn of the event loop with one request of each is far below its limit. */
const CLIENTS = 8;

/** Some clients that request tokens without a pause. */
export function startMints(url: string, fields: Readonly<Record<string, string>>) {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const body = JSON.stringify(fields);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  let isOver = false;
  let issued = 0;
  const mint = () =>
    new Promise<void>((resolve) => {
      const sent = request(`${url}/auth/user/generateToken`, { method: 'POST', agent, headers }, (response) => {
        if (response.statusCode === 200) issued += 1;
        response.resume().once('close', resolve);
      });
      sent.once('error', () => {
        resolve();
      });
      sent.end(body);
    });
  const work = Array.from({ length: CLIENTS }, async () => {
    while (!isOver) await mint();
  });
  return {
    issued: () => issued,
    stop: async () => {
      isOver = true;
      await Promise.all(work);
      agent.destroy();
    },
  };
}
