/** A response, as tests read it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON object of the body; empty if it is not one. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly requestId: string;
  /** Status, code and title of an error. Fails the test if the response is not an error in the form of RFC 9457. */
  refusal(): { readonly status: number; readonly error: unknown; readonly title: unknown };
}

export async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const body = jsonObject(text);
  return {
    status: response.status,
    headers: response.headers,
    text,
    body,
    requestId: response.headers.get('x-request-id') ?? '',
    refusal: () => {
      if (response.status < 400) throw new Error(`no refusal came: ${response.status}`);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(Object.keys(body).sort()).toEqual(['detail', 'error', 'request_id', 'status', 'title', 'type']);
      expect(body['status']).toBe(response.status);
      return { status: response.status, error: body['error'], title: body['title'] };
    },
  };
}

function jsonObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}
