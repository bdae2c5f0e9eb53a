import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage

extension CoreAPI {
    func readSession(_ call: Call) async throws -> CoreReply {
        try await answer(call, Catalogue.readSession, Catalogue.sessionRead) { record, reply in
            (reply.handle, reply.tenantID) = (record.handle.rawValue, record.tenantID.rawValue)
            (reply.userID, reply.recipeUserID) = (record.namedUserID.rawValue, record.userID.rawValue)
            (reply.createdAt, reply.expiresAt) = (record.createdAt.milliseconds, record.expiresAt.milliseconds)
            reply.data = try stored(record.sessionData, "session_data", record.handle)
            reply.payload = try stored(record.accessTokenPayload, "jwt_user_payload", record.handle)
        }
    }

    func readSessionData(_ call: Call) async throws -> CoreReply {
        try await answer(call, Catalogue.readSessionData, Catalogue.sessionDataRead) {
            $1.data = try stored($0.sessionData, "session_data", $0.handle)
        }
    }

    func readPayload(_ call: Call) async throws -> CoreReply {
        try await answer(call, Catalogue.readPayload, Catalogue.payloadRead) {
            $1.payload = try stored($0.accessTokenPayload, "jwt_user_payload", $0.handle)
        }
    }

    /// Stored text as the object that it has to be.
    ///
    /// - Parameters:
    ///   - text: what is stored.
    ///   - column: where.
    ///   - handle: the session.
    /// - Throws: `ServiceError` that names both, and nothing of the text.
    func stored(
        _ text: JSONObjectText, _ column: String, _ handle: SessionHandle
    ) throws(ServiceError) -> JSONObject {
        do throws(JSONError) { return try text.decoded() } catch {
            throw .storage(
                StorageError(
                    .corrupt, "session_info, row \(handle.rawValue.prefix(128)): column \(column) holds no JSON object")
            )
        }
    }

    /// Answers a question about one session.
    private func answer(
        _ call: Call, _ question: RequestTable<ReadSessionRequest>, _ answer: ReplyTable<SessionInformationReply>,
        _ fill: (SessionRecord, inout SessionInformationReply) throws -> Void
    ) async throws -> CoreReply {
        let handle = try await handle(try call.decode(question).handle, call)
        guard let record = try await service.session(handle) else { return .unauthorised(WireText.noSession) }
        var reply = SessionInformationReply()
        try fill(record, &reply)
        return .json(answer.encode(reply, call.dialect))
    }

    func writeSessionData(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.writeSessionData)
        let handle = try await handle(request.handle, call)
        let found = try await service.replaceData(of: handle, sessionData: request.object)
        return found ? .status("OK") : .unauthorised(WireText.noSession)
    }

    func writePayload(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.writePayload)
        let handle = try await handle(request.handle, call)
        if let problem = call.dialect.rules.accessTokenFormat.problem(with: request.object) {
            throw InvalidRequest(.payload(problem))
        }
        let found = try await service.replaceData(of: handle, accessTokenPayload: request.object)
        return found ? .status("OK") : .unauthorised(WireText.noSession)
    }

    func listSessions(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.listSessions)
        let tenant = try tenant(request.isAcrossTenants ?? true, call)
        let isLinked = request.listsLinkedAccounts ?? true
        let handles = try await service.handles(of: UserID(request.userID), tenant: tenant, linked: isLinked)
        return reply(Catalogue.sessionsListed, handles)
    }

    func removeSessions(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.removeSessions)
        let tenant = request.userID == nil ? nil : try tenant(request.isAcrossTenants ?? true, call)
        let isLinked = request.endsLinkedAccounts ?? true
        let removed = try await remove(request.userID, in: tenant, linked: isLinked, request.handles ?? [], call)
        return reply(Catalogue.sessionsRemoved, removed)
    }

    /// The tenant whose sessions are meant, `nil` for those of the whole app.
    ///
    /// The whole app is not asked through one of its tenants, as any app operation
    /// (docs/specification/core.md 1.6.7 and 1.6.8).
    private func tenant(_ isAcrossTenants: Bool, _ call: Call) throws(InvalidRequest) -> TenantID? {
        guard isAcrossTenants else { return call.tenant }
        guard call.tenant == .public || !call.dialect.rules.refusesTenantsForAppOperations else {
            throw InvalidRequest(.publicTenantOnly)
        }
        return nil
    }

    func removeAndCountSessions(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.removeAndCountSessions)
        let handles = request.handle.map { [$0] } ?? request.handles ?? []
        let removed = try await remove(request.userID, in: nil, linked: true, handles, call)
        var reply = CountReply()
        reply.count = Int64(removed.count)
        return .json(Catalogue.sessionsCounted.encode(reply))
    }

    private func remove(
        _ userID: String?, in tenant: TenantID?, linked: Bool, _ handles: [String], _ call: Call
    ) async throws -> [SessionHandle] {
        let actor = try call.actor()
        let ended: [SessionHandle]
        if let userID {
            ended = try await service.revokeAll(of: UserID(userID), tenant: tenant, linked: linked, by: actor)
        } else {
            ended = try await revoke(handles, by: actor, call)
        }
        events.revoked(ended.count, call.app, tenant, isOfUser: userID != nil)
        return ended
    }

    private func revoke(_ handles: [String], by actor: AuditActor, _ call: Call) async throws -> [SessionHandle] {
        var known: [SessionHandle] = []
        for handle in handles { known.append(try await self.handle(handle, call)) }
        return try await service.revoke(known, by: actor)
    }

    private func reply(_ table: ReplyTable<HandlesReply>, _ handles: [SessionHandle]) -> CoreReply {
        var reply = HandlesReply()
        reply.handles = handles.map(\.rawValue)
        return .json(table.encode(reply))
    }

    /// A handle as a driver sent it.
    ///
    /// Its tenant is the text between the first and the second underscore; one that does not exist is the caller's
    /// mistake, where the version knows tenants (docs/specification/core.md 1.6.3 and 3.5).
    private func handle(_ text: String, _ call: Call) async throws -> SessionHandle {
        let parts = text.split(separator: "_", maxSplits: 2, omittingEmptySubsequences: false)
        if call.dialect.rules.handlesNameTenants, parts.count > 1 {
            let tenant = TenantID(String(parts[1]))
            guard try await exists(tenant, of: call.app) else {
                throw InvalidRequest(.unknownTenant(call.app, tenant))
            }
        }
        let handle = SessionHandle(text)
        trace(handle)
        return handle
    }
}
