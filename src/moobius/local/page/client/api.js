/** HTTP in the Platform's envelope (platform.md 2.3): the data, or an error that says why. */

export const NOT_AUTHENTICATED = 10005;
const SUCCESS = 10000;

/** The Platform answered, and said no. */
export class ApiError extends Error {
  constructor(code, message) {
    super(message || `The Platform answered with code ${code}.`);
    this.name = "ApiError";
    this.code = code;
  }
}

/** No usable answer came back: the Platform is down, or the network is. */
export class Unreachable extends Error {
  constructor(cause) {
    super("The Platform cannot be reached.", { cause });
    this.name = "Unreachable";
  }
}

/**
 * Call one endpoint and return the `data` of its envelope.
 *
 * `params` become the query of a GET and the JSON body of a POST.
 */
export async function call(method, path, { params = {}, token = null } = {}) {
  const request = { method, headers: token ? authentication(token) : {} };
  let address = path;
  if (method === "GET") {
    const query = new URLSearchParams(params).toString();
    address = query ? `${path}?${query}` : path;
  } else {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(params);
  }
  const envelope = await answer(address, request);
  const { code, message, msg, data } = envelope;
  if (code !== SUCCESS) throw new ApiError(code, message ?? msg);
  return data;
}

async function answer(address, request) {
  try {
    return await (await fetch(address, request)).json();
  } catch (error) {
    throw new Unreachable(error);
  }
}

const authentication = (token) => ({
  "Auth-Origin": "cognito",
  Authorization: `Bearer ${token}`,
});
