import Foundations
public import HTTPTypes

extension SessionClient {
    /// Sends a request and returns its response with the whole body.
    ///
    /// A request to another origin is sent as it is. One to the API carries the access token instead of the caller's own
    /// `Authorization`, if that is empty or an access token of this session; it is sent once more after a refresh.
    ///
    /// - Parameters:
    ///   - request: with scheme and authority.
    ///   - body: what is sent.
    ///   - limit: how many bytes the response may have.
    ///   - timeout: for how long the response is waited for.
    /// - Returns: the response; a 401 if the session has ended.
    /// - Throws: ``ClientError``, ``TransportFailure`` or `CancellationError`; none of them ends the session.
    public func data(
        for request: HTTPRequest, body: RequestBody = .none, limit: Int = 64 << 20, timeout: Duration = .seconds(60)
    ) async throws -> (HTTPResponse, [UInt8]) {
        let reply = try await bytes(for: request, body: body, timeout: timeout)
        return (reply.head, try await reply.bytes(limit: limit))
    }

    /// Sends the contents of a file.
    ///
    /// - Parameters:
    ///   - request: with scheme and authority.
    ///   - path: the file; it is read again where the request is sent again.
    /// - Returns: the response.
    /// - Throws: as ``data(for:body:limit:timeout:)``.
    public func upload(for request: HTTPRequest, fromFile path: String) async throws -> (HTTPResponse, [UInt8]) {
        try await data(for: request, body: .file(path: path))
    }

    /// Sends a request and returns its response as soon as the head is there.
    ///
    /// - Parameters:
    ///   - request: with scheme and authority.
    ///   - body: what is sent.
    ///   - timeout: for how long the response's head is waited for.
    /// - Returns: the response, whose body is read by the caller.
    /// - Throws: as ``data(for:body:limit:timeout:)``.
    public func bytes(
        for request: HTTPRequest, body: RequestBody = .none, timeout: Duration = .seconds(60)
    ) async throws -> TransportReply {
        guard configuration.origin.takes(request) else { return try await follow(request, body, timeout, nil, nil) }
        var session = try await ready()
        sendPendingSignOutsNow(session)
        var (refreshes, repeats) = (0, 0)
        var demanded: Proving?
        while true {
            let proving = try demanded ?? proving(session)
            demanded = nil
            let reply = try await follow(request, body, timeout, session, proving)
            if isOwn(request, session), ProofDemand(call: reply.head) != nil {
                demanded = try await self.proving(after: reply, session, proving)
                guard demanded != nil else { return reply }
                guard body.isReplayable else { throw ClientError.bodyNotReplayable }
                continue
            }
            guard reply.head.status.code == configuration.expiredStatus, let sent = session.tokens?.access,
                isOwn(request, session)
            else { return reply }
            let present = try await kept()
            guard present.account == session.account, let tokens = present.tokens else { return reply }
            guard body.isReplayable else { throw ClientError.bodyNotReplayable }
            // Another call has refreshed meanwhile: its token is tried before another refresh.
            if tokens.access != sent, repeats <= refreshes {
                repeats += 1
                session = present
                continue
            }
            guard refreshes < configuration.refreshesPerCall else { return reply }
            refreshes += 1
            switch try await refreshed(from: present) {
            case .refreshed(let next): session = next
            case .signedOut: return reply
            case .failed(let error): throw error
            }
        }
    }

    /// The session to send a request with: refreshed where its access token is about to expire.
    private func ready() async throws -> StoredSession {
        let session = try await kept()
        guard let tokens = session.tokens else { return session }
        let isForUser = tokens.isFromBackground && SessionActivity.current == .foreground
        guard configuration.refreshesPerCall > 0, isForUser || tokens.isDue(clock) else { return session }
        switch try await refreshed(from: session) {
        case .refreshed(let next): return next
        case .signedOut: return try await kept()
        case .failed(let error):
            // What is still accepted is used; the request itself shows whether the server can be reached.
            guard tokens.remaining(clock) > 0 else { throw error }
            return session
        }
    }

    /// Sends a request, follows redirections and takes what each response says of the session.
    ///
    /// The token is sent to the API's origin alone, wherever a redirection leads.
    private func follow(
        _ request: HTTPRequest, _ body: RequestBody, _ timeout: Duration, _ session: StoredSession?, _ proving: Proving?
    ) async throws -> TransportReply {
        var (step, content) = (request, body)
        for _ in 0..<Redirection.most {
            let isHome = configuration.origin.takes(step)
            let outgoing = isHome ? try prepared(step, session, proving) : step
            let reply = try await transport.send(outgoing, body: content, timeout: timeout)
            if isHome, let session { try await take(reply.head.headerFields, sentWith: session, proving?.key) }
            guard let next = Redirection(reply.head, of: step, content) else { return reply }
            (step, content) = (next.request, next.body)
        }
        throw ClientError.misconfigured("the server redirects in a circle")
    }

