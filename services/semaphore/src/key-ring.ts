import { findApiKey, type ApiKey } from './api-keys.js'

/**
 * The keys that are known now. Whether keys are asked for is settled by those of the start: a ring that had one asks for ever, so that
 * nothing that happens to a file can open the service.
 */
export class KeyRing {
  readonly isRequired: boolean
  #keys: readonly ApiKey[]

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys
    this.isRequired = keys.length > 0
  }

  find(presented: string): ApiKey | null {
    return findApiKey(this.#keys, presented)
  }

  replace(keys: readonly ApiKey[]): void {
    this.#keys = keys
  }
}
