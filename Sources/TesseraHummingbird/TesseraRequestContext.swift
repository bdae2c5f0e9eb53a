public import Hummingbird
public import LosslessJSON
public import NIOCore
public import SessionEngine
public import TesseraSessions

/// A request context that knows the session of its request.
public protocol TesseraRequestContext: RequestContext {
    /// What ``TesseraMiddleware`` and ``RequireSession`` keep here.
    var sessionState: SessionState { get set }
}

/// A context with nothing but the session, for applications that need no more.
public struct BasicTesseraRequestContext: TesseraRequestContext, RemoteAddressRequestContext {
    /// What Hummingbird keeps.
    public var coreContext: CoreRequestContextStorage
    /// What sessions keep.
    public var sessionState = SessionState()
    /// The address of who opened the connection; lists of devices show it, as far as it is kept.
    public let remoteAddress: SocketAddress?

    /// Begins with no session.
    public init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        remoteAddress = source.channel.remoteAddress
    }
}

/// The sessions of the application, the request, and its session once it was asked for.
public struct SessionState: Sendable {
    var sessions: Sessions?
    var exchange: SessionExchange?
    var session: Session?

    /// Nothing yet.
    public init() {}
}

extension TesseraRequestContext {
    /// The session of the request, on routes below ``RequireSession``; `nil` where none is required and there is none.
    public var session: Session? { sessionState.session }

    /// The session of the request.
    ///
    /// - Throws: `SessionError` when there is none.
    public func requireSession() throws(SessionError) -> Session {
        guard let session else { throw .unauthorised(reason: "the route has no session", clearTokens: false) }
        return session
    }

    /// The sessions of the application.
    ///
    /// - Throws: `SessionError.misconfigured` on routes that are not below ``TesseraMiddleware``.
    public func sessions() throws(SessionError) -> Sessions { try sessionParts().sessions }

    /// Begins a session for a user who has just proved who they are; the response takes its tokens to the client.
    ///
    /// - Parameters:
    ///   - userID: whose session it is.
    ///   - tenant: the tenant it lives in.
    ///   - payload: what the access token carries; every holder of the token can read it.
    ///   - data: what stays with the server.
    ///   - rememberMe: whether the user asked to be remembered: the limits for such sessions count, and cookies outlive the
    ///     browser.
    /// - Throws: `SessionError`.
    @discardableResult
    public func createSession(
        userID: UserID, tenant: TenantID = .public, payload: JSONObject = [:], data: JSONObject = [:],
        rememberMe: Bool = false
    ) async throws(SessionError) -> Session {
        let parts = try sessionParts()
        return try await parts.sessions.create(
            userID: userID, in: parts.exchange, tenant: tenant, payload: payload, data: data,
            rememberMe: rememberMe)
    }

    /// Begins a session with values of the application; the response takes its tokens to the client.
    ///
    /// - Parameters:
    ///   - userID: whose session it is.
    ///   - tenant: the tenant it lives in.
    ///   - payload: what the access token carries, such as a structure; every holder of the token can read it.
    ///   - data: what stays with the server.
    ///   - rememberMe: whether the user asked to be remembered.
    /// - Throws: `SessionError`; `SessionError.badInput(_:)` where a value is no JSON object.
    @discardableResult
    @_disfavoredOverload
    public func createSession(
        userID: UserID, tenant: TenantID = .public, payload: any Encodable & Sendable = JSONObject(),
        data: any Encodable & Sendable = JSONObject(), rememberMe: Bool = false
    ) async throws(SessionError) -> Session {
        try await createSession(
            userID: userID, tenant: tenant, payload: JSONObject(encoding: payload), data: JSONObject(encoding: data),
            rememberMe: rememberMe)
    }

    /// Begins a session for a client whose user has not signed in yet; the response takes its tokens to the client.
    ///
    /// - Parameters:
    ///   - tenant: the tenant it lives in.
    ///   - payload: what the access token carries; it does not outlive the upgrade.
    ///   - data: what stays with the server, and is kept by an upgrade.
    /// - Throws: `SessionError`.
    @discardableResult
    public func createAnonymousSession(
        tenant: TenantID = .public, payload: JSONObject = [:], data: JSONObject = [:]
    ) async throws(SessionError) -> Session {
        let parts = try sessionParts()
        return try await parts.sessions.createAnonymous(
            in: parts.exchange, tenant: tenant, payload: payload, data: data)
    }

    /// Begins the session of a user who has just proved who they are, in the place of the request's anonymous session.
    ///
    /// - Parameters:
    ///   - userID: whose session it is from now on.
    ///   - payload: what the access token carries; nothing of the anonymous session's is kept.
    ///   - data: what the user has already; of two members of one name this one stays.
    ///   - rememberMe: whether the user asked to be remembered.
    /// - Throws: `SessionError`.
    @discardableResult
    public func upgradeSession(
        to userID: UserID, payload: JSONObject = [:], data: JSONObject = [:], rememberMe: Bool = false
    ) async throws(SessionError) -> Session {
        let parts = try sessionParts()
        return try await parts.sessions.upgrade(
            to: userID, in: parts.exchange, payload: payload, data: data, rememberMe: rememberMe)
    }

    /// The request as sessions see it, with what they change about its response.
    ///
    /// - Throws: `SessionError.misconfigured` on routes that are not below ``TesseraMiddleware``.
    public func sessionExchange() throws(SessionError) -> SessionExchange { try sessionParts().exchange }

    func sessionParts() throws(SessionError) -> (sessions: Sessions, exchange: SessionExchange) {
        guard let sessions = sessionState.sessions, let exchange = sessionState.exchange else {
            throw .misconfigured("add TesseraMiddleware to the router, before the routes that use sessions")
        }
        return (sessions, exchange)
    }
}
