/** Lease ids of the script tables, in the order in which tests use them. */
export const leaseIds = [
  'aaaaaaaa-0000-4000-8000-000000000001',
  'bbbbbbbb-0000-4000-8000-000000000002',
  'cccccccc-0000-4000-8000-000000000003',
  'dddddddd-0000-4000-8000-000000000004',
  'eeeeeeee-0000-4000-8000-000000000005',
] as const

/** Arguments of acquire.lua; what a row of a table does not state is this. */
export function acquireArgs(args: {
  leaseId?: string
  permits?: number
  ttlMs?: number
  enqueue?: boolean
  attachment?: string
  holder?: string
  createLimit?: number
  createBounded?: boolean
  onConflict?: string
  queueMax?: number
  batchMax?: number
}) {
  return {
    leaseId: leaseIds[0] as string,
    permits: 1,
    ttlMs: 30_000,
    enqueue: false,
    attachment: 'r1.1',
    holder: '',
    createLimit: -1,
    createBounded: true,
    onConflict: 'keep',
    ...args,
  }
}
