/**
 * Why an offer is made, as one sentence in each language.
 *
 * serving/mersalg/reasons.py says the same; both are held to the cases of test/reasons.json.
 *
 * @typedef {import("../index.js").Better} Better
 * @typedef {import("../index.js").Language} Language
 * @typedef {import("../index.js").Offer} Offer
 */

import { RequestError } from "./errors.js";

/** @type {Readonly<Record<Language, Readonly<Record<string, string>>>>} */
const TEXTS = {
  en: {
    "goes with": "goes with {anchor}: bought together {times} times as often as chance",
    "goes far": "goes with {anchor}: bought together far more often than chance",
    "because of": "because of {anchor}",
    popular: "often bought here",
    yesterday: "due since yesterday",
    overdue: "due since {days} days",
    today: "due today",
    tomorrow: "due tomorrow",
    due: "due in {days} days",
    "every day": "you buy it every day",
    every: "you buy it every {days} days",
    before: "you bought it before",
    times: "you bought it {times} times",
    "in order": "in your order",
    alike: "of the same type as {anchor}",
    than: "{better} than {anchor}",
    instead: "instead of {anchor}",
    "for more": "for {step} more",
    and: "and",
    "larger pack": "larger pack",
    "lower price for the unit": "lower price for the unit",
    "higher grade": "higher grade",
    "more features": "more features",
  },
  da: {
    "goes with": "passer til {anchor}: købt sammen {times} gange så ofte som tilfældigt",
    "goes far": "passer til {anchor}: købt sammen langt oftere end tilfældigt",
    "because of": "på grund af {anchor}",
    popular: "købes ofte her",
    yesterday: "forventet i går",
    overdue: "forventet for {days} dage siden",
    today: "forventet i dag",
    tomorrow: "forventet i morgen",
    due: "forventet om {days} dage",
    "every day": "du køber det hver dag",
    every: "du køber det med {days} dages mellemrum",
    before: "du har købt det før",
    times: "du har købt det {times} gange",
    "in order": "i din ordre",
    alike: "af samme slags som {anchor}",
    than: "{better} end {anchor}",
    instead: "i stedet for {anchor}",
    "for more": "for {step} mere",
    and: "og",
    "larger pack": "større pakke",
    "lower price for the unit": "lavere enhedspris",
    "higher grade": "højere kvalitet",
    "more features": "flere funktioner",
  },
  no: {
    "goes with": "passer til {anchor}: kjøpt sammen {times} ganger så ofte som tilfeldig",
    "goes far": "passer til {anchor}: kjøpt sammen langt oftere enn tilfeldig",
    "because of": "på grunn av {anchor}",
    popular: "kjøpes ofte her",
    yesterday: "forventet i går",
    overdue: "forventet for {days} dager siden",
    today: "forventet i dag",
    tomorrow: "forventet i morgen",
    due: "forventet om {days} dager",
    "every day": "du kjøper det hver dag",
    every: "du kjøper det med {days} dagers mellomrom",
    before: "du har kjøpt det før",
    times: "du har kjøpt det {times} ganger",
    "in order": "i bestillingen din",
    alike: "av samme slag som {anchor}",
    than: "{better} enn {anchor}",
    instead: "i stedet for {anchor}",
    "for more": "for {step} mer",
    and: "og",
    "larger pack": "større pakke",
    "lower price for the unit": "lavere enhetspris",
    "higher grade": "høyere kvalitet",
    "more features": "flere funksjoner",
  },
  sv: {
    "goes with": "passar till {anchor}: köpt tillsammans {times} gånger så ofta som av en slump",
    "goes far": "passar till {anchor}: köpt tillsammans långt oftare än av en slump",
    "because of": "på grund av {anchor}",
    popular: "köps ofta här",
    yesterday: "väntat i går",
    overdue: "väntat för {days} dagar sedan",
    today: "väntat i dag",
    tomorrow: "väntat i morgon",
    due: "väntat om {days} dagar",
    "every day": "du köper det varje dag",
    every: "du köper det med {days} dagars mellanrum",
    before: "du har köpt det förut",
    times: "du har köpt det {times} gånger",
    "in order": "i din beställning",
    alike: "av samma slag som {anchor}",
    than: "{better} än {anchor}",
    instead: "i stället för {anchor}",
    "for more": "för {step} mer",
    and: "och",
    "larger pack": "större förpackning",
    "lower price for the unit": "lägre jämförpris",
    "higher grade": "högre kvalitet",
    "more features": "fler funktioner",
  },
};

