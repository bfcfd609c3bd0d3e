/** Who one member is: tokens, kept for the tab, renewed when the Platform does not know them. */

import { ApiError, NOT_AUTHENTICATED, Unreachable, call } from "./api.js";

/** The tokens cannot be renewed; the person has to sign in again. */
export class Expired extends Error {
  constructor() {
    super("Your sign-in has ended. Please sign in again.");
    this.name = "Expired";
  }
}

/** One signed-in account. Make it with `signIn`, `signUp`, `beReadyMade` or `Session.restore`. */
export class Session {
  #renewing = null;

  constructor({ email, access, refresh, readyMade = false }) {
    Object.assign(this, { email, access, refresh, readyMade });
  }

  /** Return the session that this tab kept, or null. */
  static restore(keeper) {
    const kept = keeper.read();
    return kept?.access ? new Session(kept) : null;
  }

  /** Call an endpoint as this account; an unknown token is renewed and the call repeated, once. */
  async call(method, path, params) {
    try {
      return await call(method, path, { params, token: this.access });
    } catch (error) {
      if (error.code !== NOT_AUTHENTICATED) throw error;
      await this.renew();
      return call(method, path, { params, token: this.access });
    }
  }

  get(path, params) {
    return this.call("GET", path, params);
  }

  post(path, params) {
    return this.call("POST", path, params);
  }

  /**
   * Get a new access token; callers at the same time share one request.
   *
   * @throws {Expired} If the Platform refuses the refresh token too.
   */
  renew() {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renew() {
    try {
      Object.assign(this, await this.#newTokens());
    } catch (error) {
      throw error instanceof Unreachable ? error : new Expired();
    }
    this.onrenewed?.();
  }

  async #newTokens() {
    try {
      const data = await call("POST", "/auth/refresh", {
        params: { username: this.email, refresh_token: this.refresh },
      });
      return { access: data.AuthenticationResult.AccessToken };
    } catch (error) {
      // A developer's Platform forgets its tokens when it is restarted without data.
      if (!(error instanceof ApiError) || !this.readyMade) throw error;
      const { access, refresh } = await beReadyMade(this.email);
      return { access, refresh };
    }
  }

  /** Tell the Platform to forget the tokens. */
  async end() {
    await call("POST", "/auth/sign_out", {
      params: { access_token: this.access },
      token: this.access,
    });
  }

  toJSON() {
    const { email, access, refresh, readyMade } = this;
    return { email, access, refresh, readyMade };
  }
}

/** Sign in with e-mail and password. */
export async function signIn(email, password) {
  return fromAnswer(
    email,
    await call("POST", "/auth/sign_in", { params: { username: email, password } }),
  );
}

/** Make an account, which a local Platform confirms at once, and sign in. */
export async function signUp(email, password) {
  await call("POST", "/auth/sign_up", { params: { username: email, password } });
  return signIn(email, password);
}

/** Sign in as a ready-made person; only a Platform in developer mode allows it. */
export async function beReadyMade(email) {
  const data = await call("POST", "/local/people/sign_in", { params: { email } });
  return fromAnswer(email, data, true);
}

function fromAnswer(email, { AuthenticationResult: tokens }, readyMade = false) {
  return new Session({
    email,
    access: tokens.AccessToken,
    refresh: tokens.RefreshToken,
    readyMade,
  });
}
