import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { RequestError, reasonText } from "mersalg";

const table = JSON.parse(await readFile(new URL("reasons.json", import.meta.url), "utf-8"));
const nothing = {
  product_id: table.offered, lift: null, due_in_days: null, interval_days: null, times_bought: 0, better: [],
  price_step: null,
};
const name = (product) => table.names[product] ?? product;

for (const { offer, texts } of table.cases)
  for (const [language, text] of Object.entries(texts))
    test(`in ${language}: ${text}`, () => assert.equal(reasonText({ ...nothing, ...offer }, name, language), text));

test("English is the language where none is named, and an unknown one is refused", () => {
  const offer = { ...nothing, kind: "cross-sell", because: null };
  assert.equal(reasonText(offer, name), "often bought here");
  for (const language of ["de", "", "toString", null])
    assert.throws(() => reasonText(offer, name, language), (error) => {
      assert.ok(error instanceof RequestError);
      assert.equal(error.field, "language");
      return true;
    });
});
