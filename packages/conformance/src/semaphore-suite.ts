import { afterAll, beforeAll, describe } from 'vitest'
import { closing } from './chapters/closing.js'
import { counting } from './chapters/counting.js'
import { creating } from './chapters/creating.js'
import { growing } from './chapters/growing.js'
import { leaseIds } from './chapters/lease-ids.js'
import { listing } from './chapters/listing.js'
import { operating } from './chapters/operating.js'
import { queueing } from './chapters/queueing.js'
import { residue } from './chapters/residue.js'
import { resizing } from './chapters/resizing.js'
import { waiting } from './chapters/waiting.js'
import { groundsOf, patientSettings } from './ground.js'
import type { Factory, Place } from './subject.js'

/** Registers everything that holds for every implementation (docs/spec.md), as tests of one `describe` block. */
export function semaphoreSuite(name: string, factory: Factory): void {
  describe(name, () => {
    let place: Place | undefined
    beforeAll(async () => {
      place = await factory.open(patientSettings)
    })
    afterAll(() => place?.close())
    const grounds = groundsOf(factory, () => {
      if (place === undefined) throw new Error('the place is not open yet')
      return place
    })
    counting(grounds)
    creating(grounds)
    leaseIds(grounds)
    queueing(grounds)
    waiting(grounds)
    closing(grounds)
    resizing(grounds)
    growing(grounds)
    operating(grounds)
    listing(grounds)
    residue(grounds)
  })
}
