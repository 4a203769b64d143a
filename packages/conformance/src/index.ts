export { engineSubject } from './engine-subject.js'
export { semaphoreSuite } from './semaphore-suite.js'
export type * from './subject.js'
