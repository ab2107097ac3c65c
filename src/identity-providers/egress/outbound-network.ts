import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { Injectable } from '@nestjs/common';

/** The network of this machine: its resolver, and the certificate authorities that it trusts. */
@Injectable()
export class OutboundNetwork {
  /** PEM; undefined: the authorities that Node trusts, including `NODE_EXTRA_CA_CERTS`. */
  readonly certificateAuthorities: string | undefined = undefined;

  /** All addresses of a name, of all address families, as the operating system resolves them. */
  resolve(hostname: string): Promise<readonly LookupAddress[]> {
    return lookup(hostname, { all: true });
  }
}
