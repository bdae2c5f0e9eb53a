public import Foundations

/// One request to a core.
public struct CoreRequest: Sendable, Redacted {
    /// `GET`, `POST` or `PUT`.
    public var method: String
    /// The whole address, with its query.
    public var url: String
    /// The fields, names in lower case; one of them may be the API key.
    public var fields: [(name: String, value: String)]
    /// The JSON body, if there is one.
    public var body: String?
    /// For how long the whole answer may be waited for; `nil` leaves that to the transport, which always has an end.
    ///
    /// It is short where another core can be asked afterwards.
    public var timeout: Milliseconds?
}

/// What a core answered; it prints as `<redacted>`, because an answer has tokens.
public struct CoreResponse: Sendable, Redacted {
    /// The status.
    public var status: Int
    /// For how many seconds the answer may be kept (`Cache-Control: max-age`), if it says so.
    public var maxAgeSeconds: Int64?
    /// For how many seconds the core asks to be left alone (`Retry-After`), if it says so.
    public var retryAfterSeconds: Int64?
    /// The body.
    public var body: [UInt8]

    public init(
        status: Int, maxAgeSeconds: Int64? = nil, retryAfterSeconds: Int64? = nil, body: [UInt8]
    ) {
        self.status = status
        self.maxAgeSeconds = maxAgeSeconds
        self.retryAfterSeconds = retryAfterSeconds
        self.body = body
    }
}

/// Why there is no answer.
public enum CoreTransportError: Error, Sendable, Equatable {
    /// Nothing was sent: refused, no such host, TLS failed, or no connection in time; another core may be asked.
    case notSent(String)
    /// The request may have arrived.
    case unknownOutcome(String)
}

/// What carries requests to cores.
public protocol CoreTransport: Sendable {
    /// Sends a request and reads at most `limit` bytes of the answer; redirections are not followed.
    ///
    /// It ends after ``CoreRequest/timeout``, whatever the core does.
    ///
    /// - Throws: ``CoreTransportError``.
    func send(_ request: CoreRequest, limit: Int) async throws(CoreTransportError) -> CoreResponse
}
