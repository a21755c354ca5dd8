import assert from "node:assert/strict";
import { test } from "node:test";

import { BundleError, MersalgError, Offers, RequestError, load, reasonText } from "mersalg";
import { fakeRuntime, writeBundle } from "./toy.js";

async function toy(options) {
  const runtime = fakeRuntime(options);
  const recommender = await load(await writeBundle(), { ort: runtime });
  runtime.asked.length = 0;
  return { recommender, runtime };
}

test("offers come best first, with rank, kind, relevance, score and anchor", async () => {
  const { recommender } = await toy();
  const offers = await recommender.recommend({ request_id: "r", cart: ["jam"] });
  assert.ok(offers instanceof Offers);
  assert.deepEqual([...offers], [
    {
      request_id: "r", rank: 1, product_id: "bread", kind: "cross-sell", relevance: 0.5, score: 5, because: "jam",
      lift: 6.25, due_in_days: null, interval_days: null, times_bought: 0, better: [], price_step: null,
    },
    {
      request_id: "r", rank: 2, product_id: "bag", kind: "add-on", relevance: 0.25, score: 2.5, because: "jam",
      lift: null, due_in_days: null, interval_days: null, times_bought: 0, better: ["larger pack", "higher grade"],
      price_step: null,
    },
  ]);
  assert.deepEqual([offers.length, offers.reason, offers.retrieved, offers.at(-1).rank], [2, null, 3, 2]);
  assert.equal(
    String(offers),
    "Offers(2 of 3 retrieved)\n  1. 'bread' cross-sell, relevance 0.500, because of 'jam'\n" +
      "  2. 'bag' add-on, relevance 0.250, because of 'jam'",
  );
});

test("an offer without an anchor has null", async () => {
  const { recommender } = await toy();
  assert.equal((await recommender.recommend()).at(0).because, null);
});

test("an empty answer says why", async () => {
  const { recommender, runtime } = await toy();
  const reason = async (request) => (await recommender.recommend(request)).reason;
  assert.equal(await reason({ limit: 0 }), "limit is 0");
  assert.equal(await reason({ kinds: [] }), "no kind asked for");
  assert.equal(runtime.asked.length, 0);
  assert.equal(await reason({ kinds: ["upsell"] }), "nothing retrieved");
  assert.equal(await reason({ kinds: ["replacement"] }), "kind silent");
  const offers = await recommender.recommend({ only: ["milk"], kinds: ["replacement"] });
  assert.equal(String(offers), "Offers(none: kind silent; 1 retrieved; best replacement 0.125)");
});

test("without thresholds everything that was retrieved is ranked", async () => {
  const { recommender } = await toy();
  const [offers] = await recommender.score([{}], { threshold: false });
  assert.deepEqual(offers.items.map((offer) => offer.product_id), ["bread", "bag", "milk"]);
});

test("a product of the history carries its rhythm and how often it was bought", async () => {
  const { recommender } = await toy();
  const line = (product_id, day) => ({ product_id, ordered_at: `2017-05-0${day}T10:00:00` });
  const history = [line("milk", 1), line("jam", 2), line("milk", 8)];
  const request = { history, at: "2017-06-01T10:00:00", kinds: ["replacement"] };
  const [[milk]] = (await recommender.score([request], { threshold: false })).map((offers) => offers.items);
  assert.deepEqual([milk.due_in_days, milk.interval_days, milk.times_bought], [-2, 7, 2]);
  assert.equal(reasonText(milk, recommender.name.bind(recommender)), "due since 2 days: you buy it every 7 days");
});

test("where no customer is known to come back nothing is asked after payment", async () => {
  const runtime = fakeRuntime();
  const recommender = await load(await writeBundle({ manifest: { customers_return: false } }), { ort: runtime });
  runtime.asked.length = 0;
  for (const moment of ["order-confirmation", "follow-up"])
    assert.equal((await recommender.recommend({ moment, cart: ["jam"] })).reason, "no customers known");
  assert.equal(runtime.asked.length, 0);
  assert.equal((await recommender.recommend({ cart: ["jam"] })).reason, null);
});

test("the moment's manners hold where no kinds are named and the threshold is on", async () => {
  const { recommender, runtime } = await toy();
  await recommender.recommend({});
  await recommender.recommend({ kinds: ["add-on"] });
  await recommender.score([{ kinds: null }, {}], { threshold: false });
  assert.deepEqual(runtime.asked.map((feeds) => feeds.by_moment.data[0]), [1, 0, 0, 0]);
});

test("many requests are answered in their order, one a run", async () => {
  const { recommender, runtime } = await toy();
  const requests = Array.from({ length: 300 }, (_, i) => ({
    request_id: String(i), cart: Array(i % 7).fill(`anchor-${i}`), limit: 1 + (i % 3), only: Array(i % 5).fill("bread"),
  }));
  const answers = await recommender.score(requests, { batch_size: 4 });
  const single = await Promise.all(requests.map((request) => recommender.recommend(request)));
  assert.deepEqual(answers.map(String), single.map(String));
  assert.ok(runtime.asked.every((feeds) => feeds.moment.dims[0] === 1));
});

test("an asynchronous source of requests is streamed", async () => {
  const { recommender } = await toy();
  async function* source() {
    yield { request_id: "a" };
    yield { request_id: "b" };
  }
  const ids = [];
  for await (const offers of recommender.stream(source())) ids.push(offers.at(0).request_id);
  assert.deepEqual(ids, ["a", "b"]);
});

test("a refused request of many is named by its number and id", async () => {
  const { recommender } = await toy();
  await assert.rejects(recommender.score([{}, { request_id: "b", cart: [1] }]), (error) => {
    assert.ok(error instanceof RequestError);
    assert.deepEqual([error.field, error.where], ["cart[0]", 'request 2 (request_id "b")']);
    return true;
  });
  await assert.rejects(recommender.score([], { batch_size: 0 }), MersalgError);
});

test("requests at the same time do not run at the same time, and a failed one fails alone", async () => {
  const { recommender, runtime } = await toy();
  const answers = await Promise.all(Array.from({ length: 50 }, () => recommender.recommend()));
  assert.ok(answers.every((offers) => offers.length === 2));
  const { run } = runtime.session;
  runtime.session.run = () => Promise.reject(new Error("out of memory"));
  const failed = recommender.recommend();
  const next = recommender.recommend();
  await assert.rejects(failed, (error) => error instanceof BundleError && error.message.includes("out of memory"));
  await assert.rejects(next, BundleError);
  runtime.session.run = run;
  assert.equal((await recommender.recommend()).length, 2);
});

test("an answer cannot be changed", async () => {
  const { recommender } = await toy();
  const offers = await recommender.recommend();
  assert.throws(() => offers.items.push(1), TypeError);
  assert.throws(() => {
    offers.at(0).rank = 9;
  }, TypeError);
});

test("a closed recommender has given its session back", async () => {
  const { recommender, runtime } = await toy();
  await recommender.close();
  assert.ok(runtime.session.released);
});
