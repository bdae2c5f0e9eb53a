import Foundations
public import HTTPTypes
public import LosslessJSON
import SessionEngine
import Synchronization
public import TesseraSessions

/// A browser, or an app, for tests: it keeps cookies by their domains, paths, ages, `Secure` and `SameSite`, and does what a
/// front end does: it sends the anti-CSRF token, refreshes once when the access token has expired, and tries again.
///
/// It sends through whatever the test uses; `TesseraHummingbirdTesting` has the initializer for Hummingbird's test client.
public final class TestBrowser: Sendable {
    /// How the page sends requests.
    public enum FrontEnd: Sendable {
        /// Scripts with `tessera.js`, or a front end of SuperTokens; tokens travel in cookies.
        case script
        /// Pages without scripts: links and forms.
        case page
        /// An app without cookies, whose tokens travel in header fields.
        case app
    }

    /// Takes a request with its body to the server.
    public typealias Send = @Sendable (HTTPRequest, [UInt8]) async throws -> (HTTPResponse, [UInt8])

    /// The answer to a request.
    public struct Reply: Sendable {
        /// The status.
        public let status: HTTPResponse.Status
        /// The fields.
        public let headerFields: HTTPFields
        /// The body.
        public let body: [UInt8]

        /// The body as text.
        public var text: String { String(decoding: body, as: UTF8.self) }
        /// The body as JSON; `nil` for anything else.
        public var json: JSONValue? { try? JSONValue(parsing: text) }
    }

    private struct State {
        var jar = CookieJar()
        var page: Origin
        var frontToken: String?
        var antiCSRFToken: String?
        var accessToken: String?
        var refreshToken: String?
    }

    private let state: Mutex<State>
    private let test: TestSessions
    private let frontEnd: FrontEnd
    private let send: Send

    /// Opens a browser without cookies.
    ///
    /// - Parameters:
    ///   - test: the sessions of the server; the browser has their clock, and by default shows a page of their website.
    ///   - frontEnd: how the page sends requests.
    ///   - page: where the page is from, such as `https://other.example`; `nil` for the website.
    ///   - send: takes a request to the server.
    /// - Throws: `SessionError.misconfigured(_:)` where `page` is no origin.
    public init(
        _ test: TestSessions, frontEnd: FrontEnd = .script, page: String? = nil, send: @escaping Send
    ) throws(SessionError) {
        let request = HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/")
        let origin: Origin
        if let page { origin = try Origin(page) } else { origin = try test.sessions.app.website(for: request) }
        state = Mutex(State(page: origin))
        self.test = test
        self.frontEnd = frontEnd
        self.send = send
    }

    /// The names of the cookies that the browser has, for the API's host and all others.
    public var cookieNames: [String] { state.withLock { $0.jar.cookies.map(\.name) } }

    /// Whether the front end believes that there is a session.
    public var hasSession: Bool { state.withLock { $0.frontToken != nil || $0.refreshToken != nil } }

    /// Takes a cookie as if a server had set it, as an attacker on a sibling host could.
    ///
    /// - Parameters:
    ///   - field: the value of a `Set-Cookie` field.
    ///   - url: the page that sets it, such as `https://evil.example.com/`.
    /// - Throws: `SessionError.misconfigured(_:)` where `url` names no host.
    public func plant(cookie field: String, from url: String) throws(SessionError) {
        let origin = try Origin(url)
        state.withLock { $0.jar.store([field], context(origin, "/", .get, $0, isNavigation: true)) }
    }

    /// Asks for a page or for data.
    ///
    /// - Parameter path: path and query.
    /// - Throws: whatever the way to the server throws.
    @discardableResult
    public func get(_ path: String) async throws -> Reply { try await call(.get, path) }

    /// Sends a form.
    ///
    /// - Parameters:
    ///   - path: path and query.
    ///   - form: its fields.
    /// - Throws: whatever the way to the server throws.
    @discardableResult
    public func post(_ path: String, form: KeyValuePairs<String, String>) async throws -> Reply {
        try await post(path, fields: form.map { ($0.key, $0.value) })
    }

