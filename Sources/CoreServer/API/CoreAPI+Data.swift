import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionService

extension CoreAPI {
    func readSession(_ call: Call) async throws -> CoreReply {
        let handle = try await handle(try call.parameter("sessionHandle"), call)
        guard let record = try await service.session(handle) else { return .unauthorised(WireText.noSession) }
        var document = ReplyDocument(.sessionInformation, call.dialect)
        document.add("sessionHandle", .string(record.handle.text))
        document.add("userId", .string(record.userID.text))
        document.add("recipeUserId", .string(record.userID.text))
        document.add("userDataInDatabase", .object(try record.sessionData.decoded()))
        document.add("expiry", .integer(record.expiresAt.milliseconds))
        document.add("userDataInJWT", .object(try record.accessTokenPayload.decoded()))
        document.add("timeCreated", .integer(record.createdAt.milliseconds))
        document.add("status", "OK")
        document.add("tenantId", .string(record.tenantID.text))
        return .json(document.object)
    }

    func readSessionData(_ call: Call) async throws -> CoreReply {
        let handle = try await handle(try call.parameter("sessionHandle"), call)
        guard let record = try await service.session(handle) else { return .unauthorised(WireText.noSession) }
        return .json(["status": "OK", "userDataInDatabase": .object(try record.sessionData.decoded())])
    }

    func readPayload(_ call: Call) async throws -> CoreReply {
        let handle = try await handle(try call.parameter("sessionHandle"), call)
        guard let record = try await service.session(handle) else { return .unauthorised(WireText.noSession) }
        return .json(["status": "OK", "userDataInJWT": .object(try record.accessTokenPayload.decoded())])
    }

    func writeSessionData(_ call: Call) async throws -> CoreReply {
        let fields = try call.fields()
        let handle = try await handle(try fields.required("sessionHandle", \.string), call)
        let data = try fields.required("userDataInDatabase", \.object)
        let found = try await service.replaceData(of: handle, sessionData: data)
        return found ? .status("OK") : .unauthorised(WireText.noSession)
    }

    func writePayload(_ call: Call) async throws -> CoreReply {
        let fields = try call.fields()
        let handle = try await handle(try fields.required("sessionHandle", \.string), call)
        let payload = try fields.required("userDataInJWT", \.object)
        if let problem = call.dialect.rules.accessTokenFormat.problem(with: payload) {
            throw InvalidRequest(.payload(problem))
        }
        let found = try await service.replaceData(of: handle, accessTokenPayload: payload)
        return found ? .status("OK") : .unauthorised(WireText.noSession)
    }

    func listSessions(_ call: Call) async throws -> CoreReply {
        let user = UserID(try call.parameter("userId"))
        let isAcrossTenants = call.request.flag("fetchAcrossAllTenants")
        let handles = try await service.handles(of: user, tenant: try tenant(isAcrossTenants, call))
        return .json(["status": "OK", "sessionHandles": names(of: handles)])
    }

    func removeSessions(_ call: Call) async throws -> CoreReply {
        let fields = try call.fields()
        let userID = try fields.optional("userId", \.string)
        let handles = try fields.optional("sessionHandles", \.strings)
        guard (userID == nil) != (handles == nil) else { throw InvalidRequest.contradiction(.removeTarget) }
        let isAcrossTenants = try readUserOptions(fields, hasUser: userID != nil)
        let tenant = userID == nil ? nil : try tenant(isAcrossTenants, call)
        let removed = try await remove(userID, in: tenant, handles ?? [], call)
        return .json(["status": "OK", "sessionHandlesRevoked": names(of: removed)])
    }

    /// Choices that go with a user only; that they are there is what counts (docs/specification/core.md 1.6.7).
    ///
    /// A session core knows no linked accounts, so that choice changes nothing.
    ///
    /// - Returns: whether the sessions of all tenants are meant.
    private func readUserOptions(_ fields: RequestFields, hasUser: Bool) throws(InvalidRequest) -> Bool {
        let acrossTenants = try fields.versioned("revokeAcrossAllTenants", \.bool)
        let linkedAccounts = try fields.versioned("revokeSessionsForLinkedAccounts", \.bool)
        if hasUser { return acrossTenants ?? true }
        if acrossTenants != nil { throw .contradiction(.tenantsWithoutUser) }
        if linkedAccounts != nil { throw .contradiction(.accountsWithoutUser) }
        return true
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
        let fields = try call.fields()
        let userID = try fields.optional("userId", \.string)
        let handle = try fields.optional("sessionHandle", \.string)
        let handles = try fields.optional("sessionHandles", \.strings)
        guard [userID != nil, handle != nil, handles != nil].filter(\.self).count == 1 else {
            throw InvalidRequest.contradiction(.removeTargetOfOldest)
        }
        let removed = try await remove(userID, in: nil, handle.map { [$0] } ?? handles ?? [], call)
        return .json(["status": "OK", "numberOfSessionsRevoked": .integer(removed.count)])
    }

    private func remove(
        _ userID: String?, in tenant: TenantID?, _ handles: [String], _ call: Call
    ) async throws -> [SessionHandle] {
        if let userID { return try await service.revokeAll(of: UserID(userID), tenant: tenant) }
        var known: [SessionHandle] = []
        for handle in handles { known.append(try await self.handle(handle, call)) }
        return try await service.revoke(known)
    }

    private func names(of handles: [SessionHandle]) -> JSONValue { .array(handles.map { .string($0.text) }) }

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
        return SessionHandle(text)
    }
}
