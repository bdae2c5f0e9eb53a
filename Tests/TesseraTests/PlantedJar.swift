import HTTPTypes
import LosslessJSON
import SessionEngine
import TesseraTesting
import Testing

@testable import TesseraSessions

/// The cookies of a browser, kept and sent by the rules of RFC 6265; written from its text, not from our code.
struct PlantedJar {
    struct Cookie: Equatable {
        var name: String
        var value: String
        var domain: String
        var isHostOnly: Bool
        var path: String
    }

    var cookies: [Cookie] = []
    let host: String
    let isSecure: Bool
    /// The names that no cookie may have as its domain.
    let suffixes: Set<String>

    /// Keeps what a response sets (section 5.3), or what another host plants.
    mutating func take(_ line: String, from sender: String? = nil, requestPath: String = "/") {
        let sender = sender ?? host
        let parts = line.split(separator: ";").map { $0.drop { $0 == " " } }
        guard let pair = parts.first, let equals = pair.firstIndex(of: "=") else { return }
        var cookie = Cookie(
            name: String(pair[..<equals]), value: String(pair[pair.index(after: equals)...]), domain: sender,
            isHostOnly: true, path: "/")
        var isRemoved = false
        var isMarkedSecure = false
        for attribute in parts.dropFirst() {
            let value = attribute.drop { $0 != "=" }.dropFirst()
            switch attribute.prefix(while: { $0 != "=" }).lowercased() {
            case "domain":
                let domain = value.hasPrefix(".") ? String(value.dropFirst()) : String(value)
                // A public suffix that is the host itself counts as no domain at all (section 5.3, step 5); so does an address.
                if suffixes.contains(domain) || !domain.contains(where: \.isLetter) {
                    guard domain == sender else { return }
                } else {
                    guard Self.domainMatches(sender, domain) else { return }
                    (cookie.domain, cookie.isHostOnly) = (domain, false)
                }
            case "path": cookie.path = value.hasPrefix("/") ? String(value) : "/"
            case "expires": isRemoved = isRemoved || value.contains("1970")
            case "max-age": isRemoved = isRemoved || value == "0"
            case "secure": isMarkedSecure = true
            default: break
            }
        }
        guard !isMarkedSecure || isSecure else { return }
        if cookie.name.hasPrefix("__Secure-") && !isMarkedSecure { return }
        if cookie.name.hasPrefix("__Host-"), !isMarkedSecure || !cookie.isHostOnly || cookie.path != "/" { return }
        cookies.removeAll {
            $0.name == cookie.name && $0.domain == cookie.domain && $0.isHostOnly == cookie.isHostOnly
                && $0.path == cookie.path
        }
        if !isRemoved { cookies.append(cookie) }
    }

    /// What goes with a request: longer paths first, then the older ones (section 5.4).
    func sent(to path: String) -> [Cookie] {
        cookies.filter { cookie in
            (cookie.isHostOnly ? cookie.domain == host : Self.domainMatches(host, cookie.domain))
                && Self.pathMatches(path, cookie.path)
        }.enumerated().sorted { one, other in
            (other.element.path.count, one.offset) < (one.element.path.count, other.offset)
        }.map(\.element)
    }

    /// Section 5.1.3.
    static func domainMatches(_ host: String, _ domain: String) -> Bool {
        host == domain || (host.hasSuffix("." + domain) && host.contains { $0.isLetter })
    }

    /// Section 5.1.4.
    static func pathMatches(_ path: String, _ cookiePath: String) -> Bool {
        if path == cookiePath { return true }
        guard path.hasPrefix(cookiePath) else { return false }
        return cookiePath.hasSuffix("/") || path.dropFirst(cookiePath.count).hasPrefix("/")
    }
}

/// A page of the application in a browser, with a front end that refreshes as SuperTokens' do.
struct Page {
    let sessions: Sessions
    var jar: PlantedJar
    /// How often the front end asked for new tokens.
    var refreshes = 0
    /// What goes with every request.
    var fields: HTTPFields = [.origin: "", .fetchSite: "same-origin"]

    init(_ sessions: Sessions, suffixes: Set<String> = ["com"]) {
        self.sessions = sessions
        let api = sessions.app.apiDomain
        jar = PlantedJar(
            host: api.host, isSecure: api.isHTTPS, suffixes: suffixes.union([api.host].filter { !$0.contains(".") }))
        fields[.origin] = api.text
    }

    /// A request as the browser sends it.
    func request(_ method: HTTPRequest.Method, _ path: String, _ more: HTTPFields = [:]) -> HTTPRequest {
        var request = HTTPRequest(method: method, scheme: nil, authority: jar.host, path: path, headerFields: fields)
        for field in more { request.headerFields.append(field) }
        let cookies = jar.sent(to: String(path.prefix { $0 != "?" })).map { "\($0.name)=\($0.value)" }
        if !cookies.isEmpty { request.headerFields[.cookie] = cookies.joined(separator: "; ") }
        return request
    }

    /// Keeps what an exchange changes.
    @discardableResult
    mutating func take(_ exchange: SessionExchange) -> HTTPFields {
        var fields = HTTPFields()
        exchange.changes.apply(to: &fields)
        for line in fields[values: .setCookie] { jar.take(line) }
        return fields
    }

    mutating func signIn(_ userID: UserID) async throws -> SessionHandle {
        let exchange = SessionExchange(request: request(.post, "/login", [.authMode: "cookie"]))
        let session = try await sessions.create(userID: userID, in: exchange)
        take(exchange)
        return session.handle
    }

    /// Asks for a route; refreshes and tries again while it is told to.
    ///
    /// - Returns: the session, or `nil` where the user is signed out.
    mutating func call(_ path: String, _ more: HTTPFields = [:]) async -> SessionHandle? {
        for _ in 0..<5 {
            let exchange = SessionExchange(request: request(.get, path, more))
            do {
                let session = try await sessions.session(in: exchange)
                take(exchange)
                return session?.handle
            } catch {
                let reply = await sessions.reply(to: error, in: exchange)
                take(exchange)
                guard reply.status == .unauthorized, await refresh(more) else { return nil }
            }
        }
        Issue.record("the front end goes on for ever")
        return nil
    }

    /// Refreshes, again where the answer is a front token that has expired.
    mutating func refresh(_ more: HTTPFields = [:]) async -> Bool {
        for _ in 0..<5 {
            refreshes += 1
            let exchange = SessionExchange(request: request(.post, sessions.app.refreshPath, more))
            guard let route = sessions.route(for: exchange.request) else { return false }
            let reply = await sessions.answer(route, in: exchange)
            let front = take(exchange)[.frontToken].flatMap(FrontToken.init)
            guard reply.status == .ok, let front else { return false }
            if front.expiresAt.milliseconds > 0 { return true }
        }
        Issue.record("the refresh goes on for ever")
        return false
    }
}
