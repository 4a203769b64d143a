import { quickStartText } from './quick-start.gen.js'

/** As the page has it in the repository. */
const standardUrl = 'http://127.0.0.1:7600'

/** A name, an IPv4 or an IPv6 address, with or without a port; nothing that means something to a shell. */
const plainHost = /^(?:[a-z0-9](?:[a-z0-9.-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i

/**
 * The quick start with the reader's own URL in it: the one that this very request was sent to. What is not the plain name of a host stays
 * out of lines that are there to be pasted into a shell.
 *
 * `isTls`: whether the reader speaks TLS, be it to a proxy.
 */
export function quickStart(host: string | undefined, isTls: boolean): string {
  if (host === undefined || !plainHost.test(host)) return quickStartText
  return quickStartText.replaceAll(standardUrl, `${isTls ? 'https' : 'http'}://${host}`)
}