    /// The request with the token and the fields of the session.
    private nonisolated func prepared(
        _ request: HTTPRequest, _ session: StoredSession?, _ proving: Proving?
    ) throws(ClientError) -> HTTPRequest {
        guard let session else { return Redirection.stripped(request) }
        var request = request
        request.headerFields[SessionFields.modeName] = "header"
        if request.headerFields[SessionFields.recipeName] == nil {
            request.headerFields[SessionFields.recipeName] = "anti-csrf"
        }
        if SessionActivity.current == .background { request.headerFields[SessionFields.activityName] = "background" }
        guard let tokens = session.tokens else { return try proved(request, proving, at: clock.wall()) }
        guard isOwn(request, session) else { return request }
        request.headerFields[.authorization] = "Bearer \(tokens.access.text)"
        return try proved(request, proving, at: tokens.serverTime(clock), accessToken: tokens.access)
    }

    /// Whether the request's `Authorization` is the client's to set: it is empty, or a token of this session, fresh or not.
    private nonisolated func isOwn(_ request: HTTPRequest, _ session: StoredSession) -> Bool {
        guard let value = request.headerFields[.authorization] else { return true }
        guard let tokens = session.tokens, value.prefix(7).lowercased() == "bearer " else { return false }
        let token = String(value.dropFirst(7).trimmed(\.isWhitespace))
        if token == tokens.access.text { return true }
        guard let handle = OwnToken.handle(of: token) else { return false }
        return handle == FrontToken(tokens.front)?.sessionHandle || handle == OwnToken.handle(of: tokens.access.text)
    }
}

/// Where a redirection leads (RFC 9110 section 15.4).
struct Redirection {
    static let most = 6

    let request: HTTPRequest
    let body: RequestBody

    /// The next request; `nil` where the response is not followed.
    init?(_ head: HTTPResponse, of request: HTTPRequest, _ body: RequestBody) {
        guard [301, 302, 303, 307, 308].contains(head.status.code), let place = head.headerFields[.location],
            let target = Self.target(place, from: request)
        else { return nil }
        let becomesGet = Self.becomesGet(head.status.code, request.method)
        guard becomesGet || body.isReplayable else { return nil }
        var next = target
        next.method = becomesGet ? .get : request.method
        next.headerFields = request.headerFields
        for name in becomesGet ? [HTTPField.Name.contentType, .contentLength, .contentEncoding] : [] {
            next.headerFields[name] = nil
        }
        let isHome = APIOrigin(next).map { $0 == APIOrigin(request) } ?? false
        self.request = isHome ? next : Self.stripped(next)
        self.body = becomesGet ? .none : body
    }

    /// Whether the next request is a GET without a body, as after a form.
    private static func becomesGet(_ status: Int, _ method: HTTPRequest.Method) -> Bool {
        status == 303 ? method != .head : method == .post && status < 303
    }

    /// Without what must not leave an origin.
    static func stripped(_ request: HTTPRequest) -> HTTPRequest {
        var request = request
        for name in [HTTPField.Name.authorization, .cookie, .proxyAuthorization, SessionFields.proofName] {
            request.headerFields[name] = nil
        }
        return request
    }

    /// An absolute address, or a path on the same origin; other references are not followed.
    private static func target(_ place: String, from request: HTTPRequest) -> HTTPRequest? {
        let place = place.prefix { $0 != "#" }
        if place.hasPrefix("/"), !place.hasPrefix("//") {
            return HTTPRequest(
                method: .get, scheme: request.scheme, authority: request.authority, path: String(place))
        }
        for scheme in ["https", "http"] where place.lowercased().hasPrefix(scheme + "://") {
            // A page that was reached safely is not left for one that is not.
            guard scheme == "https" || request.scheme == "http" else { return nil }
            let rest = place.dropFirst(scheme.count + 3)
            let authority = rest.prefix { $0 != "/" && $0 != "?" }
            let path = rest.dropFirst(authority.count)
            guard !authority.isEmpty, !authority.contains("@") else { return nil }
            return HTTPRequest(
                method: .get, scheme: scheme, authority: String(authority),
                path: path.hasPrefix("/") ? String(path) : "/" + path)
        }
        return nil
    }
}
