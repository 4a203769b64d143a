/*
 * The life of one open request, that is, of one attachment: this replica and a number used for nothing else.
 *
 * It is ARRIVING until this replica listens for notices, and then ASKING: an acquire is on its way. At most one is; several may follow
 * one another, always with the same attachment, all but the first without `create`. A reply that grants or refuses is the outcome;
 * one that queues makes the request WAITING. Notices travel on another connection and so may overtake the reply: what is heard of a
 * grant while ASKING is kept until the reply is there, and then weighed like any other.
 *
 * WAITING ends in one of these ways.
 * - A notice, or a heartbeat, says granted. If the grant is worth having (see wait-so-far.ts), it is the outcome and the request is
 *   GRANTED. Else it asks again: the store knows what became of it.
 * - A heartbeat says that the store does not know the attachment: it asks again, and gets its lease, a place, or a reason. A reply
 *   that does not come leaves it WAITING; the next heartbeat asks the same.
 * - A notice says cancelled: `wait_cancelled`. It may be an old one, so the attachment is ended all the same.
 * - `waitMs` is over: LEAVING. It ends its attachment unless that is held; a grant that raced it is the outcome, else
 *   `acquire_timeout`. A notice of the grant may still come first.
 * - The cap is over first: it asks once more. A grant is the outcome; else it is PARKED: `still_waiting` is out, heartbeats go on,
 *   and the attachment ends when the grace is over, or when its reply is closed undelivered. A grant meanwhile changes nothing:
 *   whoever comes back finds the lease by its id; if nobody does, the end gives it back.
 * - It is to be answered at once (`isAnsweredAtOnce`): PARKED without having waited.
 * - The replica stops: `shutting_down`, and nothing is ended, so that the place keeps for the grace.
 * - The caller closes: the attachment is ended.
 *
 * GRANTED is a lease whose reply is not written yet: a close gives it back, `delivered` makes that impossible. A request that was answered
 * while ASKING (closed, cancelled) is ABANDONED: an end sent now could overtake the acquire, so it follows the reply. OVER is over.
 *
 * Where the store does not answer and no heartbeat would find out (the first acquire, the end of a wait), the outcome rejects and the
 * attachment is ended as soon as the store answers: `Ends` sees to that.
 */
export type Phase = 'arriving' | 'asking' | 'waiting' | 'leaving' | 'granted' | 'parked' | 'abandoned' | 'over'

export type Reason = 'arrived' | 'again' | 'cap over'
