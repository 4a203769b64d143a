import { errorTable } from '@signalbox/protocol'
import { type Block, table } from './block.js'

/** Every code that the service answers with, and what to do about it. */
export function errorCodes(): Block {
  const rows = Object.entries(errorTable).map(([code, { status, title, remedy, retryable, sdk }]) => [
    `\`${code}\``,
    String(status),
    title,
    remedy,
    retryable ? 'may help' : '',
    `\`${sdk}\``,
  ])
  return table(['code', 'status', 'means', 'what to do', 'trying again', 'SDK'], rows)
}
