#!/usr/bin/env node
// Baileys as a client that somebody else wrote: it connects to a simulated WhatsApp, does what
// standard input says and tells on standard output what it sees. Both are one JSON object a line;
// standard error has the log.
//
//   node client.mjs URL FOLDER [options]       FOLDER keeps keys and sessions between runs
//
//   --package v7|v6       which of the two installed versions (default v7)
//   --root-key HEX        the simulator's root key, against which certificates are checked (v7)
//   --strict              let wrong signatures fail (as installed, Baileys overlooks them)
//   --phone DIGITS        ask for a pairing code instead of showing a QR code
//   --code XXXXXXXX       the pairing code to ask for
//   --name NAME           the name that contacts see
//   --history             wait for history after login
//   --reconnects N        how often to come back after a close (default 20)
//   --query-timeout MS    how long a request may take (default 20000)
//   --log LEVEL           `trace` prints all stanzas (default warn)
//
// Commands have a "cmd", and a "tag" that their result repeats; see `commands` below.
// Exit codes: 0 after `quit` or the end of input, 3 closed for good, 4 logged out.
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import readline from 'node:readline'
import { parseArgs } from 'node:util'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    package: { type: 'string', default: 'v7' },
    'root-key': { type: 'string' },
    strict: { type: 'boolean', default: false },
    phone: { type: 'string' },
    code: { type: 'string' },
    name: { type: 'string' },
    history: { type: 'boolean', default: false },
    reconnects: { type: 'string', default: '20' },
    'query-timeout': { type: 'string', default: '20000' },
    log: { type: 'string', default: 'warn' }
  }
})
const [url, folder] = positionals
if (!url || !folder) {
  process.stderr.write('usage: client.mjs URL FOLDER [options]\n')
  process.exit(2)
}

// Baileys and its Signal library write to the console; standard output is ours alone.
for (const level of ['log', 'info', 'warn', 'debug', 'error']) {
  console[level] = (...words) => process.stderr.write(`console: ${words.map(String).join(' ')}\n`)
}

function tell(event) {
  const plain = (_, value) => {
    if (typeof value === 'bigint') return String(value)
    return value?.type === 'Buffer' ? Buffer.from(value.data).toString('base64') : value
  }
  process.stdout.write(JSON.stringify(event, plain) + '\n')
}

const installed = new URL(`./${options.package}/node_modules/baileys/lib/index.js`, import.meta.url)
const require = createRequire(installed)
if (options.strict) {
  // Baileys takes every answer but an exception for "valid", and the library answers `false`.
  // Both see this object, so it has to change before Baileys is loaded.
  const curve = require('libsignal/src/curve.js')
  const verify = curve.verifySignature
  curve.verifySignature = (key, message, signature) => {
    if (!verify(key, message, signature, false)) throw new Error('strict: invalid signature')
    return true
  }
}
const baileys = await import(installed)
const makeSocket = baileys.makeWASocket ?? baileys.default
if (options['root-key']) {
  baileys.WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(options['root-key'], 'hex')
}

const pino = require('pino')
const logger = pino({ level: options.log }, pino.destination(2))
mkdirSync(folder, { recursive: true })
const { state, saveCreds } = await baileys.useMultiFileAuthState(folder)
const sent = new Map() // what a retry receipt asks for again
let socket
let quitting = false
let reconnects = 0
let codeAsked = false

function textOf(message) {
  const content = baileys.normalizeMessageContent(message)
  return content?.conversation ?? content?.extendedTextMessage?.text ?? null
}

function start() {
  socket = makeSocket({
    auth: { creds: state.creds, keys: baileys.makeCacheableSignalKeyStore(state.keys, logger) },
    waWebSocketUrl: url,
    logger,
    connectTimeoutMs: 20000,
    defaultQueryTimeoutMs: Number(options['query-timeout']),
    getMessage: async key => sent.get(key.id),
    ...(options.name ? { pushName: options.name } : {}),
    ...(options.phone ? { browser: baileys.Browsers.macOS('Chrome') } : {}),
    ...(options.history ? {} : { shouldSyncHistoryMessage: () => false })
  })
  socket.ev.on('creds.update', () => saveCreds())
  socket.ev.on('connection.update', onConnection)
  socket.ev.on('messages.upsert', ({ messages, type }) => {
    for (const message of messages) tell(shown(message, type))
  })
  const passed = [
    'messages.update', 'message-receipt.update', 'groups.upsert', 'groups.update',
    'group-participants.update', 'presence.update', 'contacts.upsert', 'messages.reaction',
    'chats.update'
  ]
  for (const name of passed) socket.ev.on(name, data => tell({ ev: name, data }))
  socket.ev.on('messaging-history.set', data => {
    tell({ ev: 'history', chats: data.chats?.length, messages: data.messages?.length })
  })
}

