#!/usr/bin/env node
// The Signal protocol as other people wrote it: npm's libsignal, and the group ciphers of Baileys.
// Standard input asks, standard output answers, one JSON object a line; bytes are in base64.
// Nothing here judges: what an operation throws is its answer.
import { createRequire } from 'node:module'
import readline from 'node:readline'

const require = createRequire(new URL('./v7/node_modules/baileys/lib/index.js', import.meta.url))
const libsignal = require('libsignal')
const group = await import(
  new URL('./v7/node_modules/baileys/lib/Signal/Group/index.js', import.meta.url)
)
const { SenderKeyRecord } = group
for (const level of ['log', 'info', 'warn', 'debug', 'error']) {
  console[level] = (...words) => process.stderr.write(`console: ${words.map(String).join(' ')}\n`)
}

const bytes = text => Buffer.from(text, 'base64')
const text = buffer => Buffer.from(buffer).toString('base64')
const peer = new libsignal.ProtocolAddress('peer', 1)

// One side of a conversation, with everything that it keeps in memory.
class Party {
  constructor() {
    this.identity = libsignal.keyhelper.generateIdentityKeyPair()
    this.registrationId = libsignal.keyhelper.generateRegistrationId()
    this.signed = libsignal.keyhelper.generateSignedPreKey(this.identity, 7)
    this.oneTime = libsignal.keyhelper.generatePreKey(11)
    this.sessions = new Map()
  }

  getOurIdentity() { return this.identity }
  getOurRegistrationId() { return this.registrationId }
  isTrustedIdentity() { return true }
  loadSession(address) {
    const kept = this.sessions.get(address)
    return kept ? libsignal.SessionRecord.deserialize(JSON.parse(kept)) : null
  }
  storeSession(address, record) { this.sessions.set(address, JSON.stringify(record.serialize())) }
  loadPreKey(id) { return id === this.oneTime?.keyId ? this.oneTime.keyPair : undefined }
  removePreKey(id) { if (id === this.oneTime?.keyId) this.oneTime = undefined }
  loadSignedPreKey() { return this.signed.keyPair }
}

class GroupStore {
  constructor() { this.record = new SenderKeyRecord() }
  loadSenderKey() { return this.record }
  storeSenderKey(_, record) { this.record = record }
}

const parties = new Map()
const groups = new Map()
const groupName = { toString: () => 'group', serialize: () => 'group' }

const operations = {
  party({ name }) {
    const party = new Party()
    parties.set(name, party)
    return {
      registration_id: party.registrationId,
      identity: text(party.identity.pubKey),
      signed: {
        id: party.signed.keyId,
        public: text(party.signed.keyPair.pubKey),
        signature: text(party.signed.signature)
      },
      one_time: { id: party.oneTime.keyId, public: text(party.oneTime.keyPair.pubKey) }
    }
  },
  async start({ name, bundle }) {
    await new libsignal.SessionBuilder(parties.get(name), peer).initOutgoing({
      registrationId: bundle.registration_id,
      identityKey: bytes(bundle.identity),
      signedPreKey: {
        keyId: bundle.signed.id,
        publicKey: bytes(bundle.signed.public),
        signature: bytes(bundle.signed.signature)
      },
      ...(bundle.one_time
        ? { preKey: { keyId: bundle.one_time.id, publicKey: bytes(bundle.one_time.public) } }
        : {})
    })
    return {}
  },
  async encrypt({ name, plain }) {
    const cipher = new libsignal.SessionCipher(parties.get(name), peer)
    const { type, body } = await cipher.encrypt(bytes(plain))
    return { kind: type === 3 ? 'pkmsg' : 'msg', sealed: text(Buffer.from(body, 'binary')) }
  },
  async decrypt({ name, kind, sealed }) {
    const cipher = new libsignal.SessionCipher(parties.get(name), peer)
    const plain =
      kind === 'pkmsg'
        ? await cipher.decryptPreKeyWhisperMessage(bytes(sealed))
        : await cipher.decryptWhisperMessage(bytes(sealed))
    return { plain: text(plain) }
  },
  key_pair() {
    const pair = libsignal.curve.generateKeyPair()
    return { public: text(pair.pubKey), private: text(pair.privKey) }
  },
  sign({ private: key, message }) {
    return { signature: text(libsignal.curve.calculateSignature(bytes(key), bytes(message))) }
  },
  verify({ public: key, message, signature }) {
    const valid = libsignal.curve.verifySignature(
      bytes(key), bytes(message), bytes(signature), false
    )
    return { valid: Boolean(valid) }
  },
  async group_create({ name }) {
    const store = new GroupStore()
    groups.set(name, store)
    const message = await new group.GroupSessionBuilder(store).create(groupName)
    return { distribution: text(message.serialize()) }
  },
  async group_accept({ name, distribution }) {
    const store = groups.get(name) ?? new GroupStore()
    groups.set(name, store)
    const message = new group.SenderKeyDistributionMessage(
      null, null, null, null, bytes(distribution)
    )
    await new group.GroupSessionBuilder(store).process(groupName, message)
    return {}
  },
  async group_encrypt({ name, plain }) {
    const sealed = await new group.GroupCipher(groups.get(name), groupName).encrypt(bytes(plain))
    return { sealed: text(sealed) }
  },
  async group_decrypt({ name, sealed }) {
    const plain = await new group.GroupCipher(groups.get(name), groupName).decrypt(bytes(sealed))
    return { plain: text(plain) }
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { op, ...rest } = JSON.parse(line)
  let answer
  try {
    answer = { ok: true, ...(await operations[op](rest)) }
  } catch (error) {
    answer = { ok: false, error: String(error.message ?? error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
