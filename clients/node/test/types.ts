/** Compiled, never run: the declared surface is that of the code, and wrong calls do not compile. */

import type * as declared from "../index.js";
import * as node from "../lib/node.js";
import * as web from "../lib/web.js";

export const inNode: typeof declared.load = node.load;
export const inWeb: typeof declared.load = web.load;
export const kinds: readonly declared.Kind[] = node.KINDS;

export async function documented(): Promise<string[]> {
  const recommender = await inNode("models/demo", { threads: 1, public_key: "shop.pub" });
  const offers: declared.Offers = await recommender.recommend({
    cart: new Set(["868075"]),
    history: [{ product_id: "1082185", ordered_at: new Date(), quantity: 1 }],
    moment: "cart",
    kinds: ["add-on"],
    at: "2017-12-01T10:00:00Z",
  });
  const customer: declared.Customer = recommender.customer([{ product_id: "1082185", ordered_at: new Date() }]);
  await recommender.recommend({ cart: ["868075"], customer: customer.bought([]) });
  // @ts-expect-error a customer is no key
  await recommender.recommend({ customer: "anna" });
  // @ts-expect-error a product id is a text
  await recommender.recommend({ cart: [868075] });
  // @ts-expect-error there is no such moment
  await recommender.recommend({ moment: "basket" });
  // @ts-expect-error there is no such field
  await recommender.recommend({ basket: [] });
  // @ts-expect-error an answer cannot be changed
  offers.items[0].rank = 2;
  const reason: declared.Reason | null = offers.reason;
  const best: number | undefined = offers.best_relevance["add-on"];
  return [...offers].map((offer) => `${offer.rank} ${offer.product_id} ${offer.because ?? "none"} ${reason} ${best}`);
}
