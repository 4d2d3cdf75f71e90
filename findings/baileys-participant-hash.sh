#!/usr/bin/env bash
# Version:  baileys 7.0.0-rc14 and zapo-js 0.3.0 (npm)
# Guess:    `generateParticipantHashV2` computes the `phash` that WhatsApp's clients send with a
#           group message, so that the server can tell a stale list of devices.
# In truth: it takes the first six characters of the base64 of the whole SHA-256, over addresses as
#           they are written. The value that the others compute (whatsmeow, whatsapp-rust, zapo) is
#           the base64 of the first six bytes, which has eight characters, over addresses of the form
#           user.0:device@server. The two never agree, not even in length.
# Matters:  who takes the function for a bridge, a simulator or a check compares values that cannot
#           be equal, and sees every list as stale.
# Source:   lib/Utils/generics.js of baileys; dist/message/phash.js of zapo-js; `participantListHashV2`
#           in send.go of whatsmeow.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
    baileys@7.0.0-rc14 zapo-js@0.3.0 >/dev/null

cat >run.mjs <<'JS'
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { generateParticipantHashV2 } from 'baileys';

const require = createRequire(import.meta.url);
const { computePhashV2 } = require(`${process.cwd()}/node_modules/zapo-js/dist/message/phash.js`);
const devices = ['15550001111@s.whatsapp.net', '15550001111:5@s.whatsapp.net', '15550002222@s.whatsapp.net'];
const spelled = ['15550001111.0:0@s.whatsapp.net', '15550001111.0:5@s.whatsapp.net', '15550002222.0:0@s.whatsapp.net'];
const digest = createHash('sha256').update(spelled.join('')).digest();
console.log('baileys', generateParticipantHashV2([...devices]));
console.log('zapo-js', await computePhashV2(devices));
console.log('by hand', `2:${digest.subarray(0, 6).toString('base64')}`);
JS

seen=$(timeout 60 node run.mjs)
printf '%s\n' "$seen"
[ "$seen" = "baileys 2:URRKBn
zapo-js 2:iAmnkG2b
by hand 2:iAmnkG2b" ] || {
    echo "changed" >&2
    exit 1
}
