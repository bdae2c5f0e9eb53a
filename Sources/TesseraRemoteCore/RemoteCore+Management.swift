import CoreDriverInterface
import EdgeVerdicts
import Foundations
public import LosslessJSON
public import SessionEngine
public import TesseraSessions

extension RemoteCore {
    public func revoke(
        _ handles: [SessionHandle], by actor: AuditActor
    ) async throws(SessionError) -> [SessionHandle] {
        // A revoked session stays revoked: asking twice does no harm.
        try await client.ask(Catalogue.removeSessions, isRepeatable: true, for: actor) {
            $0.handles = handles.map(\.rawValue)
        }.handles(Catalogue.sessionsRemoved)
    }

    public func revoke(with token: RefreshToken, by actor: AuditActor) async throws(SessionError) -> Bool {
        do throws(SessionError) {
            let reply = try await client.ask(Catalogue.revokeWithToken, isRepeatable: true, for: actor) {
                $0.refreshToken = token.exposed
            }
            guard let existed = Catalogue.tokenRevoked.decode(reply.object).isSo else { throw reply.unexpected }
            return existed
        } catch {
            guard case .coreRejected(404, _) = error.kind else { throw error }
            throw .misconfigured("this core cannot end a session by its refresh token: Tessera's core can")
        }
    }

    public func endReason(of handle: SessionHandle) async throws(SessionError) -> EndReason? {
        try await endReason { $0.handle = handle.rawValue }
    }

    public func endReason(ofSessionWith token: RefreshToken) async throws(SessionError) -> EndReason? {
        try await endReason { $0.refreshToken = token.exposed }
    }

    /// `nil` where the core is one of SuperTokens', which keeps no reasons.
    private func endReason(
        _ fill: (inout ExplainEndRequest) -> Void
    ) async throws(SessionError) -> EndReason? {
        do throws(SessionError) {
            let reply = try await client.ask(Catalogue.explainEnd, isRepeatable: true, fill)
            let end = Catalogue.endExplained.decode(reply.object)
            guard end.isEnded == true, let text = end.userText, let time = end.endedAt else { return nil }
            return EndReason(
                cause: end.cause.flatMap(SessionEnd.Cause.init) ?? .unknown, text: text,
                endedAt: Timestamp(milliseconds: time).date)
        } catch {
            if case .coreRejected(404, _) = error.kind { return nil }
            throw error
        }
    }

    public func revokeAll(
        of user: UserID, tenant: TenantID?, by actor: AuditActor
    ) async throws(SessionError) -> [SessionHandle] {
        try await client.ask(Catalogue.removeSessions, tenant: tenant, isRepeatable: true, for: actor) {
            $0.userID = user.rawValue
            $0.endsLinkedAccounts = true
            $0.isAcrossTenants = tenant == nil
        }.handles(Catalogue.sessionsRemoved)
    }

    public func handles(of userID: UserID, tenant: TenantID?) async throws(SessionError) -> [SessionHandle] {
        try await client.ask(Catalogue.listSessions, tenant: tenant, isRepeatable: true) {
            $0.userID = userID.rawValue
            $0.listsLinkedAccounts = true
            $0.isAcrossTenants = tenant == nil
        }.handles(Catalogue.sessionsListed)
    }

    public func information(on handle: SessionHandle) async throws(SessionError) -> SessionInformation? {
        let reply = try await client.ask(Catalogue.readSession, isRepeatable: true) { $0.handle = handle.rawValue }
        return try reply.isFound() ? try reply.information(handle) : nil
    }

    public func replaceData(of handle: SessionHandle, with data: JSONObject) async throws(SessionError) -> Bool {
        try await replace(Catalogue.writeSessionData, handle, data)
    }

    public func replacePayload(of handle: SessionHandle, with payload: JSONObject) async throws(SessionError) -> Bool {
        try await replace(Catalogue.writePayload, handle, payload)
    }

    private func replace(
        _ table: RequestTable<WriteSessionRequest>, _ handle: SessionHandle, _ object: JSONObject
    ) async throws(SessionError) -> Bool {
        try await client.ask(table, isRepeatable: true) {
            $0.handle = handle.rawValue
            $0.object = object
        }.isFound()
    }

    public func signToken(
        payload: JSONObject, issuer: String, validity: Milliseconds, kind: SigningKeyKind
    ) async throws(SessionError) -> String {
        let reply = try await client.ask(Catalogue.createToken, isRepeatable: true) {
            $0.algorithm = SigningAlgorithm.rs256.rawValue
            $0.issuer = issuer
            $0.payload = payload
            $0.validity = validity.count / 1_000
            $0.usesStaticKey = kind == .static
        }
        guard let text = Catalogue.tokenCreated.decode(reply.object).text else { throw reply.unexpected }
        return text
    }

    public func publishedKeys() async throws(SessionError) -> PublishedKeys {
        do throws(KeySetUnavailable) {
            let found = try await keys.current()
            return PublishedKeys(keys: found.published, maxAgeSeconds: keys.maxAgeSeconds(of: found))
        } catch {
            throw error.sessionError
        }
    }
}
