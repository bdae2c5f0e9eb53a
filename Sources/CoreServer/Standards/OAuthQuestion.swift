import Foundations

/// What clients of OAuth ask about tokens of the app `public`, beside the interface of drivers (docs/oauth.md).
enum OAuthQuestion: String, Sendable {
    /// What is this token good for (RFC 7662)?
    case introspect = "/tessera/oauth/introspect"
    /// End the session of this token (RFC 7009).
    case revoke = "/tessera/oauth/revoke"

    /// The name in logs and traces.
    var operation: String { self == .introspect ? "introspectToken" : "revokeToken" }

    /// The longest body that is read, in bytes.
    static let maximumBodyLength = 2 << 20
}

/// The one parameter that counts in a form of RFC 7662 and RFC 7009; others are read over.
struct TokenForm {
    let token: String

    /// Reads a body of `application/x-www-form-urlencoded`.
    ///
    /// - Returns: `nil` unless `token` is there once, not empty and UTF-8.
    init?(_ body: [UInt8]) {
        var found: String?
        for pair in body.split(separator: UInt8(ascii: "&")) {
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            guard PercentEncoding.decode(name, plusIsSpace: true) == "token" else { continue }
            guard found == nil, let value = PercentEncoding.decode(pair.dropFirst(name.count + 1), plusIsSpace: true)
            else { return nil }
            found = value
        }
        guard let found, !found.isEmpty else { return nil }
        token = found
    }
}
