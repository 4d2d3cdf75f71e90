#!/usr/bin/env bash
# Version:  baileys 7.0.0-rc14 (npm)
# Guess:    a sender key encrypts the messages of a group with iterations 0, 1, 2, 3 and so on, as
#           whatsmeow, libsignal and the chain's own definition have it.
# In truth: the first message has iteration 0, the second one 2, the third one 4: from the second
#           message on every odd iteration is skipped, and its message key is kept, on both sides,
#           for a message that never comes.
# Matters:  a receiver that counts gaps takes every second message of a Baileys sender for lost. Each
#           message leaves one unused key in the record of every reader and of the sender, up to the
#           2,000 that are kept, so such a record grows to hundreds of kilobytes and is rewritten
#           with each message. A record moved to another library carries all of them along, and a
#           library that keeps fewer drops them, which does no harm: they belong to no message.
# Source:   `encrypt` and `getSenderKey` in lib/Signal/Group/group_cipher.js of the package.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --ignore-scripts --no-audit --no-fund --loglevel=error baileys@7.0.0-rc14 >/dev/null

cat >run.mjs <<'JS'
import {
  GroupCipher,
  GroupSessionBuilder,
  SenderKeyMessage,
  SenderKeyName,
  SenderKeyRecord,
} from './node_modules/baileys/lib/Signal/Group/index.js';

const store = () => {
  const records = new Map();
  return {
    async loadSenderKey(name) {
      return records.get(name.toString()) ?? new SenderKeyRecord();
    },
    async storeSenderKey(name, record) {
      records.set(name.toString(), record);
    },
    keys(name) {
      return records.get(name.toString()).getSenderKeyState().getStructure().senderMessageKeys.length;
    },
  };
};
const name = new SenderKeyName('120363000000000001@g.us', { id: '15550001111', deviceId: 0, toString: () => '15550001111.0' });
const [sender, reader] = [store(), store()];
const distribution = await new GroupSessionBuilder(sender).create(name);
await new GroupSessionBuilder(reader).process(name, distribution);
const iterations = [];
for (let number = 0; number < 6; number += 1) {
  const bytes = await new GroupCipher(sender, name).encrypt(Buffer.from(`message ${number}`));
  iterations.push(new SenderKeyMessage(null, null, null, null, bytes).getIteration());
  const plain = await new GroupCipher(reader, name).decrypt(bytes);
  if (Buffer.from(plain).toString() !== `message ${number}`) throw new Error('not read');
}
console.log(`iterations ${iterations.join(' ')}`);
console.log(`unused keys: sender ${sender.keys(name)}, reader ${reader.keys(name)}`);
JS

seen=$(timeout 60 node run.mjs)
printf '%s\n' "$seen"
[ "$seen" = "iterations 0 2 4 6 8 10
unused keys: sender 5, reader 5" ] || {
    echo "changed" >&2
    exit 1
}
