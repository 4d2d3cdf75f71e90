// Drives the web page in Debian's Chromium. Says what it sees in lines of JSON, and does what it is
// told in lines of JSON: {"do": "enter", "key": …}, "add", "pair", "wait", "picture", "end".

import { createInterface } from 'node:readline'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { chromium } from 'playwright-core'

const [origin] = process.argv.slice(2)
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')
const folder = mkdtempSync(join(tmpdir(), 'wmctl-page-'))
const context = await chromium.launchPersistentContext(folder, {
  executablePath: '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const page = context.pages()[0] ?? await context.newPage()
page.setDefaultTimeout(60_000)
page.on('request', (request) => {
  const url = request.url()
  // What the page made itself goes nowhere.
  if (!url.startsWith('blob:' + origin)) say({ type: 'request', url })
})
page.on('console', (message) => {
  if (message.type() === 'error') say({ type: 'console', text: message.text() })
})
page.on('pageerror', (error) => say({ type: 'error', text: String(error) }))

const acts = {
  async open() { await page.goto(origin + '/') },
  async enter({ key }) {
    await page.fill('#key', key)
    await page.click('#enter button')
  },
  async add({ name }) {
    await page.fill('#name', name)
    await page.click('#add button')
    await page.waitForSelector(`tr[data-tenant="${name}"]`)
  },
  async pair({ name }) {
    await page.click(`tr[data-tenant="${name}"] >> text="Pair"`)
    await page.waitForSelector('#qr:not([hidden])')
    // The image itself, so that a camera could read it.
    return page.evaluate(async () => {
      const image = document.getElementById('qr')
      await image.decode()
      return { code: image.dataset.code, width: image.naturalWidth }
    })
  },
  async close() { await page.click('#close') },
  async act({ name, button }) {
    await page.click(`tr[data-tenant="${name}"] >> text="${button}"`)
  },
  // Until the element's text contains what is wanted.
  async wait({ selector, text }) {
    await page.waitForFunction(([at, wanted]) => {
      const found = document.querySelector(at)
      return found && found.checkVisibility() && found.textContent.includes(wanted)
    }, [selector, text])
  },
  // The page has no business elsewhere: its policy must hold even against its own script.
  async escape({ url }) {
    return page.evaluate(async (target) => {
      try { await fetch(target, { mode: 'no-cors' }) } catch { return { blocked: true } }
      return { blocked: false }
    }, url)
  },
  async picture({ path, width, height, scheme }) {
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme: scheme })
    await page.screenshot({ path, fullPage: true })
    const kept = process.env.WMCTL_PAGE_PICTURES
    if (kept) copyFileSync(path, join(kept, basename(path)))
    return page.evaluate(() => ({ wide: document.documentElement.scrollWidth, room: innerWidth }))
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line)
  if (order.do === 'end') break
  try {
    say({ type: 'done', do: order.do, ...await acts[order.do](order) })
  } catch (error) {
    say({ type: 'failed', do: order.do, text: String(error) })
  }
}
await context.close()
rmSync(folder, { recursive: true, force: true })
say({ type: 'ended' })
