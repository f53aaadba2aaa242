// Sends a file with tus-js-client: node send.mjs '{"endpoint", "file", "headers", "metadata", "chunkSize", "breakAfter"?}'
// With breakAfter, the upload is broken off after that many bytes and taken up again by a new one, from its stored address.
// Prints what came of it as JSON.
import { createReadStream, statSync } from "node:fs";
import tus from "tus-js-client";

const wanted = JSON.parse(process.argv[2]);
const requests = [];

function send(address) {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(createReadStream(wanted.file), {
      endpoint: wanted.endpoint,
      uploadUrl: address,
      uploadSize: statSync(wanted.file).size,
      headers: wanted.headers,
      metadata: wanted.metadata,
      chunkSize: wanted.chunkSize,
      retryDelays: [0, 100, 500],
      onAfterResponse: (request, response) => requests.push(`${request.getMethod()} ${response.getStatus()}`),
      onError: reject,
      onSuccess: ({ lastResponse }) => resolve({ footage: lastResponse.getHeader("TwinVault-Footage") }),
      onChunkComplete: (_size, sent) => {
        if (address === null && wanted.breakAfter && sent >= wanted.breakAfter) {
          upload.abort();
          resolve({ brokenOff: upload.url });
        }
      },
    });
    upload.start();
  });
}

try {
  let result = await send(null);
  if (result.brokenOff) result = await send(result.brokenOff);
  console.log(JSON.stringify({ ...result, requests }));
} catch (error) {
  const response = error.originalResponse;
  console.log(JSON.stringify({ status: response?.getStatus(), sentence: response?.getBody(), error: String(error), requests }));
}
