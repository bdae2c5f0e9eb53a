public import Foundations
public import HTTPTypes

/// One request and what sessions change about its response; it prints as `<redacted>`, because both have tokens.
public struct SessionExchange: Sendable, Redacted {
    /// The request.
    public let request: HTTPRequest
    /// The changes; apply them to whatever response leaves.
    public let changes: ResponseChanges
    /// The address of who opened the connection, a client or a proxy, where the server says it.
    public let peerAddress: String?

    /// Begins an exchange.
    public init(
        request: HTTPRequest, changes: ResponseChanges = ResponseChanges(), peerAddress: String? = nil
    ) {
        self.request = request
        self.changes = changes
        self.peerAddress = peerAddress
    }
}

/// How the tokens of one session travel.
enum TokenTransfer: CaseIterable {
    case cookie, header
}

/// The tokens of a request, both ways in which they travel.
struct RequestTokens {
    let cookies: RequestCookies
    /// What follows `Bearer`; the scheme's case does not matter (RFC 9110 section 11.1).
    let bearer: String?
    private let settings: SessionSettings

    init(_ request: HTTPRequest, _ settings: SessionSettings) {
        cookies = RequestCookies(request.headerFields)
        self.settings = settings
        bearer = request.headerFields[.authorization].flatMap { field in
            let scheme = field.prefix(7)
            return scheme.lowercased() == "bearer " ? String(field.dropFirst(7).trimmed(\.isWhitespace)) : nil
        }
    }

    /// The values of a token's cookie.
    func cookieValues(_ kind: TokenKind) -> [String] { cookies.values(settings.cookieName(kind)) }

    /// Whether a token came, by one way of travelling.
    func bring(_ kind: TokenKind, by transfer: TokenTransfer) -> Bool {
        switch transfer {
        case .cookie: !cookieValues(kind).isEmpty
        case .header: bearer != nil
        }
    }

    /// The first value of a token's cookie.
    func firstCookieValue(_ kind: TokenKind) -> String? { cookies.first(settings.cookieName(kind)) }

    /// Whether a token's cookie came more than once.
    func isDuplicated(_ kind: TokenKind) -> Bool { cookies.count(of: settings.cookieName(kind)) > 1 }

    /// Whether a cookie of the time before header mode was sent, which makes clients go through a refresh once.
    var hasLegacyCookie: Bool { cookies.count(of: Self.legacyCookieName) > 0 }

    static let legacyCookieName = "sIdRefreshToken"
}
