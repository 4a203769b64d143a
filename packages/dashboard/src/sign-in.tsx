import { useEffect, useRef, useState } from 'preact/hooks'
import { Emblem } from './emblem.js'

interface Props {
  /** Why the last key was not taken, or was not enough. */
  readonly detail: string | null
  readonly onKey: (key: string) => Promise<void>
}

export function SignIn({ detail, onKey }: Props) {
  const field = useRef<HTMLInputElement>(null)
  const [busy, setBusy] = useState(false)
  useEffect(() => {
    document.title = 'Sign in · Signalbox'
    field.current?.focus()
  }, [])
  const submit = async () => {
    const key = field.current?.value.trim() ?? ''
    if (key === '') return
    setBusy(true)
    await onKey(key)
    setBusy(false)
    field.current?.select()
  }
  return (
    <main class="sign-in">
      <h1>
        <Emblem /> Signalbox
      </h1>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <label for="key">API key</label>
        <input
          id="key"
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          // What a header cannot carry would look like a service that does not answer.
          pattern="\s*[!-~]+\s*"
          title="An API key is letters, digits and signs, without spaces."
          aria-describedby="key-note"
        />
        <button type="submit" class="primary" disabled={busy}>
          Sign in
        </button>
        <p id="key-note" class="note">
          With the scope <code>inspect</code> to look, and <code>admin</code> to change. It stays in the memory of this
          page: closing or reloading the page forgets it.
        </p>
        <div role="alert">{detail !== null && <p class="refusal">{detail}</p>}</div>
      </form>
    </main>
  )
}
