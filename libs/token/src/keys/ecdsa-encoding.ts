/**
 * An ECDSA signature is two integers. JWS writes both at full length (RFC 7518, section 3.4), OpenSSL in DER (RFC 3279, section 2.2.3). Node.js can
 * convert (`dsaEncoding: 'ieee-p1363'`), but with the OpenSSL of Node.js 24 a conversion takes longer than a signature.
 */

const SEQUENCE = 0x30;
const INTEGER = 0x02;
/** A length above it takes a second byte. */
const LONGEST_SHORT_FORM = 0x7f;
const ONE_BYTE_LENGTH = 0x81;

/**
 * From DER to the form of JWS.
 *
 * @param integerBytes the length of each integer: 32 for P-256
 * @throws RangeError if it is not the DER of two such integers, or not their shortest
 */
export function derToJws(der: Buffer, integerBytes: number): Buffer {
  const isLong = der[1] === ONE_BYTE_LENGTH;
  const first = isLong ? 3 : 2;
  const length = der[first - 1] ?? 0;
  if (der[0] !== SEQUENCE || der.length !== first + length || length > LONGEST_SHORT_FORM !== isLong) throw malformed();
  const jws = Buffer.alloc(2 * integerBytes);
  const second = copyInteger(der, first, jws, integerBytes, integerBytes);
  if (copyInteger(der, second, jws, 2 * integerBytes, integerBytes) !== der.length) throw malformed();
  return jws;
}

/** Writes the integer at `at` so that it ends before `end`. @returns where the next one begins */
function copyInteger(der: Buffer, at: number, jws: Buffer, end: number, integerBytes: number): number {
  let from = at + 2;
  const next = from + (der[at + 1] ?? 0);
  const first = der[from] ?? 0;
  // Integers have a sign: a first bit of 1 would be a negative one, and a zero byte in front avoids it.
  if (der[at] !== INTEGER || next === from || next > der.length || first > 0x7f) throw malformed();
  if (first === 0 && next > from + 1) {
    from += 1;
    if ((der[from] ?? 0) <= 0x7f) throw malformed();
  }
  if (next - from > integerBytes) throw malformed();
  der.copy(jws, end - (next - from), from, next);
  return next;
}

/**
 * From the form of JWS to DER. Every signature has one; whether its integers are in the range of the curve is for OpenSSL to check.
 *
 * @param jws of an even length of at most 132 bytes, as P-521 has
 */
export function jwsToDer(jws: Buffer): Buffer {
  const half = jws.length / 2;
  const r = integerOf(jws, 0, half);
  const s = integerOf(jws, half, jws.length);
  const length = r.bytes + s.bytes + 4;
  const isLong = length > LONGEST_SHORT_FORM;
  const first = isLong ? 3 : 2;
  const der = Buffer.alloc(first + length);
  der[0] = SEQUENCE;
  if (isLong) der[1] = ONE_BYTE_LENGTH;
  der[first - 1] = length;
  writeInteger(jws, r, der, first);
  writeInteger(jws, s, der, first + 2 + r.bytes);
  return der;
}

/** The shortest form of an integer: from which byte on, and its length with the zero byte for the sign. */
interface IntegerPart {
  readonly from: number;
  readonly end: number;
  readonly bytes: number;
}

function integerOf(jws: Buffer, start: number, end: number): IntegerPart {
  let from = start;
  while (from < end - 1 && jws[from] === 0) from += 1;
  return { from, end, bytes: end - from + ((jws[from] ?? 0) > 0x7f ? 1 : 0) };
}

function writeInteger(jws: Buffer, { from, end, bytes }: IntegerPart, der: Buffer, at: number): void {
  der[at] = INTEGER;
  der[at + 1] = bytes;
  jws.copy(der, at + 2 + bytes - (end - from), from, end);
}

function malformed(): RangeError {
  return new RangeError('the signature is not the DER of two integers of this curve');
}
