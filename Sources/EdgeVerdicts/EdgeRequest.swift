import Foundations
package import SessionEngine

/// What a proxy asks about a request of its client: the fields that it passed on, and what its own address says (docs/verify.md).
package struct EdgeRequest: Sendable, Redacted {
    /// A field of a request.
    package struct Field: Sendable, Equatable {
        /// The name, in lowercase.
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            (self.name, self.value) = (name, value)
        }
    }

    /// How a proxy says what its client asked for.
    package enum Asking: Sendable, Equatable {
        /// In fields: `X-Original-Method` and `X-Original-URI`, or `X-Forwarded-Method` and `X-Forwarded-Uri`.
        case byFields
        /// The request is the client's own, with its method and its path; Envoy asks so.
        case asItself(method: String, target: String)
    }

    /// A token that came with the request.
    package struct Token: Sendable, Equatable {
        package var text: String
        package var isCookie: Bool
    }

    /// How tokens came.
    package enum Found: Sendable, Equatable {
        case none
        case token(Token)
        /// Two that differ: which one an application would take is not known.
        case contradictory
    }

    /// The fields that mean something here.
    package static let fieldNames = [
        "authorization", "cookie", "origin", "sec-fetch-site", "anti-csrf", "dpop", "x-original-method",
        "x-forwarded-method", "x-original-uri", "x-forwarded-uri",
    ]
    /// The names of the access token's cookie, the one that is hardest to plant first: where it is, the others do not count.
    static let cookieNames = ["__Host-sAccessToken", "__Secure-sAccessToken", "sAccessToken"]

    private let fields: [Field]
    private let asking: Asking
    /// The levels that the route asks for, from the proxy's own address and never from what a client can send.
    package let levels: [String]

    /// A question of a proxy.
    ///
    /// - Parameters:
    ///   - fields: those of ``fieldNames`` that came, in their order.
    ///   - asking: how the proxy says what its client asked for.
    ///   - levels: the levels that the route asks for.
    package init(fields: [Field], asking: Asking = .byFields, levels: [String] = []) {
        (self.fields, self.asking, self.levels) = (fields, asking, levels)
    }

    /// The levels in the query of a proxy's address; one that cannot be read is one that no session has.
    package static func levels(inQuery query: String?) -> [String] {
        (query ?? "").split(separator: "&").compactMap { pair in
            guard pair.hasPrefix("level=") else { return nil }
            return PercentEncoding.decode(pair.dropFirst(6).utf8, plusIsSpace: true) ?? "\0"
        }
    }

    /// The token: of `Authorization` before a cookie's.
    package var token: Found {
        let bearers = values("authorization").compactMap(Self.credential)
        if let found = Self.only(bearers) {
            return found.map { .token(Token(text: $0, isCookie: false)) } ?? .contradictory
        }
        let cookies = ReceivedCookies(fields.lazy.filter { $0.name == "cookie" }.map(\.value))
        for name in Self.cookieNames {
            if let found = Self.only(cookies.values(name)) {
                return found.map { .token(Token(text: $0, isCookie: true)) } ?? .contradictory
            }
        }
        return .none
    }

    /// The one text among some that may be repeated: `nil` where there are none, and an inner `nil` where they differ.
    private static func only(_ texts: [String]) -> String?? {
        guard let first = texts.first else { return nil }
        return texts.allSatisfy { $0.utf8.elementsEqual(first.utf8) } ? .some(first) : .some(nil)
    }

    /// What follows `Bearer` (RFC 6750 section 2.1) or `DPoP` (RFC 9449 section 7.1).
    private static func credential(_ value: String) -> String? {
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, ["bearer", "dpop"].contains(parts[0].lowercased()) else { return nil }
        let text = parts[1].trimmed { $0 == " " }
        return text.isEmpty ? nil : String(text)
    }

    /// The anti-CSRF token that came with the request.
    package var antiCSRFToken: AntiCSRFToken? { values("anti-csrf").first.map(AntiCSRFToken.init) }

    /// Whether the client's request only reads; one whose method the proxy does not say may write.
    package var isSafe: Bool {
        let methods = methods
        return !methods.isEmpty && methods.allSatisfy(OriginRule.safeMethods.contains)
    }

    /// Whether the client's request may act with its cookies.
    ///
    /// - Parameter origins: the origins whose pages may, in lowercase.
    package func isTrusted(_ origins: Set<String>) -> Bool {
        let (sites, stated) = (values("sec-fetch-site"), values("origin"))
        // Of two that a client sends none counts for more than the other.
        let site = Set(sites).count > 1 ? "cross-site" : sites.first
        return OriginRule.mayAct(site: site, origin: stated.first) { _ in
            stated.allSatisfy { origins.contains($0.lowercased()) }
        }
    }

    /// The proof of a client's key, with what its request asked for; `nil` where there is none, or its target is not known.
    ///
    /// - Parameter origin: the origin by which clients reach what is behind the proxy.
    package func proof(at origin: String) -> PresentedProof? {
        let (methods, targets) = (Set(methods), Set(targets))
        guard let method = methods.first, let target = targets.first, methods.count == 1, targets.count == 1,
            target.hasPrefix("/")
        else { return nil }
        let proofs = values("dpop")
        return proofs.isEmpty
            ? nil : PresentedProof(proofs.joined(separator: ", "), for: "\(method) \(origin)\(target)")
    }

    private var methods: [String] {
        switch asking {
        case .asItself(let method, _): [method]
        case .byFields: values("x-original-method") + values("x-forwarded-method")
        }
    }

    private var targets: [String] {
        switch asking {
        case .asItself(_, let target): [target]
        case .byFields: values("x-original-uri") + values("x-forwarded-uri")
        }
    }

    /// The values of a field that are not empty: a proxy passes on an empty one for a field that did not come.
    private func values(_ name: String) -> [String] {
        fields.compactMap { field in
            guard field.name == name else { return nil }
            let value = field.value.trimmed { $0 == " " || $0 == "\t" }
            return value.isEmpty ? nil : String(value)
        }
    }
}
