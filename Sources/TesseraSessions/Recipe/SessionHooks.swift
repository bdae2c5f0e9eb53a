public import Foundations
import LosslessJSON

/// The events that an application handles, or answers itself; every member has a default.
///
/// To change what the backend does, wrap the ``SessionBackend``; to change what a route does, implement it here.
public protocol SessionHooks: Sendable {
    /// Answers `POST /session/refresh`.
    ///
    /// - Throws: ``SessionError``, which becomes the reply.
    func refresh(_ call: SessionCall) async throws(SessionError) -> SessionReply
    /// Answers `POST /signout`.
    ///
    /// - Throws: ``SessionError``, which becomes the reply.
    func signOut(_ call: SessionCall) async throws(SessionError) -> SessionReply
    /// May change the response to an error; the client's tokens have been cleared where they have to be.
    func reply(to error: SessionError, proposed: SessionReply, in exchange: SessionExchange) async -> SessionReply
}

extension SessionHooks {
    /// Refreshes, and answers with an empty object.
    public func refresh(_ call: SessionCall) async throws(SessionError) -> SessionReply {
        _ = try await call.sessions.refresh(in: call.exchange)
        return SessionReply(json: [:])
    }

    /// Ends the session, whatever claims it lacks (docs/specification/sdk.md 2.10).
    public func signOut(_ call: SessionCall) async throws(SessionError) -> SessionReply {
        // A session that has ended already is signed out here, too.
        let options = VerifyOptions(checksDatabase: false, anonymous: .allowed) { _, _ in [] }
        try await call.sessions.session(in: call.exchange, options: options)?.revoke(by: .user)
        return SessionReply(json: ["status": "OK"])
    }

    /// Takes what is proposed.
    public func reply(
        to error: SessionError, proposed: SessionReply, in exchange: SessionExchange
    ) async -> SessionReply { proposed }
}

/// The defaults.
package struct StandardHooks: SessionHooks {
    package init() {}
}

/// A call of one of the SDK's own routes; it prints as `<redacted>`.
public struct SessionCall: Sendable, Redacted {
    /// The sessions of the application.
    public let sessions: Sessions
    /// The request, and what changes about its response.
    public let exchange: SessionExchange
}
