// A program with nothing but an HTTP library, over and over, until the run says `finish`.
import { readSetup, Stage } from '../stage.js'
import { PlainCaller } from './caller.js'
import { createSend } from './http.js'
import { Operator } from './operator.js'

const stage = new Stage(readSetup())
const send = createSend(stage)
const operator = new Operator(stage, send)
const caller = new PlainCaller(stage, send)
// Nobody hands a lease over to this one: it could not keep it.
await stage.play(stage.setup.operates ? operator.step : caller.step, () => undefined)
if (stage.setup.operates) await operator.restoreLimits()
process.exit(0)
