import { RecentForms } from './recent-forms.ts';

describe('RecentForms', () => {
  const parse = (forms: RecentForms, text: string) => forms.parse(Buffer.from(text));

  it('keeps a form of public parameters', () => {
    const forms = new RecentForms();
    const text = 'grant_type=client_credentials&scope=orders%3Aread+orders%3Awrite&audience=shop';
    expect(Object.fromEntries(parse(forms, text))).toEqual({
      grant_type: 'client_credentials',
      scope: 'orders:read orders:write',
      audience: 'shop',
    });
    expect(parse(forms, text)).toBe(parse(forms, text));
    expect(parse(forms, text.replace('scope', 'SCOPE')).get('scope')).toBeUndefined();
  });

  it.each(['client_secret', 'client_assertion', 'assertion', 'subject_token', 'client_id', 'other'])(
    'keeps no form with %s',
    (name) => {
      const forms = new RecentForms();
      const text = `grant_type=client_credentials&${name}=x`;
      expect(parse(forms, text)).not.toBe(parse(forms, text));
    },
  );

  it('keeps no long form', () => {
    const forms = new RecentForms();
    const text = `grant_type=client_credentials&scope=${'x'.repeat(512)}`;
    expect(parse(forms, text)).not.toBe(parse(forms, text));
  });

  it('forgets the form that was not sent for the longest time', () => {
    const forms = new RecentForms();
    const first = parse(forms, 'scope=first');
    for (let number = 0; number < 512; number++) parse(forms, `scope=${number}`);
    expect(parse(forms, 'scope=first')).not.toBe(first);
  });

  it('refuses what it refused before', () => {
    const forms = new RecentForms();
    for (let turn = 0; turn < 2; turn++) expect(() => parse(forms, 'scope=a&scope=b')).toThrow('twice');
  });
});
