import assert from "node:assert/strict";
import { test } from "node:test";

import { Customer, RequestError, load } from "mersalg";
import { readCustomer } from "../lib/customer.js";
import { readRequest } from "../lib/request.js";
import { fakeRuntime, writeBundle } from "./toy.js";

const DAY = 86_400_000;
const NOW = Date.parse("2017-06-01T12:00:00Z");
const text = (millis, zone) => new Date(millis).toISOString().slice(0, 19) + zone;
const line = (number, zone) => ({
  product_id: `p${number % 40}`,
  ordered_at: text(NOW - ((number * 7919) % 400) * DAY + 40 * DAY, zone),
  quantity: [1, 2.5, -1, 0, null][number % 5],
});

test("lines count at any time as if they were read then", () => {
  for (const zone of ["", "Z", "+05:30"])
    for (const n of [0, 30, 3000]) {
      const history = Array.from({ length: n }, (_, number) => line(number, zone));
      const customer = readCustomer(history);
      const grown = readCustomer(history.slice(0, 11)).bought(history.slice(11));
      assert.equal(customer.length, n * 0.6);
      for (const days of [-500, -100.123456, 0, 60]) {
        const at = text(NOW + days * DAY, zone);
        const wanted = readRequest({ history, at });
        assert.deepEqual(readRequest({ customer, at }), wanted);
        assert.deepEqual(readRequest({ customer: grown, at }), wanted);
      }
    }
});

test("ages are those of the time that is asked about", () => {
  const customer = readCustomer([{ product_id: "milk", ordered_at: "2017-05-01" }]);
  assert.deepEqual([...readRequest({ customer, at: "2017-05-02T12:00:00" }).history_age_days], [1.5]);
  assert.deepEqual([...readRequest({ customer, at: "2017-04-30" }).history_age_days], []);
});

test("a customer and a history are not given together, and times of two sorts do not mix", () => {
  const history = [{ product_id: "milk", ordered_at: "2017-05-01" }];
  const customer = readCustomer(history);
  const refuses = (run, message) =>
    assert.throws(run, (error) => error instanceof RequestError && error.message.startsWith(message));
  refuses(() => readRequest({ customer, history }), "customer: expected none beside a history");
  refuses(() => readRequest({ customer: "anna" }), "customer: expected what recommender.customer(history) gives");
  refuses(() => readRequest({ customer, at: "2017-06-01Z" }), "at: expected a");
  refuses(
    () => customer.bought([{ product_id: "milk", ordered_at: "2017-05-01T00:00Z" }]),
    "history[0].ordered_at: expected a time without a time zone, as those before have none",
  );
  assert.deepEqual(readRequest({ customer: null, history: [] }), readRequest({ customer: readCustomer([]), history: [] }));
});

test("a recommender makes a customer, who is of no bundle and never changes", async () => {
  const runtime = fakeRuntime();
  const [first, second] = [await load(await writeBundle(), { ort: runtime }), await load(await writeBundle(), { ort: runtime })];
  const history = [1, 8].map((day) => ({ product_id: "milk", ordered_at: `2017-05-0${day}T10:00:00` }));
  const customer = first.customer(history);
  assert.ok(customer instanceof Customer);
  assert.equal(String(customer), "Customer(2 lines)");
  assert.equal(customer.bought([]), customer);
  customer.bought(history);
  assert.equal(customer.length, 2);
  const request = { at: "2017-06-01T10:00:00", kinds: ["replacement"] };
  const [wanted] = await second.score([{ ...request, history }], { threshold: false });
  assert.deepEqual(await second.score([{ ...request, customer }], { threshold: false }), [wanted]);
  assert.equal(wanted.at(0).times_bought, 2);
});
