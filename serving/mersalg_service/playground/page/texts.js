/** Every word of the page, in four languages: [English, Danish, Norwegian, Swedish]. Reasons of offers: client/reasons.js. */

export const LANGUAGES = { en: "English", da: "Dansk", no: "Norsk", sv: "Svenska" };
const ORDER = Object.keys(LANGUAGES);

/** @type {Record<string, readonly [string, string, string, string]>} */
const TEXTS = {
  private: [
    "The model runs in this page. Nothing leaves your browser.", "Modellen kører i denne side. Intet forlader din browser.",
    "Modellen kjører i denne siden. Ingenting forlater nettleseren.", "Modellen körs i sidan. Inget lämnar din webbläsare.",
  ],
  language: ["Language", "Sprog", "Språk", "Språk"],
  dark: ["Dark", "Mørk", "Mørk", "Mörkt"],
  light: ["Light", "Lys", "Lys", "Ljust"],
  bundle: ["Bundle", "Model", "Modell", "Modell"],
  loading: ["Loading and verifying {name} …", "Henter og kontrollerer {name} …", "Henter og kontrollerer {name} …", "Hämtar och kontrollerar {name} …"],
  failed: ["It did not work", "Det lykkedes ikke", "Det lyktes ikke", "Det gick inte"],
  request: ["Request", "Forespørgsel", "Forespørsel", "Fråga"],
  moment: ["Moment", "Øjeblik", "Øyeblikk", "Ögonblick"],
  "moment.product-page": ["Product page", "Produktside", "Produktside", "Produktsida"],
  "moment.cart": ["Cart", "Kurv", "Handlekurv", "Varukorg"],
  "moment.checkout": ["Checkout", "Kassen", "Kassen", "Kassan"],
  "moment.order-confirmation": ["Order confirmation", "Ordrebekræftelse", "Ordrebekreftelse", "Orderbekräftelse"],
  "moment.follow-up": ["Follow-up", "Opfølgning", "Oppfølging", "Uppföljning"],
  "cart.product-page": ["Looked at", "Der ses på", "Det ses på", "Visas"],
  "cart.cart": ["In the cart", "I kurven", "I handlekurven", "I varukorgen"],
  "cart.checkout": ["In the cart", "I kurven", "I handlekurven", "I varukorgen"],
  "cart.order-confirmation": ["Just paid for", "Lige betalt", "Nettopp betalt", "Just betalt"],
  "cart.follow-up": ["Open cart", "Åben kurv", "Åpen handlekurv", "Öppen varukorg"],
  "search.cart": ["Add a product by name or id", "Tilføj en vare: navn eller id", "Legg til en vare: navn eller id", "Lägg till en vara: namn eller id"],
  "search.history": ["Add an earlier purchase", "Tilføj et tidligere køb", "Legg til et tidligere kjøp", "Lägg till ett tidigare köp"],
  "search.more": ["{shown} of {count}", "{shown} af {count}", "{shown} av {count}", "{shown} av {count}"],
  "search.id": ["Use the id {id}", "Brug id {id}", "Bruk id {id}", "Använd id {id}"],
  tries: ["Try", "Prøv", "Prøv", "Prova"],
  remove: ["Remove {name}", "Fjern {name}", "Fjern {name}", "Ta bort {name}"],
  unknown: ["unknown to this bundle", "ukendt for denne model", "ukjent for denne modellen", "okänd för modellen"],
  added: ["Added: {name}", "Tilføjet: {name}", "Lagt til: {name}", "Tillagd: {name}"],
  history: ["Bought before", "Købt før", "Kjøpt før", "Köpt förut"],
  sample: ["Sample customer", "Eksempelkunde", "Eksempelkunde", "Exempelkund"],
  "sample.none": ["Nobody known", "Ingen kendt kunde", "Ingen kjent kunde", "Ingen känd kund"],
  "sample.own": ["As typed below", "Som indtastet nedenfor", "Som skrevet nedenfor", "Som nedan"],
  "sample.regular": ["Made up: buys by rhythm", "Opdigtet: køber i fast rytme", "Oppdiktet: kjøper i fast rytme", "Påhittad: köper i fast rytm"],
  "sample.drawn": ["Made up {number}: {count} purchases", "Opdigtet {number}: {count} køb", "Oppdiktet {number}: {count} kjøp", "Påhittad {number}: {count} köp"],
  "history.count": ["Purchases: {count}", "Køb: {count}", "Kjøp: {count}", "Köp: {count}"],
  "history.days": ["days ago", "dage siden", "dager siden", "dagar sedan"],
  limit: ["Offers at most", "Højst antal tilbud", "Høyst antall tilbud", "Högst antal erbjudanden"],
  offers: ["Offers", "Tilbud", "Tilbud", "Erbjudanden"],
  took: ["{ms} ms in your browser", "{ms} ms i din browser", "{ms} ms i nettleseren", "{ms} ms i din webbläsare"],
  told: ["Offers: {count}", "Tilbud: {count}", "Tilbud: {count}", "Erbjudanden: {count}"],
  "kind.cross-sell": ["Cross-sell", "Krydssalg", "Kryssalg", "Korsförsäljning"],
  "kind.add-on": ["Add-on", "Tilbehør", "Tilbehør", "Tillbehör"],
  "kind.upsell": ["Upsell", "Opgradering", "Oppgradering", "Uppgradering"],
  "kind.more-of-same": ["More of the same", "Mere af samme", "Mer av samme", "Mer av samma"],
  "kind.replacement": ["Replacement", "Genkøb", "Gjenkjøp", "Återköp"],
  relevance: ["relevance", "relevans", "relevans", "relevans"],
  floor: ["floor", "gulv", "gulv", "golv"],
  lift: ["lift {times}", "lift {times}", "lift {times}", "lift {times}"],
  instead: ["Instead of", "I stedet for", "I stedet for", "I stället för"],
  offered: ["Offered", "Tilbydes", "Tilbys", "Erbjuds"],
  step: ["{amount} more ({share})", "{amount} mere ({share})", "{amount} mer ({share})", "{amount} mer ({share})"],
  "better.larger pack": ["larger pack", "større pakke", "større pakke", "större förpackning"],
  "better.lower price for the unit": ["lower price for the unit", "lavere enhedspris", "lavere enhetspris", "lägre jämförpris"],
  "better.higher grade": ["higher grade", "højere kvalitet", "høyere kvalitet", "högre kvalitet"],
  "better.more features": ["more features", "flere funktioner", "flere funksjoner", "fler funktioner"],
  price: ["price when trained", "pris ved træning", "pris ved trening", "pris vid träning"],
  take: ["Add to the cart", "Læg i kurven", "Legg i handlekurven", "Lägg i varukorgen"],
  patterns: ["Patterns", "Mønstre", "Mønstre", "Mönster"],
  "patterns.of": ["Patterns of {name}", "Mønstre for {name}", "Mønstre for {name}", "Mönster för {name}"],
  "patterns.goes": ["Goes with", "Passer til", "Passer til", "Passar till"],
  "patterns.adds": ["Extends it", "Udvider den", "Utvider den", "Kompletterar"],
  "patterns.up": ["Customers switch up to", "Kunder skifter op til", "Kunder bytter opp til", "Kunder byter upp till"],
  "patterns.down": ["Customers switch up from", "Kunder skifter op fra", "Kunder bytter opp fra", "Kunder byter upp från"],
  "patterns.rhythm": ["Rhythm", "Rytme", "Rytme", "Rytm"],
  "patterns.every": ["bought again every {days} days ({count} intervals)", "købes igen hver {days}. dag ({count} intervaller)", "kjøpes igjen hver {days}. dag ({count} intervaller)", "köps igen var {days}:e dag ({count} intervall)"],
  "patterns.pair": ["{times} × chance, {customers} customers", "{times} × tilfældigt, {customers} kunder", "{times} × tilfeldig, {customers} kunder", "{times} × slumpen, {customers} kunder"],
  "patterns.switch": ["{ratio} × the price, {customers} customers", "{ratio} × prisen, {customers} kunder", "{ratio} × prisen, {customers} kunder", "{ratio} × priset, {customers} kunder"],
  "patterns.none": ["It is in none of the strongest patterns of this bundle.", "Den er ikke blandt modellens stærkeste mønstre.", "Den er ikke blant modellens sterkeste mønstre.", "Den är inte bland modellens starkaste mönster."],
  "patterns.absent": ["This bundle carries no patterns; train it again.", "Modellen har ingen mønstre; træn den igen.", "Modellen har ingen mønstre; tren den igjen.", "Modellen har inga mönster; träna den igen."],
  "empty.title": ["No offer, and for a reason", "Intet tilbud, og med grund", "Ingen tilbud, og med grunn", "Inget erbjudande, och av ett skäl"],
  "empty.no customers known": ["No customer is known to come back, so nothing tells what is bought after payment.", "Ingen kunde vides at komme igen, så intet siger, hvad der købes efter betaling.", "Ingen kunde er kjent for å komme tilbake, så ingenting sier hva som kjøpes etter betaling.", "Ingen kund är känd för att återkomma, så inget säger vad som köps efter betalning."],
  "empty.nothing retrieved": ["No product is a candidate of a kind of this moment.", "Ingen vare er kandidat i dette øjeblik.", "Ingen vare er kandidat i dette øyeblikket.", "Ingen vara är kandidat i detta ögonblick."],
  "empty.nothing goes with it": ["Nothing is bought with this more often than baskets of that size explain, and nothing is better than it.", "Intet købes oftere sammen med dette, end kurve af den størrelse forklarer, og intet er bedre.", "Ingenting kjøpes oftere sammen med dette enn kurver av den størrelsen forklarer, og ingenting er bedre.", "Inget köps oftare ihop med detta än korgar av den storleken förklarar, och inget är bättre."],
  "empty.kind silent": ["Every kind that has a candidate is silent in this bundle.", "Alle slags med en kandidat er tavse i denne model.", "Alle slag med en kandidat er tause i denne modellen.", "Alla slag med en kandidat är tysta i modellen."],
  "empty.below threshold": ["Candidates there are, but none reaches the floor of its kind. A shop shows nothing then.", "Der er kandidater, men ingen når sit gulv. Så viser butikken intet.", "Det finnes kandidater, men ingen når sitt gulv. Da viser butikken ingenting.", "Det finns kandidater, men ingen når sitt golv. Då visar butiken inget."],
  "empty.cart": ["Nothing is in the cart yet, so there is nothing that an offer could go with.", "Kurven er tom, så der er intet, et tilbud kunne passe til.", "Handlekurven er tom, så det er ingenting et tilbud kunne passe til.", "Varukorgen är tom, så det finns inget som ett erbjudande kunde passa till."],
  "nearest.unbrought": ["Relevant, but nothing here brings it", "Relevant, men intet her fører den med sig", "Relevant, men ingenting her fører den med seg", "Relevant, men inget här för den med sig"],
  nearest: ["Nearest miss", "Tættest på", "Nærmest", "Närmast"],
  "nearest.lower": ["Lower the floor of {kind} to {floor}", "Sænk gulvet for {kind} til {floor}", "Senk gulvet for {kind} til {floor}", "Sänk golvet för {kind} till {floor}"],
  changes: ["Beside the bundle's own floors", "I forhold til modellens egne gulve", "I forhold til modellens egne gulv", "Mot modellens egna golv"],
  "changes.none": ["The same offers.", "De samme tilbud.", "De samme tilbudene.", "Samma erbjudanden."],
  "changes.new": ["new", "ny", "ny", "ny"],
  "changes.gone": ["gone", "væk", "borte", "borta"],
  other: ["{name} shows", "{name} viser", "{name} viser", "{name} visar"],
  "other.both": ["both", "begge", "begge", "båda"],
  "other.nothing": ["nothing", "intet", "ingenting", "inget"],
  "other.unknown": ["nothing: it knows none of these products", "intet: den kender ingen af varerne", "ingenting: den kjenner ingen av varene", "inget: den känner ingen av varorna"],
  left: ["Why others were left out", "Hvorfor andre blev udeladt", "Hvorfor andre ble utelatt", "Varför andra uteblev"],
  "left.below": ["Below the floor of their kind", "Under deres gulv", "Under sitt gulv", "Under sitt golv"],
  "left.cut": ["Relevant enough, cut by the limit", "Relevante nok, men over antallet", "Relevante nok, men over antallet", "Relevanta nog, men över antalet"],
  "left.unmannered": ["Relevant enough, left out by the moment's manners: its kinds, the most of each, one of a type", "Relevante nok, men udeladt af øjeblikkets regler: dets slags, antal af hver, én af en type", "Relevante nok, men utelatt av øyeblikkets regler: slag, antall av hver, én av en type", "Relevanta nog, men borttagna av ögonblickets regler: slag, antal av varje, en av en typ"],
  "left.unbrought": ["Retrieved, but nothing here brings them", "Fundet, men intet her fører dem med sig", "Funnet, men ingenting her fører dem med seg", "Funna, men inget här för med sig dem"],
  "left.none": ["No other candidate.", "Ingen anden kandidat.", "Ingen annen kandidat.", "Ingen annan kandidat."],
  more: ["and {count} more", "og {count} flere", "og {count} flere", "och {count} till"],
  floors: ["Floors", "Gulve", "Gulv", "Golv"],
  "floors.hint": ["An offer is shown from the floor of its kind on. Move one: the graph answers anew.", "Et tilbud vises fra sit gulv. Flyt et: grafen svarer igen.", "Et tilbud vises fra sitt gulv. Flytt et: grafen svarer på nytt.", "Ett erbjudande visas från sitt golv. Flytta ett: grafen svarar igen."],
  "floors.reset": ["Bundle's own", "Modellens egne", "Modellens egne", "Modellens egna"],
  "floors.silent": ["silent", "tavs", "taus", "tyst"],
  "floors.fixed": ["The floors of this bundle cannot be moved: its graph names none.", "Modellens gulve kan ikke flyttes: grafen navngiver ingen.", "Modellens gulv kan ikke flyttes: grafen navngir ingen.", "Modellens golv kan inte flyttas: grafen namnger inga."],
  "floors.not-now": ["not at this moment", "ikke i dette øjeblik", "ikke i dette øyeblikket", "inte i detta ögonblick"],
  "floors.measured": ["About here {precision} of what is shown is bought, {coverage} of the requests see one (measured on {offers} offers).", "Omkring her købes {precision} af det viste, {coverage} af forespørgslerne ser et (målt på {offers} tilbud).", "Omtrent her kjøpes {precision} av det viste, {coverage} av forespørslene ser et (målt på {offers} tilbud).", "Ungefär här köps {precision} av det visade, {coverage} av frågorna ser ett (mätt på {offers} erbjudanden)."],
  "floors.curve.precision": ["share bought", "andel købt", "andel kjøpt", "andel köpt"],
  "floors.curve.coverage": ["requests that see one", "forespørgsler der ser et", "forespørsler som ser et", "frågor som ser ett"],
  "cert.holds": ["Certified: at least {precision} of what is shown is bought, with {confidence} confidence, on {n} offers from {from} to {to}.", "Certificeret: mindst {precision} af det viste købes, med {confidence} sikkerhed, på {n} tilbud fra {from} til {to}.", "Sertifisert: minst {precision} av det viste kjøpes, med {confidence} sikkerhet, på {n} tilbud fra {from} til {to}.", "Certifierat: minst {precision} av det visade köps, med {confidence} säkerhet, på {n} erbjudanden från {from} till {to}."],
  "cert.above": ["The certificate speaks of all offers from {threshold} on, not of the part above this floor. Train with this goal to certify it:", "Certifikatet gælder alle tilbud fra {threshold}, ikke delen over dette gulv. Træn med dette mål for at certificere det:", "Sertifikatet gjelder alle tilbud fra {threshold}, ikke delen over dette gulvet. Tren med dette målet for å sertifisere det:", "Certifikatet gäller alla erbjudanden från {threshold}, inte delen över detta golv. Träna med målet för att certifiera det:"],
  "cert.below": ["The certificate is lost: it covers nothing below {threshold}. Train with this goal to see what can be certified:", "Certifikatet er tabt: det dækker intet under {threshold}. Træn med dette mål for at se, hvad der kan certificeres:", "Sertifikatet er tapt: det dekker ingenting under {threshold}. Tren med dette målet for å se hva som kan sertifiseres:", "Certifikatet är förlorat: det täcker inget under {threshold}. Träna med målet för att se vad som kan certifieras:"],
  "cert.none": ["Not certified: the data of this kind did not prove a share.", "Ikke certificeret: dataene beviste ingen andel.", "Ikke sertifisert: dataene beviste ingen andel.", "Inte certifierat: data bevisade ingen andel."],
  "cert.silent": ["Silent: nothing of this kind is shown.", "Tavs: intet af denne slags vises.", "Taus: ingenting av dette slaget vises.", "Tyst: inget av detta slag visas."],
  set: ["Saved requests", "Gemte forespørgsler", "Lagrede forespørsler", "Sparade frågor"],
  "set.hint": ["Mark products with must, may or never, and save the request. Each is judged whenever a floor or the bundle changes.", "Mærk varer med skal, må eller aldrig, og gem. Hver bedømmes, når et gulv eller modellen ændres.", "Merk varer med skal, kan eller aldri, og lagre. Hver bedømmes når et gulv eller modellen endres.", "Märk varor med måste, får eller aldrig, och spara. Varje fråga bedöms när ett golv eller modellen ändras."],
  "set.name": ["Name of the request", "Forespørgslens navn", "Navn på forespørselen", "Frågans namn"],
  "set.save": ["Save", "Gem", "Lagre", "Spara"],
  "set.open": ["Open {name}", "Åbn {name}", "Åpne {name}", "Öppna {name}"],
  "set.download": ["Download .jsonl", "Hent .jsonl", "Last ned .jsonl", "Ladda ned .jsonl"],
  "set.import": ["Open a file", "Åbn en fil", "Åpne en fil", "Öppna en fil"],
  "set.passes": ["as wanted", "som ønsket", "som ønsket", "som önskat"],
  "set.missing": ["missing: {names}", "mangler: {names}", "mangler: {names}", "saknas: {names}"],
  "set.unwanted": ["unwanted: {names}", "uønsket: {names}", "uønsket: {names}", "oönskat: {names}"],
  "set.wrong": ["line {line}: expected a request as JSON with request_id and cart", "linje {line}: forventede en forespørgsel som JSON med request_id og cart", "linje {line}: ventet en forespørsel som JSON med request_id og cart", "rad {line}: väntade en fråga som JSON med request_id och cart"],
  "judge.must": ["must", "skal", "skal", "måste"],
  "judge.may": ["may", "må", "kan", "får"],
  "judge.must_not": ["never", "aldrig", "aldri", "aldrig"],
  "judge.of": ["Judge {name}", "Bedøm {name}", "Bedøm {name}", "Bedöm {name}"],
  code: ["Code", "Kode", "Kode", "Kod"],
  copy: ["Copy", "Kopiér", "Kopier", "Kopiera"],
  copied: ["Copied", "Kopieret", "Kopiert", "Kopierat"],
  close: ["Close", "Luk", "Lukk", "Stäng"],
};

let language = "en";

/** @param {string} to one of LANGUAGES */
export function speak(to) {
  language = to;
  document.documentElement.lang = to;
}

export function spoken() {
  return language;
}

/** A text with its places filled. @param {string} key @param {Record<string, unknown>} [values] */
export function t(key, values = {}) {
  return TEXTS[key][ORDER.indexOf(language)].replace(/\{(\w+)\}/g, (_, place) => String(values[place]));
}

/** The texts of what stands in the page from the beginning. @param {any} root */
export function sayAll(root) {
  for (const place of root.querySelectorAll("[data-text]")) place.textContent = t(place.dataset.text);
  for (const place of root.querySelectorAll("[data-label]")) place.setAttribute("aria-label", t(place.dataset.label));
}

const LEAST_SHARE = 0.001;

/** A share as a percentage; one that would round to nothing is below a tenth. @param {number} share */
export function percent(share) {
  const told = Math.max(share, share > 0 ? LEAST_SHARE : 0).toLocaleString(language, { style: "percent", maximumFractionDigits: 1 });
  return share > 0 && share < LEAST_SHARE / 2 ? `< ${told}` : told;
}

/** @param {number} number @param {number} [digits] */
export function figure(number, digits = 0) {
  return number.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
