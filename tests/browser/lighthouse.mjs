// Scores pages in one Chromium that stays open: reads {"url", "cookie", "categories"} a line, writes {"scores", "failed"} a line.
// node lighthouse.mjs MODULES CHROMIUM
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modules, chromePath] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${modules}/${path}`).href);
const { default: lighthouse } = await load("lighthouse/core/index.js");
const { launch } = await load("chrome-launcher/dist/index.js");

// Our pages do nothing once they are loaded, so nothing is waited for longer; throttling is left as it is (slow 4G, 4 x CPU).
const waits = { pauseAfterFcpMs: 0, pauseAfterLoadMs: 0, networkQuietThresholdMs: 300, cpuQuietThresholdMs: 300 };
const chrome = await launch({ chromePath, chromeFlags: ["--headless=new", "--no-sandbox"] });
for await (const line of createInterface({ input: process.stdin })) {
  const { url, cookie, categories: onlyCategories } = JSON.parse(line);
  const flags = { port: chrome.port, onlyCategories, disableFullPageScreenshot: true, logLevel: "silent", ...waits };
  const { lhr } = await lighthouse(url, { ...flags, extraHeaders: cookie ? { Cookie: cookie } : {} });
  const weighed = new Set(Object.values(lhr.categories).flatMap((one) => one.auditRefs.filter((ref) => ref.weight).map((ref) => ref.id)));
  const failed = Object.values(lhr.audits).filter((one) => weighed.has(one.id) && one.score !== null && one.score < 1);
  console.log(JSON.stringify({
    shown: lhr.finalDisplayedUrl,
    scores: Object.fromEntries(Object.values(lhr.categories).map((one) => [one.id, one.score])),
    failed: failed.map((one) => `${one.id} ${one.score} ${one.displayValue ?? ""}`.trim()),
  }));
}
await chrome.kill();
