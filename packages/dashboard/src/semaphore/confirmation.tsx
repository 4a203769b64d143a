import type { SemaphoreSnapshot } from '@signalbox/protocol'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Answer, Api } from '../live/api.js'

/** What the dialog of each action is given. */
export interface DialogProps {
  /** Live: what will happen changes with it, while the dialog is open. */
  readonly detail: SemaphoreSnapshot
  readonly api: Api
  /** `done`: what was done, in a sentence; null: nothing was. */
  readonly onClose: (done: string | null) => void
}

interface Props {
  readonly title: string
  /** What will happen. */
  readonly sentences: readonly string[]
  /** What the button says: the deed, never "OK". */
  readonly deed: string
  readonly isDangerous?: boolean
  /** Something is still to be said before it may be done. */
  readonly isIncomplete?: boolean
  readonly act: () => Promise<Answer>
  /** `isDone`: it was, and not given up. */
  readonly onClose: (isDone: boolean) => void
  readonly children?: ComponentChildren
}

/** Says what will happen, and does it only when that is confirmed. What the service says against it is shown, and nothing is closed. */
export function Confirmation(props: Props) {
  const { title, sentences, deed, isDangerous = false, isIncomplete = false, act, onClose, children } = props
  const dialog = useRef<HTMLDialogElement>(null)
  const isBusy = useRef(false)
  const [refusal, setRefusal] = useState<string | null>(null)
  useEffect(() => dialog.current?.showModal(), [])
  const close = (isDone: boolean) => {
    // The focus goes back to where it came from when a dialog is closed, not when it is taken away.
    dialog.current?.close()
    onClose(isDone)
  }
  const submit = async () => {
    // Not by disabling the button, which has the focus: it would lose it, and with it the place of whoever works by keyboard.
    if (isBusy.current) return
    isBusy.current = true
    setRefusal(null)
    const answer = await act()
    isBusy.current = false
    if (answer.kind === 'refused') setRefusal(answer.detail)
    else close(true)
  }
  return (
    <dialog
      ref={dialog}
      aria-labelledby="deed-title"
      aria-describedby="deed-sentences"
      onCancel={(event) => {
        event.preventDefault()
        close(false)
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <h2 id="deed-title">{title}</h2>
        {children}
        <div id="deed-sentences" aria-live="polite">
          {sentences.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </div>
        <div role="alert">{refusal !== null && <p class="refusal">{refusal}</p>}</div>
        <div class="buttons">
          <button type="button" onClick={() => close(false)}>
            Cancel
          </button>
          <button type="submit" class={isDangerous ? 'danger primary' : 'primary'} disabled={isIncomplete}>
            {deed}
          </button>
        </div>
      </form>
    </dialog>
  )
}
