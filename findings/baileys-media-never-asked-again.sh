#!/usr/bin/env bash
# Version:  baileys 7.0.0-rc14 (npm)
# Guess:    `downloadMediaMessage` calls `reuploadRequest` when the media server answers 404 or 410,
#           as its signature and its documentation say, and downloads again afterwards.
# In truth: it never does. It looks at `error.status`, but the error of a failed download is a Boom,
#           which has its number in `error.output.statusCode`; `status` is undefined. The error is
#           thrown to the caller at once, and the phone is not asked.
# Matters:  WhatsApp's media server forgets files after some weeks. An application that relies on
#           this argument loses every older file that the phone would have uploaded again. It has to
#           catch the error and call `updateMediaMessage` itself.
# Source:   lib/Utils/messages.js (`REUPLOAD_REQUIRED_STATUS`) and lib/Utils/messages-media.js of the
#           package.
# The network is replaced by a function: nothing is dialled.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --ignore-scripts --no-audit --no-fund --loglevel=error baileys@7.0.0-rc14 >/dev/null

cat >run.mjs <<'JS'
import { downloadMediaMessage } from 'baileys';

const status = Number(process.argv[2]);
globalThis.fetch = async () => new Response('gone', { status });
const quiet = { info() {}, debug() {}, warn() {}, error() {}, trace() {} };
let asked = 0;
const message = {
  key: { remoteJid: '15550001111@s.whatsapp.net', id: '3EB0A', fromMe: false },
  message: {
    imageMessage: {
      url: 'https://mmg.whatsapp.net/v/t62.7118-24/1?x=1',
      directPath: '/v/t62.7118-24/1?x=1',
      mimetype: 'image/jpeg',
      mediaKey: Buffer.alloc(32, 1),
    },
  },
};
const reuploadRequest = async (again) => {
  asked += 1;
  return again;
};
try {
  await downloadMediaMessage(message, 'buffer', {}, { logger: quiet, reuploadRequest });
  console.log(`${status}: downloaded`);
} catch (error) {
  console.log(`${status}: status ${error.status}, output.statusCode ${error.output?.statusCode}, asked ${asked} times`);
}
JS

for status in 404 410; do
    seen=$(timeout 60 node run.mjs "$status")
    printf '%s\n' "$seen"
    [ "$seen" = "$status: status undefined, output.statusCode $status, asked 0 times" ] || {
        echo "changed" >&2
        exit 1
    }
done
