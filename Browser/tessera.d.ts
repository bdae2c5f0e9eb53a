// The types of tessera.js. Copy this file into your project, and map the address that you import to it in tsconfig.json:
// "paths": { "/auth/tessera.js": ["./types/tessera"] }.

/** What `init` takes; every option has a default. */
export interface Options {
  /** Where the API is. Default: the origin of the page. Tokens go to exactly this scheme, host and port. */
  apiDomain?: string;
  /** Where the routes of sessions are. Default: `/auth`. */
  apiBasePath?: string;
  /** The domain of the cookies that scripts read, where several hosts share a session. Default: this host. */
  sessionTokenFrontendDomain?: string;
  /** Milliseconds after which a refresh is given up. Default: 10,000. */
  refreshTimeout?: number;
  /** How often one call may refresh. Default: 10. */
  maxRetryAttemptsForSessionRefresh?: number;
  /** The status that says that the access token has expired. Default: 401. */
  sessionExpiredStatusCode?: number;
  /** The status that says that a claim does not hold. Default: 403. */
  invalidClaimStatusCode?: number;
  /** Is told what happens. What it throws is reported to the console and undoes nothing. */
  onHandleEvent?: (event: SessionEvent) => void;
}

/** What has happened. With `otherTab` it was in another tab of this browser, and the cookies have changed already. */
export type SessionEvent = { otherTab?: true } & (
  | { action: "SESSION_CREATED" }
  | { action: "REFRESH_SESSION" }
  | { action: "ACCESS_TOKEN_PAYLOAD_UPDATED" }
  | { action: "SIGN_OUT" }
  /** A call needed a session. True: there was one, and it has ended; false: there was none. */
  | { action: "UNAUTHORISED"; sessionExpiredOrRevoked: boolean }
  | { action: "API_INVALID_CLAIM"; claimValidationErrors: ClaimValidationError[] }
);

export interface ClaimValidationError {
  id: string;
  reason?: unknown;
}

export type Payload = Record<string, unknown>;

/** What a validator says: whether the claim holds, and if not, why. */
export interface Validation {
  isValid: boolean;
  reason?: unknown;
}

/** Asks something of a claim; those of supertokens-website fit too. */
export interface Validator {
  id: string;
  refresh?(): Promise<unknown>;
  shouldRefresh?(payload: Payload): boolean | Promise<boolean>;
  validate(payload: Payload): Validation | Promise<Validation>;
}

export interface Claim<Value> {
  id: string;
  valueIn(payload: Payload | undefined): Value | undefined;
  equals(expected: Value): Validator;
  includes(expected: unknown): Validator;
}

/** The caller's signal ends his wait, not the refresh that others wait for too. */
export interface Waiting {
  signal?: AbortSignal;
}

/** Begins: `fetch` and `XMLHttpRequest` keep the session alive in calls to the origin of the API. */
export declare function init(options?: Options): void;

/** Refreshes now. False: the session has ended. Rejects with a `Response` or an `Error` where nobody can say. */
export declare function attemptRefreshingSession(options?: Waiting): Promise<boolean>;

/** Whether there is a session, refreshed if its access token has expired. False also where nobody can say now. */
export declare function doesSessionExist(options?: Waiting): Promise<boolean>;

/** The id of the user. Rejects without a session. */
export declare function getUserId(): Promise<string>;

/** The payload of the access token, refreshed if that has expired. Rejects where there is none. */
export declare function getAccessTokenPayload(options?: Waiting): Promise<Payload>;

/** The same by its name in supertokens-website. */
export declare function getAccessTokenPayloadSecurely(options?: Waiting): Promise<Payload>;

/** The access token, where the server exposes it; undefined without a session. */
export declare function getAccessToken(options?: Waiting): Promise<string | undefined>;

/** Ends the session. Rejects with a `Response` or an `Error` where the server did not confirm it; the session goes on. */
export declare function signOut(options?: Waiting): Promise<void>;

/** A claim of the payload; `maxAge` in seconds. */
export declare function claim<Value = unknown>(
  id: string, fetchAgain?: () => Promise<unknown>, maxAge?: number): Claim<Value>;

/** Fetches the claims again that need it, validates all, and returns what does not hold. */
export declare function validateClaims(validators: Validator[]): Promise<ClaimValidationError[]>;

/** The claims that a 403 of the API names. */
export declare function getInvalidClaimsFromResponse(of: { response: Response }):
  Promise<ClaimValidationError[] | undefined>;
