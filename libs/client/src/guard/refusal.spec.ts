import type { ExecutionContext } from '@nestjs/common';
import { refuse } from './refusal.ts';

/** What Express has, as far as an answer is written with it. */
function expressResponse() {
  const headers: Record<string, string> = {};
  const sent: unknown[] = [];
  const response = {
    setHeader: (name: string, value: string): void => {
      headers[name] = value;
    },
    json: (body: unknown): void => {
      sent.push(body);
    },
  };
  return { headers, sent, response };
}

function httpContext(response: object): ExecutionContext {
  const args: unknown[] = [{}, response];
  return { getType: () => 'http', getArgByIndex: (index: number) => args[index] } as unknown as ExecutionContext;
}

describe('a refusal under Express', () => {
  it('is typed as a problem when its own body is written', () => {
    const { headers, sent, response } = expressResponse();
    const exception = refuse(httpContext(response), { code: 'token_missing', reason: 'x' }, 'shop-api');
    expect(headers).toEqual({ 'WWW-Authenticate': 'Bearer realm="shop-api"' });
    response.json(exception.getResponse());
    expect(headers['Content-Type']).toBe('application/problem+json');
    expect(sent).toEqual([{ type: 'about:blank', title: 'Unauthorized', status: 401, error: 'token_missing' }]);
  });

  it('leaves the type of another body to whoever writes it', () => {
    const { headers, response } = expressResponse();
    refuse(httpContext(response), { code: 'token_missing', reason: 'x' }, 'shop-api');
    response.json({ my: 'body' });
    expect(headers['Content-Type']).toBeUndefined();
  });
});
