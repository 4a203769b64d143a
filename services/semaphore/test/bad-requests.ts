/** The semaphore that the requests below are about. */
const path = '/v1/semaphores/a'
/** A lease id that no answer may repeat. */
export const id = '3f0a3c52-8f5e-4a64-9d2c-0d2f3a1b4c5d'

export interface BadRequest {
  readonly what: string
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly url: string
  /** As it goes over the wire. */
  readonly body?: string
  readonly pointer: string
  /** What the sentence must mention: the field and the value. */
  readonly says: RegExp
}

const fieldsOfAcquire: [field: string, value: string, says: RegExp][] = [
  ['permits', '"1"', /"permits" must be a whole number from 1 to 1000000, not "1"/],
  ['permits', '0', /"permits".*not 0/],
  ['permits', '-1', /"permits".*not -1/],
  ['permits', '1.5', /"permits".*not 1.5/],
  ['permits', '1e400', /"permits".*not Infinity/],
  ['permits', '1000001', /"permits".*not 1000001/],
  ['permits', '9007199254740993', /"permits".*not 9007199254740992/],
  ['permits', 'null', /"permits".*not null/],
  ['permits', 'true', /"permits".*not true/],
  ['permits', '[1]', /"permits".*not an array/],
  ['permits', '{}', /"permits".*not an object/],
  ['ttlMs', '0', /"ttlMs".*from 1 to 86400000, not 0/],
  ['ttlMs', '86400001', /"ttlMs".*not 86400001/],
  ['ttlMs', '"30s"', /"ttlMs".*not "30s"/],
  ['waitMs', '-1', /"waitMs".*from 0.*not -1/],
  ['waitMs', '1e30', /"waitMs".*not 1e\+30/],
  ['holder', '7', /"holder" must be of type string, not 7/],
  ['holder', `"${'x'.repeat(257)}"`, /"holder" must be at most 256 characters long, not "x{60,}.*\(259 characters\)/],
  ['holder', '"a\\u0000b"', /"holder" must be valid \(.*no line breaks or other control characters\), not "a\\u0000b"/],
  ['holder', '"a\\nb"', /"holder".*"a\\nb"/],
  ['leaseId', '"abc"', /"leaseId" must be a UUID.*not a string of 3 characters/],
  ['leaseId', '7', /"leaseId" must be a UUID.*not number/],
  ['create', '1', /"create" must be of type object, not 1/],
  ['create/limit', '"2"', /"create\/limit".*not "2"/],
  ['create/limit', '-1', /"create\/limit".*from 0.*not -1/],
  ['create/bounded', '1', /"create\/bounded" must be of type boolean, not 1/],
  ['create/onConflict', '"replace"', /"create\/onConflict" must be one of \["keep","error"\], not "replace"/],
  ['create/size', '1', /There is no field "size"/],
  ['unknown', '1', /There is no field "unknown"/],
  ['__proto__', '{"permits":9}', /There is no field "__proto__"/],
  ['constructor', '{"prototype":{}}', /There is no field "constructor"/],
]

const acquires: BadRequest[] = fieldsOfAcquire.map(([field, value, says]) => {
  const [parent, child] = field.split('/')
  const others = child === undefined || child === 'limit' ? '' : '"limit":1,'
  const body = child === undefined ? `{"${field}":${value}}` : `{"${parent}":{${others}"${child}":${value}}}`
  return { what: `acquire ${body.slice(0, 60)}`, url: `${path}/acquire`, body, pointer: `/${field}`, says }
})

const bodies: BadRequest[] = ['null', '[]', '1', '"x"', 'true'].map((body) => ({
  what: `acquire with the body ${body}`,
  url: `${path}/acquire`,
  body,
  pointer: '',
  says: /The body must be of type object, not/,
}))

const others: BadRequest[] = [
  {
    what: 'release without an id',
    url: `${path}/release`,
    body: '{}',
    pointer: '/leaseId',
    says: /"leaseId" is missing/,
  },
  { what: 'release without a body', url: `${path}/release`, pointer: '', says: /The body must be of type object/ },
  {
    what: 'release, retire "true"',
    url: `${path}/release`,
    body: `{"leaseId":"${id}","retire":"true"}`,
    pointer: '/retire',
    says: /"retire" must be of type boolean, not "true"/,
  },
  {
    what: 'renew without ttl',
    url: `${path}/renew`,
    body: `{"leaseId":"${id}"}`,
    pointer: '/ttlMs',
    says: /"ttlMs" is missing/,
  },
  {
    what: 'add-permits without requestId',
    url: `${path}/add-permits`,
    body: '{"permits":1}',
    pointer: '/requestId',
    says: /"requestId" is missing/,
  },
  {
    what: 'PUT without limit',
    method: 'PUT',
    url: path,
    body: '{"bounded":true}',
    pointer: '/limit',
    says: /"limit" is missing/,
  },
  {
    what: 'PUT with a huge limit',
    method: 'PUT',
    url: path,
    body: '{"limit":1000001}',
    pointer: '/limit',
    says: /not 1000001/,
  },
  {
    what: 'pageSize 0',
    method: 'GET',
    url: `${path}/leases?pageSize=0`,
    pointer: '/pageSize',
    says: /query parameter "pageSize" must be a whole number from 1 to 1000, not 0/,
  },
  { what: 'pageSize 1e2', method: 'GET', url: `${path}/leases?pageSize=1e2`, pointer: '/pageSize', says: /not "1e2"/ },
  { what: 'pageSize +1', method: 'GET', url: `${path}/leases?pageSize=%2B1`, pointer: '/pageSize', says: /not "\+1"/ },
  {
    what: 'pageSize of 400 digits',
    method: 'GET',
    url: `${path}/leases?pageSize=${'9'.repeat(400)}`,
    pointer: '/pageSize',
    says: /\(402 characters\)/,
  },
  {
    what: 'pageSize twice',
    method: 'GET',
    url: `${path}/leases?pageSize=1&pageSize=2`,
    pointer: '/pageSize',
    says: /"pageSize".*not an array/,
  },
  {
    what: 'an unknown query parameter',
    method: 'GET',
    url: `${path}/leases?page=1`,
    pointer: '/page',
    says: /There is no query parameter "page"/,
  },
  {
    what: 'a query where there is none',
    method: 'GET',
    url: `${path}?verbose=1`,
    pointer: '/verbose',
    says: /There is no query parameter "verbose"/,
  },
  {
    what: 'a query on acquire',
    url: `${path}/acquire?waitMs=1`,
    pointer: '/waitMs',
    says: /There is no query parameter "waitMs"/,
  },
  { what: 'half an escape', method: 'GET', url: '/v1/semaphores/%zz', pointer: '', says: /percent sign/ },
  { what: 'an escape that is no UTF-8', method: 'GET', url: '/v1/semaphores/%FF', pointer: '', says: /percent sign/ },
  {
    what: 'a cursor nobody made',
    method: 'GET',
    url: '/v1/semaphores/taken/leases?cursor=nonsense',
    pointer: '/cursor',
    says: /"cursor" must be the nextCursor/,
  },
  {
    what: 'a cursor of 600 characters',
    method: 'GET',
    url: `${path}/leases?cursor=${'x'.repeat(600)}`,
    pointer: '/cursor',
    says: /"cursor" must be at most 512/,
  },
  {
    what: 'a prefix that no name has',
    method: 'GET',
    url: '/v1/semaphores?prefix=%7B',
    pointer: '/prefix',
    says: /"prefix".*"\{"/,
  },
  {
    what: 'force=1',
    method: 'DELETE',
    url: `${path}?force=1`,
    pointer: '/force',
    says: /"force" must be true or false, not "1"/,
  },
  {
    what: 'force without a value',
    method: 'DELETE',
    url: `${path}?force`,
    pointer: '/force',
    says: /"force" must be true or false, not ""/,
  },
  {
    what: 'DELETE with a body',
    method: 'DELETE',
    url: path,
    body: '{"force":true}',
    pointer: '',
    says: /takes no body/,
  },
  {
    what: 'fence 0',
    method: 'DELETE',
    url: `${path}/leases/0`,
    pointer: '/fence',
    says: /path parameter "fence".*not "0"/,
  },
  {
    what: 'fence above 2^53',
    method: 'DELETE',
    url: `${path}/leases/9999999999999999`,
    pointer: '/fence',
    says: /"fence" must be below 2\^53/,
  },
  { what: 'a lease id for a fence', method: 'DELETE', url: `${path}/leases/${id}`, pointer: '/fence', says: /"fence"/ },
]

const names: BadRequest[] = (
  [
    ['with a space', 'a%20b', /"name".*"a b"/],
    ['with a slash', 'a%2Fb', /"a\/b"/],
    ['with braces', '%7Ba%7D', /"\{a\}"/],
    ['with NUL', 'a%00', /"a\\u0000"/],
    ['with a line end', 'a%0A', /"a\\n"/],
    ['that is not ASCII', '%C3%A9', /"é"/],
    ['that begins with a dot', '.a', /"\.a"/],
    ['of 129 characters', 'x'.repeat(129), /\(131 characters\)/],
    ['of 1,000 characters', 'x'.repeat(1_000), /\(1002 characters\)/],
    ['of 9,000 characters', 'x'.repeat(9_000), /longer than any name/],
  ] as const
).map(([what, name, says]) => ({
  what: `a name ${what}`,
  method: 'GET',
  url: `/v1/semaphores/${name}`,
  pointer: '/name',
  says,
}))

export const badRequests: readonly BadRequest[] = [...acquires, ...bodies, ...others, ...names]
