import { parseArgs } from 'node:util'
import { variants } from './rules.js'
import type { Scenario, Variant } from './rules.js'
import { search } from './search.js'
import { describe } from './report.js'
import { faults } from './state.js'
import type { Fault } from './state.js'

const usage = `npm run model -w packages/engine -- [options]
  --rules NAME        ${Object.keys(variants).join(' | ')}
  --callers N         2
  --limit N           1
  --attempts N        2, of each caller
  --faults A,B,...    ${faults.join(', ')}
  --faults-max N      1, of each kind in one run
  --manners NAME      retires (as the SDK) | plain (as curl)
  --hide-closes       no replica ever sees a caller close
  --states-max N      2000000`

function isVariant(name: string): name is Variant {
  return name in variants
}

function isFault(name: string): name is Fault {
  return faults.some((fault) => fault === name)
}

const { values } = parseArgs({
  options: {
    rules: { type: 'string', default: 'final' },
    callers: { type: 'string', default: '2' },
    limit: { type: 'string', default: '1' },
    attempts: { type: 'string', default: '2' },
    faults: { type: 'string', default: 'timeout' },
    'faults-max': { type: 'string', default: '1' },
    manners: { type: 'string', default: 'retires' },
    'hide-closes': { type: 'boolean', default: false },
    'states-max': { type: 'string', default: '2000000' },
    help: { type: 'boolean', default: false },
  },
})
const chosen = values.faults.split(',').filter((name) => name !== '')
const known = chosen.filter(isFault)
if (values.help) console.log(usage)
else if (!isVariant(values.rules) || known.length < chosen.length) {
  console.error(usage)
  process.exitCode = 2
} else {
  const scenario: Scenario = {
    rules: variants[values.rules],
    callers: Number(values.callers),
    limit: Number(values.limit),
    attempts: Number(values.attempts),
    faults: known,
    faultsMax: Number(values['faults-max']),
    manners: values.manners === 'plain' ? 'plain' : 'retires',
    hidesCloses: values['hide-closes'],
  }
  console.log(describe(search(scenario, { statesMax: Number(values['states-max']) })))
}
