import { describe, expect, it } from 'vitest'
import { parseRedisUrl, placeOfRedisUrl, RedisUrlError } from '../src/redis/redis-url.js'

describe('a URL of Redis', () => {
  const one = { kind: 'single', tls: false, login: {}, db: 0 }
  const sentinel = { kind: 'sentinel', tls: false, login: {}, db: 0, name: 'orders', sentinelLogin: {} }

  it.each([
    ['redis://box', { ...one, nodes: [{ host: 'box', port: 6379 }] }],
    ['redis://box:7000/', { ...one, nodes: [{ host: 'box', port: 7000 }] }],
    ['redis://[::1]:7000/3', { ...one, nodes: [{ host: '::1', port: 7000 }], db: 3 }],
    ['redis://10.0.0.7/2?db=5', { ...one, nodes: [{ host: '10.0.0.7', port: 6379 }], db: 2 }],
    ['rediss://:s%40c@box', { ...one, tls: true, nodes: [{ host: 'box', port: 6379 }], login: { password: 's@c' } }],
    [
      'redis://me:a:b@box',
      { ...one, nodes: [{ host: 'box', port: 6379 }], login: { username: 'me', password: 'a:b' } },
    ],
    ['redis://me@box', { ...one, nodes: [{ host: 'box', port: 6379 }], login: { username: 'me' } }],
    ['redis-sentinel://a/orders', { ...sentinel, nodes: [{ host: 'a', port: 26379 }] }],
    [
      'rediss-sentinel://u:p@a:1,[::1]:2,c/orders/4?sentinelUsername=su&sentinelPassword=s%26p',
      {
        ...sentinel,
        tls: true,
        login: { username: 'u', password: 'p' },
        nodes: [
          { host: 'a', port: 1 },
          { host: '::1', port: 2 },
          { host: 'c', port: 26379 },
        ],
        db: 4,
        sentinelLogin: { username: 'su', password: 's&p' },
      },
    ],
    [
      'redis-cluster://:p@a:1,b',
      {
        kind: 'cluster',
        tls: false,
        login: { password: 'p' },
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 6379 },
        ],
      },
    ],
    ['rediss-cluster://a/0', { kind: 'cluster', tls: true, login: {}, nodes: [{ host: 'a', port: 6379 }] }],
  ])('%s', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address)
  })

  it.each([
    ['', /form/],
    ['hunter2', /form/],
    ['http://hunter2@box', /form/],
    ['redis:hunter2', /form/],
    ['redis://', /host/],
    ['redis:///0', /host/],
    ['redis://me:hunter2@', /host/],
    ['redis://:hunter2@box:0', /port/],
    ['redis://:hunter2@box:65536', /port/],
    ['redis://:hunter2@box:x', /host/],
    ['redis://:hunter2@box/hunter2', /database/],
    ['redis://:hunter2%@box', /%25/],
    ['redis://:hunter2@a,b', /redis-sentinel:\/\/ or redis-cluster:\/\//],
    ['redis-sentinel://:hunter2@a,b', /name of the primary/],
    ['redis-sentinel://:hunter2@a,/orders', /host/],
    ['redis-sentinel://:hunter2@a/orders/x', /database/],
    ['redis-cluster://:hunter2@a/1', /no databases/],
    ['redis-clusters://:hunter2@a', /form/],
  ])('%s is refused with a reason, and without what is in it', (url, reason) => {
    const parse = (): unknown => parseRedisUrl(url)
    expect(parse).toThrow(RedisUrlError)
    expect(parse).toThrow(reason)
    expect(parse).not.toThrow(/hunter2/)
  })

  it.each([
    ['redis://me:hunter2@box/3', 'box:6379'],
    ['rediss://me:hunter2@[::1]:7000', '[::1]:7000'],
    ['redis-sentinel://:hunter2@a,b:1/orders', 'the primary of orders that the sentinels at a:26379, b:1 name'],
    ['redis-cluster://:hunter2@a,b:1', 'the cluster of a:6379, b:1'],
  ])('%s is shown as %s', (url, place) => {
    expect(placeOfRedisUrl(url)).toBe(place)
  })
})
