/** node read.mjs < REQUESTS: prints for each line what the reader makes of it, or the field that it refuses. */

import { createInterface } from "node:readline";

import { RequestError } from "../../clients/node/lib/errors.js";
import { readRequest } from "../../clients/node/lib/request.js";

const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
for await (const line of lines) console.log(JSON.stringify(read(line)));

function read(line) {
  try {
    const request = readRequest(JSON.parse(line));
    const { history_age_days, history_quantity } = request;
    return { ...request, history_age_days: [...history_age_days], history_quantity: [...history_quantity] };
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return { refused: error.field };
  }
}
