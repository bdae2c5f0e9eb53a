import Foundations
package import PublicSuffixList

/// What the doctor asks (docs/doctor.md, "What it asks").
package enum Probe: String, Sendable, CaseIterable {
    case preflight = "P1 OPTIONS /session/refresh"
    case refusal = "P2 POST /session/refresh without tokens"
    case headerRefusal = "P3 POST /session/refresh with a bearer token that no core made"
    case keySet = "P4 GET /jwt/jwks.json"
    case page = "P5 GET of the site"
    case login = "P6 log-in"
    case bare = "P7 protected call without a session"
    case protected = "P7 protected call"
    case protectedAgain = "P7 protected call, the second time"
    case plain = "P7 protected call without rid"
    case refresh = "P8 refresh"
    case repeatedRefresh = "P9 the same refresh token within 2 s"
    case doubled = "P10 refresh with the cookies of an older domain besides"
    case directRefusal = "P2 past the proxy"
    case directLogin = "P6 past the proxy"
    case core = "GET /hello of the core"
    case stream = "P11 the stream"
}

/// How the front end carries tokens.
package enum TokenMode: String, Sendable {
    case cookie
    case header
}

/// Everything that was seen of a set-up of sessions; rules read it and do nothing else.
package struct Observations: Sendable {
    /// Where the session routes are said to be.
    package let api: WebAddress
    /// The origin of the front end.
    package let site: WebAddress
    package let suffixes: PublicSuffixes
    package var outcomes: [Probe: ProbeOutcome] = [:]
    /// Further answers to P2.
    package var repeats: [ProbeOutcome] = []
    /// What the site's page and scripts, or the caller, say about where the API is.
    package var frontEnd: FrontEndConfiguration?
    /// How the front end carries tokens, if the caller said so.
    package var statedMode: TokenMode?
    /// The path of the protected call.
    package var protectedPath: String?
    /// The domain that cookies had before.
    package var oldDomain: String?
    /// The status that both sides agreed on for an expired session.
    package var expiredStatus = 401

    package init(api: WebAddress, site: WebAddress, suffixes: PublicSuffixes) {
        (self.api, self.site, self.suffixes) = (api.base, site, suffixes)
    }

    /// The answer to a question, where there is one.
    package func reply(_ probe: Probe) -> ProbeReply? { outcomes[probe]?.reply }

    /// Where tokens are refreshed.
    package var refreshAddress: WebAddress { api.at(api.path + "/session/refresh") }

    /// Whether browsers apply CORS at all.
    package var isCrossOrigin: Bool { api.origin != site.origin }

    package var isSameSite: Bool { api.isSameSite(as: site, suffixes) }

    /// Whether a log-in was tried and made a session.
    package var hasSession: Bool {
        reply(.login).map {
            $0.isSuccess && ($0.has("front-token") || $0.has("st-access-token") || !sessionCookies($0).isEmpty)
        }
            ?? false
    }

    /// How the front end carries tokens: as stated, or as a log-in or a refusal shows.
    package var mode: TokenMode {
        if let statedMode { return statedMode }
        guard let seen = hasSession ? reply(.login) : reply(.refusal) else { return .cookie }
        let carriesFields = seen.value("st-access-token").map { hasSession ? !$0.isEmpty : true } ?? false
        return carriesFields && sessionCookies(seen).isEmpty ? .header : .cookie
    }

    private func sessionCookies(_ reply: ProbeReply) -> [SetCookie] {
        reply.cookies.filter { Self.isSession($0.name) }
    }

    /// Whether a cookie is one of the SDK's, whatever its prefix.
    package static func isSession(_ name: String) -> Bool {
        ["sAccessToken", "sRefreshToken", "sIdRefreshToken"].contains { name == $0 || name.hasSuffix("-" + $0) }
    }

    /// The cookies that show the configuration: those of a log-in, or those that a refusal removes.
    ///
    /// A removal is written for each place where a cookie might be, so that one of several lines for a name is enough to be
    /// right; of a log-in each has to be.
    package var cookieGroups: [[SetCookie]] {
        guard mode == .cookie else { return [] }
        if hasSession, let login = reply(.login) {
            return sessionCookies(login).filter { !$0.isRemoval(at: login.receivedAt) }.map { [$0] }
        }
        guard let refusal = reply(.refusal) else { return [] }
        return Dictionary(grouping: sessionCookies(refusal), by: \.name).sorted { $0.key < $1.key }.map(\.value)
    }

    /// Cookies for which no line is without a fault.
    ///
    /// - Parameter isFaulty: what is looked for.
    package func cookies(where isFaulty: (SetCookie) -> Bool) -> [SetCookie] {
        cookieGroups.compactMap { $0.allSatisfy(isFaulty) ? $0.first : nil }
    }

    /// The address whose answer set the cookies.
    package var cookieSource: WebAddress { refreshAddress }
}

/// What a page says about where its API is.
package struct FrontEndConfiguration: Sendable, Hashable {
    package var apiDomain: String?
    package var apiBasePath: String?
    /// Where that was read.
    package var source: String

    package init(apiDomain: String?, apiBasePath: String?, source: String) {
        (self.apiDomain, self.apiBasePath, self.source) = (apiDomain, apiBasePath, source)
    }

    /// Looks for the configuration of SuperTokens' front ends or of `tessera.js` in a page or a script.
    ///
    /// - Parameters:
    ///   - text: the page or the script.
    ///   - source: what it is, for the report.
    /// - Returns: `nil` where it names no API.
    package init?(scanning text: String, source: String) {
        apiDomain = Self.literal(after: "apiDomain", in: text)
        apiBasePath = Self.literal(after: "apiBasePath", in: text)
        self.source = source
        if apiDomain == nil { return nil }
    }

    /// The string after a name and a colon or an equals sign: `apiDomain: "..."`, `"apiDomain":"..."`.
    private static func literal(after name: String, in text: String) -> String? {
        var rest = text[...]
        while let place = rest.firstRange(of: name) {
            rest = rest[place.upperBound...]
            var next = rest.prefix(40)
            if let quote = next.first, "\"'`".contains(quote) { next = next.dropFirst() }
            next = next.drop(while: \.isWhitespace)
            guard let mark = next.first, mark == ":" || mark == "=" else { continue }
            next = next.dropFirst().drop(while: \.isWhitespace)
            guard let quote = next.first, "\"'`".contains(quote) else { continue }
            let value = rest[next.index(after: next.startIndex)...].prefix(300)
            guard let end = value.firstIndex(of: quote) else { continue }
            return String(value[..<end])
        }
        return nil
    }
}
