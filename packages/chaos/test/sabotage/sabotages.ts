import { compileAll, readSources, type LuaSources } from '../../../engine/compiler/compile.js'

/** One line of a script or library, and what a careless hand would have made of it. */
interface Sabotage {
  readonly file: string
  readonly line: string
  readonly instead: string
}

/** Bugs that a store of this kind could have; each breaks one promise. */
export const sabotages = {
  'one permit too many': [
    {
      file: 'acquire',
      line: 'if creates or used > semaphore.limit or leases[lease_id] then',
      instead: 'if creates or used > semaphore.limit + 1 or leases[lease_id] then',
    },
  ],
  'last come, first served': [
    {
      file: 'lib/queue',
      line: "redis.call('ZRANGE', queue_key, 0, 0)[1]",
      instead: "redis.call('ZREVRANGE', queue_key, 0, 0)[1]",
    },
  ],
  'newcomers before the queue': [
    {
      file: 'acquire',
      line: 'if semaphore.waiting == 0 and semaphore.used + permits <= semaphore.limit then',
      instead: 'if semaphore.used + permits - 1 <= semaphore.limit then',
    },
  ],
  'a fence used twice': [
    {
      file: 'lib/leases',
      line: 'semaphore.fence = math.max(semaphore.fence + 1, now_us)',
      instead: 'semaphore.fence = math.max(semaphore.fence, now_us - now_us % 1000000)',
    },
  ],
  'a permit lost at some releases': [
    {
      file: 'lib/leases',
      line: '  semaphore.used = semaphore.used - lease.permits\n',
      instead: '  semaphore.used = semaphore.used - (now_us % 8 == 0 and 0 or lease.permits)\n',
    },
  ],
  'a release that wakes nobody': [
    {
      file: 'release',
      line: '    remove_leases(semaphore, { lease_id }, { lease })\n    move_queue(semaphore)\n',
      instead: '    remove_leases(semaphore, { lease_id }, { lease })\n',
    },
  ],
  'a grant that nobody is told of': [
    {
      file: 'lib/notices',
      line: "      replica, 'granted', name, lease_id, numbers, lease.permits",
      instead: "      'nobody', 'granted', name, lease_id, numbers, lease.permits",
    },
  ],
  'a renewal that is not written': [
    { file: 'renew', line: "redis.call('ZADD', deadlines_key, lease.deadline_ms, lease_id)\n", instead: '' },
  ],
} as const satisfies Readonly<Record<string, readonly Sabotage[]>>

export type SabotageName = keyof typeof sabotages

function patched(files: LuaSources['commands'], name: string, { line, instead }: Sabotage): LuaSources['commands'] {
  const text = files[name] ?? ''
  if (!text.includes(line)) throw new Error(`lua/${name}.lua does not have the line to sabotage any more: ${line}`)
  return { ...files, [name]: text.replaceAll(line, instead) }
}

/** The scripts of the engine with this bug in them. */
export function sabotagedScripts(luaFolder: string, name: SabotageName): ReturnType<typeof compileAll> {
  let { commands, libs } = readSources(luaFolder)
  for (const sabotage of sabotages[name]) {
    const lib = /^lib\/(.*)/.exec(sabotage.file)?.[1]
    if (lib === undefined) commands = patched(commands, sabotage.file, sabotage)
    else libs = patched(libs, lib, sabotage)
  }
  return compileAll({ commands, libs })
}
