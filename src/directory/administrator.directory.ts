import { Injectable } from '@nestjs/common';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { readNamesColumn } from '../control-plane/json-column.ts';
import type { Row } from '../database/database.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import { subjectFrom } from './grants-query.ts';
import { isLinkable, linksOf } from './linked-identity.ts';
import { type Subject, SubjectDirectory } from './subject.ts';
import { readStatus } from '../domain/status.ts';

const BY_EMAIL = `
SELECT a.tenant_id, a.id, a.email, a.email_canonical, a.status, a.roles, a.scopes
  FROM administrators a
 WHERE a.tenant_id = ? AND a.email_canonical = ?`;

const BY_ID = `
SELECT a.tenant_id, a.id, a.email, a.status, a.roles, a.scopes
  FROM administrators a
 WHERE a.tenant_id = ? AND a.id = ?`;

const BY_IDENTITY = `
SELECT a.tenant_id, a.id, a.email, a.status, a.roles, a.scopes, i.issuer, i.sub
  FROM administrator_identities i
  JOIN administrators a ON a.tenant_id = i.tenant_id AND a.id = i.administrator_id
 WHERE i.tenant_id = ? AND i.issuer = ? AND i.sub = ?`;

/** Looks up a tenant's administrators in the control plane. Administrators have no groups, and their scopes have no resources. */
@Injectable()
export class AdministratorDirectory extends SubjectDirectory {
  readonly #controlPlane: ControlPlane;

  constructor(controlPlane: ControlPlane) {
    super();
    this.#controlPlane = controlPlane;
  }

  override async findByEmail(tenant: Tenant, email: CanonicalEmail): Promise<Subject | undefined> {
    const rows = await this.#controlPlane.query(BY_EMAIL, [tenant.id, email]);
    return administrator(rows.find((row) => row['tenant_id'] === tenant.id && row['email_canonical'] === email));
  }

  override async findById(tenant: Tenant, id: string): Promise<Subject | undefined> {
    const rows = await this.#controlPlane.query(BY_ID, [tenant.id, id]);
    return administrator(rows.find((row) => row['tenant_id'] === tenant.id && row['id'] === id));
  }

  override async findByIdentity(tenant: Tenant, issuer: string, sub: string): Promise<Subject | undefined> {
    if (!isLinkable(issuer, sub)) return undefined;
    const rows = await linksOf(sub, () => this.#controlPlane.query(BY_IDENTITY, [tenant.id, issuer, sub]));
    return administrator(
      rows.find((row) => row['tenant_id'] === tenant.id && row['issuer'] === issuer && row['sub'] === sub),
    );
  }
}

function administrator(row: Row | undefined): Subject | undefined {
  if (row === undefined) return undefined;
  return subjectFrom({
    id: String(row['id']),
    email: String(row['email']),
    status: readStatus(row['status']),
    roles: namesIn(row, 'roles'),
    groups: [],
    scopes: namesIn(row, 'scopes').map((name) => Object.freeze({ name, resource: undefined })),
  });
}

function namesIn(row: Row, column: 'roles' | 'scopes'): readonly string[] {
  return readNamesColumn(`administrators.${column}`, String(row[column])).toSorted();
}
