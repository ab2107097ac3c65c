import type { ExecutionContext } from '@nestjs/common';
import { refuse } from './refusal.ts';

/** The parts of an Express response that a refusal uses. */
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
  it('has the problem content type when its own body is written', () => {
    const { headers, sent, response } = expressResponse();
    const exception = refuse(httpContext(response), { code: 'token_missing', reason: 'x' }, 'shop-api');
    expect(headers).toEqual({ 'WWW-Authenticate': 'Bearer realm="shop-api"' });
    response.json(exception.getResponse());
    expect(headers['Content-Type']).toBe('application/problem+json');
    expect(sent).toEqual([{ type: 'about:blank', title: 'Unauthorized', status: 401, error: 'token_missing' }]);
  });

  it('does not change the content type of another body', () => {
    const { headers, response } = expressResponse();
    refuse(httpContext(response), { code: 'token_missing', reason: 'x' }, 'shop-api');
    response.json({ my: 'body' });
    expect(headers['Content-Type']).toBeUndefined();
  });
});
