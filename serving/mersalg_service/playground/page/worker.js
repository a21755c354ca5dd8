/** A bundle in a thread of its own, so that the page never waits for it. Answers messages {id, call, argument}. */

import { addressPlace } from "../client/address.js";
import { readGolden, readScorer } from "../client/bundle/reading.js";
import { KINDS, KINDS_BY_MOMENT } from "../client/names.js";
import { Recommender, checkGolden } from "../client/recommender.js";
import { Session } from "../client/session.js";
import * as ort from "../ort/ort.js";
import { SILENT, runtimeWithFloors } from "./floors.js";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL("../ort/ort.wasm", import.meta.url).href };

const runtime = runtimeWithFloors(ort);
const compiled = runtime.warm();
compiled.catch(() => undefined); // who opens a bundle hears of it
/** @type {import("../client/recommender.js").Recommender} */
let recommender;
/** Kind -> the floor of the bundle; SILENT for one that it never shows. @type {Record<string, number>} */
let own = {};

/**
 * Verify and open the scorer of a bundle, and try it on the golden requests; what the page shows of it. The page itself
 * reads the names meanwhile.
 * @param {{address: string, manifest: any}} bundle
 */
async function open({ address, manifest }) {
  const start = performance.now();
  const source = await addressPlace(address).open();
  const [scorer, golden] = await Promise.all([readScorer(source, manifest), readGolden(source, manifest), compiled]);
  const session = await Session.open(runtime, scorer, source.place("scorer.onnx"), 1);
  scorer.buffer.transfer?.(0); // the runtime has its own copy: give the memory back now
  recommender = new Recommender({ source, manifest, scorer, golden, names: new Map() }, session);
  await checkGolden(recommender, { golden }, source.place("golden.json"));
  own = Object.fromEntries(KINDS.map((kind) => [kind, Math.fround(manifest.kinds[kind].threshold ?? SILENT)]));
  return {
    own,
    canMove: runtime.own !== null,
    samples: golden.map(({ request }) => request),
    milliseconds: performance.now() - start,
  };
}

/** Answer at these floors. @param {object} request @param {Record<string, number>} floors */
async function at(request, floors) {
  if (runtime.own !== null) runtime.floors = Float32Array.from(KINDS, (kind) => floors[kind]);
  return recommender.recommend(request);
}

/**
 * The answer at these floors, what the bundle's own floors give, and why each other candidate is left out.
 * @param {{request: object, floors: Record<string, number>}} question
 */
async function answer({ request, floors }) {
  const start = performance.now();
  const most = recommender.manifest.graph.candidates;
  const kinds = request.kinds ?? KINDS_BY_MOMENT.get(request.moment);
  const shown = await at(request, floors);
  const asked = performance.now() - start;
  const usual = KINDS.every((kind) => floors[kind] === own[kind]) ? shown : await at(request, own);
  const unlimited = await at({ ...request, limit: most }, floors);
  const lowest = runtime.own === null ? own : Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  const showable = await at({ ...request, kinds, limit: most }, lowest);
  const [ranked] = await recommender.score([{ ...request, limit: most }], { threshold: false });
  const isIn = (offers) => (offer) => [...offers].some(({ product_id }) => product_id === offer.product_id);
  const reaches = ({ kind, relevance }) => relevance >= floors[kind];
  const hidden = told(ranked).filter((offer) => !isIn(showable)(offer) && !isIn(shown)(offer));
  // Where floors cannot be moved, what the graph hides for its floor alone is not told from what it would never show.
  const isBelow = (offer) => runtime.own === null && !reaches(offer);
  return {
    shown: told(shown),
    reason: shown.reason,
    retrieved: shown.retrieved,
    usual: told(usual),
    below: [...told(showable).filter((offer) => !reaches(offer)), ...hidden.filter(isBelow)],
    cut: told(unlimited).filter((offer) => !isIn(shown)(offer)),
    unmannered: told(showable).filter((offer) => reaches(offer) && !isIn(unlimited)(offer)),
    unbrought: hidden.filter((offer) => !isBelow(offer)),
    milliseconds: { shown: asked, all: performance.now() - start },
  };
}

/** Offers as plain objects, with their prices and those of the anchors of upsells, where the bundle knows them. */
function told(offers) {
  const upsold = ({ kind, because }) => kind === "upsell" && because !== null;
  const prices = runtime.prices([...offers].flatMap((offer) => [offer.product_id, ...(upsold(offer) ? [offer.because] : [])]));
  return Array.from(offers, (offer) => {
    const price = prices.get(offer.product_id);
    const plain = { ...offer, better: [...offer.better], price, anchor_price: null };
    if (!upsold(offer)) return plain;
    const anchor_price = prices.get(offer.because);
    return { ...plain, anchor_price, price_step: price === null || anchor_price === null ? null : price - anchor_price };
  });
}

/** What is shown to each of these requests. @param {{requests: object[], floors: Record<string, number>}} set */
async function judge({ requests, floors }) {
  const answers = [];
  for (const request of requests) answers.push(Array.from(await at(request, floors), ({ product_id, kind }) => ({ product_id, kind })));
  return answers;
}

const CALLS = { open, answer, judge };
let last = Promise.resolve();

addEventListener("message", ({ data: { id, call, argument } }) => {
  last = last.then(async () => {
    try {
      postMessage({ id, result: await CALLS[call](argument) });
    } catch (error) {
      postMessage({ id, error: `${error.message}` });
    }
  });
});
