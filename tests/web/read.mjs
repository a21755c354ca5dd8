/** node read.mjs < REQUESTS: prints for each line what the reader makes of the request, or the field that it refuses. */

import { createInterface } from "node:readline";

import { RequestError } from "../../clients/node/lib/errors.js";
import { readRequest } from "../../clients/node/lib/request.js";

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) console.log(JSON.stringify(read(line)));

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
