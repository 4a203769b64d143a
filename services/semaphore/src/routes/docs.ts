import { htmlHeaders, htmlPage } from '../reference/html.js'
import { httpReference } from '../reference/http-reference.js'
import { markdownPage } from '../reference/markdown.js'
import { defineRoute, type Route } from './route.js'

/** `routes` are asked for at the first call: they are described all, this one too. */
export function docsRoute(routes: () => readonly Route[]): Route {
  let pages: { readonly html: string; readonly markdown: string } | null = null
  return defineRoute({
    method: 'GET',
    path: '/docs',
    operationId: 'docs',
    summary: 'This reference, to be read: HTML for browsers, else Markdown',
    tag: 'service',
    scope: 'inspect',
    anyQuery: true,
    replies: [
      {
        status: 200,
        description: 'What /openapi.json says, for people',
        contentType: 'text/html',
        otherContentType: 'text/markdown',
      },
    ],
    codes: [],
    handle({ headers }, reply) {
      if (pages === null) {
        const blocks = httpReference(routes())
        pages = { html: htmlPage('Signalbox: HTTP', blocks), markdown: markdownPage(blocks) }
      }
      reply.headers(htmlHeaders).header('vary', 'accept')
      if (/\btext\/html\b/i.test(headers.accept ?? '')) return reply.type('text/html; charset=utf-8').send(pages.html)
      return reply.type('text/markdown; charset=utf-8').send(pages.markdown)
    },
  })
}
