import { Inject, Injectable } from '@nestjs/common';
import { hash } from 'node:crypto';
import { CONFIG } from '../../config/config.ts';
import { Clock, epochSeconds } from '../../domain/clock.ts';
import type { TenantId } from '../../domain/ids.ts';
import { nextPublicationChange } from '../key-ring.ts';
import { KeyRings } from '../key-rings.ts';
import type { LoadedKeyRing } from '../loaded-key-ring.ts';
import { authorizationServerMetadata, keySet, openidConfiguration, type PublishedService } from './metadata.ts';

export type DocumentName = 'keySet' | 'openidConfiguration' | 'authorizationServerMetadata';

/** A serialized body and its strong validator (RFC 9110, section 8.8.3). */
export interface PublishedDocument {
  readonly body: string;
  readonly etag: string;
}

interface Edition {
  readonly documents: Readonly<Record<DocumentName, PublishedDocument>>;
  /** The time span in which the ring has these public keys; epoch seconds. */
  readonly from: number;
  readonly until: number;
}

/**
 * The public documents of the tenants, serialized once for each key ring and each change of its public keys. A request costs one lookup, and needs
 * neither database nor Vault once the ring was read.
 */
@Injectable()
export class PublishedDocuments {
  readonly #keyRings: KeyRings;
  readonly #clock: Clock;
  readonly #service: PublishedService;
  // An entry lives as long as its ring is cached, so the limit of that cache applies here too.
  readonly #editions = new WeakMap<LoadedKeyRing, Edition>();

  constructor(keyRings: KeyRings, clock: Clock, @Inject(CONFIG) service: PublishedService) {
    this.#keyRings = keyRings;
    this.#clock = clock;
    this.#service = service;
  }

  /** @throws TesseraError client_not_found for an unknown tenant, temporarily_unavailable if its ring was never read */
  async find(tenantId: TenantId, name: DocumentName): Promise<PublishedDocument> {
    const ring = await this.#keyRings.published(tenantId);
    const now = epochSeconds(this.#clock.nowMs());
    let edition = this.#editions.get(ring);
    if (edition === undefined || now < edition.from || now >= edition.until) {
      edition = this.#write(tenantId, ring, now);
      this.#editions.set(ring, edition);
    }
    return edition.documents[name];
  }

  #write(tenantId: TenantId, ring: LoadedKeyRing, now: number): Edition {
    const keys = ring.publishedKeys(now);
    return {
      documents: {
        keySet: documentOf(keySet(keys)),
        openidConfiguration: documentOf(openidConfiguration(this.#service, tenantId, keys)),
        authorizationServerMetadata: documentOf(authorizationServerMetadata(this.#service, tenantId)),
      },
      from: now,
      until: nextPublicationChange(ring.ring, now) ?? Number.POSITIVE_INFINITY,
    };
  }
}

function documentOf(content: object): PublishedDocument {
  const body = JSON.stringify(content);
  return { body, etag: `"${hash('sha256', body, 'base64url')}"` };
}
