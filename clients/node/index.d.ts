/**
 * The loader of a mersalg bundle: `(await load("models/NAME")).recommend({cart: [...]})`.
 *
 * Requests and offers have the names of the bundle format, as in Python and in files.
 */

export type Kind = "cross-sell" | "add-on" | "upsell" | "more-of-same" | "replacement";
export type Moment = "product-page" | "cart" | "checkout" | "order-confirmation" | "follow-up";
export type Order = "relevance" | "value";
export type Better = "larger pack" | "lower price for the unit" | "higher grade" | "more features";
export type Language = "en" | "da" | "no" | "sv";
export type Reason =
  | "limit is 0"
  | "no kind asked for"
  | "no customers known"
  | "nothing retrieved"
  | "nothing goes with it"
  | "kind silent"
  | "below threshold";

export const KINDS: readonly Kind[];
export const MOMENTS: readonly Moment[];

/** What the customer bought before, a line of an order. */
export interface HistoryLine {
  product_id: string;
  /** A Date, or an ISO 8601 text; within a request all have a time zone, as a Date has, or none has. */
  ordered_at: string | Date;
  /** 1 where it is absent; a line of zero or below is a return and is not used. */
  quantity?: number | null;
  /** What was paid, for the budget of a policy; checked, and not used here. */
  unit_price?: number | null;
}

/** A history that is read already; of no bundle, and never changed. */
export class Customer {
  private constructor();
  /** Lines that are no returns. */
  readonly length: number;
  /** The customer with lines behind those of before. RequestError names a wrong one. */
  bought(lines: Iterable<HistoryLine>): Customer;
  toString(): string;
}

export interface Request {
  /** Repeated in the offers. */
  request_id?: string;
  /** Product ids in any order; unknown ones and duplicates change nothing. */
  cart?: Iterable<string> | null;
  /** The latest 1000 lines are used. */
  history?: Iterable<HistoryLine> | null;
  /** What `recommender.customer(history)` gave, in place of the history. */
  customer?: Customer | null;
  /** The time of the request; now where it is absent. */
  at?: string | Date | null;
  /** "cart" where it is absent. */
  moment?: Moment;
  /** Those of the moment where it is absent; an empty list asks for nothing. */
  kinds?: Iterable<Kind> | null;
  /** Most offers; 3 where it is absent. */
  limit?: number;
  /** Product ids that may not be offered in this answer. */
  exclude?: Iterable<string> | null;
  /** At most 512 product ids; where there is any, nothing else is offered. */
  only?: Iterable<string> | null;
  /** "relevance" where it is absent. */
  order?: Order | null;
}

export interface Offer {
  readonly request_id: string;
  /** From 1. */
  readonly rank: number;
  readonly product_id: string;
  readonly kind: Kind;
  /** Calibrated probability that it is bought. */
  readonly relevance: number;
  /** What the offers are ranked by, unless the request wants them by value. */
  readonly score: number;
  /** The product id of the anchor that brought it; null when no product did. */
  readonly because: string | null;
  /** Of a new product: bought with the anchor so many times as often as orders of their size explain. */
  readonly lift: number | null;
  /** Of a replacement: days until the next purchase is expected, negative when overdue. */
  readonly due_in_days: number | null;
  /** Of an own product: days expected from one purchase to the next. */
  readonly interval_days: number | null;
  /** Lines of the request's history with it. */
  readonly times_bought: number;
  /** Of an upsell: in what it is better than its anchor. */
  readonly better: readonly Better[];
  /** Of an upsell: what it costs more than its anchor, by the catalogue of a policy; null here, where none acts. */
  readonly price_step: number | null;
}

/** Why an offer is made, as one sentence. RequestError for an unknown language. */
export function reasonText(offer: Offer, name: (product_id: string) => string, language?: Language): string;

/** The offers of one request, best first; immutable. */
export class Offers implements Iterable<Offer> {
  private constructor();
  readonly items: readonly Offer[];
  readonly length: number;
  /** Set exactly when there is no offer. */
  readonly reason: Reason | null;
  /** Candidates of the kinds asked for, before the threshold. */
  readonly retrieved: number;
  /** The best relevance among the candidates of each kind asked for that has any. */
  readonly best_relevance: Readonly<Partial<Record<Kind, number>>>;
  at(index: number): Offer | undefined;
  [Symbol.iterator](): Iterator<Offer>;
  toString(): string;
}

/** What a bundle says of itself; the bundle format has the rest of its keys. */
export interface Manifest {
  readonly manifest_sha256: string;
  readonly name: string;
  readonly created_at: string;
  readonly mersalg_version: string;
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly size: number }>>;
  readonly kinds: Readonly<Record<Kind, { readonly threshold: number | null; readonly precision_wanted: number }>>;
  /** Whether customers are known to come back; true where it is absent. */
  readonly customers_return?: boolean;
  readonly vocabulary: Readonly<Record<"products" | "product_types" | "categories" | "brands", number>>;
  readonly [key: string]: unknown;
}

export interface ScoreOptions {
  /** false ranks everything that was retrieved, for evaluation. */
  threshold?: boolean;
  /** Requests that are checked before they are answered; 64 where it is absent. */
  batch_size?: number;
}

/** Answers requests with offers. Holds nothing about a request. */
export class Recommender {
  private constructor();
  readonly manifest: Manifest;
  /** Who bought these lines: `recommend({cart, customer})` answers as for the history, and need not read it. */
  customer(history: Iterable<HistoryLine>): Customer;
  /** The offers for one request, or none and the reason. RequestError names a wrong field. */
  recommend(request?: Request): Promise<Offers>;
  /** The offers for each request, in their order. */
  score(requests: Iterable<Request> | AsyncIterable<Request>, options?: ScoreOptions): Promise<Offers[]>;
  /** `score` as an iterator that holds `batch_size` requests at a time. */
  stream(requests: Iterable<Request> | AsyncIterable<Request>, options?: ScoreOptions): AsyncGenerator<Offers>;
  /** The product's name, or its id when the bundle knows no name. */
  name(product_id: string): string;
  readonly names: ReadonlyMap<string, string>;
  /** Give the memory of the graph back. No answer after that. */
  close(): Promise<void>;
  toString(): string;
}

export interface LoadOptions {
  /** Threads of one answer; 1, the best for single requests, where it is absent. */
  threads?: number;
  /** An imported onnxruntime-node or onnxruntime-web in the place of the one that is imported by name. */
  ort?: typeof import("onnxruntime-common");
  /**
   * A public key in PEM, in Node also its file: only a bundle that its private key has signed (`mersalg sign`) is loaded.
   * Any bundle where it is absent.
   */
  public_key?: string | null;
}

/**
 * A recommender from a bundle folder (Node) or its address (Node and browser): sizes, hashes and the graph are
 * verified, and the golden requests have to give their offers here too. BundleError says what does not hold.
 */
export function load(place: string | URL, options?: LoadOptions): Promise<Recommender>;

/** Base of every error that mersalg throws on purpose. */
export class MersalgError extends Error {}

/** A bundle is missing, damaged, of another format, or does not answer its golden requests. */
export class BundleError extends MersalgError {}

/** A request has a wrong field. */
export class RequestError extends MersalgError {
  private constructor();
  readonly field: string;
  readonly expected: string;
  readonly got: unknown;
  /** Names the request when there are many. */
  readonly where: string;
}