function shown(message, type) {
  return {
    ev: 'message',
    upsert: type,
    key: message.key,
    name: message.pushName,
    text: textOf(message.message),
    status: message.status ?? undefined,
    stub: message.messageStubType ?? undefined,
    kinds: Object.keys(message.message ?? {}).filter(kind => message.message[kind] != null)
  }
}

async function onConnection(update) {
  const { qr, lastDisconnect, ...rest } = update
  if (qr) {
    tell({ ev: 'qr', qr })
    if (options.phone && !codeAsked) {
      codeAsked = true
      await askCode(options.phone, options.code)
    }
  }
  const error = lastDisconnect?.error
  const status = error?.output?.statusCode
  const open = update.connection === 'open'
  tell({
    ev: 'connection',
    ...rest,
    ...(error ? { status, error: error.message } : {}),
    ...(open ? { me: state.creds.me } : {})
  })
  if (update.connection === 'close') comeBack(status)
}

function comeBack(status) {
  const loggedOut = status === baileys.DisconnectReason.loggedOut
  if (quitting || loggedOut || reconnects >= Number(options.reconnects)) {
    setTimeout(() => process.exit(quitting ? 0 : loggedOut ? 4 : 3), 150)
    return
  }
  reconnects += 1
  const restart = status === baileys.DisconnectReason.restartRequired
  setTimeout(start, restart ? 50 : Math.min(500 * reconnects, 5000))
}

async function askCode(phone, code) {
  try {
    tell({ ev: 'pairing_code', phone, code: await socket.requestPairingCode(phone, code) })
  } catch (error) {
    tell({ ev: 'error', where: 'pairing_code', error: error.message })
  }
}

const commands = {
  async send({ jid, text }) {
    const message = await socket.sendMessage(jid, { text })
    sent.set(message.key.id, message.message)
    return { key: message.key }
  },
  async react({ jid, key, text }) {
    return { key: (await socket.sendMessage(jid, { react: { text, key } })).key }
  },
  async read({ jid, id, participant }) {
    await socket.readMessages([{ remoteJid: jid, id, participant, fromMe: false }])
  },
  async group_create({ subject, participants }) {
    return { group: await socket.groupCreate(subject, participants) }
  },
  async group_meta({ jid }) {
    return { group: await socket.groupMetadata(jid) }
  },
  async presence({ type, jid }) {
    await socket.sendPresenceUpdate(type, jid)
  },
  async on_whatsapp({ phones }) {
    return { result: await socket.onWhatsApp(...phones) }
  },
  async iq({ node }) {
    return { result: await socket.query(node) }
  },
  async rotate_signed_key() {
    await socket.rotateSignedPreKey()
  },
  async upload_keys({ count }) {
    await socket.uploadPreKeys(count)
  },
  async chat_modify({ jid, change }) {
    await socket.chatModify(change, jid)
  },
  async drop() {
    await socket.ws.close()
  },
  async logout() {
    await socket.logout()
  },
  async quit() {
    quitting = true
    await saveCreds()
    await socket.end(undefined)
    setTimeout(() => process.exit(0), 300)
  }
}

async function obey(line) {
  const { cmd, tag, ...rest } = JSON.parse(line)
  try {
    tell({ ev: 'result', cmd, tag, ok: true, ...(await commands[cmd](rest)) })
  } catch (error) {
    tell({ ev: 'result', cmd, tag, ok: false, error: error.message, data: error.data })
  }
}

readline
  .createInterface({ input: process.stdin })
  .on('line', line => obey(line))
  .on('close', () => {
    if (!quitting) commands.quit().catch(() => process.exit(0))
  })
process.on('unhandledRejection', error => tell({ ev: 'error', error: String(error?.message) }))
tell({ ev: 'start', package: options.package })
start()
