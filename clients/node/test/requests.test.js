import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { RequestError } from "../lib/errors.js";
import { encode } from "../lib/encode.js";
import { readRequest } from "../lib/request.js";
import { readTime } from "../lib/times.js";

/** Texts of times: what is read, as which time, and what is refused; in Python, too. */
const TIMES = JSON.parse(readFileSync(new URL("../../../tests/web/times.json", import.meta.url), "utf8"));

const line = (ordered_at, more = {}) => ({ product_id: "milk", ordered_at, ...more });
const read = (history, at = "2017-06-02T00:00:00") => readRequest({ history, at });

function refuses(request, field) {
  assert.throws(() => readRequest(request), (error) => {
    assert.ok(error instanceof RequestError, String(error));
    assert.equal(error.field, field);
    assert.ok(error.message.startsWith(`${field}: expected `), error.message);
    return true;
  });
}

test("an empty request has every default", () => {
  const { kinds, limit, moment, cart, by_value } = readRequest({});
  assert.deepEqual({ kinds, limit, moment, cart, by_value }, {
    kinds: [true, true, true, true, true], limit: 3, moment: 1, cart: [], by_value: false,
  });
});

test("null and undefined are an absent list, time, kinds and order", () => {
  for (const nothing of [null, undefined]) {
    const request = { cart: nothing, history: nothing, at: nothing, kinds: nothing, exclude: nothing, only: nothing };
    assert.deepEqual(readRequest({ ...request, order: nothing }), readRequest({}));
  }
});

test("the kinds of a moment are asked for where none are named", () => {
  assert.deepEqual(readRequest({ moment: "checkout" }).kinds, [false, true, false, false, true]);
  assert.deepEqual(readRequest({ moment: "order-confirmation" }).kinds, [true, true, false, false, false]);
  assert.deepEqual(readRequest({ kinds: [] }).kinds, [false, false, false, false, false]);
});

test("a wrong field is refused by its name", () => {
  refuses("milk", "request");
  refuses([], "request");
  refuses({ basket: [] }, "basket");
  refuses({ request_id: 1 }, "request_id");
  refuses({ moment: "basket" }, "moment");
  refuses({ moment: "__proto__" }, "moment");
  refuses({ order: "price" }, "order");
  refuses({ cart: "milk" }, "cart");
  refuses({ cart: { milk: 1 } }, "cart");
  refuses({ cart: ["milk", 42] }, "cart[1]");
  refuses({ exclude: [""] }, "exclude[0]");
  refuses({ only: ["a\0b"] }, "only[0]");
  refuses({ cart: ["\ud83d"] }, "cart[0]");
  refuses({ only: Array(513).fill("milk") }, "only");
  refuses({ kinds: "add-on" }, "kinds");
  refuses({ kinds: ["addon"] }, "kinds[0]");
  for (const limit of [-1, 1.5, "3", null, 2 ** 31, Number.NaN, true, 3n]) refuses({ limit }, "limit");
});

test("a wrong line of a history is refused by its place", () => {
  const good = line("2017-06-01T00:00:00");
  refuses({ history: "milk" }, "history");
  refuses({ history: [good, "milk"] }, "history[1]");
  refuses({ history: [good, { ordered_at: "2017-06-01" }] }, "history[1].product_id");
  refuses({ history: [{ product_id: "milk" }] }, "history[0].ordered_at");
  refuses({ history: [good, line("yesterday")] }, "history[1].ordered_at");
  refuses({ history: [line(1496275200)] }, "history[0].ordered_at");
  refuses({ history: [line(new Date("never"))] }, "history[0].ordered_at");
  refuses({ history: [good, line("2017-06-01T00:00:00Z")] }, "history[1].ordered_at");
  refuses({ history: [good], at: new Date() }, "at");
  refuses({ history: [], at: "now" }, "at");
  for (const quantity of ["2", Number.NaN, Infinity, 1e10, true])
    refuses({ history: [line("2017-06-01", { quantity })] }, "history[0].quantity");
});

test("ages are days of 86,400 seconds, to the microsecond", () => {
  const times = ["2017-06-01T12:00:00", "2017-06-01", "2017-06-01T23:59:59.999999"];
  const { history_age_days } = read(times.map((time) => line(time)));
  assert.deepEqual([...history_age_days], [0.5, 1, Math.fround(1e-6 / 86_400)]);
});

test("times with zones are turned into UTC, whatever the clock's own zone is", () => {
  const zone = process.env.TZ;
  for (const own of ["UTC", "America/New_York", "Asia/Kolkata"]) {
    process.env.TZ = own;
    const times = ["2017-06-01T00:00:00Z", "2017-06-01T05:30:00+05:30", new Date(Date.UTC(2017, 5, 1))];
    const { history_age_days } = read(times.map((time) => line(time)), "2017-05-31T19:00:00-0500");
    assert.deepEqual([...history_age_days], [0, 0, 0]);
    assert.deepEqual([...read([line("2017-06-01T00:00:00")]).history_age_days], [1]);
  }
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

test("every spelling of a time is the same time, and what is no time is refused", () => {
  for (const [text, time] of Object.entries(TIMES.read)) assert.deepEqual(readTime(text, "at"), readTime(time, "at"), text);
  for (const text of TIMES.refused) refuses({ at: text }, "at");
  assert.equal(read([line("0001-01-01")], "9999-12-31T23:59:59").history_age_days.length, 1);
});

test("what was bought later, and what was returned, is left out", () => {
  const history = [
    line("2017-06-02T00:00:00.000001"), line("2017-06-01", { quantity: 0 }), line("2017-06-01", { quantity: -2 }),
    line("2017-06-02T00:00:00", { quantity: null }), line("2017-06-01", { quantity: 2.5 }),
  ];
  assert.deepEqual([...read(history).history_quantity], [1, 2.5]);
});

test("the latest thousand lines are kept in their order, of two at one time the later in the list", () => {
  const history = Array.from({ length: 1003 }, (_, i) => ({ product_id: `p${i}`, ordered_at: "2017-06-01" }));
  history[1002].ordered_at = "2016-01-01"; // the oldest, though the last
  const kept = read(history).history;
  assert.equal(kept.length, 1000);
  assert.deepEqual([kept[0], kept[999]], ["p2", "p1001"]);
});

test("a request has a first axis of 1, and an empty list one place", () => {
  const feeds = encode(readRequest({ cart: ["a", "b"] }), true);
  assert.deepEqual(feeds.cart, { type: "string", data: ["a", "b"], dims: [1, 2] });
  assert.deepEqual(feeds.exclude, { type: "string", data: [""], dims: [1, 1] });
  assert.deepEqual(feeds.history, { type: "string", data: [""], dims: [1, 1] });
  assert.deepEqual([...feeds.limit.data], [3n]);
  assert.deepEqual(feeds.kinds.dims, [1, 5]);
  const known = encode(read([line("2017-06-01")]), true);
  assert.deepEqual(known.history, { type: "string", data: ["milk"], dims: [1, 1] });
  assert.deepEqual([...known.history_age_days.data], [1]);
});
