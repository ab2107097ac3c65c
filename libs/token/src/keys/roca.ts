/** The first 39 primes are enough: a random modulus has the fingerprint modulo all of them about once in 2^150. */
const LARGEST_PRIME = 167;
const GENERATOR = 65_537;

/**
 * Whether an RSA modulus has the fingerprint of the key generator of CVE-2017-15361 (ROCA), whose keys can be factored: its primes are powers of 65537
 * modulo many small primes, and so is their product (Nemec et al., CCS 2017, section 2).
 *
 * @param modulus the member `n` of a JWK, base64url
 */
export function isRocaModulus(modulus: string): boolean {
  const n = BigInt(`0x${Buffer.from(modulus, 'base64url').toString('hex')}`);
  return FINGERPRINTS.every(({ prime, powers }) => powers.has(Number(n % prime)));
}

const FINGERPRINTS = oddPrimesUpTo(LARGEST_PRIME).map((prime) => ({
  prime: BigInt(prime),
  powers: powersOf(GENERATOR % prime, prime),
}));

function oddPrimesUpTo(limit: number): number[] {
  const primes: number[] = [];
  for (let candidate = 3; candidate <= limit; candidate += 2)
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  return primes;
}

function powersOf(base: number, prime: number): ReadonlySet<number> {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * base) % prime) powers.add(power);
  return powers;
}