    private func post(_ path: String, fields: [(name: String, value: String)]) async throws -> Reply {
        let text = fields.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }.joined(separator: "&")
        return try await call(
            .post, path, headerFields: [.contentType: "application/x-www-form-urlencoded"], body: Array(text.utf8))
    }

    /// Fills a form of a page that the server renders: asks for the page, and sends the fields with the form's token that is in it.
    ///
    /// - Parameters:
    ///   - form: the fields that a user fills.
    ///   - page: path and query of the page.
    ///   - path: where the form is sent; `nil` for the page's own path.
    /// - Throws: whatever the way to the server throws.
    @discardableResult
    public func submit(
        _ form: KeyValuePairs<String, String> = [:], from page: String, to path: String? = nil
    ) async throws -> Reply {
        let mark = "name=\"\(Sessions.formField)\" value=\""
        let text = try await get(page).text
        var fields = form.map { ($0.key, $0.value) }
        if let start = text.firstRange(of: mark)?.upperBound {
            fields.append((Sessions.formField, String(text[start...].prefix { $0 != "\"" })))
        }
        return try await post(path ?? page, fields: fields)
    }

    /// Sends JSON, or nothing.
    ///
    /// - Parameters:
    ///   - path: path and query.
    ///   - json: the body; `nil` for none.
    /// - Throws: whatever the way to the server throws.
    @discardableResult
    public func post(_ path: String, json: JSONValue? = nil) async throws -> Reply {
        guard let json else { return try await call(.post, path) }
        return try await call(
            .post, path, headerFields: [.contentType: "application/json"], body: Array(json.text.utf8))
    }

    /// Sends a request as the page does; a script refreshes when the access token has expired, and tries again.
    ///
    /// - Parameters:
    ///   - method: the method.
    ///   - path: path and query.
    ///   - headerFields: more fields.
    ///   - body: the body.
    /// - Throws: whatever the way to the server throws.
    @discardableResult
    public func call(
        _ method: HTTPRequest.Method, _ path: String, headerFields: HTTPFields = [:], body: [UInt8] = []
    ) async throws -> Reply {
        let reply = try await once(method, path, headerFields, body)
        let isExpired = reply.status.code == test.sessions.configuration.sessionExpiredStatus
        guard isExpired, frontEnd != .page, hasSession else { return reply }
        guard try await refresh().status.code < 300 else { return reply }
        return try await once(method, path, headerFields, body)
    }

    /// Refreshes the session, as front ends do by themselves.
    ///
    /// - Throws: whatever the way to the server throws.
    @discardableResult
    public func refresh() async throws -> Reply {
        let token = state.withLock(\.refreshToken)
        let own: HTTPFields = token.map { [.authorization: "Bearer \($0)"] } ?? [:]
        return try await once(.post, test.sessions.refreshPath, own, [])
    }

    /// Sends one request and takes what its response brings.
    private func once(
        _ method: HTTPRequest.Method, _ path: String, _ own: HTTPFields, _ body: [UInt8]
    ) async throws -> Reply {
        let api = test.sessions.app.apiDomain
        let isNavigation = frontEnd == .page
        let (fields, sent): (HTTPFields, CookieJar.Context) = state.withLock { state in
            let context = self.context(api, path, method, state, isNavigation: isNavigation)
            var fields = self.standardFields(method, state, api, context.isSameSite)
            if frontEnd != .app, let cookie = state.jar.field(for: context) { fields[.cookie] = cookie }
            for field in own { fields[field.name] = field.value }
            return (fields, context)
        }
        let request = HTTPRequest(
            method: method, scheme: api.scheme, authority: String(api.text.dropFirst(api.scheme.count + 3)), path: path,
            headerFields: fields)
        let (response, body) = try await send(request, body)
        state.withLock { take(response.headerFields, sent, &$0) }
        return Reply(status: response.status, headerFields: response.headerFields, body: body)
    }

    private func context(
        _ target: Origin, _ path: String, _ method: HTTPRequest.Method, _ state: State, isNavigation: Bool
    ) -> CookieJar.Context {
        CookieJar.Context(
            origin: target, path: path, isSameSite: test.sessions.isSameSite(state.page, target),
            isSafeNavigation: isNavigation && method == .get, time: test.clock.time)
    }

    /// What a front end and its browser send beside cookies.
    private func standardFields(
        _ method: HTTPRequest.Method, _ state: State, _ api: Origin, _ isSameSite: Bool
    ) -> HTTPFields {
        if frontEnd == .app {
            var fields: HTTPFields = [.authMode: "header", .recipeID: "session"]
            if let token = state.accessToken { fields[.authorization] = "Bearer \(token)" }
            return fields
        }
        var fields = fetchMetadata
        fields[.fetchSite] = state.page == api ? "same-origin" : isSameSite ? "same-site" : "cross-site"
        if method != .get || (frontEnd == .script && state.page != api) { fields[.origin] = state.page.text }
        guard frontEnd == .script else {
            fields[.accept] = "text/html,application/xhtml+xml,*/*;q=0.8"
            return fields
        }
        fields[.recipeID] = "session"
        fields[.authMode] = "cookie"
        if let token = state.antiCSRFToken { fields[.antiCSRF] = token }
        return fields
    }

    /// What a browser says about a request beside where it comes from.
    private var fetchMetadata: HTTPFields {
        var fields: HTTPFields = [:]
        if let mode = HTTPField.Name("sec-fetch-mode") { fields[mode] = frontEnd == .page ? "navigate" : "cors" }
        if let target = HTTPField.Name("sec-fetch-dest") { fields[target] = frontEnd == .page ? "document" : "empty" }
        return fields
    }

    private func take(_ fields: HTTPFields, _ context: CookieJar.Context, _ state: inout State) {
        if frontEnd != .app { state.jar.store(fields[values: .setCookie], context) }
        guard frontEnd != .page else { return }
        if let token = fields[.frontToken] { state.frontToken = token == "remove" ? nil : token }
        if let token = fields[.antiCSRF] { state.antiCSRFToken = token }
        if let token = fields[.sessionAccessToken] { state.accessToken = token.isEmpty ? nil : token }
        if let token = fields[.sessionRefreshToken] { state.refreshToken = token.isEmpty ? nil : token }
        if state.frontToken == nil { state.antiCSRFToken = nil }
    }

    private static func encoded(_ text: String) -> String { PercentEncoding.component.encode(text) }
}