/** The numbers from two to twelve; larger ones stand in digits. @type {Readonly<Record<Language, readonly string[]>>} */
const FROM_TWO = {
  en: ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
  da: ["to", "tre", "fire", "fem", "seks", "syv", "otte", "ni", "ti", "elleve", "tolv"],
  no: ["to", "tre", "fire", "fem", "seks", "sju", "åtte", "ni", "ti", "elleve", "tolv"],
  sv: ["två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva", "tolv"],
};
/** A lower lift is not told: it rounds to once. */
const TOLD_LIFT = 1.05;
/** From this lift on the number is not told: so rare a pair has no exact one. */
const FAR = 20;

/**
 * The reason of an offer as one sentence, without a capital and a full stop. RequestError for an unknown language.
 * @param {Offer} offer
 * @param {(product_id: string) => string} name the name of a product id
 * @param {string} [language]
 * @returns {string}
 */
export function reasonText(offer, name, language = "en") {
  const known = readLanguage(language);
  const phrases = TEXTS[known];
  if (offer.kind === "replacement" && offer.due_in_days !== null)
    return sayDue(whole(offer.due_in_days), offer.interval_days, known);
  if (offer.because === null) return phrases.popular;
  if (offer.because === offer.product_id) return sayAgain(offer.times_bought, known);
  const anchor = name(offer.because);
  if (offer.kind === "upsell") return sayBetter(offer, anchor, known);
  if (offer.kind === "more-of-same" || offer.kind === "replacement") return filled(phrases.alike, { anchor });
  if (offer.lift === null || offer.lift < TOLD_LIFT) return filled(phrases["because of"], { anchor });
  if (offer.lift >= FAR) return filled(phrases["goes far"], { anchor });
  return filled(phrases["goes with"], { anchor, times: times(offer.lift, known) });
}

/** @param {string} language @returns {Language} */
function readLanguage(language) {
  if (Object.hasOwn(TEXTS, language)) return /** @type {Language} */ (language);
  throw new RequestError("language", `one of ${Object.keys(TEXTS).join(", ")}`, language);
}

/** @param {number} due @param {number | null} intervalDays @param {Language} language */
function sayDue(due, intervalDays, language) {
  const phrases = TEXTS[language];
  const when = new Map([[-1, "yesterday"], [0, "today"], [1, "tomorrow"]]).get(due) ?? (due < 0 ? "overdue" : "due");
  const told = filled(phrases[when], { days: String(Math.abs(due)) });
  if (intervalDays === null) return told;
  const every = whole(intervalDays);
  return `${told}: ${every <= 1 ? phrases["every day"] : filled(phrases.every, { days: String(every) })}`;
}

/** @param {number} timesBought @param {Language} language */
function sayAgain(timesBought, language) {
  const phrases = TEXTS[language];
  if (timesBought === 0) return phrases["in order"];
  return timesBought === 1 ? phrases.before : filled(phrases.times, { times: number(timesBought, language) });
}

/** @param {Offer} offer @param {string} anchor @param {Language} language */
function sayBetter(offer, anchor, language) {
  const phrases = TEXTS[language];
  const advantages = offer.better.map((advantage) => phrases[advantage]);
  const last = advantages.pop();
  const better = advantages.length ? `${advantages.join(", ")} ${phrases.and} ${last}` : last;
  const told = better === undefined ? filled(phrases.instead, { anchor }) : filled(phrases.than, { better, anchor });
  if (offer.price_step === null || offer.price_step <= 0) return told;
  return `${told} ${filled(phrases["for more"], { step: withDecimals((whole(100 * offer.price_step) / 100).toFixed(2), language) })}`;
}

/** How many times as often, rounded: with one decimal below two. @param {number} lift @param {Language} language */
function times(lift, language) {
  const tenths = whole(10 * lift);
  return tenths < 20 ? withDecimals((tenths / 10).toFixed(1), language) : number(whole(lift), language);
}

/** A number from two, in words up to twelve. @param {number} n @param {Language} language */
function number(n, language) {
  return FROM_TWO[language][n - 2] ?? String(n);
}

/** @param {string} digits @param {Language} language */
function withDecimals(digits, language) {
  return language === "en" ? digits : digits.replace(".", ",");
}

/** The nearest whole number, halves upwards. @param {number} x */
function whole(x) {
  return Math.floor(x + 0.5);
}

/** A phrase with its places filled. @param {string} phrase @param {Record<string, string>} facts */
function filled(phrase, facts) {
  return phrase.replace(/\{(\w+)\}/g, (_, place) => facts[place]);
}
