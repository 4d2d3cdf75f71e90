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
const { LTHashAntiTampering } = await import(
  new URL('./v7/node_modules/whatsapp-rust-bridge/dist/index.js', import.meta.url)
)
const appState = await import(
  new URL('./v7/node_modules/baileys/lib/Utils/chat-utils.js', import.meta.url)
)
const { proto } = await import(
  new URL('./v7/node_modules/baileys/WAProto/index.js', import.meta.url)
)
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
// What Baileys holds of app state collections, by a name that the asker makes up.
const held = new Map()
const appStateKeys = new Map()
const appStateKey = async id => appStateKeys.get(id)
const shown = ({ state, mutationMap }) => ({
  version: Number(state.version),
  hash: text(state.hash),
  actions: Object.values(mutationMap).map(({ index, syncAction }) => ({
    index,
    value: text(proto.SyncActionValue.encode(syncAction.value).finish()),
    version: syncAction.version
  }))
})
// Baileys goes on with what it could read; here every complaint is the answer.
const complaints = []
const complainer = { warn: (_, words) => complaints.push(words) }
for (const level of ['trace', 'debug', 'info', 'error']) complainer[level] = () => {}
function complain() {
  if (complaints.length) throw new Error(complaints.splice(0).join('; '))
}
const groups = new Map()
const groupName = { toString: () => 'group', serialize: () => 'group' }

const operations = {
  app_state_hash({ base, subtract, add }) {
    const hash = new LTHashAntiTampering()
    const sum = hash.subtractThenAdd(bytes(base), subtract.map(bytes), add.map(bytes))
    return { hash: text(sum) }
  },
  app_state_share({ id, data }) {
    appStateKeys.set(id, { keyData: bytes(data) })
    return {}
  },
  async app_state_patch({ name, collection, patch }) {
    const patches = [proto.SyncdPatch.decode(bytes(patch))]
    const before = held.get(name) ?? appState.newLTHashState()
    const result = await appState.decodePatches(
      collection, patches, before, appStateKey, {}, undefined, complainer, true
    )
    complain()
    held.set(name, result.state)
    return shown(result)
  },
  async app_state_snapshot({ name, collection, snapshot }) {
    const read = proto.SyncdSnapshot.decode(bytes(snapshot))
    const result = await appState.decodeSyncdSnapshot(
      collection, read, appStateKey, undefined, true, complainer
    )
    complain()
    held.set(name, result.state)
    return shown(result)
  },
  async app_state_make({ name, collection, id, index, value, version, remove }) {
    const before = held.get(name) ?? appState.newLTHashState()
    const { patch, state } = await appState.encodeSyncdPatch(
      {
        type: collection,
        index,
        syncAction: proto.SyncActionValue.decode(bytes(value)),
        apiVersion: version,
        operation: remove ? 1 : 0
      },
      id, before, appStateKey
    )
    // A record that is removed is gone, which Baileys forgets when it is the author.
    if (remove) {
      const gone = text(patch.mutations[0].record.index.blob)
      delete state.indexValueMap[gone]
    }
    held.set(name, state)
    patch.version = { version: state.version }
    return { patch: text(proto.SyncdPatch.encode(patch).finish()), hash: text(state.hash) }
  },
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
