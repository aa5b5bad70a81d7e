// A real Bluesky network on loopback for the tests: PLC directory, PDS and AppView, the published packages.
//
// Environment: DB_POSTGRES_URL (a throw-away database for the AppView), REDIS_HOST (host:port; nothing needs to listen),
// PLC_PORT, PDS_PORT, BSKY_PORT, OZONE_PORT, OUT (where the addresses are written as JSON once everything is up),
// ACCOUNTS (names, comma separated), RATE_LIMITS=1 (the real server's limits).
// SIGTERM or SIGINT ends it.
import fs from 'node:fs'
import net from 'node:net'

// The packages listen on every interface; a test's network is nobody else's business.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  const first = args[0]
  if (typeof first === 'number') {
    if (typeof args[1] === 'string') args[1] = '127.0.0.1'
    else args.splice(1, 0, '127.0.0.1')
  } else if (first && typeof first === 'object' && first.port !== undefined) {
    args[0] = { ...first, host: '127.0.0.1' }
  } else if (first === undefined || typeof first === 'function') {
    args.unshift(0, '127.0.0.1')
  }
  return listen.apply(this, args)
}

// Started first, so that a parent that gives up while we are still starting isn't left with an orphan.
let network
let stopping = false
const stop = async () => {
  if (stopping) return
  stopping = true
  setTimeout(() => process.exit(0), 5000).unref()
  try {
    if (network) await network.close()
  } finally {
    process.exit(0)
  }
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
process.stdin.on('end', stop).on('error', stop).resume() // the parent is gone, however it ended

const { TestNetwork } = await import('@atproto/dev-env')
const port = (name) => Number(process.env[name])
const pds = { port: port('PDS_PORT'), hostname: 'localhost', enableDidDocWithSession: true }
if (process.env.RATE_LIMITS) pds.rateLimitsEnabled = true
network = await TestNetwork.create({
  dbPostgresSchema: 'hub',
  plc: { port: port('PLC_PORT') },
  pds,
  bsky: { port: port('BSKY_PORT'), publicUrl: `http://localhost:${process.env.BSKY_PORT}` },
  ozone: { port: port('OZONE_PORT') },
})

const { com } = network.pds.getClient()
const accounts = {}
for (const name of (process.env.ACCOUNTS ?? 'alice,bob,carla').split(',')) {
  const password = `${name}-pass`
  const { data } = await com.atproto.server.createAccount({
    handle: `${name}.test`,
    email: `${name}@test.invalid`,
    password,
  })
  const as = { headers: { authorization: `Bearer ${data.accessJwt}` }, encoding: 'application/json' }
  const { data: app } = await com.atproto.server.createAppPassword({ name: 'hub' }, as)
  const record = { $type: 'app.bsky.actor.profile', displayName: name[0].toUpperCase() + name.slice(1) }
  await com.atproto.repo.putRecord({ repo: data.did, collection: record.$type, rkey: 'self', record }, as)
  accounts[name] = { handle: `${name}.test`, did: data.did, appPassword: app.password }
}
await network.processAll()

const told = { plc: network.plc.url, pds: network.pds.url, appview: network.bsky.url, accounts }
fs.writeFileSync(`${process.env.OUT}.part`, JSON.stringify(told))
fs.renameSync(`${process.env.OUT}.part`, process.env.OUT)
