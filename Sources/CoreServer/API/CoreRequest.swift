/// A request as a value: all that the core reads of one.
public struct CoreRequest: Sendable {
    /// The method, in capitals.
    public var method: String
    /// The path as it was sent, without the query.
    public var path: String
    /// The query as it was sent, without the question mark.
    public var query: String?
    /// The `cdi-version` header.
    public var version: String?
    /// The `api-key` header.
    public var apiKey: String?
    /// The `Authorization` header.
    public var authorization: String?
    /// The `If-None-Match` header.
    public var ifNoneMatch: String?
    /// The body.
    ///
    /// It is UTF-8 whatever its content type says.
    public var body: [UInt8]

    /// Collects a request.
    public init(
        method: String, path: String, query: String? = nil, version: String? = nil, apiKey: String? = nil,
        authorization: String? = nil, ifNoneMatch: String? = nil, body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.version = version
        self.apiKey = apiKey
        self.authorization = authorization
        self.ifNoneMatch = ifNoneMatch
        self.body = body
    }

    /// Whether the caller has what a validator names (RFC 9110 section 13.1.2).
    func holds(_ validator: String) -> Bool {
        (ifNoneMatch ?? "").split(separator: ",").contains { part in
            let name = part.drop { $0 == " " }
            return name == "*" || name.hasPrefix(validator) || name.hasPrefix("W/" + validator)
        }
    }

    /// The first value of a query parameter, decoded as a form is (`+` is a space); `nil` when it is missing or is not
    /// UTF-8.
    func parameter(_ name: String) -> String? {
        for pair in (query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if let key = parts.first, Self.decoded(key) == name {
                return parts.count == 2 ? Self.decoded(parts[1]) : ""
            }
        }
        return nil
    }

    /// Whether a query parameter is left out or `true`, in any case of letters; anything else is `false`.
    func flag(_ name: String) -> Bool { parameter(name).map { $0.lowercased() == "true" } ?? true }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard rest.count >= 2, let code = UInt8(Substring(rest.prefix(2)), radix: 16) else { return nil }
                bytes.append(code)
                rest.removeFirst(2)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
