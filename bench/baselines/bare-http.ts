/** Node's HTTP server with the JSON of a token, without a signature. `node bare-http.ts PORT`. */
import { createServer } from 'node:http';
import { argv } from 'node:process';
import { SAMPLE } from '../sample/sample-request.ts';
import { BareClaims, NO_SIGNATURE, type TokenRequest } from './bare-claims.ts';

const [port = ''] = argv.slice(2);
const claims = new BareClaims(port);

createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const input = claims.signingInput(JSON.parse(Buffer.concat(chunks).toString()) as TokenRequest);
    const body = JSON.stringify({
      access_token: `${input}.${NO_SIGNATURE}`,
      expires_in: SAMPLE.ttlSeconds,
      token_type: 'Bearer',
    });
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length });
    response.end(body);
  });
}).listen(Number(port), '127.0.0.1');
